"""True middles read by models of which everything is known, and by the real one."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from byte_lsp.bytes.model import TokenByteModel
from byte_lsp.evaluation import middle_read
from byte_lsp.evaluation.middle_read import EPS, REACH_BYTES, next_bytes, read_middle, read_middles
from byte_lsp.evaluation.middle_spans import Middle
from byte_lsp.infill.layouts import Form
from tests.bytes.tiny import END, END_OF_TEXT, BruteForce, Tiny

from .table_models import FILLING, Headed, Scripted, dress, find_tiny

if TYPE_CHECKING:
    from byte_lsp.evaluation.local import LocalModel

PREFIX, TRUTH, SUFFIX = b"a ", b"( ", b"(a"
MIDDLE = Middle("tiny", "one", "file", "python", "inside", PREFIX, SUFFIX, TRUTH)


@pytest.fixture
def tiny() -> Tiny:
    return find_tiny()


@pytest.mark.parametrize("form", [Form(), FILLING], ids=["prefix", "spm"])
def test_nats_are_those_of_enumeration(tiny: Tiny, form: Form) -> None:
    engine = tiny.engine(5)
    reading = read_middle(dress(tiny, engine, form), MIDDLE)
    onward = BruteForce(tiny, engine)
    head = (END, END, *tiny.tokenizer.encode(SUFFIX), END) if form is FILLING else (END,)
    given = BruteForce(tiny, Headed(engine, head))  # type: ignore[arg-type]
    middle = given.text_mass(PREFIX + TRUTH) / given.text_mass(PREFIX)
    assert math.exp(-reading.nats) == pytest.approx(middle, abs=1e-9)
    end = given.next_byte(PREFIX + TRUTH)[END_OF_TEXT]
    assert math.exp(-reading.end_nats) == pytest.approx(end, abs=1e-9)
    whole = onward.text_mass(PREFIX + TRUTH + SUFFIX) / onward.text_mass(PREFIX)
    assert math.exp(-reading.onward_nats) == pytest.approx(whole, abs=1e-9)


def test_a_model_that_fills_in_hears_the_suffix(tiny: Tiny) -> None:
    model = dress(tiny, tiny.engine(5), FILLING)
    reading, other = (read_middle(model, replace(MIDDLE, suffix=suffix)) for suffix in (SUFFIX, b"a("))
    assert reading.nats != pytest.approx(other.nats, abs=1e-3)


def test_a_model_that_fills_in_is_told_where_the_file_ends(tiny: Tiny) -> None:
    """The prompt is an empty suffix; left to right there is none."""
    engine = tiny.engine(5)
    reading = read_middle(dress(tiny, engine, FILLING), replace(MIDDLE, suffix=b""))
    told = BruteForce(tiny, Headed(engine, (END, END, END)))  # type: ignore[arg-type]
    nats = -math.log(told.text_mass(PREFIX + TRUTH) / told.text_mass(PREFIX))
    assert reading.nats == pytest.approx(nats)
    onward = BruteForce(tiny, engine)
    nats = -math.log(onward.text_mass(PREFIX + TRUTH) / onward.text_mass(PREFIX))
    assert reading.onward_nats == pytest.approx(nats)


def test_a_model_without_a_layout_does_not(tiny: Tiny) -> None:
    model = dress(tiny, tiny.engine(5))
    reading, other = (read_middle(model, replace(MIDDLE, suffix=suffix)) for suffix in (SUFFIX, b"a("))
    assert reading.nats == pytest.approx(other.nats, abs=1e-9)
    assert reading.onward_nats != pytest.approx(other.onward_nats, abs=1e-3)


def test_the_walk_along_the_truth_is_that_of_enumeration(tiny: Tiny) -> None:
    engine = tiny.engine(2)
    brute = BruteForce(tiny, engine)
    rows = next_bytes(TokenByteModel(engine, tiny.process()), PREFIX, TRUTH)
    for at, row in enumerate(rows):
        assert np.exp(row) == pytest.approx(brute.next_byte(PREFIX + TRUTH[:at]), abs=1e-9)
    assert len(rows) == len(TRUTH) + 1


@pytest.mark.parametrize("more", [b"", b"(", b"(a", b"(a("])
def test_the_end_is_where_the_model_puts_it(tiny: Tiny, more: bytes) -> None:
    """The script has the suffix first, as the prompt has, and goes on beyond the truth by some bytes."""
    model = dress(tiny, Scripted(tiny, SUFFIX + PREFIX + TRUTH + more), FILLING)
    ending = read_middle(model, MIDDLE).ending
    assert ending is not None
    assert (ending.written, ending.has_ended) == (TRUTH + more, True)
    true_end = len(TRUTH) + len(more)
    found = true_end if len(more) <= 2 else None
    assert ending.greedy_end == ending.likely_end == found
    if found is not None:
        assert ending.likeliest_end == found


def test_an_end_before_the_true_one_is_found(tiny: Tiny) -> None:
    model = dress(tiny, Scripted(tiny, SUFFIX + PREFIX + TRUTH[:1]), FILLING)
    ending = read_middle(model, MIDDLE).ending
    assert ending is not None
    assert (ending.written, ending.likely_end, ending.likeliest_end) == (TRUTH[:1], 1, 1)
    assert ending.greedy_end == 1


def test_an_end_may_lead_without_half_of_the_probability(monkeypatch: pytest.MonkeyPatch, tiny: Tiny) -> None:
    rows = [np.log(np.full(257, 0.5 / 256)) for _ in range(len(TRUTH) + 1 + REACH_BYTES)]
    for at, (end, byte) in {0: (0.3, 0.4), 1: (0.4, 0.3), 2: (0.6, 0.2)}.items():
        rows[at][END_OF_TEXT], rows[at][97] = np.log(end), np.log(byte)
    monkeypatch.setattr(middle_read, "next_bytes", lambda *_: rows)
    ending = read_middle(dress(tiny, tiny.engine(1), FILLING), MIDDLE).ending
    assert ending is not None
    assert (ending.greedy_end, ending.likely_end, ending.likeliest_end) == (1, 2, 2)


def test_what_does_not_end_is_told_to(tiny: Tiny) -> None:
    endless = SUFFIX + PREFIX + TRUTH + b"a" * 60
    ending = read_middle(dress(tiny, Scripted(tiny, endless), FILLING), MIDDLE).ending
    assert ending is not None
    assert (len(ending.written), ending.has_ended) == (len(TRUTH) + 32, False)
    assert ending.likely_end is None


def test_ends_are_looked_for_in_one_line_and_if_asked(tiny: Tiny) -> None:
    model = dress(tiny, tiny.engine(1), FILLING)
    lines = replace(MIDDLE, truth=b"(\na")
    (found,) = read_middles(model, [lines])
    assert found.reading is not None
    assert found.reading.ending is None
    (found,) = read_middles(model, [MIDDLE], ends=False)
    assert found.reading is not None
    assert found.reading.ending is None


def test_what_no_tokens_spell_is_not_read(tiny: Tiny) -> None:
    (found,) = read_middles(dress(tiny, tiny.engine(1)), [replace(MIDDLE, truth=b"z")])
    assert found.reading is None
    assert (found.name, found.digest) == (MIDDLE.name, replace(MIDDLE, truth=b"z").digest)


def test_the_real_model_agrees_with_itself_byte_by_byte(local_model: "LocalModel") -> None:
    """One batch, and the walk byte by byte: the same but for what quantized weights make of batches."""
    before = b"def area(width, height):\n    ret"
    middle = replace(MIDDLE, prefix=before, truth=b"urn width * height", suffix=b"\n\n\nprint(area(2, 3))\n")
    reading = read_middle(local_model, middle)
    walked = TokenByteModel(local_model.engine, local_model.canonical, EPS)
    assert reading.nats == pytest.approx(-walked.logprob(middle.truth, before), abs=0.6)
    assert reading.nats < reading.onward_nats
    assert reading.ending is not None
    assert reading.ending.written.startswith(b"urn width * height")
    assert not reading.ending.has_ended, "nobody taught it to end a middle"
