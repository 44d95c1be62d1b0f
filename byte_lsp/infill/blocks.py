"""Lines that open a block and lines that close one, by how they look."""

import re

from byte_lsp.infill.brackets import CLOSERS
from byte_lsp.infill.comments import find_comment

_PROSE = {"markdown", "plaintext", "restructuredtext", "latex", "tex", "text"}
_OPENS = re.compile(
    rb"""(?<!:):\Z | [{(\[]\Z | [=-]>\Z
    | (?<![\w.$-])(?:do|then|begin|else|try|repeat|loop|finally|ensure)\Z
    | (?<![\w.$-])do\s*\|[^|]*\|\Z | \{\s*\|[^|]*\|\Z
    | \A\s*case\s.*\sin\Z""",
    re.VERBOSE,
)
_OPENS_IN = {
    "lua": re.compile(rb"(?<![\w.])function\b[^()]*\([^()]*\)\Z"),
    "ruby": re.compile(
        rb"\A\s*(?:(?:private|public|protected)\s+)?(?:def|class|module|if|unless|while|until|for|case|when"
        rb"|elsif|rescue)\b(?!.*\bend\Z)(?!\s*def\b.*=\s)"
    ),
}
_TAG = re.compile(rb"<([A-Za-z][\w.:-]*)(?:\s[^<>]*)?(?<![/-])>\Z")
_TAGGED = {"html", "xml", "vue", "svelte", "javascriptreact", "typescriptreact", "astro", "handlebars"}
_VOID = {b"area", b"base", b"br", b"col", b"hr", b"img", b"input", b"link", b"meta", b"source", b"wbr"}
_CLOSING_WORDS = (
    *(b"end", b"endif", b"endfor", b"endwhile", b"endcase", b"endswitch", b"endforeach", b"endfunction"),
    *(b"fi", b"done", b"esac"),
)
_FIRST_WORD = re.compile(rb"\w+")
_CLOSING_WORD = re.compile(rb"(?:" + b"|".join(_CLOSING_WORDS) + rb")\b[ \t);,]*\Z")
_CLOSING_TAG = re.compile(rb"</[\w.:-]*>?\Z")
_CONTINUES = re.compile(rb"\A\s*[)\]}]+\s*(?:else|elif|elsif|catch|except|finally|rescue|ensure)\b")
_BRACKETS = re.compile(rb"[" + re.escape(CLOSERS) + rb"]+[;,)\s]*")


def opens_block(line: bytes, language: str) -> bool:
    """Whether a line ends with what begins a block in one language or another."""
    code = _without_comment(line, language).rstrip()
    language = language.lower()
    if not code.strip() or language in _PROSE:
        return False
    if _OPENS.search(code):
        return True
    if language in _TAGGED and (tag := _TAG.search(code)):
        return tag[1].lower() not in _VOID
    return language in _OPENS_IN and bool(_OPENS_IN[language].search(code))


def begins_with_closer(line: bytes) -> bool:
    """Whether a line's text begins with a closing bracket, or is a word or tag that closes a block."""
    text = line.strip()
    return text[:1] in map(bytes, ([closer] for closer in CLOSERS)) or closes_by_word(text)


def may_close(beginning: bytes) -> bool:
    """Whether a line whose text begins so may still turn out to begin with a closer."""
    word = _FIRST_WORD.match(beginning)
    return (
        beginning[:1] in (b"<", *map(bytes, ([closer] for closer in CLOSERS)))
        or any(each.startswith(beginning) for each in _CLOSING_WORDS)
        or bool(word and word[0] in _CLOSING_WORDS and not beginning[word.end() :].strip(b" \t);,"))
    )


def closes_by_word(line: bytes) -> bool:
    """Whether a line is nothing but a word or a tag that closes a block."""
    text = line.strip()
    return bool(_CLOSING_WORD.match(text) or _CLOSING_TAG.match(text))


def end_of_closing(line: bytes, language: str) -> int:
    """Where a line that begins with a closer ends: before a block that it opens anew, as ``} else {``."""
    if opens_block(line, language) or _CONTINUES.search(line):
        found = _BRACKETS.match(line.lstrip())
        return len(line) - len(line.lstrip()) + len(found[0].rstrip()) if found else 0
    return len(line.rstrip())


def _without_comment(line: bytes, language: str) -> bytes:
    at = find_comment(line, language)
    return line[:at] if at >= 0 else line
