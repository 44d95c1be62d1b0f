"""``python -m byte_lsp.training.data --out DIR``: build the training set from its manifest.

Everything that decides what is in the set lies in ``models/fim/``: ``sources.toml`` pins packages,
``benchmarks.grams`` is what must not be trained on, ``shards.json`` says what comes out.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from byte_lsp.errors import ByteLspError, DataSetError
from byte_lsp.evaluation.progress import Track, show_progress
from byte_lsp.models.cache import cache_folder
from byte_lsp.training.clean import FAMILIES, Cleaned, clean
from byte_lsp.training.collect import SourceFile, collect
from byte_lsp.training.fetch import fetch_all
from byte_lsp.training.overlap import read_benchmarks, read_grams, telling_grams, write_grams
from byte_lsp.training.shards import (
    Shard,
    check_replaceable,
    put_in_place,
    read_expected,
    write_expected,
    write_shards,
)
from byte_lsp.training.sources import LANGUAGES, Language, Manifest, Source, default_folder, read_manifest
from byte_lsp.training.words import Hashes, WordHasher

_INTERRUPTED = 130
_GRAMS = "benchmarks.grams"
_SHARDS = "shards.json"


def build(
    manifest: Manifest,
    benchmarks: Hashes,
    languages: Sequence[Language],
    out: Path,
    cache: Path,
    track: Track,
) -> dict[str, Shard]:
    """Build the set of some languages in the folder ``out``, with archives from ``cache`` or the indexes.

    ``benchmarks`` are sorted hashes of runs of words that no row may have. Returns the shards by name.
    Errors: ``DataSetError``.
    """
    check_replaceable(out)
    families = [family for family in FAMILIES if set(family) & set(languages)]
    sources = manifest.of(language for family in families for language in family)
    if not sources:
        raise DataSetError(f"the manifest has no package for {', '.join(languages)}; choose other languages")
    archives = dict(zip(sources, fetch_all(sources, cache, track("packages", len(sources))), strict=True))
    files: list[SourceFile] = []
    dropped: dict[Language, Counter[str]] = {}
    for family in families:
        cleaned = _build_family(manifest, archives, family, benchmarks, track)
        files += (file for file in cleaned.files if file.language in languages)
        dropped |= {language: counts for language, counts in cleaned.dropped.items() if language in languages}
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=out.name + ".part", dir=out.parent) as part:
        made = Path(part) / "set"
        shards = write_shards(made, files)
        content = describe(shards, sources, files, dropped)
        (made / "manifest.json").write_text(
            json.dumps(content, indent=1) + "\n", encoding="utf-8", newline="\n"
        )
        put_in_place(made, out)
    return shards


def _build_family(
    manifest: Manifest,
    archives: Mapping[Source, Sequence[Path]],
    family: Sequence[Language],
    benchmarks: Hashes,
    track: Track,
) -> Cleaned:
    sources = manifest.of(family)
    title = "/".join(family)
    files: list[SourceFile] = []
    dropped: defaultdict[Language, Counter[str]] = defaultdict(Counter)
    done = track(f"{title}: unpack", len(sources))
    for count, source in enumerate(sources, 1):
        collected = collect(source, archives[source], family, manifest.train_bytes)
        files += collected.files
        for language, counts in collected.dropped.items():
            dropped[language] += counts
        done(count)
    cleaned = clean(files, benchmarks, track(f"{title}: compare", len(files)))
    for language, counts in cleaned.dropped.items():
        dropped[language] += counts
    return Cleaned(cleaned.files, dict(dropped))


def describe(
    shards: Mapping[str, Shard],
    sources: Iterable[Source],
    files: Iterable[SourceFile],
    dropped: Mapping[Language, Mapping[str, int]],
) -> dict[str, object]:
    """What ``manifest.json`` says, ready for JSON: all counts, and nothing of the machine or the day."""
    given: defaultdict[str, defaultdict[Language, list[int]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        given[file.source.name][file.language].append(file.size_bytes)
    packages = [
        {
            "index": source.index,
            "name": source.name,
            "version": source.version,
            "licence": source.licence,
            "sha256": source.sha256,
            "split": source.split,
            "given": {
                language: {"files": len(sizes), "bytes": sum(sizes)}
                for language, sizes in sorted(given[source.name].items())
            },
        }
        for source in sources
    ]
    return {
        "format": 1,
        "shards": {name: asdict(shard) for name, shard in sorted(shards.items())},
        "dropped": {language: dict(sorted(dropped[language].items())) for language in sorted(dropped)},
        "packages": packages,
    }


def check_shards(shards: Mapping[str, Shard], expected: Mapping[str, Shard], file: Path) -> None:
    """Errors: ``DataSetError`` naming the shards that are not as expected."""
    different = [name for name in sorted(shards) if shards[name] != expected.get(name)]
    if different:
        raise DataSetError(
            f"{', '.join(different)} differ from {file}: manifest or rules have changed since; if that is "
            "meant, write it anew with --pin"
        )


def check_benchmarks(stored: Hashes, folder: Path, file: Path) -> None:
    """Errors: ``DataSetError`` where the stored hashes are not those of the benchmarks in a folder."""
    if not np.array_equal(stored, benchmark_grams(folder)):
        raise DataSetError(f"{file} is not what the benchmarks in {folder} give; write it anew with --pin")


def benchmark_grams(folder: Path) -> Hashes:
    """What of a folder of benchmarks must not be trained on: sorted hashes. Errors: ``DataSetError``."""
    return telling_grams(read_benchmarks(folder), WordHasher())


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the set; returns the exit code. Errors are printed on stderr."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.pin and (options.benchmarks is None or options.languages != LANGUAGES):
        parser.error("--pin needs --benchmarks, and all languages")
    try:
        _run(options)
    except ByteLspError as error:
        print(f"byte_lsp.training.data: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "byte_lsp.training.data: interrupted; the next run goes on with what was fetched", file=sys.stderr
        )
        return _INTERRUPTED
    return 0


def _run(options: argparse.Namespace) -> None:
    folder: Path = options.manifest.parent
    manifest = read_manifest(options.manifest)
    if options.pin:
        write_grams(folder / _GRAMS, benchmark_grams(options.benchmarks))
    benchmarks = read_grams(folder / _GRAMS)
    if options.benchmarks is not None:
        check_benchmarks(benchmarks, options.benchmarks, folder / _GRAMS)
    expected = {} if options.pin else read_expected(folder / _SHARDS)
    cache = options.cache or cache_folder() / "training"
    with show_progress() as track:
        shards = build(manifest, benchmarks, options.languages, options.out, cache, track)
    _print(shards)
    if options.pin:
        write_expected(folder / _SHARDS, shards)
        print(f"wrote {folder / _SHARDS} and {folder / _GRAMS}")
    else:
        check_shards(shards, expected, folder / _SHARDS)
        print(f"every shard is as {folder / _SHARDS} says; the set is in {options.out}")


def _print(shards: Mapping[str, Shard]) -> None:
    table = Table("shard", "files", "MB", "sha256")
    for name, shard in shards.items():
        table.add_row(name, f"{shard.rows:,}", f"{shard.bytes / 1e6:.2f}", shard.sha256[:16])
    Console().print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m byte_lsp.training.data", description=__doc__)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where the set goes; an older one is replaced"
    )
    parser.add_argument(
        "--manifest", type=Path, default=default_folder() / "sources.toml", metavar="FILE",
        help="default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="where archives are kept; default: byte-lsp's cache"
    )
    parser.add_argument(
        "--languages",
        type=_languages,
        default=LANGUAGES,
        metavar="A,B",
        help=f"default: {','.join(LANGUAGES)}",
    )
    parser.add_argument(
        "--benchmarks", type=Path, metavar="DIR",
        help=f"check {_GRAMS} against the HumanEval-Infilling files in this folder",
    )  # fmt: skip
    parser.add_argument(
        "--pin", action="store_true",
        help=f"write {_GRAMS} and {_SHARDS} beside the manifest; needs --benchmarks and all languages",
    )  # fmt: skip
    return parser


def _languages(text: str) -> tuple[Language, ...]:
    names = [name.strip() for name in text.split(",")]
    if unknown := sorted(set(names) - set(LANGUAGES)):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} unknown; choose from {', '.join(LANGUAGES)}")
    return tuple(language for language in LANGUAGES if language in names)


if __name__ == "__main__":
    sys.exit(main())
