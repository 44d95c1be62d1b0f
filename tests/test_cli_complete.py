"""``byte-lsp complete`` with the real model."""

import json
from pathlib import Path
from typing import get_args

import pytest

from byte_lsp.infill.problem import StopReason
from tests.cli_process import error_line, run_cli

pytestmark = pytest.mark.usefixtures("default_path")

STACK = """\
class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.ite"""


@pytest.fixture
def stack_file(tmp_path: Path) -> str:
    file = tmp_path / "stack.py"
    file.write_text(STACK, encoding="utf-8", newline="")
    return str(file)


def test_the_suggestion_and_nothing_else_is_printed(stack_file: str) -> None:
    process = run_cli("complete", f"{stack_file}:6:17")
    assert process.returncode == 0
    assert process.stdout.startswith(b"ms")
    assert process.stdout.count(b"\n") == 1
    assert process.stderr == b""


def test_plain_tokenization_can_be_asked_for(stack_file: str) -> None:
    process = run_cli("complete", f"{stack_file}:6", "--arm", "plain")
    assert process.returncode == 0
    assert process.stdout.strip()
    assert not process.stdout.startswith(b"ms")


def test_json_has_the_alternatives_and_what_they_cost(tmp_path: Path) -> None:
    file = tmp_path / "empty.py"
    file.write_text("import ", encoding="utf-8")
    process = run_cli("complete", f"{file}:1", "--alternatives", "3", "--max-bytes", "8", "--json")
    answer = json.loads(process.stdout)
    suggestions = answer["suggestions"]
    texts = [suggestion["text"] for suggestion in suggestions]
    assert len(set(texts)) == 3
    assert max(len(text.encode()) for text in texts) <= 8
    for suggestion in suggestions:
        assert suggestion["logprob"] < 0
        assert suggestion["stop_reason"] in get_args(StopReason)
        assert suggestion["tokens_evaluated"] > 0
    assert answer["elapsed_ms"] > 0


def test_what_is_there_already_is_not_suggested(tmp_path: Path) -> None:
    file = tmp_path / "stack.py"
    file.write_text(STACK + "ms.append(item)\n", encoding="utf-8", newline="")
    process = run_cli("complete", f"{file}:6:17")
    assert (process.returncode, process.stdout) == (0, b"")
    assert error_line(process) == "byte-lsp: nothing to suggest that is not there already"


def test_a_place_that_is_not_there_is_one_line_and_exit_code_1(stack_file: str) -> None:
    process = run_cli("complete", f"{stack_file}:6:18")
    assert (process.returncode, process.stdout) == (1, b"")
    assert error_line(process).endswith("stack.py:6 has no column 18; its columns are 1 to 17")


def test_equal_seeds_draw_the_same(stack_file: str) -> None:
    drawing = ["complete", f"{stack_file}:6", "--temperature", "0.9", "--top-p", "0.9", "--seed", "5"]
    first, second = run_cli(*drawing), run_cli(*drawing)
    assert first.stdout == second.stdout != b""
