"""The vocabulary of a model: the bytes of every token, and what kind of token it is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path

from byte_lsp.errors import TokenizerError
from byte_lsp.tokens.gguf import MetadataValue, read_metadata

SPACE_MARK = "\u2581"


class Kind(IntEnum):
    """Token types of the GGUF specification (``tokenizer.ggml.token_type``)."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


_CONTROL_IN_DISGUISE = re.compile(
    r"<[|\uff5c].*[|\uff5c]>"  # <|im_end|>, <|START_OF_TURN_TOKEN|>, DeepSeek's full-width bars
    r"|<\|[\w-]+>|<[\w-]+\|>"  # Gemma 4's <|channel> and <channel|>
    r"|\[[A-Z@_]+\d*\]|\[[a-z]+\]"  # [PAD151646], [INST], [multimodal]
    r"|</?(s|bos|eos|pad|unk|mask|sep|cls)>"
    r"|<(unused|extra_id_|reserved_?|dummy)\d+>"
    r"|<(start|end)_of_\w+>"
    r"|<(fim|repo|file|gh|issue|jupyter|commit|empty)[-_]\w+>|<(reponame|filename)>"
    r"|[_\u2581]?<(PRE|SUF|MID|EOT|PAD|REPO)>"  # control to llama.cpp, whatever the file says
)
_BYTE_SPELLING = re.compile(r"<0x[0-9A-Fa-f]{2}>")

_KINDS_KEY, _SCORES_KEY = "tokenizer.ggml.token_type", "tokenizer.ggml.scores"
_CONVERT_ANEW = "the file is damaged or was badly converted: fetch or convert it anew"

_FILL_SPELLING = re.compile(
    r"<\|fim_(prefix|suffix|middle)\|>|<fim[-_](prefix|suffix|middle)>|<\uff5cfim\u2581(begin|hole|end)\uff5c>"
    r"|\u2581?<(PRE|SUF|MID|EOT)>|<\|code_(prefix|suffix|middle)\|>|<\|(prefix|suffix|middle)\|>"
)
"""What llama.cpp takes for control tokens even where a file calls them text."""

_GPT2_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_GPT2_OTHERS = [byte for byte in range(256) if byte not in set(_GPT2_PRINTABLE)]
BYTE_OF_GPT2_CHARACTER = {chr(byte): byte for byte in _GPT2_PRINTABLE} | {
    chr(256 + i): byte for i, byte in enumerate(_GPT2_OTHERS)
}
"""The printable stand-ins by which byte-level BPE vocabularies spell their bytes (GPT-2's encoder.py)."""


_TEXT_KINDS = (Kind.NORMAL, Kind.USER_DEFINED)
_CHARACTER_LEVEL = frozenset({"gemma4", "granite-embed-multi-311m", "sarvam-moe"})


@dataclass(frozen=True, slots=True)
class FillTokens:
    """The tokens for filling in that a GGUF file names in its metadata, each None where it names none.

    ``repo`` comes before a repository's name, ``file_sep`` before each file, and ``end`` ends a turn or, in
    models for filling in, the middle.
    """

    prefix: int | None = None
    suffix: int | None = None
    middle: int | None = None
    pad: int | None = None
    repo: int | None = None
    file_sep: int | None = None
    end: int | None = None


_FILL_KEYS = {
    "prefix": ("fim_pre", "prefix"),
    "suffix": ("fim_suf", "suffix"),
    "middle": ("fim_mid", "middle"),
    "pad": ("fim_pad",),
    "repo": ("fim_rep",),
    "file_sep": ("fim_sep",),
    "end": ("eot",),
}
"""``tokenizer.ggml.NAME_token_id`` in the GGUF specification; the second name is that of older files."""

_NO_TOKEN = (-1, 0xFFFFFFFF)


@dataclass(frozen=True)
class Vocabulary:
    """What a GGUF file says of its tokenizer.

    ``pieces[id]`` are the bytes that a token stands for in text; empty for control, unknown and unused
    tokens, which stand for no text. ``spellings[id]`` is the name of the token as the file has it.
    ``merges`` are pairs of pieces in order of rank (byte-level BPE); ``scores`` rank SentencePiece tokens.
    """

    model: str
    pre: str
    spellings: Sequence[str]
    kinds: Sequence[int]
    pieces: Sequence[bytes]
    merges: Sequence[tuple[bytes, bytes]]
    scores: Sequence[float]
    bos_id: int | None
    eos_id: int | None
    fill: FillTokens = FillTokens()

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def byte_level(self) -> bool:
        """Whether merges run on bytes, inside the words of a pre-tokenizer."""
        return _is_byte_level(self.model, self.pre)

    @property
    def ranks_merges(self) -> bool:
        """Whether the order of ``merges`` ranks them; otherwise ``scores`` do."""
        return self.model != "llama"

    @cached_property
    def ids_of_spelling(self) -> dict[str, int]:
        return {spelling: token for token, spelling in enumerate(self.spellings)}

    @cached_property
    def text_tokens(self) -> list[int]:
        """Tokens that can stand for text."""
        return [token for token, piece in enumerate(self.pieces) if piece]

    @cached_property
    def atoms(self) -> dict[bytes, int]:
        """USER_DEFINED tokens that are genuine text: matched before anything else, longest first."""
        found = {
            self.spellings[token].encode(): token
            for token in self.text_tokens
            if self.kinds[token] == Kind.USER_DEFINED and self.spellings[token].encode() == self.pieces[token]
        }
        return dict(sorted(found.items(), key=lambda item: -len(item[0])))

    @cached_property
    def longest_piece(self) -> int:
        """Length in bytes of the longest piece."""
        return max((len(piece) for piece in self.pieces), default=0)


def load_vocabulary(path: str | Path) -> Vocabulary:
    """Read the vocabulary of a GGUF file; one without weights will do.

    Raises ``ModelFileError`` for an unreadable file and ``TokenizerError`` for a family byte-lsp does not
    know or a vocabulary that makes no sense.
    """
    metadata = read_metadata(path)
    model = _text(metadata.get("tokenizer.ggml.model"))
    spellings = _texts(metadata.get("tokenizer.ggml.tokens"))
    if not spellings:
        raise TokenizerError(f"{path}: the file has no vocabulary (tokenizer.ggml.tokens)")
    if model not in ("gpt2", "llama", "gemma4"):
        raise TokenizerError(
            f"{path}: tokenizer family {model!r} is not supported; byte-level BPE ('gpt2'), SentencePiece "
            "BPE ('llama') and Gemma 4's are"
        )
    pre = "gemma4" if model == "gemma4" else _text(metadata.get("tokenizer.ggml.pre")) or "default"
    fill = _fill_tokens(path, metadata, len(spellings))
    kinds = _without_fill_text(_kinds(path, metadata.get(_KINDS_KEY), len(spellings)), spellings, fill)
    scores = _scores(path, metadata.get(_SCORES_KEY), len(spellings))
    _check_byte_tokens(path, spellings, kinds)
    byte_level = _is_byte_level(model, pre)
    return Vocabulary(
        model=model,
        pre=pre,
        spellings=spellings,
        kinds=kinds,
        pieces=[_piece(spelling, kind, byte_level) for spelling, kind in zip(spellings, kinds, strict=True)],
        merges=[] if model == "llama" else _merges(_texts(metadata.get("tokenizer.ggml.merges")), byte_level),
        scores=scores,
        bos_id=_token_id(metadata.get("tokenizer.ggml.bos_token_id"), len(spellings)),
        eos_id=_token_id(metadata.get("tokenizer.ggml.eos_token_id"), len(spellings)),
        fill=fill,
    )


def _is_byte_level(model: str, pre: str) -> bool:
    return model != "llama" and pre not in _CHARACTER_LEVEL


def _piece(spelling: str, kind: int, byte_level: bool) -> bytes:
    if kind == Kind.BYTE:
        return bytes([int(spelling[3:-1], 16)])
    if kind == Kind.USER_DEFINED:
        return b"" if _CONTROL_IN_DISGUISE.fullmatch(spelling) else _user_defined_piece(spelling, byte_level)
    if kind != Kind.NORMAL:
        return b""
    return _bytes_of(spelling, byte_level)


def _bytes_of(spelling: str, byte_level: bool) -> bytes:
    return _gpt2_bytes(spelling) if byte_level else spelling.replace(SPACE_MARK, " ").encode()


def _user_defined_piece(spelling: str, byte_level: bool) -> bytes:
    return spelling.encode() if byte_level else spelling.replace(SPACE_MARK, " ").encode()


def _gpt2_bytes(spelling: str) -> bytes:
    try:
        return bytes([BYTE_OF_GPT2_CHARACTER[character] for character in spelling])
    except KeyError:
        return b""  # a spelling that no text encodes to


def _merges(lines: Sequence[str], byte_level: bool) -> list[tuple[bytes, bytes]]:
    merges = []
    for line in lines:
        left, _, right = line.partition(" ")
        merges.append((_bytes_of(left, byte_level), _bytes_of(right, byte_level)))
    return merges


def _text(value: MetadataValue | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def _texts(value: MetadataValue | None) -> list[str]:
    if not isinstance(value, list):
        return []
    return [item.decode("utf-8", "replace") for item in value if isinstance(item, bytes)]


def _kinds(path: str | Path, value: MetadataValue | None, length: int) -> list[int]:
    if value is None:
        return [int(Kind.NORMAL)] * length
    found = [item for item in value if isinstance(item, int)] if isinstance(value, list) else []
    _check_length(path, _KINDS_KEY, len(found), length)
    return found


def _scores(path: str | Path, value: MetadataValue | None, length: int) -> list[float]:
    if value is None:
        return [0.0] * length
    found = (
        [float(item) for item in value if isinstance(item, int | float)] if isinstance(value, list) else []
    )
    _check_length(path, _SCORES_KEY, len(found), length)
    return found


def _fill_tokens(path: str | Path, metadata: Mapping[str, MetadataValue], length: int) -> FillTokens:
    found: dict[str, int] = {}
    for field, names in _FILL_KEYS.items():
        for name in names:
            key = f"tokenizer.ggml.{name}_token_id"
            token = _fill_token(path, key, metadata.get(key), length)
            if token is not None:
                found.setdefault(field, token)
    return FillTokens(**found)


def _fill_token(path: str | Path, key: str, value: MetadataValue | None, length: int) -> int | None:
    if value is None or value in _NO_TOKEN:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < length:
        raise TokenizerError(f"{path}: {key} is {value!r}, which is none of {length} tokens; {_CONVERT_ANEW}")
    return value


def _without_fill_text(kinds: list[int], spellings: Sequence[str], fill: FillTokens) -> list[int]:
    """Kinds in which no token for filling in is text: text that spells one must not become one."""
    named = {fill.prefix, fill.suffix, fill.middle, fill.pad, fill.repo, fill.file_sep}
    return [
        int(Kind.CONTROL)
        if kind in _TEXT_KINDS and (token in named or _FILL_SPELLING.fullmatch(spelling))
        else kind
        for token, (kind, spelling) in enumerate(zip(kinds, spellings, strict=True))
    ]


def _check_length(path: str | Path, key: str, found: int, expected: int) -> None:
    if found != expected:
        raise TokenizerError(f"{path}: {key} has {found} values for {expected} tokens; {_CONVERT_ANEW}")


def _check_byte_tokens(path: str | Path, spellings: Sequence[str], kinds: Sequence[int]) -> None:
    for token, (spelling, kind) in enumerate(zip(spellings, kinds, strict=True)):
        if kind == Kind.BYTE and not _BYTE_SPELLING.fullmatch(spelling):
            raise TokenizerError(
                f"{path}: token {token} stands for a byte but is spelled {spelling!r}, not like <0x0A>; "
                f"{_CONVERT_ANEW}"
            )


def _token_id(value: MetadataValue | None, length: int) -> int | None:
    """A token, or None for a number that is none of the vocabulary's: llama.cpp does without it, too."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < length:
        return value
    return None
