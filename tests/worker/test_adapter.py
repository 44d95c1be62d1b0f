"""An adapter crosses the worker's door with the model that it changes."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from byte_lsp.errors import EngineError
from byte_lsp.worker.messages import MemberConfig
from tests.adapters.files import write_model

from .conftest import StartWorker

PREFIX = b"def add(a, b):\n    return "
LORA = {"general__architecture": "llama", "general__type": "adapter", "adapter__type": "lora"}


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """Changes one weight of the default model, by much."""
    random = np.random.default_rng(0)
    a, b = (random.standard_normal(shape).astype(np.float32) for shape in ((4, 576), (1536, 4)))
    weight = "blk.0.ffn_up.weight"
    return write_model(tmp_path / "adapter.gguf", {f"{weight}.lora_a": a, f"{weight}.lora_b": b}, **LORA)


def test_a_worker_applies_its_adapter(start_worker: StartWorker, adapter: Path) -> None:
    def ask(scale: float, path: str = "") -> NDArray[np.float64]:
        worker, _ = start_worker(adapter_path=path, adapter_scale=scale)
        return np.exp(worker.next_byte(PREFIX).result().logprobs)

    bare, none, full = ask(1), ask(0, str(adapter)), ask(1, str(adapter))
    assert np.abs(none - bare).max() < 1e-3
    assert np.abs(full - bare).max() > 0.1


def test_a_bad_adapter_fails_at_once_and_is_named(start_worker: StartWorker, tmp_path: Path) -> None:
    missing = tmp_path / "none.gguf"
    worker, _ = start_worker(adapter_path=str(missing))
    with pytest.raises(EngineError, match=rf"{missing}: llama\.cpp cannot apply this adapter"):
        worker.next_byte(PREFIX).result()


def test_each_member_of_an_ensemble_has_its_own(
    start_worker: StartWorker, smollm2_path: Path, tmp_path: Path
) -> None:
    missing = str(tmp_path / "none.gguf")
    other = MemberConfig(str(smollm2_path), start_token="<|endoftext|>", adapter_path=missing)
    worker, _ = start_worker(others=(other,))
    with pytest.raises(EngineError, match=r"none\.gguf: llama\.cpp cannot apply this adapter"):
        worker.next_byte(PREFIX).result()


def test_the_other_backend_says_that_it_applies_none(start_worker: StartWorker, adapter: Path) -> None:
    worker, _ = start_worker(adapter_path=str(adapter), backend="transformers")
    with pytest.raises(EngineError, match=r"the backend transformers applies no adapters"):
        worker.next_byte(PREFIX).result()
