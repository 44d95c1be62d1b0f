"""Which prompt answers while the whole one is read in the background: counted in tokens, at a given speed."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.covers import weigh_covers
from byte_lsp.bytes.framing import Framing, frame
from byte_lsp.engines.llama_cpp import EngineConfig, LlamaCppEngine
from byte_lsp.engines.protocol import TRUNK_END, Engine, Logits, TokenTree
from byte_lsp.engines.table import TableEngine
from byte_lsp.errors import Cancelled, EngineError
from byte_lsp.infill.infiller import Infiller
from byte_lsp.infill.layouts import Form
from byte_lsp.infill.pace import FIRST_GUESS_TOKENS_PER_S, LEAST_TOKENS, Pace
from byte_lsp.infill.problem import Chunk, InfillProblem
from byte_lsp.infill.prompts import GROWTH_TOKENS, LEAST_PROMPT_TOKENS, Posed, Prompter
from byte_lsp.infill.window import prefix_window
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.tokenizer import Tokenizer, load_tokenizer

WORDS = [
    "token",
    "tree",
    "branch",
    "cache",
    "evaluate",
    "length",
    "number",
    "held",
    "chunk",
    "engine",
    "context",
    "rows",
    "node",
    "path",
    "begin",
]


def write_code(functions: int) -> bytes:
    """Text that looks like code, the same each time: where it is cut depends on every byte."""
    rng = random.Random(0)
    name = lambda: "_".join(rng.sample(WORDS, rng.randint(1, 3)))  # noqa: E731
    lines = []
    for _ in range(functions):
        lines += [
            f"def {name()}({name()}: int, {name()}: bytes) -> None:",
            f'    """{name()} of {name()}."""',
        ]
        lines += [
            f"    {name()} = self.{name()}({name()}[{rng.randrange(99)}:])" for _ in range(rng.randint(2, 9))
        ]
        lines += [f"    return {name()}", "", ""]
    return "\n".join(lines).encode()


CODE = write_code(80)
CURSOR = 14_000
ROOM = 1600
DEADLINE_MS = 300.0
AFFORDABLE = int(FIRST_GUESS_TOKENS_PER_S * DEADLINE_MS / 1e3)
GENERATED = 4


@pytest.fixture(scope="module")
def tokenizer(smollm2_path: Path) -> Tokenizer:
    return load_tokenizer(smollm2_path)


@pytest.fixture(scope="module")
def framing(tokenizer: Tokenizer) -> Framing:
    return frame(tokenizer.vocabulary, "<|endoftext|>")


@pytest.fixture
def engine(tokenizer: Tokenizer) -> TableEngine:
    return TableEngine(len(tokenizer.pieces), context_tokens=4096)


@pytest.fixture(scope="module")
def real_engine(smollm2_path: Path) -> Iterator[LlamaCppEngine]:
    engine = LlamaCppEngine(EngineConfig(smollm2_path, context_tokens=2048, safe_path=True))
    yield engine
    engine.close()


@dataclass
class Typing:
    """Somebody who types: requests as the worker does them, and a little time between them."""

    prompter: Prompter
    engine: Engine
    tokenizer: Tokenizer
    suffix: bytes = b""

    def problem(self, cursor: int) -> InfillProblem:
        return InfillProblem(prefix_window(CODE, cursor, 6000), self.suffix, deadline_ms=DEADLINE_MS)

    def request(self, cursor: int) -> tuple[Posed, int]:
        """The prompt that was used, and how many tokens its covers cost."""
        posed = self.prompter.choose(self.problem(cursor), ROOM)
        before = self.engine.tokens_evaluated
        process = CanonicalProcess(finder(self.tokenizer), posed.framing)
        path = weigh_covers(self.engine, process, posed.prefix).contexts[0].path
        cost = self.engine.tokens_evaluated - before
        for token in range(GENERATED):
            path = (*path, 100 + token)
            self.engine.evaluate(TokenTree(path), [TRUNK_END])
        return posed, cost

    def idle(self, tokens: int) -> None:
        left = iter(range(tokens // GROWTH_TOKENS))
        self.prompter.grow(lambda: next(left, None) is not None)


PREFIX_ONLY = Form()
SPM = Form("spm", prefix=3, suffix=4, middle=5)


@pytest.fixture
def type_with(tokenizer: Tokenizer, framing: Framing) -> Callable[..., Typing]:
    def start(engine: Engine, form: Form = PREFIX_ONLY, suffix: bytes = b"") -> Typing:
        return Typing(Prompter(engine, tokenizer, framing, form), engine, tokenizer, suffix)

    return start


def check_growing(typing: Typing, idle_tokens: int) -> None:
    """Type until the whole prompt answers: no request is slow, and hardly anything is read twice."""
    cold_before = typing.engine.tokens_evaluated
    whole = typing.prompter.choose(replace(typing.problem(CURSOR), deadline_ms=0.0), ROOM)
    assert whole.prompt_tokens > 1200
    sizes = []
    for cursor in range(CURSOR, CURSOR + 200):
        posed, cost = typing.request(cursor)
        sizes.append(posed.prompt_tokens)
        assert cost <= AFFORDABLE + 24, "a request evaluated more than the deadline leaves time for"
        if posed.prompt_tokens >= whole.prompt_tokens - 8:
            break
        typing.idle(idle_tokens)
    assert len(sizes) > 1
    assert sizes[-1] > 8 * sizes[0], "the whole prompt was never reached"
    keystrokes = len(sizes)
    assert keystrokes <= whole.prompt_tokens // idle_tokens + 2
    spent = typing.engine.tokens_evaluated - cold_before - keystrokes * GENERATED
    covers = 6 * keystrokes
    assert spent <= whole.prompt_tokens + sizes[0] + covers, "something was read twice"
    _, warm = typing.request(CURSOR + len(sizes))
    assert warm <= 24


@pytest.mark.parametrize("idle_tokens", [48, 160])
@pytest.mark.parametrize(("form", "suffix"), [(PREFIX_ONLY, b""), (SPM, CODE[15_000:16_000])])
def test_the_whole_prompt_is_reached_while_typing(
    type_with: Callable[..., Typing], engine: TableEngine, form: Form, suffix: bytes, idle_tokens: int
) -> None:
    check_growing(type_with(engine, form, suffix), idle_tokens)


def test_the_whole_prompt_is_reached_on_the_real_model(
    type_with: Callable[..., Typing], real_engine: LlamaCppEngine
) -> None:
    check_growing(type_with(real_engine), 64)


def test_typing_on_warm_prompts_is_cheap_but_where_the_window_moves(
    type_with: Callable[..., Typing], engine: TableEngine
) -> None:
    typing = type_with(engine)
    typing.request(CURSOR)
    typing.idle(ROOM)
    costs = [typing.request(cursor)[1] for cursor in range(CURSOR, CURSOR + 60)]
    assert sorted(costs)[50] <= 24
    assert max(costs) <= AFFORDABLE + 24


def test_without_a_deadline_the_whole_prompt_is_read_at_once(
    type_with: Callable[..., Typing], engine: TableEngine
) -> None:
    prompter = type_with(engine).prompter
    problem = InfillProblem(CODE[:CURSOR])
    posed = prompter.choose(problem, ROOM)
    assert ROOM * 2 // 3 <= posed.prompt_tokens <= ROOM
    assert not prompter.is_growing
    assert posed.problem.prefix.endswith(CODE[CURSOR - 3000 : CURSOR])


def test_a_short_text_is_never_cut(type_with: Callable[..., Typing], engine: TableEngine) -> None:
    prompter = type_with(engine).prompter
    problem = InfillProblem(CODE[:60], deadline_ms=1.0)
    assert prompter.choose(problem, ROOM).problem == problem
    assert not prompter.is_growing


@pytest.mark.parametrize("deadline_ms", [1.0, 300.0, 1500.0])
def test_a_cold_prompt_is_as_large_as_the_deadline_allows(
    type_with: Callable[..., Typing], engine: TableEngine, deadline_ms: float
) -> None:
    prompter = type_with(engine).prompter
    problem = InfillProblem(CODE[:CURSOR], CODE[CURSOR:], chunks=(Chunk(b"a.py", CODE[:500]),))
    posed = prompter.choose(replace(problem, deadline_ms=deadline_ms), ROOM)
    affordable = FIRST_GUESS_TOKENS_PER_S * deadline_ms / 1e3
    assert posed.prompt_tokens <= max(affordable, LEAST_PROMPT_TOKENS * 3 / 2)
    assert posed.prompt_tokens >= max(affordable / 2, LEAST_PROMPT_TOKENS / 2)
    assert prompter.is_growing


def test_a_slow_engine_gets_less(type_with: Callable[..., Typing], engine: TableEngine) -> None:
    prompter = type_with(engine).prompter
    problem = InfillProblem(CODE[:CURSOR], deadline_ms=1000.0)
    fast = prompter.choose(problem, ROOM)
    prompter.pace.tokens_per_s = 100.0
    assert prompter.choose(problem, ROOM).prompt_tokens <= 100 < fast.prompt_tokens <= 300


def test_an_engine_too_small_for_two_prompts_still_gets_an_answer(
    tokenizer: Tokenizer, framing: Framing
) -> None:
    engine = TableEngine(len(tokenizer.pieces), context_tokens=512)
    prompter = Prompter(engine, tokenizer, framing, Form())
    posed = prompter.choose(InfillProblem(CODE[:CURSOR], deadline_ms=100.0), 500)
    assert not prompter.is_growing or posed.prompt_tokens + len(posed.path) <= 512


class Holding(TableEngine):
    """Says what it holds."""

    held: Sequence[tuple[int, ...]] = ()

    def hold(self, paths: Sequence[tuple[int, ...]]) -> None:
        self.held = paths
        super().hold(paths)


def test_a_prompt_beside_another_is_held_with_it(tokenizer: Tokenizer, framing: Framing) -> None:
    engine = Holding(len(tokenizer.pieces), context_tokens=4096)
    prompter = Prompter(engine, tokenizer, framing, Form())
    beside = Prompter(engine, tokenizer, framing, Form(), prompter.pace)
    typed = prompter.choose(InfillProblem(CODE[:CURSOR], deadline_ms=DEADLINE_MS), ROOM)
    grown = {path for path in engine.held if path != typed.path}
    other = beside.choose(InfillProblem(CODE[: CURSOR // 2], deadline_ms=DEADLINE_MS), ROOM)
    beside.hold_beside(prompter)
    assert {typed.path, other.path} | grown < set(engine.held), "and all that the other grows to"
    assert prompter.is_growing
    assert beside.is_growing
    beside.give_up()
    assert not beside.is_growing
    prompter.choose(InfillProblem(CODE[:CURSOR], deadline_ms=DEADLINE_MS), ROOM)
    assert set(engine.held) == {typed.path} | grown


def test_what_the_judge_reads_grows_and_leaves_the_prompt_of_typing_warm(
    tokenizer: Tokenizer, framing: Framing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine parks nothing: what is not held is read anew."""
    monkeypatch.setattr(Pace, "tokens_within", lambda *_: AFFORDABLE)
    engine = Holding(len(tokenizer.pieces), context_tokens=4096)
    ids = tokenizer.vocabulary.ids_of_spelling
    form = Form("spm", suffix=ids["<jupyter_start>"], middle=ids["<jupyter_code>"])
    infiller = Infiller(engine, tokenizer, framing, form)
    typing = InfillProblem(
        prefix_window(CODE, CURSOR, 3000),
        b"\n" + CODE[CURSOR : CURSOR + 1000],
        max_bytes=12,
        deadline_ms=DEADLINE_MS,
    )
    invoked = replace(typing, draws=6, alternatives=6, seed=1)
    onward = Prompter(engine, tokenizer, framing, form).pose(typing.onward)
    unhurried = count()
    for known in (False, True):
        judged = [each.onward_logprob for each in infiller.infill(invoked).candidates]
        assert len(judged) > 1
        assert None not in judged
        assert (engine.cached_tokens(onward.path) == len(onward.path)) == known
        assert (onward.path in engine.held) == known or not known
        infiller.idle(lambda: next(unhurried) < 400)
    typed = infiller.infill(replace(typing, prefix=typing.prefix + b"x"))
    assert typed.prompt_tokens_evaluated < 2 * GENERATED


class Interrupted(TableEngine):
    """Gives itself up after so many tokens, as it would when a request arrives."""

    limit = 1 << 30

    def evaluate(self, tree: TokenTree, nodes: "list[int]") -> Logits:  # type: ignore[override]
        if self.tokens_evaluated >= self.limit:
            self.interrupt(True)
        return super().evaluate(tree, nodes)


def test_growth_goes_on_where_it_was_interrupted(tokenizer: Tokenizer, framing: Framing) -> None:
    engine = Interrupted(len(tokenizer.pieces), context_tokens=4096)
    prompter = Prompter(engine, tokenizer, framing, Form())
    problem = InfillProblem(CODE[:CURSOR], deadline_ms=DEADLINE_MS)
    prompter.choose(problem, ROOM)
    engine.limit = 200
    prompter.grow(lambda: True)
    assert prompter.is_growing
    done = engine.tokens_evaluated
    assert 200 <= done < 200 + GROWTH_TOKENS
    engine.limit = 1 << 30
    engine.interrupt(False)
    prompter.grow(lambda: True)
    assert not prompter.is_growing
    whole = prompter.choose(problem, ROOM)
    assert engine.tokens_evaluated == len(whole.path)
    assert not prompter.is_growing


def test_growth_that_nobody_wants_costs_nothing(
    type_with: Callable[..., Typing], engine: TableEngine
) -> None:
    prompter = type_with(engine).prompter
    prompter.grow(lambda: True)
    prompter.choose(InfillProblem(CODE[:CURSOR], deadline_ms=DEADLINE_MS), ROOM)
    prompter.grow(lambda: False)
    assert engine.tokens_evaluated == 0
    assert prompter.is_growing


class Broken(TableEngine):
    """Fails like an engine that has no memory left."""

    def evaluate(self, tree: TokenTree, nodes: "list[int]") -> Logits:  # type: ignore[override]
        raise EngineError("no room")


class Forgetful(TableEngine):
    """Keeps nothing."""

    def cached_tokens(self, path: tuple[int, ...]) -> int:
        return 0


def test_a_prompt_that_cannot_grow_is_given_up(tokenizer: Tokenizer, framing: Framing) -> None:
    problem = InfillProblem(CODE[:CURSOR], deadline_ms=DEADLINE_MS)
    broken = Prompter(Broken(len(tokenizer.pieces), context_tokens=4096), tokenizer, framing, Form())
    broken.choose(problem, ROOM)
    with pytest.raises(EngineError):
        broken.grow(lambda: True)
    assert not broken.is_growing
    engine = Forgetful(len(tokenizer.pieces), context_tokens=4096)
    forgetful = Prompter(engine, tokenizer, framing, Form())
    forgetful.choose(problem, ROOM)
    forgetful.grow(lambda: True)
    assert engine.tokens_evaluated == GROWTH_TOKENS
    assert not forgetful.is_growing


def test_pace_is_learnt_from_long_evaluations_alone(engine: TableEngine) -> None:
    seconds = count()
    pace = Pace(engine, lambda: float(next(seconds)))
    with pace.measured():
        engine.evaluate(TokenTree(tuple(range(LEAST_TOKENS - 1))), [])
    assert pace.tokens_per_s == FIRST_GUESS_TOKENS_PER_S
    engine.interrupt(True)
    with pytest.raises(Cancelled), pace.measured():
        engine.evaluate(TokenTree(tuple(range(500, 700))), [])
    assert pace.tokens_per_s == FIRST_GUESS_TOKENS_PER_S
    engine.interrupt(False)
    for _ in range(20):
        with pace.measured():
            start = 1000 * (1 + next(seconds))
            engine.evaluate(TokenTree(tuple(range(start, start + 400))), [])
    assert pace.tokens_within(1000.0) == pytest.approx(200, abs=2)
