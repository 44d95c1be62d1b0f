"""Which packages the training set is made of: reads ``models/fim/sources.toml``.

The form of the file is described at its top.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeVar, get_args

from byte_lsp.errors import CatalogError, DataSetError
from byte_lsp.toml_table import TomlTable

Index = Literal["pypi", "npm", "debian", "debian-source"]
"""Who has the archive: wheels, npm tarballs, Debian's packages, and the sources these were made from."""

Split = Literal["heldout", "valid", "train"]
"""What a package is for, those first that keep what others have too."""

Language = Literal["python", "javascript", "typescript", "go", "rust", "c", "java", "shellscript"]
"""A language identifier of LSP."""

SPLITS: tuple[Split, ...] = get_args(Split)
LANGUAGES: tuple[Language, ...] = get_args(Language)
_INDEXES: tuple[Index, ...] = get_args(Index)
Choice = TypeVar("Choice", bound=str)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Source:
    """One version of one package.

    ``sha256`` is that of the archive; for ``debian-source`` that of the ``.dsc``, which names the hashes of
    all the rest. ``include`` and ``exclude`` are globs over paths inside the package.
    """

    index: Index
    name: str
    version: str
    sha256: str
    licence: str
    languages: tuple[Language, ...]
    split: Split
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.index} {self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``sources.toml`` says: packages in its order, and the most of a language that one gives."""

    sources: tuple[Source, ...]
    train_bytes: Mapping[Language, int]

    def of(self, languages: Iterable[Language]) -> tuple[Source, ...]:
        """The packages that have files in one of the languages."""
        wanted = set(languages)
        return tuple(source for source in self.sources if wanted & set(source.languages))


def default_folder() -> Path:
    """``models/fim``: of the checkout, or as the wheel carries it."""
    installed = Path(str(files("byte_lsp") / "_models" / "fim"))
    return installed if installed.is_dir() else Path(__file__).parents[2] / "models" / "fim"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest. Errors: ``DataSetError`` naming the file and the key at fault."""
    try:
        table = TomlTable(str(path), "", tomllib.loads(path.read_text(encoding="utf-8")))
        shares = _read_shares(table.table("package_kilobytes"))
        sources = tuple(_read_source(each) for each in table.tables("source"))
        table.finish()
    except (OSError, ValueError) as error:
        raise DataSetError(f"{path} cannot be read ({error}); give the manifest of a training set") from error
    except CatalogError as error:
        raise DataSetError(str(error)) from error
    _check_unique(path, sources)
    return Manifest(sources, shares)


def _read_shares(table: TomlTable) -> dict[Language, int]:
    shares = {language: round(table.number(language) * 1000) for language in LANGUAGES}
    table.finish()
    return shares


def _read_source(table: TomlTable) -> Source:
    source = Source(
        index=_choose(table, "index", _INDEXES),
        name=table.text("name"),
        version=table.text("version"),
        sha256=table.text("sha256"),
        licence=table.text("licence"),
        languages=_read_languages(table),
        split=_choose(table, "split", SPLITS),
        include=table.texts("include") if "include" in table else (),
        exclude=table.texts("exclude") if "exclude" in table else (),
    )
    table.finish()
    if not _SHA256.fullmatch(source.sha256):
        raise table.fault("sha256", "must be 64 lower-case hexadecimal digits")
    for key, value in (("name", source.name), ("version", source.version)):
        if value.startswith("-") or not value.strip():
            raise table.fault(key, f"cannot be {value!r}")
    return source


def _read_languages(table: TomlTable) -> tuple[Language, ...]:
    known = {str(language): language for language in LANGUAGES}
    names = table.texts("languages")
    for name in names:
        if name not in known:
            raise table.fault("languages", f"has {name!r}; known languages: {', '.join(LANGUAGES)}")
    if not names:
        raise table.fault("languages", "names no language")
    return tuple(known[name] for name in names)


def _choose(table: TomlTable, key: str, choices: tuple[Choice, ...]) -> Choice:
    value = table.text(key)
    for choice in choices:
        if value == choice:
            return choice
    raise table.fault(key, f"is {value!r}; choose one of {', '.join(choices)}")


def _check_unique(path: Path, sources: Iterable[Source]) -> None:
    """A package in two splits, or twice in one, would be measured on what it was trained on."""
    seen: dict[str, Source] = {}
    for source in sources:
        other = seen.setdefault(source.name, source)
        if other is not source:
            raise DataSetError(
                f"{path}: {source.name} is there twice, as {other} for {other.split} and as {source} for "
                f"{source.split}; keep one"
            )
