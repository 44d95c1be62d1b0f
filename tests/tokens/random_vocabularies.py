"""Small vocabularies at random: pieces twice, USER_DEFINED tokens that overlap, merges of no use, characters
that only byte tokens spell.
"""

import random
from collections.abc import Sequence

from byte_lsp.tokens.tokenizer import Tokenizer
from byte_lsp.tokens.vocabulary import SPACE_MARK, Kind, Vocabulary

ALPHABETS = (("a", "b", " ", "\n"), ("a", "é", " ", "中"), ("a", "b", "c", " ", "1", "😀"))
FAMILIES = ("llama", "gemma4", "gpt2")
_BYTES = [bytes([byte]) for byte in range(256)]


def make_tokenizer(
    family: str,
    pieces: Sequence[str],
    *,
    atoms: Sequence[str] = (),
    merges: Sequence[tuple[str, str]] = (),
    scores: Sequence[float] | None = None,
) -> Tokenizer:
    """Token 0 stands for no text, 1 to 256 are the bytes; then come the pieces and USER_DEFINED tokens.

    ``scores`` are those of the pieces, the first piece's being the best if there are none.
    """
    single = Kind.NORMAL if family == "gpt2" else Kind.BYTE
    kinds = [Kind.CONTROL] + [single] * 256 + [Kind.NORMAL] * len(pieces) + [Kind.USER_DEFINED] * len(atoms)
    texts = [*pieces, *atoms]
    ranked = [-float(at) for at in range(len(pieces))] if scores is None else scores
    return Tokenizer(
        Vocabulary(
            model=family,
            pre={"gpt2": "gpt-2", "gemma4": "gemma4"}.get(family, "default"),
            spellings=[
                "<|end|>",
                *(f"<0x{at:02X}>" for at in range(256)),
                *(text if family == "gpt2" else text.replace(" ", SPACE_MARK) for text in texts),
            ],
            kinds=kinds,
            pieces=[b"", *_BYTES, *(text.encode() for text in texts)],
            merges=[(left.encode(), right.encode()) for left, right in merges],
            scores=[0.0] * 257 + [*ranked, *[0.0] * len(atoms)],
            bos_id=0,
            eos_id=0,
        )
    )


def draw_tokenizer(generator: random.Random, family: str, alphabet: Sequence[str]) -> Tokenizer:
    """A vocabulary over the alphabet; some of its characters may have no token of their own."""
    pieces = [character for character in alphabet if generator.random() < 0.7]
    pieces += [_draw(generator, alphabet, 5) for _ in range(generator.randrange(3, 30))]
    atoms = [_draw(generator, alphabet, 4) for _ in range(generator.choice((0, 0, 2, 5)))]
    if family == "gemma4":  # which refuses runs of line feeds that merges do not make
        pieces = [piece for piece in pieces if "\n" not in piece]
        atoms = [atom for atom in atoms if "\n" not in atom]
    merges = [(text[:at], text[at:]) for text in pieces for at in _cuts(generator, text)]
    generator.shuffle(merges)
    scores = [float(-generator.randrange(6)) for _ in pieces]
    return make_tokenizer(family, pieces, atoms=atoms, merges=merges, scores=scores)


def _draw(generator: random.Random, alphabet: Sequence[str], longest: int) -> str:
    return "".join(generator.choices(alphabet, k=generator.randint(1, longest)))


def _cuts(generator: random.Random, text: str) -> list[int]:
    return generator.sample(range(1, len(text)), min(len(text) - 1, generator.randint(1, 2)))


def draw_bytes(generator: random.Random, alphabet: Sequence[str]) -> bytes:
    """A short text over the alphabet, now and then without some of its bytes."""
    text = _draw(generator, alphabet, 11).encode()
    return bytes(byte for byte in text if generator.random() > 0.15) if generator.random() < 0.2 else text
