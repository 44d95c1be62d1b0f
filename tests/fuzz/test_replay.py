"""Inputs that are kept still do no harm: what the fuzzers have found, and what reaches as far as they did.

This needs no fuzzer.
"""

import pytest

from tests.fuzz.doors import DOORS, Door, check_of, inputs_of
from tests.fuzz.seeds import gguf_seeds, lsp_seeds


@pytest.mark.parametrize("door", DOORS)
def test_inputs_that_are_kept(door: Door) -> None:
    check = check_of(door)
    inputs = inputs_of(door)
    assert inputs
    for path in inputs:
        try:
            check(path.read_bytes())
        except Exception as error:
            raise AssertionError(f"{path.name}: {error}") from error


def test_seeds() -> None:
    for content in lsp_seeds():
        check_of("lsp")(content)
    for content in gguf_seeds(None):
        check_of("gguf")(content)
