"""HumanEval-Infilling: JSON-lines files of programs with a hole and tests (arXiv 2207.14255, section 4).

A line has ``task_id``, ``entry_point``, ``prompt``, ``suffix``, ``canonical_solution`` and ``test``. Where
every hole of a file is one whole line the tasks are lines, and their line ends go to the suffix: a person
fills in a line that is there. Where every hole is whole lines they are blocks, otherwise spans.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.infill_tasks import Kind, Suite, Task

_GZIP_MAGIC = b"\x1f\x8b"
_HINT = "give a file of HumanEval-Infilling, such as HumanEval-SingleLineInfilling.jsonl.gz"


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a file, with the file's own names."""

    task_id: str
    entry_point: str
    prompt: str
    suffix: str
    canonical_solution: str
    test: str

    @property
    def is_whole_lines(self) -> bool:
        starts_line = not self.prompt or self.prompt.endswith("\n")
        return starts_line and self.canonical_solution.endswith("\n")


def read_dataset(path: Path) -> list[Task]:
    """The tasks of a file, in its order; gzip is recognised by content.

    Errors: ``EvaluationError`` naming the file, and the line and key where it is not such a file.
    """
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP_MAGIC):
            content = gzip.decompress(content)
        text = content.decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read ({error}); {_HINT}") from error
    rows = list(_read_rows(path, text))
    if not rows:
        raise EvaluationError(f"{path} has no task in it; {_HINT}")
    kind = _kind_of(rows)
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    return [_make_task(row, name, kind) for row in rows]


def _read_rows(path: Path, text: str) -> Iterator[_Row]:
    seen: set[str] = set()
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            found = json.loads(line)
        except ValueError as error:
            raise EvaluationError(f"{where} is not JSON ({error}); {_HINT}") from error
        row = _Row(**{key: _read_text(where, found, key) for key in _Row.__dataclass_fields__})
        if row.task_id in seen:
            raise EvaluationError(f"{where}: the task_id {row.task_id} is there twice; give it once")
        seen.add(row.task_id)
        yield row


def _read_text(where: str, found: Any, key: str) -> str:
    value = found.get(key) if isinstance(found, dict) else None
    if not isinstance(value, str):
        raise EvaluationError(f"{where} has no text under {key}; {_HINT}")
    return value


def _kind_of(rows: Sequence[_Row]) -> Kind:
    if not all(row.is_whole_lines for row in rows):
        return "span"
    return "line" if all(row.canonical_solution.count("\n") == 1 for row in rows) else "block"


def _make_task(row: _Row, dataset: str, kind: Kind) -> Task:
    truth, suffix = row.canonical_solution, row.suffix
    if kind != "span":
        truth, suffix = truth.removesuffix("\n"), "\n" + suffix
    return Task(
        dataset=dataset,
        name=row.task_id,
        cluster=_problem_of(row.task_id),
        language="python",
        kind=kind,
        prefix=row.prompt.encode(),
        suffix=suffix.encode(),
        truth=truth.encode(),
        tests=Suite(row.entry_point, row.test),
    )


def _problem_of(task_id: str) -> str:
    """``HumanEval/7`` of ``SingleLineInfilling/HumanEval/7/L3``; the whole id if it is of another shape."""
    parts = task_id.split("/")
    at = parts.index("HumanEval") if "HumanEval" in parts else -1
    return "/".join(parts[at : at + 2]) if at >= 0 and len(parts) > at + 1 else task_id
