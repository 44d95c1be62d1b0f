"""Ensembles of tiny models with different vocabularies are what one computes by hand."""

import math

import numpy as np
import pytest
from scipy.stats import chisquare

from byte_lsp.bytes.byte_sampler import byte_steps
from byte_lsp.bytes.ensemble import FLOOR, EnsembleModel, combine
from byte_lsp.bytes.model import TokenByteModel
from byte_lsp.bytes.sampler import Sampling

from .tiny import BruteForce, tinies

BY_NAME = {tiny.name: tiny for tiny in tinies()}
FIRST, SECOND = BY_NAME["gpt-2"], BY_NAME["llama-bpe"]
PREFIXES = [b"", b"a", b"a ", b"\n\n", b"( a"]


@pytest.fixture
def members() -> tuple[TokenByteModel, TokenByteModel]:
    return TokenByteModel(FIRST.engine(21), FIRST.process()), TokenByteModel(
        SECOND.engine(22), SECOND.process()
    )


def by_enumeration(prefix: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The members' probabilities, from walking through all token sequences."""
    return (
        BruteForce(FIRST, FIRST.engine(21)).next_byte(prefix),
        BruteForce(SECOND, SECOND.engine(22)).next_byte(prefix),
    )


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_mixture_is_the_weighted_average(members, prefix: bytes) -> None:
    first, second = members
    ensemble = EnsembleModel([(first, 3.0), (second, 1.0)])
    p, q = by_enumeration(prefix)
    assert np.exp(ensemble.next_byte(prefix)) == pytest.approx(0.75 * p + 0.25 * q, abs=1e-9)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("weights", [(0.5, 0.5), (1.5, -0.5)])
def test_a_product_is_the_normalised_product_of_powers(members, prefix: bytes, weights) -> None:
    ensemble = EnsembleModel(list(zip(members, weights, strict=True)), rule="product")
    p, q = by_enumeration(prefix)
    floored = np.maximum(q, FLOOR) if weights[1] < 0 else q
    expected = np.where(p > 0, p, 0) ** weights[0] * floored ** weights[1]
    assert np.exp(ensemble.next_byte(prefix)) == pytest.approx(expected / expected.sum(), abs=1e-9)


def test_both_rules_are_distributions_along_a_text(members) -> None:
    for rule in ("mixture", "product"):
        ensemble = EnsembleModel([(member, 0.5) for member in members], rule=rule)
        state = ensemble.state(b"")
        for at, byte in enumerate(b"a (a"):
            assert np.exp(state.next_byte()).sum() == pytest.approx(1.0, abs=1e-9)
            assert state.next_byte() == pytest.approx(ensemble.next_byte(b"a (a"[:at]), abs=1e-9)
            state = state.advance(byte)


def test_logprob_is_the_sum_along_the_text(members) -> None:
    ensemble = EnsembleModel([(member, 0.5) for member in members])
    expected = 0.0
    for at, byte in enumerate(b"a (a"):
        p, q = by_enumeration(b"a (a"[:at])
        expected += math.log((p[byte] + q[byte]) / 2)
    assert ensemble.logprob(b"a (a") == pytest.approx(expected, abs=1e-9)
    assert ensemble.logprob(b"(a", b"a ") == pytest.approx(expected - ensemble.logprob(b"a "), abs=1e-9)


def test_a_byte_that_a_negative_member_deems_impossible_counts_as_the_floor() -> None:
    with np.errstate(divide="ignore"):
        sure, other = np.log([0.5, 0.5, 0.0]), np.log([0.0, 1.0, 0.0])
    found = np.exp(combine([sure, other], [1.0, -0.5], "product"))
    expected = np.array([0.5 * FLOOR**-0.5, 0.5, 0.0])
    assert found == pytest.approx(expected / expected.sum(), abs=1e-12)
    assert np.isfinite(combine([sure, other], [1.0, -1.0], "product")[:2]).all()


def test_members_that_agree_on_nothing_make_an_impossible_product() -> None:
    with np.errstate(divide="ignore"):
        rows = [np.log([1.0, 0.0]), np.log([0.0, 1.0])]
    assert np.isneginf(combine(rows, [1.0, 1.0], "product")).all()
    assert np.exp(combine(rows, [1.0, 1.0], "mixture")) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("weights", "rule", "about"),
    [
        ([1.0, -0.5], "mixture", "'product' takes negative"),
        ([0.0, 0.0], "mixture", "not all 0"),
        ([-1.0], "product", "positive weight"),
        ([math.nan], "product", "finite"),
        ([], "mixture", "at least one"),
        ([1.0], "average", "'mixture' or 'product'"),
    ],
)
def test_weights_that_make_no_sense_are_refused(members, weights, rule, about: str) -> None:
    with pytest.raises(ValueError, match=about):
        EnsembleModel([(members[0], weight) for weight in weights], rule=rule)


def test_a_member_advances_only_when_it_must(members) -> None:
    """Contexts of little weight are left out, within the bound that the state reports."""
    lazy = [TokenByteModel(tiny.engine(seed), tiny.process(), eps=0.3) for tiny, seed in _SEEDED]
    exact = EnsembleModel([(member, 0.5) for member in members]).state(b"")
    quick = EnsembleModel([(member, 0.5) for member in lazy]).state(b"")
    for byte in b"a (a":
        exact, quick = exact.advance(byte), quick.advance(byte)
        error = np.abs(np.exp(exact.next_byte()) - np.exp(quick.next_byte())).sum() / 2
        assert error <= quick.left_out + 1e-12


_SEEDED = ((FIRST, 21), (SECOND, 22))
DRAWS = 20_000


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.6, 1.0), (1.5, 0.8)])
def test_draws_byte_by_byte_follow_the_distribution(members, temperature: float, top_p: float) -> None:
    ensemble = EnsembleModel([(member, 0.5) for member in members])
    state = ensemble.state(b"a")
    shares = np.exp(state.next_byte() / temperature)
    shares /= shares.sum()
    if top_p < 1:
        order = np.argsort(-shares)
        kept = order[: int(np.searchsorted(np.cumsum(shares[order]), top_p)) + 1]
        shares = np.where(np.isin(np.arange(257), kept), shares, 0) / shares[kept].sum()
    counts = np.zeros(257)
    for seed in range(DRAWS):
        step = next(byte_steps(state, Sampling(temperature, top_p, seed)))
        counts[256 if step.ended else step.data[0]] += 1
    possible = shares > 0
    assert counts[~possible].sum() == 0
    assert chisquare(counts[possible], shares[possible] * DRAWS).pvalue > 1e-3
