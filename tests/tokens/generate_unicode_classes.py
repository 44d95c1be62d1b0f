"""Regenerate byte_lsp/tokens/unicode_classes.txt from llama.cpp's own table.

    python tests/tokens/generate_unicode_classes.py PATH/TO/llama.cpp/src/unicode-data.cpp

The table stands in every llama-cpp-python source archive under vendor/llama.cpp/src. The pre-tokenizers of
llama.cpp classify characters by it, whatever Unicode version this Python has.
"""

import re
import sys
from pathlib import Path

TARGET = Path(__file__).parents[2] / "byte_lsp" / "tokens" / "unicode_classes.txt"
CLASS_OF_FLAG = {0x02: "N", 0x04: "L", 0x10: "M", 0x20: "P", 0x40: "S"}
HEADER = """\
# Character classes as llama.cpp's pre-tokenizers see them: the first code point of each run, its class.
# L letter, M mark, N number, P punctuation, S symbol, W white space, O anything else.
# From llama.cpp's src/unicode-data.cpp (MIT), itself made from the Unicode Character Database.
# Made by tests/tokens/generate_unicode_classes.py; do not edit.
"""


def table(source: str, name: str) -> str:
    start = source.index(f"{name} = {{")
    return source[start : source.index("};", start)]


def main(path: str) -> None:
    source = Path(path).read_text(encoding="utf-8")
    ranges = [
        (int(first, 16), int(flags, 16))
        for first, flags in re.findall(
            r"\{0x([0-9A-F]+), 0x([0-9A-F]+)\}", table(source, "unicode_ranges_flags")
        )
    ]
    whitespace = {int(c, 16) for c in re.findall(r"0x([0-9A-F]+)", table(source, "unicode_set_whitespace"))}
    edges = {first for first, _ in ranges} | whitespace | {c + 1 for c in whitespace}
    lines: list[str] = []
    previous = ""
    at = 0
    for edge in sorted(edges):
        while at + 1 < len(ranges) and ranges[at + 1][0] <= edge:
            at += 1
        kind = "W" if edge in whitespace else CLASS_OF_FLAG.get(ranges[at][1] & 0xFF, "O")
        if kind != previous and edge < 0x110000:
            lines.append(f"{edge:x} {kind}\n")
            previous = kind
    TARGET.write_text(HEADER + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
