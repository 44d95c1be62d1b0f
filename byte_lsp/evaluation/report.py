"""What a measurement leaves behind: tables to read, JSON with everything, and plots."""

import json
import math
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from byte_lsp.doctor import find_versions, look_at_machine
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.bootstrap import Interval
from byte_lsp.evaluation.local import ModelFile
from byte_lsp.evaluation.windows import Unspellable

NO_PLOTS = "byte-lsp: the plots need matplotlib; run: pip install 'byte-lsp[plot]'"

_LEAST_WIDTH = 140


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table of finished cells; the first column is text, the others are numbers.

    ``notes`` are lines below it: what was counted, what was left out.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A finished measurement. ``settings`` and ``results`` are dataclasses, or plain enough for JSON.

    ``models`` are the files that were measured. ``draw`` writes plots into a folder and returns their paths;
    it is called only where matplotlib is installed.
    """

    name: str
    models: Sequence[ModelFile]
    settings: object
    results: object
    tables: Sequence[Table]
    draw: Callable[[Path], Sequence[Path]]


def prepare(folder: Path | None) -> None:
    """Make the folder that a report will be written into, if there is one, before anything is measured.

    Errors: ``EvaluationError`` if it cannot be written.
    """
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _cannot_write(folder, error) from error


def publish(report: Report, folder: Path | None, *, as_json: bool) -> None:
    """Print a report, and write ``NAME.json`` and the plots into ``folder`` if there is one.

    Errors: ``EvaluationError`` if the folder cannot be written.
    """
    described = describe(report)
    if as_json:
        print(json.dumps(described, indent=1, allow_nan=False))
    else:
        _print_tables(report)
    if folder is not None:
        try:
            written = _write(report, described, folder)
        except OSError as error:
            raise _cannot_write(folder, error) from error
        print(f"written: {', '.join(map(str, written))}", file=sys.stderr)


def describe(report: Report) -> object:
    """Everything in a report, with the machine and the versions it belongs to, in JSON's types."""
    content = {
        "machine": look_at_machine(),
        "versions": find_versions(),
        "models": report.models,
        "settings": report.settings,
        "results": report.results,
    }
    return _plain(content)


def show_interval(
    interval: Interval | None, digits: int = 3, *, percent: bool = False, sign: bool = False
) -> str:
    """An interval as a cell: estimate and bounds; a dash for none, "?" for bounds that nobody knows."""
    if interval is None:
        return "-"
    scale, unit = (100, " %") if percent else (1, "")
    form = f"{'+' if sign else ''}.{digits}f"
    bounds = [interval.low, interval.high]
    shown = "?" if math.isnan(bounds[0]) else ", ".join(format(bound * scale, form) for bound in bounds)
    return f"{interval.estimate * scale:{form}}{unit} [{shown}]"


def note_unspellable(unspellable: Unspellable) -> list[str]:
    """A note on what was left out, if anything was."""
    if not unspellable.cursors:
        return []
    return [
        f"{unspellable.cursors} more cursors, in {unspellable.windows} windows, were left out: a vocabulary "
        "has no tokens for some bytes of their texts"
    ]


def _cannot_write(folder: Path, error: OSError) -> EvaluationError:
    return EvaluationError(f"{folder} cannot be written ({error.strerror}); name another --out")


def _write(report: Report, described: object, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{report.name}.json"]
    compact = json.dumps(described, allow_nan=False, separators=(",", ":"))
    written[0].write_text(compact + "\n", encoding="utf-8")
    if find_spec("matplotlib"):
        written += report.draw(folder)
    else:
        print(NO_PLOTS, file=sys.stderr)
    return written


def _print_tables(report: Report) -> None:
    console = Console(highlight=False, width=max(Console().width, _LEAST_WIDTH))
    for table in report.tables:
        shown = RichTable(title=table.title, title_justify="left", title_style="bold", box=None)
        for at, column in enumerate(table.columns):
            shown.add_column(column, justify="right" if at else "left", header_style="bold")
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
        for note in table.notes:
            console.print(note, style="dim")
        console.print()
    machine = look_at_machine()
    memory_gib = machine.memory_bytes / 2**30
    console.print(f"{machine.processor}, {machine.cores} cores, {memory_gib:.0f} GiB, {machine.system}")
    for model in report.models:
        console.print(
            f"{model.name}: {model.file}, {model.size_bytes / 1e6:.0f} MB, {model.vocabulary_size:,} pieces"
        )


def _plain(value: object) -> object:
    """The value in JSON's types: infinities and the like become null."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value
