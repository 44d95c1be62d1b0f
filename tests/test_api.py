"""The Python interface on real models: SmolLM2 and Gemma 3, byte-level BPE and SentencePiece."""

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import byte_lsp
from byte_lsp.bytes.ensemble import FLOOR
from byte_lsp.errors import ContextFull, EngineError
from byte_lsp.infill.problem import InfillProblem
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
    ensemble = byte_lsp.Ensemble([(smollm2, 0.5), (gemma3, 0.5)])
    greedy = ensemble.sample(STACK, max_bytes=12, temperature=0, stop=[b"\n"])
    assert greedy.text.startswith(b"ms")
    assert ensemble.logprob(greedy.text[:2], STACK) > math.log(0.5)
    state = ensemble.state(STACK).advance(ord("m"))
    assert chr(int(state.next_byte().argmax())) == "s"
    drawn = {ensemble.sample(b"x = ", max_bytes=3, seed=seed).text for seed in range(4)}
    assert len(drawn) > 1


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda model: model.next_byte(b"x", arm="bogus"), ValueError),
        (lambda model: model.next_byte("x"), TypeError),
        (lambda model: model.logprob("x"), TypeError),
        (lambda model: model.logprob(b"x", eps=2), ValueError),
        (lambda model: model.state("x"), TypeError),
        (lambda model: model.state(b"x").advance("a"), TypeError),
        (lambda model: model.sample("def f", max_bytes=4), TypeError),
        (lambda model: model.sample(b"def f", max_bytes=4, stop=["\n"]), TypeError),
        (lambda model: model.sample(b"def f", max_bytes=4, seed=2**70), ValueError),
        (lambda model: model.infill(InfillProblem(b"def f", temperature=-1.0)), ValueError),
    ],
)
def test_a_wrong_argument_is_refused_at_once_and_harms_nothing(
    smollm2: byte_lsp.ByteModel, ask: Callable[[Any], object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        ask(smollm2)
    assert np.exp(smollm2.next_byte(b"a")).sum() == pytest.approx(1.0)


def test_numbers_of_numpy_will_do(smollm2: byte_lsp.ByteModel) -> None:
    drawn = smollm2.sample(bytearray(STACK), max_bytes=np.int64(5), seed=np.int64(1))
    assert drawn.text == smollm2.sample(STACK, max_bytes=5, seed=1).text
    assert smollm2.distribution(STACK, eps=np.float32(0.125)).left_out >= 0


def test_the_lowest_temperatures_are_greedy(smollm2: byte_lsp.ByteModel) -> None:
    for source in (smollm2, byte_lsp.Ensemble([(smollm2, 1)])):
        greedy = source.sample(STACK, max_bytes=8, temperature=0)
        assert source.sample(STACK, max_bytes=8, temperature=1e-320).text == greedy.text
        with pytest.raises(ValueError, match="temperature"):
            source.sample(STACK, max_bytes=8, temperature=math.inf)


def sample_for_ever(model: byte_lsp.ByteModel) -> None:
    while True:
        model.sample(b"1, 2, 3, 4, ", max_bytes=100_000, temperature=0)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT can be sent to this process alone")
def test_ctrl_c_ends_the_work_too(smollm2: byte_lsp.ByteModel) -> None:
    smollm2.next_byte(b"a")
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # ignored where tests run in the background
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            sample_for_ever(smollm2)
    finally:
        signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 30
    while smollm2._worker._sent:  # what was given up stays there until the process has heard of it
        assert time.monotonic() < deadline, "the process still works at what nobody waits for"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("options", "error", "about"),
    [
        ({"threads": "x"}, TypeError, "threads"),
        ({"context_tokens": -5}, ValueError, "context_tokens must be from 256"),
        ({"gpu_layers": 1000}, ValueError, "gpu_layers"),
        ({"backend": "foo"}, ValueError, "backend"),
        ({"flash_attention": "no"}, TypeError, "flash_attention"),
        ({"start_token": "nope"}, ValueError, r"SmolLM2.* has no token 'nope'"),
        ({"end_tokens": "<|im_end|>"}, TypeError, "end_tokens"),
        ({"end_tokens": ["<|im_end|>", "nope"]}, ValueError, "nope"),
        ({"weight": 3.0}, TypeError, "weight"),
        ({"others": ()}, TypeError, "others"),
        ({"rule": "product"}, TypeError, "rule"),
        ({"safe_path": True}, TypeError, "safe_path"),
    ],
)
def test_options_of_load_are_looked_at_before_anything_is_loaded(
    options: dict[str, Any], error: type[Exception], about: str
) -> None:
    with pytest.raises(error, match=about):
        byte_lsp.load("smollm2-135m", **options)


@pytest.mark.parametrize(
    ("members", "rule", "error", "about"),
    [
        (lambda model: [(byte_lsp.Ensemble([(model, 1)]), 1.0)], "mixture", TypeError, "load"),
        (lambda model: [model], "mixture", TypeError, "load"),
        (lambda model: [(model, "0.5")], "mixture", TypeError, "weight"),
        (lambda model: [(model, None)], "mixture", TypeError, "weight"),
        (lambda model: [(model, math.nan)], "mixture", ValueError, "weight"),
        (lambda model: [(model, 101)], "product", ValueError, "100"),
        (lambda model: [(model, 1)], "avg", ValueError, "rule"),
        (lambda model: [], "mixture", ValueError, "at least one"),
    ],
)
def test_members_that_make_no_ensemble_are_refused(
    smollm2: byte_lsp.ByteModel, members: Any, rule: Any, error: type[Exception], about: str
) -> None:
    with pytest.raises(error, match=about):
        byte_lsp.Ensemble(members(smollm2), rule)


def test_an_ensemble_takes_eps_as_a_model_does(smollm2: byte_lsp.ByteModel) -> None:
    alone = byte_lsp.Ensemble([(smollm2, 2.0)])
    for eps in (0.0, 0.3):
        assert alone.next_byte(STACK, eps=eps) == pytest.approx(smollm2.next_byte(STACK, eps=eps), abs=1e-9)
        assert alone.logprob(b"ms", STACK, eps=eps) == pytest.approx(smollm2.logprob(b"ms", STACK, eps=eps))
    state, same = alone.state(STACK).advance(ord("m")), smollm2.state(STACK).advance(ord("m"))
    assert (state.prefix, state.left_out) == (same.prefix, same.left_out)
    assert state.next_byte() == pytest.approx(same.next_byte(), abs=1e-9)
    with pytest.raises(ValueError, match="end-of-text"):
        state.advance(256)
    with pytest.raises(ValueError, match="eps"):
        alone.sample(STACK, max_bytes=1, eps=1)


def test_an_ensemble_draws_until_the_context_is_full(smollm2: byte_lsp.ByteModel) -> None:
    """Some ten tokens of 512 are left. Near there the draws must end, and not in an error."""
    line, tokenizer = b"x = 1\n", byte_lsp.load_tokenizer("smollm2-135m")
    lines = next(n for n in range(200) if len(tokenizer.encode(line * n)) > 495)
    ensemble = byte_lsp.Ensemble([(smollm2, 1.0)])
    found = ensemble.sample(line * lines, max_bytes=4000, temperature=0)
    assert found.stop_reason == "context_full"
    assert found.text
    assert line.startswith(found.text[:4])
    assert found.logprob is not None
    with pytest.raises(ContextFull, match="context_tokens = 512"):
        ensemble.sample(line * 200, max_bytes=4, temperature=0)


def test_a_model_that_was_closed_says_what_to_do() -> None:
    model = byte_lsp.load("smollm2-135m")
    model.close()
    with pytest.raises(EngineError, match="load it again"):
        model.next_byte(b"a")
