"""``byte-lsp bench kills``: the worker is killed a hundred times."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from byte_lsp.cli_options import add_model, add_output, at_least
from byte_lsp.evaluation.kill_bench import KillOptions, draw_kills, run_kills, tabulate
from byte_lsp.evaluation.progress import show_progress
from byte_lsp.evaluation.report import Report, prepare, publish


def add_kills(suites: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``kills`` to the suites of ``bench``."""
    parser = suites.add_parser(
        "kills",
        help="the model's process is killed, again and again: time to the next suggestion",
        description="Kill the process that owns the model at random moments of a request, over real LSP, and "
        "measure the time to the next suggestion; say what of processes, threads and file handles is left.",
    )
    defaults = KillOptions("")
    add_model(parser)
    add = parser.add_argument
    kills = f"kills, one after the other (default: {defaults.count})"
    add("--count", type=at_least(1), default=defaults.count, metavar="N", help=kills)
    add("--seed", type=at_least(0), default=0, metavar="N", help="other places and moments (default: 0)")
    add_output(parser)
    parser.set_defaults(run=_run_kills)


def _run_kills(args: argparse.Namespace) -> int:
    """Measure and report; returns the exit code, 1 if something leaked. Errors: ``ByteLspError``."""
    options = KillOptions(args.model, args.count, args.seed)
    prepare(args.out)
    with show_progress() as track:
        found = asyncio.run(run_kills(options, track))

    def draw(folder: Path) -> Sequence[Path]:
        return draw_kills(found, folder)

    publish(
        Report("kills", [found.model], options, found, tabulate(found), draw), args.out, as_json=args.json
    )
    return 1 if found.leaked else 0
