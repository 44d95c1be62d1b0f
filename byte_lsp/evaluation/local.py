"""A model in this process. Benchmarks time the engine and what stands above it, not the pipe to a worker."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from byte_lsp.bytes.baselines import BareProcess, weigh_healing, weigh_plain
from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.covers import CoverSet, weigh_covers
from byte_lsp.bytes.framing import Framing, frame
from byte_lsp.bytes.sampler import Sampler
from byte_lsp.catalog import load_catalog
from byte_lsp.engines.llama_cpp import EngineConfig, LlamaCppEngine, requantize
from byte_lsp.engines.protocol import Logits, TokenTree
from byte_lsp.infill.confidence import Calibration
from byte_lsp.infill.infiller import Infiller
from byte_lsp.infill.layouts import Form, find_form
from byte_lsp.infill.problem import Arm
from byte_lsp.models import ensure
from byte_lsp.models.cache import cache_folder
from byte_lsp.models.check import sha256_of
from byte_lsp.models.progress import progress_bar
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.tokenizer import Tokenizer, load_tokenizer
from byte_lsp.worker.handle import Worker
from byte_lsp.worker.messages import WorkerConfig


class ClockedEngine:
    """An engine that adds up the seconds spent inside it."""

    def __init__(self, inner: LlamaCppEngine) -> None:
        self.inner = inner
        self.seconds = 0.0

    @property
    def vocabulary_size(self) -> int:
        return self.inner.vocabulary_size

    @property
    def context_tokens(self) -> int:
        return self.inner.context_tokens

    @property
    def tokens_evaluated(self) -> int:
        return self.inner.tokens_evaluated

    @property
    def threads(self) -> int:
        return self.inner.threads

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        started = time.perf_counter()
        try:
            return self.inner.evaluate(tree, nodes)
        finally:
            self.seconds += time.perf_counter() - started

    def cached_tokens(self, path: tuple[int, ...]) -> int:
        return self.inner.cached_tokens(path)

    def forget(self) -> None:
        self.inner.forget()

    def hold(self, paths: Sequence[tuple[int, ...]]) -> None:
        self.inner.hold(paths)

    def interrupt(self, stop: bool) -> None:
        self.inner.interrupt(stop)

    def close(self) -> None:
        self.inner.close()


@dataclass(frozen=True, slots=True)
class ModelFile:
    """Which model figures belong to."""

    name: str
    file: str
    size_bytes: int
    vocabulary_size: int


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A loaded model and the ways of asking it."""

    name: str
    path: Path
    engine: ClockedEngine
    tokenizer: Tokenizer
    framing: Framing
    canonical: CanonicalProcess
    bare: BareProcess
    form: Form
    calibration: Calibration | None

    @property
    def file(self) -> ModelFile:
        """The loaded file."""
        return ModelFile(self.name, self.path.name, self.path.stat().st_size, self.engine.vocabulary_size)

    def infiller(self) -> Infiller:
        """The whole cheap path, as the worker has it."""
        return Infiller(self.engine, self.tokenizer, self.framing, self.form, self.calibration)

    def weigh(self, prefix: bytes, arm: Arm) -> CoverSet:
        """The covers of ``prefix`` in one arm."""
        if arm == "exact":
            return weigh_covers(self.engine, self.canonical, prefix)
        return (weigh_plain if arm == "plain" else weigh_healing)(self.engine, self.bare, prefix)

    def sampler(self, arm: Arm) -> Sampler:
        """What goes on from an arm's covers."""
        return Sampler(self.engine, self.canonical if arm == "exact" else self.bare)

    def path_of(self, prefix: bytes) -> tuple[int, ...]:
        """Plain tokenization: the head and ``encode(prefix)``."""
        return (*self.framing.head, *self.tokenizer.encode(prefix))

    def forget(self) -> None:
        """Leave nothing of any text in the engine's cache."""
        self.engine.inner.forget()

    def forget_all_but(self, prefix: bytes) -> None:
        """Leave in the engine's cache what weighing the covers of ``prefix`` leaves in an empty one."""
        self.forget()
        self.weigh(prefix, "exact")


@contextmanager
def open_local(
    name_or_path: str, context_tokens: int = 4096, *, threads: int = 0, wide: bool = False
) -> Iterator[LocalModel]:
    """Load a catalogue model or a GGUF file here, as the worker would; closed on leaving.

    ``threads`` 0 lets the engine choose. ``wide`` loads the same weights as 32-bit floats, with a 32-bit KV
    cache: the reference configuration. A worker tries the model first: where it crashes, it is loaded here on
    the safe path. Errors: ``CatalogError``, ``ModelFileError``, ``TokenizerError``, ``EngineError``.
    """
    model = load_catalog().resolve(name_or_path)
    with progress_bar(f"pulling {name_or_path}") as progress:
        path = ensure(name_or_path, progress=progress)
    if wide:
        path = _widen(path)
    tokens: dict[str, Any] = {"start_token": model.start_token, "end_tokens": model.end_tokens}
    adapter: dict[str, Any] = {}
    if model.adapter is not None:
        adapter = {"adapter_path": model.adapter.path, "adapter_scale": model.adapter.scale}
    safe_path = _needs_safe_path(WorkerConfig(str(path), context_tokens, **tokens))
    tokenizer = load_tokenizer(path)
    framing = frame(tokenizer.vocabulary, **tokens)
    form = find_form(tokenizer.vocabulary, model.infill)
    canonical, bare = CanonicalProcess(finder(tokenizer), framing), BareProcess(finder(tokenizer), framing)
    config = EngineConfig(
        path, context_tokens, threads, safe_path=safe_path, cache_type="f32" if wide else "f16", **adapter
    )
    engine = ClockedEngine(LlamaCppEngine(config))
    try:
        yield LocalModel(
            name_or_path, path, engine, tokenizer, framing, canonical, bare, form, model.calibration
        )
    finally:
        engine.close()


def _needs_safe_path(config: WorkerConfig) -> bool:
    """Whether the model crashes here without: a worker evaluates with it first and may die of that."""
    worker = Worker(config)
    try:
        worker.next_byte(b"").result()
        return worker.safe_path
    finally:
        worker.close()


def wide_path(path: Path) -> Path:
    """Where a model file's weights lie as 32-bit floats: in byte-lsp's cache, by the file's content."""
    return cache_folder() / "evaluation" / f"{path.stem}-{sha256_of(path)[:16]}-F32.gguf"


def _widen(path: Path) -> Path:
    """The file's weights as 32-bit floats, written once."""
    target = wide_path(path)
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        requantize(path, target, "F32")
        print(f"byte-lsp: written: {target}, {target.stat().st_size / 1e6:.0f} MB", file=sys.stderr)
    return target
