"""``byte-lsp next-byte [TEXT]``: the next byte by plain tokenization and exactly, side by side."""

import argparse
import json
import math
import os
import sys
from dataclasses import dataclass
from itertools import zip_longest

from byte_lsp.api import ByteModel, load
from byte_lsp.cli_options import add_model, at_least
from byte_lsp.infill.problem import Arm

_ARMS: tuple[Arm, Arm] = ("exact", "plain")
_END_OF_TEXT = 256


@dataclass(frozen=True, slots=True)
class NextByte:
    """A byte, or 256 for the end of the text, and its log-probability in nats."""

    byte: int
    logprob: float

    @property
    def shown(self) -> str:
        """As a person reads it: ASCII as Python spells it, other bytes in hexadecimal."""
        if self.byte == _END_OF_TEXT:
            return "END"
        return ascii(chr(self.byte)) if self.byte < 128 else f"0x{self.byte:02X}"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``next-byte`` to the command line; its arguments go to ``run``."""
    parser = subparsers.add_parser(
        "next-byte",
        help="the most probable next bytes of a text",
        description="Print the most probable next bytes of a text, both exact and as the model has them when "
        "the text is plainly tokenized. END is the end of the text.",
    )
    about = "the text; without it, standard input is read to its end, every byte of it"
    parser.add_argument("text", nargs="?", type=os.fsencode, metavar="TEXT", help=about)
    add_model(parser)
    top = "rows to print (default: 10)"
    parser.add_argument("--top", type=at_least(1), default=10, metavar="N", help=top)
    parser.add_argument("--json", action="store_true", help="print JSON; byte 256 is the end of the text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table; returns the exit code. Errors: ``ByteLspError``."""
    text = sys.stdin.buffer.read() if args.text is None else args.text
    with load(args.model) as model:
        answers = {arm: _ask(model, text, arm)[: args.top] for arm in _ARMS}
    if args.json:
        described = {arm: [_describe(each) for each in nexts] for arm, nexts in answers.items()}
        print(json.dumps(described, indent=2))
    else:
        _print_table(answers)
    return 0


def _ask(model: ByteModel, text: bytes, arm: Arm) -> list[NextByte]:
    nexts = [NextByte(byte, logprob) for byte, logprob in enumerate(model.next_byte(text, arm=arm).tolist())]
    possible = [each for each in nexts if each.logprob > -math.inf]
    return sorted(possible, key=lambda each: -each.logprob)


def _describe(each: NextByte) -> dict[str, object]:
    return {
        "byte": each.byte,
        "shown": each.shown,
        "probability": math.exp(each.logprob),
        "logprob": each.logprob,
    }


def _print_table(answers: dict[Arm, list[NextByte]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - not for JSON
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, header_style="bold")
    for arm in answers:
        table.add_column(arm)
        table.add_column("", justify="right")
    for row in zip_longest(*answers.values()):
        table.add_row(*(cell for each in row for cell in _cells(each)))
    Console().print(table)


def _cells(each: NextByte | None) -> tuple[str, str]:
    return (each.shown, f"{math.exp(each.logprob):.4f}") if each else ("", "")
