"""All middles, all models: what was read is kept in ``middle-readings.jsonl``, and a later run goes on."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.contenders import Identity, Known
from byte_lsp.evaluation.jobs import ask_all
from byte_lsp.evaluation.journal import Journal
from byte_lsp.evaluation.local import ModelFile
from byte_lsp.evaluation.middle_read import Found, Reading, read_middles
from byte_lsp.evaluation.middle_spans import Middle
from byte_lsp.evaluation.progress import OnDone

READINGS = "middle-readings.jsonl"


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the journal: what a model said of a middle. ``ends`` says whether its end was looked for."""

    model: str
    identity: Identity
    ends: bool
    found: Found


@dataclass(frozen=True, slots=True)
class Readings:
    """One model's readings, one for each middle, None where its vocabulary has no tokens for the text."""

    file: ModelFile
    readings: list[Reading | None]

    @property
    def model(self) -> str:
        """What the model is called."""
        return self.file.name


def run_middles(
    models: Sequence[Known],
    middles: Sequence[Middle],
    folder: Path | None,
    on_done: OnDone,
    *,
    ends: bool = True,
    jobs: int = 1,
) -> list[Readings]:
    """Have every model read what the journal in ``folder`` does not have, one model after another.

    Errors: ``EvaluationError`` if there is no middle or the journal cannot be read, and those of
    ``open_contender``.
    """
    if not middles:
        raise EvaluationError("there is no middle to read; give more files or ask for more")
    journal = Journal(None if folder is None else folder / READINGS, Record, _key)
    done = 0
    found = []
    for known in models:
        keys = [_key(_record(known, ends, middle.name, middle.digest)) for middle in middles]
        left = [middle for middle, key in zip(middles, keys, strict=True) if journal.find(key) is None]
        done += len(middles) - len(left)
        on_done(done)
        for each in ask_all(known.contender, _share_out(left), partial(read_middles, ends=ends), jobs):
            journal.add(Record(known.label, known.identity, ends, each))
            done += 1
            on_done(done)
        records = [record for key in keys if (record := journal.find(key))]
        found.append(Readings(known.file, [record.found.reading for record in records]))
    return found


def _record(known: Known, ends: bool, name: str, digest: str) -> Record:
    return Record(known.label, known.identity, ends, Found(name, digest, None))


def _share_out(middles: Sequence[Middle]) -> list[list[Middle]]:
    """Middles of one file stay together: those of one line share most of their prefix."""
    return [list(share) for _, share in groupby(middles, lambda middle: (middle.source, middle.cluster))]


def _key(record: Record) -> Hashable:
    return record.identity.sha256, record.identity.asked, record.ends, record.found.name, record.found.digest
