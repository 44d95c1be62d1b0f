"""How a problem is laid out before a model: sentinels, the text after the cursor, other files.

What comes before the byte prefix is a row of *parts*: the token id of a sentinel, or a span of text. A span
is tokenized by itself, and no text becomes a control token: text that spells a sentinel stays text. The byte
prefix is what covers condition on.

* ``spm``: ``<prefix> <suffix> AFTER <middle>``, and the byte prefix is the text before the cursor. It comes
  last, so that the cache survives typing, and it is one text with the middle, as it was in training (arXiv
  2207.14255, appendix D): exact as it stands.
* ``psm``: ``<prefix> BEFORE <suffix> AFTER <middle>``, with the last line of BEFORE rewound: it becomes the
  byte prefix, behind ``<middle>``. That is another cut of the same file, with a middle that begins with the
  line, and a keystroke does not have AFTER evaluated anew. ``rewind = "none"`` leaves the line where it is.
* ``prefix``: the text before the cursor and nothing else.

Where nothing but white space of AFTER is known, every model is asked from left to right, unless the file ends
there and the problem says that it is whole. An empty AFTER tells a model that the file is over once the
middle is, and nobody knows that of a file that is being written. All of them were trained from left to right
too.

Other files come first, the most relevant next to the text; the path of the file at hand is shown only beside
those of others. Without file separators they are part of the text before the cursor: so no boundary of
tokens stands between them and it that the text itself does not have.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from byte_lsp.bytes.framing import Framing
from byte_lsp.catalog import Infill, Layout, Rewind
from byte_lsp.errors import CatalogError
from byte_lsp.infill.headers import one_line, path_comment
from byte_lsp.infill.problem import Chunk, InfillProblem
from byte_lsp.tokens.tokenizer import Tokenizer
from byte_lsp.tokens.vocabulary import FillTokens, Vocabulary

Part = int | bytes
"""A sentinel's token id, or a span of text that is tokenized by itself."""

_KEPT_SPANS = 256
_SENTINELS = ("prefix", "suffix", "middle", "pad", "repo", "file_sep")


@dataclass(frozen=True, slots=True)
class Form:
    """How one model file is asked to fill in: a family's ``Infill`` with token ids for spellings.

    A token is None where the model has none; ``suffix`` and ``middle`` are there unless the layout is
    ``prefix``, and so is ``prefix`` in ``psm``. ``ends`` end a middle, beside the tokens that end any text; a
    sentinel does, too: models write one when they are done (the publisher of Qwen2.5-Coder stops at any).
    """

    layout: Layout = "prefix"
    prefix: int | None = None
    suffix: int | None = None
    middle: int | None = None
    pad: int | None = None
    repo: int | None = None
    file_sep: int | None = None
    ends: tuple[int, ...] = ()
    rewind: Rewind = "line"
    lead: bytes = b""
    gap: bytes = b"\n"
    path_inside: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is shown: ``parts`` after the start token, then the byte prefix. No part is empty."""

    parts: tuple[Part, ...]
    prefix: bytes


def find_form(vocabulary: Vocabulary, infill: Infill | None) -> Form:
    """The form of a model file whose family is ``infill``, or unknown to the catalogue.

    What the file's metadata says of its sentinels comes before the catalogue's spellings. An unknown file
    that names all three sentinels is ``psm``, which every model for filling in was trained on, with other
    files in the order that llama.cpp's server gives them.

    Raises ``CatalogError`` for a spelling that is not in the vocabulary, and for a sentinel that is text.
    """
    tokens = _known_tokens(vocabulary, infill) if infill else _own_tokens(vocabulary.fill)
    infill = infill or Infill("psm" if "middle" in tokens else "prefix")
    ends = {*tokens.values(), *(_spelled(vocabulary, "ends", spelling) for spelling in infill.ends)}
    for token in ends:
        _check_sentinel(vocabulary, token)
    if infill.layout != "prefix" and vocabulary.fill.end is not None:
        ends.add(vocabulary.fill.end)
    return Form(
        infill.layout,
        **tokens,
        ends=tuple(sorted(ends)),
        rewind=infill.rewind,
        lead=infill.lead.encode(),
        gap=infill.gap.encode(),
        path_inside=infill.path_inside,
    )


def lay_out(problem: InfillProblem, form: Form) -> Prompt:
    """The problem as the form asks it. The start token is no part of it."""
    files, header = _other_files(problem, form)
    if not _fills_in(problem, form):
        return _prompt(files, form.lead + header + problem.prefix)
    if form.file_sep is None or form.path_inside:
        before = form.lead + header + problem.prefix
    else:
        files, before = (*files, header), form.lead + problem.prefix
    if form.layout == "spm":
        return _prompt((*files, form.prefix, form.suffix, problem.suffix, form.middle), before)
    at = before.rfind(b"\n") + 1 if form.rewind == "line" else len(before)
    parts = (*files, form.prefix, before[:at], form.suffix, problem.suffix, form.middle)
    return _prompt(parts, before[at:])


class PromptEncoder:
    """Turns what stands before a prompt's byte prefix into tokens, for one model."""

    def __init__(self, tokenizer: Tokenizer, form: Form, framing: Framing) -> None:
        """``framing`` is that of a bare text; the form's ends join its own."""
        self.framing = framing.with_ends(form.ends)
        self._form = form
        # Typing hardly ever changes a span: it need not be encoded anew at every keystroke.
        self._encode = lru_cache(_KEPT_SPANS)(lambda span: tuple(tokenizer.encode(span)))

    def encode_parts(self, prompt: Prompt) -> tuple[int, ...]:
        """The tokens of all parts, without the start token."""
        tokens: list[int] = []
        for part in prompt.parts:
            tokens += (part,) if isinstance(part, int) else self._encode(part)
        return tuple(tokens)

    def frame(self, prompt: Prompt) -> Framing:
        """The framing of the byte prefix: start token and parts before it, and all that ends it."""
        tokens = self.encode_parts(prompt)
        start = self.framing.head
        # StarCoder2 opens a bare text with a file separator: a prompt that has its own would begin with two.
        opens_itself = start == (self._form.file_sep,) and tokens[:1] in ((self._form.repo,), start)
        return self.framing.with_head(tokens if opens_itself else start + tokens)


def _other_files(problem: InfillProblem, form: Form) -> tuple[tuple[Part | None, ...], bytes]:
    """What comes before the file at hand: parts, and the text that heads the file itself."""
    if not problem.chunks:
        return (), b""
    chunks = problem.chunks[::-1]
    if form.file_sep is None:
        listed = b"".join(_comment_chunk(chunk, problem.language) for chunk in chunks)
        return (), listed + (path_comment(problem.path, problem.language) if problem.path else b"")
    parts: list[Part | None] = []
    if form.repo is not None and problem.repo:
        parts += [form.repo, one_line(problem.repo) + form.gap]
    for chunk in chunks:
        parts += [form.file_sep, _path_line(chunk.path) + chunk.text + form.gap]
    return (*parts, form.file_sep), _path_line(problem.path)


def _comment_chunk(chunk: Chunk, language: str) -> bytes:
    """A chunk of whole lines under its path, and an empty line after it."""
    header = path_comment(chunk.path, language) if chunk.path else b""
    return header + chunk.text + (b"\n" if chunk.text.endswith(b"\n") else b"\n\n")


def _path_line(path: bytes) -> bytes:
    return one_line(path) + b"\n" if path else b""


def _fills_in(problem: InfillProblem, form: Form) -> bool:
    ends_there = problem.file_is_whole and not problem.suffix_goes_on
    return form.layout != "prefix" and (ends_there or bool(problem.suffix.strip()))


def _prompt(parts: Iterable[Part | None], prefix: bytes) -> Prompt:
    return Prompt(tuple(part for part in parts if part is not None and part != b""), prefix)


def _known_tokens(vocabulary: Vocabulary, infill: Infill) -> dict[str, int]:
    """The sentinels that a family has: by the file's metadata, or else by the catalogue's spelling."""
    tokens = {}
    for name in _SENTINELS:
        spelling: str = getattr(infill, name)
        if spelling:
            own: int | None = getattr(vocabulary.fill, name)
            tokens[name] = _spelled(vocabulary, name, spelling) if own is None else own
    return tokens


def _own_tokens(fill: FillTokens) -> dict[str, int]:
    """The sentinels of a file that no catalogue knows, if it can fill in by what it says itself."""
    tokens = {name: token for name in _SENTINELS if (token := getattr(fill, name)) is not None}
    if not {"prefix", "suffix", "middle"} <= tokens.keys():
        return {}
    if "file_sep" not in tokens:
        tokens.pop("repo", None)
    return tokens


def _spelled(vocabulary: Vocabulary, name: str, spelling: str) -> int:
    token = vocabulary.ids_of_spelling.get(spelling)
    if token is None:
        raise CatalogError(
            f"the catalogue spells the token {name!r} {spelling!r}, which is not in the model's vocabulary; "
            "choose another infill family for this model"
        )
    return token


def _check_sentinel(vocabulary: Vocabulary, token: int) -> None:
    if vocabulary.pieces[token]:
        raise CatalogError(
            f"{vocabulary.spellings[token]!r} is text in the model's vocabulary and cannot be a sentinel; "
            "name a control token, or choose another infill family for this model"
        )
