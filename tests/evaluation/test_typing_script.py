"""Scripts: equal seeds give equal ones, and all end with exactly the text, whatever is in it."""

from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_lsp.evaluation.typing_script import Part, Rhythm, Script, make_script
from tests.evaluation.typing_texts import PYTHON

HASTY = Rhythm(slip_rate=0.5, lines_a_jump=2)


def play(script: Script) -> str:
    """What stands there when every key was pressed."""
    text = script.before
    for stretch in script.stretches:
        cursor = stretch.offset
        for stroke in stretch.strokes:
            start = cursor - stroke.removes
            text = text[:start] + stroke.text + text[cursor:]
            cursor = start + len(stroke.text)
            assert cursor == stretch.offset + stroke.good + stroke.wrong
            assert stroke.wrong or text[stretch.offset : cursor] == stretch.text[: stroke.good]
    return text


def test_equal_seeds_give_equal_scripts_and_others_do_not() -> None:
    assert make_script(PYTHON, 7) == make_script(PYTHON, 7)
    assert make_script(PYTHON, 7) != make_script(PYTHON, 8)


@pytest.mark.parametrize("seed", range(20))
def test_a_script_ends_with_exactly_the_text(seed: int) -> None:
    script = make_script(PYTHON, seed, rhythm=HASTY)
    assert play(script) == script.after == PYTHON
    assert script.before == ""
    assert script.written == len(PYTHON)


@given(st.text(st.sampled_from("ab9 \t\n\r(é😀"), max_size=80), st.integers(0, 99), st.floats(0, 0.99))
@settings(max_examples=300)
def test_any_text_any_line_ends_any_part(text: str, seed: int, start: float) -> None:
    assert play(make_script(text, seed, rhythm=HASTY)) == text
    for below in (False, True):
        script = make_script(text, seed, Part(start, 9, below), HASTY)
        assert play(script) == script.after
        assert script.after == text or (not below and text.startswith(script.after))


def test_a_person_slips_takes_it_back_and_jumps() -> None:
    script = make_script(PYTHON * 4, 0)
    strokes = [stroke for stretch in script.stretches for stroke in stretch.strokes]
    taken_back = sum(stroke.removes for stroke in strokes)
    assert taken_back == sum(len(stroke.text) for stroke in strokes if stroke.wrong and not stroke.removes)
    assert 0.02 < taken_back / script.written < 0.15
    places = [stretch.offset for stretch in script.stretches]
    assert places != sorted(places), "no jump back"


def test_enter_brings_the_indentation_along() -> None:
    keys = [
        stroke.text
        for stroke in make_script("if a:\n    b\n", 0, rhythm=Rhythm(slip_rate=0)).stretches[0].strokes
    ]
    assert keys == ["i", "f", " ", "a", ":", "\n    ", "b", "\n"]


def test_without_thought_a_line_comes_at_the_speed_of_the_study() -> None:
    script = make_script(PYTHON * 10, 0, rhythm=Rhythm(thought_rate=0, lines_a_jump=10**6))
    in_lines = [
        stroke.pause_ms
        for stretch in script.stretches
        for before, stroke in zip(stretch.strokes, stretch.strokes[1:], strict=False)
        if "\n" not in before.text + stroke.text
    ]
    words_a_minute = 60e3 / (mean(in_lines) * script.strokes / script.written) / 5
    assert 45 < words_a_minute < 70


def test_a_part_begins_at_a_line_and_has_so_many_right_keys() -> None:
    script = make_script(PYTHON, 0, Part(0.5, 30), Rhythm(slip_rate=0))
    assert script.before == PYTHON[: len(script.before)]
    assert script.before.endswith("\n")
    assert script.strokes == 30
    below = make_script(PYTHON, 0, Part(0.5, 30, below=True), Rhythm(slip_rate=0))
    assert below.after == PYTHON
    assert len(below.before) == len(PYTHON) - below.written
