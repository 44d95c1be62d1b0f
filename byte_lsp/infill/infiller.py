"""From a problem to candidates: the one object that a worker owns."""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache, partial

import numpy as np

from byte_lsp.bytes.baselines import BareProcess, weigh_healed_bytes, weigh_healing, weigh_plain
from byte_lsp.bytes.canonical import CanonicalProcess, Process
from byte_lsp.bytes.covers import Cover, CoverSet, next_byte, ranked_covers, weigh_covers
from byte_lsp.bytes.framing import Framing
from byte_lsp.bytes.model import NextByte, TokenByteModel
from byte_lsp.bytes.sampler import Sampler, Sampling
from byte_lsp.engines.protocol import Engine
from byte_lsp.infill.gather import gather
from byte_lsp.infill.problem import Arm, Candidate, InfillProblem, InfillResult, settle_temperature
from byte_lsp.infill.stopping import Limits
from byte_lsp.infill.window import fit_window
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.tokenizer import Tokenizer

TRIES = 3
SPARE_TOKENS = 32
LEAST_CONTEXT_TOKENS = 4 * SPARE_TOKENS
"""With fewer there is no room for a text, a suggestion and what is spared."""

UNLIKELY_NATS = 6.0
_KEPT_BYTE_MODELS = 4


class Infiller:
    """Solves infill problems with one model. Prefix-only: the model sees the text before the cursor."""

    def __init__(self, engine: Engine, tokenizer: Tokenizer, framing: Framing) -> None:
        self.engine = engine
        self._tokenizer = tokenizer
        self._canonical = CanonicalProcess(finder(tokenizer), framing)
        self._bare = BareProcess(finder(tokenizer), framing)
        self._byte_models = lru_cache(_KEPT_BYTE_MODELS)(partial(TokenByteModel, engine, self._canonical))

    def infill(self, problem: InfillProblem) -> InfillResult:
        """Candidates with distinct bytes, the one at ``problem.temperature`` first.

        Errors: ``Cancelled`` when the engine is interrupted, ``EngineError``.
        """
        started = time.perf_counter()
        problem = replace(problem, temperature=settle_temperature(problem.temperature))
        limits = Limits(problem.max_bytes, problem.max_lines)
        sampling = Sampling(problem.temperature, problem.top_p, problem.seed)
        covers = self._weigh(self._fit(problem.prefix, problem.max_bytes), problem.arm, sampling)
        candidates: dict[bytes, Candidate] = {}
        for cover, each in self._beginnings(problem, covers, sampling):
            candidate = self._candidate(
                covers, each, limits, problem.arm, cover, with_logprob=problem.with_logprobs
            )
            candidates.setdefault(candidate.text, candidate)
            if len(candidates) >= problem.alternatives:
                break
        elapsed_ms = (time.perf_counter() - started) * 1e3
        return InfillResult(tuple(candidates.values()), elapsed_ms, covers.batch_tokens)

    def _fit(self, prefix: bytes, max_bytes: int) -> bytes:
        """The end of ``prefix`` that leaves room for the suggestion in the model's context."""
        room = self.engine.context_tokens - min(max_bytes, self.engine.context_tokens // 2) - SPARE_TOKENS
        return fit_window(prefix, room, self.count_tokens)

    def count_tokens(self, text: bytes) -> int:
        """Length of a text in tokens."""
        return len(self._tokenizer.encode(text))

    def complete(
        self,
        prefix: bytes,
        sampling: Sampling,
        limits: Limits,
        arm: Arm = "exact",
        *,
        with_logprob: bool = False,
    ) -> Candidate:
        """One continuation of ``prefix``."""
        covers = self._weigh(prefix, arm, sampling)
        return self._candidate(covers, sampling, limits, arm, with_logprob=with_logprob)

    def next_byte(self, prefix: bytes, arm: Arm = "exact", eps: float = 0.0) -> NextByte:
        """The distribution of the next byte. Contexts lighter than ``eps`` are not evaluated.

        Errors: ``ContextFull``, ``EngineError``, ``Cancelled``.
        """
        if arm == "exact":
            return self.byte_model(eps).distribution(prefix)
        weigh = weigh_healed_bytes if arm == "healing" else weigh_plain
        return NextByte(next_byte(self._bare, weigh(self.engine, self._bare, prefix)))

    def logprob(self, continuation: bytes, prefix: bytes, eps: float = 0.0) -> float:
        """``log P(continuation | prefix)`` in nats."""
        return self.byte_model(eps).logprob(continuation, prefix)

    def byte_model(self, eps: float) -> TokenByteModel:
        """The model byte by byte; what it says of a prefix is the same as long as it lives.

        Those of the last four ``eps`` asked for are kept: each remembers tens of megabytes.
        """
        return self._byte_models(eps)

    def _weigh(self, prefix: bytes, arm: Arm, sampling: Sampling) -> CoverSet:
        temperature = sampling.temperature or 1.0
        if arm == "exact":
            return weigh_covers(self.engine, self._canonical, prefix, temperature)
        weigh = weigh_plain if arm == "plain" else weigh_healing
        return weigh(self.engine, self._bare, prefix, temperature)

    def _process(self, arm: Arm) -> Process:
        return self._canonical if arm == "exact" else self._bare

    def _beginnings(
        self, problem: InfillProblem, covers: CoverSet, sampling: Sampling
    ) -> Iterator[tuple[Cover | None, Sampling]]:
        """How each candidate begins, best first; more of them than candidates asked for, some may agree."""
        if problem.temperature == 0:
            process = self._process(problem.arm)
            return ((cover, sampling) for cover in ranked_covers(process, covers, UNLIKELY_NATS))
        seeds = np.random.SeedSequence(problem.seed).generate_state(TRIES * problem.alternatives).tolist()
        return ((None, Sampling(problem.temperature, problem.top_p, seed)) for seed in seeds)

    def _candidate(
        self,
        covers: CoverSet,
        sampling: Sampling,
        limits: Limits,
        arm: Arm,
        cover: Cover | None = None,
        *,
        with_logprob: bool,
    ) -> Candidate:
        before = self.engine.tokens_evaluated - covers.tokens_evaluated
        steps = Sampler(self.engine, self._process(arm)).steps(covers, sampling, cover)
        found = gather(steps, limits, with_logprob=with_logprob)
        return replace(found, tokens_evaluated=self.engine.tokens_evaluated - before)
