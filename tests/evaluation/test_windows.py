"""Which files are read, and where cursors are drawn in them."""

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from byte_lsp.api import load_tokenizer
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.corpus import Corpus
from byte_lsp.evaluation.windows import Shape, draw_cursors, token_boundaries

from .conftest import PYTHON


def names(corpus: Corpus) -> set[str]:
    return {file.path.name for file in corpus.files()}


def test_only_what_people_wrote_is_read_and_no_text_twice(source_folder: Path) -> None:
    read = names(Corpus([source_folder], 0))
    assert read & {"stack.py", "copy.py"} in ({"stack.py"}, {"copy.py"})
    assert read - {"stack.py", "copy.py"} == {"windows.py", "latin.py", "stack.lua"}


def test_texts_are_as_the_model_is_given_them(source_folder: Path) -> None:
    texts = {file.path.name: file.text for file in Corpus([source_folder], 0).files()}
    assert texts["windows.py"].startswith(b'"""A stack."""\n')
    assert b"\r" not in texts["windows.py"]
    assert texts["latin.py"].startswith(b"# gr\xfc\xdfe\n")


def test_languages_are_chosen_and_take_turns(source_folder: Path) -> None:
    assert Corpus([source_folder], 0).languages == ["JavaScript", "Lua", "Python"]
    assert names(Corpus([source_folder], 0, ("Lua",))) == {"stack.lua"}
    first_two = [file.language for file, _ in zip(Corpus([source_folder], 0).files(), range(2), strict=False)]
    assert sorted(first_two) == ["Lua", "Python"]


@contextmanager
def nobody() -> Iterator[None]:
    """Root reads every folder: be somebody else for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX modes: no folder is closed by chmod on Windows")
def test_folders_that_cannot_be_read_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with TemporaryDirectory() as name:
        whole, closed = Path(name), Path(name, "closed")
        closed.mkdir()
        for folder in (whole, closed):
            (folder / "stack.py").write_bytes(PYTHON)
        whole.chmod(0o755)
        closed.chmod(0)
        with nobody():
            assert names(Corpus([whole], 0)) == {"stack.py"}
            assert f"left out: {closed} cannot be read (Permission denied)" in capsys.readouterr().err
            with pytest.raises(EvaluationError, match="closed cannot be read"):
                Corpus([closed], 0)
            with pytest.raises(EvaluationError, match="not a folder that can be reached"):
                Corpus([closed / "inner"], 0)
        closed.chmod(0o755)


def test_folders_without_source_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here", encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"has no source file in it; the suffixes known are .*\.py"):
        Corpus([tmp_path], 0)
    with pytest.raises(EvaluationError, match="is not a folder"):
        Corpus([tmp_path / "none"], 0)


def test_each_cursor_stands_before_something_and_no_place_comes_twice(source_folder: Path) -> None:
    cursors = draw_cursors(Corpus([source_folder], 0), 100, 0)
    assert len(cursors) == 100
    assert all(cursor.rest.strip() and b"\n" not in cursor.rest for cursor in cursors)
    places = Counter((cursor.file, cursor.start + cursor.offset) for cursor in cursors)
    assert max(places.values()) == 1


def test_cursors_of_a_window_ascend_and_its_prefix_begins_at_a_line(source_folder: Path) -> None:
    corpus = Corpus([source_folder], 0)
    texts = {file.path: file.text for file in corpus.files()}
    windows: dict[int, list[int]] = {}
    for cursor in draw_cursors(corpus, 60, 0, Shape(context_bytes=40, cursors=4)):
        windows.setdefault(cursor.window, []).append(cursor.offset)
        text = texts[cursor.file]
        assert text[cursor.start :].startswith(cursor.prefix + cursor.rest)
        assert cursor.start == 0 or text[cursor.start - 1 : cursor.start] == b"\n"
    assert all(offsets == sorted(offsets) and len(offsets) <= 4 for offsets in windows.values())


def test_equal_seeds_draw_equal_cursors(source_folder: Path) -> None:
    first, again, other = (draw_cursors(Corpus([source_folder], s), 30, s) for s in (1, 1, 2))
    assert first == again != other


def test_a_prefix_is_as_long_as_asked_for(source_folder: Path) -> None:
    cursors = draw_cursors(Corpus([source_folder], 0), 10, 0, Shape(120, 100, cursors=1))
    assert min(len(cursor.prefix) for cursor in cursors) >= 100


def test_too_few_places_are_counted(source_folder: Path) -> None:
    with pytest.raises(EvaluationError, match=r"room for \d+ cursors, not 100000"):
        draw_cursors(Corpus([source_folder], 0), 100_000, 0)


def test_long_lines_hold_no_cursor(tmp_path: Path) -> None:
    (tmp_path / "data.py").write_bytes(b"# a short line\n" * 20 + b"data = '" + b"ab" * 400 + b"'\n")
    cursors = draw_cursors(Corpus([tmp_path], 0), 50, 0)
    assert all(cursor.rest in b"# a short line" for cursor in cursors)


def test_boundaries_are_those_between_tokens(smollm2_path: Path) -> None:
    tokenizer = load_tokenizer(smollm2_path)
    text = b"self.items = []\n"
    pieces = [tokenizer.pieces[token] for token in tokenizer.encode(text)]
    boundaries = token_boundaries(tokenizer, text)
    assert boundaries is not None
    ends = sorted(boundaries)
    assert [text[a:b] for a, b in itertools.pairwise(ends)] == pieces
    assert len(b"self.ite") not in boundaries
