"""From a model's text to one that a person may insert: cut, and indented as the file is.

A text is only ever cut and its lines indented; nothing is written that the model did not. Each step shortens
the text or leaves it alone, and they are taken until none changes it. What the model wrote is judged once: a
text that was cut looks otherwise than it did, and is not to be fitted again.

Between prefix and suffix a text may not disturb what is there. A cursor with text behind it on its line is
the hard case: what follows must not be repeated, no bracket or quote may be left open or be closed twice, and
no comment may swallow what follows. Where the rest of the line is only what editors put behind a cursor by
themselves, and the text has it too and goes on beyond it, the text takes its place instead.
"""

import re
from dataclasses import dataclass

from byte_lsp.infill.blocks import opens_block
from byte_lsp.infill.brackets import Mark, find_marks, hide_literals, is_balanced_as_code, match
from byte_lsp.infill.comments import cut_at_comment
from byte_lsp.infill.indentation import indent
from byte_lsp.infill.overlap import end_overlaps, find_overlap, first_characters, splits_word, squeeze
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.infill.stopping import LEAST_OVERLAP_BYTES, Stopping
from byte_lsp.infill.surroundings import Surroundings, Wanted
from byte_lsp.infill.window import previous_character, unify_line_ends

SAME_CHARACTERS = 3
"""So many characters of the suffix at an end of a text are a repetition, not a coincidence."""

_WORD = re.compile(rb"[A-Za-z0-9\x80-\xff]")
_WHOLE_WORD = re.compile(rb"[\w\x80-\xff]+")
_BEHIND_NO_BLANK = (b",", b";", b")", b"]")
_BRACKET_OR_QUOTE = re.compile(rb"""[()\[\]{}"'`]""")
_ENDING_PUNCTUATION = b";:,"
_LINE_ENDS = b";:{"


@dataclass(frozen=True, slots=True)
class Fitted:
    """What to insert, and how many bytes of the suffix it replaces: none, or the rest of the line."""

    text: bytes
    replaced_bytes: int = 0


def fit(text: bytes, problem: InfillProblem) -> Fitted:
    """A candidate's text as it fits between prefix and suffix, perhaps empty.

    Takes any bytes; line ends become line feeds.
    """
    stopping = Stopping.of(problem)
    text = unify_line_ends(cut_to_characters(text, problem.prefix))
    fitted = _fit(cut_to_characters(stopping.finish(text), problem.prefix), stopping, problem.suffix)
    return fitted if fitted.text.decode(errors="replace").strip() else Fitted(b"")


def _fit(text: bytes, stopping: Stopping, suffix: bytes) -> Fitted:
    around = stopping.around
    if around.wanted is not Wanted.PART:
        return Fitted(_fit_lines(text, stopping))
    if around.may_replace_rest:
        instead = text.rstrip()
        if _takes_the_place(instead, around):
            return Fitted(instead, len(around.rest.rstrip()))
    return Fitted(_fit_part(text, around, suffix))


def cut_to_characters(text: bytes, before: bytes = b"") -> bytes:
    """The longest beginning of ``text`` that is valid UTF-8 behind ``before``, perhaps half a character."""
    begun = before[previous_character(before, len(before) - 1) :] if before[-1:] >= b"\x80" else b""
    try:
        begun.decode()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            return _valid_beginning(begun + text)[len(begun) :]
    return _valid_beginning(text)


def _valid_beginning(text: bytes) -> bytes:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return text[: error.start]
    return text


def set_line_ends(text: bytes, line_end: bytes) -> bytes:
    """``text`` with each of its line ends replaced by ``line_end``."""
    return re.sub(rb"\r\n?|\n", lambda _: line_end, text)


def _fit_lines(text: bytes, stopping: Stopping) -> bytes:
    """A text at the end of a line."""
    around = stopping.around
    while True:
        cut = stopping.finish(_drop_last_openers(_drop_lines_behind(text.rstrip(), around), around))
        if cut == text:
            return indent(text, around.unit, whole=not around.line) if text.strip() else b""
        text = cut


def _drop_last_openers(text: bytes, around: Surroundings) -> bytes:
    """``text`` without last lines that open blocks with nothing in them; its first line stays."""
    lines = text.split(b"\n")
    while len(lines) > 1 and lines[-1].strip() and opens_block(lines[-1], around.language):
        lines.pop()
    kept = b"\n".join(lines)
    return kept if kept.strip() else text


def _drop_lines_behind(text: bytes, around: Surroundings) -> bytes:
    """``text`` without last lines that the suffix begins with, the last of them perhaps cut short."""
    lines = text.split(b"\n")
    for at in range(1, len(lines)):
        end = b"\n".join(lines[at:])
        same = squeeze(around.behind)[0].startswith(squeeze(end)[0])
        if same and len(squeeze(end)[0]) >= LEAST_OVERLAP_BYTES and _same_indentation(lines[at], around):
            return b"\n".join(lines[:at])
    return text


def _same_indentation(line: bytes, around: Surroundings) -> bool:
    return around.column(line) == around.column(around.next_line)


def _takes_the_place(text: bytes, around: Surroundings) -> bool:
    """Whether a text has all of the rest of its line, goes beyond it, and leaves brackets as they were."""
    line, rest = around.line, around.rest
    own = squeeze(text)[0]
    wanted = squeeze(rest)[0]
    if own.endswith(wanted) and _is_neutral(text[: end_overlaps(text, rest)[0][0]], around):
        return False
    if not has_in_order(own, wanted):
        return False
    if wanted[-1] in _ENDING_PUNCTUATION and own[-1] != wanted[-1]:
        return False
    before, after = find_marks(line + rest), find_marks(line + text)
    split = len(line)
    closers, openers = match(mark for mark in after if mark.offset >= split)
    closed, _ = match(mark for mark in before if mark.offset >= split)
    return (
        [mark for mark in after if mark.offset < split and not mark.is_quote]
        == [mark for mark in before if mark.offset < split and not mark.is_quote]
        and [mark.sign for mark in closers] == [mark.sign for mark in closed]
        and not openers
        and not any(mark.is_quote and mark not in before for mark in after)
    )


def has_in_order(text: bytes, wanted: bytes) -> bool:
    """Whether the bytes ``wanted`` stand in ``text`` in this order, whatever is between them."""
    at = -1
    for byte in wanted:
        at = text.find(byte, at + 1)
        if at < 0:
            return False
    return True


def _fit_part(text: bytes, around: Surroundings, suffix: bytes) -> bytes:
    """A text with more behind it on its line."""
    if _is_another_rest(text, around):
        return b""
    given = text = _trim(text, around)
    while True:
        cut = _drop_repeated(text, around, suffix)
        cut = cut_at_comment(around.line, cut, around.rest, around.language)
        cut = _trim(_cut_to_neutral(cut, around), around)
        if cut == text:
            break
        text = cut
    if b"`" in text and not is_balanced_as_code(text):
        return b""
    # What is left of a longer text without a word of it is of no use.
    return text if text.strip() and (text == given or _WORD.search(text)) else b""


def _is_another_rest(text: bytes, around: Surroundings) -> bool:
    """Whether a text ends its line as the rest does: it was written in the place of that, not before it."""
    own, rest = text.rstrip(), around.rest.rstrip()
    if not _WORD.search(rest) or squeeze(own)[0].endswith(squeeze(rest)[0]):
        return False
    return own[-1:] in _LINE_ENDS and own[-1:] == rest[-1:]


def _trim(text: bytes, around: Surroundings) -> bytes:
    """Without blanks at the end where the line has one or wants none, or nothing if there is nothing else."""
    wants_none = around.rest[:1].isspace() or around.rest.startswith(_BEHIND_NO_BLANK)
    return text.rstrip() if wants_none or not text.strip() else text


def _drop_repeated(text: bytes, around: Surroundings, suffix: bytes) -> bytes:
    """``text`` without what the suffix goes on with: at its ends, or the whole rest of the line."""
    rest = squeeze(around.rest)[0]
    if len(rest) >= LEAST_OVERLAP_BYTES and (found := find_overlap(text, rest)):
        return text[: found.start]
    next_characters = first_characters(suffix, SAME_CHARACTERS)
    enough = len(next_characters) if len(next_characters.decode()) == SAME_CHARACTERS else len(suffix) + 1
    if len(squeeze(text)[0]) >= enough and squeeze(text)[0].startswith(next_characters):
        return b""
    if _ends_same_word(text, around):
        return b""
    for start, length in end_overlaps(text, suffix):
        if length >= enough or not text[:start].strip() or _is_same_end(text, start, around):
            return text[:start]
    return text


def _is_same_end(text: bytes, start: int, around: Surroundings) -> bool:
    """Whether a short common part is no coincidence: whole words, and no bracket of the text's own."""
    kept = text[:start]
    return not splits_word(around.line + text, len(around.line) + start) and (
        _is_neutral(kept, around) or not _is_neutral(text, around)
    )


def _ends_same_word(text: bytes, around: Surroundings) -> bool:
    """Whether the cursor stands in a word that the text ends as the rest of the line does."""
    own, word = _WHOLE_WORD.match(text), _WHOLE_WORD.match(around.rest)
    return bool(own and word and own[0] == word[0] and _WHOLE_WORD.match(around.line[-1:]))


def _cut_to_neutral(text: bytes, around: Surroundings) -> bytes:
    """The longest beginning of ``text`` that is neutral; nothing if that runs into a word."""
    if _is_neutral(text, around):
        return text
    for found in reversed(list(_BRACKET_OR_QUOTE.finditer(text))):
        if _is_neutral(text[: found.start()], around):
            cut = text[: found.start()].rstrip()
            return b"" if splits_word(cut + around.rest, len(cut)) else cut
    return b""


def _is_neutral(text: bytes, around: Surroundings) -> bool:
    """Whether brackets and quotes around ``text`` stay what they are, and its own are closed.

    Closers beyond its own are those that nothing else closes.
    """
    start, end = len(around.line), len(around.line) + len(text)
    whole = around.line + text + around.rest
    hidden = hide_literals(whole)
    if hidden[:start] + hidden[end:] != hide_literals(around.line + around.rest):
        return False
    own = [mark for mark in find_marks(whole) if start <= mark.offset < end]
    closers, openers = match(own)
    return not openers and not any(mark.is_quote for mark in own) and _are_free(closers, around)


def _are_free(closers: list[Mark], around: Surroundings) -> bool:
    return all(around.admits(mark.sign, closed) for closed, mark in enumerate(closers))
