"""Does the property that everything rests on hold? Random texts and offsets under real vocabularies.

    python -m byte_lsp.evaluation.coverage [NAME_OR_GGUF ...] [--folder FOLDER] [--texts FOLDER ...]
                                           [--pairs 20000] [--seed 0] [--processes 2]

Spreads the pairs over all vocabularies given: files, or catalogue names that were pulled. What is checked is
said in ``coverage_checks``, of which texts in ``coverage_texts``. Prints a table, and every failure so that
it can be repeated; the exit code is 1 if anything failed. The same seed draws the same pairs.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table

from byte_lsp.catalog import resolve
from byte_lsp.cli_options import at_least
from byte_lsp.engines.llama_cpp import NativeTokenizer
from byte_lsp.errors import ByteLspError, EvaluationError, ModelFileError, TokenizerError
from byte_lsp.evaluation.coverage_checks import Checker, Failure
from byte_lsp.evaluation.coverage_texts import Texts
from byte_lsp.models import local_path
from byte_lsp.tokens.tokenizer import load_tokenizer

_SHARE_PAIRS = 500
_OFFSETS_PER_TEXT = 10
_MOST_SHOWN = 20
_TABLE_WIDTH = 110


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the pairs of one vocabulary, checked in one go."""

    name: str
    path: Path
    folders: tuple[Path, ...]
    pairs: int
    seed: str


@dataclass(slots=True)
class Tally:
    """What was found: ``contexts`` is the sum over all pairs; ``failures`` are the first few."""

    pairs: int = 0
    contexts: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def fail(self, failure: Failure) -> None:
        """Count a failure and keep it if there are few."""
        self.counts[failure.kind] += 1
        if len(self.failures) < _MOST_SHOWN:
            self.failures.append(failure)

    def add(self, other: "Tally") -> None:
        """Take in what was found elsewhere."""
        self.pairs += other.pairs
        self.contexts += other.contexts
        self.counts.update(other.counts)
        self.failures = (self.failures + other.failures)[:_MOST_SHOWN]


def check_texts(checker: Checker, texts: Texts, pairs: int, generator: random.Random) -> Tally:
    """Check that many pairs: every text's ids, and some offsets in it."""
    tally = Tally()
    while tally.pairs < pairs:
        text = texts.draw()
        for failure in checker.check_ids(text):
            tally.fail(failure)
        passage = checker.passage(text)
        for offset in _draw_offsets(len(passage.text), generator)[: pairs - tally.pairs]:
            contexts, failures = checker.check_offset(passage, offset)
            tally.pairs += 1
            tally.contexts += contexts
            for failure in failures:
                tally.fail(failure)
    return tally


def check_share(share: Share) -> Tally:
    """Check one share; the vocabulary is loaded once in each process."""
    generator = random.Random(share.seed)
    checker = _load(share.path)
    texts = Texts(share.folders, checker.tokenizer.vocabulary, generator)
    return check_texts(checker, texts, share.pairs, generator)


def find_vocabularies(names: Sequence[str], folder: Path | None) -> dict[str, Path]:
    """The vocabularies asked for by name, of a folder those that byte-lsp supports.

    Errors: ``EvaluationError`` for a model that is not there and for a folder without vocabularies,
    ``TokenizerError`` or ``ModelFileError`` for a named one that byte-lsp cannot be exact for or read.
    """
    found: dict[str, Path] = {}
    for name in names:
        path = local_path(resolve(name))
        if path is None:
            raise EvaluationError(f"{name} is not there; run: byte-lsp models pull {name}")
        load_tokenizer(path)
        found[path.stem] = path
    for path in sorted(folder.glob("*.gguf")) if folder else ():
        if _is_supported(path):
            found[path.stem] = path
    if not found:
        raise EvaluationError("no vocabulary to check; name GGUF files, or a --folder that holds some")
    return found


def check_vocabularies(
    vocabularies: dict[str, Path], folders: Sequence[Path], pairs: int, seed: int, processes: int
) -> Iterator[tuple[str, Tally]]:
    """Check ``pairs`` pairs, spread evenly; each vocabulary's tally as it is finished.

    Errors: ``EvaluationError`` if that is less than a pair for each.
    """
    if pairs < len(vocabularies):
        raise EvaluationError(
            f"{pairs} pairs are too few for {len(vocabularies)} vocabularies; give more --pairs"
        )
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = {}
        for at, (name, path) in enumerate(vocabularies.items()):
            own = pairs // len(vocabularies) + (at < pairs % len(vocabularies))
            shares = _cut_into_shares(name, path, tuple(folders), own, seed)
            running[name] = [pool.submit(check_share, share) for share in shares]
        for name, shares_found in running.items():
            tally = Tally()
            for share in shares_found:
                tally.add(share.result())
            yield name, tally


def report(tallies: dict[str, Tally]) -> bool:
    """Print the table and the failures; whether there are none."""
    table = Table(box=None, header_style="bold")
    columns = ("vocabulary", "pairs", "misses", "unextendable contexts", "id mismatches", "mean contexts")
    for at, column in enumerate(columns):
        table.add_column(column, justify="right" if at else "left", no_wrap=not at)
    for name, tally in tallies.items():
        counts = [tally.counts[kind] for kind in ("miss", "unextendable", "ids")]
        mean = tally.contexts / max(tally.pairs, 1)
        table.add_row(name, f"{tally.pairs:,}", *(f"{count:,}" for count in counts), f"{mean:.2f}")
    Console(width=_TABLE_WIDTH).print(table)
    for name, tally in tallies.items():
        for failure in tally.failures:
            print(f"{name}: {failure.kind}: offset {failure.offset} of {failure.text!r}: {failure.detail}")
    return not any(tally.counts for tally in tallies.values())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m byte_lsp.evaluation.coverage", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "models", nargs="*", metavar="NAME_OR_GGUF", help="models of the catalogue, or GGUF files"
    )
    parser.add_argument(
        "--folder", type=Path, help="check every supported vocabulary (*.gguf) of this folder too"
    )
    parser.add_argument(
        "--texts", type=Path, nargs="+", default=[], metavar="FOLDER", help="source files to read"
    )
    parser.add_argument("--pairs", type=at_least(1), default=20_000, help="in all (default: 20000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=at_least(1), default=2)
    args = parser.parse_args(arguments)
    tallies: dict[str, Tally] = {}
    try:
        vocabularies = find_vocabularies(args.models, args.folder)
        found = check_vocabularies(vocabularies, args.texts, args.pairs, args.seed, args.processes)
        for name, tally in found:
            print(f"byte-lsp: {name}: {tally.pairs} pairs", file=sys.stderr)
            tallies[name] = tally
    except (ByteLspError, OSError) as error:
        print(f"byte-lsp: {error}", file=sys.stderr)
        if tallies:
            report(tallies)
        return 1
    return 0 if report(tallies) else 1


def _draw_offsets(length: int, generator: random.Random) -> list[int]:
    """Some offsets below ``length``, at times the ends among them: empty prefixes, and of one byte."""
    drawn = generator.sample(range(length), min(length, _OFFSETS_PER_TEXT))
    ends = [at for at in (0, 1, length - 1) if 0 <= at < length and generator.random() < 0.2]
    return list(dict.fromkeys([*ends, *drawn]))


def _cut_into_shares(name: str, path: Path, folders: tuple[Path, ...], pairs: int, seed: int) -> list[Share]:
    return [
        Share(name, path, folders, min(_SHARE_PAIRS, pairs - at), f"{seed} {name} {at}")
        for at in range(0, pairs, _SHARE_PAIRS)
    ]


@lru_cache(maxsize=1)
def _load(path: Path) -> Checker:
    return Checker(load_tokenizer(path), NativeTokenizer(path))


def _is_supported(path: Path) -> bool:
    try:
        load_tokenizer(path)
    except (TokenizerError, ModelFileError) as error:
        print(f"byte-lsp: left out: {error}", file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
