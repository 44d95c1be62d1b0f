"""Holes in real files: what is cut out, and what stays around it."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.infill_tasks import KINDS, LONGEST, Kind, Task, draw_holes, sample_tasks

FOLDER_KINDS = [pytest.param(kind, id=kind) for kind in KINDS]


def text_of(path: Path) -> bytes:
    return path.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")


@pytest.mark.parametrize("kind", FOLDER_KINDS)
def test_holes_are_in_the_files_and_none_comes_twice(source_folder: Path, kind: Kind) -> None:
    tasks = draw_holes([source_folder], [kind], 6, seed=0)
    assert len({task.name for task in tasks}) == 6
    for task in tasks:
        whole = task.prefix + task.truth + task.suffix
        assert whole == text_of(Path(task.cluster))
        assert task.truth.strip()
        assert len(task.truth.decode()) <= LONGEST[kind]
        assert not task.suffix_goes_on
        assert (task.kind, task.tests) == (kind, None)


def test_files_that_are_not_utf_8_have_no_holes(source_folder: Path) -> None:
    """``latin.py`` is otherwise fit."""
    tasks = draw_holes([source_folder], ["line"], 12, seed=0)
    assert {Path(task.cluster).name for task in tasks} <= {"stack.py", "windows.py", "copy.py", "stack.lua"}


def test_a_line_is_a_whole_line(source_folder: Path) -> None:
    for task in draw_holes([source_folder], ["line"], 8, seed=1):
        assert not task.prefix or task.prefix.endswith(b"\n")
        assert not task.suffix or task.suffix.startswith(b"\n")
        assert b"\n" not in task.truth


def test_a_block_is_what_is_indented_deeper(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(
        b"import abc  # the only block below is the one of go, blank line and all\n\n"
        b"def go():\n    first()\n\n    second()\n\n\nlast()\n"
    )
    (task,) = draw_holes([tmp_path], ["block"], 1, seed=0)
    assert task.prefix.endswith(b"def go():\n    ")
    assert task.truth == b"first()\n\n    second()"
    assert task.suffix == b"\n\n\nlast()\n"
    with pytest.raises(EvaluationError, match="room for 1 holes of the kind block, not 2"):
        draw_holes([tmp_path], ["block"], 2, seed=0)


def test_equal_seeds_draw_equal_holes(source_folder: Path) -> None:
    def draw(seed: int) -> list[Task]:
        return draw_holes([source_folder], ["span", "line"], 4, seed)

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def test_windows_are_cut_at_line_starts_and_say_so(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_bytes(b"number = 1  # one of very many lines\n" * 400)
    tasks = draw_holes([tmp_path], ["span"], 8, seed=0)
    inner = [task for task in tasks if task.suffix_goes_on]
    assert inner
    assert all(len(task.prefix) <= 2048 and len(task.suffix) <= 1024 for task in tasks)
    assert all(task.suffix.endswith(b"\n") for task in inner)
    assert all(task.prefix.startswith(b"number") for task in tasks)


def test_a_sample_is_of_each_dataset_and_in_order() -> None:
    names = ("a1", "a2", "a3", "a4", "b1")
    tasks = [Task(name[0], name, name, "python", "line", b"", b"", b"x") for name in names]
    some = sample_tasks(tasks, 2, seed=0)
    assert [task.dataset for task in some] == ["a", "a", "b"]
    assert some == sorted(some, key=tasks.index)
    assert sample_tasks(tasks, 9, seed=0) == tasks


def test_a_digest_tells_what_a_model_is_asked() -> None:
    task = Task("d", "n", "c", "python", "line", b"a", b"b", b"x")
    other = Task("d", "n", "c", "python", "line", b"a", b"bb", b"x")
    assert task.digest == Task("e", "m", "c", "python", "line", b"a", b"b", b"x").digest
    assert task.digest != other.digest
    last = replace(task, suffix=b"\n")
    assert last.digest != replace(last, suffix_goes_on=True).digest
    asked = (last.kind, last.language, last.prefix, last.suffix, last.truth, last.suffix_goes_on)
    before = hashlib.blake2b(repr(asked).encode(), digest_size=8).hexdigest()
    assert last.digest != before, "it was asked without being told that the file ends"
