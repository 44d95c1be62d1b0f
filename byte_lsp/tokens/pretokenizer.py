"""Splitting text into the words inside which byte-pair merges run, as llama.cpp's pre-tokenizers do.

A pre-tokenizer is a list of patterns applied one after another: each splits the words left by the one
before it into its matches and the gaps between them. Patterns are written over a small alphabet: ASCII
stands for itself, and every other character is collapsed to one stand-in per class, so that this module
depends on llama.cpp's character table and not on the Unicode version of Python.

The patterns are those of the tokenizers' published ``tokenizer.json`` files in the form in which llama.cpp
evaluates them; ``tests/tokens/test_llama_cpp_agrees.py`` compares the two on real and generated text.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from byte_lsp.errors import TokenizerError
from byte_lsp.tokens.characters import class_of, replace_invalid

# Stand-ins for characters outside ASCII. Private-use characters: no pattern names them.
_STAND_IN = {
    "L": "\ue001",
    "N": "\ue002",
    "P": "\ue003",
    "S": "\ue004",
    "M": "\ue005",
    "O": "\ue006",
    "W": "\x0b",
}

_L = "A-Za-z\ue001"
_N = "0-9\ue002"
_P = r"!-#%-*,-/:;?@\[-\]_{}" + "\ue003"
_S = r"$+<=>^`|~" + "\ue004"
_M = "\ue005"

_CONTRACTION = "'s|'t|'re|'ve|'m|'ll|'d"
_ANY_CASE_CONTRACTION = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]"

_GPT2 = rf"{_CONTRACTION}| ?[{_L}]+| ?[{_N}]+| ?[^\s{_L}{_N}]+|\s+(?!\S)|\s+"
_SPACES = r"\s+(?!\S)|\s+"
_NEWLINES = r"\s*[\r\n]+"


def _llama3(digits: str, letters: str = _L, contraction: str = f"{_ANY_CASE_CONTRACTION}|") -> str:
    return (
        rf"{contraction}[^\r\n{_L}{_N}]?[{letters}]+|{digits}"
        rf"| ?[^\s{letters}{_N}]+[\r\n]*|{_NEWLINES}|{_SPACES}"
    )


def _gpt4o(digits: str, contraction: str, marks: str = "") -> str:
    upper = rf"(?:(?=[{_L}{marks}])[^a-z])"
    lower = rf"(?:(?=[{_L}{marks}])[^A-Z])"
    lead = rf"[^\r\n{_L}{_N}]?"
    return (
        rf"{lead}{upper}*{lower}+{contraction}|{lead}{upper}+{lower}*{contraction}|{digits}"
        rf"| ?[^\s{_L}{_N}]+[\r\n/]*|{_NEWLINES}|{_SPACES}"
    )


_DEEPSEEK_CJK = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
_DEEPSEEK3 = (
    rf"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{{|}}~][A-Za-z]+|[^\r\n{_L}{_P}{_S}]?[{_L}{_M}]+"
    rf"| ?[{_P}{_S}]+[\r\n]*|{_NEWLINES}|{_SPACES}"
)
_BLOOM = " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"
_OPTIONAL_CONTRACTION = f"(?:{_ANY_CASE_CONTRACTION})?"

_PATTERNS: dict[str, list[str]] = {
    "gpt-2": [_GPT2],
    "starcoder": [f"[{_N}]", _GPT2],
    "llama-bpe": [_llama3(f"[{_N}]{{1,3}}")],
    "qwen2": [_llama3(f"[{_N}]")],
    "qwen35": [
        rf"{_ANY_CASE_CONTRACTION}|[^\r\n{_L}{_N}]?[{_L}{_M}]+|[{_N}]"
        rf"| ?[^\s{_L}{_M}{_N}]+[\r\n]*|{_NEWLINES}|{_SPACES}"
    ],
    "ufakzeka": [_llama3(f"[{_N}]", contraction="")],
    "minicpm5": [f"[{_N}]{{1,3}}", _llama3(f"[{_N}]+")],
    "seed-coder": [
        rf"{_ANY_CASE_CONTRACTION}|[^\r\n{_L}{_N}]?[{_L}]+|[{_N}]| ?[^\s{_L}{_N}\r\n]+|{_NEWLINES}|{_SPACES}"
    ],
    "bailingmoe": [
        rf"'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n{_L}{_N}]?[{_L}]+|[{_N}]"
        rf"| ?[^\s{_L}{_N}]+[\r\n]*|\s*[\r\n]|{_SPACES}"
    ],
    "tekken": [_gpt4o(f"[{_N}]", "")],
    "gpt-4o": [_gpt4o(f"[{_N}]{{1,3}}", _OPTIONAL_CONTRACTION)],
    "granite-embed-multi-97m": [_gpt4o(f"[{_N}]{{1,3}}", _OPTIONAL_CONTRACTION, _M)],
    "deepseek-coder": [
        "[\r\n]",
        rf"\s?[{_L}]+",
        rf"\s?[{_P}]+",
        "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+",
        f"[{_N}]",
    ],
    "deepseek-v3": [f"[{_N}]{{1,3}}", _DEEPSEEK_CJK, _DEEPSEEK3],
    "falcon": [rf"[{_P}$+<=>^~|`]+", _GPT2, "[0-9][0-9][0-9]"],
    "bloom": [_BLOOM],
    "viking": [_BLOOM, f"[{_N}]"],
    "superbpe": [f"[{_N}]+", r"(?=([0-9]{3})+(?![0-9]))"],
    "default": [rf"[{_P}$+<=>^~|]+", _GPT2, f"[{_N}]+", "[0-9][0-9][0-9]"],
}

_SAME_AS = {
    "gpt-2": "phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de a.x-4.0 mellum modern-bert exaone4 "
    "jina-v1-en jina-v2-code roberta-bpe mpt olmo jais trillion granite-docling",
    "starcoder": "refact command-r smollm codeshell exaone minerva-7b mellum2",
    "llama-bpe": "llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano dbrx smaug-bpe "
    "chatglm-bpe glm4 glm5",
    "qwen2": "deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2",
    "gpt-4o": "llama4 kanana2 talkie minimax-m2",
    "bailingmoe": "bailingmoe2 llada-moe",
    "deepseek-v3": "hunyuan-dense joyai-llm hy_v4",
    "bloom": "poro-chat gpt3-finnish",
}

IGNORES_MERGES = frozenset(
    {
        *(
            "minicpm5",
            "llama3",
            "llama-v3",
            "llama-bpe",
            "falcon3",
            "falcon-h1",
            "pixtral",
            "midm-2.0",
            "lfm2",
        ),
        *("jina-v5-nano", "glm4", "glm5", "tekken", "granite-embed-multi-97m"),
    }
)
"""Pre-tokenizers whose vocabularies take a word that is a token whole, without running the merges."""


def _patterns_of(pre: str) -> list[str]:
    for name, aliases in _SAME_AS.items():
        if pre in aliases.split():
            return _PATTERNS[name]
    if pre not in _PATTERNS:
        known = sorted({*_PATTERNS, *(alias for aliases in _SAME_AS.values() for alias in aliases.split())})
        raise TokenizerError(f"pre-tokenizer {pre!r} is not supported; known: {', '.join(known)}")
    return _PATTERNS[pre]


@dataclass(frozen=True)
class _Level:
    """One pattern. ``literal`` patterns name characters outside ASCII and see them, others see stand-ins."""

    pattern: re.Pattern[str]
    literal: bool


def _compile(source: str) -> _Level:
    literal = any(ord(c) > 0x7F and c not in _STAND_IN.values() for c in source)
    # Python's own \s knows more characters than llama.cpp's; ASCII keeps it to space and \t\n\v\f\r.
    return _Level(re.compile(source, re.ASCII), literal)


def collapse(code_point: int) -> str:
    """What most patterns see of a character: ASCII as it is, otherwise the stand-in of its class."""
    return chr(code_point) if code_point < 0x80 else _STAND_IN[class_of(code_point)]


def collapse_spaces(code_point: int) -> str:
    """What literal patterns see: the character itself, but one stand-in for white space outside ASCII."""
    wide_space = code_point > 0x7F and class_of(code_point) == "W"
    return _STAND_IN["W"] if wide_space else chr(code_point)


class _Table(dict[int, str]):
    """A table for ``str.translate`` that fills itself."""

    def __init__(self, translate: Callable[[int], str]) -> None:
        super().__init__()
        self._translate = translate

    def __missing__(self, code_point: int) -> str:
        value = self[code_point] = self._translate(code_point)
        return value


_COLLAPSE, _LITERAL = _Table(collapse), _Table(collapse_spaces)


class PreTokenizer:
    """Splits text into words. ``pre`` is the GGUF key ``tokenizer.ggml.pre``.

    Raises ``TokenizerError`` for a pre-tokenizer it does not know.
    """

    def __init__(self, pre: str) -> None:
        sources = _patterns_of(pre)
        self.levels: Sequence[_Level] = [_compile(source) for source in sources]
        self.ignores_merges = pre in IGNORES_MERGES
        self.literals = _literal_edges(sources)

    def split(self, text: str) -> list[int]:
        """The ends of the words of ``text``, as character offsets, ascending; the last is ``len(text)``."""
        return self._split(text, [])

    def split_with_restarts(self, text: str) -> tuple[list[int], list[int]]:
        """The word ends, and those among them from which splitting the rest anew gives the same ends.

        Patterns look ahead but never back, so these are all but the ends strictly inside an earlier
        pattern's match.
        """
        matches: list[tuple[int, int]] = []
        ends = self._split(text, matches)
        inside = {
            end
            for start, stop in matches
            for end in ends[bisect_right(ends, start) : bisect_left(ends, stop)]
        }
        return ends, [end for end in ends if end not in inside] if inside else ends

    def _split(self, text: str, matches: list[tuple[int, int]]) -> list[int]:
        if not text:
            return []
        if text.isascii():
            collapsed = literal = text
        else:
            text = replace_invalid(text)
            collapsed, literal = text.translate(_COLLAPSE), text.translate(_LITERAL)
        ends = [len(text)]
        last = len(self.levels) - 1
        for at, level in enumerate(self.levels):
            shown = literal if level.literal else collapsed
            ends = _split_level(level.pattern, shown, ends, None if at == last else matches)
        return ends


def _split_level(
    pattern: re.Pattern[str], text: str, ends: Sequence[int], matches: list[tuple[int, int]] | None
) -> list[int]:
    refined: list[int] = []
    start = 0
    for end in ends:
        last = start
        for match in pattern.finditer(text, start, end):
            first, stop = match.span()
            if first > last:
                refined.append(first)
            if stop > first:
                refined.append(stop)
                if matches is not None and stop > first + 1:
                    matches.append((first, stop))
            last = stop
        if last < end:
            refined.append(end)
        start = end
    return refined


def _literal_edges(sources: Sequence[str]) -> tuple[int, ...]:
    """Code points outside ASCII at which a pattern's own ranges begin or end."""
    edges = {0x80}
    for source in sources:
        for character in source:
            if ord(character) > 0x7F and character not in _STAND_IN.values():
                edges |= {ord(character), ord(character) + 1}
    return tuple(sorted(edges))


@lru_cache(maxsize=64)
def pre_tokenizer(pre: str) -> PreTokenizer:
    """The pre-tokenizer of that name, compiled once."""
    return PreTokenizer(pre)
