"""What a person does about a suggestion, by what they were about to write anyhow."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

Reaction = Literal["ignore", "accept", "line", "word"]
"""``ignore`` types everything. ``accept`` takes a suggestion that is right to its end; ``line`` and ``word``
take its first line and its next word too where the rest of it is wrong.
"""

REACTIONS: tuple[Reaction, ...] = get_args(Reaction)

FEWEST_CHARACTERS = 2
"""For less nobody presses another key in place of the right one."""

SEEING_MS = 250.0
MS_A_WORD = 60e3 / 238
"""Silent reading is at 238 words a minute (Brysbaert, "How many words do we read per minute? A review and
meta-analysis of reading rate", Journal of Memory and Language 109, 2019).
"""

_WORD = re.compile(r"\s*(?:\w+|[^\w\s]+)")
_WORDS = re.compile(r"\w+|[^\w\s]+")
_LINE = re.compile(r"\s*[^\r\n]+")


@dataclass(frozen=True, slots=True)
class Ghost:
    """A suggestion as an editor shows it: ``text`` in place of the characters ``[start, end)``."""

    start: int
    end: int
    text: str

    def rest_at(self, cursor: int) -> str:
        """What is to be seen behind the cursor, which stands in or behind the range's first characters."""
        return self.text[cursor - self.start :]


@dataclass(frozen=True, slots=True)
class Choice:
    """Replace ``[start, end)`` by ``text``: the first ``characters`` of what was to be written."""

    start: int
    end: int
    text: str
    characters: int


def choose(reaction: Reaction, ghost: Ghost, cursor: int, document: str, rest: str) -> Choice | None:
    """What to accept at a cursor where ``rest`` was to be written next; None where that is nothing."""
    if reaction == "ignore" or document[ghost.start : cursor] != ghost.text[: cursor - ghost.start]:
        return None
    shown, behind = ghost.rest_at(cursor), document[cursor : ghost.end]
    characters = len(shown) - len(behind)
    if characters >= FEWEST_CHARACTERS and shown == rest[:characters] + behind:
        return Choice(cursor, ghost.end, shown, characters)
    for piece in _pieces(reaction, shown):
        if len(piece) >= FEWEST_CHARACTERS and rest.startswith(piece):
            return Choice(cursor, cursor, piece, len(piece))
    return None


def reading_ms(text: str) -> float:
    """How long it takes to see a suggestion and read it."""
    return SEEING_MS + MS_A_WORD * len(_WORDS.findall(text))


def _pieces(reaction: Reaction, shown: str) -> list[str]:
    """The beginnings of a suggestion that an editor can accept alone, the longest first."""
    patterns = {"line": (_LINE, _WORD), "word": (_WORD,)}.get(reaction, ())
    return [found.group() for pattern in patterns if (found := pattern.match(shown))]
