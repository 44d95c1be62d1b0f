"""Editors that the tests drive: fetched where the machine can, skipped with a reason where it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .fetch_emacs import Emacs, fetch_emacs
from .fetch_neovim import RELEASES, FetchError, fetch_neovim

DRIVEN = frozenset(
    (
        "test_emacs",
        "test_emacs_setups",
        "test_neovim",
        "test_neovim_plugin",
        "test_other_clients",
        "test_vscode",
    )
)
"""The modules in which keys are pressed in a real editor."""

RERUNS = int(os.environ.get("BYTE_LSP_RERUNS", "1"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a test that presses keys again, ``RERUNS`` times, if it fails; the summary lists it as a rerun.

    Keys and screens go by the clock, and on a shared machine now and then one comes late. A rerun is still
    worth a look: races in the product show like that, too.
    """
    for item in items:
        if item.path.parent == Path(__file__).parent and item.path.stem in DRIVEN:
            item.add_marker(pytest.mark.flaky(reruns=RERUNS))


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
