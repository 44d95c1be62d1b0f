"""Comments, as far as they matter on one line: text behind them is none of the program's.

An editor's language ids and the names people use are both known.
"""

import re
from functools import lru_cache

from byte_lsp.infill.brackets import hide_literals

LINE_COMMENTS = {
    "//": """
        c cpp c++ cuda-cpp csharp c# d dart fsharp go groovy java javascript javascriptreact jsonc kotlin less
        objective-c objective-cpp php proto rust sass scala scss solidity swift typescript typescriptreact v
        verilog zig""",
    "#": """
        cmake coffeescript crystal dockerfile elixir gdscript graphql julia makefile nim nix perl perl6 php
        powershell properties python r raku ruby sh shell shellscript bash terraform toml yaml""",
    "--": "ada elm haskell lua purescript sql vhdl",
    "%": "bibtex erlang latex matlab octave prolog tex",
    ";": "asm clojure commonlisp elisp emacs-lisp ini lisp racket scheme",
    "'": "vb",
    '"': "vim viml",
}
"""What begins a comment that ends with the line, and the languages in which it does; the usual one first."""

_FORMS = {"//": rb"(?<!:)//", "#": rb"(?<!\S)#", "'": rb"(?<!\S)'", '"': rb'(?<!\S)"'}
_PAIRED = re.compile(rb"/\*|\*/|<!--|-->")
_ANY = rb"(?<!\S)(?:#|//|--)(?!\S)"


def find_comment(line: bytes, language: str) -> int:
    """Where a comment begins or ends on a line, or -1. In an unknown language blanks must set it apart."""
    found = _pattern(language.lower().replace(" ", "-")).search(hide_literals(line))
    return found.start() if found else -1


def cut_at_comment(line: bytes, text: bytes, rest: bytes, language: str) -> bytes:
    """``text`` up to a comment that begins or ends in it, where it stands between two parts of a line.

    In a comment that begins before it, only what ends a comment counts, and what begins one inside it.
    """
    start, end = len(line), len(line) + len(text)
    whole = line + text + rest
    inside = find_comment(line, language) >= 0 or line.lstrip().startswith(b"*")
    pattern = _PAIRED if inside else _pattern(language.lower().replace(" ", "-"))
    for found in pattern.finditer(whole if inside else hide_literals(whole)):
        if found.end() > start and found.start() < end:
            return text[: max(found.start() - start, 0)]
    return text


@lru_cache
def _pattern(language: str) -> re.Pattern[bytes]:
    markers = [mark for mark, names in LINE_COMMENTS.items() if language in names.split()]
    forms = [_FORMS.get(mark, re.escape(mark.encode())) for mark in markers] or [_ANY]
    return re.compile(b"|".join([_PAIRED.pattern, *forms]))
