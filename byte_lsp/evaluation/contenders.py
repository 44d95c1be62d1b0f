"""The models that one run compares: what each is, whatever it is called, and how to load it.

A file that the catalogue does not know says of itself neither how texts begin nor how holes are laid out, or
says it wrong. ``like`` names the entry whose tokens open and end its texts, and ``infill`` the family that it
fills in as, where that is not the entry's: a checkpoint of a model that learns to fill in has the one of the
model it began as, and a family of its own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from byte_lsp.bytes.baselines import BareProcess
from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.framing import frame
from byte_lsp.catalog import Model, load_catalog
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.local import LocalModel, ModelFile, open_local
from byte_lsp.infill.layouts import find_form
from byte_lsp.models import ensure
from byte_lsp.models.check import sha256_of
from byte_lsp.models.progress import progress_bar
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.vocabulary import load_vocabulary


@dataclass(frozen=True, slots=True)
class Contender:
    """A model as it was asked for: a catalogue name or a path.

    ``like`` is the catalogue entry that a file is like and ``infill`` its infill family, or empty.
    """

    model: str
    like: str = ""
    infill: str = ""

    @property
    def label(self) -> str:
        """What tables call it: the name of its file, or of its entry and how it is asked otherwise."""
        if self.model.lower().endswith(".gguf"):
            return Path(self.model).stem
        return f"{self.model} as {self.infill}" if self.infill else self.model

    @property
    def is_recast(self) -> bool:
        """Whether it is asked otherwise than the catalogue says."""
        return bool(self.like or self.infill)


@dataclass(frozen=True, slots=True)
class Identity:
    """Which model an answer is from, by what decides its answers and not by its name.

    ``sha256`` is that of the file's content; ``asked`` is equal for models that begin and end texts and lay
    out holes alike, and have the same adapter, if any.
    """

    file: str
    sha256: str
    asked: str


@dataclass(frozen=True, slots=True)
class Known:
    """A contender, the file behind it, and who that is."""

    contender: Contender
    file: ModelFile
    identity: Identity

    @property
    def label(self) -> str:
        return self.contender.label


def identify(contender: Contender) -> Known:
    """Find out who a contender is, without loading its weights; pulls a catalogue model if need be.

    Errors: ``CatalogError``, ``ModelFileError``, ``TokenizerError``.
    """
    model = find_model(contender)
    with progress_bar(f"pulling {contender.model}") as progress:
        path = ensure(contender.model, progress=progress)
    adapter = model.adapter and (model.adapter.sha256, model.adapter.scale)
    asked = (model.start_token, model.end_tokens, model.infill, adapter)
    digest = blake2b(repr(asked).encode(), digest_size=8).hexdigest()
    size = len(load_vocabulary(path).pieces)
    file = ModelFile(contender.label, path.name, path.stat().st_size, size)
    return Known(contender, file, Identity(path.name, sha256_of(path), digest))


def identify_all(contenders: Sequence[Contender]) -> list[Known]:
    """Errors: ``EvaluationError`` if two have one name in the tables, and those of ``identify``."""
    labels = [contender.label for contender in contenders]
    for label in labels:
        if labels.count(label) > 1:
            raise EvaluationError(f"two models would both be called {label!r}; give one of them another name")
    return [identify(contender) for contender in contenders]


def find_model(contender: Contender) -> Model:
    """The entry that a contender is, or is like. What is asked otherwise has no calibration.

    Errors: ``CatalogError``, and ``EvaluationError`` for a family without an entry whose tokens to take.
    """
    catalog = load_catalog()
    model = catalog.resolve(contender.model)
    if not contender.is_recast:
        return model
    like = catalog.get(contender.like) if contender.like else model
    if not like.end_tokens:
        raise EvaluationError(
            f"{contender.model}: no catalogue entry says which tokens open and end its texts; "
            "give --like NAME, the entry of the model that it was made from"
        )
    family = catalog.family(contender.infill) if contender.infill else like.infill
    return replace(
        model,
        infill=family,
        start_token=like.start_token,
        end_tokens=like.end_tokens,
        calibration=None,
    )


@contextmanager
def open_contender(contender: Contender, *, threads: int = 0) -> Iterator[LocalModel]:
    """Load a contender in this process; closed on leaving. Errors: those of ``open_local``."""
    with open_local(contender.model, threads=threads) as model:
        yield replace(_recast(model, contender) if contender.is_recast else model, name=contender.label)


def _recast(model: LocalModel, contender: Contender) -> LocalModel:
    """The loaded model, framed and laid out as it is asked."""
    like = find_model(contender)
    tokenizer = model.tokenizer
    framing = frame(tokenizer.vocabulary, like.start_token, like.end_tokens)
    return replace(
        model,
        framing=framing,
        canonical=CanonicalProcess(finder(tokenizer), framing),
        bare=BareProcess(finder(tokenizer), framing),
        form=find_form(tokenizer.vocabulary, like.infill),
        calibration=None,
    )
