"""Options that several commands have, and types of arguments."""

import argparse
from collections.abc import Callable
from pathlib import Path

from byte_lsp.settings import Settings


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``."""
    default = Settings().model
    about = f"a name from `byte-lsp models list`, or the path of a GGUF file (default: {default})"
    parser.add_argument("--model", default=default, metavar="NAME", help=about)


def at_least(least: int) -> Callable[[str], int]:
    """The type of a whole number from ``least`` on."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
        return value

    return read


def between(least: float, most: float) -> Callable[[str], float]:
    """The type of a number from ``least`` to ``most``, both included."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return value

    return read


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add ``--out`` and ``--json``, for measurements."""
    out = "write a JSON file with everything, and plots, into this folder"
    parser.add_argument("--out", type=Path, metavar="FOLDER", help=out)
    parser.add_argument("--json", action="store_true", help="print JSON in place of tables")
