"""From problems to candidates, with a table model behind a tiny tokenizer."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.sampler import Sampling, Step
from byte_lsp.engines.protocol import TRUNK_END, Logits, TokenTree
from byte_lsp.engines.table import TableEngine
from byte_lsp.errors import Cancelled
from byte_lsp.infill.choosing import offer
from byte_lsp.infill.confidence import Calibration
from byte_lsp.infill.gather import Scored, gather
from byte_lsp.infill.infiller import TRIES, Infiller
from byte_lsp.infill.layouts import Form
from byte_lsp.infill.problem import Arm, Candidate, InfillProblem
from byte_lsp.infill.stopping import Limits
from byte_lsp.infill.suffix_fit import judge_by_suffix, rank_proposals
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.tokenizer import Tokenizer
from tests.bytes.tiny import END, FRAMING, Tiny, tinies

ENDLESS = Limits(10_000)


@pytest.fixture
def tiny() -> Tiny:
    return next(each for each in tinies() if each.name == "gpt-2")


@pytest.fixture
def engine(tiny: Tiny) -> TableEngine:
    return tiny.engine(21)


@pytest.fixture
def infiller(tiny: Tiny, engine: TableEngine) -> Infiller:
    return Infiller(engine, tiny.tokenizer, FRAMING)


class NeverEnding(TableEngine):
    """A text hardly ever ends. It gives itself up once it has evaluated ``limit`` tokens, as others would."""

    limit = 1 << 30

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        if self.tokens_evaluated >= self.limit:
            self.interrupt(True)
        return super().evaluate(tree, nodes)

    def row(self, path: tuple[int, ...]) -> Logits:
        row = super().row(path).copy()
        row[END] = -50.0
        return row


def never_ending(tiny: Tiny, context_tokens: int) -> NeverEnding:
    return NeverEnding(len(tiny.tokenizer.pieces), seed=4, context_tokens=context_tokens)


def test_alternatives_are_distinct_and_the_greedy_one_comes_first(infiller: Infiller) -> None:
    result = infiller.infill(InfillProblem(b"aa ", alternatives=3, max_bytes=6, max_lines=0, raw=True))
    texts = [candidate.text for candidate in result.candidates]
    assert len(texts) == len(set(texts)) == 3
    assert result.candidates[0].text == infiller.complete(b"aa ", Sampling(0), Limits(6)).text


def test_one_candidate_is_made_unless_more_are_asked_for(infiller: Infiller) -> None:
    assert len(infiller.infill(InfillProblem(b"a", max_bytes=4, raw=True)).candidates) == 1


def test_sampled_alternatives_follow_the_seed(infiller: Infiller) -> None:
    def texts(seed: int) -> list[bytes]:
        problem = InfillProblem(b"a", alternatives=3, max_bytes=5, temperature=1.0, seed=seed, raw=True)
        return [candidate.text for candidate in infiller.infill(problem).candidates]

    assert texts(1) == texts(1)
    assert len({tuple(texts(seed)) for seed in range(8)}) > 1


@pytest.mark.parametrize("arm", ["exact", "plain", "healing"])
def test_next_byte_is_a_distribution_in_every_arm(infiller: Infiller, arm: Arm) -> None:
    for prefix in (b"", b"a", b"a ", b"  ", b"a\n\n", b"a (", b"((a"):
        assert np.exp(infiller.next_byte(prefix, arm).logprobs).sum() == pytest.approx(1.0), prefix


def test_every_token_evaluated_is_counted(infiller: Infiller, engine: TableEngine) -> None:
    before = engine.tokens_evaluated
    candidate = infiller.complete(b"a (a", Sampling(1.0, seed=3), Limits(30))
    assert candidate.tokens_evaluated == engine.tokens_evaluated - before > 4


def test_reasons_to_stop(infiller: Infiller) -> None:
    def reasons(limits: Limits, prefix: bytes = b"a") -> set[str]:
        draws = (infiller.complete(prefix, Sampling(1.0, seed=seed), limits) for seed in range(40))
        return {draw.stop_reason for draw in draws}

    assert reasons(Limits(1)) <= {"max_bytes", "end_of_text"}
    assert "end_of_text" in reasons(ENDLESS)
    assert "max_lines" in reasons(Limits(1000, 1))
    assert "stop" in reasons(Limits(1000, 0, (b"(",)))


def test_a_candidate_ends_before_its_stop_and_within_its_bytes(infiller: Infiller) -> None:
    for seed in range(60):
        limits = Limits(4, 0, (b"((",))
        candidate = infiller.complete(b"a", Sampling(1.0, seed=seed), limits, with_logprob=True)
        assert b"((" not in candidate.text
        assert len(candidate.text) <= 4
        assert candidate.logprob is not None
        assert candidate.logprob < 0


def test_generation_ends_where_the_context_is_full(tiny: Tiny) -> None:
    engine = never_ending(tiny, 80)
    candidate = Infiller(engine, tiny.tokenizer, FRAMING).complete(b"a", Sampling(1.0, seed=1), ENDLESS)
    assert candidate.stop_reason == "context_full"
    assert candidate.tokens_evaluated <= 80


def test_a_prefix_too_long_loses_its_beginning(tiny: Tiny) -> None:
    engine = never_ending(tiny, 160)
    infiller = Infiller(engine, tiny.tokenizer, FRAMING)
    for length in range(90, 400, 7):
        prefix = (b"aa (a\n" * 80)[:length]
        result = infiller.infill(InfillProblem(prefix, max_bytes=20, max_lines=0, raw=True))
        assert len(result.candidates[0].text) == 20


@pytest.mark.parametrize("limit", [0, 25, 60])
def test_cancelling_stops_before_the_next_token(tiny: Tiny, limit: int) -> None:
    """The prefix has some 20 tokens: the limits lie before it, after it and in the text that follows."""
    engine = never_ending(tiny, 500)
    engine.limit = limit
    infiller = Infiller(engine, tiny.tokenizer, FRAMING)
    with pytest.raises(Cancelled):
        infiller.complete(b"(a" * 10, Sampling(1.0, seed=1), ENDLESS)
    assert engine.tokens_evaluated == limit
    engine.limit = ENDLESS.max_bytes
    engine.interrupt(False)
    assert infiller.complete(b"a", Sampling(1.0, seed=1), Limits(3)).text


def test_plain_and_healing_begin_where_their_definitions_say(tiny: Tiny, infiller: Infiller) -> None:
    """On a table the next byte of either arm is known from one or two rows."""
    engine, pieces = tiny.engine(21), tiny.tokenizer.pieces
    tokens = tuple(tiny.tokenizer.encode(b"aa"))
    assert len(tokens) == 1

    def masses(path: tuple[int, ...]) -> Logits:
        row = np.exp(engine.evaluate(TokenTree((END, *path)), [TRUNK_END])[0])
        return row / row.sum()

    plain = np.zeros(257)
    for token, mass in enumerate(masses(tokens)):
        plain[pieces[token][0] if token != END else 256] += mass
    assert np.exp(infiller.next_byte(b"aa", "plain").logprobs) == pytest.approx(plain, abs=1e-9)

    healed = {token: mass for token, mass in enumerate(masses(())) if pieces[token].startswith(b"aa")}
    expected = np.zeros(257)
    for token, mass in healed.items():
        share = mass / sum(healed.values())
        if pieces[token] == b"aa":
            expected += share * plain
        else:
            expected[pieces[token][2]] += share
    assert np.exp(infiller.next_byte(b"aa", "healing").logprobs) == pytest.approx(expected, abs=1e-9)


def test_the_lowest_temperatures_are_greedy(infiller: Infiller) -> None:
    greedy, cold = (
        infiller.infill(
            InfillProblem(b"a", alternatives=3, max_bytes=6, max_lines=0, temperature=t, raw=True)
        )
        for t in (0.0, 1e-320)
    )
    assert [each.text for each in cold.candidates] == [each.text for each in greedy.candidates]


def judged(tiny: Tiny, engine: TableEngine, problem: InfillProblem) -> list[tuple[float, Candidate]]:
    """The candidates of a problem as they came, each with its score; none where there was nothing to choose.

    The walk byte by byte has the same likelihood, but for tokens that either leaves unasked.
    """
    infiller = Infiller(engine, tiny.tokenizer, FRAMING)
    candidates = infiller.infill(problem).candidates
    scored = []
    for candidate in candidates if len(candidates) > 1 else ():
        likelihood = infiller.logprob(problem.suffix, problem.prefix + candidate.text)
        assert candidate.suffix_logprob == pytest.approx(likelihood, abs=0.02)
        assert candidate.logprob is not None
        scored.append((candidate.logprob + candidate.suffix_logprob, candidate))
    return scored


def test_candidates_are_ranked_by_the_exact_probability_that_the_suffix_follows(tiny: Tiny) -> None:
    """The suffix begins inside a token for some candidates: only a sum over covers has its probability."""
    orders = []
    for seed in range(12):
        engine = tiny.engine(seed)
        problem = InfillProblem(b"(a", b"\na(", alternatives=6, draws=6, max_bytes=3, seed=seed)
        scored = judged(tiny, engine, problem)
        best_first = [each for _, each in sorted(scored, key=lambda pair: -pair[0])]
        assert tuple(each for _, each in scored) == offer(best_first, 6)
        greedy = Infiller(engine, tiny.tokenizer, FRAMING).infill(replace(problem, alternatives=1, draws=1))
        if scored:
            orders.append([each.text for each in greedy.candidates] == [scored[0][1].text])
    assert len(orders) > 6
    assert not all(orders), "the suffix never changed what comes first"


def test_a_candidate_that_disturbs_what_follows_on_the_line_is_left_out(tiny: Tiny) -> None:
    problem = InfillProblem(b"a (", b"a a(\n", alternatives=6, draws=6, max_bytes=3, seed=3)
    kept = left_out = 0
    for seed in range(12):
        engine = tiny.engine(seed)
        infiller = Infiller(engine, tiny.tokenizer, FRAMING)
        alone = infiller.logprob(problem.suffix, problem.prefix)
        unjudged = infiller.infill(replace(problem, suffix_fit=False)).candidates
        shown = infiller.infill(problem).candidates
        for candidate in unjudged:
            gains = infiller.logprob(problem.suffix, problem.prefix + candidate.text) > alone + 1e-9
            assert gains == (candidate.text in {each.text for each in shown})
        kept += len(shown)
        left_out += len(unjudged) - len(shown)
    assert kept
    assert left_out


def test_a_single_candidate_is_judged_by_less_of_the_suffix_than_several(tiny: Tiny) -> None:
    infiller = Infiller(tiny.engine(5), tiny.tokenizer, FRAMING)
    suffix, prefix = b"(" + b"a a( " * 11, b"a ("
    one, other = (Candidate(text, -1.0, "stop", 1, replaced_bytes=1) for text in (b"a", b"("))
    for candidates, count in (([one], 16), ([one, other], 48)):
        process = CanonicalProcess(finder(tiny.tokenizer), FRAMING)
        judged = judge_by_suffix(infiller.engine, process, prefix, suffix, candidates)
        for candidate in judged:
            exact = infiller.logprob(suffix[1 : 1 + count], prefix + candidate.text)
            assert candidate.suffix_logprob == pytest.approx(exact, rel=0.01)
        assert len(judged) == len(candidates)


FILLING = Form("spm", suffix=END, middle=END, ends=(END,))


@pytest.mark.parametrize("suffix", [b"\na(", b"a(\n"])
def test_what_a_model_writes_that_saw_the_suffix_is_ranked_from_left_to_right(
    tiny: Tiny, suffix: bytes
) -> None:
    """By the probability of prefix, text and suffix as one text, whatever it said of the text; all stay."""
    changed = 0
    for seed in range(12):
        engine = tiny.engine(seed)
        problem = InfillProblem(b"(a", suffix, alternatives=6, draws=6, max_bytes=3, seed=seed)
        infiller = Infiller(engine, tiny.tokenizer, FRAMING, FILLING)
        drawn = infiller.infill(replace(problem, suffix_fit=False)).candidates
        shown = infiller.infill(problem).candidates
        assert {each.text for each in shown} == {each.text for each in drawn}
        if len(shown) < 2:
            continue
        alone = Infiller(engine, tiny.tokenizer, FRAMING)
        rest = {each.text: suffix[each.replaced_bytes :] for each in shown}
        joint = {text: alone.logprob(text + behind, problem.prefix) for text, behind in rest.items()}
        by_both = sorted(shown, key=lambda each: -joint[each.text])
        assert shown == offer(by_both, 6)
        for each in shown:
            assert each.onward_logprob == pytest.approx(alone.logprob(each.text, problem.prefix), abs=0.02)
            assert each.suffix_logprob == pytest.approx(joint[each.text] - each.onward_logprob, abs=0.04)
        changed += [each.text for each in shown] != [each.text for each in drawn]
    assert changed


def test_where_there_is_nothing_to_say_proposals_stay_as_they_came(tiny: Tiny) -> None:
    engine = tiny.engine(3)
    process = CanonicalProcess(finder(tiny.tokenizer), FRAMING)
    some = [Candidate(text, None, "stop", 1) for text in (b"(", b"a", b"a(")]
    assert ord("z") in tiny.tokenizer.unspellable
    for prefix, suffix in ((b"a", b""), (b"a", b"\n \n"), (b"a", b"z"), (b"a( " * 300, b"a")):
        before = engine.tokens_evaluated
        assert rank_proposals(engine, process, prefix, suffix, some) == some
        assert suffix.strip() or engine.tokens_evaluated == before
    assert rank_proposals(engine, process, b"a", b"a", some) != some
    assert rank_proposals(engine, process, b"a", b"a", some[:1]) == some[:1]
    assert rank_proposals(engine, process, b"a", b"a", []) == []


def test_a_single_text_of_a_model_that_saw_the_suffix_is_not_judged(tiny: Tiny) -> None:
    """Nobody who types waits for a second prompt."""
    for suffix in (b"\na(", b"a(\n"):
        problem = InfillProblem(b"(a", suffix, max_bytes=3)
        results = []
        for suffix_fit in (True, False):
            infiller = Infiller(tiny.engine(4), tiny.tokenizer, FRAMING, FILLING)
            results.append(infiller.infill(replace(problem, suffix_fit=suffix_fit)))
        judged, unjudged = results
        assert judged.tokens_evaluated == unjudged.tokens_evaluated
        assert [each.text for each in judged.candidates] == [each.text for each in unjudged.candidates]
        assert all(each.suffix_logprob is None for each in judged.candidates)


def test_the_same_cursor_gets_the_same_suggestions_at_temperature_zero(infiller: Infiller) -> None:
    problem = InfillProblem(b"a", b"\n\n", alternatives=6, draws=12, max_bytes=6)

    def ask(temperature: float) -> tuple[Candidate, ...]:
        """The second time there is less to evaluate."""
        found = infiller.infill(replace(problem, temperature=temperature)).candidates
        return tuple(replace(each, tokens_evaluated=0) for each in found)

    assert ask(0.0) == ask(0.0)
    assert len({ask(1.0) for _ in range(6)}) > 1


def test_before_a_blank_suffix_the_most_probable_comes_first(tiny: Tiny) -> None:
    engine = tiny.engine(3)
    infiller = Infiller(engine, tiny.tokenizer, FRAMING)
    problem = InfillProblem(b"a", b"\n\n", alternatives=6, draws=6, max_bytes=4, max_lines=1, seed=3)
    shown = infiller.infill(problem).candidates
    assert len(shown) > 2
    assert all(candidate.suffix_logprob is None for candidate in shown)
    best_first = sorted(shown, key=lambda candidate: -(candidate.logprob or 0.0))
    assert shown == offer(best_first, 6)


def test_draws_grow_together_in_few_batches(tiny: Tiny) -> None:
    engine = CountingEngine(len(tiny.tokenizer.pieces), seed=5)
    infiller = Infiller(engine, tiny.tokenizer, FRAMING)
    infiller.infill(InfillProblem(b"a", draws=8, max_bytes=12, max_lines=0, seed=3, raw=True))
    assert engine.batches <= 1 + 12, "each batch gives every text a byte at least"


def test_draws_wait_for_each_other_where_there_is_no_room_for_all(tiny: Tiny) -> None:
    """Together they take many times the cells of the cache; one after another they have the same texts."""
    problem = InfillProblem(b"a", draws=40, alternatives=40, max_bytes=60, max_lines=0, seed=3, raw=True)
    for suffix in (b"", b"\n(a"):
        found = [
            Infiller(never_ending(tiny, context_tokens), tiny.tokenizer, FRAMING).infill(
                replace(problem, suffix=suffix, seed=1, raw=not suffix)
            )
            for context_tokens in (128, 8000)
        ]
        scarce, ample = ([(each.text, each.suffix_logprob) for each in one.candidates] for one in found)
        assert scarce == ample
        assert len(scarce) > 1


def test_alternatives_are_ranked_by_both_factors_without_draws_too(tiny: Tiny) -> None:
    problem = InfillProblem(b"(a", b"\na(", alternatives=4, max_bytes=3)
    scored = [each for seed in range(6) for each in judged(tiny, tiny.engine(seed), problem)]
    assert scored


def test_a_suffix_that_no_tokens_spell_has_no_say(tiny: Tiny, infiller: Infiller) -> None:
    assert ord("z") in tiny.tokenizer.unspellable
    problem = InfillProblem(b"a (", b"z(\n", alternatives=6, draws=6, max_bytes=3, seed=3)
    shown = infiller.infill(problem).candidates
    assert shown
    assert {each.text for each in shown} == {
        each.text for each in infiller.infill(replace(problem, suffix_fit=False)).candidates
    }


def test_where_nothing_fits_only_some_texts_are_tried(tiny: Tiny) -> None:
    problem = InfillProblem(b"a", b"a a\n", max_bytes=4, suffix_fit=False)
    batches = []
    for seed in range(60):
        engine = CountingEngine(len(tiny.tokenizer.pieces), seed=seed)
        if not Infiller(engine, tiny.tokenizer, FRAMING).infill(problem).candidates:
            batches.append(engine.batches)
    assert batches
    assert max(batches) <= 1 + TRIES * (problem.max_bytes - 1), "a cover gives a byte, each batch one more"


class CountingEngine(TableEngine):
    batches = 0

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        self.batches += 1
        return super().evaluate(tree, nodes)


def test_alternatives_differ_in_their_first_lines_where_they_can() -> None:
    texts = [b"a\nb", b"a\nc", b"d", b"  a\nb", b"e\nb"]
    candidates = [Candidate(text, None, "stop", 1) for text in texts]
    assert [each.text for each in offer(candidates, 4)] == [b"a\nb", b"d", b"e\nb", b"a\nc"]


def test_confidence_is_that_of_the_first_lines_log_probability(tiny: Tiny) -> None:
    calibration = Calibration((-8.0, -1.0), (0.0, 0.7), 0.5)
    engine = never_ending(tiny, 500)
    infiller = Infiller(engine, tiny.tokenizer, FRAMING, calibration=calibration)
    problem = InfillProblem(b"a(", max_bytes=40, max_lines=1, raw=True, with_logprobs=True)
    (candidate,) = infiller.infill(problem).candidates
    assert candidate.logprob is not None
    assert candidate.confidence == pytest.approx(calibration.confidence(candidate.logprob))


def test_an_answer_that_is_due_is_made_whole(tiny: Tiny) -> None:
    problem = InfillProblem(b"aa ", max_bytes=40, max_lines=0, raw=True, with_logprobs=True)
    (whole,) = Infiller(never_ending(tiny, 128), tiny.tokenizer, FRAMING).infill(problem).candidates
    infiller = Infiller(never_ending(tiny, 128), tiny.tokenizer, FRAMING)
    late = infiller.infill(replace(problem, answer_ms=1e-6))
    assert late.unfinished
    assert late.candidates[0].stop_reason == "deadline"
    assert whole.text.startswith(late.candidates[0].text)
    more = infiller.write_on(lambda: True)
    assert more is not None
    assert not more.unfinished
    assert more.candidates[0].text == whole.text
    assert late.tokens_evaluated + more.tokens_evaluated == whole.tokens_evaluated
    assert late.prompt_tokens_evaluated < late.tokens_evaluated
    assert infiller.write_on(lambda: True) is None, "once"


def test_what_is_due_is_given_up_where_nobody_wants_it(tiny: Tiny) -> None:
    infiller = Infiller(never_ending(tiny, 128), tiny.tokenizer, FRAMING)
    problem = InfillProblem(b"aa ", max_bytes=40, max_lines=0, raw=True, answer_ms=1e-6)
    assert infiller.infill(problem).unfinished
    before = infiller.engine.tokens_evaluated
    assert infiller.write_on(lambda: False) is None
    assert infiller.engine.tokens_evaluated == before


def test_steps_of_the_first_line_add_up(tiny: Tiny) -> None:
    calibration = Calibration((-9.0, 0.0), (0.1, 0.9), 0.5)
    infiller = Infiller(never_ending(tiny, 128), tiny.tokenizer, FRAMING, calibration=calibration)
    (found,) = infiller.infill(InfillProblem(b"aa ", max_bytes=40, max_lines=0, raw=True)).candidates
    ends = [end for end, _ in found.line_steps]
    sums = [logprob for _, logprob in found.line_steps]
    assert ends == sorted(ends)
    assert sums == sorted(sums, reverse=True)
    assert found.confidence == calibration.confidence(sums[-1])


def test_tables_are_made_while_nobody_asks_as_long_as_that_is_wanted(tiny: Tiny, engine: TableEngine) -> None:
    tokenizer = Tokenizer(tiny.tokenizer.vocabulary)  # of which nobody knows anything yet
    infiller = Infiller(engine, tokenizer, FRAMING)
    contexts = finder(tokenizer)
    infiller.idle(lambda: False)
    assert "admissions" not in vars(contexts)
    infiller.idle(iter([True, False]).__next__)
    assert "admissions" in vars(contexts)

    def count_steps() -> int:
        """How often the idle infiller asks whether it may go on; it is stopped after a thousand times."""
        asked = itertools.count()
        infiller.idle(lambda: next(asked) < 1000)
        return next(asked)

    assert 1 < count_steps() < 8, "it went on for ever, or made nothing"
    contexts.admissions.after(contexts.canon.tail(b"a", tuple(tokenizer.encode(b"a"))))
    assert count_steps() > 1, "nothing was found out about the places that were asked about"
    assert count_steps() == 1, "what is known was found out again"


@pytest.mark.parametrize(
    ("scored", "asked", "total", "line"),
    [
        ("nothing", 0, None, ()),
        ("first_line", 3, None, ((1, -1.0), (3, -2.0), (9, -3.0))),
        ("all", 4, -4.0, ((1, -1.0), (3, -2.0), (9, -3.0))),
    ],
)
def test_probabilities_are_worked_out_as_far_as_they_are_wanted(
    scored: Scored, asked: int, total: float | None, line: tuple[tuple[int, float], ...]
) -> None:
    count = 0

    def logprob() -> float:
        nonlocal count
        count += 1
        return -1.0

    steps = [Step(data, False, logprob) for data in (b"\n", b"ab", b" c\n  d", b" e")]
    found = gather(steps, Limits(99, 0), scored)
    assert found.text == b"\nab c\n  d e"
    assert count == asked
    assert found.logprob == total
    assert found.line_steps == line


def test_a_confidence_is_read_from_the_models_own_probabilities(tiny: Tiny) -> None:
    calibration = Calibration((-30.0, 0.0), (0.0, 1.0), 0.5)
    pairs: list[tuple[float, float]] = []
    for prefix in (b"aa ", b"a(", b"a", b"(a", b"  a"):
        problem = InfillProblem(prefix, max_bytes=40, max_lines=1, raw=True)
        found: list[Candidate] = []
        for with_logprobs in (False, True):
            infiller = Infiller(never_ending(tiny, 128), tiny.tokenizer, FRAMING, calibration=calibration)
            found += infiller.infill(replace(problem, with_logprobs=with_logprobs)).candidates
        quick, exact = found
        assert quick.text == exact.text
        assert quick.logprob is None
        assert exact.logprob is not None
        assert [end for end, _ in quick.line_steps] == [end for end, _ in exact.line_steps]
        pairs += [(own, full) for (_, own), (_, full) in zip(quick.line_steps, exact.line_steps, strict=True)]
    assert all(own <= full + 1e-5 for own, full in pairs), "the canonical process has less to share out"
    assert any(own < full - 1e-5 for own, full in pairs)
