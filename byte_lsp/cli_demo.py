"""``byte-lsp demo``: the real server completes a small project while you watch."""

import argparse
import asyncio
import sys

from rich.console import Console

from byte_lsp.api import ByteModel, load
from byte_lsp.cli_cursor import Cursor
from byte_lsp.cli_options import add_model
from byte_lsp.client import Client, ServerError
from byte_lsp.demo.screen import Screen, Shown
from byte_lsp.demo.session import visit
from byte_lsp.demo.stops import Stop, read_stops
from byte_lsp.errors import DemoError
from byte_lsp.infill.problem import Arm
from byte_lsp.models import ensure
from byte_lsp.models.progress import progress_bar


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``demo`` to the command line; its arguments go to ``run``."""
    parser = subparsers.add_parser(
        "demo",
        help="see the server complete a small project",
        description="Start the language server, open a small project, type into it and stop inside tokens; "
        "print what is suggested there, and what plain tokenization would have suggested.",
    )
    add_model(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play the demo; returns the exit code. Errors: ``ByteLspError``."""
    with progress_bar(f"pulling {args.model}") as progress:
        ensure(args.model, progress=progress)
    all_shown = asyncio.run(_play(args.model))
    if not any(shown.exact for shown in all_shown):
        raise DemoError("the server suggested nothing at all; run: byte-lsp doctor")
    return 0


async def _play(model: str) -> list[Shown]:
    screen = Screen(Console(highlight=False))
    async with await Client.start() as client:
        await _load(client, model)
        all_shown = []
        with load(model) as other:
            async for suggested in visit(client, read_stops()):
                plain = await asyncio.to_thread(_suggest, other, suggested.stop, "plain")
                healing = await asyncio.to_thread(_suggest, other, suggested.stop, "healing")
                shown = Shown(suggested, plain, healing)
                screen.show(shown)
                all_shown.append(shown)
    screen.sum_up(all_shown)
    return all_shown


async def _load(client: Client, model: str) -> None:
    try:
        with Console(stderr=True).status(f"loading {model}"):
            await client.initialize(options={"model": model})
            await client.wait_for_ready()
    except (ServerError, TimeoutError) as error:
        reason = str(error).removeprefix("byte-lsp: ") or "the server is not ready after two minutes"
        raise DemoError(f"{reason}; run: byte-lsp doctor") from error
    for message in client.messages:
        print(message.message, file=sys.stderr)


def _suggest(model: ByteModel, stop: Stop, arm: Arm) -> str:
    before = stop.before.encode()
    cursor = Cursor(before + stop.after.encode(), len(before))
    problem = cursor.pose(arm=arm, language=stop.file.language)
    return next(iter(cursor.read(model.infill(problem))), "")
