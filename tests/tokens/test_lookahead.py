"""The continuations of ``Lookahead`` find every way in which a text can fall into words."""

import random
from itertools import product

import pytest

from byte_lsp.evaluation.coverage_texts import edge_characters
from byte_lsp.tokens.characters import incomplete_tail
from byte_lsp.tokens.lookahead import Lookahead
from byte_lsp.tokens.patterns import PATTERNS
from byte_lsp.tokens.pretokenizer import PreTokenizer

from .revealing import draw_text

MOST_TRIPLES = 3000

every_pattern = pytest.mark.parametrize("pre", sorted(PATTERNS))


def labels(splitter: PreTokenizer, text: str, continuation: str) -> tuple[int, ...]:
    """The word ends inside a text, or at its end, when a continuation follows it."""
    return tuple(end for end in splitter.split(text + continuation) if end <= len(text))


@every_pattern
def test_no_three_characters_split_a_text_in_another_way(pre: str) -> None:
    splitter, generator = PreTokenizer(pre), random.Random(pre)
    lookahead = Lookahead(splitter)
    triples = ["".join(triple) for triple in product(lookahead.classes, repeat=3)]
    for _ in range(25):
        text = "".join(generator.choices(lookahead.classes, k=generator.randint(0, 4)))
        check_text(splitter, lookahead, text, generator.sample(triples, min(MOST_TRIPLES, len(triples))))


@every_pattern
def test_no_two_characters_split_a_short_text_in_another_way(pre: str) -> None:
    splitter = PreTokenizer(pre)
    lookahead = Lookahead(splitter)
    pairs = ["".join(pair) for pair in product(["", *lookahead.classes], repeat=2)]
    for text in random.Random(pre).sample(pairs, min(len(pairs), 120)):
        check_text(splitter, lookahead, text, pairs)


@every_pattern
def test_no_long_continuation_splits_a_long_text_in_another_way(pre: str) -> None:
    splitter, generator = PreTokenizer(pre), random.Random(pre)
    lookahead = Lookahead(splitter)
    for _ in range(150):
        few = generator.sample(lookahead.classes, 3)
        text = "".join(generator.choices(few, k=generator.randint(1, 9)))
        continuations = ["".join(generator.choices(few, k=generator.randint(1, 7))) for _ in range(40)]
        check_text(splitter, lookahead, text, continuations)


@every_pattern
def test_no_longer_run_splits_a_run_in_another_way(pre: str) -> None:
    splitter = PreTokenizer(pre)
    lookahead = Lookahead(splitter)
    for character in (" ", "\t", "\n", "0", "\u0663", "a", "\u4e2d", "("):
        for before, count in product(("", "a", "1"), (1, 2, 3, 4, 7, 19)):
            longer = [character * n + end for n in range(40) for end in ("", "a", "1", "(", "\n")]
            check_text(splitter, lookahead, before + character * count, longer)


def test_a_word_that_a_pattern_spells_out_may_have_begun() -> None:
    splitter, generator = PreTokenizer("chameleon"), random.Random(1)
    lookahead = Lookahead(splitter)
    parts = ["IMG", "IMGIMG", "IMGIMGA", "B", "I", "M", "Z", "a", " "]
    endings = ["".join(generator.choices(parts, k=generator.randint(1, 6))) for _ in range(400)]
    for text in endings[:100]:
        check_text(splitter, lookahead, text, endings)
    assert splitter.split("aIMGIMGABZa") == [1, 10, 11]


def check_text(splitter: PreTokenizer, lookahead: Lookahead, text: str, continuations: list[str]) -> None:
    found = {labels(splitter, text, probe) for probe in lookahead.after(text)}
    missed = {labels(splitter, text, continuation): continuation for continuation in continuations}
    for known in found:
        missed.pop(known, None)
    assert not missed, (text, missed)


@every_pattern
def test_text_of_class_representatives_is_split_alike(pre: str) -> None:
    splitter, generator = PreTokenizer(pre), random.Random(pre)
    lookahead = Lookahead(splitter)
    for _ in range(1500):
        text = draw_text(generator)
        assert splitter.split(lookahead.normalize(text)) == splitter.split(text), text


@every_pattern
def test_splitting_can_begin_anew_at_every_restart(pre: str) -> None:
    splitter, generator = PreTokenizer(pre), random.Random(pre)
    for _ in range(1500):
        text = draw_text(generator)
        ends, restarts = splitter.split_with_restarts(text)
        assert ends == splitter.split(text)
        for at in restarts:
            assert [at + end for end in splitter.split(text[at:])] == [end for end in ends if end > at], text


@every_pattern
def test_every_class_that_a_begun_character_can_have_is_among_its_completions(pre: str) -> None:
    lookahead = Lookahead(PreTokenizer(pre))
    wanted: dict[bytes, dict[str, str]] = {}
    for character in edge_characters():
        encoded = character.encode()
        for length in range(1, len(encoded)):
            wanted.setdefault(encoded[:length], {})[lookahead.representative(ord(character))] = character
    for head, classes in wanted.items():
        assert incomplete_tail(head) == len(head)
        found = {lookahead.representative(ord(character)) for character in lookahead.completions(head)}
        assert classes.keys() <= found, (head, classes)
        assert all(character.encode().startswith(head) for character in lookahead.completions(head))


@every_pattern
def test_a_long_run_is_split_as_a_short_one(pre: str) -> None:
    splitter, generator = PreTokenizer(pre), random.Random(pre)
    lookahead = Lookahead(splitter)
    shortened = 0
    for _ in range(1500):
        classes = [" ", "\n", "A", "(", *generator.sample(lookahead.classes, 2)]
        text, piece, continuation = (draw_runs(generator, classes, count) for count in (4, 2, 2))
        cut = len(text)
        whole = lookahead.normalize(text + piece)
        text, piece = whole[:cut], whole[cut:]
        kept = [lookahead.kept(each) for each in (text, piece)]
        shortened += kept != [None, None]
        short = [
            "".join(part[at] for at in places(part, at_all))
            for part, at_all in zip((text, piece), kept, strict=True)
        ]
        offsets = [*places(text, kept[0]), cut]
        ends = labels(splitter, whole, continuation)
        of_short = labels(splitter, "".join(short), continuation)
        short_cut, short_end = len(short[0]), len("".join(short))
        assert [end for end in ends if end <= cut] == [offsets[end] for end in of_short if end <= short_cut]
        assert any(cut < end < len(whole) for end in ends) == any(
            short_cut < end < short_end for end in of_short
        )
        assert (len(whole) in ends) == (short_end in of_short)
    assert shortened > 300 or splitter.long_words


def draw_runs(generator: random.Random, classes: list[str], most: int) -> str:
    """A few runs of characters, most of them short."""
    lengths = (1, 1, 1, 2, 3, 4, 5, 6, 7, 11, 16, 33)
    return "".join(
        generator.choice(classes) * generator.choice(lengths) for _ in range(generator.randint(1, most))
    )


def places(classes: str, kept: list[int] | None) -> list[int]:
    return list(range(len(classes))) if kept is None else kept
