"""Which of two texts in a hole is better, and what a model is asked and taught there."""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from byte_lsp.evaluation.local import LocalModel, open_local
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.training.documents import Document, Documents
from byte_lsp.training.examples import ExampleMaker
from byte_lsp.training.holes import (
    KINDS,
    ROW_TOKENS,
    Answer,
    Hole,
    HoleDrawer,
    Text,
    answer,
    as_example,
    prefer,
)

HOLE = Hole(
    InfillProblem(b"def area(width, height):\n    ", b"\n    return size\n", "python", file_is_whole=True),
    b"size = width * height",
    "line",
)
TRUTH = HOLE.truth


def wrote(*texts: Text, truth_judged: float | None = -30.0, number: int = 1) -> Answer:
    return Answer(number, texts, truth_judged)


@pytest.mark.parametrize(
    ("first", "other", "truth_judged", "better"),
    [
        (-30.0, None, -29.0, TRUTH),  # the judge says so
        (-30.0, None, -29.9, None),  # hardly
        (-30.0, -31.0, -60.0, None),  # the most probable text is the best
        (-30.0, -28.0, -60.0, b"size = height"),
        (-30.0, -29.0, -60.0, None),  # not by enough for a text that nobody knows to be right
        (None, None, None, TRUTH),  # nothing judges
    ],
)
def test_who_is_better(
    first: float | None, other: float | None, truth_judged: float | None, better: bytes | None
) -> None:
    texts = [Text(b"size = width", -1.0, False, first)]
    texts += [Text(b"size = height", -2.0, False, other)] if other else []
    found = prefer(HOLE, wrote(*texts, truth_judged=truth_judged))
    if better is None:
        assert found is None
    else:
        assert found is not None
        assert (found[0].text, found[0].ends, found[1]) == (better, True, texts[0])


def test_a_true_text_that_was_drawn_is_better_whatever_the_judge_says() -> None:
    first, drawn = Text(b"size = width", -1.0, True, -20.0), Text(TRUTH + b" ", -2.0, False, -40.0)
    found = prefer(HOLE, wrote(first, drawn, truth_judged=-40.0))
    assert found == (Text(TRUTH, None, True, -40.0), first)


def test_a_text_is_not_better_than_itself() -> None:
    first, padded = Text(b"size = width", -1.0, True, -30.0), Text(b"size = width ", -2.0, True, -20.0)
    assert prefer(HOLE, wrote(first, padded, truth_judged=-60.0)) is None


def test_one_in_three_that_were_right_stays_so() -> None:
    texts = Text(TRUTH, -1.0, True, -20.0), Text(b"a", -5.0, True, -9.0), Text(b"b", -3.0, True, -30.0)
    found = [prefer(HOLE, wrote(*texts, number=number)) for number in range(3)]
    assert found[0] is not None
    assert (found[0][0].text, found[0][1].text) == (TRUTH, b"b")
    assert found[1:] == [None, None]
    assert prefer(HOLE, wrote(texts[0], number=0)) is None
    assert prefer(HOLE, wrote(number=0)) is None


def test_what_the_model_did_not_end_has_no_end_to_learn(maker: ExampleMaker, end_token: int) -> None:
    ended, open_ended = (as_example(maker, HOLE, Text(TRUTH, None, ends)) for ends in (True, False))
    assert ended.tokens == (*open_ended.tokens, end_token)
    assert (ended.ends, open_ended.ends) == (True, False)
    for example in (ended, open_ended):
        written = len(example.tokens) - example.middle_at
        assert len(example.weights) == len(example.tokens) - 1
        assert example.weights[-written:] == (1.0,) * written
        assert not any(example.weights[:-written])


def test_holes_are_lines_and_the_same_again(documents: list[Document], maker: ExampleMaker) -> None:
    drawer = HoleDrawer(Documents({"python": documents}), maker, {"python": 1.0}, 7)
    order = list(range(60))
    holes = {number: drawer.hole(number) for number in order}
    random.Random(1).shuffle(order)
    assert all(drawer.hole(number) == holes[number] for number in order[:10])
    assert {hole.kind for hole in holes.values()} == set(KINDS)
    sources = [_dedented(document.text) for document in documents]
    for hole in holes.values():
        assert hole.truth.strip()
        assert b"\n" not in hole.truth
        assert hole.problem.suffix.startswith(b"\n"), "each ends before its line feed"
        assert not hole.truth.lstrip().startswith(b"#")
        whole = hole.problem.prefix + hole.truth + hole.problem.suffix
        assert any(_dedented(whole).strip() in source for source in sources)
        assert len(maker.of(hole.problem, hole.truth, hole.kind).tokens) <= ROW_TOKENS + 16


def _dedented(text: bytes) -> bytes:
    return b"\n".join(line.strip() for line in text.splitlines())


@pytest.fixture(scope="module")
def fim() -> Iterator[LocalModel]:
    with open_local("smollm2-135m-fim", 1024, threads=1) as model:
        yield model


def test_the_model_is_asked_and_judges(fim: LocalModel) -> None:
    problem = InfillProblem(
        b"def show(items):\n    for index in range(len(items)):\n        item = ",
        b"\n        print(item)\n",
        "python",
        file_is_whole=True,
    )
    hole = Hole(problem, b"items[index]", "rest")
    last = replace(hole, problem=replace(problem, suffix=b""), kind="last")
    first, second = answer(fim, [(3, hole), (5, last)])
    assert (first.number, second.number) == (3, 5)
    infiller = fim.infiller()
    greedy = infiller.infill(replace(problem, max_lines=1)).candidates[0]
    texts = [each.text for each in first.texts]
    assert texts[0] == greedy.text == hole.truth
    assert len(set(texts)) == len(texts) > 1
    assert all(each.logprob is not None and each.logprob < 0 for each in first.texts)
    assert first.texts[0].judged == pytest.approx(first.truth_judged, abs=0.05), "it is the true text"
    for each in first.texts:
        # Byte by byte: another way to the same sum over covers, rounded otherwise at every byte.
        alone = infiller.logprob(each.text + problem.suffix[:48], problem.prefix)
        assert each.judged == pytest.approx(alone, abs=1.0)
    assert second.truth_judged is None
    assert all(each.judged is None for each in second.texts)
