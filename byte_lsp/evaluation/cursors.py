"""One line, typed byte by byte: what plain, healing and exact suggest at each cursor.

    python -m byte_lsp.evaluation.cursors FILE:LINE [--bytes 20] [--model NAME]

Prints a Markdown table. A suggestion is right if what it adds is a beginning of the rest of the line or the
whole rest and more, compared over ``--ahead`` bytes.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from byte_lsp.api import ByteModel, load
from byte_lsp.errors import ByteLspError
from byte_lsp.infill.problem import Arm, InfillProblem
from byte_lsp.infill.window import unify_line_ends

ARMS: tuple[Arm, ...] = ("plain", "healing", "exact")
assert set(ARMS) == set(get_args(Arm))


@dataclass(frozen=True, slots=True)
class Cursor:
    """A cursor in a line: what is typed of it, what it goes on with, and each arm's suggestion."""

    typed: bytes
    rest: bytes
    suggestions: dict[Arm, bytes]

    def is_right(self, arm: Arm, ahead: int) -> bool:
        """Whether the suggestion agrees with the rest of the line for ``ahead`` bytes, or all there are."""
        wanted = self.rest[:ahead]
        return self.suggestions[arm][: len(wanted)] == wanted


def type_line(model: ByteModel, text: bytes, line: int, count: int) -> list[Cursor]:
    """Greedy suggestions after each of the first ``count`` bytes of a line (1-based)."""
    lines = unify_line_ends(text).splitlines(keepends=True)
    if not 1 <= line <= len(lines):
        raise ByteLspError(f"line {line} is not in the file, which has {len(lines)} lines")
    before, whole = b"".join(lines[: line - 1]), lines[line - 1].rstrip(b"\n")
    return [
        Cursor(whole[:at], whole[at:], {arm: _suggest(model, before + whole[:at], arm) for arm in ARMS})
        for at in range(1, min(count, len(whole)) + 1)
    ]


def report(cursors: list[Cursor], ahead: int) -> str:
    """A Markdown table with a row a cursor, and how many each arm has right."""
    rows = [f"| typed | {' | '.join(ARMS)} |", "| --- |" + " --- |" * len(ARMS)]
    for cursor in cursors:
        cells = (
            ("" if cursor.is_right(arm, ahead) else "✗ ") + _show(cursor.suggestions[arm]) for arm in ARMS
        )
        rows.append(f"| {_show(cursor.typed)} | {' | '.join(cells)} |")
    right = (f"{arm} {sum(cursor.is_right(arm, ahead) for cursor in cursors)}" for arm in ARMS)
    return "\n".join([*rows, "", f"right of {len(cursors)}: {', '.join(right)}"])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("place", metavar="FILE:LINE")
    parser.add_argument("--bytes", type=int, default=20, dest="count", help="cursors in the line (20)")
    parser.add_argument("--ahead", type=int, default=2, help="bytes that must agree (2)")
    parser.add_argument("--model", default="smollm2-135m")
    args = parser.parse_args()
    file, _, line = args.place.rpartition(":")
    if not line.isdecimal():
        parser.error(f"{args.place!r} is not FILE:LINE")
    try:
        with load(args.model) as model:
            print(report(type_line(model, Path(file).read_bytes(), int(line), args.count), args.ahead))
    except (ByteLspError, OSError) as error:
        print(f"byte-lsp: {error}", file=sys.stderr)
        return 1
    return 0


def _suggest(model: ByteModel, prefix: bytes, arm: Arm) -> bytes:
    return model.infill(InfillProblem(prefix, arm=arm, max_bytes=48)).candidates[0].text


def _show(text: bytes) -> str:
    shown = text.decode("utf-8", "replace").replace("|", "\\|").replace("\n", "↵")
    return f"`{shown}`" if shown else "(nothing)"


if __name__ == "__main__":
    sys.exit(main())
