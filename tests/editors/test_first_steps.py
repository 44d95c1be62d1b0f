"""The page promises two steps after the editor itself; ``first_steps.py`` runs them."""

from __future__ import annotations

import pytest

from .first_steps import EDITORS, read_steps


@pytest.mark.parametrize("editor", EDITORS)
def test_two_steps_lead_to_the_first_ghost_text(editor: str) -> None:
    steps = read_steps(editor)
    assert 1 <= len(steps) <= 2
