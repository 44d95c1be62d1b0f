"""The figures that README and docs give, from the real model and real files."""

import statistics
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

import byte_lsp
from byte_lsp.evaluation.cover_cost import extra_tokens, random_prefixes
from byte_lsp.evaluation.cursors import Cursor, report, type_line

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(smollm2_path: Path) -> Iterator[byte_lsp.ByteModel]:
    with byte_lsp.load(smollm2_path) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def cursors(model: byte_lsp.ByteModel) -> list[Cursor]:
    return type_line(model, (ROOT / "docs" / "stack.py").read_bytes(), line=6, count=20)


def test_exact_is_right_at_each_of_twenty_cursors(cursors: list[Cursor]) -> None:
    assert len(cursors) == 20
    wrong = [cursor for cursor in cursors if not cursor.is_right("exact", ahead=2)]
    assert wrong == []


def test_inside_items_exact_goes_on_with_ms_and_plain_does_not(cursors: list[Cursor]) -> None:
    cursor = next(c for c in cursors if c.typed.endswith(b"self.ite"))
    assert cursor.suggestions["exact"].startswith(b"ms")
    assert not cursor.suggestions["plain"].startswith(b"ms")


def test_the_page_shows_what_the_model_says(cursors: list[Cursor]) -> None:
    page = (ROOT / "docs" / "cursors.md").read_text(encoding="utf-8")
    exact_column = {line.split(" | ")[-1] for line in report(cursors, ahead=2).splitlines() if "`" in line}
    assert all(cell in page for cell in exact_column)


def test_covers_cost_at_most_six_extra_tokens_on_average(smollm2_path: Path) -> None:
    tokenizer = byte_lsp.load_tokenizer(smollm2_path)
    library = Path(sysconfig.get_paths()["stdlib"])
    extras = [extra_tokens(tokenizer, prefix) for prefix in random_prefixes(library, "*.py", 200, seed=0)]
    assert statistics.mean(extras) <= 6
    assert max(extras) > 0, "covers that cost nothing would be plain tokenization"


def test_sampling_at_the_door(model: byte_lsp.ByteModel) -> None:
    prefix = b"def area(r):\n    retu"
    greedy = model.sample(prefix, max_bytes=40, temperature=0, stop=[b"\n"])
    assert greedy.text.startswith(b"rn")
    assert greedy.stop_reason == "stop"
    assert greedy.logprob < 0


def test_next_byte_sums_to_one(model: byte_lsp.ByteModel) -> None:
    import numpy as np

    logprobs = model.next_byte(b"class Stack:\n    def push(self, item):\n        self.ite")
    assert logprobs.shape == (257,)
    assert np.exp(logprobs).sum() == pytest.approx(1.0, abs=1e-9)
    assert chr(int(logprobs.argmax())) == "m"


def test_bad_arguments_are_refused_by_name(model: byte_lsp.ByteModel) -> None:
    with pytest.raises(ValueError, match="top_p"):
        model.sample(b"x", max_bytes=4, top_p=0)
    with pytest.raises(ValueError, match="max_bytes"):
        model.sample(b"x", max_bytes=0)
    with pytest.raises(TypeError, match="colour"):
        byte_lsp.load("smollm2-135m", colour="red")
