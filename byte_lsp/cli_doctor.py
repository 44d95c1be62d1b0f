"""``byte-lsp doctor``: what runs here and how fast, and what to do about what does not."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict

from rich.console import Console

from byte_lsp.cli_options import add_model
from byte_lsp.doctor import Diagnosis, ModelState, Run, examine
from byte_lsp.worker.safe_path import forget_safe_paths


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``doctor`` to the command line; its arguments go to ``run``."""
    parser = subparsers.add_parser(
        "doctor",
        help="check this machine and say what to do",
        description="Print versions, the machine, the model and its speed measured now, and a line for each "
        "problem that says what to do. The exit code is 1 if the model cannot run.",
    )
    add_model(parser)
    retry = "forget which models crashed on the fast path, and try it again"
    parser.add_argument("--retry-fast", action="store_true", help=retry)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the diagnosis; returns the exit code. Errors: ``CatalogError``."""
    if args.retry_fast:
        forget_safe_paths()
    with Console(stderr=True).status(f"looking at this machine and running {args.model}"):
        diagnosis = examine(args.model)
    if args.json:
        print(json.dumps(asdict(diagnosis), indent=2))
    else:
        for label, value in _lines(diagnosis):
            print(f"{label:<10} {value}")
    return 0 if diagnosis.run else 1


def _lines(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    machine, cache = diagnosis.machine, diagnosis.cache
    yield "versions", ", ".join(f"{name} {found or 'missing'}" for name, found in diagnosis.versions.items())
    yield "system", machine.system
    yield "processor", f"{machine.processor}, {machine.cores} cores, {machine.threads} threads"
    yield "AMX", "unknown" if machine.amx is None else ", ".join(machine.amx) or "no"
    yield "memory", f"{_gigabytes(machine.memory_bytes)}, {_gigabytes(machine.available_bytes)} available"
    yield "cache", f"{cache.folder}, {_gigabytes(cache.free_bytes)} free"
    yield from _model_lines(diagnosis.model)
    if diagnosis.run is not None:
        yield from _run_lines(diagnosis.run)
    for problem in diagnosis.problems:
        yield "problem", problem
    if not diagnosis.problems:
        yield "problems", "none found"


def _model_lines(model: ModelState) -> Iterator[tuple[str, str]]:
    size = "" if model.size_bytes is None else f", {_megabytes(model.size_bytes)}"
    yield "model", f"{model.name}, {model.path}{size}"
    if model.sha256 is not None:
        verdict = "right" if model.sha256 == model.expected_sha256 else f"expected {model.expected_sha256}"
        yield "sha256", f"{model.sha256} ({verdict if model.expected_sha256 else 'nothing to compare with'})"


def _run_lines(run: Run) -> Iterator[tuple[str, str]]:
    measured = run.measurement
    why = f"the fast one crashed here ({run.crash})" if run.safe_path else "no crash is known here"
    yield "path", f"{'safe' if run.safe_path else 'fast'}: {why}"
    yield "llama.cpp", measured.system
    yield (
        "speed",
        f"prefill {measured.prefill_tokens_per_s:.0f} tokens/s, decode {measured.decode_tokens_per_s:.0f} "
        "tokens/s, measured now",
    )
    yield "worker", f"{_megabytes(measured.resident_bytes)} resident, {measured.vocabulary_size:,} pieces"


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"
