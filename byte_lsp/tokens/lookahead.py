"""What may follow a text, as far as the split of that text into words can tell.

Pre-tokenizers look ahead: where the words of a text end depends on characters that are not typed yet. All
that matters of those is their look-ahead class, so a handful of continuations stands for every text that
may follow. ``tests/tokens/test_lookahead.py`` compares what they find with what every string of three
classes finds.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product

from byte_lsp.tokens import characters
from byte_lsp.tokens.pretokenizer import PreTokenizer

_BRACKETS = re.compile(r"\[(?:\\.|[^\]\\])+\]")
_SYNTAX = re.compile(r"\\.|\{[\d,]+\}|\(\?<?[:=!]|[|?*+()^]")
_COUNTED_SPACES = re.compile(r"\\s\{(\d+)\}")
_CONTRACTION_BEGUN = re.compile(r"'[a-zA-Z]?\Z")
_CONTRACTION_LETTER = re.compile(r"('[a-zA-Z]{0,2})|[a-zA-Z]")
KEPT_OF_RUN = 3
_RUNNING = " \t\n(#"
_TRIED_RUNS = (4, 5, 8)
_CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'LL"]
_CONTRACTION_ENDINGS = ["s", "t", "re", "ve", "m", "ll", "d", "l", "e", "S", "RE", "LL", "L", "E"]


class Lookahead:
    """The look-ahead classes of one pre-tokenizer and the continuations that tell them apart."""

    def __init__(self, splitter: PreTokenizer) -> None:
        sources = [(level.pattern.pattern, level.view) for level in splitter.levels]
        self._views = list({id(view): view for _, view in sources}.values())
        self._brackets = [
            (re.compile(bracket, re.ASCII), view)
            for source, view in sources
            for bracket in [r"\s", *_BRACKETS.findall(source)]
        ]
        named = "".join(_SYNTAX.sub("", _BRACKETS.sub("", source)) for source, _ in sources)
        self._has_contractions = "'" in named
        self._named = frozenset(named)
        self._edges_of_patterns = splitter.edges
        self._longest_counted = max(
            (int(n) for source, _ in sources for n in _COUNTED_SPACES.findall(source)), default=0
        )
        self._rests = {word[:n]: word[n:] for word in splitter.long_words for n in range(1, len(word))}
        self._longest_head = max(map(len, self._rests), default=0)
        self._class_of: dict[int, str] = {}
        self._first_of_class: dict[tuple[object, ...], str] = {}
        for code_point in [*range(0x80), *self._edges(0x80, 0x10FFFF)]:
            self.representative(code_point)
        self.classes: Sequence[str] = sorted(self._first_of_class.values())
        self._settled = self._settled_probes()
        self._open = self._open_probes()
        # Capitals may be counted in words that a pattern spells out.
        letters = "a" if splitter.long_words else "aA"
        others = dict.fromkeys(self.normalize(_RUNNING))
        self._fillers = letters + "".join(c for c in others if not self._is_counted(c, splitter))
        self._long_run = re.compile(rf"([{re.escape(self._fillers)}])\1{{{KEPT_OF_RUN}}}")

    def representative(self, code_point: int) -> str:
        """A fixed character that every pattern treats like this one."""
        known = self._class_of.get(code_point)
        if known is None:
            signature = self._signature(code_point)
            known = self._class_of[code_point] = self._first_of_class.setdefault(signature, chr(code_point))
        return known

    def normalize(self, text: str) -> str:
        """Text with each character replaced by its representative; the split stays the same.

        Letters are told apart by contractions only behind an apostrophe.
        """
        if self._has_contractions:
            text = _CONTRACTION_LETTER.sub(_plain_letter, text)
        return "".join(map(self.representative, map(ord, characters.replace_invalid(text))))

    def kept(self, classes: str) -> list[int] | None:
        """Which of a text's classes tell how it is split: of long runs, the first two and the last.

        None where that is all of them. Word ends lie nowhere else in a run of letters, and mostly of spaces
        and punctuation: where a pattern does not count those.
        """
        if not self._long_run.search(classes):
            return None
        return [at for at in range(len(classes)) if not self._is_inside_run(classes, at)]

    def _is_inside_run(self, classes: str, at: int) -> bool:
        first = at - KEPT_OF_RUN + 1
        is_filler = first >= 0 and classes[at] in self._fillers
        return is_filler and classes[first : at + 2] == classes[at] * (KEPT_OF_RUN + 1)

    def _is_counted(self, character: str, splitter: PreTokenizer) -> bool:
        """Whether a run of this class is split in another way than one of ``KEPT_OF_RUN``."""
        if self._longest_counted and characters.sort_of(character) == characters.WHITESPACE:
            return True
        for before, after in product(["", *self.classes], ["", *self._settled]):
            short = splitter.split(before + character * KEPT_OF_RUN + after)
            for count in _TRIED_RUNS:
                more, second = count - KEPT_OF_RUN, len(before) + KEPT_OF_RUN - 1
                expected = [end if end < second else end + more for end in short]
                if splitter.split(before + character * count + after) != expected:
                    return True
        return False

    def after(self, text: str) -> Iterator[str]:
        """Continuations of a text that ends between two characters, the most telling first."""
        yield from self._settled
        last = characters.sort_of(text[-1:])
        if last in ("", characters.WHITESPACE, characters.NUMBER):
            yield from self._open
        if last == characters.WHITESPACE:
            yield from self._runs_of_spaces(text)
        yield from self._rests_of_words(text)
        if self._has_contractions and _CONTRACTION_BEGUN.search(text):
            yield from _CONTRACTION_ENDINGS

    def _rests_of_words(self, text: str) -> Iterator[str]:
        """What completes each word of a pattern's own that the text may end in."""
        for length in range(1, min(len(text), self._longest_head) + 1):
            rest = self._rests.get(text[-length:])
            if rest:
                yield rest

    def after_head(self, head: bytes) -> Iterator[str]:
        """Continuations of a text at whose end a character has begun with the bytes ``head``.

        Each begins with a character that the head can become, or with the head's own bytes as invalid ones.
        """
        for character in self.completions(head):
            for rest in self.after(character):
                yield character + rest
        invalid = characters.decode(head)
        for rest in self.after(invalid):
            yield invalid + rest

    @lru_cache(maxsize=4096)  # noqa: B019 - there is one instance per pre-tokenizer, and it stays
    def completions(self, head: bytes) -> Sequence[str]:
        """One character per class among those whose UTF-8 form begins with ``head``."""
        first, last = characters.completions_range(head)
        found: dict[str, str] = {}
        for code_point in {first, *self._edges(first, last)} if first <= last else ():
            found.setdefault(self.representative(code_point), chr(code_point))
        return list(found.values())

    @lru_cache(maxsize=256)  # noqa: B019 - there is one instance per pre-tokenizer, and it stays
    def first_bytes(self, classes: frozenset[str]) -> frozenset[int]:
        """First bytes of characters of these classes; bytes that begin none count as U+FFFD."""
        invalid = self.representative(0xFFFD) in classes
        return frozenset(
            byte for byte in range(256) if self._may_begin(byte, classes) or (byte >= 0x80 and invalid)
        )

    def _may_begin(self, byte: int, classes: frozenset[str]) -> bool:
        if byte < 0x80:
            return self.representative(byte) in classes
        return any(self.representative(ord(c)) in classes for c in self.completions(bytes([byte])))

    def _edges(self, first: int, last: int) -> list[int]:
        edges = {*characters.class_edges(), *self._edges_of_patterns}
        return sorted(edge for edge in edges if first <= edge <= last and not 0xD800 <= edge <= 0xDFFF)

    def _signature(self, code_point: int) -> tuple[object, ...]:
        members = tuple(bool(bracket.match(view[code_point])) for bracket, view in self._brackets)
        forms = (view[code_point] for view in self._views)
        return members, next((form for form in forms if form in self._named), "")

    def _settled_probes(self) -> list[str]:
        plain = [
            c
            for c in self.classes
            if not (self._has_contractions and c.isascii() and c.isalpha() and c not in "aA")
        ]
        first = [c for c in ("a", "", " ", "\n", "(") if c == "" or c in plain]
        probes = [*first, *(c for c in plain if c not in first)]
        return probes + (_CONTRACTIONS if self._has_contractions else [])

    def _open_probes(self) -> list[str]:
        """Two characters, the first of which leaves the words before it undecided."""
        singles = [c for c in self._settled if len(c) == 1]
        digits = [c for c in singles if characters.sort_of(c) == characters.NUMBER]
        opening = [*digits, *(c for c in singles if characters.sort_of(c) == characters.WHITESPACE)]
        pairs = [a + b for a in opening for b in singles]
        return pairs + [d * n + end for d in digits for n in (2, 3) for end in ("", "a", " ")]

    def _runs_of_spaces(self, text: str) -> Iterator[str]:
        """Where patterns count white space, the split of a run depends on how long it becomes."""
        if self._longest_counted:
            run = len(text) - len(text.rstrip())
            for length in range(1, min(run, self._longest_counted) + 1):
                yield " " * length
                yield " " * length + "a"


def _plain_letter(match: re.Match[str]) -> str:
    behind_apostrophe, letter = match[1], match[0]
    if behind_apostrophe:
        return behind_apostrophe
    return "a" if letter.islower() else "A"
