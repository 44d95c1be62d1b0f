"""The property that must hold with no exception, under vocabularies that no training would give."""

import random

import numpy as np
import pytest

from byte_lsp.evaluation.coverage_checks import Checker
from byte_lsp.tokens.contexts import finder

from .random_vocabularies import ALPHABETS, FAMILIES, draw_bytes, draw_tokenizer

VOCABULARIES = 12
TEXTS = 12


@pytest.mark.parametrize("alphabet", ALPHABETS, ids="".join)
@pytest.mark.parametrize("family", FAMILIES)
def test_coverage_and_all_at_once(family: str, alphabet: tuple[str, ...]) -> None:
    generator = random.Random(f"{family} {alphabet}")
    for _ in range(VOCABULARIES):
        tokenizer = draw_tokenizer(generator, family, alphabet)
        checker, count = Checker(tokenizer), len(tokenizer.pieces)
        for _ in range(TEXTS):
            passage = checker.passage(draw_bytes(generator, alphabet))
            if not passage.text:
                continue
            offset = generator.randrange(len(passage.text))
            assert not checker.check_offset(passage, offset)[1]
            for tail, _ in finder(tokenizer).frontier(passage.text[:offset]).ends:
                allowed, _, _ = finder(tokenizer).admissions.after(tail).screen(np.ones(count), 0.0, count)
                assert allowed.tolist() == [tail.admits(token) for token in range(count)], tail.text
