"""``byte-lsp eval middles``: how probable true middles are to models that fill in, and to others."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from byte_lsp.cli_contenders import add_contenders, read_contenders
from byte_lsp.cli_options import add_output, at_least
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.contenders import Contender, identify_all
from byte_lsp.evaluation.humaneval import read_dataset
from byte_lsp.evaluation.infill_tasks import sample_tasks
from byte_lsp.evaluation.middle_report import tabulate
from byte_lsp.evaluation.middle_run import run_middles
from byte_lsp.evaluation.middle_spans import Middle, Window, draw_middles, take_middles
from byte_lsp.evaluation.middle_summary import summarize
from byte_lsp.evaluation.progress import show_progress
from byte_lsp.evaluation.report import Report, prepare, publish


@dataclass(frozen=True, slots=True)
class MiddleSettings:
    """What was asked for: ``middles`` are those of each language, ``most_tasks`` those of each dataset."""

    folders: Sequence[Path]
    datasets: Sequence[Path]
    models: Sequence[Contender]
    middles: int
    most_tasks: int | None
    window: Window
    seed: int
    jobs: int
    ends: bool


def add_suite(suites: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``middles`` to ``eval``."""
    usual = Window()
    parser = suites.add_parser(
        "middles",
        help="nats per byte of what stands at cursors, given both sides, by several models",
        description="Cut lines, parts of lines and blocks out of source files, or take a dataset's holes, "
        "and ask how probable what was there is: to each model as it fills in, beside the first model; where "
        "the model ends it; and how probable the same text is from left to right. Exact at every byte. With "
        "--out a run that was stopped goes on.",
    )
    add = parser.add_argument
    add("folders", nargs="*", type=Path, metavar="FOLDER", help="where source files are")
    dataset = "JSON lines of HumanEval-Infilling, plain or gzipped; may be given several times"
    add("--dataset", action="append", default=[], type=Path, metavar="FILE", help=dataset)
    add_contenders(parser)
    middles = "middles to cut out of the files of each language (default: 150)"
    add("--middles", type=at_least(1), default=150, metavar="N", help=middles)
    few = "take so many holes of each dataset, drawn at random (default: all)"
    add("--tasks", type=at_least(1), default=None, metavar="N", help=few)
    before = f"bytes of a file before a middle, at most (default: {usual.prefix_bytes})"
    add("--prefix-bytes", type=at_least(1), default=usual.prefix_bytes, metavar="N", help=before)
    behind = f"bytes of a file behind a middle, at most (default: {usual.suffix_bytes})"
    add("--suffix-bytes", type=at_least(1), default=usual.suffix_bytes, metavar="N", help=behind)
    add("--seed", type=at_least(0), default=0, metavar="N", help="draw others (default: 0)")
    add("--no-ends", action="store_true", help="do not look where models end; takes less time")
    jobs = "processes with a model and one thread each (default: 1)"
    add("--jobs", type=at_least(1), default=1, metavar="N", help=jobs)
    add_output(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, or go on measuring, and report; returns the exit code. Errors: ``ByteLspError``."""
    settings = MiddleSettings(
        folders=args.folders,
        datasets=args.dataset,
        models=read_contenders(args),
        middles=args.middles,
        most_tasks=args.tasks,
        window=Window(args.prefix_bytes, args.suffix_bytes),
        seed=args.seed,
        jobs=args.jobs,
        ends=not args.no_ends,
    )
    prepare(args.out)
    middles = _find_middles(settings)
    models = identify_all(settings.models)
    with show_progress() as track:
        on_done = track("all models and middles", len(middles) * len(settings.models))
        found = run_middles(models, middles, args.out, on_done, ends=settings.ends, jobs=settings.jobs)
    summary = summarize(middles, found, settings.seed)

    def draw(folder: Path) -> Sequence[Path]:
        from byte_lsp.evaluation.middle_plots import (  # noqa: PLC0415 - matplotlib is an optional extra
            draw_middles as draw_summary,
        )

        return draw_summary(summary, folder)

    results = {"summary": summary, "middles": middles, "readings": found}
    report = Report("middles", [each.file for each in found], settings, results, tabulate(summary), draw)
    publish(report, args.out, as_json=args.json)
    return 0


def _find_middles(settings: MiddleSettings) -> list[Middle]:
    if not settings.folders and not settings.datasets:
        raise EvaluationError("there is no middle to read; give folders with source files, or --dataset FILE")
    tasks = [task for path in settings.datasets for task in read_dataset(path)]
    if settings.most_tasks is not None:
        tasks = sample_tasks(tasks, settings.most_tasks, settings.seed)
    middles = take_middles(tasks)
    if settings.folders:
        middles += draw_middles(settings.folders, settings.middles, settings.seed, settings.window)
    return middles
