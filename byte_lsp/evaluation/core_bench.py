"""``byte-lsp bench core``: what exactness costs, part by part, in one run on one machine."""

import sys
import sysconfig
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from byte_lsp.catalog import load_catalog
from byte_lsp.errors import ByteLspError, EvaluationError
from byte_lsp.evaluation import byte_cost, context_cost, genlm_cost, request_cost, vocabulary_cost
from byte_lsp.evaluation.context_cost import last_lines
from byte_lsp.evaluation.corpus import LANGUAGES, Corpus
from byte_lsp.evaluation.local import LocalModel, ModelFile, open_local
from byte_lsp.evaluation.progress import Track
from byte_lsp.evaluation.windows import Shape, draw_cursors
from byte_lsp.models import local_path

PARTS = ("requests", "bytes", "contexts", "vocabulary", "genlm")
CONTEXT_TOKENS = 8192
SWEPT_CURSORS = 8
PEER_CURSORS = 5
PEER_PREFIX_BYTES = 256
PEER_GENERATED_BYTES = 48
_SLACK_BYTES = 512
_WARM_UP_REQUESTS = 2


@dataclass(frozen=True, slots=True)
class CoreOptions:
    """What to measure.

    ``other`` is a model with another vocabulary. Without ``folders`` the texts are those of Python's standard
    library. ``genlm_python`` is an interpreter that has genlm-bytes.
    """

    model: str
    other: str = "gemma3-270m"
    parts: Sequence[str] = PARTS
    folders: Sequence[Path] = ()
    cursors: int = 30
    tokens: int = 24
    context_bytes: int = 1024
    seed: int = 0
    genlm_python: str = sys.executable


@dataclass(slots=True)
class CoreResults:
    """What was measured; None for a part that was not asked for, lacked something or failed (``notes``)."""

    requests: request_cost.Summary | None = None
    bytes: byte_cost.Summary | None = None
    contexts: context_cost.Summary | None = None
    vocabulary: list[vocabulary_cost.VocabularyCost] | None = None
    genlm: genlm_cost.Summary | None = None
    notes: list[str] = field(default_factory=list)
    models: list[ModelFile] = field(default_factory=list)


def run_core(options: CoreOptions, track: Track) -> CoreResults:
    """Measure the parts in order.

    A part that lacks something, a second model or genlm-bytes, leaves a note, and so does one that fails;
    where nothing is left that was asked for, that is an error. Errors: ``ByteLspError``.
    """
    found = CoreResults()
    lacking = {part: reason for part in options.parts if (reason := _lacks(part, options))}
    if len(lacking) == len(options.parts):
        raise EvaluationError("; ".join(lacking.values()))
    found.notes = [f"{part} was left out: {reason}" for part, reason in lacking.items()]
    parts = [part for part in PARTS if part in options.parts and part not in lacking]
    prefixes = _draw_prefixes(options, parts)
    with open_local(options.model, CONTEXT_TOKENS) as model:
        found.models.append(model.file)
        for prefix in prefixes[:_WARM_UP_REQUESTS]:
            request_cost.ask(model, "exact", last_lines(prefix, options.context_bytes), options.tokens)
        for part in parts:
            try:
                _MEASURES[part](_Run(options, model, prefixes, track), found)
            except ByteLspError as error:
                found.notes.append(f"{part} failed: {error}")
    if all(getattr(found, part) is None for part in parts):
        raise EvaluationError("; ".join(found.notes))
    return found


@dataclass(frozen=True, slots=True)
class _Run:
    """What every part is given; ``prefixes`` are as long as the longest that any part needs."""

    options: CoreOptions
    model: LocalModel
    prefixes: list[bytes]
    track: Track

    @property
    def usual(self) -> list[bytes]:
        """Prefixes of the length that was asked for."""
        return [last_lines(prefix, self.options.context_bytes) for prefix in self.prefixes]


def _measure_requests(run: _Run, found: CoreResults) -> None:
    on_done = run.track("requests: raw, plain, healing, exact", len(run.prefixes))
    found.requests = request_cost.measure(run.model, run.usual, run.options.tokens, run.options.seed, on_done)


def _measure_bytes(run: _Run, found: CoreResults) -> None:
    on_done = run.track("byte by byte against token by token", len(run.prefixes))
    found.bytes = byte_cost.measure(run.model, run.usual, run.options.tokens, run.options.seed, on_done)


def _measure_contexts(run: _Run, found: CoreResults) -> None:
    prefixes = run.prefixes[:SWEPT_CURSORS]
    on_done = run.track("context sizes, cold and warm", len(prefixes) * len(context_cost.SIZES))
    found.contexts = context_cost.measure(run.model, prefixes, run.options.tokens, on_done)


def _measure_vocabulary(run: _Run, found: CoreResults) -> None:
    on_done = run.track("two vocabularies", len(run.prefixes))
    with open_local(run.options.other, CONTEXT_TOKENS) as other:
        found.models.append(other.file)
        request_cost.ask(other, "exact", run.usual[0], run.options.tokens)
        found.vocabulary = vocabulary_cost.measure([run.model, other], run.usual, run.options.tokens, on_done)


def _measure_genlm(run: _Run, found: CoreResults) -> None:
    prefixes = [last_lines(prefix, PEER_PREFIX_BYTES) for prefix in run.prefixes[:PEER_CURSORS]]
    on_done = run.track("genlm-bytes, same weights", len(prefixes))
    with ExitStack() as stack:
        wide = stack.enter_context(open_local(run.options.model, CONTEXT_TOKENS, wide=True))
        found.models.append(wide.file)
        peer = stack.enter_context(genlm_cost.Peer(run.options.genlm_python, run.model.path))
        ours = {"byte-lsp": run.model, "byte-lsp, F32": wide}
        found.genlm = genlm_cost.measure(
            peer, ours, prefixes, PEER_GENERATED_BYTES, run.options.seed, on_done
        )


_MEASURES: dict[str, Callable[[_Run, CoreResults], None]] = {
    "requests": _measure_requests,
    "bytes": _measure_bytes,
    "contexts": _measure_contexts,
    "vocabulary": _measure_vocabulary,
    "genlm": _measure_genlm,
}


def _lacks(part: str, options: CoreOptions) -> str:
    """What a part lacks on this machine, and what to do; empty if nothing."""
    if part == "vocabulary":
        other, model = load_catalog().resolve(options.other), load_catalog().resolve(options.model)
        if local_path(other) is None:
            return f"{options.other} is not on this machine; run: byte-lsp models pull {options.other}"
        if local_path(other) == local_path(model):
            return f"{options.other} is the model itself; name one with another vocabulary with --other"
    if part == "genlm" and not genlm_cost.is_installed(options.genlm_python):
        return genlm_cost.NOT_INSTALLED.format(python=options.genlm_python)
    return ""


def _draw_prefixes(options: CoreOptions, parts: Sequence[str]) -> list[bytes]:
    length = max(options.context_bytes, max(context_cost.SIZES) if "contexts" in parts else 0)
    folders = options.folders or [Path(sysconfig.get_paths()["stdlib"])]
    corpus = Corpus(folders, options.seed, LANGUAGES if options.folders else ("Python",))
    shape = Shape(length + _SLACK_BYTES, length, cursors=1)
    return [cursor.prefix for cursor in draw_cursors(corpus, options.cursors, options.seed, shape)]
