"""The judge of suggestions inside lines: it must find what is wrong, and nothing else."""

import pytest
from pygments.lexers import get_lexer_by_name

from byte_lsp.evaluation.fit_check import find_faults, repeats


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
