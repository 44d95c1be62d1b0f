"""Middles cut out of real files: what each kind is, and what stays around it."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.infill_tasks import Task
from byte_lsp.evaluation.middle_spans import (
    MIDDLE_KINDS,
    ONWARD_BYTES,
    Middle,
    Window,
    draw_middles,
    take_middles,
)

WHOLE = Window(1 << 16, 1 << 16)


def text_of(path: str) -> bytes:
    return Path(path).read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")


@pytest.fixture
def middles(source_folder: Path) -> list[Middle]:
    return draw_middles([source_folder], 60, seed=0, window=WHOLE)


def test_middles_are_in_the_files_and_none_comes_twice(middles: list[Middle]) -> None:
    assert len({middle.name for middle in middles}) == len(middles)
    for middle in middles:
        assert middle.prefix + middle.truth + middle.suffix == text_of(middle.cluster)
        assert middle.truth.strip()
        assert not middle.suffix_goes_on


def test_every_language_has_as_many_of_every_kind(middles: list[Middle]) -> None:
    assert set(Counter(middle.source for middle in middles)) == {"python", "lua"}
    assert max(Counter(middle.source for middle in middles).values()) <= 60
    assert {middle.kind for middle in middles} == set(MIDDLE_KINDS)
    assert [middle.source for middle in middles] == sorted(middle.source for middle in middles)


def test_kinds_are_what_they_are_called(middles: list[Middle]) -> None:
    for middle in middles:
        starts_line = not middle.prefix or middle.prefix.endswith(b"\n")
        ends_line = not middle.suffix or middle.suffix.startswith(b"\n")
        if middle.kind == "line":
            assert starts_line
            assert ends_line
        if middle.kind == "block":
            assert starts_line
            assert ends_line
            assert b"\n" in middle.truth
            assert middle.truth.split(b"\n")[-1].strip()
        if middle.kind == "rest":
            assert ends_line
        if middle.kind == "inside":
            assert middle.prefix.split(b"\n")[-1].strip()
            assert middle.suffix.split(b"\n", 1)[0].strip()
        if middle.kind in ("line", "rest", "inside"):
            assert middle.is_in_one_line


def test_middles_of_one_place_share_their_prefix(tmp_path: Path) -> None:
    (tmp_path / "many.py").write_bytes(b"".join(b"number_%d = value(%d)\n" % (n, n) for n in range(400)))
    middles = draw_middles([tmp_path], 5, seed=3, window=Window())
    assert Counter(middle.kind for middle in middles) == Counter(MIDDLE_KINDS)
    first = middles[0].prefix
    assert all(middle.prefix.startswith(first) for middle in middles)
    assert all(len(middle.prefix) <= 1024 and len(middle.suffix) <= 512 for middle in middles)
    assert all(middle.suffix_goes_on == (b"number_399 " not in middle.suffix) for middle in middles)


def test_equal_seeds_draw_equal_middles(source_folder: Path) -> None:
    def draw(seed: int) -> list[Middle]:
        return draw_middles([source_folder], 10, seed, WHOLE)

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def test_files_without_a_fit_line_are_refused(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_bytes(b"x = '" + b"y" * 100 + b"z" * 200 + b"'\n" + b"\n" * 40)
    with pytest.raises(EvaluationError, match="no line to read"):
        draw_middles([tmp_path], 5, 0, WHOLE)


def test_onward_is_cut_between_characters() -> None:
    middle = Middle("s", "n", "c", "python", "line", b"", "é".encode() * 200, b"x")
    assert len(middle.onward) == ONWARD_BYTES + 1
    assert middle.onward.decode() == "x" + "é" * 128
    assert replace(middle, suffix=b"\n").onward == b"x\n"


def test_holes_of_a_dataset_are_middles() -> None:
    task = Task("spans", "1", "HumanEval/1", "python", "span", b"a", b"c", b"b", suffix_goes_on=True)
    (middle,) = take_middles([task])
    assert (middle.source, middle.name, middle.cluster) == ("spans", "1", "HumanEval/1")
    assert (middle.prefix, middle.truth, middle.suffix) == (b"a", b"b", b"c")
    assert middle.suffix_goes_on
