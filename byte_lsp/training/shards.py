"""The set on disk: shards of JSON lines, held-out files as they are, and what is in it.

================================== ==========================================================
train/LANGUAGE.jsonl.gz            one object a line: ``package``, ``path``, ``language``, ``text``
valid/LANGUAGE.jsonl.gz            the same, from packages of their own
heldout/LANGUAGE/PACKAGE/PATH      plain files, from packages of their own
manifest.json                      packages, shards and what was dropped
================================== ==========================================================
"""

import gzip
import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from byte_lsp.errors import DataSetError
from byte_lsp.training.collect import SourceFile, shuffle_key

_GZIP_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Shard:
    """What is in one shard: files, their bytes, and the sha256 of the shard's content, uncompressed."""

    rows: int
    bytes: int
    sha256: str


def write_shards(folder: Path, files: Iterable[SourceFile]) -> dict[str, Shard]:
    """Write all files under ``folder``; the shards by name, such as ``train/python``."""
    by_name: defaultdict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        by_name[f"{file.source.split}/{file.language}"].append(file)
    shards = {}
    for name in sorted(by_name):
        ordered = sorted(by_name[name], key=lambda file: shuffle_key(file.source.name, file.path))
        if name.startswith("heldout/"):
            digest = _write_plain(folder / name, ordered)
        else:
            digest = _write_rows(folder / f"{name}.jsonl.gz", ordered)
        shards[name] = Shard(len(ordered), sum(file.size_bytes for file in ordered), digest)
    return shards


def _write_rows(path: Path, files: Sequence[SourceFile]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("wb") as raw, gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0) as shard:
        for file in files:
            row = {
                "package": file.source.name,
                "path": file.path,
                "language": file.language,
                "text": file.text,
            }
            line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
            digest.update(line)
            shard.write(line)
    return digest.hexdigest()


def _write_plain(folder: Path, files: Sequence[SourceFile]) -> str:
    digest = hashlib.sha256()
    for file in files:
        path = folder / file.source.name.replace("/", "+") / file.path
        content = file.text.encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        digest.update(f"{file.source.name}\0{file.path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def read_expected(path: Path) -> dict[str, Shard]:
    """The shards that a manifest gives, as ``write_expected`` wrote them. Errors: ``DataSetError``."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): Shard(**values) for name, values in content.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataSetError(
            f"{path} cannot be read ({error}); restore it, or write it anew with --pin"
        ) from error


def write_expected(path: Path, shards: Mapping[str, Shard]) -> None:
    """Write what ``read_expected`` reads."""
    content = {name: asdict(shards[name]) for name in sorted(shards)}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8", newline="\n")


def put_in_place(made: Path, out: Path) -> None:
    """Move a finished set to ``out``, in place of an older one.

    Errors: ``DataSetError`` where ``out`` holds something that is no such set.
    """
    check_replaceable(out)
    if out.exists():
        shutil.rmtree(out)
    made.rename(out)


def check_replaceable(out: Path) -> None:
    """Errors: ``DataSetError`` where ``out`` is there and is neither empty nor a set."""
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / "manifest.json").is_file())):
        raise DataSetError(f"{out} is there and holds no training set; name another --out or remove it")
