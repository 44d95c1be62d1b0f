"""Draws follow the canonical process: by statistics, and token by token."""

from collections import Counter
from itertools import takewhile

import numpy as np
import pytest
from scipy.stats import chisquare

from byte_lsp.bytes.covers import CoverSet, draw_cover, ranked_covers, weigh_covers
from byte_lsp.bytes.sampler import Sampler, Sampling

from .tiny import END, BruteForce, Tiny, tinies

DRAWS = 20_000
BYTES = 2
ALL = {tiny.name: tiny for tiny in tinies()}

Outcomes = dict[tuple[bytes, bool], float]
"""Probability of each beginning of ``BYTES`` bytes, or shorter text that ends (True)."""

drawn_from = pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("gpt-2", b"a "),
        ("llama-bpe", b"\n "),
        ("contractions", b" '"),
        ("utf-8", b"a\xc3"),
        ("sentencepiece", b"a"),
    ],
)


def nucleus(shares: dict[tuple[int, ...], float], top_p: float) -> dict[tuple[int, ...], float]:
    """The most probable ones that together reach ``top_p``, renormalised."""
    kept: dict[tuple[int, ...], float] = {}
    for tokens, share in sorted(shares.items(), key=lambda item: -item[1]):
        if sum(kept.values()) < top_p * sum(shares.values()):
            kept[tokens] = share
    return {tokens: share / sum(kept.values()) for tokens, share in kept.items()}


def expected_outcomes(brute: BruteForce, prefix: bytes, top_p: float) -> Outcomes:
    outcomes: Counter[tuple[bytes, bool]] = Counter()
    growing = nucleus(brute.covers(prefix), top_p)
    while growing:
        tokens, share = growing.popitem()
        text = brute.tiny.tokenizer.decode(tokens)[len(prefix) :]
        if tokens[-1] == END or len(text) >= BYTES:
            outcomes[text[:BYTES], tokens[-1] == END and len(text) < BYTES] += share
        else:
            following = {(*tokens, token): mass for token, mass in brute.node(tokens).items()}
            growing |= {path: share * mass for path, mass in nucleus(following, top_p).items()}
    return dict(outcomes)


def draw(sampler: Sampler, covers: CoverSet, sampling: Sampling) -> tuple[bytes, bool]:
    text = b""
    for step in sampler.steps(covers, sampling):
        text += step.data
        if step.ended or len(text) >= BYTES:
            return text[:BYTES], step.ended and len(text) < BYTES
    raise AssertionError("the context is too short for this test")


@drawn_from
@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.6, 1.0), (1.7, 0.7)])
def test_draws_follow_the_process(name: str, prefix: bytes, temperature: float, top_p: float) -> None:
    tiny = ALL[name]
    engine = tiny.engine(11)
    sampler = Sampler(engine, tiny.process())
    covers = weigh_covers(engine, sampler.process, prefix, temperature)
    counts = Counter(draw(sampler, covers, Sampling(temperature, top_p, seed)) for seed in range(DRAWS))
    expected = expected_outcomes(BruteForce(tiny, tiny.engine(11), temperature), prefix, top_p)
    assert sum(expected.values()) == pytest.approx(1.0)
    assert counts.keys() <= expected.keys()
    assert goodness(counts, expected) > 1e-3


def goodness(counts: Counter[tuple[bytes, bool]], expected: Outcomes, draws: int = DRAWS) -> float:
    """The chi-square test's p; outcomes expected less than five times are taken together."""
    rare = [outcome for outcome, share in expected.items() if share * draws < 5]
    common = [outcome for outcome in expected if outcome not in rare]
    seen = [counts[outcome] for outcome in common] + [sum(counts[outcome] for outcome in rare)]
    shares = [expected[outcome] for outcome in common] + [sum(expected[outcome] for outcome in rare)]
    if not rare:
        seen, shares = seen[:-1], shares[:-1]
    return float(chisquare(seen, np.array(shares) * draws / sum(shares)).pvalue)


@drawn_from
def test_log_probabilities_are_those_of_the_path_drawn(name: str, prefix: bytes) -> None:
    """Also for draws at another temperature: a candidate's log-probability is ``log Q_1`` of its path."""
    tiny = ALL[name]
    engine, brute = tiny.engine(12), BruteForce(tiny, tiny.engine(12))
    sampler = Sampler(engine, tiny.process())
    covers = weigh_covers(engine, sampler.process, prefix, 2.0)
    shares = brute.covers(prefix)
    total = sum(shares.values())
    for seed in range(60):
        cover = draw_cover(sampler.process, covers, np.random.default_rng(seed), 1.0)
        path = (*covers.contexts[cover.context].path[1:], cover.token)
        assert np.exp(cover.logprob) == pytest.approx(shares[path] / total, rel=1e-9)
        steps = sampler.steps(covers, Sampling(2.0, 1.0, seed), cover)
        assert next(steps).logprob() == cover.logprob
        if cover.token == END:
            assert next(steps, None) is None
            continue
        step = next(steps)
        following = brute.node(path)
        pieces = tiny.tokenizer.pieces
        possible = [
            mass
            for token, mass in following.items()
            if (pieces[token], token == END) == (step.data, step.ended)
        ]
        assert min(abs(np.exp(step.logprob()) - mass) for mass in possible) < 1e-9


@pytest.mark.parametrize("tiny", tinies(), ids=lambda tiny: tiny.name)
def test_greedy_is_the_most_probable_cover_then_the_most_probable_tokens(tiny: Tiny) -> None:
    engine, brute = tiny.engine(13), BruteForce(tiny, tiny.engine(13))
    sampler = Sampler(engine, tiny.process())
    for prefix in (b"", *tiny.alphabet):
        steps = list(takewhile(lambda step: not step.ended, zip_steps(sampler, prefix, 2)))
        shares = brute.covers(prefix)
        path = max(shares, key=shares.__getitem__)
        text = tiny.tokenizer.decode(path)[len(prefix) :]
        if path[-1] != END:
            following = brute.node(path)
            text += tiny.tokenizer.pieces[max(following, key=following.__getitem__)]
        assert b"".join(step.data for step in steps) == text


def zip_steps(sampler: Sampler, prefix: bytes, most: int):
    covers = weigh_covers(sampler.engine, sampler.process, prefix)
    return (step for step, _ in zip(sampler.steps(covers, Sampling(0)), range(most), strict=False))


@pytest.mark.parametrize("tiny", tinies(), ids=lambda tiny: tiny.name)
def test_ranked_covers_come_by_falling_probability(tiny: Tiny) -> None:
    engine, brute = tiny.engine(14), BruteForce(tiny, tiny.engine(14))
    process = tiny.process()
    covers = weigh_covers(engine, process, b"a")
    shares = brute.covers(b"a")
    ranked = [
        ((*covers.contexts[cover.context].path[1:], cover.token), np.exp(cover.logprob))
        for cover in ranked_covers(process, covers, floor_nats=100.0)
    ]
    assert [share for _, share in ranked] == sorted((share for _, share in ranked), reverse=True)
    assert dict(ranked) == pytest.approx({path: mass / sum(shares.values()) for path, mass in shares.items()})
    close = list(ranked_covers(process, covers, floor_nats=1.0))
    assert len(close) == sum(share >= ranked[0][1] / np.e for _, share in ranked)


def test_equal_seeds_give_equal_draws_and_others_differ() -> None:
    tiny = ALL["gpt-2"]
    engine = tiny.engine(15)
    sampler = Sampler(engine, tiny.process())
    covers = weigh_covers(engine, sampler.process, b"a")
    draws = [draw(sampler, covers, Sampling(1.0, 1.0, seed)) for seed in range(40)]
    assert draws == [draw(sampler, covers, Sampling(1.0, 1.0, seed)) for seed in range(40)]
    assert len(set(draws)) > 3


def test_a_full_context_ends_the_steps() -> None:
    tiny = ALL["gpt-2"]
    engine = tiny.engine(16)
    engine._context_tokens = 12
    sampler = Sampler(engine, tiny.process())
    covers = weigh_covers(engine, sampler.process, b"a" * 8)
    counts = [len(list(sampler.steps(covers, Sampling(1.0, 1.0, seed)))) for seed in range(30)]
    assert max(counts) <= 12
