"""HumanEval-Infilling files as they are published: what is a line, a block, a span."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.humaneval import read_dataset

PROMPT = "def double(number):\n"
TEST = "def check(candidate):\n    assert candidate(2) == 4\n"


def row(**changes: Any) -> dict[str, Any]:
    given = {
        "task_id": "SingleLineInfilling/HumanEval/7/L0",
        "entry_point": "double",
        "prompt": PROMPT,
        "suffix": "    return result\n",
        "canonical_solution": "    result = 2 * number\n",
        "test": TEST,
    }
    return given | changes


def write(path: Path, *rows: object) -> Path:
    content = "".join(json.dumps(each) + "\n" for each in rows).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["HumanEval-SingleLine.jsonl", "HumanEval-SingleLine.jsonl.gz"])
def test_a_whole_line_leaves_its_line_end_to_the_suffix(tmp_path: Path, name: str) -> None:
    (task,) = read_dataset(write(tmp_path / name, row()))
    assert (task.dataset, task.kind, task.cluster) == ("HumanEval-SingleLine", "line", "HumanEval/7")
    assert task.prefix == PROMPT.encode()
    assert task.truth == b"    result = 2 * number"
    assert task.suffix == b"\n    return result\n"
    assert task.tests is not None
    assert (task.tests.entry_point, task.tests.code) == ("double", TEST)


def test_whole_lines_are_a_block(tmp_path: Path) -> None:
    solution = "    result = number\n    result += number\n"
    (task,) = read_dataset(write(tmp_path / "d.jsonl", row(canonical_solution=solution)))
    assert (task.kind, task.truth) == ("block", solution.rstrip("\n").encode())
    assert task.suffix.startswith(b"\n    return")


def test_one_hole_inside_a_line_makes_all_of_them_spans(tmp_path: Path) -> None:
    inside = row(task_id="b", prompt=PROMPT + "    result", canonical_solution=" = 2 * number\n")
    whole, part = read_dataset(write(tmp_path / "d.jsonl", row(), inside))
    assert whole.kind == part.kind == "span"
    assert whole.truth == b"    result = 2 * number\n"
    assert part.cluster == "b"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no task in it"),
        (b'{"task_id": "a"}\n', "line 1 has no text under entry_point"),
        (json.dumps(row()).encode() + b"\n\n{", "line 3 is not JSON"),
        (b"[]\n", "line 1 has no text under task_id"),
        (json.dumps(row(test=None)).encode(), "no text under test"),
        ((json.dumps(row()) + "\n").encode() * 2, "is there twice"),
        (b"\x1f\x8bnot gzip", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "some.jsonl"
    path.write_bytes(content)
    with pytest.raises(EvaluationError, match=reason) as raised:
        read_dataset(path)
    assert str(path) in str(raised.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_dataset(tmp_path / "none.jsonl")
