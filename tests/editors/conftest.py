"""Editors that the tests drive: fetched where the machine can, skipped with a reason where it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .fetch_emacs import Emacs, fetch_emacs
from .fetch_neovim import RELEASES, FetchError, fetch_neovim


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a test of a real editor again, once, if it fails; the summary lists it as a rerun.

    Their keys and screens go by the clock, and on a shared machine now and then one comes late. What is wrong
    with the product fails both times.
    """
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session", params=list(RELEASES))
def neovim_executable(request: pytest.FixtureRequest) -> Path:
    """Each Neovim in turn. CI must have them: there a missing one is a failure."""
    try:
        return fetch_neovim(release=RELEASES[request.param]).executable
    except FetchError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Neovim {request.param}: {error}")


@pytest.fixture(scope="session")
def emacs() -> Emacs:
    """An Emacs 30. CI must have one: there a missing one is a failure."""
    try:
        return fetch_emacs()
    except FetchError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Emacs: {error}")
