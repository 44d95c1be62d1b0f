"""Which tokens open a text and which end it."""

import pytest

from byte_lsp.bytes.framing import Framing, frame
from byte_lsp.errors import CatalogError
from byte_lsp.tokens.vocabulary import Kind, Vocabulary


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
