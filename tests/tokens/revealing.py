"""A made-up vocabulary in which neighbours may merge freely: its tokens show where words end."""

import random
from collections.abc import Sequence
from pathlib import Path

from byte_lsp.tokens.vocabulary import BYTE_OF_GPT2_CHARACTER, Kind

from .gguf_writer import byte_level_metadata, write_gguf

# Characters of every class that pre-tokenizers tell apart, and those that their patterns name.
_ASCII = "a'stlvremdSTLVREMDqZIGB059 \t\n\r\v\x00(./,!|$+<=>^~`_-{["
_WIDE = "é中あア가\u0301٣Ⅷ½…。،।“€😀\u200d\u00a0\u3000\u2028\ufffd\ufa6eªㄅㄱᄀ，เက\U00020000\u212a"
CHARACTERS = _ASCII + _WIDE
ALPHABETS = (
    *(CHARACTERS, " \n\r\t'a0s(", "'sSlLdDaé 1", "0123 a.\u0663", "\n \u3000a\r", "é中あ😀\u0301aA"),
    *("中\ufa6e\U00020000a ,\n", "가ㄅㄱᄀ，。เကあa1 ", "a é\u0301 1'ª", "1 \u06632a'"),
    ("IMG", "IMGIMG", "I", "G", "B", "Z", "a", " ", "1"),
)

_GPT2_CHARACTER_OF_BYTE = {byte: character for character, byte in BYTE_OF_GPT2_CHARACTER.items()}
_WHOLE_WORDS = ("abc", "aaa", "000", "ééé", "'s'", "   ", "\n\n\n", "123")


def write_vocabulary(path: Path, pre: str, atoms: Sequence[str] = ()) -> Path:
    """Tokens for all bytes, the characters, all pairs of them, some longer words without a merge.

    ``atoms`` are USER_DEFINED tokens.
    """
    characters = [spell(character) for character in CHARACTERS]
    joins = [(word[:at], word[at]) for word in characters for at in range(1, len(word))]
    pairs = [(first, second) for first in characters for second in characters]
    random.Random(0).shuffle(pairs)
    merges = list(dict.fromkeys([*joins, *pairs]))
    joined = [first + second for first, second in merges]
    normal = list(dict.fromkeys([*_GPT2_CHARACTER_OF_BYTE.values(), *joined, *map(spell, _WHOLE_WORDS)]))
    kinds = [int(Kind.NORMAL)] * len(normal) + [int(Kind.USER_DEFINED)] * len(atoms)
    lines = [f"{first} {second}" for first, second in merges]
    return write_gguf(path, byte_level_metadata(pre, [*normal, *atoms], lines, kinds))


def spell(text: str) -> str:
    """Text as byte-level vocabularies spell it."""
    return "".join(_GPT2_CHARACTER_OF_BYTE[byte] for byte in text.encode())


def draw_text(generator: random.Random, longest: int = 12) -> str:
    """A short text over one of the alphabets, or over a few characters of it."""
    alphabet: Sequence[str] = generator.choice(ALPHABETS)
    if generator.random() < 0.4:
        alphabet = generator.sample(alphabet, 3)
    drawn = generator.choices(alphabet, k=generator.randint(1, longest))
    if generator.random() < 0.1:
        drawn[generator.randrange(len(drawn))] *= generator.randint(2, 40)
    return "".join(drawn)
