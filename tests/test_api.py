"""The Python interface on real models: SmolLM2 and Gemma 3, byte-level BPE and SentencePiece."""

import math
from collections.abc import Iterator

import numpy as np
import pytest

import byte_lsp
from byte_lsp.bytes.ensemble import FLOOR
from byte_lsp.models import ensure

STACK = b"class Stack:\n    def push(self, item):\n        self.ite"


@pytest.fixture(scope="module")
def smollm2() -> Iterator[byte_lsp.ByteModel]:
    with byte_lsp.load("smollm2-135m", context_tokens=512) as model:
        yield model


@pytest.fixture(scope="module")
def gemma3() -> Iterator[byte_lsp.ByteModel]:
    ensure("gemma3-270m")
    with byte_lsp.load("gemma3-270m", context_tokens=512) as model:
        yield model


def test_logprob_is_the_sum_of_next_bytes(smollm2: byte_lsp.ByteModel) -> None:
    total = sum(float(smollm2.next_byte(STACK + b"ms.app"[:at])[b]) for at, b in enumerate(b"ms.app"))
    assert smollm2.logprob(b"ms.app", STACK) == pytest.approx(total, abs=1e-12)
    assert smollm2.logprob(b"", STACK) == 0
    assert smollm2.logprob(b"ms", STACK) > smollm2.logprob(b"zq", STACK)


def test_what_was_said_of_a_prefix_is_said_again(smollm2: byte_lsp.ByteModel) -> None:
    first = smollm2.next_byte(STACK + b"ms")
    smollm2.sample(b"something else entirely", max_bytes=8, temperature=0)
    assert (smollm2.next_byte(STACK + b"ms") == first).all()


def test_a_state_goes_from_byte_to_byte(smollm2: byte_lsp.ByteModel) -> None:
    state = smollm2.state(STACK)
    for byte in b"ms.append(item)":
        row = state.next_byte()
        assert np.exp(row).sum() == pytest.approx(1.0, abs=1e-9)
        assert 0 <= state.left_out < 0.05
        state = state.advance(byte)
    exact = smollm2.next_byte(state.prefix)
    off = np.abs(np.exp(state.next_byte()) - np.exp(exact)).sum() / 2
    assert off < state.left_out + 0.05, "the bound, and the noise of quantized weights"
    with pytest.raises(ValueError, match="end-of-text"):
        state.advance(256)
    with pytest.raises(ValueError, match="eps"):
        smollm2.state(b"", eps=1.0)


@pytest.mark.parametrize("prefix", [STACK, b"", "# Größe: 5".encode()[:-1], b"x = 1\n\n\n"])
def test_an_ensemble_is_what_its_members_say(
    smollm2: byte_lsp.ByteModel, gemma3: byte_lsp.ByteModel, prefix: bytes
) -> None:
    first, second = (np.exp(model.next_byte(prefix)) for model in (smollm2, gemma3))
    mixture = byte_lsp.Ensemble([(smollm2, 3), (gemma3, 1)])
    assert np.exp(mixture.next_byte(prefix)) == pytest.approx(0.75 * first + 0.25 * second, abs=1e-5)
    contrast = byte_lsp.Ensemble([(smollm2, 1.2), (gemma3, -0.2)], rule="product")
    expected = first**1.2 * np.maximum(second, FLOOR) ** -0.2
    assert np.exp(contrast.next_byte(prefix)) == pytest.approx(expected / expected.sum(), abs=1e-5)


def test_an_ensemble_scores_and_draws(smollm2: byte_lsp.ByteModel, gemma3: byte_lsp.ByteModel) -> None:
    ensemble = byte_lsp.Ensemble([(smollm2, 0.5), (gemma3, 0.5)], eps=1e-3)
    greedy = ensemble.sample(STACK, max_bytes=12, temperature=0, stop=[b"\n"])
    assert greedy.text.startswith(b"ms")
    assert ensemble.logprob(greedy.text[:2], STACK) > math.log(0.5)
    state = ensemble.state(STACK).advance(ord("m"))
    assert chr(int(state.next_byte().argmax())) == "s"
    drawn = {ensemble.sample(b"x = ", max_bytes=3, seed=seed).text for seed in range(4)}
    assert len(drawn) > 1
