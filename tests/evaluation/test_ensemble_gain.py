"""An ensemble of a model with itself gains nothing; the summary on made-up scores."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byte_lsp.bytes.model import TokenByteModel, sum_logprobs
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation import ensemble_gain
from byte_lsp.evaluation.ensemble_gain import (
    SCORED_BYTES,
    Recipe,
    Score,
    score,
    summarize_cost,
    summarize_gain,
)
from byte_lsp.evaluation.windows import Cursor

if TYPE_CHECKING:
    from byte_lsp.evaluation.local import LocalModel

TEXT = b"def add(a, b):\n    return a + b\n"
NOISE = 0.4  # nats in all: quantized weights, other batch shapes
UNSPELLABLE = b"\xf5"  # no byte of UTF-8, and none of the model's pieces


BRANCHING = (
    b"xs = {k: (v or qz) for k, v in zip(ab, cde) if v != 0xdeadbeef and not k.startswith('_x')}\n" * 2
)
ALIKE = Recipe((0.5, 0.5), "mixture")


def cursor_in(text: bytes, rest: bytes, window: int = 0) -> Cursor:
    return Cursor(window, Path("add.py"), "Python", 0, text, text.rindex(rest))


def test_a_model_beside_itself_gains_nothing(local_model: "LocalModel") -> None:
    found = score([local_model, local_model], ALIKE, [cursor_in(TEXT, b"turn")], 1e-3, lambda _: None)
    (only,) = found.scores
    assert only.scored_bytes == len(b"turn a + b")
    first, second, together = only.nats
    assert 0 < first < 20
    assert second == pytest.approx(first, abs=NOISE)
    assert together == pytest.approx(first, abs=NOISE)
    assert all(seconds > 0 for seconds in only.seconds)
    assert only.rescored == (False, False, False)


def test_nobody_goes_on_from_what_another_left_in_the_engine(local_model: "LocalModel") -> None:
    """A walk evaluates what it does with an empty cache that was given the prefix alone."""
    cursors = [cursor_in(BRANCHING, rest) for rest in (b"v or", b"or qz", b"ab, cde")]
    found = score([local_model, local_model], ALIKE, cursors, 1e-3, lambda _: None, timed_every=1)
    for cursor, each in zip(cursors, found.scores, strict=True):
        local_model.forget()
        local_model.weigh(cursor.prefix, "exact")
        evaluated = local_model.engine.tokens_evaluated
        scorer = TokenByteModel(local_model.engine, local_model.canonical, 1e-3)
        sum_logprobs(scorer, cursor.rest[:SCORED_BYTES], cursor.prefix)
        alone = local_model.engine.tokens_evaluated - evaluated
        assert each.tokens_evaluated[:2] == (2 * alone,) * 2, "the same engine is counted for two models"


def test_what_tokenizers_remember_is_known_when_walks_are_timed(
    local_model: "LocalModel", monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a clock that counts what was not known yet, walks take no time, but for noise in what is asked."""
    splits = local_model.canonical.finder.admissions.splits
    monkeypatch.setattr(ensemble_gain.time, "perf_counter", lambda: float(splits.cache_info().misses))
    text = b"if never_seen_before[-1]:\n    raise OddlyNamed('so it was', 17)\n"
    before = splits.cache_info().misses
    found = score([local_model, local_model], ALIKE, [cursor_in(text, b"dly")], 1e-3, lambda _: None)
    asked_first = splits.cache_info().misses - before
    assert asked_first > 2
    assert max(found.scores[0].seconds) < 0.2 * asked_first


def test_what_only_light_contexts_allow_is_scored_with_all_and_not_timed(local_model: "LocalModel") -> None:
    cursors = [cursor_in(b"name = qzjxk\n", b"qzj"), cursor_in(TEXT, b"turn", window=1)]
    found = score([local_model, local_model], ALIKE, cursors, 0.5, lambda _: None, timed_every=1)
    odd, usual = found.scores
    assert odd.rescored == (True, True, True)
    assert odd.is_possible
    assert not odd.is_timed
    assert usual.is_timed
    cost = summarize_cost(found.scores, seed=0)
    assert (cost.cursors, cost.untimed_cursors) == (1, 1)
    assert summarize_gain(found.scores, seed=0)[0].cursors == 2


def test_texts_that_no_tokens_spell_are_left_out_and_counted(local_model: "LocalModel") -> None:
    odd = TEXT + UNSPELLABLE
    cursors = [cursor_in(odd, b"turn"), cursor_in(odd, b"urn"), cursor_in(TEXT, b"turn", window=1)]
    found = score([local_model, local_model], ALIKE, cursors, 1e-3, lambda _: None, timed_every=1)
    assert (found.unspellable.windows, found.unspellable.cursors) == (1, 2)
    assert [each.window for each in found.scores] == [1]


def made_up(
    window: int, language: str, nats: tuple[float, ...], seconds: tuple[float, ...], file: str = "file"
) -> Score:
    return Score(window, file, 0, language, 10, nats, seconds, (5, 5, 10), (False, False, False))


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


def test_impossible_texts_are_left_out_and_counted() -> None:
    scores = [
        made_up(0, "Lua", (10.0, 20.0, 9.0), (1.0, 1.0, 2.2)),
        made_up(1, "Lua", (10.0, math.inf, 11.0), (1.0, 0.1, 2.2)),
        made_up(2, "C", (math.inf, math.inf, math.inf), (1.0, 1.0, 1.0)),
    ]
    everything, lua = summarize_gain(scores, seed=0)
    assert (everything.cursors, everything.impossible) == (1, 2)
    assert (lua.language, lua.cursors, lua.impossible) == ("Lua", 1, 1)
    assert [lead.estimate for lead in lua.leads] == pytest.approx([0.1, 1.1])
    with pytest.raises(EvaluationError, match="at none of 1 cursors"):
        summarize_gain(scores[2:], seed=0)
    with pytest.raises(EvaluationError, match="--eps"):
        summarize_cost(scores[1:], seed=0)


def test_cursors_of_one_file_are_one_cluster() -> None:
    """Every file has the same gain and the same median ratio, though its windows differ."""
    scores = [
        made_up(
            window,
            "C",
            (10.0 + window % 2, 10.0, 9.0),
            (1.0, 1.0, 2.0 + window % 2),
            file=f"{window // 2}.c",
        )
        for window in range(12)
    ]
    lead = summarize_gain(scores, seed=0)[0].leads[0]
    ratio = summarize_cost(scores, seed=0).ratio
    assert (lead.low, lead.high) == pytest.approx((0.15, 0.15))
    assert (ratio.low, ratio.high) == pytest.approx((1.25, 1.25))
