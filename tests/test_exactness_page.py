"""The worked example of docs/exactness.md is the program beside it, and prints what the page says."""

import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "exactness.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d+\.\d+(e-?\d+)?")


def block(name: str) -> str:
    found = re.search(rf"<!-- {re.escape(name)} -->\n```\w*\n(.*?)```\n<!-- end -->", PAGE, re.DOTALL)
    assert found, f"exactness.md has no block {name!r}"
    return found[1]


def test_the_page_shows_the_program() -> None:
    program = (DOCS / "exactness.py").read_text(encoding="utf-8")
    assert program.endswith(block("docs/exactness.py"))


def test_the_program_prints_what_the_page_says(smollm2_path: Path) -> None:
    """Digits differ by machine, with the kernels that llama.cpp chooses; nothing else may."""
    command = [sys.executable, str(DOCS / "exactness.py")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    shown = block("output of docs/exactness.py")
    assert NUMBER.sub("N", printed) == NUMBER.sub("N", shown)
    for output in (printed, shown):
        exact, plain, together, apart, left_out = (float(number[0]) for number in NUMBER.finditer(output))
        assert exact > 0.99
        assert plain < 0.6
        assert together == apart < 0
        assert 0 <= left_out < 5e-3
