"""Plain, healing and exact at cursors of a file that everybody knows, and how they are summed up."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.bias import Observation, observe, summarize
from byte_lsp.evaluation.windows import Cursor

if TYPE_CHECKING:
    from byte_lsp.evaluation.local import LocalModel

TEXT = (
    b"class Stack:\n    def __init__(self):\n        self.items = []\n\n"
    b"    def push(self, item):\n        self.items.append(item)\n"
)
NOISE = 0.4  # nats in all: quantized weights, other batch shapes
UNSPELLABLE = b"\xf5"  # no byte of UTF-8, and none of the model's pieces


def cursor_at(window: int, typed: bytes) -> Cursor:
    return Cursor(window, Path("stack.py"), "Python", 0, TEXT, TEXT.rindex(typed) + len(typed))


@pytest.fixture(scope="module")
def observations(local_model: "LocalModel") -> list[Observation]:
    cursors = [
        cursor_at(0, b"        self.ite"),
        cursor_at(0, b"        self."),
        cursor_at(1, b"self.items.app"),
    ]
    behind: list[int] = []
    found = observe(local_model, cursors, 1e-3, behind.append)
    assert behind == [1, 2, 3]
    assert found.unspellable.cursors == 0
    return found.observed


def test_cursors_are_classed_by_the_whole_text(observations: list[Observation]) -> None:
    assert [each.place for each in observations] == ["inside a token", "on a boundary", "inside a token"]


def test_inside_items_plain_cannot_reach_the_rest_and_exact_is_right(observations: list[Observation]) -> None:
    inside = observations[0]
    assert not inside.is_reachable("plain")
    assert inside.nats["plain"] == math.inf
    assert inside.is_reachable("exact")
    assert inside.scored_bytes == len(b"ms.append(item)")
    assert inside.is_right == {"plain": False, "healing": True, "exact": True}


def test_on_a_boundary_all_arms_reach_the_rest_and_agree(observations: list[Observation]) -> None:
    boundary = observations[1]
    assert len(set(boundary.is_right.values())) == 1
    assert boundary.nats["plain"] == pytest.approx(boundary.nats["exact"], abs=0.5)


def test_what_only_light_contexts_allow_is_reachable(local_model: "LocalModel") -> None:
    """No token begins with ``qzj``: after a space it takes the context that ends with ``q``, a light one."""
    text = b"name = qzjxk\n"
    cursor = Cursor(0, Path("odd.py"), "Python", 0, text, text.index(b"qzj"))
    (coarse,) = observe(local_model, [cursor], 0.5, lambda _: None).observed
    (fine,) = observe(local_model, [cursor], 0.0, lambda _: None).observed
    assert "exact" in coarse.rescored
    assert fine.rescored == ()
    assert coarse.nats["exact"] == pytest.approx(fine.nats["exact"], abs=NOISE)


def test_texts_that_no_tokens_spell_are_left_out_and_counted(local_model: "LocalModel") -> None:
    unspellable = TEXT + UNSPELLABLE
    cursors = [
        Cursor(0, Path("odd.py"), "Python", 0, unspellable, 3),
        Cursor(0, Path("odd.py"), "Python", 0, unspellable, 4),
        cursor_at(1, b"        self."),
    ]
    found = observe(local_model, cursors, 1e-3, lambda _: None)
    assert (found.unspellable.windows, found.unspellable.cursors) == (1, 2)
    assert [each.window for each in found.observed] == [1]


def test_nothing_to_sum_up_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="spell none of the texts"):
        summarize([], seed=0)


def test_places_are_summed_up_apart(observations: list[Observation]) -> None:
    inside, boundary = summarize(observations, seed=0)
    assert (inside.place, inside.cursors, inside.windows, inside.files) == ("inside a token", 2, 2, 1)
    assert (boundary.place, boundary.cursors, boundary.windows) == ("on a boundary", 1, 1)


def made_up(window: int, right: str, nats: dict[str, float], file: str = "a.py") -> Observation:
    arms = ("plain", "healing", "exact")
    return Observation(
        window, file, 0, "Python", "inside a token", 10, {arm: arm in right for arm in arms}, nats
    )


def test_nats_are_compared_where_an_arm_reaches_the_rest() -> None:
    (place,) = summarize(
        [
            made_up(0, "exact", {"plain": math.inf, "healing": 9.0, "exact": 5.0}),
            made_up(1, "exact healing", {"plain": math.inf, "healing": math.inf, "exact": 2.0}),
            made_up(2, "", {"plain": math.inf, "healing": 5.0, "exact": 5.0}),
        ],
        seed=0,
    )
    plain, healing, exact = place.arms
    assert plain.unreachable == 1.0
    assert plain.nats_per_byte is plain.nats_lead is None
    assert healing.unreachable == pytest.approx(1 / 3)
    assert healing.nats_per_byte.estimate == pytest.approx(14 / 20)
    assert healing.exact_nats_per_byte.estimate == pytest.approx(10 / 20)
    assert healing.nats_lead.estimate == pytest.approx(4 / 20)
    assert exact.nats_per_byte.estimate == pytest.approx(12 / 30)
    assert (healing.right_cursors, exact.right_cursors) == (1, 2)
    assert healing.right_lead.estimate == pytest.approx(1 / 3)


def test_windows_of_one_file_are_one_cluster() -> None:
    """Two windows a file, one right and one wrong: every file has a share of one half."""
    nats = {"plain": 5.0, "healing": 5.0, "exact": 5.0}
    observed = [
        made_up(window, "exact" if window % 2 else "", nats, file=f"{window // 2}.py") for window in range(12)
    ]
    (place,) = summarize(observed, seed=0)
    exact = place.arms[2].right
    assert (place.windows, place.files) == (12, 6)
    assert (exact.low, exact.estimate, exact.high) == (0.5, 0.5, 0.5)


def test_what_exact_cannot_reach_is_counted() -> None:
    observed = [
        made_up(0, "", {"plain": 4.0, "healing": 4.0, "exact": math.inf}),
        made_up(1, "", {"plain": 5.0, "healing": math.inf, "exact": 5.0}),
    ]
    (place,) = summarize(observed, seed=0)
    assert place.exact_unreachable == 1
    assert [arm.compared_cursors for arm in place.arms] == [1, 0, 1]
