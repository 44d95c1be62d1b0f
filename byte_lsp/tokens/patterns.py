"""The patterns by which llama.cpp's pre-tokenizers split text, by their name in ``tokenizer.ggml.pre``.

They are those of the tokenizers' published ``tokenizer.json`` files in the form in which llama.cpp evaluates
them (its ``src/llama-vocab.cpp`` and ``src/unicode.cpp``, version 0.3.36 of llama-cpp-python);
``tests/tokens/test_llama_cpp_agrees.py`` compares the two on real and generated text.

Most patterns are written over a small alphabet: ASCII stands for itself, and every other character is
collapsed to one stand-in per class. ``HAN`` patterns have stand-ins of their own for Chinese characters;
patterns that name characters outside ASCII see all characters as they are.
"""

from itertools import product

from byte_lsp.errors import TokenizerError

STAND_IN = {
    "L": "\ue001",
    "N": "\ue002",
    "P": "\ue003",
    "S": "\ue004",
    "M": "\ue005",
    "O": "\ue006",
    "W": "\x0b",
}
"""What patterns see of a character outside ASCII, by class. Private-use characters: no pattern names them."""

HAN_LETTER, HAN_OTHER = "\ue007", "\ue008"
STAND_INS = frozenset({*STAND_IN.values(), HAN_LETTER, HAN_OTHER})

_L = "A-Za-z\ue001"
_N = "0-9\ue002"
_P = r"!-#%-*,-/:;?@\[-\]_{}" + "\ue003"
_S = r"$+<=>^`|~" + "\ue004"
_M = "\ue005"
_HAN = HAN_LETTER + HAN_OTHER

_CONTRACTION = "'s|'t|'re|'ve|'m|'ll|'d"
_ANY_CASE_CONTRACTION = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]"
_OPTIONAL_CONTRACTION = f"(?:{_ANY_CASE_CONTRACTION})?"

_SPACES = r"\s+(?!\S)|\s+"
_RUNS = rf" ?[{_L}]+| ?[{_N}]+| ?[^\s{_L}{_N}]+|{_SPACES}"
_GPT2 = f"{_CONTRACTION}|{_RUNS}"
_HALVED_SPACES = "|".join([*(rf"\s{{{1 << n}}}(?!\S)" for n in range(9, 1, -1)), r"\s{1,2}(?!\S)", r"\s"])
_NEWLINES = r"\s*[\r\n]+"
_NEWLINE_RUN = "\n+"
# Ends of groups of three digits, counted from the end of the number. A match of no characters splits here
# and nowhere else: what stands before a number stays with its first digits.
_DIGITS_FROM_THE_RIGHT = rf"(?<=[{_N}])(?=(?:[{_N}]{{3}})*(?![{_N}]))"


def _llama3(
    digits: str, letters: str = _L, contraction: str = f"{_ANY_CASE_CONTRACTION}|", spaces: str = _SPACES
) -> str:
    return (
        rf"{contraction}[^\r\n{_L}{_N}]?[{letters}]+|{digits}"
        rf"| ?[^\s{letters}{_N}]+[\r\n]*|{_NEWLINES}|{spaces}"
    )


def _gpt4o(digits: str, contraction: str, marks: str = "") -> str:
    upper = rf"(?:(?=[{_L}{marks}])[^a-z])"
    lower = rf"(?:(?=[{_L}{marks}])[^A-Z])"
    lead = rf"[^\r\n{_L}{_N}]?"
    return (
        rf"{lead}{upper}*{lower}+{contraction}|{lead}{upper}+{lower}*{contraction}|{digits}"
        rf"| ?[^\s{_L}{_N}]+[\r\n/]*|{_NEWLINES}|{_SPACES}"
    )


def _letters_and_marks(digits: str) -> str:
    return (
        rf"[^\r\n{_L}{_N}]?[{_L}{_M}]+{_OPTIONAL_CONTRACTION}|{digits}"
        rf"| ?[^\s{_L}{_N}]+[\r\n/]*|{_NEWLINES}|{_SPACES}"
    )


def _deepseek3(line_ends: str) -> str:
    return (
        rf"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{{|}}~][A-Za-z]+|[^\r\n{_L}{_P}{_S}]?[{_L}{_M}]+"
        rf"| ?[{_P}{_S}]+{line_ends}|{_SPACES}"
    )


_DEEPSEEK_CJK = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
_DEEPSEEK_CODER_CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
_DEEPSEEK_LLM_LETTERS = (
    "\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af"
    "\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5"
    "\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba"
    "\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45"
    "\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe"
    "\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc"
    "\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139"
    "\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3"
    "\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06"
    "\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3"
    "\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df"
    "\U0001e900-\U0001e943"
)
_AFMOE_ASIAN = (
    "[\u4e00-\u9fff\u3400-\u4dbf\u8c48-\ufaff\u3040-\u309f\u30a0-\u30ff\uff65-\uff9f\u2f00-\u2fdf"
    "\u0e40-\u0e7f\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\uac00-\ud7af"
    "\u1100-\u11ff]+"
)
_YOUTU_ASIAN = (
    "[\uac00-\ud7a3\u3131-\u318e]+"
    "|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+"
    "|[\u3105-\u312f]+|[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
)
_BLOOM = " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"
_IMAGE = "IMGIMG[A-I]{1,4}Z"

PATTERNS: dict[str, list[str]] = {
    "gpt-2": [_GPT2],
    "starcoder": [f"[{_N}]", _GPT2],
    "llama-bpe": [_llama3(f"[{_N}]{{1,3}}")],
    "jais-2": [_llama3(f"[{_N}]{{1,3}}", spaces=_HALVED_SPACES)],
    "qwen2": [_llama3(f"[{_N}]")],
    "qwen35": [
        rf"{_ANY_CASE_CONTRACTION}|[^\r\n{_L}{_N}]?[{_L}{_M}]+|[{_N}]"
        rf"| ?[^\s{_L}{_M}{_N}]+[\r\n]*|{_NEWLINES}|{_SPACES}"
    ],
    "laguna": [_NEWLINE_RUN, _llama3(f"[{_N}]")],
    "ufakzeka": [_llama3(f"[{_N}]", contraction="")],
    "minicpm5": [f"[{_N}]{{1,3}}", _llama3(f"[{_N}]+")],
    "seed-coder": [
        rf"{_ANY_CASE_CONTRACTION}|[^\r\n{_L}{_N}]?[{_L}]+|[{_N}]| ?[^\s{_L}{_N}\r\n]+|{_NEWLINES}|{_SPACES}"
    ],
    "bailingmoe": [
        rf"'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n{_L}{_N}]?[{_L}]+|[{_N}]"
        rf"| ?[^\s{_L}{_N}]+[\r\n]*|\s*[\r\n]|{_SPACES}"
    ],
    "exaone-moe": [
        rf"{_ANY_CASE_CONTRACTION}|[^\r\n{_L}{_N}]?[{_L}][{_M}]*(?: ?[{_L}][{_M}]*)*|[{_N}]"
        rf"| ?[^\s{_L}{_N}]+[\r\n/]?|\s*[\r\n]|{_SPACES}"
    ],
    "tekken": [_gpt4o(f"[{_N}]", "")],
    "gpt-4o": [_gpt4o(f"[{_N}]{{1,3}}", _OPTIONAL_CONTRACTION)],
    "granite-embed-multi-97m": [_gpt4o(f"[{_N}]{{1,3}}", _OPTIONAL_CONTRACTION, _M)],
    "kimi-k2": [
        rf"[{_HAN}]+|[^\r\n{_L}{HAN_LETTER}{_N}]?[{_L}]+{_OPTIONAL_CONTRACTION}|[{_N}]{{1,3}}"
        rf"| ?[^\s{_L}{HAN_LETTER}{_N}]+[\r\n]*|{_NEWLINES}|{_SPACES}"
    ],
    "tiny_aya": [_DIGITS_FROM_THE_RIGHT, _letters_and_marks(f"[{_N}]{{1,3}}")],
    "youtu": [_YOUTU_ASIAN, _letters_and_marks(f"[{_N}]")],
    "deepseek-llm": [
        "[\r\n]",
        rf"\s?[A-Za-z{_DEEPSEEK_LLM_LETTERS}]+",
        "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+",
        r"\s+\Z",
        _DEEPSEEK_CODER_CJK,
        f"[{_N}]+",
    ],
    "deepseek-coder": ["[\r\n]", rf"\s?[{_L}]+", rf"\s?[{_P}]+", _DEEPSEEK_CODER_CJK, f"[{_N}]"],
    "deepseek-v3": [f"[{_N}]{{1,3}}", _DEEPSEEK_CJK, _deepseek3(rf"[\r\n]*|{_NEWLINES}")],
    "spark2_5": [f"[{_N}]{{1,3}}", _DEEPSEEK_CJK, _deepseek3(r"|[\r\n]"), f"[{_N}]"],
    "afmoe": [_DIGITS_FROM_THE_RIGHT, _AFMOE_ASIAN, _deepseek3(rf"[\r\n]*|{_NEWLINES}")],
    "falcon": [rf"[{_P}$+<=>^~|`]+", _GPT2, "[0-9][0-9][0-9]"],
    "bloom": [_BLOOM],
    "viking": [_BLOOM, f"[{_N}]"],
    "superbpe": [f"[{_N}]+", r"(?=([0-9]{3})+(?![0-9]))"],
    # llama.cpp also names <sentinel:1> and contractions here; the punctuation cuts both up in any case.
    "chameleon": [_IMAGE, r"[\t\n]|    |  ", f"[{_N}]", rf"[{_P}!-/:-@\[-`{{-~]", _RUNS],
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
    "tiny_aya": "cohere2moe",
    "deepseek-v3": "hunyuan-dense joyai-llm hy_v4",
    "bloom": "poro-chat gpt3-finnish",
}
NAMES = {
    **{name: name for name in PATTERNS},
    **{a: name for name, all_ in _SAME_AS.items() for a in all_.split()},
}
"""Every name that ``tokenizer.ggml.pre`` may have, and the entry of ``PATTERNS`` that it stands for."""

_WHOLE_WORDS = (
    "minicpm5 llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano glm4 glm5 "
    "tekken youtu granite-embed-multi-97m"
)
IGNORES_MERGES = frozenset(_WHOLE_WORDS.split())
"""Pre-tokenizers whose vocabularies take a word that is a token whole, without running the merges."""

LONG_WORDS = {
    "chameleon": [f"IMGIMG{''.join(inner)}Z" for n in range(1, 5) for inner in product("ABCDEFGHI", repeat=n)]
}
"""Words that patterns spell out letter by letter: where they begin depends on whether they are finished."""

_LOSSY = {"whitespace": "it drops the white space of a text"}


def patterns_of(pre: str) -> list[str]:
    """The patterns of a pre-tokenizer, in the order in which they are applied.

    Raises ``TokenizerError`` for one that byte-lsp does not know.
    """
    if pre in _LOSSY:
        raise TokenizerError(
            f"pre-tokenizer {pre!r} is not supported: {_LOSSY[pre]}, so no bytes can be told from it"
        )
    if pre not in NAMES:
        raise TokenizerError(f"pre-tokenizer {pre!r} is not supported; known: {', '.join(sorted(NAMES))}")
    return PATTERNS[NAMES[pre]]
