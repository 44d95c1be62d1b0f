"""``byte-lsp bench typing | soak``: somebody writes files with the real server beside them."""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from byte_lsp.cli_options import add_model, add_output, at_least, between
from byte_lsp.evaluation import typing_soak_page
from byte_lsp.evaluation.progress import show_progress
from byte_lsp.evaluation.report import Report, prepare, publish
from byte_lsp.evaluation.typing_bench import (
    ARMS,
    USUAL_ARMS,
    TypingOptions,
    TypingResults,
    find_model,
    run_typing,
)
from byte_lsp.evaluation.typing_soak import SoakOptions, SoakResults, Verdict, judge, run_soak
from byte_lsp.evaluation.typing_summary import Promise, TypingSummary, check_promises, summarize
from byte_lsp.evaluation.typing_tables import tabulate


def add_typing(suites: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``typing`` to the suites of ``bench``."""
    parser = suites.add_parser(
        "typing",
        help="somebody writes real files: time to a suggestion, work, and what needs no model",
        description="Write real files key by key over real LSP, with slips, corrections and jumps, and "
        "measure in one run: time to a suggestion, tokens evaluated and CPU time per keystroke, the share of "
        "requests that need no model, the share of characters that nobody has to type; beside raw "
        "llama.cpp, and beside the same server without reuse.",
    )
    defaults = TypingOptions("")
    add = parser.add_argument
    texts = "files to write (default: five of five languages that are on this machine)"
    add("files", nargs="*", type=Path, metavar="FILE", help=texts)
    add_model(parser)
    arms = f"what to compare: {', '.join(ARMS)} (default: {' '.join(USUAL_ARMS)})"
    add("--arms", nargs="+", choices=list(ARMS), default=USUAL_ARMS, metavar="ARM", help=arms)
    keys = f"right keys to press in each file, 0 for all (default: {defaults.keystrokes})"
    add("--keystrokes", type=at_least(0), default=defaults.keystrokes, metavar="N", help=keys)
    start = f"write from the line at this fraction of the file on (default: {defaults.start})"
    add("--start", type=between(0, 0.99), default=defaults.start, metavar="X", help=start)
    add("--below", action="store_true", help="what follows the written part stands in the file already")
    speed = "1 has a person's pauses, 2 half as long ones, 0 none: every answer is waited for (default: 0)"
    add("--speed", type=between(0, 1000), default=defaults.speed, metavar="X", help=speed)
    stride = f"without reuse and pauses, ask at one key in N (default: {defaults.stride})"
    add("--stride", type=at_least(1), default=defaults.stride, metavar="N", help=stride)
    raw = f"requests that raw llama.cpp answers too; not with pauses (default: {defaults.raw})"
    add("--raw", type=at_least(0), default=defaults.raw, metavar="N", help=raw)
    add("--seed", type=at_least(0), default=0, metavar="N", help="another person (default: 0)")
    add_output(parser)
    parser.set_defaults(run=_run_typing)


@dataclass(frozen=True, slots=True)
class _Everything:
    """What the JSON file holds."""

    promises: list[Promise]
    summary: TypingSummary
    written: TypingResults


def _run_typing(args: argparse.Namespace) -> int:
    """Measure and report; returns the exit code. Errors: ``ByteLspError``."""
    options = TypingOptions(
        model=args.model,
        files=args.files,
        arms=tuple(dict.fromkeys(args.arms)),
        keystrokes=args.keystrokes,
        start=args.start,
        below=args.below,
        speed=args.speed,
        stride=args.stride,
        raw=args.raw,
        seed=args.seed,
    )
    prepare(args.out)
    with show_progress() as track:
        found = asyncio.run(run_typing(options, track))
    summary = summarize(found.written, found.raw, options.seed)
    promises = check_promises(summary)

    def draw(folder: Path) -> Sequence[Path]:
        from byte_lsp.evaluation.typing_plots import draw_typing  # noqa: PLC0415 - matplotlib is an extra

        return draw_typing(summary, found.written, folder)

    tables = tabulate(summary, promises, options)
    everything = _Everything(promises, summary, found)
    publish(Report("typing", found.models, options, everything, tables, draw), args.out, as_json=args.json)
    return 0


def add_soak(suites: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``soak`` to the suites of ``bench``."""
    parser = suites.add_parser(
        "soak",
        help="hours of typing in many open files: errors, wrong documents, memory, what is left behind",
        description="Type in many open files in turns, compare the server's documents with the client's, and "
        "watch memory, file handles, threads and processes. The exit code is 1 if anything is not as it has "
        "to be.",
    )
    defaults = SoakOptions("")
    add = parser.add_argument
    texts = "texts to write, again and again (default: those of `bench typing`)"
    add("sources", nargs="*", type=Path, metavar="FILE", help=texts)
    add_model(parser)
    for name, default, about in (
        ("keystrokes", defaults.keystrokes, "keys to press in all"),
        ("files", defaults.files, "documents that are open"),
        ("check", defaults.check, "keystrokes between two comparisons of a document"),
    ):
        add(f"--{name}", type=at_least(1), default=default, metavar="N", help=f"{about} (default: {default})")
    minutes = f"how long it takes, 0: wait for every answer (default: {defaults.minutes:g})"
    add("--minutes", type=between(0, 10_000), default=defaults.minutes, metavar="X", help=minutes)
    add("--seed", type=at_least(0), default=0, metavar="N", help="other people (default: 0)")
    add_output(parser)
    parser.set_defaults(run=_run_soak)


@dataclass(frozen=True, slots=True)
class _Soaked:
    """What the JSON file of a soak holds."""

    verdicts: list[Verdict]
    found: SoakResults


def _run_soak(args: argparse.Namespace) -> int:
    """Soak and report; returns the exit code, 1 if something does not hold. Errors: ``ByteLspError``."""
    options = SoakOptions(
        model=args.model,
        sources=args.sources,
        keystrokes=args.keystrokes,
        files=args.files,
        minutes=args.minutes,
        check=args.check,
        seed=args.seed,
    )
    prepare(args.out)
    with show_progress() as track:
        found = asyncio.run(run_soak(options, track("keystrokes", options.keystrokes)))
    verdicts = judge(found, options)
    tables = typing_soak_page.tabulate(found, verdicts, options)

    def draw(folder: Path) -> Sequence[Path]:
        return typing_soak_page.draw_soak(found, folder)

    models = [find_model(options.model)]
    report = Report("soak", models, options, _Soaked(verdicts, found), tables, draw)
    publish(report, args.out, as_json=args.json)
    return 0 if all(each.kept for each in verdicts) else 1
