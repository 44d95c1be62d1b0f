"""Drafts change how many batches a text takes, and nothing else: neither its distribution nor its bytes."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.covers import CoverSet, ranked_covers, weigh_covers
from byte_lsp.bytes.draft_worth import (
    ALLOWANCE,
    FIRST_GUESS_COSTS,
    FIRST_GUESS_RATES,
    LEAST_GAIN,
    MOST_CREDIT,
    MOST_TOKENS,
    Acceptance,
    Agreement,
    BatchCosts,
    DraftWorth,
    Evidence,
)
from byte_lsp.bytes.drafts import Drafter, Drafts, TextDrafter
from byte_lsp.bytes.framing import frame
from byte_lsp.bytes.sampler import Drawing, Sampler, Sampling, Step
from byte_lsp.engines.llama_cpp import LlamaCppEngine
from byte_lsp.engines.protocol import TRUNK_END, Engine, TokenTree
from byte_lsp.errors import Cancelled
from byte_lsp.infill.infiller import Infiller
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.extendable import Tail
from byte_lsp.tokens.tokenizer import load_tokenizer

from .test_reference import Remembering
from .test_sampler import ALL, draw, drawn_from, expected_outcomes, goodness
from .tiny import END, BruteForce, Tiny, tinies

CONTEXT_TOKENS = 24
TABLE_DRAWS = 3000
REFERENCE_DRAWS = 3000
REPETITIVE = b"""\
self.width = read_width(options, "width")
self.height = read_height(options, "height")
self.depth = read_depth(options, "depth")
self.width = read_width(options, "width")
self.height = rea"""

EVERY_EVIDENCE = [Evidence(count, agreement) for count in FIRST_GUESS_RATES for agreement in Agreement]

every_tiny = pytest.mark.parametrize("tiny", tinies(), ids=lambda tiny: tiny.name)


class Scripted:
    """A drafter that asks a function, and remembers what came of it."""

    def __init__(self, guess: Callable[[bytes, Tail], Sequence[int]]) -> None:
        self._guess = guess
        self.batches: list[tuple[int, int]] = []

    def propose(self, text: bytes, tail: Tail) -> Sequence[int]:
        return self._guess(text, tail)

    def learn(self, drawn: Sequence[int], drafted: int, seconds: float | None) -> None:
        self.batches.append((drafted, len(drawn) - 1))


class Always(DraftWorth):
    """Takes every draft to be worth it."""

    has_credit = True  # type: ignore[assignment]

    def best_count(self, chances: Sequence[float]) -> int:
        return len(chances)


def random_tokens(tiny: Tiny, seed: int) -> Scripted:
    generator = np.random.default_rng(seed)
    tokens = [END, *tiny.text_tokens]
    return Scripted(lambda text, tail: generator.choice(tokens, size=generator.integers(5)).tolist())


def tokens_that_cannot_follow(tiny: Tiny, seed: int) -> Scripted:
    """Each time a few, those first that the model would like best if they could."""
    process = tiny.process()
    return Scripted(
        lambda text, tail: [token for token in tiny.text_tokens if not process.follows(tail, token)][:3]
    )


def ends(tiny: Tiny, seed: int) -> Scripted:
    return Scripted(lambda text, tail: [END, END])


def more_than_fits(tiny: Tiny, seed: int) -> Scripted:
    return Scripted(lambda text, tail: tiny.text_tokens * CONTEXT_TOKENS)


def nothing(tiny: Tiny, seed: int) -> Scripted:
    return Scripted(lambda text, tail: ())


def short_engine(tiny: Tiny, seed: int) -> Engine:
    engine = tiny.engine(seed)
    engine._context_tokens = CONTEXT_TOKENS
    return engine


def told(steps: Sequence[Step]) -> list[tuple[bytes, bool, float]]:
    return [(step.data, step.ended, step.logprob()) for step in steps]


def drawn_with(tiny: Tiny, sampling: Sampling, drafter: Drafter | None) -> list[tuple[bytes, bool, float]]:
    engine, process = short_engine(tiny, 21), tiny.process()
    covers = weigh_covers(engine, process, b"a", sampling.temperature or 1.0)
    return told(list(Sampler(engine, process, drafter).steps(covers, sampling)))


@every_tiny
@pytest.mark.parametrize(
    "make",
    [random_tokens, tokens_that_cannot_follow, ends, more_than_fits, nothing],
    ids=lambda m: m.__name__,
)
def test_no_drafter_changes_what_is_drawn(tiny: Tiny, make: Callable[[Tiny, int], Scripted]) -> None:
    """Bytes, ends, log-probabilities, and where the context is full: bit for bit."""
    for seed in range(12):
        for sampling in (Sampling(0), Sampling(1.0, 1.0, seed), Sampling(1.6, 0.8, seed)):
            drafter = make(tiny, seed)
            assert drawn_with(tiny, sampling, drafter) == drawn_with(tiny, sampling, None)
            assert all(accepted <= drafted for drafted, accepted in drafter.batches)


@every_tiny
def test_a_drafter_that_is_always_right_is_always_followed(tiny: Tiny) -> None:
    for seed in range(8):
        sampling = Sampling(1.2, 1.0, seed)
        engine, process = short_engine(tiny, 22), tiny.process()
        covers = weigh_covers(engine, process, b"a", 1.2)
        drawing = Sampler(engine, process).begin(covers, sampling)
        while drawing.wanted is not None:
            Sampler(engine, process).advance([drawing])
        rest = {len(drawing.drawn[:at]): drawing.drawn[at:] for at in range(1, len(drawing.drawn) + 1)}
        again = Sampler(engine, process).begin(covers, sampling)
        drafter = Scripted(lambda text, tail, rest=rest, again=again: rest[len(again.drawn)][:4])
        batches = 0
        while again.wanted is not None:
            Sampler(engine, process, drafter).advance([again])
            batches += 1
        assert again.drawn == drawing.drawn
        assert all(accepted >= drafted - 1 for drafted, accepted in drafter.batches)
        assert batches <= -(-len(drawing.drawn) // 4)


@drawn_from
@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (1.7, 0.7)])
def test_draws_with_drafts_follow_the_process(
    name: str, prefix: bytes, temperature: float, top_p: float
) -> None:
    """Against enumeration, with drafts before every draw."""
    tiny = ALL[name]
    engine = tiny.engine(31)
    drafter = random_tokens(tiny, 5)
    sampler = Sampler(engine, tiny.process(), drafter)
    covers = weigh_covers(engine, sampler.process, prefix, temperature)
    samplings = (Sampling(temperature, top_p, seed) for seed in range(TABLE_DRAWS))
    counts = Counter(draw(sampler, covers, sampling) for sampling in samplings)
    expected = expected_outcomes(BruteForce(tiny, tiny.engine(31), temperature), prefix, top_p)
    assert counts.keys() <= expected.keys()
    assert goodness(counts, expected, TABLE_DRAWS) > 1e-3
    assert sum(accepted for _, accepted in drafter.batches) > TABLE_DRAWS / 200
    assert sum(drafted - accepted for drafted, accepted in drafter.batches) > TABLE_DRAWS / 4


@every_tiny
def test_drafts_from_text_leave_the_draws_as_they_are(tiny: Tiny) -> None:
    text = b"".join(tiny.alphabet) * 12
    drafts = Drafts(finder(tiny.tokenizer).canon)
    drafts.worth = Always()
    for seed in range(20):
        sampling = Sampling(0.8, 1.0, seed)
        assert drawn_with(tiny, sampling, drafts.beside(text + b"a", [text[::-1]])) == drawn_with(
            tiny, sampling, None
        )
    assert 0 < drafts.accepted <= drafts.drafted


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_is_drafted_can_follow(data: st.DataObject) -> None:
    """Whatever the texts, and wherever in them the tokens so far end."""
    tiny = data.draw(st.sampled_from(tinies()))
    texts = st.lists(st.sampled_from(tiny.alphabet), min_size=8, max_size=60).map(b"".join)
    prefix, more, other = data.draw(texts), data.draw(texts), data.draw(texts)
    canon, process = finder(tiny.tokenizer).canon, tiny.process()
    tokens = tiny.tokenizer.encode(prefix + more + other)[: data.draw(st.integers(1, 30))]
    spelled = tiny.tokenizer.decode(tokens)
    tail = canon.tail(b"", ())
    for token in tokens:
        tail = tail.push(token)
    drafter = TextDrafter(canon, [other, more + prefix, spelled[:1]], Always())
    for token in drafter.propose(spelled[1:], tail):
        assert process.follows(tail, token)
        tail = tail.push(token)


@every_tiny
def test_an_interrupted_batch_can_be_taken_again(tiny: Tiny) -> None:
    engine, process = short_engine(tiny, 23), tiny.process()
    covers = weigh_covers(engine, process, b"a", 1.0)
    for seed in range(8):
        expected = told(list(Sampler(engine, process).steps(covers, Sampling(1.0, 1.0, seed))))
        drafter = random_tokens(tiny, seed)
        drawing = Sampler(engine, process).begin(covers, Sampling(1.0, 1.0, seed))
        found = [drawing.first]
        while drawing.wanted is not None:
            engine.interrupt(True)
            with pytest.raises(Cancelled):
                Sampler(engine, process, drafter).advance([drawing])
            engine.interrupt(False)
            found += Sampler(engine, process, drafter).advance([drawing])[0]
        assert told(found) == expected


def test_several_drawings_take_a_step_each() -> None:
    tiny = ALL["gpt-2"]
    engine, process = tiny.engine(24), tiny.process()
    covers = weigh_covers(engine, process, b"a", 1.0)
    drafter = random_tokens(tiny, 1)
    sampler = Sampler(engine, process, drafter)
    drawings = [sampler.begin(covers, Sampling(1.0, 1.0, seed)) for seed in range(9)]
    going = [drawing for drawing in drawings if drawing.wanted is not None][:3]
    steps = sampler.advance(going)
    assert [len(of_one) for of_one in steps] == [1, 1, 1]
    assert drafter.batches == []
    assert [drawing.text.endswith(of_one[0].data) for drawing, of_one in zip(going, steps, strict=True)]


def test_what_followed_after_the_longest_match_is_guessed() -> None:
    tiny = ALL["gpt-2"]
    longer, shorter = b"((a (a(a a(a(\n\n(a a a a", b"a a a(a(aa aa a a a"
    found = guesses(tiny, b"", [longer, shorter], b"((a (a(a a(a(")
    assert tiny.tokenizer.decode(found).startswith(b"\n\n(a")
    found = guesses(tiny, b"", [longer, shorter], b"(((a a a(a(")
    assert tiny.tokenizer.decode(found).startswith(b"aa aa")
    assert guesses(tiny, b"", [longer, shorter], b"((((((") == []


def test_a_place_where_nothing_follows_is_passed_over() -> None:
    tiny = ALL["gpt-2"]
    found = guesses(tiny, b"", [b"(a(a(a( a(a a a", b"a(a(a("], b"(a(a(a(")
    assert tiny.tokenizer.decode(found).startswith(b" a(a")


def test_a_run_is_guessed_to_go_on() -> None:
    """Nothing follows yet behind the last copy: it goes on with itself."""
    tiny = ALL["digits"]
    found = guesses(tiny, b"a0 a0 a0 a0 a", [], b"0 a0")
    assert tiny.tokenizer.decode(found).startswith(b" a0 a0 a0")


def guesses(tiny: Tiny, prefix: bytes, others: Sequence[bytes], text: bytes) -> list[int]:
    canon = finder(tiny.tokenizer).canon
    tail = canon.tail(b"", ())
    for token in tiny.tokenizer.encode(prefix + text):
        tail = tail.push(token)
    return list(TextDrafter(canon, [*others, prefix], Always()).propose(text, tail))


def test_nothing_is_guessed_behind_the_end_of_a_text() -> None:
    tiny = ALL["gpt-2"]
    canon = finder(tiny.tokenizer).canon
    drafts = Drafts(canon)
    drafts.worth = Always()
    line = b"(a(a(a(a(a\n"
    text = b"(a(a"
    tail = canon.tail(b"", ())
    for token in tiny.tokenizer.encode(text):
        tail = tail.push(token)
    guessed = drafts.beside(line * 4, [], lambda text: b"\n" in text).propose(text, tail)
    assert tiny.tokenizer.decode(guessed) == b"(a(a(a"
    endless = drafts.beside(line * 4, []).propose(text, tail)
    assert tiny.tokenizer.decode(endless).startswith(b"(a(a(a\n(a")


def test_what_was_written_for_the_last_request_is_guessed_in_the_next() -> None:
    tiny = ALL["gpt-2"]
    engine, process = tiny.engine(25), tiny.process()
    drafts = Drafts(process.finder.canon)
    drafts.worth = Always()
    prefix = b"(a (\na "
    covers = weigh_covers(engine, process, prefix, 1.0)
    for seed in range(6):
        counts = []
        for _ in range(2):
            before = drafts.accepted
            steps = list(
                Sampler(engine, process, drafts.beside(prefix, [])).steps(covers, Sampling(1.0, 1.0, seed))
            )
            counts.append((len(steps), drafts.accepted - before))
        (length, of_first), (same_length, of_second) = counts
        assert same_length == length
        if length > 12:
            assert of_second > max(of_first, length / 4)
    assert drafts.accepted > 0


def timed(drafted: int, seconds: float, batches: int = 80) -> DraftWorth:
    """What drafts are worth where a token alone takes 10 ms, and ``drafted`` with it so many seconds."""
    worth = DraftWorth()
    for _ in range(batches):
        worth.count(0, 0, 0.010)
        worth.count(drafted, 0, seconds)
    return worth


def test_drafts_pay_by_their_chances_and_their_cost() -> None:
    worth = DraftWorth()
    assert worth.best_count([]) == 0
    assert worth.best_count([0.2] * 8) == 0
    assert worth.best_count([1.0] * 8) == 8
    assert worth.best_count([0.95] * 3 + [0.1] * 5) == 3
    cheap = timed(15, 0.011)
    assert cheap.best_count([0.8] * 15) > worth.best_count([0.8] * 15)
    assert worth.best_count([1.0] * 7) == 7
    assert 0 < timed(7, 0.080).best_count([1.0] * 7) < 7
    assert timed(1, 0.020).best_count([1.0]) == 0


def test_what_batches_cost_is_learned_and_forgotten() -> None:
    worth = timed(3, 0.040)
    assert worth.costs.cost(4) == pytest.approx(4.0, abs=0.1)
    assert worth.best_count([0.99] * 3) < 3
    worth.count(3, 0, 1e9)
    assert worth.costs.cost(4) <= 4.0
    for _ in range(600):
        worth.count(0, 0, 0.010)
    assert worth.costs.cost(4) == pytest.approx(FIRST_GUESS_COSTS[4], abs=0.3)
    assert worth.best_count([0.99] * 3) == 3
    assert (worth.drafted, worth.accepted) == (3 * 81, 0)


def test_drafts_that_lose_are_off_for_a_while() -> None:
    worth = DraftWorth()
    lost, drawn = 0.0, 0
    for _ in range(1000):
        drafted = 7 if worth.has_credit else 0
        lost += worth.costs.cost(1 + drafted) - 1
        drawn += 1
        worth.count(drafted, 0, None)
    assert lost <= MOST_CREDIT + worth.costs.cost(8) + ALLOWANCE * drawn
    assert worth.drafted > 7
    for _ in range(20):
        worth.count(7, 7, None)
    assert worth.has_credit


def test_a_drafter_without_credit_guesses_nothing_and_goes_on_learning() -> None:
    tiny = ALL["gpt-2"]
    canon = finder(tiny.tokenizer).canon
    worth, text = DraftWorth(), b"(a(a(a(a"
    drafter = TextDrafter(canon, [b"(a(a(a(a(a(a(a(a\n" * 5], worth)
    tail = canon.tail(b"", ())
    for token in tiny.tokenizer.encode(text):
        tail = tail.push(token)
    assert drafter.propose(text, tail)
    for _ in range(9):
        worth.count(15, 0, None)
    assert not worth.has_credit
    rates = [worth.acceptance.rate(evidence) for evidence in EVERY_EVIDENCE]
    assert drafter.propose(text, tail) == ()
    drafter.learn(tiny.tokenizer.encode(b"("), 0, None)
    assert sum(worth.acceptance.rate(evidence) for evidence in EVERY_EVIDENCE) > sum(rates)


@pytest.mark.parametrize("drafted", range(1, MOST_TOKENS + 1))
def test_batches_of_any_size_teach_their_own_cost(drafted: int) -> None:
    worth = timed(drafted, 0.010 * (1 + 0.5 * drafted), 400)
    assert worth.costs.cost(1 + drafted) == pytest.approx(1 + 0.5 * drafted, rel=0.05)
    assert worth.costs.cost(1) == 1.0


def test_batches_that_say_nothing_of_time_are_counted_all_the_same() -> None:
    worth = DraftWorth()
    worth.count(3, 2, None)
    worth.count(3, 2, 1.0)
    assert (worth.drafted, worth.accepted, worth.costs.cost(4)) == (6, 4, FIRST_GUESS_COSTS[4])


def test_a_request_begins_with_what_all_requests_know() -> None:
    everywhere, near, far = Acceptance(), Evidence(14), Evidence(24)
    first = everywhere.rate(Evidence(12))
    assert first == FIRST_GUESS_RATES[12][Agreement.ALONE]
    request = Acceptance(everywhere)
    for _ in range(200):
        request.learn(near, False)
    assert request.rate(near) < everywhere.rate(near) < first / 2
    assert everywhere.rate(far) == FIRST_GUESS_RATES[24][Agreement.ALONE]
    assert everywhere.rate(Evidence(14, Agreement.AGREED)) == FIRST_GUESS_RATES[12][Agreement.AGREED]
    assert Acceptance(everywhere).rate(near) == everywhere.rate(near)
    for _ in range(200):
        Acceptance(everywhere).learn(near, True)
    assert everywhere.rate(near) > 0.9


def test_another_text_from_the_same_drafter_is_looked_up_anew() -> None:
    """Also where what follows a place runs into the copy itself."""
    tiny = ALL["gpt-2"]
    canon = finder(tiny.tokenizer).canon
    drafter = TextDrafter(canon, [b"(a)(a)(a)(a)\n"], Always())

    def tail_of(text: bytes) -> Tail:
        tail = canon.tail(b"", ())
        for token in tiny.tokenizer.encode(text):
            tail = tail.push(token)
        return tail

    for text in (b"(a(a(a(a", b"(a(a(a(a(a(a(a", b"(a(a(a(a(a(a(a(a(a(a"):
        draft = drafter.propose(text, tail_of(text))
        fresh = TextDrafter(canon, [b"(a)(a)(a)(a)\n"], Always())
        assert list(draft) == list(fresh.propose(text, tail_of(text))) != []
        drafter.learn(draft[:1], 0, None)


class Recording(DraftWorth):
    """Remembers the chances that it was told, and takes no draft to be worth it."""

    chances: Sequence[float] = ()

    def best_count(self, chances: Sequence[float]) -> int:
        self.chances = chances
        return 0


def test_places_that_go_on_alike_make_a_guess_likely_and_others_doubtful() -> None:
    tiny = ALL["gpt-2"]
    canon = finder(tiny.tokenizer).canon

    def chances(*places: bytes) -> Sequence[float]:
        worth = Recording()
        text, tail = b"(a(a(a", canon.tail(b"", ())
        for token in tiny.tokenizer.encode(text):
            tail = tail.push(token)
        lines = (b"%d%s%s\n" % (at, text, behind) for at, behind in enumerate(places))
        TextDrafter(canon, [b"".join(lines)], worth).propose(text, tail)
        return worth.chances

    goes_on, parts_later, parts_at_once = b"(b(b(b(b(b(b", b"(b))))))))))", b"))))))))))))"
    alone = chances(goes_on)
    agreed = chances(goes_on, goes_on, goes_on)
    disputed = chances(parts_at_once, goes_on)
    later = chances(parts_later, goes_on)
    assert disputed[0] < alone[0] < agreed[0] == later[0]
    parting = next(at for at, (one, other) in enumerate(zip(later, agreed, strict=True)) if one != other)
    assert later[parting] < alone[parting] < agreed[parting]
    assert later[parting + 1 :] == alone[parting + 1 :] != []


def test_a_place_that_went_on_otherwise_has_no_say_later() -> None:
    tiny = ALL["gpt-2"]
    canon = finder(tiny.tokenizer).canon
    worth = Recording()
    text, tail = b"(a(a(a", canon.tail(b"", ())
    for token in tiny.tokenizer.encode(text):
        tail = tail.push(token)
    lines = b"1" + text + b")(b(b(b(b(b(b\n2" + text + b"((b(b(b(b(b(b\n"
    drafter = TextDrafter(canon, [lines], worth)
    drafter.propose(text, tail)
    assert worth.chances[0] == FIRST_GUESS_RATES[6][Agreement.DISPUTED]
    while drafter._ahead:
        token = drafter._ahead[0]
        drafter.learn([token], 0, None)
        text, tail = text + tiny.tokenizer.pieces[token], tail.push(token)
        drafter.propose(text, tail)
        assert all(evidence.agreement is Agreement.ALONE for evidence in drafter._evidence)


@given(st.lists(st.floats(0, 1), max_size=MOST_TOKENS), st.floats(0.005, 0.2))
def test_no_other_count_would_pay_more(chances: list[float], seconds: float) -> None:
    worth = timed(7, seconds, 10)

    def gain(count: int) -> float:
        reached = np.cumprod([1.0, *chances[:count]])
        return float(reached.sum()) / worth.costs.cost(1 + count)

    count = worth.best_count(chances)
    best = max(gain(other) for other in range(len(chances) + 1))
    assert gain(count) == pytest.approx(best) if count else best <= LEAST_GAIN + 1e-9


class Counting:
    """An engine that counts its batches."""

    def __init__(self, engine: LlamaCppEngine) -> None:
        self._engine = engine
        self.batches = 0

    def __getattr__(self, name: str):
        return getattr(self._engine, name)

    def evaluate(self, tree, nodes):
        self.batches += 1
        return self._engine.evaluate(tree, nodes)


@pytest.fixture(scope="module")
def process(smollm2_f32_path: Path) -> CanonicalProcess:
    tokenizer = load_tokenizer(smollm2_f32_path)
    return CanonicalProcess(finder(tokenizer), frame(tokenizer.vocabulary, "<|endoftext|>"))


def write(
    engine: Engine, process: CanonicalProcess, covers: CoverSet, sampling: Sampling, drafter: Drafter | None
) -> Drawing:
    sampler = Sampler(engine, process, drafter)
    drawing = sampler.begin(covers, sampling)
    while drawing.wanted is not None and len(drawing.text) < 90:
        sampler.advance([drawing])
    return drawing


def test_texts_are_the_same_in_the_reference_configuration(
    reference_engine: LlamaCppEngine, process: CanonicalProcess
) -> None:
    """Greedy and drawn, where drafts hold and where they do not."""
    drafts = Drafts(process.finder.canon)
    drafts.worth = Always()
    samplings = [Sampling(0), *(Sampling(0.7, 0.9, seed) for seed in range(2)), Sampling(1.0, 1.0, 3)]
    with_drafts, without = Counting(reference_engine), Counting(reference_engine)
    for sampling in samplings:
        covers = weigh_covers(reference_engine, process, REPETITIVE, sampling.temperature or 1.0)
        drafter = drafts.beside(REPETITIVE, [])
        drafted = write(with_drafts, process, covers, sampling, drafter)
        alone = write(without, process, covers, sampling, None)
        assert drafted.text[: len(alone.text)] == alone.text, sampling
    assert with_drafts.batches < 0.8 * without.batches
    assert 0 < drafts.accepted < drafts.drafted


def test_a_batch_with_a_draft_follows_the_exact_probabilities(
    reference_engine: LlamaCppEngine, process: CanonicalProcess
) -> None:
    """What one batch brings, against the rows behind each token of the draft, evaluated one by one."""
    remembering = Remembering(reference_engine)
    covers = weigh_covers(reference_engine, process, REPETITIVE)
    (cover,) = islice(ranked_covers(process, covers, 0.0), 1)
    begun = Sampler(reference_engine, process).begin(covers, Sampling(0), cover)
    text = TextDrafter(process.finder.canon, [REPETITIVE], Always())
    draft = tuple(text.propose(begun.text, begun.tail))[:5]
    assert len(draft) == 5
    sampler = Sampler(remembering, process, Scripted(lambda text, tail: draft))
    counts: Counter[tuple[int, ...]] = Counter()
    for seed in range(REFERENCE_DRAWS):
        drawing = sampler.begin(covers, Sampling(1.3, 1.0, seed), cover)
        sampler.advance([drawing])
        counts[tuple(drawing.drawn[1:])] += 1
    expected: dict[tuple[int, ...], float] = {}
    reached, tail = 1.0, begun.tail
    for depth in range(len(draft) + 1):
        row = reference_engine.evaluate(TokenTree((*begun.wanted, *draft[:depth])), [TRUNK_END])[0]
        restricted = process.restrict(tail, row, 1.3)
        shares = reached * np.exp(restricted.row.astype(np.float64) - restricted.log_mass)
        reached = 0.0
        if depth < len(draft):
            reached, shares[draft[depth]] = float(shares[draft[depth]]), 0.0
            tail = tail.push(draft[depth])
        common = np.flatnonzero(shares * REFERENCE_DRAWS >= 5).tolist()
        expected |= {(*draft[:depth], token): float(shares[token]) for token in common}
    seen = [counts[tokens] for tokens in expected]
    shares_seen = list(expected.values())
    seen.append(REFERENCE_DRAWS - sum(seen))
    shares_seen.append(1 - sum(shares_seen))
    assert len({len(tokens) for tokens in expected}) > 3
    assert chisquare(seen, np.array(shares_seen) * REFERENCE_DRAWS).pvalue > 1e-3


def test_the_infiller_answers_the_same_with_drafts(
    reference_engine: LlamaCppEngine, process: CanonicalProcess
) -> None:
    tokenizer = process.finder.tokenizer
    plain = Infiller(reference_engine, tokenizer, process.framing)
    drafting = Infiller(reference_engine, tokenizer, process.framing, with_drafts=True)
    assert plain.drafts is None
    assert drafting.drafts is not None
    drafting.drafts.worth = Always()
    for max_lines in (1, 2):
        problem = InfillProblem(REPETITIVE, b"\nself.unit = None\n", max_lines=max_lines, max_bytes=80)
        expected, found = plain.infill(problem).candidates, drafting.infill(problem).candidates
        assert [(each.text, each.stop_reason) for each in found] == [
            (each.text, each.stop_reason) for each in expected
        ]
        assert expected[0].text
    assert drafting.drafts.accepted > 0


def test_a_smaller_batch_costs_no_more_than_a_larger_one_that_was_measured() -> None:
    costs = BatchCosts()
    costs.learn(1, 0.01)
    for _ in range(60):
        costs.learn(4, 0.011)  # as on a GPU
    found = [costs.cost(tokens) for tokens in range(1, 17)]
    assert found == sorted(found)
    assert found[1] < 1.2
    assert found[15] > 5
