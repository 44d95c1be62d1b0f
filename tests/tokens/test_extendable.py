"""What a tail admits, and what counts as settled, against plain search with the tokenizer itself."""

import random
from itertools import accumulate, chain
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from byte_lsp.evaluation.coverage_checks import PAIRS_OF_PROBES, PROBES
from byte_lsp.tokens.characters import incomplete_tail
from byte_lsp.tokens.contexts import contexts, finder
from byte_lsp.tokens.extendable import Canon, Tail
from byte_lsp.tokens.patterns import PATTERNS
from byte_lsp.tokens.tokenizer import Tokenizer, load_tokenizer

from .conftest import Pair
from .random_vocabularies import make_tokenizer
from .revealing import draw_text, write_vocabulary
from .texts import odd_bytes

ATOMS = ("<|im_end|>", "aa", "a b", "'s", "\n\n ")


@given(odd_bytes, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_admitted_tokens_are_those_that_texts_have(
    pair: Pair, prefix: bytes, generator: random.Random
) -> None:
    assume(pair.spells(prefix))
    tokenizer = pair.ours
    frontier = finder(tokenizer).frontier(prefix)
    for tail, residual in frontier.ends:
        context = frontier.shared + tail.tokens
        for token in tokens_to_ask(tokenizer, prefix, residual, generator):
            if not incomplete_tail(tokenizer.decode((*context, token))):
                assert tail.admits(token) == some_text_has(tokenizer, (*context, token)), (context, token)


def tokens_to_ask(tokenizer: Tokenizer, prefix: bytes, residual: bytes, generator: random.Random) -> set[int]:
    """Some tokens that run past the residual: any, and those that follow in fact."""
    past = finder(tokenizer).index.beginning_with(residual)
    likely = [tokenizer.encode(prefix[len(prefix) - len(residual) :] + probe)[:1] for probe in PROBES]
    asked = {token for tokens in likely for token in tokens} | set(generator.choices(past, k=8))
    return {token for token in asked if len(tokenizer.pieces[token]) > len(residual)}


def some_text_has(tokenizer: Tokenizer, tokens: tuple[int, ...]) -> bool:
    text = tokenizer.decode(tokens)
    probes = chain(PROBES, PAIRS_OF_PROBES)
    return any(tuple(tokenizer.encode(text + probe)[: len(tokens)]) == tokens for probe in probes)


@given(odd_bytes, odd_bytes)
@settings(max_examples=200, deadline=None)
def test_pushing_the_tokens_of_a_text_is_always_admitted(pair: Pair, prefix: bytes, rest: bytes) -> None:
    text = prefix + rest
    assume(pair.spells(text))
    tail = finder(pair.ours).canon.tail(b"", ())
    for token in pair.ours.encode(text):
        assert tail.admits(token), (text, tail.text, token)
        tail = tail.push(token)


def test_a_tail_stays_short_while_a_text_grows(pair: Pair) -> None:
    tail = finder(pair.ours).canon.tail(b"", ())
    for token in pair.ours.encode(b"def push(self, item):\n    self.items.append(item)\n\n" * 40):
        assert tail.admits(token)
        tail = tail.push(token)
        assert len(tail.text) < 200


@pytest.mark.parametrize("pre", sorted(PATTERNS))
def test_what_is_settled_stays_whatever_follows(pre: str, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(write_vocabulary(tmp_path / "revealing.gguf", pre))
    canon, generator = finder(tokenizer).canon, random.Random(pre)
    for _ in range(400):
        text = draw_text(generator, 20).encode()
        text = text[: generator.randint(0, len(text))]
        settled, tokens = canon.settle(text)
        assert tokenizer.decode(tokens) == text[:settled]
        for _ in range(8):
            seen = tokenizer.encode(text + draw_text(generator, 6).encode())
            assert tuple(seen[: len(tokens)]) == tokens, text


@pytest.fixture(params=sorted(PATTERNS))
def revealing(request: pytest.FixtureRequest, tmp_path: Path) -> Tokenizer:
    """A tokenizer whose tokens show where words end, under every pre-tokenizer."""
    return load_tokenizer(write_vocabulary(tmp_path / "revealing.gguf", request.param))


def test_behind_what_is_settled_splitting_begins_anew(revealing: Tokenizer) -> None:
    """Few characters and long texts after them: what looks settled must not depend on any of these."""
    canon, generator = finder(revealing).canon, random.Random(0)
    moved = 0
    for _ in range(300):
        text = draw_text(generator, 9)
        settled, _ = canon.settle(text.encode())
        start = len(text.encode()[:settled].decode())
        moved += start > 0
        for _ in range(30):
            following = draw_text(generator, 8)
            whole = revealing.split(text + following)
            rest = revealing.split(text[start:] + following)
            assert start in (0, *whole.ends), (text, following)
            assert [start + end for end in rest.ends] == [end for end in whole.ends if end > start], text
    assert moved > 50


def test_a_context_admits_what_it_would_with_all_that_stands_before(revealing: Tokenizer) -> None:
    """Not only what can follow where the residual does: the model's mass is spread over all of that."""
    canon, generator = finder(revealing).canon, random.Random(0)
    refused = 0
    for _ in range(40):
        text = draw_text(generator, 9).encode()
        frontier = finder(revealing).frontier(text)
        for tail, residual in frontier.ends:
            whole = canon.tail(text[: len(text) - len(residual)], frontier.shared + tail.tokens)
            for token in generator.choices(range(len(revealing.pieces)), k=12):
                assert tail.admits(token) == whole.admits(token), (text, residual, token)
                refused += not whole.admits(token)
    assert refused > 100


def test_typing_on_splits_the_end_alone(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    canon, lengths = Canon(pair.ours), []
    split = pair.ours.split
    monkeypatch.setattr(pair.ours, "split", lambda text: lengths.append(len(text)) or split(text))
    text = b"def push(self, item):\n    self.items.append(item)\n\n" * 20
    canon.settle(text)
    assert lengths == [len(text)]
    for at in range(30):
        canon.settle(text + text[:at])
        assert lengths[-1] < 60 + at


@pytest.mark.parametrize("pre", sorted(PATTERNS))
def test_a_long_text_is_settled_as_far_as_if_it_were_new(pre: str, tmp_path: Path) -> None:
    """Typing, deleting and going elsewhere: what was remembered makes no difference."""
    tokenizer = load_tokenizer(write_vocabulary(tmp_path / "revealing.gguf", pre, atoms=ATOMS))
    canon, generator = Canon(tokenizer), random.Random(pre)
    text = b""
    for _ in range(25):
        kind = generator.random()
        if kind < 0.6:
            text += generator.choice([*ATOMS, *draw_text(generator, 3)]).encode()
        elif kind < 0.9:
            text = text[: len(text) - generator.randint(0, 4)]
        else:
            text = (
                text[: generator.randint(0, len(text))]
                + "".join(draw_text(generator, 40) for _ in range(60)).encode()
            )
        settled, tokens = canon.settle(text)
        assert settled >= Canon(tokenizer).settle(text)[0]
        assert tokenizer.decode(tokens) == text[:settled]
        for following in ("", *(draw_text(generator, 6) for _ in range(3)), generator.choice(ATOMS)):
            assert tuple(tokenizer.encode(text + following.encode())[: len(tokens)]) == tokens, text
        assert canon.encode(text) == tuple(tokenizer.encode(text))


@pytest.mark.parametrize("pre", sorted(PATTERNS))
def test_pushing_is_admitted_under_every_pretokenizer(pre: str, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(write_vocabulary(tmp_path / "revealing.gguf", pre))
    generator = random.Random(pre)
    for _ in range(300):
        text = draw_text(generator, 14).encode()
        tail = finder(tokenizer).canon.tail(b"", ())
        for token in tokenizer.encode(text):
            assert tail.admits(token), (text, tail.text)
            tail = tail.push(token)


def test_control_tokens_are_never_admitted(pair: Pair) -> None:
    tail: Tail = finder(pair.ours).canon.tail(b"", ())
    silent = [token for token, piece in enumerate(pair.ours.pieces) if not piece]
    assert silent
    assert not any(tail.admits(token) for token in silent)


def test_blank_lines_have_the_contexts_that_plain_tokenization_never_has(pair: Pair) -> None:
    """Before a letter several vocabularies split a run of newlines that is one token at the end of a text."""
    prefix = b"x = 1\n\n\n"
    tokens = tuple(pair.ours.encode(prefix + b"def f"))
    spelled = {context.tokens for context in contexts(pair.ours, prefix) if not context.residual}
    assert any(tokens[: len(context)] == context for context in spelled)


def test_what_the_merges_rule_out_is_not_tried_token_by_token() -> None:
    """Two spaces always merge, so behind one space stands no word that begins with another, of 702 words."""
    from tests.bytes.tiny import sentencepiece

    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [f"_{first}{second}" for first in letters for second in ("", *letters)]
    scores = dict.fromkeys(("_", *letters), 0.0) | {word: -1.0 - len(word) for word in words}
    tokenizer = sentencepiece("words", letters + " ", scores | {"__": -1.0}, 1).tokenizer
    standing = finder(tokenizer).admissions.standing  # made before anything is counted
    assert standing.alone.sum() > len(words)
    before = tokenizer.merges.encode.cache_info().misses
    (context,) = contexts(tokenizer, b"a  ")
    assert (tokenizer.decode(context.tokens), context.residual) == (b"a  ", b"")
    assert tokenizer.merges.encode.cache_info().misses - before < 200


def context_of(tokenizer: Tokenizer, text: bytes, offset: int) -> tuple[tuple[int, ...], bytes]:
    """The tokens of a text up to the one that crosses the offset, and what lies between."""
    tokens: tuple[int, ...] = ()
    for token in tokenizer.encode(text):
        if len(tokenizer.decode((*tokens, token))) > offset:
            break
        tokens = (*tokens, token)
    return tokens, text[len(tokenizer.decode(tokens)) : offset]


def test_a_word_ends_where_a_user_defined_token_has_begun() -> None:
    """Before a character that merges with it the end of a word is open, but not before this token."""
    tokenizer = make_tokenizer("gemma4", ["a"], atoms=["\u00e9"], merges=[("a", "\u00e9")])
    text = "a\u00e9a".encode()
    tokens, residual = context_of(tokenizer, text, 2)
    assert (tokenizer.decode(tokens), residual) == (b"a", b"\xc3")
    assert tokens in {context.tokens for context in contexts(tokenizer, text[:2])}


def test_user_defined_tokens_that_take_each_others_place_are_not_settled() -> None:
    """``bcd`` goes before ``ab``, and without that there is room for ``za``."""
    tokenizer = make_tokenizer("llama", list("zabcd"), atoms=["ab", "za", "bcd"])
    assert [tokenizer.pieces[token] for token in tokenizer.encode(b"zab")] == [b"z", b"ab"]
    assert [tokenizer.pieces[token] for token in tokenizer.encode(b"zabcd")] == [b"za", b"bcd"]
    assert finder(tokenizer).canon.settle(b"zab") == (0, ())
    assert context_of(tokenizer, b"zabcd", 3)[0] in {found.tokens for found in contexts(tokenizer, b"zab")}


@pytest.mark.parametrize(
    ("before", "after", "joined"),
    [
        ("\u00e9", "a", "\u00e9a"),  # a whole character in byte tokens
        ("a", "\u00e9", "a\u00e9"),
        ("\u00e9", "\u00e9", "\u00e9\u00e9"),
    ],
)
def test_a_character_in_byte_tokens_merges_as_a_whole(before: str, after: str, joined: str) -> None:
    tokenizer = make_tokenizer("llama", ["a", "b", joined])
    encode, canon = tokenizer.encode, finder(tokenizer).canon
    for following, is_admitted in ((after, False), ("b", True)):
        *begun, last = *encode(before.encode()), *encode(following.encode())
        tail = canon.tail(tokenizer.decode(begun), tuple(begun))
        assert tail.admits(last) == is_admitted, following


@pytest.mark.parametrize("family", ["gemma4", "gpt2"])
def test_a_merge_into_what_is_no_token_goes_on_merging(family: str) -> None:
    tokenizer = make_tokenizer(family, ["c", "d", "abc"], merges=[("a", "b"), ("ab", "c")])
    begun = tuple(tokenizer.encode(b"ab"))
    assert [tokenizer.pieces[token] for token in begun] == [b"a", b"b"]
    tail = finder(tokenizer).canon.tail(b"ab", begun)
    assert not tail.admits(tokenizer.encode(b"c")[0])
    assert tail.admits(tokenizer.encode(b"d")[0])


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_what_a_user_defined_token_that_may_still_come_changes_is_not_settled(family: str) -> None:
    generator = random.Random(family)
    alphabet = ["a", " ", "b", ".", "\n", "1"]

    def draw(longest: int) -> str:
        return "".join(generator.choices(alphabet, k=generator.randint(1, longest)))

    completed = 0
    for _ in range(150):
        pieces = list(dict.fromkeys(draw(3) for _ in range(15)))
        atoms = sorted({atom for atom in (draw(4) for _ in range(4)) if len(atom) > 1} - set(pieces))
        merges = [(piece[:at], piece[at:]) for piece in pieces for at in range(1, len(piece))]
        tokenizer = make_tokenizer(family, pieces, atoms=atoms, merges=merges)
        canon = finder(tokenizer).canon
        for _ in range(12):
            begun = generator.choice(atoms or [""])
            text = (draw(10) + begun[: generator.randint(0, len(begun))]).encode()
            _, tokens = canon.settle(text)
            found = {context.tokens: context.residual for context in contexts(tokenizer, text)}
            rests = canon.atom_rests(text)
            completed += len(rests)
            for following in (b"", draw(5).encode(), *rests):
                seen = tokenizer.encode(text + following)
                assert tuple(seen[: len(tokens)]) == tokens, (atoms, text, following)
                ends = list(accumulate((len(tokenizer.pieces[token]) for token in seen), initial=0))
                before = max(at for at, end in enumerate(ends) if end <= len(text))
                assert found.get(tuple(seen[:before])) == text[ends[before] :], (atoms, text, following)
    assert completed > 500
