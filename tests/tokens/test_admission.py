"""What a whole vocabulary is told at once is what each token is told alone."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_lsp.tokens import admission
from byte_lsp.tokens.contexts import ContextFinder, finder
from byte_lsp.tokens.extendable import Canon, Outcome, Tail
from byte_lsp.tokens.spines import Spines
from byte_lsp.tokens.tokenizer import Tokenizer, load_tokenizer
from tests.bytes.tiny import tinies

from .conftest import Pair, vocabulary_path
from .random_vocabularies import FAMILIES, make_tokenizer
from .texts import windows

KINDS = ("python", "markdown", "languages")
ODD_TEXT = "'tis I'll don't he's 'S 1 23 4567 \n\n\n   \n    x\t\t\r\n é中 😀a <|im_end|> <td>\n\n".encode()


def tails(tokenizer: Tokenizer, count: int) -> list[Tail]:
    """Tails in real and in odd text, some of them gone on from with tokens at random."""
    generator = random.Random(count)
    texts = [text for kind in KINDS for text in windows(kind, count, 60, seed=11)]
    texts += [ODD_TEXT[at : at + generator.randrange(1, 24)] for at in range(0, len(ODD_TEXT), 7)]
    found = []
    for text in texts:
        tail, _ = generator.choice(finder(tokenizer).frontier(text).ends)
        found.append(tail)
        token = generator.randrange(len(tokenizer.pieces))
        if tail.admits(token):
            found.append(tail.push(token))
    return found


def compare_whole(tokenizer: Tokenizer, text: bytes) -> None:
    """All tokens behind all contexts of a text."""
    count = len(tokenizer.pieces)
    for tail, _ in finder(tokenizer).frontier(text).ends:
        allowed, _, _ = finder(tokenizer).admissions.after(tail).screen(np.ones(count), 0.0, count)
        assert allowed.tolist() == [tail.admits(token) for token in range(count)], (text, tail.tokens)


def compare(tokenizer: Tokenizer, count: int) -> None:
    admissions = finder(tokenizer).admissions
    generator = np.random.default_rng(count)
    spelled = np.array([bool(piece) for piece in tokenizer.pieces])
    for tail in tails(tokenizer, count):
        chosen = generator.choice(len(spelled), 160, replace=False)
        weights = np.zeros(len(spelled))
        weights[chosen] = spelled[chosen]
        allowed, _, unasked = admissions.after(tail).screen(weights, 0.0, len(spelled))
        assert unasked == 0
        for token in chosen.tolist():
            expected = tail.admits(token)
            assert allowed[token] == expected, (tail.text, tokenizer.pieces[token])
            assert admissions.after(tail).admits(token) == expected


def test_all_at_once_is_one_by_one(pair: Pair) -> None:
    compare(pair.ours, 12)


def test_all_at_once_is_one_by_one_in_sentencepiece(sentencepiece: Pair) -> None:
    compare(sentencepiece.ours, 3)


@pytest.mark.parametrize("tiny", tinies(), ids=lambda tiny: tiny.name)
def test_all_at_once_is_one_by_one_in_tiny_vocabularies(tiny) -> None:
    for text in tiny.texts()[:: max(1, len(tiny.texts()) // 150)]:
        compare_whole(tiny.tokenizer, text)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_vocabulary_without_a_merge(family: str) -> None:
    tokenizer = make_tokenizer(family, [])
    for text in (b"", b"a", b"abc de", "a\u00e9".encode(), b"a\xc3"):
        compare_whole(tokenizer, text)


def test_texts_that_fall_into_words_in_too_many_ways(
    gpt2: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "_MOST_STRUCTURES", 1)
    admissions = admission.Admissions(finder(gpt2).canon)
    count = len(gpt2.pieces)
    tail = finder(gpt2).canon.tail(b"a \n", tuple(gpt2.encode(b"a \n")))
    allowed, _, unasked = admissions.after(tail).screen(np.ones(count), 0.0, count)
    assert unasked == 0
    assert allowed.tolist() == [tail.admits(token) for token in range(count)]


def test_what_was_not_asked_is_reported_and_admitted(gpt2: Tokenizer) -> None:
    admissions = finder(gpt2).admissions
    tail, _ = finder(gpt2).frontier(b"import o").ends[0]
    weights = np.ones(len(gpt2.pieces))
    some, open_tokens, unasked = admissions.after(tail).screen(weights, 0.0, 1)
    everything, _, left = admissions.after(tail).screen(weights, 0.0, len(weights))
    assert left == 0
    assert 0 < unasked <= weights.sum()
    assert weights[open_tokens].sum() == pytest.approx(unasked)
    assert some[everything].all()


def test_a_vocabulary_made_for_another_order_of_merges() -> None:
    """Ranks that fall on the way up: such tokens are irregular."""
    alphabet = "abc "
    generator = random.Random(5)
    for _ in range(20):
        tokenizer = random_tokenizer(generator, alphabet)
        for _ in range(25):
            text = "".join(generator.choices(alphabet, k=generator.randrange(1, 7))).encode()
            compare_whole(tokenizer, text)


def random_tokenizer(generator: random.Random, alphabet: str) -> Tokenizer:
    """Byte-level merges in an order that no training would give."""
    from tests.bytes.tiny import byte_level

    pieces = [letter for letter in alphabet if letter != " "] + ["_"]
    merges = []
    for _ in range(14):
        left, right = generator.choice(pieces), generator.choice(pieces)
        if len(left + right) <= 6:
            merges.append(f"{left} {right}")
            pieces.append(left + right)
    generator.shuffle(merges)
    return byte_level("random", "gpt-2", alphabet, list(dict.fromkeys(merges)), 1).tokenizer


@given(st.integers(0, 10_000))
@settings(max_examples=300, deadline=None)
def test_spines_know_which_tokens_stand_behind_which(seed: int) -> None:
    """Against running the merges, on merge tables at random."""
    tokenizer = random_tokenizer(random.Random(seed), "abcd")
    encode, pieces, rules = tokenizer.merges.encode, tokenizer.pieces, tokenizer.merges.rules()
    lengths = np.array([max(1, len(piece)) for piece in pieces])
    size = max([len(pieces), *(1 + max(rule[:3]) for rule in rules)])
    lengths = np.pad(lengths, (0, size - len(lengths)), constant_values=1)
    spines = Spines(rules, lengths, leaves=lengths == 1)
    regular = [token for token, piece in enumerate(pieces) if piece and not spines.irregular[token]]
    for token in regular:
        assert bool(spines.standing[token]) == (encode(pieces[token]) == (token,))
    for first in (token for token, piece in enumerate(pieces) if piece and encode(piece) == (token,)):
        certain, possible = spines.bound_behind(tokenizer.merges.grow(pieces[first]))
        for second in regular:
            stands = encode(pieces[first] + pieces[second]) == (first, second)
            assert certain[second] <= stands <= possible[second], (pieces[first], pieces[second])
            if not spines.irregular[first]:
                assert bool(spines.admits_behind(first)[second]) == stands


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_standing_knows_it_too_where_scores_collide(seed: int) -> None:
    tokenizer = random_sentencepiece(random.Random(seed), "ab_")
    encode, pieces = tokenizer.merges.encode, tokenizer.pieces
    standing = finder(tokenizer).admissions.standing
    asked = [token for token, piece in enumerate(pieces) if piece and not standing.odd[token]]
    for first in (token for token in asked if encode(pieces[token]) == (token,)):
        behind = standing.behind(finder(tokenizer).canon.tail(pieces[first], (first,)))
        for second in asked:
            expected = encode(pieces[first] + pieces[second]) == (first, second)
            assert bool(behind[second]) == expected, (pieces[first], pieces[second])


def random_sentencepiece(generator: random.Random, alphabet: str) -> Tokenizer:
    """Pieces that need not be made of other pieces, with scores of which several are the same."""
    from tests.bytes.tiny import sentencepiece

    pieces = ["".join(generator.choices(alphabet, k=generator.randint(2, 6))) for _ in range(14)]
    pieces += [letter * length for letter in alphabet for length in range(1, generator.randint(2, 6))]
    scores = {piece: float(-generator.randrange(6)) for piece in dict.fromkeys(pieces)}
    return sentencepiece("random", alphabet.replace("_", " "), scores, 1).tokenizer


def test_tokens_with_falling_ranks_do_not_cost_a_question_for_every_other() -> None:
    """Runs of spaces are such tokens in Llama 2's vocabulary, and indentation ends in one."""
    tokenizer = load_tokenizer(vocabulary_path("llama-spm"))
    tail = finder(tokenizer).canon.tail(b"        ", tuple(tokenizer.encode(b"        ")))
    standing = finder(tokenizer).admissions.standing
    before = tokenizer.merges.encode.cache_info().misses
    assert standing.behind(tail).sum() > 1000
    assert tokenizer.merges.encode.cache_info().misses - before < 100


def test_tables_are_made_ahead_in_small_steps(gpt2: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    contexts = ContextFinder(gpt2)
    steps = sum(1 for _ in contexts.prepare())
    assert steps == 1 + 3 * math.ceil(len(gpt2.pieces) / 2048)
    monkeypatch.setattr(admission, "_Grouping", lambda *_: pytest.fail("another table was made"))
    for text in (b"it", b"it'", b"it's", b"'"):
        tail = contexts.canon.tail(text, tuple(gpt2.encode(text)))
        contexts.admissions.after(tail).admits(gpt2.encode(b"s")[0])


def test_places_like_those_asked_about_are_known_ahead(
    gpt2: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = []
    find = Canon.find_outcomes_of_classes

    def note(canon: Canon, text: str, piece: str) -> tuple[Outcome, ...]:
        questions.append((text, piece))
        return find(canon, text, piece)

    monkeypatch.setattr(Canon, "find_outcomes_of_classes", note)
    contexts = ContextFinder(gpt2)
    admissions, count = contexts.admissions, len(gpt2.pieces)
    assert not admissions.resolve_ahead()
    tail = contexts.canon.tail(b"self.it", tuple(gpt2.encode(b"self.it")))
    alike = contexts.canon.tail(b"x.wo", tuple(gpt2.encode(b"x.wo")))
    weights = (~admissions.standing.odd).astype(np.float64)  # odd ones are asked one by one
    _, open_tokens, unasked = admissions.after(tail).screen(weights, 0.0, 1)
    assert unasked == weights[open_tokens].sum() > 0
    while admissions.resolve_ahead():
        pass
    asked = len(questions)
    allowed, _, unasked = admissions.after(alike).screen(weights, 0.0, count)
    assert len(questions) == asked > 10
    assert unasked == 0
    expected, _, _ = ContextFinder(gpt2).admissions.after(alike).screen(weights, 0.0, count)
    assert (allowed == expected).all()
