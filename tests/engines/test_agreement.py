"""The common beginning of two token sequences."""

from itertools import takewhile

from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.engines.protocol import agreement

TOKENS = st.lists(st.integers(0, 2), max_size=40).map(tuple)


@given(TOKENS, TOKENS, TOKENS)
def test_agreement_is_the_length_of_the_common_beginning(
    common: tuple[int, ...], left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    left, right = common + left, common + right
    expected = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))
    assert agreement(left, right) == agreement(right, left) == expected
