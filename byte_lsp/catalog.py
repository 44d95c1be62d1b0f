"""Which models exist, where they come from and how they fill in: reads ``models/catalog.toml``.

The form of the file is described at its top. A second file of the same form, ``models.toml`` in the
configuration folder of the platform, adds the user's own models.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

import platformdirs

from byte_lsp.errors import CatalogError
from byte_lsp.infill.confidence import Calibration
from byte_lsp.toml_table import TomlTable

Layout = Literal["prefix", "psm", "spm"]
"""The order of an infill prompt; ``prefix`` is the text before the cursor and nothing else."""

Rewind = Literal["line", "none"]
"""Where ``psm`` cuts the text before the cursor: at the start of the cursor's line, or at the cursor."""

MergedType = Literal["q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "f16"]
"""The format of the weights that an adapter has changed, as llama.cpp names it."""

MERGED_TYPES: tuple[MergedType, ...] = get_args(MergedType)

_LAYOUTS: tuple[Layout, ...] = get_args(Layout)
_REWINDS: tuple[Rewind, ...] = get_args(Rewind)
_MERGE_VERSION = 1  # of what ``adapters/merge.py`` writes: a new one has every merged model made anew
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class WheelFile:
    """A file inside a wheel of one exact version. ``sha256`` is that file's own, or empty."""

    package: str
    version: str
    file: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class PyPiSource:
    """A model file that wheels carry: the parts' bytes, joined in order."""

    file: str
    parts: tuple[WheelFile, ...]

    def __str__(self) -> str:
        return "PyPI " + " + ".join(f"{part.package} {part.version}" for part in self.parts)


@dataclass(frozen=True, slots=True)
class HubSource:
    """A file in a repository of the Hugging Face hub, at a branch, tag or commit."""

    repo: str
    revision: str
    file: str

    def __str__(self) -> str:
        return f"hub {self.repo} {self.revision} {self.file}"


@dataclass(frozen=True, slots=True)
class PathSource:
    """A file that is on this machine already."""

    path: Path

    @property
    def file(self) -> str:
        return self.path.name

    def __str__(self) -> str:
        return f"path {self.path}"


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter in a GGUF file that is on this machine: small changes to another model's weights."""

    path: Path
    size_bytes: int
    sha256: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class AdaptedSource:
    """Another model's file, to which the engine applies an adapter when it loads it."""

    base: "Model"
    adapter: Adapter

    @property
    def file(self) -> str:
        return self.base.source.file

    def __str__(self) -> str:
        return f"{self.base.name} with {self.adapter.path.name}"


@dataclass(frozen=True, slots=True)
class MergedSource:
    """A file made on this machine: another model's weights, changed by an adapter, in format ``type``."""

    name: str
    base: "Model"
    adapter: Adapter
    type: MergedType

    @property
    def file(self) -> str:
        return f"{self.name}.{self.type}.gguf"

    @property
    def recipe(self) -> str:
        """All that decides what is in the file. A file of another recipe is out of date."""
        made_of = f"{self.base.name} {self.base.sha256} + {self.adapter.scale:g} {self.adapter.sha256}"
        return f"merge {_MERGE_VERSION}: {made_of} as {self.type}"

    def __str__(self) -> str:
        return f"{self.base.name} merged with {self.adapter.path.name} as {self.type}"


Source = PyPiSource | HubSource | PathSource | AdaptedSource | MergedSource


@dataclass(frozen=True, slots=True)
class Infill:
    """How a model is asked to fill in: a layout, and token spellings (empty: the model has no such token).

    ``psm`` needs ``prefix``, ``suffix`` and ``middle``, ``spm`` the last two.
    ``ends`` end a middle, beside the tokens that end any text. ``lead`` is text that stands in front of the
    text before the cursor. ``gap`` follows the repository's name and each other file, and ``path_inside``
    puts the file's own path behind the token ``prefix``: both matter where there is a ``file_sep``.
    """

    layout: Layout = "prefix"
    prefix: str = ""
    suffix: str = ""
    middle: str = ""
    pad: str = ""
    repo: str = ""
    file_sep: str = ""
    ends: tuple[str, ...] = ()
    rewind: Rewind = "line"
    lead: str = ""
    gap: str = "\n"
    path_inside: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the catalogue, or a file given by path.

    ``context_tokens`` is the longest text the model was trained for, None where only the file can tell.
    ``start_token`` opens a text and ``end_tokens`` end it: spellings as the vocabulary stores them. A file
    that the catalogue does not know has none, and no ``infill``: there the file itself says.
    ``size_bytes`` and ``sha256`` are those of the model file, None where the catalogue does not pin them.
    ``tried`` says whether byte-lsp's team has run this very file. ``calibration`` is what its probabilities
    are worth, where somebody has measured that.
    """

    name: str
    title: str
    source: Source
    licence: str = "unknown"
    infill: Infill | None = None
    context_tokens: int | None = None
    start_token: str = ""
    end_tokens: tuple[str, ...] = ()
    tried: bool = False
    size_bytes: int | None = None
    sha256: str | None = None
    calibration: Calibration | None = None

    @property
    def adapter(self) -> Adapter | None:
        """What the engine applies to the model's file when it loads it."""
        return self.source.adapter if isinstance(self.source, AdaptedSource) else None

    @property
    def layout(self) -> Layout:
        """The layout as far as the catalogue knows it."""
        return self.infill.layout if self.infill else "prefix"

    @property
    def file_name(self) -> str:
        """The name of the model file, without folders."""
        return PurePosixPath(self.source.file).name


@dataclass(frozen=True, slots=True)
class Catalog:
    """The models by name, in the order of the files; the embedded default's name; the infill families."""

    models: Mapping[str, Model]
    default: str
    families: Mapping[str, Infill]

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models.values())

    def get(self, name: str) -> Model:
        """The model of that name. Errors: ``CatalogError`` listing the names that come near."""
        try:
            return self.models[name]
        except KeyError:
            raise CatalogError(f'no model is called "{name}"; {self._suggest(name)}') from None

    def family(self, name: str) -> Infill:
        """The infill family of that name. Errors: ``CatalogError`` listing those that there are."""
        try:
            return self.families[name]
        except KeyError:
            known = ", ".join(self.families)
            raise CatalogError(f'no [infill] table is called "{name}"; there are {known}') from None

    def resolve(self, name_or_path: str | Path) -> Model:
        """The model of that name, or else the file at that path, which need not exist yet.

        A path whose file name is that of a catalogue entry takes that entry's tokens and layout.
        """
        text = str(name_or_path)
        if text in self.models:
            return self.models[text]
        path = Path(text).expanduser()
        if not _is_path(text, path):
            return self.get(text)
        for model in self:
            if isinstance(model.source, AdaptedSource):
                continue  # the file of that name is another model's
            if model.file_name.casefold() == path.name.casefold():
                return replace(model, name=text, source=PathSource(path), size_bytes=None, sha256=None)
        return Model(name=text, title=path.name, source=PathSource(path))

    def _suggest(self, name: str) -> str:
        near = get_close_matches(name.lower(), self.models, n=3, cutoff=0.5)
        if near:
            return f"did you mean {' or '.join(near)}?"
        return f"known names: {', '.join(self.models)}; or give the path of a .gguf file"


def load_catalog(user_file: Path | None = None) -> Catalog:
    """The models shipped with byte-lsp and those of ``user_file`` (default: ``user_catalog_path()``).

    Errors: ``CatalogError`` naming the file and the key.
    """
    shipped = _shipped_file()
    tables = [_parse(str(shipped), shipped.read_bytes())]
    extra = user_file or user_catalog_path()
    if extra.is_file():
        tables.append(_parse(str(extra), extra.read_bytes()))
    families: dict[str, Infill] = {}
    models: dict[str, Model] = {}
    default = ""
    for table in tables:
        families |= {name: _read_infill(entry) for name, entry in table.named_tables("infill")}
        _read_models(table, families, models)
        default = table.text("default", default)
        if default not in models:
            raise table.fault("default", f'names no model: "{default}"')
        table.finish()
    return Catalog(models, default, families)


def resolve(name_or_path: str | Path) -> Model:
    """``load_catalog().resolve``: the model of that name, or the file at that path."""
    return load_catalog().resolve(name_or_path)


def user_catalog_path() -> Path:
    """Where the user's own catalogue is looked for."""
    return platformdirs.user_config_path("byte-lsp", appauthor=False) / "models.toml"


def _shipped_file() -> Traversable:
    installed = files("byte_lsp") / "_models" / "catalog.toml"
    return installed if installed.is_file() else Path(__file__).parent.parent / "models" / "catalog.toml"


def _parse(file: str, content: bytes) -> TomlTable:
    try:
        return TomlTable(file, "", tomllib.loads(content.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogError(f"{file}: not a TOML file: {error}") from error


def _read_models(table: TomlTable, families: Mapping[str, Infill], models: dict[str, Model]) -> None:
    """Add a file's models to those read before."""
    seen: set[str] = set()
    for entry in table.tables("model"):
        model = _read_model(entry, families, models)
        if model.name in seen:
            raise entry.fault("name", f'is given twice: "{model.name}"')
        seen.add(model.name)
        models[model.name] = model


def _read_model(table: TomlTable, families: Mapping[str, Infill], above: Mapping[str, Model]) -> Model:
    name = table.text("name")
    if not _NAME.fullmatch(name):
        raise table.fault("name", f'must be lower-case letters, digits, ".", "_" and "-", not "{name}"')
    family = table.text("infill")
    if family not in families:
        raise table.fault("infill", f'names no [infill] table: "{family}"; there are {", ".join(families)}')
    model = Model(
        name=name,
        title=table.text("title"),
        source=_read_source(table, name, above),
        licence=table.text("licence"),
        infill=families[family],
        context_tokens=table.count("context_tokens"),
        start_token=table.text("start_token"),
        end_tokens=table.texts("end_tokens"),
        tried=table.flag("tried", False),
        size_bytes=table.count("size_bytes") if "size_bytes" in table else None,
        sha256=_read_sha256(table) if "sha256" in table else None,
        calibration=_read_calibration(table.table("calibration")) if "calibration" in table else None,
    )
    table.finish()
    for key, value in (("size_bytes", model.size_bytes), ("sha256", model.sha256)):
        if value is None and isinstance(model.source, PyPiSource):
            raise table.fault(key, 'is missing; a source of kind "pypi" needs it')
        if value is not None and isinstance(model.source, AdaptedSource):
            raise table.fault(key, 'is that of the base; a source of kind "adapted" has no file of its own')
    return model


def _read_calibration(table: TomlTable) -> Calibration:
    logprobs, confidences = table.numbers("logprobs"), table.numbers("confidences")
    threshold = table.number("threshold")
    table.finish()
    if not logprobs or any(left >= right for left, right in pairwise(logprobs)):
        raise table.fault("logprobs", "must be one number or more, each above the one before")
    if len(confidences) != len(logprobs) or list(confidences) != sorted(confidences):
        raise table.fault(
            "confidences", f"must be {len(logprobs)} numbers, as many as logprobs, never falling"
        )
    for key, value in (("threshold", threshold), *(("confidences", each) for each in confidences)):
        if not 0 <= value <= 1:
            raise table.fault(key, f"must be from 0 to 1, not {value}")
    return Calibration(logprobs, confidences, threshold)


def _read_infill(table: TomlTable) -> Infill:
    layout = table.text("layout")
    known = next((known for known in _LAYOUTS if known == layout), None)
    if known is None:
        raise table.fault("layout", f'must be one of {", ".join(_LAYOUTS)}, not "{layout}"')
    tokens = {key: table.text(key, "") for key in ("prefix", "suffix", "middle")}
    for key, spelling in tokens.items():
        if not spelling and known != "prefix" and (known, key) != ("spm", "prefix"):
            raise table.fault(key, f'is missing; the layout "{layout}" needs it')
    rest = {key: table.text(key, "") for key in ("pad", "repo", "file_sep", "lead")}
    if rest["repo"] and not rest["file_sep"]:
        raise table.fault("file_sep", 'is missing; a family with a token for "repo" needs it')
    usual = Infill()
    family = Infill(
        known,
        **tokens,
        **rest,
        ends=table.texts("ends") if "ends" in table else (),
        rewind=_read_rewind(table, known),
        gap=table.text("gap", usual.gap),
        path_inside=table.flag("path_inside", usual.path_inside),
    )
    table.finish()
    return family


def _read_rewind(table: TomlTable, layout: Layout) -> Rewind:
    if "rewind" in table and layout != "psm":
        raise table.fault("rewind", f'is for the layout "psm"; this one is "{layout}"')
    rewind = table.text("rewind", "line")
    known = next((known for known in _REWINDS if known == rewind), None)
    if known is None:
        raise table.fault("rewind", f'must be one of {", ".join(_REWINDS)}, not "{rewind}"')
    return known


def _read_source(model: TomlTable, name: str, above: Mapping[str, Model]) -> Source:
    table = model.table("source")
    kind = table.text("kind")
    if kind in _DERIVED_KINDS:
        source = _read_derived(kind, table, _read_adapter(model.table("adapter")), name, above)
    elif kind not in _SOURCE_READERS:
        kinds = ", ".join((*_SOURCE_READERS, *_DERIVED_KINDS))
        raise table.fault("kind", f'must be one of {kinds}, not "{kind}"')
    elif "adapter" in model:
        raise model.fault("adapter", f"is for sources of kind {' and '.join(_DERIVED_KINDS)}, not {kind}")
    else:
        source = _SOURCE_READERS[kind](table)
    table.finish()
    if PurePosixPath(source.file).name in ("", "..") or "\\" in source.file:
        raise table.fault("file", f'must name a file, not "{source.file}"')
    return source


def _read_derived(
    kind: str, table: TomlTable, adapter: Adapter, name: str, above: Mapping[str, Model]
) -> Source:
    base = above.get(table.text("base"))
    if base is None:
        raise table.fault("base", f'names no model that stands above: "{table.text("base")}"')
    if isinstance(base.source, AdaptedSource | MergedSource):
        raise table.fault("base", f'must name a model with a file of its own; "{base.name}" has another base')
    if kind == "adapted":
        return AdaptedSource(base, adapter)
    if base.sha256 is None:
        raise table.fault("base", f'names a model without sha256: "{base.name}"; a merge needs it')
    merged_type = table.text("type")
    known = next((known for known in MERGED_TYPES if known == merged_type), None)
    if known is None:
        raise table.fault("type", f'must be one of {", ".join(MERGED_TYPES)}, not "{merged_type}"')
    return MergedSource(name, base, adapter, known)


def _read_adapter(table: TomlTable) -> Adapter:
    path = Path(table.file).parent / Path(table.text("file")).expanduser()
    scale = table.number("scale") if "scale" in table else 1.0
    adapter = Adapter(path, table.count("size_bytes"), _read_sha256(table), scale)
    table.finish()
    return adapter


def _read_pypi(table: TomlTable) -> Source:
    if "parts" not in table:
        return PyPiSource(PurePosixPath(table.text("file")).name, (_read_wheel_file(table),))
    parts = []
    for entry in table.tables("parts"):
        parts.append(_read_wheel_file(entry))
        entry.finish()
    if not parts:
        raise table.fault("parts", "is empty; give at least one part")
    return PyPiSource(table.text("file"), tuple(parts))


def _read_wheel_file(table: TomlTable) -> WheelFile:
    sha256 = _read_sha256(table) if "sha256" in table else ""
    return WheelFile(table.text("package"), table.text("version"), table.text("file"), sha256)


def _read_hub(table: TomlTable) -> Source:
    return HubSource(table.text("repo"), table.text("revision"), table.text("file"))


def _read_path(table: TomlTable) -> Source:
    return PathSource(Path(table.file).parent / Path(table.text("path")).expanduser())


_SOURCE_READERS = {"pypi": _read_pypi, "hub": _read_hub, "path": _read_path}
_DERIVED_KINDS = ("adapted", "merged")


def _read_sha256(table: TomlTable) -> str:
    value = table.text("sha256")
    if not _SHA256.fullmatch(value):
        raise table.fault("sha256", f'must be 64 lower-case hexadecimal digits, not "{value}"')
    return value


def _is_path(text: str, path: Path) -> bool:
    return path.suffix.lower() == ".gguf" or "/" in text or "\\" in text or path.is_file()
