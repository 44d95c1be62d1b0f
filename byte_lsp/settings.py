"""The one tree of settings: names, defaults, limits, and what each means in words.

The same names are used in the editor (section ``byteLsp``), in the README table and here. Whatever an
editor sends is read by ``read_settings``, which keeps all that is right and names all that is wrong.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass
from typing import Any, Literal, cast, get_args, get_type_hints

from cattrs import AttributeValidationNote, ClassValidationError, Converter
from cattrs.errors import ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, override

from byte_lsp.errors import SettingsError
from byte_lsp.weights import Rule, check_weights

CompletionItems = Literal["auto", "always", "never"]
LogLevel = Literal["error", "warning", "info", "debug"]
Value = bool | int | float | str
Path = tuple[str, ...]

_EXAMPLE = "smollm2-135m=0.6, gemma3-270m=0.4"
TYPE_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def _about(
    description: str, *, at_least: float | None = None, at_most: float | None = None
) -> dict[str, Any]:
    return {"description": description, "at_least": at_least, "at_most": at_most}


@dataclass(frozen=True, slots=True)
class SuggestSettings:
    """What is suggested, and when."""

    enabled: bool = field(default=True, metadata=_about("Make suggestions."))
    disabled_languages: str = field(
        default="",
        metadata=_about(
            "Make none in files of these languages: the editor's language ids, commas between, as in "
            "`markdown, plaintext`."
        ),
    )
    alternatives: int = field(
        default=3,
        metadata=_about(
            "Suggestions to offer when you ask for them; one is shown while you type.", at_least=1, at_most=10
        ),
    )
    draws: int = field(
        default=6,
        metadata=_about(
            "Texts to draw when you ask for suggestions; those are offered that the text behind the cursor "
            "follows best.",
            at_least=1,
            at_most=16,
        ),
    )
    confidence: float = field(
        default=-1.0,
        metadata=_about(
            "While you type, show what is right with this probability at least; -1 is the model's own "
            "threshold, 0 shows everything.",
            at_least=-1.0,
            at_most=1.0,
        ),
    )
    max_bytes: int = field(
        default=512, metadata=_about("Longest suggestion, in bytes of UTF-8.", at_least=1, at_most=4096)
    )
    max_lines: int = field(
        default=8,
        metadata=_about(
            "Longest suggestion, in lines: a block may have so many. 1 never suggests a block.",
            at_least=1,
            at_most=64,
        ),
    )
    temperature: float = field(
        default=0.0,
        metadata=_about(
            "Temperature of suggestions, token by token, with an ensemble byte by byte; 0 takes the most "
            "probable one each time.",
            at_least=0.0,
            at_most=2.0,
        ),
    )
    top_p: float = field(
        default=1.0,
        metadata=_about(
            "Draw only from the most probable tokens that make up this mass; with an ensemble, bytes.",
            at_least=0.01,
            at_most=1.0,
        ),
    )
    completion_items: CompletionItems = field(
        default="auto",
        metadata=_about(
            "Offer the suggestion as an ordinary completion item too: `auto` does so where the editor has no "
            "inline completion."
        ),
    )
    memory: bool = field(
        default=True,
        metadata=_about("While you type along a suggestion, show the rest of it and ask the model nothing."),
    )
    ahead: bool = field(
        default=True,
        metadata=_about(
            "While a suggestion is shown, prepare what would follow it, so that accepting it shows the next "
            "one at once."
        ),
    )
    deadline_ms: int = field(
        default=400,
        metadata=_about(
            "Milliseconds until a suggestion is shown, finished or not; the rest is written meanwhile and "
            "shows with the next key. 0 waits for all of it.",
            at_least=0,
            at_most=60000,
        ),
    )
    debounce_ms: int = field(
        default=-1,
        metadata=_about(
            "Milliseconds without a key before the model is asked; -1 goes by how fast you type and how fast "
            "the model answers.",
            at_least=-1,
            at_most=10000,
        ),
    )


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """What the model sees, of the file and of others."""

    tokens: int = field(
        default=1280,
        metadata=_about(
            "Tokens of the prompt, at most; what lies farthest from the cursor is left out.",
            at_least=64,
            at_most=131072,
        ),
    )
    prefix_bytes: int = field(
        default=3072, metadata=_about("Bytes before the cursor, at most.", at_least=64, at_most=65536)
    )
    suffix_bytes: int = field(
        default=1024, metadata=_about("Bytes after the cursor, at most.", at_least=0, at_most=65536)
    )
    neighbours: bool = field(
        default=True, metadata=_about("Show the model related lines of files that are open in the editor.")
    )
    neighbour_bytes: int = field(
        default=1024, metadata=_about("Bytes of such lines, at most.", at_least=0, at_most=65536)
    )
    deadline_ms: int = field(
        default=600,
        metadata=_about(
            "Milliseconds to read text that the model has not seen; what takes longer is read while you "
            "type. 0 reads everything first.",
            at_least=0,
            at_most=60000,
        ),
    )


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the model runs. A change here loads the model again."""

    threads: int = field(
        default=0, metadata=_about("CPU threads; 0 is one per physical core.", at_least=0, at_most=256)
    )
    gpu_layers: int = field(
        default=0, metadata=_about("Layers kept on the GPU; -1 is all of them.", at_least=-1, at_most=999)
    )
    context_tokens: int = field(
        default=4096,
        metadata=_about("Tokens of context, prompt and suggestion together.", at_least=256, at_most=131072),
    )
    reuse: bool = field(
        default=True,
        metadata=_about(
            "Keep what the model has read between requests. Off only to measure what that is worth."
        ),
    )
    drafts: bool = field(
        default=True,
        metadata=_about("Guess repeated text from the files at hand and have the model check it in one go."),
    )


@dataclass(frozen=True, slots=True)
class EnsembleSettings:
    """Several models as one. A change here loads them."""

    members: str = field(
        default="",
        metadata=_about(
            f"Models to use together in place of `model`, with weights: `{_EXAMPLE}`. Empty is `model` alone."
        ),
    )
    rule: Rule = field(
        default="mixture",
        metadata=_about(
            "How members become one: `mixture` averages their probabilities of the next byte, `product` "
            "multiplies powers of them and takes negative weights."
        ),
    )


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """Which files stay out: they are never shown to the model and get no suggestions."""

    respect_gitignore: bool = field(
        default=True, metadata=_about("Leave out files that the workspace's `.gitignore` files name.")
    )
    exclude: str = field(
        default="",
        metadata=_about(
            "Leave out files that match these patterns too, in the manner of `.gitignore`, commas between."
        ),
    )
    allow: str = field(
        default="",
        metadata=_about(
            "Take files that match these patterns although they are ignored, or secret by their name."
        ),
    )


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is written to standard error. Text of your documents is not, unless you ask for it."""

    level: LogLevel = field(default="warning", metadata=_about("Least severe message to log."))
    text: bool = field(
        default=False, metadata=_about("Log the text of documents and suggestions too, to look into a fault.")
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user can set."""

    model: str = field(
        default="smollm2-135m-fim",
        metadata=_about("A name from `byte-lsp models list`, or the path of a GGUF file. A change loads it."),
    )
    suggest: SuggestSettings = field(default_factory=SuggestSettings)
    context: ContextSettings = field(default_factory=ContextSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    ensemble: EnsembleSettings = field(default_factory=EnsembleSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    log: LogSettings = field(default_factory=LogSettings)


@dataclass(frozen=True, slots=True)
class SettingDoc:
    """One setting for people: ``key`` is dotted, ``minimum`` and ``maximum`` are inclusive."""

    key: str
    type: str
    default: Value
    description: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


def describe(group: type[Any] = Settings, path: Path = ()) -> list[SettingDoc]:
    """Every setting in the order of the tree: the source of the README table and of editors' settings."""
    docs: list[SettingDoc] = []
    for item, kind in _typed_fields(group):
        here = (*path, item.name)
        if is_dataclass(kind):
            docs += describe(kind, here)
        else:
            docs.append(_describe_one(item, kind, here))
    return docs


@dataclass(frozen=True, slots=True)
class Member:
    """A model of an ensemble, by name or path, and its weight."""

    model: str
    weight: float


def read_members(settings: Settings) -> tuple[Member, ...]:
    """The models that ``settings`` names: those of the ensemble, or the one model.

    Errors: ``SettingsError`` where no member is named, for a member that is not MODEL=WEIGHT, or for weights
    that the rule cannot take.
    """
    ensemble = settings.ensemble
    if not ensemble.members.strip():
        return (Member(settings.model, 1.0),)
    members = tuple(_read_member(part) for part in ensemble.members.split(",") if part.strip())
    try:
        check_weights([member.weight for member in members], ensemble.rule)
    except ValueError as error:
        raise SettingsError(f"ensemble.members: {error}; an example: {_EXAMPLE}") from error
    return members


def _read_member(text: str) -> Member:
    name, separator, weight = text.strip().rpartition("=")
    try:
        value = float(weight) if separator else 1.0
    except ValueError:
        value = math.nan
    name = name.strip() if separator else text.strip()
    if not name or not math.isfinite(value):
        raise SettingsError(f"ensemble.members: {text.strip()!r} is not MODEL=WEIGHT; an example: {_EXAMPLE}")
    return Member(name, value)


def is_disabled(settings: Settings, language: str) -> bool:
    """Whether the user wants no suggestions in documents of a language, which is an editor's language id."""
    named = settings.suggest.disabled_languages.split(",")
    return language.strip().casefold() in {name.strip().casefold() for name in named} - {""}


def needs_new_worker(old: Settings, new: Settings) -> bool:
    """Whether the step from ``old`` to ``new`` changes what the worker was started with."""
    return (old.model, old.engine, old.ensemble) != (new.model, new.engine, new.ensemble)


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Lay trees over each other, the last on top. A null leaves what lies below it."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = merged.get(key)
            if isinstance(value, Mapping):
                merged[key] = merge(below, value) if isinstance(below, Mapping) else merge(value)
            elif value is not None:
                merged[key] = value
    return merged


def read_settings(given: Mapping[str, Any]) -> tuple[Settings, tuple[str, ...]]:
    """Settings from what an editor sent, and one sentence for each key that could not be used.

    A key that is unknown, of the wrong type or out of its limits keeps its default; the rest applies.
    """
    try:
        return _CONVERTER.structure(given, Settings), ()
    except ClassValidationError as error:
        faults = dict(_faults(error))
    usable = given
    for path in faults:
        usable = _without(usable, path)
    problems = tuple(f"{'.'.join(path)}: {reason}" for path, reason in faults.items())
    return _CONVERTER.structure(usable, Settings), problems


def _typed_fields(group: type[Any]) -> list[tuple[Field[Any], type[Any]]]:
    hints = get_type_hints(group)
    return [(item, hints[item.name]) for item in fields(group)]


def _describe_one(item: Field[Any], kind: type[Any], path: Path) -> SettingDoc:
    return SettingDoc(
        key=".".join(path),
        type=TYPE_NAMES.get(kind, "string"),
        default=cast(Value, item.default),
        description=item.metadata["description"],
        choices=get_args(kind),
        minimum=item.metadata["at_least"],
        maximum=item.metadata["at_most"],
    )


def _expected(doc: SettingDoc) -> str:
    if doc.choices:
        return "one of " + ", ".join(f'"{choice}"' for choice in doc.choices)
    article = "an" if doc.type == "integer" else "a"
    limits = "" if doc.minimum is None else f" from {doc.minimum} to {doc.maximum}"
    return f"{article} {doc.type}{limits}"


def _show(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:40] + "..."


def _fits(value: object, doc: SettingDoc) -> bool:
    if doc.choices:
        return value in doc.choices
    if doc.type == "boolean":
        return isinstance(value, bool)
    if doc.type == "string":
        return isinstance(value, str) and (value != "" or doc.default == "")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    whole = doc.type == "number" or isinstance(value, int) or value.is_integer()
    return whole and (doc.minimum is None or doc.maximum is None or doc.minimum <= value <= doc.maximum)


def _leaf_reader(item: Field[Any], kind: type[Any]) -> Callable[[Any, Any], Any]:
    doc = _describe_one(item, kind, (item.name,))

    def read(value: Any, _: Any) -> Any:
        if not _fits(value, doc):
            raise ValueError(f"{_show(value)} is not {_expected(doc)}; using {_show(doc.default)}")
        return value if doc.choices else kind(value)

    return read


def _group_reader(converter: Converter, group: type[Any]) -> Callable[[Any, Any], Any]:
    hooks: dict[str, Any] = {
        item.name: override(struct_hook=_leaf_reader(item, kind))
        for item, kind in _typed_fields(group)
        if not is_dataclass(kind)
    }
    read_members = make_dict_structure_fn(group, converter, _cattrs_forbid_extra_keys=True, **hooks)

    def read(value: Any, kind: Any) -> Any:
        if not isinstance(value, Mapping):
            raise ValueError(f"{_show(value)} is not a group of settings; using the defaults")
        return read_members(value, kind)

    return read


def _make_converter() -> Converter:
    converter = Converter()
    for group in (
        SuggestSettings,
        ContextSettings,
        EngineSettings,
        EnsembleSettings,
        PrivacySettings,
        LogSettings,
        Settings,
    ):
        converter.register_structure_hook(group, _group_reader(converter, group))
    return converter


def _faults(error: ClassValidationError, path: Path = ()) -> Iterator[tuple[Path, str]]:
    with_notes, others = error.group_exceptions()
    for inner, note in with_notes:
        yield from _faults_of(inner, note, path)
    for inner in others:
        if isinstance(inner, ForbiddenExtraKeysError):
            yield from (((*path, str(key)), "no such setting") for key in sorted(inner.extra_fields))


def _faults_of(error: Exception, note: AttributeValidationNote, path: Path) -> Iterator[tuple[Path, str]]:
    here = (*path, note.name)
    if isinstance(error, ClassValidationError):
        yield from _faults(error, here)
    else:
        yield here, str(error)


def _without(tree: Mapping[str, Any], path: Path) -> dict[str, Any]:
    first, *rest = path
    if not rest:
        return {key: value for key, value in tree.items() if key != first}
    return {**tree, first: _without(tree[first], tuple(rest))}


_CONVERTER = _make_converter()
