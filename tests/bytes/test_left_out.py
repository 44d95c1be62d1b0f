"""The bound on what is left out, at endings that a real vocabulary has few tokens for.

There the tokens that were not asked about, little of what may follow a context, can be much of what is left.
"""

import random
from pathlib import Path

import numpy as np
import pytest

from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.framing import frame
from byte_lsp.bytes.model import TokenByteModel
from byte_lsp.engines.table import TableEngine
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.tokenizer import Tokenizer, load_tokenizer

TEXT = b"def area(r):\n    return 3 * r\n\nclass Stack:\n    items = []\n"
ENDINGS = (b"q", b"zx", b"\n \n", b" ;", b"'t", b"  \t", b"0x", b"\xe2\x80", b"Qz", b"\n\n\n ", b"@#", b" 9")
ENDINGS += (b"'r", b"\r", b"\xf0\x9f", b"}}", b"\t\n", b"xn", b"  '", b"\xc3")


@pytest.fixture(scope="module")
def tokenizer(smollm2_path: Path) -> Tokenizer:
    return load_tokenizer(smollm2_path)


@pytest.mark.parametrize(("unasked_mass", "most_asked"), [(1e-3, 256), (0.05, 8), (0.5, 0), (0.02, 10_000)])
def test_unasked_tokens_are_within_the_bound(
    tokenizer: Tokenizer, unasked_mass: float, most_asked: int
) -> None:
    engine = TableEngine(len(tokenizer.pieces), seed=3, spread=3.0)
    framing = frame(tokenizer.vocabulary, "<|endoftext|>")
    careful = CanonicalProcess(finder(tokenizer), framing, 0.0, len(tokenizer.pieces))
    quick = CanonicalProcess(finder(tokenizer), framing, unasked_mass, most_asked)
    exact, lazy = TokenByteModel(engine, careful), TokenByteModel(engine, quick)
    generator = random.Random(5)
    errors, bounds = [], []
    for ending in 3 * ENDINGS:
        prefix = TEXT[: generator.randrange(5, len(TEXT))] + ending
        expected, found = exact.distribution(prefix), lazy.distribution(prefix)
        assert expected.left_out == 0.0
        errors.append(np.abs(np.exp(expected.logprobs) - np.exp(found.logprobs)).sum() / 2)
        bounds.append(found.left_out)
        assert errors[-1] <= bounds[-1] + 1e-12, prefix
    assert max(errors) > 1e-5, "everything was asked about"
    assert np.median(bounds) < 1.0
