"""A path as a comment, in the language of the text that it heads."""

_STYLES = {
    "#": """cmake coffeescript crystal dockerfile elixir gdscript git-commit git-rebase graphql ignore julia
        makefile nim nix perl perl6 plaintext powershell properties python r raku ruby shellscript bash sh
        shell terraform toml yaml""",
    "//": """c cpp c++ csharp c# cuda-cpp d dart fsharp go groovy java javascript javascriptreact json jsonc
        kotlin less objective-c objective-cpp php proto rust sass scala scss solidity swift typescript
        typescriptreact v verilog zig""",
    "--": "ada elm haskell lua purescript sql vhdl",
    "%": "bibtex erlang latex matlab octave prolog tex",
    ";": "asm clojure commonlisp elisp emacs-lisp ini lisp racket scheme",
    "'": "vb",
    '"': "vim viml",
    "rem": "bat",
    "//-": "jade pug",
    "<!-- {} -->": "astro html markdown svelte vue vue-html xml xsl",
    "/* {} */": "css",
    "(* {} *)": "ocaml pascal",
    "{{!-- {} --}}": "handlebars",
    "@* {} *@": "razor",
}
_STYLE_OF_LANGUAGE = {language: style for style, names in _STYLES.items() for language in names.split()}


def one_line(name: bytes) -> bytes:
    """A name without line ends: file systems allow them in paths."""
    return b" ".join(name.splitlines())


def path_comment(path: bytes, language: str) -> bytes:
    """``path`` as a line of comment, its line end with it. ``language`` is the editor's id, or a usual name.

    Languages that nobody listed get ``#``, which most formats for configuration and scripts understand.
    """
    style = _STYLE_OF_LANGUAGE.get(language.lower().replace(" ", "-"), "#")
    before, _, after = style.partition(" {} ")
    line = [before.encode(), one_line(path), after.encode()]
    return b" ".join(filter(None, line)) + b"\n"
