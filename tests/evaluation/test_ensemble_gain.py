"""An ensemble of a model with itself gains nothing; the summary on made-up scores."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byte_lsp.evaluation.ensemble_gain import Recipe, Score, score, summarize_cost, summarize_gain
from byte_lsp.evaluation.windows import Cursor

if TYPE_CHECKING:
    from byte_lsp.evaluation.local import LocalModel

TEXT = b"def add(a, b):\n    return a + b\n"
NOISE = 0.4  # nats in all: quantized weights, other batch shapes


def test_a_model_beside_itself_gains_nothing(local_model: "LocalModel") -> None:
    cursor = Cursor(0, Path("add.py"), "Python", 0, TEXT, TEXT.index(b"turn"))
    (found,) = score(
        [local_model, local_model], Recipe((0.5, 0.5), "mixture"), [cursor], 1e-3, lambda _: None
    )
    assert found.scored_bytes == len(b"turn a + b")
    first, second, together = found.nats
    assert 0 < first < 20
    assert second == pytest.approx(first, abs=NOISE)
    assert together == pytest.approx(first, abs=NOISE)
    assert all(seconds > 0 for seconds in found.seconds)


def made_up(window: int, language: str, nats: tuple[float, ...], seconds: tuple[float, ...]) -> Score:
    return Score(window, "file", 0, language, 10, nats, seconds)


def test_gains_are_by_language_and_costs_are_paired() -> None:
    scores = [
        made_up(0, "Lua", (10.0, 20.0, 9.0), (1.0, 1.0, 2.2)),
        made_up(1, "Lua", (10.0, 10.0, 9.0), (1.0, 3.0, 4.4)),
        made_up(2, "C", (5.0, 5.0, 6.0), (2.0, 2.0, 4.4)),
    ]
    everything, c, lua = summarize_gain(scores, seed=0)
    assert [each.language for each in (everything, c, lua)] == ["all", "C", "Lua"]
    assert (everything.cursors, c.cursors, lua.cursors) == (3, 1, 2)
    assert lua.ensemble.estimate == pytest.approx(0.9)
    assert [lead.estimate for lead in lua.leads] == pytest.approx([0.1, 0.6])
    assert c.leads[0].estimate == pytest.approx(-0.1)
    cost = summarize_cost(scores, seed=0)
    assert cost.ratio.estimate == pytest.approx(1.1)
    assert cost.members_ms_per_byte == pytest.approx([4 / 30 * 1e3, 6 / 30 * 1e3])
