"""``byte-lsp eval bias | ensemble | infill | middles``: how good the suggestions are, in files of yours."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from byte_lsp import cli_calibration, cli_middles
from byte_lsp.cli_contenders import add_arms, add_contenders, read_entries
from byte_lsp.cli_options import add_model, add_output, at_least, between
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation import bias, bias_report, ensemble_gain, ensemble_report, infill_report
from byte_lsp.evaluation.contenders import find_model, identify_all
from byte_lsp.evaluation.corpus import Corpus
from byte_lsp.evaluation.humaneval import read_dataset
from byte_lsp.evaluation.infill_ask import Recipe
from byte_lsp.evaluation.infill_page import write_page
from byte_lsp.evaluation.infill_run import Entry, run_tasks
from byte_lsp.evaluation.infill_scores import require_rapidfuzz
from byte_lsp.evaluation.infill_summary import judge_run
from byte_lsp.evaluation.infill_tasks import KINDS, Kind, Task, draw_holes, sample_tasks
from byte_lsp.evaluation.local import open_local
from byte_lsp.evaluation.progress import show_progress
from byte_lsp.evaluation.report import Report, prepare, publish
from byte_lsp.evaluation.sandbox import require_sandbox
from byte_lsp.evaluation.windows import Cursor, draw_cursors
from byte_lsp.weights import MOST_WEIGHT, Rule, check_weights

DEFAULT_EPS = 1e-3


@dataclass(frozen=True, slots=True)
class EvalSettings:
    """What was asked for."""

    folders: Sequence[Path]
    models: Sequence[str]
    cursors: int
    seed: int
    eps: float
    weights: Sequence[float] = ()
    rule: Rule = "mixture"


@dataclass(frozen=True, slots=True)
class InfillSettings:
    """What was asked for; ``most_tasks`` None are all of each dataset.

    ``threshold`` None is each model's own, if it has one.
    """

    folders: Sequence[Path]
    datasets: Sequence[Path]
    models: Sequence[Entry]
    kinds: Sequence[Kind]
    holes: int
    most_tasks: int | None
    candidates: int
    seed: int
    jobs: int
    threshold: float | None
    tests: bool


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``eval`` to the command line."""
    about = "measure how good suggestions are, at cursors drawn at random in your files"
    parser = subparsers.add_parser("eval", help=about, description=f"{about.capitalize()}.")
    suites = parser.add_subparsers(dest="suite", required=True, metavar="SUITE")
    _add_bias(suites)
    _add_ensemble(suites)
    _add_infill(suites)
    cli_middles.add_suite(suites)
    cli_calibration.add_suite(suites)


def run_bias(args: argparse.Namespace) -> int:
    """Measure and report; returns the exit code. Errors: ``ByteLspError``."""
    settings = EvalSettings(args.folders, [args.model], args.cursors, args.seed, args.eps)
    prepare(args.out)
    cursors = _draw(settings)
    with open_local(args.model) as model, show_progress() as track:
        on_done = track("plain, healing and exact at every cursor", len(cursors))
        found = bias.observe(model, cursors, args.eps, on_done)
        files = [model.file]
    places = bias.summarize(found.observed, args.seed)

    def draw(folder: Path) -> Sequence[Path]:
        from byte_lsp.evaluation.bias_plots import draw_bias  # noqa: PLC0415 - matplotlib is an optional extra

        return draw_bias(places, folder)

    results = {"places": places, "observations": found.observed, "unspellable": found.unspellable}
    tables = bias_report.tabulate(places, found.unspellable)
    report = Report("bias", files, settings, results, tables, draw)
    publish(report, args.out, as_json=args.json)
    return 0


def run_ensemble(args: argparse.Namespace) -> int:
    """Measure and report; returns the exit code. Errors: ``ByteLspError``."""
    names = args.models
    weights = tuple(args.weights or [1 / len(names)] * len(names))
    settings = EvalSettings(args.folders, names, args.cursors, args.seed, args.eps, weights, args.rule)
    _check_members(names, weights, args.rule)
    prepare(args.out)
    cursors = _draw(settings)
    with ExitStack() as stack:
        models = [stack.enter_context(open_local(name)) for name in names]
        track = stack.enter_context(show_progress())
        on_done = track("members and ensemble at every cursor", len(cursors))
        recipe = ensemble_gain.Recipe(weights, args.rule)
        found = ensemble_gain.score(models, recipe, cursors, args.eps, on_done)
        files = [model.file for model in models]
    gains = ensemble_gain.summarize_gain(found.scores, args.seed)
    cost = ensemble_gain.summarize_cost(found.scores, args.seed)

    def draw(folder: Path) -> Sequence[Path]:
        from byte_lsp.evaluation.ensemble_plots import draw_ensemble  # noqa: PLC0415 - matplotlib is an optional extra

        return draw_ensemble(names, gains, cost, folder)

    results = {"gains": gains, "cost": cost, "scores": found.scores, "unspellable": found.unspellable}
    tables = ensemble_report.tabulate(names, gains, cost, found)
    report = Report("ensemble", files, settings, results, tables, draw)
    publish(report, args.out, as_json=args.json)
    return 0


def run_infill(args: argparse.Namespace) -> int:
    """Measure, or go on measuring, and report; returns the exit code. Errors: ``ByteLspError``."""
    settings = InfillSettings(
        folders=args.folders,
        datasets=args.dataset,
        models=read_entries(args),
        kinds=args.kinds,
        holes=args.holes,
        most_tasks=args.tasks,
        candidates=args.candidates,
        seed=args.seed,
        jobs=args.jobs,
        threshold=args.threshold,
        tests=not args.no_tests,
    )
    require_rapidfuzz()
    prepare(args.out)
    tasks = _find_tasks(settings)
    models = identify_all([entry.contender for entry in settings.models])
    asked = [(known, entry.arms) for known, entry in zip(models, settings.models, strict=True)]
    recipe = Recipe(settings.candidates, settings.seed)
    thresholds = {entry.contender.label: _threshold(entry, settings.threshold) for entry in settings.models}
    with show_progress() as track:
        on_done = track("all models and arms in every hole", len(tasks) * len(settings.models))
        answers = run_tasks(asked, tasks, recipe, args.out, on_done, jobs=args.jobs)
        found = judge_run(answers, tasks, thresholds, settings.seed, track, tests=settings.tests)
    files = [each.file for each in answers]

    def draw(folder: Path) -> Sequence[Path]:
        from byte_lsp.evaluation.infill_plots import draw_infill  # noqa: PLC0415 - matplotlib is an optional extra

        by_name = {task.full_name: task for task in tasks}
        return [
            *write_page(found.datasets, found.scores, by_name, files, folder),
            *draw_infill(found.datasets, folder),
        ]

    tables = infill_report.tabulate(found.datasets)
    publish(Report("infill", files, settings, found, tables, draw), args.out, as_json=args.json)
    return 0


def _threshold(entry: Entry, given: float | None) -> float:
    """Where an editor begins to show suggestions of a model that nobody asked for."""
    if given is not None:
        return given
    calibration = find_model(entry.contender).calibration
    return calibration.threshold if calibration else 0.0


def _find_tasks(settings: InfillSettings) -> list[Task]:
    if not settings.folders and not settings.datasets:
        raise EvaluationError(
            "there is nothing to fill in; give folders with source files, or --dataset FILE"
        )
    tasks = [task for path in settings.datasets for task in read_dataset(path)]
    if settings.folders:
        tasks += draw_holes(settings.folders, settings.kinds, settings.holes, settings.seed)
    if settings.most_tasks is not None:
        tasks = sample_tasks(tasks, settings.most_tasks, settings.seed)
    if settings.tests and any(task.tests for task in tasks):
        require_sandbox()
    return tasks


def _add_bias(suites: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = suites.add_parser(
        "bias",
        help="plain tokenization, token healing and exact covers at the same cursors",
        description="At cursors inside tokens and on their boundaries: is the greedy rest of the line right, "
        "and how many nats does the true one take, with plain tokenization, token healing and exact covers?",
    )
    _add_common(parser, cursors=1000)
    add_model(parser)
    parser.set_defaults(run=run_bias)


def _add_ensemble(suites: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = suites.add_parser(
        "ensemble",
        help="several models together against each alone",
        description="Nats per byte of the true rest of the line, by an ensemble and by each of its members "
        "alone, by language; and what the ensemble costs beside its members.",
    )
    _add_common(parser, cursors=500)
    add = parser.add_argument
    models = "names from `byte-lsp models list`, or paths of GGUF files"
    add("--models", nargs="+", required=True, metavar="NAME", help=models)
    add(
        "--weights",
        nargs="+",
        type=between(-MOST_WEIGHT, MOST_WEIGHT),
        metavar="W",
        help="one each (default: equal)",
    )
    rule = "how distributions are combined (default: mixture)"
    add("--rule", choices=get_args(Rule), default="mixture", help=rule)
    parser.set_defaults(run=run_ensemble)


def _add_infill(suites: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    defaults = Recipe()
    parser = suites.add_parser(
        "infill",
        help="holes in your files and in HumanEval-Infilling, filled in",
        description="Cut holes into source files, or take those of HumanEval-Infilling, and have models "
        "fill them in greedily with plain tokenization, token healing and exact covers; with +fit "
        "several candidates of each are ranked by how well the suffix goes on. With --out a run that was "
        "stopped goes on, and one that asks for more asks only for that.",
    )
    add = parser.add_argument
    add("folders", nargs="*", type=Path, metavar="FOLDER", help="where source files are")
    dataset = "JSON lines of HumanEval-Infilling, plain or gzipped; may be given several times"
    add("--dataset", action="append", default=[], type=Path, metavar="FILE", help=dataset)
    add_contenders(parser)
    add_arms(parser)
    kinds = f"holes to cut into files: {', '.join(KINDS)} (default: all)"
    add("--kinds", nargs="+", choices=KINDS, default=KINDS, metavar="KIND", help=kinds)
    holes = "holes of each kind to cut into files (default: 100)"
    add("--holes", type=at_least(1), default=100, metavar="N", help=holes)
    few = "take so many holes of each dataset, drawn at random (default: all)"
    add("--tasks", type=at_least(1), default=None, metavar="N", help=few)
    draws = f"candidates that +fit chooses from (default: {defaults.draws})"
    add("--candidates", type=at_least(2), default=defaults.draws, metavar="N", help=draws)
    add("--seed", type=at_least(0), default=defaults.seed, metavar="N", help="draw others (default: 0)")
    threshold = "suggestions of less confidence count as not shown (default: the model's own, if it has one)"
    add("--threshold", type=between(0, 1), default=None, metavar="P", help=threshold)
    add("--no-tests", action="store_true", help="run none of the programs, so no pass@1")
    jobs = "processes with a model and one thread each; above 1 times are longer (default: 1)"
    add("--jobs", type=at_least(1), default=1, metavar="N", help=jobs)
    add_output(parser)
    parser.set_defaults(run=run_infill)


def _add_common(parser: argparse.ArgumentParser, *, cursors: int) -> None:
    add = parser.add_argument
    add("folders", nargs="+", type=Path, metavar="FOLDER", help="where the source files are")
    about = f"cursors to draw (default: {cursors})"
    add("--cursors", type=at_least(1), default=cursors, metavar="N", help=about)
    add("--seed", type=at_least(0), default=0, metavar="N", help="draw others (default: 0)")
    eps = f"contexts of less weight are not evaluated in scoring (default: {DEFAULT_EPS:g})"
    add("--eps", type=between(0, 0.5), default=DEFAULT_EPS, metavar="E", help=eps)
    add_output(parser)


def _draw(settings: EvalSettings) -> list[Cursor]:
    return draw_cursors(Corpus(settings.folders, settings.seed), settings.cursors, settings.seed)


def _check_members(names: Sequence[str], weights: Sequence[float], rule: Rule) -> None:
    if len(names) < 2:
        raise EvaluationError("an ensemble has two members or more; name them after --models")
    if len(weights) != len(names):
        raise EvaluationError(
            f"{len(names)} models and {len(weights)} weights; give one weight for each model"
        )
    try:
        check_weights(weights, rule)
    except ValueError as error:
        raise EvaluationError(f"--weights: {error}") from error
