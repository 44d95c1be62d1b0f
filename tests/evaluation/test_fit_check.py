"""The judge of suggestions inside lines: it must find what is wrong, and nothing else."""

from pathlib import Path

import pytest
from pygments.lexers import get_lexer_by_name

from byte_lsp.evaluation.fit_check import check, find_faults, repeats, tabulate
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.windows import Cursor


@pytest.mark.parametrize(
    ("text", "behind", "verdict"),
    [
        ("foo", "foobar()\n", True),
        ("x + f oo", "foobar()\n", True),
        ("a, b", ", b)\n", False),
        ("a, b)", ", b)\n", True),
        ("a)\nx", ")\nx = 1\n", False),
        ("a)x=", ")\nx = 1\n", True),
        ("if x: pass; y", "x: pass\n", True),
        ("a", "a", False),
        ("a, b", ")\n", False),
    ],
)
def test_what_repeats_the_suffix(text: str, behind: str, verdict: bool) -> None:
    assert repeats(text, behind) is verdict


@pytest.mark.parametrize(
    ("before", "text", "behind", "replaced", "faulty"),
    [
        (b"f(", b"a", b")\n", 0, False),
        (b"f(", b"a)", b")\n", 0, True),
        (b"f(", b"a) + g(b)", b")\n", 1, False),
        (b"f(", b"g(", b", b)\n", 0, True),
        (b"f('", b"(", b"')\n", 0, False),
        (b"f(", b"a  # ", b")\n", 0, True),
        (b"f  # ", b"(", b" x\n", 0, False),
        (b"f(", b"a)", b"\n", 0, True),
    ],
)
def test_what_unbalances_a_bracket(
    before: bytes, text: bytes, behind: bytes, replaced: int, faulty: bool
) -> None:
    lexer = get_lexer_by_name("python", stripnl=False, ensurenl=False)
    faults = find_faults(before + behind, len(before), text, replaced, lexer)
    assert ("unbalances a bracket" in faults) is faulty


def test_what_would_be_shown_unasked_is_counted_apart(local_model: LocalModel, tmp_path: Path) -> None:
    file = tmp_path / "sums.py"
    file.write_bytes(text := b"def total(items):\n    return sum(it)\n")
    cursors = [Cursor(0, file, "Python", 0, text, text.index(b")\n", 20))]
    counted = []
    for least in (0.0, 1.1):
        found = check(local_model.infiller(), cursors, 1024, least)
        assert [each.text for each in found] == ["ems"]
        (table, faults) = tabulate(cursors, found)
        assert not faults.rows
        counted.append(dict(zip(table.columns, table.rows[-1], strict=True))["while typing"])
    assert counted == ["1", "0"]
