"""From a problem to candidates: the one object that a worker owns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice

import numpy as np

from byte_lsp.bytes.baselines import BareProcess, weigh_healed_bytes, weigh_healing, weigh_plain
from byte_lsp.bytes.canonical import CanonicalProcess, Process
from byte_lsp.bytes.covers import Cover, CoverSet, NodeMemory, next_byte, ranked_covers, weigh_covers
from byte_lsp.bytes.drafts import Drafts, TextDrafter
from byte_lsp.bytes.framing import Framing
from byte_lsp.bytes.model import NextByte, TokenByteModel
from byte_lsp.bytes.sampler import Sampler, Sampling
from byte_lsp.engines.protocol import Engine
from byte_lsp.infill.choosing import Choice, offer
from byte_lsp.infill.confidence import Calibration
from byte_lsp.infill.due import Due
from byte_lsp.infill.gather import Ending, Gathering, Scored, gather
from byte_lsp.infill.layouts import Form
from byte_lsp.infill.problem import (
    MOST_DRAWS,
    Arm,
    Candidate,
    InfillProblem,
    InfillResult,
    settle_temperature,
)
from byte_lsp.infill.prompts import Posed, Prompter
from byte_lsp.infill.stopping import Limits, Stopping
from byte_lsp.infill.suffix_fit import has_choice, judge_by_suffix, rank_proposals
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.tokenizer import Tokenizer

TRIES = 3
"""So many texts are begun for each alternative: some agree, and at some cursors nothing fits."""

DRAW_TEMPERATURE = 0.6
"""Of the draws that the suffix chooses among, beside the greedy text."""

SPARE_TOKENS = 32
LEAST_CONTEXT_TOKENS = 4 * SPARE_TOKENS
"""With fewer there is no room for a text, a suggestion and what is spared."""

UNLIKELY_NATS = 6.0

_KEPT_BYTE_MODELS = 4


_WEIGH_BARE: Mapping[str, Callable[[Engine, BareProcess, bytes, float], CoverSet]] = {
    "plain": weigh_plain,
    "healing": weigh_healing,
}


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is left of a request that was answered before all was written."""

    problem: InfillProblem
    posed: Posed
    writing: Gathering
    cover_tokens: int
    due: Due


class Infiller:
    """Solves infill problems with one model."""

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        framing: Framing,
        form: Form | None = None,
        calibration: Calibration | None = None,
        *,
        with_drafts: bool = False,
    ) -> None:
        self.engine = engine
        self._form = form or Form()
        self._prompter = Prompter(engine, tokenizer, framing, self._form)
        self._onward = Prompter(engine, tokenizer, framing, self._form, self._prompter.pace)
        self._calibration = calibration
        self._tokenizer = tokenizer
        self._canonical = CanonicalProcess(finder(tokenizer), framing)
        self.drafts = Drafts(self._canonical.finder.canon) if with_drafts else None
        self._bare = BareProcess(finder(tokenizer), framing)
        self._nodes = NodeMemory()
        self._preparing = self._canonical.finder.prepare()
        self._rest: _Rest | None = None
        self._byte_models = lru_cache(_KEPT_BYTE_MODELS)(partial(TokenByteModel, engine, self._canonical))

    def infill(self, problem: InfillProblem) -> InfillResult:
        """Candidates with distinct bytes, best first; fewer than asked for where nothing else is worth it.

        A result that is ``unfinished`` is made whole by ``write_on``. Errors: ``Cancelled`` when the engine
        is interrupted, ``EngineError``.
        """
        self._rest = None
        self._onward.give_up()
        due = Due(problem.answer_ms, whole_line=problem.whole_line)
        before, drafts = self.engine.tokens_evaluated, self._count_drafts()
        problem = replace(problem, temperature=settle_temperature(problem.temperature))
        posed = self._prompter.choose(problem, self._room(problem))
        process = self._process(problem.arm).framed(posed.framing)
        sampling = Sampling(problem.temperature, problem.top_p, problem.seed)
        with self._prompter.pace.measured():
            covers = self._weigh(process, posed.prefix, problem.arm, sampling)
        read = self.engine.tokens_evaluated - before
        choice = self._choice(problem)
        writing = self._draw(problem, process, covers, choice, due)
        if writing:
            self._rest = _Rest(problem, posed, writing, covers.tokens_evaluated, due)
        return InfillResult(
            self._offer(problem, posed, choice),
            due.elapsed_ms,
            self.engine.tokens_evaluated - before,
            read,
            writing is not None,
            *self._drafts_since(drafts),
            tokens_drawn=choice.tokens_drawn,
        )

    def write_on(self, is_wanted: Callable[[], bool]) -> InfillResult | None:
        """The whole of what the last result had the beginning of; None if that is not wanted any more.

        Errors: as ``infill``.
        """
        rest, self._rest = self._rest, None
        if rest is None:
            return None
        before, drafts = self.engine.tokens_evaluated, self._count_drafts()
        rest.writing.grow(lambda _: not is_wanted())
        if not rest.writing.is_finished:
            return None
        choice = self._choice(rest.problem)
        _add(choice, rest.writing, rest.cover_tokens)
        candidates = self._offer(rest.problem, rest.posed, choice)
        return InfillResult(
            candidates,
            rest.due.elapsed_ms,
            self.engine.tokens_evaluated - before,
            0,
            False,
            *self._drafts_since(drafts),
        )

    def idle(self, is_wanted: Callable[[], bool]) -> None:
        """Work for the requests to come, while ``is_wanted`` and not interrupted: prompts (see
        ``Prompter.grow``), then tables.
        """
        self._prompter.grow(is_wanted)
        self._onward.grow(is_wanted)
        while is_wanted() and self._prepare():
            pass

    def _prepare(self) -> bool:
        """Make one more piece of what requests need; False where nothing is left."""
        return next(self._preparing, self) is not self or self._canonical.finder.admissions.resolve_ahead()

    def _draw(
        self, problem: InfillProblem, process: Process, covers: CoverSet, choice: Choice, due: Due
    ) -> Gathering | None:
        """Draw texts, several in a batch, until ``choice`` has enough or nothing else is probable.

        Texts that are ``due`` before they are finished are offered as they are, and given back: see
        ``write_on``.
        """
        sampling = Sampling(problem.temperature, problem.top_p, problem.seed)
        ending = Limits(problem.max_bytes, problem.max_lines) if problem.raw else Stopping.of(problem)
        others = (*(chunk.text for chunk in reversed(problem.chunks)), problem.suffix)
        wanted = max(problem.alternatives, problem.draws)
        is_ranked = wanted > 1 and self.is_judged(problem) and not self._sees_suffix
        is_scored = problem.with_logprobs or is_ranked
        scored: Scored = "all" if is_scored else "first_line" if self._calibration else "nothing"
        # A confidence can do without what the canonical process costs: on 453 tokens in sixteen files the
        # model's own log-probabilities were 0.004 nats lower on average, 0.02 on a line, and took 0.05 ms.
        scoring = process if is_scored else self._bare.framed(process.framing)
        drafter = self._drafter(problem.prefix, others, ending)
        sampler = Sampler(self.engine, process, drafter, scoring)
        beginnings = self._beginnings(problem, process, covers, sampling)
        while drawings := [
            sampler.begin(covers, each, cover) for cover, each in islice(beginnings, min(wanted, MOST_DRAWS))
        ]:
            writing = Gathering(sampler, drawings, ending, scored)
            writing.grow(due.is_over)
            _add(choice, writing, covers.tokens_evaluated)
            if not writing.is_finished:
                return writing
            wanted = max(0, problem.alternatives - len(choice))
        return None

    def _offer(self, problem: InfillProblem, posed: Posed, choice: Choice) -> tuple[Candidate, ...]:
        candidates = choice.candidates
        if self.is_judged(problem):
            candidates = self._rank(problem, posed, candidates)
        return offer(candidates, problem.alternatives)

    def _rank(self, problem: InfillProblem, posed: Posed, candidates: list[Candidate]) -> list[Candidate]:
        """By the suffix. A model that sees it is asked from left to right, behind a prompt of its own."""
        judge = judge_by_suffix
        if self._sees_suffix:
            if not has_choice(problem.suffix, candidates):
                return candidates
            judge = rank_proposals
            posed = self._onward.choose(problem.onward, self._room(problem))
            self._onward.hold_beside(self._prompter)
        process = self._canonical.framed(posed.framing)
        return judge(self.engine, process, posed.prefix, problem.suffix, candidates)

    def _choice(self, problem: InfillProblem) -> Choice:
        return Choice(problem, self._calibration, sees_suffix=self._sees_suffix)

    @property
    def _sees_suffix(self) -> bool:
        return self._form.layout != "prefix"

    def is_judged(self, problem: InfillProblem) -> bool:
        """Whether the suffix has a say. For a model that sees it only several candidates are worth a second
        prompt.
        """
        if problem.arm != "exact" or problem.raw or not problem.suffix_fit:
            return False
        return not self._sees_suffix or max(problem.draws, problem.alternatives) > 1

    def _room(self, problem: InfillProblem) -> int:
        """Tokens of the prompt that leave room for the suggestion in the model's context."""
        context_tokens = self.engine.context_tokens
        room = context_tokens - min(problem.max_bytes, context_tokens // 2) - SPARE_TOKENS
        return min(room, problem.prompt_tokens or room)

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
        process = self._process(arm)
        covers = self._weigh(process, prefix, arm, sampling)
        steps = Sampler(self.engine, process).steps(covers, sampling)
        found = gather(steps, limits, "all" if with_logprob else "nothing")
        return replace(found.candidate(), tokens_evaluated=covers.tokens_evaluated + found.tokens - 1)

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

    def _weigh(
        self, process: CanonicalProcess | BareProcess, prefix: bytes, arm: Arm, sampling: Sampling
    ) -> CoverSet:
        temperature = sampling.temperature or 1.0
        if isinstance(process, BareProcess):
            return _WEIGH_BARE[arm](self.engine, process, prefix, temperature)
        return weigh_covers(self.engine, process, prefix, temperature, self._nodes)

    def _drafter(self, prefix: bytes, others: Sequence[bytes], ending: Ending) -> TextDrafter | None:
        if self.drafts is None:
            return None
        return self.drafts.beside(prefix, others, lambda text: ending.check(text) is not None)

    def _count_drafts(self) -> tuple[int, int]:
        return (self.drafts.drafted, self.drafts.accepted) if self.drafts else (0, 0)

    def _drafts_since(self, then: tuple[int, int]) -> tuple[int, int]:
        drafted, accepted = self._count_drafts()
        return drafted - then[0], accepted - then[1]

    def _process(self, arm: Arm) -> CanonicalProcess | BareProcess:
        return self._canonical if arm == "exact" else self._bare

    def _beginnings(
        self, problem: InfillProblem, process: Process, covers: CoverSet, sampling: Sampling
    ) -> Iterator[tuple[Cover | None, Sampling]]:
        """How each candidate begins, best first; more of them than candidates asked for, some may agree."""
        # At temperature 0 nobody expects chance: the same cursor gets the same suggestions.
        seed = 0 if problem.seed is None and problem.temperature == 0 else problem.seed
        count = max(problem.draws, TRIES * problem.alternatives)
        seeds = np.random.SeedSequence(seed).generate_state(count)
        if problem.temperature > 0:
            for seed in seeds.tolist():
                yield None, replace(sampling, seed=seed)
            return
        ranked = ranked_covers(process, covers, UNLIKELY_NATS)
        for cover in islice(ranked, 1):
            yield cover, sampling
        for seed in seeds[: problem.draws - 1].tolist():
            yield None, Sampling(DRAW_TEMPERATURE, problem.top_p, seed)
        for cover in islice(ranked, TRIES * problem.alternatives - 1):
            yield cover, sampling


def _add(choice: Choice, writing: Gathering, cover_tokens: int) -> None:
    for text in writing.texts:
        choice.add(text, cover_tokens + text.tokens - 1)
