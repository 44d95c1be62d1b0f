"""A path, or any line, as a comment in the language of the text that it heads."""

from byte_lsp.infill.comments import LINE_COMMENTS

_OTHER_STYLES = {
    "#": "git-commit git-rebase ignore plaintext",
    "//": "json",
    "rem": "bat",
    "//-": "jade pug",
    "<!-- {} -->": "astro html markdown svelte vue vue-html xml xsl",
    "/* {} */": "css",
    "(* {} *)": "ocaml pascal",
    "{{!-- {} --}}": "handlebars",
    "@* {} *@": "razor",
}
_STYLE_OF_LANGUAGE: dict[str, str] = {}
for _style, _names in (*LINE_COMMENTS.items(), *_OTHER_STYLES.items()):
    for _name in _names.split():
        _STYLE_OF_LANGUAGE.setdefault(_name, _style)


def one_line(name: bytes) -> bytes:
    """A name without line ends: file systems allow them in paths."""
    return b" ".join(name.splitlines())


def path_comment(path: bytes, language: str) -> bytes:
    """``path`` as a line of comment: see ``comment_line``."""
    return comment_line(path, language)


def comment_line(text: bytes, language: str) -> bytes:
    """``text`` as a line of comment, its line end with it. ``language`` is the editor's id, or a usual name.

    Languages that nobody listed get ``#``, which most formats for configuration and scripts understand.
    """
    style = _STYLE_OF_LANGUAGE.get(language.lower().replace(" ", "-"), "#")
    before, _, after = style.partition(" {} ")
    line = [before.encode(), one_line(text), after.encode()]
    return b" ".join(filter(None, line)) + b"\n"
