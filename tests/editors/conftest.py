"""Editors that the tests drive: fetched where the machine can, skipped with a reason where it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .fetch_neovim import FetchError, fetch_neovim


@pytest.fixture(scope="session")
def neovim_executable() -> Path:
    """A Neovim 0.12. CI must have one: there a missing Neovim is a failure."""
    try:
        return fetch_neovim().executable
    except FetchError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Neovim 0.12: {error}")
