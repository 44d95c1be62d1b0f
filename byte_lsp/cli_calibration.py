"""``byte-lsp eval calibration``: what a model's own probabilities are worth, for its entry in a catalogue."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from byte_lsp.cli_options import add_model, add_output, at_least
from byte_lsp.evaluation.calibration import check_library, fit_calibration, try_cursors
from byte_lsp.evaluation.calibration_report import tabulate, to_toml
from byte_lsp.evaluation.corpus import Corpus
from byte_lsp.evaluation.local import open_local
from byte_lsp.evaluation.progress import show_progress
from byte_lsp.evaluation.report import Report, prepare, publish
from byte_lsp.evaluation.windows import Shape, Unspellable, draw_cursors


@dataclass(frozen=True, slots=True)
class CalibrationSettings:
    """What was asked for."""

    folders: Sequence[Path]
    model: str
    cursors: int
    seed: int


def add_suite(suites: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``calibration`` to ``eval``."""
    parser = suites.add_parser(
        "calibration",
        help="how likely suggestions are right, by what the model thinks of them",
        description="Take away the rest of the line at cursors drawn at random in source files, have the "
        "model fill it in, and fit the probability of being right to what the model thinks of its line; half "
        "of the files are held out to judge that. Prints what a catalogue entry needs.",
    )
    add = parser.add_argument
    add("folders", nargs="+", type=Path, metavar="FOLDER", help="where the source files are")
    add_model(parser)
    add("--cursors", type=at_least(1), default=1200, metavar="N", help="cursors to draw (default: 1200)")
    add("--seed", type=at_least(0), default=0, metavar="N", help="draw others (default: 0)")
    add_output(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, fit and report; returns the exit code. Errors: ``ByteLspError``."""
    settings = CalibrationSettings(args.folders, args.model, args.cursors, args.seed)
    check_library()
    prepare(args.out)
    cursors = draw_cursors(Corpus(args.folders, args.seed), args.cursors, args.seed, Shape(cursors=4))
    trials = []
    unspellable = []
    with open_local(args.model) as model, show_progress() as track:
        on_done = track("the rest of the line at every cursor", len(cursors))
        for done, (cursor, trial) in enumerate(zip(cursors, try_cursors(model, cursors), strict=True), 1):
            if trial is None:
                unspellable.append(cursor.window)
            else:
                trials.append(trial)
            on_done(done)
        files = [model.file]
    fitted = fit_calibration(trials, args.seed)

    def draw(folder: Path) -> Sequence[Path]:
        from byte_lsp.evaluation.calibration_plots import (  # noqa: PLC0415 - matplotlib is an optional extra
            draw_calibration,
        )

        return draw_calibration(fitted, folder)

    tables = tabulate(fitted, Unspellable(len(set(unspellable)), len(unspellable)))
    results = {"fitted": fitted, "trials": trials}
    publish(Report("calibration", files, settings, results, tables, draw), args.out, as_json=args.json)
    if not args.json:
        print(to_toml(fitted.calibration))
    return 0
