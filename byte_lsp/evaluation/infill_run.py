"""All holes, all arms: what was answered is kept in a file, and a later run goes on where it stopped.

The file is ``infill-observations.jsonl``: a line that says which model was asked and how, then a line for
every hole. Text that is not UTF-8 is kept with surrogates (PEP 383).
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cattrs import Converter
from cattrs.errors import BaseValidationError

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.infill_ask import Observation, Recipe, observe
from byte_lsp.evaluation.infill_jobs import observe_in_processes
from byte_lsp.evaluation.infill_tasks import Task
from byte_lsp.evaluation.local import ModelFile, open_local
from byte_lsp.evaluation.progress import OnDone

OBSERVATIONS = "infill-observations.jsonl"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Header:
    """What all answers in a file have in common; ``model`` is the name that was asked for."""

    format: int
    model: str
    recipe: Recipe
    file: ModelFile


@dataclass(frozen=True, slots=True)
class Run:
    """The answers of one model, a hole each, in the tasks' order."""

    file: ModelFile
    observations: list[Observation]


class Journal:
    """The answers so far, in memory, and in a file if there is one."""

    def __init__(self, path: Path | None, model: str, recipe: Recipe) -> None:
        """Read what is there; a line that was not finished is dropped.

        Errors: ``EvaluationError`` if the file cannot be read, or is of another model or recipe.
        """
        self.header: Header | None = None
        self._path, self._model, self._recipe = path, model, recipe
        self._found: dict[tuple[str, str], Observation] = {}
        if path is not None and path.exists():
            self._read(path)
        if self.header is not None:
            self._check(self.header.file)

    def find(self, task: Task) -> Observation | None:
        """The answers in a task's hole, if it was asked."""
        return self._found.get((task.full_name, task.digest))

    def add(self, file: ModelFile, observation: Observation) -> None:
        """Keep a task's answers. Errors: ``EvaluationError`` if those before are of another model file."""
        if self.header is None:
            self.header = Header(_FORMAT, self._model, self._recipe, file)
            self._write(self.header)
        self._check(file)
        self._found[observation.task, observation.digest] = observation
        self._write(observation)

    def _check(self, file: ModelFile) -> None:
        """Compare what is asked now with what was asked before."""
        asked = Header(_FORMAT, self._model, self._recipe, file)
        if self.header != asked:
            raise EvaluationError(
                f"{self._path} has the answers of {self.header}, not of {asked}; name another --out, or "
                "remove that file"
            )

    def _read(self, path: Path) -> None:
        try:
            content = path.read_bytes()
            finished = content.rfind(b"\n") + 1
            if finished < len(content):
                os.truncate(path, finished)
            lines = [json.loads(line) for line in content[:finished].splitlines()]
            if lines:
                self.header = _CONVERTER.structure(lines[0], Header)
            for line in lines[1:]:
                found = _CONVERTER.structure(line, Observation)
                self._found[found.task, found.digest] = found
        except (OSError, ValueError, BaseValidationError) as error:
            raise EvaluationError(
                f"{path} cannot be gone on with ({error}); name another --out, or remove that file"
            ) from error

    def _write(self, record: Header | Observation) -> None:
        if self._path is not None:
            line = json.dumps(_CONVERTER.unstructure(record), separators=(",", ":"))
            with self._path.open("ab") as file:
                file.write(line.encode() + b"\n")


def read_journal(path: Path) -> list[Observation]:
    """The answers in a journal, whatever was asked. Errors: ``EvaluationError`` if it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [_CONVERTER.structure(json.loads(line), Observation) for line in lines[1:]]
    except (OSError, ValueError, BaseValidationError) as error:
        raise EvaluationError(f"{path} cannot be read ({error}); name the --out of `eval infill`") from error


def run_tasks(
    model: str, tasks: Sequence[Task], recipe: Recipe, folder: Path | None, on_done: OnDone, *, jobs: int = 1
) -> Run:
    """Ask what the journal in ``folder`` does not have; ``on_done`` is told how many holes are behind.

    With more ``jobs`` than one each is a process with a model and one thread of its own: times are longer,
    the whole takes less. The model is loaded only if something is left to ask. Errors: ``EvaluationError``
    if there is no task or the journal is of another run, and those of ``open_local``.
    """
    if not tasks:
        raise EvaluationError("there is no hole to fill in; give more files or ask for more")
    journal = Journal(None if folder is None else folder / OBSERVATIONS, model, recipe)
    left = [task for task in tasks if journal.find(task) is None]
    done = len(tasks) - len(left)
    on_done(done)
    for file, observation in _ask(model, left, recipe, jobs):
        journal.add(file, observation)
        done += 1
        on_done(done)
    assert journal.header is not None
    return Run(journal.header.file, [found for task in tasks if (found := journal.find(task))])


def _ask(
    model: str, tasks: Sequence[Task], recipe: Recipe, jobs: int
) -> Iterator[tuple[ModelFile, Observation]]:
    if not tasks:
        return
    if jobs > 1:
        yield from observe_in_processes(model, tasks, recipe, jobs)
        return
    with open_local(model) as loaded:
        for observation in observe(loaded, tasks, recipe):
            yield loaded.file, observation


def _make_converter() -> Converter:
    converter = Converter()
    converter.register_unstructure_hook(bytes, lambda text: text.decode("utf-8", "surrogateescape"))
    converter.register_structure_hook(bytes, lambda text, _: text.encode("utf-8", "surrogateescape"))
    return converter


_CONVERTER = _make_converter()
