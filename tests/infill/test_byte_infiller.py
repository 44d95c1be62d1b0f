"""Infill problems solved byte by byte by two tiny models with different vocabularies."""

import gc
import math
import weakref
from dataclasses import replace

import numpy as np
import pytest

from byte_lsp.bytes.sampler import Sampling
from byte_lsp.errors import EngineError
from byte_lsp.infill.byte_infiller import ByteInfiller
from byte_lsp.infill.infiller import Infiller
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.infill.stopping import Limits
from tests.bytes.tiny import FRAMING, tinies

BY_NAME = {tiny.name: tiny for tiny in tinies()}


@pytest.fixture
def members() -> list[Infiller]:
    chosen = [BY_NAME["gpt-2"], BY_NAME["llama-bpe"]]
    return [Infiller(tiny.engine(30 + at), tiny.tokenizer, FRAMING) for at, tiny in enumerate(chosen)]


@pytest.fixture
def ensemble(members: list[Infiller]) -> ByteInfiller:
    return ByteInfiller([(member, 1.0) for member in members], "mixture")


def test_greedy_takes_the_most_probable_byte_each_time(ensemble: ByteInfiller) -> None:
    problem = InfillProblem(b"a ", max_bytes=5, max_lines=0, with_logprobs=True, raw=True)
    (candidate,) = ensemble.infill(problem).candidates
    prefix, logprob = b"a ", 0.0
    for byte in candidate.text:
        row = ensemble.next_byte(prefix, eps=1e-3).logprobs
        assert row.argmax() == byte
        logprob += float(row[byte])
        prefix += bytes([byte])
    if candidate.stop_reason == "end_of_text":
        logprob += float(ensemble.next_byte(prefix, eps=1e-3).logprobs[256])
    assert candidate.logprob == pytest.approx(logprob, abs=1e-6)


def test_alternatives_begin_with_other_bytes(ensemble: ByteInfiller) -> None:
    result = ensemble.infill(InfillProblem(b"a ", alternatives=3, max_bytes=4, max_lines=0, raw=True))
    texts = [candidate.text for candidate in result.candidates]
    assert len({text[:1] for text in texts}) == len(texts) == 3
    first = ensemble.next_byte(b"a ", eps=1e-3).logprobs
    begun = [text[0] if text else 256 for text in texts]
    assert [float(first[byte]) for byte in begun] == sorted((first[b] for b in begun), reverse=True)


def test_draws_of_one_seed_agree(ensemble: ByteInfiller) -> None:
    draws = [ensemble.complete(b"a", Sampling(1.0, 1.0, seed), Limits(6)).text for seed in (1, 1, 2, 3, 4, 5)]
    assert draws[0] == draws[1]
    assert len(set(draws)) > 1


def test_logprob_and_next_byte_agree(ensemble: ByteInfiller) -> None:
    total = sum(float(ensemble.next_byte(b"a ("[:at]).logprobs[b]) for at, b in enumerate(b"a ("))
    assert ensemble.logprob(b"a (", b"") == pytest.approx(total, abs=1e-12)
    assert np.exp(ensemble.next_byte(b"a").logprobs).sum() == pytest.approx(1.0, abs=1e-9)


def test_an_ensemble_is_asked_exactly_or_not_at_all(ensemble: ByteInfiller) -> None:
    with pytest.raises(EngineError, match="ask each alone"):
        ensemble.infill(InfillProblem(b"a", arm="plain"))


def test_a_long_prefix_is_cut_to_what_all_members_can_take(members: list[Infiller]) -> None:
    ensemble = ByteInfiller([(member, 0.5) for member in members], "product")
    (candidate,) = ensemble.infill(
        InfillProblem(b"a( \n" * 400, max_bytes=8, max_lines=0, raw=True)
    ).candidates
    assert candidate.tokens_evaluated > 0


@pytest.mark.parametrize("weights", [(1.0, -1.0), (0.0, 0.0), (1.0, math.nan), (1.0, 101.0)])
def test_weights_that_make_no_sense_are_refused_at_once(
    members: list[Infiller], weights: tuple[float, float]
) -> None:
    with pytest.raises(ValueError, match="weights"):
        ByteInfiller(list(zip(members, weights, strict=True)), "mixture")


def test_each_eps_does_not_cost_memory_for_ever(ensemble: ByteInfiller, members: list[Infiller]) -> None:
    ensemble.next_byte(b"a", eps=0.5)
    first = weakref.ref(members[0].byte_model(0.5))
    assert first() is members[0].byte_model(0.5)
    for eps in np.linspace(0.1, 0.2, 10).tolist():
        ensemble.next_byte(b"a", eps=eps)
    gc.collect()
    assert first() is None


def test_an_answer_that_is_due_is_made_whole(ensemble: ByteInfiller) -> None:
    problem = InfillProblem(b"a ", max_bytes=40, max_lines=0, raw=True, temperature=1.0, seed=5)
    (whole,) = ensemble.infill(problem).candidates
    late = ensemble.infill(replace(problem, answer_ms=1e-6))
    assert late.unfinished
    assert whole.text.startswith(late.candidates[0].text)
    assert len(late.candidates[0].text) < len(whole.text)
    more = ensemble.write_on(lambda: True)
    assert more is not None
    assert more.candidates[0].text == whole.text
    assert ensemble.write_on(lambda: True) is None, "once"
