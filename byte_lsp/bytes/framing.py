"""How a text stands in a model's token sequence: the tokens before it, and those that end it."""

from collections.abc import Iterable
from dataclasses import dataclass

from byte_lsp.errors import CatalogError
from byte_lsp.tokens.vocabulary import Kind, Vocabulary

_USUAL_ENDS = (
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "<|im_end|>",
    "<|eom_id|>",
    "</s>",
    "<eos>",
    "<end_of_turn>",
    "<|file_sep|>",
    "<file_sep>",
)


@dataclass(frozen=True, slots=True)
class Framing:
    """``head`` opens every sequence, never empty; any of ``ends`` says that the text is over."""

    head: tuple[int, ...]
    ends: tuple[int, ...]

    def with_head(self, head: tuple[int, ...]) -> "Framing":
        """The same ends after another head."""
        return Framing(head, self.ends)

    def with_ends(self, more: Iterable[int]) -> "Framing":
        """The same head, and these tokens end a text too."""
        return Framing(self.head, tuple(sorted({*self.ends, *more})))


def frame(vocabulary: Vocabulary, start_token: str = "", end_tokens: tuple[str, ...] = ()) -> Framing:
    """The framing by the catalogue's spellings, or by the model file where the catalogue is silent.

    Raises ``CatalogError`` for a spelling that is not in the vocabulary, or if nothing can open a text.
    """
    ends = tuple(_token(vocabulary, spelling) for spelling in end_tokens) or _known_ends(vocabulary)
    if start_token:
        return Framing((_token(vocabulary, start_token),), ends)
    start = vocabulary.bos_id if vocabulary.bos_id is not None else vocabulary.eos_id
    if start is None:
        raise CatalogError("the model file names no start token; set start_token in models.toml")
    return Framing((start,), ends)


def _token(vocabulary: Vocabulary, spelling: str) -> int:
    token = vocabulary.ids_of_spelling.get(spelling)
    if token is None:
        raise CatalogError(
            f"the catalogue names the token {spelling!r}, which is not in the model's vocabulary"
        )
    return token


def _known_ends(vocabulary: Vocabulary) -> tuple[int, ...]:
    named = {vocabulary.ids_of_spelling.get(spelling) for spelling in _USUAL_ENDS} | {vocabulary.eos_id}
    # Some vocabularies spell an ordinary piece like this (Qwen2's "</s>"): it is text there.
    return tuple(sorted(t for t in named if t is not None and vocabulary.kinds[t] != Kind.NORMAL))
