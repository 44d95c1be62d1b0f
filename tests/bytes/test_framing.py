"""Which tokens open a text and which end it, and processes that change them."""

import numpy as np
import pytest

from byte_lsp.bytes.baselines import BareProcess, weigh_healed_bytes, weigh_healing, weigh_plain
from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.covers import CoverSet, next_byte, weigh_covers
from byte_lsp.bytes.framing import Framing, frame
from byte_lsp.errors import CatalogError
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.vocabulary import Kind, Vocabulary
from tests.bytes.tiny import END, FRAMING, Tiny, tinies


def vocabulary(spellings: dict[str, Kind], bos: int | None = None, eos: int | None = None) -> Vocabulary:
    return Vocabulary(
        model="gpt2",
        pre="gpt-2",
        spellings=list(spellings),
        kinds=list(spellings.values()),
        pieces=[b"x" if kind == Kind.NORMAL else b"" for kind in spellings.values()],
        merges=[],
        scores=[],
        bos_id=bos,
        eos_id=eos,
    )


USUAL = {
    "a": Kind.NORMAL,
    "<|im_start|>": Kind.CONTROL,
    "<|im_end|>": Kind.CONTROL,
    "<|endoftext|>": Kind.CONTROL,
}


def test_the_catalogue_comes_before_the_model_file() -> None:
    framing = frame(vocabulary(USUAL, bos=1, eos=2), "<|endoftext|>", ("<|im_end|>",))
    assert framing == Framing((3,), (2,))


def test_without_the_catalogue_the_model_file_says() -> None:
    assert frame(vocabulary(USUAL, bos=1, eos=2)) == Framing((1,), (2, 3))
    assert frame(vocabulary(USUAL, eos=2)).head == (2,)


def test_an_ordinary_piece_spelled_like_an_end_is_text() -> None:
    known = vocabulary(USUAL | {"</s>": Kind.NORMAL, "<eos>": Kind.CONTROL}, bos=1, eos=2)
    assert frame(known).ends == (2, 3, 5)


def test_a_spelling_that_is_not_there_is_named() -> None:
    with pytest.raises(CatalogError, match=r"<\|fim\|>"):
        frame(vocabulary(USUAL, bos=1), "<|fim|>")
    with pytest.raises(CatalogError, match="no such end"):
        frame(vocabulary(USUAL, bos=1), "<|im_end|>", ("no such end",))


def test_a_model_without_any_start_token_is_refused() -> None:
    with pytest.raises(CatalogError, match="start_token"):
        frame(vocabulary(USUAL))


def test_a_framing_is_extended_without_changing_it() -> None:
    framing = Framing((1,), (2, 7))
    assert framing.with_head((4, 5)) == Framing((4, 5), (2, 7))
    assert framing.with_ends((9, 3, 7)) == Framing((1,), (2, 3, 7, 9))
    assert framing == Framing((1,), (2, 7))


LONG_HEAD = Framing((END, *range(1, 30)) * 5, FRAMING.ends)


@pytest.fixture(params=tinies(), ids=lambda tiny: tiny.name)
def tiny(request: pytest.FixtureRequest) -> Tiny:
    found: Tiny = request.param
    return found


def same_weights(one: CoverSet, other: CoverSet) -> bool:
    return all(
        (mine.path, mine.residual) == (theirs.path, theirs.residual)
        and np.array_equal(mine.tokens, theirs.tokens)
        and np.array_equal(mine.log_q1, theirs.log_q1)
        for mine, theirs in zip(one.contexts, other.contexts, strict=True)
    )


@pytest.mark.parametrize("length", range(4))
def test_a_long_head_stands_before_every_context(tiny: Tiny, length: int) -> None:
    prefix = b"".join([*tiny.alphabet[:2], *tiny.alphabet[:2]])[:length]
    head = tuple(token % len(tiny.tokenizer.pieces) for token in LONG_HEAD.head)
    framing = LONG_HEAD.with_head(head)
    canonical = CanonicalProcess(finder(tiny.tokenizer), FRAMING)
    bare = BareProcess(finder(tiny.tokenizer), FRAMING)
    engine = tiny.engine(3)
    reframed = weigh_covers(engine, canonical.framed(framing), prefix)
    anew = weigh_covers(engine, CanonicalProcess(finder(tiny.tokenizer), framing), prefix)
    assert same_weights(reframed, anew)
    assert not same_weights(reframed, weigh_covers(engine, canonical, prefix))
    assert all(context.path[: len(head)] == head for context in reframed.contexts)
    assert np.isclose(np.exp(next_byte(canonical.framed(framing), reframed)).sum(), 1)
    for weigh in (weigh_plain, weigh_healing, weigh_healed_bytes):
        baseline = weigh(engine, bare.framed(framing), prefix)
        assert same_weights(baseline, weigh(engine, BareProcess(finder(tiny.tokenizer), framing), prefix))
        assert all(context.path[: len(head)] == head for context in baseline.contexts)


def test_a_reframed_process_has_the_new_ends_and_the_old_one_keeps_its_own(tiny: Tiny) -> None:
    end = tiny.text_tokens[0]
    for kind in (CanonicalProcess, BareProcess):
        process = kind(finder(tiny.tokenizer), FRAMING)
        reframed = process.framed(FRAMING.with_ends((end,)))
        assert (process.is_end(end), reframed.is_end(end)) == (False, True)
        assert reframed.finder is process.finder
        assert process.framed(LONG_HEAD).framing == LONG_HEAD
        assert process.framing == FRAMING


@pytest.mark.parametrize("kind", [CanonicalProcess, BareProcess])
def test_a_logprob_is_that_of_the_restricted_row(kind: type[CanonicalProcess] | type[BareProcess]) -> None:
    tiny = tinies()[0]
    process = kind(finder(tiny.tokenizer), FRAMING.with_ends(()))  # END stands for nothing then
    tail = finder(tiny.tokenizer).canon.tail(b"", ())
    row = np.random.default_rng(0).normal(5.0, 3.0, len(tiny.tokenizer.pieces)).astype(np.float32)
    row[END] = row.max() + 120.0
    restricted = process.restrict(tail, row)
    possible = [token for token in range(len(row)) if process.follows(tail, token)]
    expected = restricted.row[possible] - restricted.log_mass
    assert [process.logprob(tail, row, token) for token in possible] == pytest.approx(expected, abs=1e-5)
    assert np.exp(expected).sum() == pytest.approx(1.0, abs=1e-5)


def test_what_a_canonical_process_asks_stays_when_it_is_reframed(tiny: Tiny) -> None:
    process = CanonicalProcess(finder(tiny.tokenizer), FRAMING, unasked_mass=0.25, most_asked=7)
    reframed = process.framed(LONG_HEAD)
    assert (reframed.unasked_mass, reframed.most_asked) == (0.25, 7)
