"""On table models the byte model is the canonical process, to the last digits."""

import numpy as np
import pytest

from byte_lsp.bytes.covers import END_OF_TEXT, next_byte, weigh_covers
from byte_lsp.tokens.contexts import contexts

from .tiny import END, BruteForce, Tiny, tinies

SEEDS = (1, 2)

every_tiny = pytest.mark.parametrize("tiny", tinies(), ids=lambda tiny: tiny.name)


def prefixes(tiny: Tiny, most: int = 60) -> list[bytes]:
    """Short texts over the alphabet, so short that all longer ones needed were tried."""
    longest = tiny.longest_text - tiny.tokenizer.vocabulary.longest_piece - 2
    found = [text for text in tiny.texts() if len(text) <= longest]
    step = max(1, len(found) // most)
    return found[::step]


@every_tiny
def test_contexts_are_the_extendable_sequences_that_a_cover_continues(tiny: Tiny) -> None:
    brute = BruteForce(tiny, tiny.engine(0))
    for prefix in prefixes(tiny):
        expected = {cover[:-1] for cover in brute.covers(prefix)}
        assert {context.tokens for context in contexts(tiny.tokenizer, prefix)} == expected, prefix


@every_tiny
@pytest.mark.parametrize("seed", SEEDS)
def test_next_byte_is_that_of_the_canonical_process(tiny: Tiny, seed: int) -> None:
    engine, process = tiny.engine(seed), tiny.process()
    brute = BruteForce(tiny, tiny.engine(seed))
    for prefix in prefixes(tiny):
        found = next_byte(process, weigh_covers(engine, process, prefix))
        assert np.abs(np.exp(found) - brute.next_byte(prefix)).max() < 1e-9, prefix


@every_tiny
def test_the_mass_of_a_text_is_the_sum_over_its_next_bytes(tiny: Tiny) -> None:
    """P(x) = sum over b of P(xb), with P(xb) = P(x) P(b | x) found byte by byte."""
    engine, process = tiny.engine(5), tiny.process()
    brute = BruteForce(tiny, tiny.engine(5))

    def logprob(text: bytes) -> float:
        rows = (next_byte(process, weigh_covers(engine, process, text[:at])) for at in range(len(text)))
        return sum(float(row[byte]) for row, byte in zip(rows, text, strict=True))

    for prefix in prefixes(tiny, most=15):
        mass = brute.text_mass(prefix)
        assert np.exp(logprob(prefix)) == pytest.approx(mass, rel=1e-9)
        ended = sum(share for cover, share in brute.covers(prefix).items() if cover[-1] == END)
        longer = sum(brute.text_mass(prefix + bytes([byte])) for byte in set(b"".join(tiny.alphabet)))
        assert ended + longer == pytest.approx(mass, rel=1e-9)


@every_tiny
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_sharpens_every_node_before_covers_are_weighed(tiny: Tiny, temperature: float) -> None:
    engine, process = tiny.engine(3), tiny.process()
    brute = BruteForce(tiny, tiny.engine(3), temperature)
    plain = BruteForce(tiny, tiny.engine(3))
    for prefix in prefixes(tiny, most=20):
        covers = weigh_covers(engine, process, prefix, temperature)
        hot = {tokens: mass for tokens, mass, _ in listed(covers)}
        cold = {tokens: mass for tokens, _, mass in listed(covers)}
        assert hot == pytest.approx(shares(brute.covers(prefix)), abs=1e-9)
        assert cold == pytest.approx(shares(plain.covers(prefix)), abs=1e-9)


def listed(covers) -> list[tuple[tuple[int, ...], float, float]]:
    """Covers as token sequences with their shares at the chosen temperature and at one."""
    rows = [
        ((*context.path[1:], int(token)), hot, cold)
        for context in covers.contexts
        for token, hot, cold in zip(
            context.tokens, np.exp(context.log_weights), np.exp(context.log_q1), strict=True
        )
        if cold > 0
    ]
    total_hot, total_cold = sum(row[1] for row in rows), sum(row[2] for row in rows)
    return [(tokens, hot / total_hot, cold / total_cold) for tokens, hot, cold in rows]


def shares(masses: dict[tuple[int, ...], float]) -> dict[tuple[int, ...], float]:
    total = sum(masses.values())
    return {tokens: mass / total for tokens, mass in masses.items()}


@every_tiny
def test_nothing_is_left_unasked(tiny: Tiny) -> None:
    covers = weigh_covers(tiny.engine(1), tiny.process(), b"")
    assert covers.unasked < 1e-12


@every_tiny
def test_end_of_text_follows_only_the_encoding_of_the_text(tiny: Tiny) -> None:
    engine, process = tiny.engine(1), tiny.process()
    for prefix in prefixes(tiny, most=20):
        covers = weigh_covers(engine, process, prefix)
        ends = [tokens for tokens, mass, _ in listed(covers) if tokens[-1] == END and mass > 0]
        assert ends == [(*tiny.tokenizer.encode(prefix), END)]
        assert np.isfinite(next_byte(process, covers)[END_OF_TEXT])
