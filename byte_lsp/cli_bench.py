"""``byte-lsp bench core``: what exactness costs on this machine, beside raw llama.cpp and genlm-bytes."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from byte_lsp.cli_options import add_model, add_output, at_least
from byte_lsp.evaluation.core_bench import PARTS, CoreOptions, run_core
from byte_lsp.evaluation.core_tables import tabulate
from byte_lsp.evaluation.progress import show_progress
from byte_lsp.evaluation.report import Report, prepare, publish


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``bench`` to the command line; its arguments go to ``run``."""
    about = "measure what exactness costs on this machine"
    parser = subparsers.add_parser("bench", help=about, description=f"{about.capitalize()}.")
    suites = parser.add_subparsers(dest="suite", required=True, metavar="SUITE")
    core = suites.add_parser(
        "core",
        help="requests, bytes, context sizes, vocabularies, genlm-bytes",
        description="Measure in one run, on the same texts: raw llama.cpp decoding, plain tokenization, "
        "token healing and exact covers; byte by byte against token by token; context sizes; two "
        "vocabularies; and genlm-bytes where it is installed.",
    )
    defaults = CoreOptions("")
    add_model(core)
    add = core.add_argument
    other = "a model with another vocabulary, for the part vocabulary"
    add("--other", default=defaults.other, metavar="NAME", help=f"{other} (default: {defaults.other})")
    parts = f"what to measure: {', '.join(PARTS)} (default: all that is possible here)"
    add("--parts", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=parts)
    texts = "where the texts come from (default: Python's standard library)"
    add("--folders", nargs="+", type=Path, default=(), metavar="FOLDER", help=texts)
    for name, default, about in (
        ("cursors", defaults.cursors, "cursors to measure at"),
        ("tokens", defaults.tokens, "tokens to generate in each request"),
        ("context", defaults.context_bytes, "bytes before the cursor"),
    ):
        add(f"--{name}", type=at_least(2), default=default, metavar="N", help=f"{about} (default: {default})")
    add("--seed", type=at_least(0), default=0, metavar="N", help="draw other cursors (default: 0)")
    python = "an interpreter that has genlm-bytes and gguf (default: this one)"
    add("--genlm-python", default=sys.executable, metavar="PATH", help=python)
    add_output(core)
    core.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and report; returns the exit code. Errors: ``ByteLspError``."""
    options = CoreOptions(
        model=args.model,
        other=args.other,
        parts=args.parts,
        folders=args.folders,
        cursors=args.cursors,
        tokens=args.tokens,
        context_bytes=args.context,
        seed=args.seed,
        genlm_python=args.genlm_python,
    )
    prepare(args.out)
    with show_progress() as track:
        found = run_core(options, track)

    def draw(folder: Path) -> Sequence[Path]:
        from byte_lsp.evaluation.core_plots import draw_core  # noqa: PLC0415 - matplotlib is an optional extra

        return draw_core(found, folder)

    report = Report("core", found.models, options, found, tabulate(found), draw)
    publish(report, args.out, as_json=args.json)
    return 0
