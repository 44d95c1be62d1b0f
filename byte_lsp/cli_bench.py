"""``byte-lsp bench core | adapter | typing | soak``: what exactness and adapters cost, and a day's typing."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from byte_lsp.cli_drafts import add_drafts
from byte_lsp.cli_kills import add_kills
from byte_lsp.cli_options import add_model, add_output, at_least
from byte_lsp.cli_typing import add_soak, add_typing
from byte_lsp.evaluation import adapter_table
from byte_lsp.evaluation.adapter_bench import TYPES, AdapterOptions, run_adapter
from byte_lsp.evaluation.core_bench import PARTS, CoreOptions, run_core
from byte_lsp.evaluation.core_tables import tabulate
from byte_lsp.evaluation.progress import show_progress
from byte_lsp.evaluation.report import Report, prepare, publish


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``bench`` to the command line; its arguments go to ``run``."""
    about = "measure what exactness, adapters and typing cost on this machine"
    parser = subparsers.add_parser("bench", help=about, description=f"{about.capitalize()}.")
    suites = parser.add_subparsers(dest="suite", required=True, metavar="SUITE")
    _add_core(suites)
    _add_adapter(suites)
    add_typing(suites)
    add_soak(suites)
    add_kills(suites)
    add_drafts(suites)


def _add_core(suites: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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
    core.set_defaults(run=_run_core)


def _add_adapter(suites: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = suites.add_parser(
        "adapter",
        help="a LoRA adapter applied at load, and merged in several formats",
        description="Measure in one run, on the same texts: the base model, the base with the adapter, "
        "merged files in several formats, and the base as q8_0: how fast each is beside the base, and how "
        "far from the adapter applied.",
    )
    defaults = AdapterOptions()
    add = parser.add_argument
    add("--base", default=defaults.base, metavar="NAME", help=f"the base model (default: {defaults.base})")
    add("--adapter", type=Path, metavar="FILE", help="a GGUF file (default: the catalogue's for that base)")
    family = "how the adapter is asked to fill in (default: as the catalogue says, or none)"
    add("--family", default=defaults.family, metavar="NAME", help=family)
    types = f"formats to merge to: {', '.join(TYPES)} (default: all)"
    add("--types", nargs="+", choices=TYPES, default=TYPES, metavar="TYPE", help=types)
    texts = "where the texts come from (default: Python's standard library)"
    add("--folders", nargs="+", type=Path, default=(), metavar="FOLDER", help=texts)
    for name, default, about in (
        ("cursors", defaults.cursors, "prompts to measure"),
        ("tokens", defaults.tokens, "tokens to read one by one after each"),
        ("context", defaults.context_bytes, "bytes before the cursor"),
    ):
        add(f"--{name}", type=at_least(2), default=default, metavar="N", help=f"{about} (default: {default})")
    add("--seed", type=at_least(0), default=0, metavar="N", help="draw other cursors (default: 0)")
    add_output(parser)
    parser.set_defaults(run=_run_adapter)


def _run_adapter(args: argparse.Namespace) -> int:
    """Measure and report; returns the exit code. Errors: ``ByteLspError``."""
    options = AdapterOptions(
        base=args.base,
        adapter=args.adapter,
        family=args.family,
        types=args.types,
        folders=args.folders,
        cursors=args.cursors,
        tokens=args.tokens,
        context_bytes=args.context,
        seed=args.seed,
    )
    prepare(args.out)
    with show_progress() as track:
        found = run_adapter(options, track)
    tables = adapter_table.tabulate(found, options)

    def draw(folder: Path) -> Sequence[Path]:
        return adapter_table.draw_adapter(found, folder)

    publish(Report("adapter", found.models, options, found, tables, draw), args.out, as_json=args.json)
    return 0


def _run_core(args: argparse.Namespace) -> int:
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
