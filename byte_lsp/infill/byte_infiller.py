"""From a problem to candidates byte by byte: for ensembles, whose members share nothing but bytes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from byte_lsp.bytes.byte_sampler import byte_steps
from byte_lsp.bytes.ensemble import EnsembleModel
from byte_lsp.bytes.model import NextByte
from byte_lsp.bytes.sampler import Sampling, Step
from byte_lsp.errors import EngineError
from byte_lsp.infill.choosing import Choice, offer
from byte_lsp.infill.due import Due
from byte_lsp.infill.gather import Scored, StepWriting, gather
from byte_lsp.infill.infiller import SPARE_TOKENS, TRIES, UNLIKELY_NATS, Infiller
from byte_lsp.infill.problem import Arm, Candidate, InfillProblem, InfillResult, settle_temperature
from byte_lsp.infill.stopping import Limits, Stopping
from byte_lsp.infill.window import fit_window
from byte_lsp.weights import Rule, check_weights

LIGHTEST_CONTEXT = 1e-3
"""The ``eps`` of the members: contexts of less weight are not evaluated."""


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is left of a request that was answered before all was written."""

    problem: InfillProblem
    writing: StepWriting
    due: Due


class ByteInfiller:
    """Solves infill problems with an ensemble of models in this process."""

    def __init__(self, members: Sequence[tuple[Infiller, float]], rule: Rule) -> None:
        """Errors: ``ValueError`` for weights that the rule cannot take."""
        self._members = [member for member, _ in members]
        self._weights = [weight for _, weight in members]
        self._rule: Rule = rule
        self._rest: _Rest | None = None
        check_weights(self._weights, rule)

    def infill(self, problem: InfillProblem) -> InfillResult:
        """Candidates with distinct bytes, as ``Infiller.infill``. Errors: ``EngineError`` for other arms."""
        self._rest = None
        due = Due(problem.answer_ms, whole_line=problem.whole_line)
        _check_arm(problem.arm)
        problem = replace(problem, temperature=settle_temperature(problem.temperature))
        prefix, before = self._fit(problem.prefix, problem.max_bytes), self._tokens_evaluated()
        choice = Choice(problem)
        read = None
        for first, sampling in self._beginnings(problem, prefix):
            evaluated = self._tokens_evaluated()
            read = evaluated - before if read is None else read
            writing = self._write(problem, prefix, first, sampling)
            writing.grow(due.is_over)
            choice.add(writing.texts[0], self._tokens_evaluated() - evaluated)
            if not writing.is_finished:
                self._rest = _Rest(problem, writing, due)
                break
            if len(choice) >= problem.alternatives:
                break
        return InfillResult(
            offer(choice.candidates, problem.alternatives),
            due.elapsed_ms,
            self._tokens_evaluated() - before,
            read or 0,
            unfinished=self._rest is not None,
            tokens_drawn=choice.tokens_drawn,
        )

    def write_on(self, is_wanted: Callable[[], bool]) -> InfillResult | None:
        """As ``Infiller.write_on``."""
        rest, self._rest = self._rest, None
        if rest is None:
            return None
        before = self._tokens_evaluated()
        rest.writing.grow(lambda _: not is_wanted())
        if not rest.writing.is_finished:
            return None
        evaluated = self._tokens_evaluated() - before
        choice = Choice(rest.problem)
        choice.add(rest.writing.texts[0], evaluated)
        return InfillResult(
            offer(choice.candidates, rest.problem.alternatives), rest.due.elapsed_ms, evaluated
        )

    def idle(self, is_wanted: Callable[[], bool]) -> None:
        """Tables for the requests to come; an ensemble reads all of a prompt at once."""
        for member in self._members:
            member.idle(is_wanted)

    def complete(
        self, prefix: bytes, sampling: Sampling, limits: Limits, *, with_logprob: bool = False
    ) -> Candidate:
        """One continuation of ``prefix``, drawn byte by byte."""
        before = self._tokens_evaluated()
        found = gather(self._steps(prefix, sampling, None), limits, "all" if with_logprob else "nothing")
        return replace(found.candidate(), tokens_evaluated=self._tokens_evaluated() - before)

    def next_byte(self, prefix: bytes, arm: Arm = "exact", eps: float = 0.0) -> NextByte:
        """The members' distributions, combined."""
        _check_arm(arm)
        return self._ensemble(eps).distribution(prefix)

    def logprob(self, continuation: bytes, prefix: bytes, eps: float = 0.0) -> float:
        """``log P(continuation | prefix)`` in nats."""
        return self._ensemble(eps).logprob(continuation, prefix)

    def _ensemble(self, eps: float) -> EnsembleModel:
        models = [member.byte_model(eps) for member in self._members]
        return EnsembleModel(list(zip(models, self._weights, strict=True)), self._rule)

    def _fit(self, prefix: bytes, max_bytes: int) -> bytes:
        for member in self._members:
            room = member.engine.context_tokens - min(max_bytes, member.engine.context_tokens // 2)
            prefix = fit_window(prefix, room - SPARE_TOKENS, member.count_tokens)
        return prefix

    def _beginnings(self, problem: InfillProblem, prefix: bytes) -> Iterator[tuple[int | None, Sampling]]:
        """How each candidate begins: with the most probable bytes one after another, or as it is drawn."""
        if problem.temperature > 0:
            seeds = np.random.SeedSequence(problem.seed).generate_state(TRIES * problem.alternatives)
            for seed in seeds.tolist():
                yield None, Sampling(problem.temperature, problem.top_p, seed)
            return
        row = self._ensemble(LIGHTEST_CONTEXT).next_byte(prefix)
        for byte in np.argsort(-row, kind="stable")[: TRIES * problem.alternatives].tolist():
            if row[byte] < row.max() - UNLIKELY_NATS:
                return
            yield byte, Sampling(0.0)

    def _write(
        self, problem: InfillProblem, prefix: bytes, first: int | None, sampling: Sampling
    ) -> StepWriting:
        ending = Limits(problem.max_bytes, problem.max_lines) if problem.raw else Stopping.of(problem)
        scored: Scored = "all" if problem.with_logprobs else "nothing"
        return StepWriting(self._steps(prefix, sampling, first), ending, scored)

    def _steps(self, prefix: bytes, sampling: Sampling, first: int | None) -> Iterator[Step]:
        state = self._ensemble(LIGHTEST_CONTEXT).state(prefix)
        return islice(byte_steps(state, sampling, first), self._room(prefix))

    def _room(self, prefix: bytes) -> int:
        """Bytes that certainly fit behind a prefix: a token spells at least one."""
        rooms = (member.engine.context_tokens - member.count_tokens(prefix) for member in self._members)
        return max(1, min(rooms) - SPARE_TOKENS // 2)

    def _tokens_evaluated(self) -> int:
        return sum(member.engine.tokens_evaluated for member in self._members)


def _check_arm(arm: Arm) -> None:
    if arm != "exact":
        raise EngineError(
            f"an ensemble has no arm {arm!r}: its models share bytes, not tokens; ask each alone"
        )
