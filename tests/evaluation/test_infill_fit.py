"""The suffix as a judge of what any sampler draws, and of what a model draws that has seen it."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from byte_lsp.evaluation.infill_ask import EvalArm, Recipe, observe, pose
from byte_lsp.evaluation.infill_fit import pose_onward, rank_by_suffix
from byte_lsp.evaluation.infill_tasks import Task
from byte_lsp.infill.layouts import Form
from byte_lsp.infill.problem import Arm, Candidate, InfillProblem
from byte_lsp.infill.prompts import Prompter
from tests.bytes.tiny import END, BruteForce, Tiny

from .table_models import FILLING, dress, find_tiny

if TYPE_CHECKING:
    from byte_lsp.evaluation.local import LocalModel

PREFIX, SUFFIX = b"a(", b"\na"
TEXTS = (b"a", b"(", b" ", b"a(")


@pytest.fixture
def tiny() -> Tiny:
    return find_tiny()


def candidates() -> list[Candidate]:
    """Each a nat more probable than the one before, by its own account."""
    return [Candidate(text, float(at), "stop", 1) for at, text in enumerate(TEXTS)]


def problem(**changes: object) -> InfillProblem:
    return InfillProblem(PREFIX, SUFFIX, alternatives=4, **changes)  # type: ignore[arg-type]


def mass(brute: BruteForce, text: bytes) -> float:
    return brute.text_mass(text) / brute.text_mass(PREFIX)


def test_a_model_of_the_prefix_is_believed_what_it_drew(tiny: Tiny) -> None:
    engine = tiny.engine(8)
    brute = BruteForce(tiny, engine)
    ranked = rank_by_suffix(dress(tiny, engine), problem(), candidates())
    own = {text: float(at) for at, text in enumerate(TEXTS)}
    expected = {
        text: math.exp(own[text]) * brute.text_mass(PREFIX + text + SUFFIX) / brute.text_mass(PREFIX + text)
        for text in TEXTS
    }
    assert [each.text for each in ranked] == sorted(TEXTS, key=expected.__getitem__, reverse=True)
    assert [each.logprob for each in ranked] == [own[each.text] for each in ranked]


def test_a_model_that_fills_in_is_judged_left_to_right(tiny: Tiny) -> None:
    """Its own probabilities count for nothing: the text with candidate and suffix does."""
    engine = tiny.engine(8)
    brute = BruteForce(tiny, engine)
    model = dress(tiny, engine, FILLING)
    ranked = rank_by_suffix(model, problem(), candidates())
    expected = {text: mass(brute, PREFIX + text + SUFFIX) for text in TEXTS}
    assert [each.text for each in ranked] == sorted(TEXTS, key=expected.__getitem__, reverse=True)
    for each in ranked:
        assert each.logprob == TEXTS.index(each.text)
        assert each.onward_logprob is not None
        assert each.suffix_logprob is not None
        assert math.exp(each.onward_logprob) == pytest.approx(mass(brute, PREFIX + each.text))
        assert math.exp(each.onward_logprob + each.suffix_logprob) == pytest.approx(expected[each.text])


@pytest.mark.parametrize("form", [Form(), FILLING], ids=["prefix", "spm"])
def test_left_to_right_there_is_no_sentinel(tiny: Tiny, form: Form) -> None:
    posed = pose_onward(dress(tiny, tiny.engine(0), form), problem(suffix_goes_on=True))
    assert (posed.framing.head, posed.prefix) == ((END,), PREFIX)


@pytest.mark.parametrize("arm", ["exact", "exact+fit"])
def test_a_model_that_fills_in_is_told_where_the_file_ends(tiny: Tiny, arm: EvalArm) -> None:
    """Behind the last hole of a file is an empty suffix, not none."""
    model = dress(tiny, tiny.engine(0), FILLING)
    prompter = Prompter(model.engine, model.tokenizer, model.framing, model.form)
    last = pose(replace(TASK, prefix=PREFIX, suffix=b""), arm, Recipe())
    assert prompter.pose(last).framing.head == (END, END, END)
    before = pose(replace(TASK, prefix=PREFIX, suffix=b"", suffix_goes_on=True), arm, Recipe())
    assert prompter.pose(before).framing.head == (END,)


TASK = Task(
    "stack",
    "push",
    "stack.py",
    "python",
    "line",
    b"class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, item):\n",
    b"\n\n    def pop(self):\n        return self.items.pop()\n",
    b"        self.items.append(item)",
)


def test_the_judge_is_the_product_s_own(local_model: "LocalModel") -> None:
    """Behind exact covers both rank the same draws; batches differ, and with them the last digits."""
    recipe = Recipe(draws=4, seed=3)
    (found,) = observe(local_model, [(TASK, ["exact+fit"])], recipe)
    infiller = local_model.infiller()
    drawn = infiller.infill(
        InfillProblem(
            TASK.prefix,
            TASK.suffix,
            language="python",
            alternatives=4,
            draws=4,
            seed=3,
            suffix_fit=False,
            with_logprobs=True,
        )
    ).candidates
    ranked = rank_by_suffix(local_model, InfillProblem(TASK.prefix, TASK.suffix, alternatives=4), drawn)
    product = found.answers["exact+fit"].suggestions
    assert product[0].text == ranked[0].text == TASK.truth
    assert ranked[0].suffix_logprob == pytest.approx(product[0].suffix_logprob, abs=1.0)


UNSURE = replace(TASK, prefix=b"def area(shape):\n", suffix=b"\n\n\nprint(area(square))\n")


@pytest.mark.parametrize("arm", ["plain", "healing", "exact"])
def test_fit_ranks_what_its_arm_draws(local_model: "LocalModel", arm: Arm) -> None:
    """What the arm writes alone is among them. Plain tokenization cannot begin this line right."""
    (found,) = observe(local_model, [(UNSURE, [arm, f"{arm}+fit"])], Recipe(draws=4))  # type: ignore[list-item]
    alone, fitted = found.answers.values()
    (written,) = alone.suggestions
    texts = [each.text for each in fitted.suggestions]
    assert len(texts) > 1
    assert written.text in texts
    assert written.suffix_logprob is None
    assert all(each.suffix_logprob is not None for each in fitted.suggestions)
    assert any(text.startswith(b"    ") for text in texts) == (arm != "plain")
