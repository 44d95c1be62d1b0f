"""What a person does who writes a file: keys with their pauses, slips and corrections, jumps of the cursor.

A *script* is made of a text and a seed, and always ends with exactly that text. Some lines are left out at
first; the person jumps back to each of them later, writes it, and goes on at the end. The rest is written
from top to bottom. Enter brings the indentation of the line below along, as editors do.

Pauses before keys are log-normal, which fits the times between keys of free text well (Gonzalez, Calot,
Ierache and Hasperue, "On the shape of timings distributions in free-text keystroke dynamics profiles",
Heliyon 7(11), 2021; a log-logistic fits a little better). The medians of ``Rhythm`` are chosen so that a
line without pauses for thought comes at about 52 words of five characters a minute, the mean of 168,000
people, who took back some 6 characters of 100 (Dhakal, Feit, Kristensson and Oulasvirta, "Observations on
Typing from 136 Million Keystrokes", CHI 2018). Pauses of two seconds and more, which Shrestha, Leinonen,
Zavgorodniaia, Hellas and Edwards ("Pausing While Programming", ICSE-SEET 2022) read as thought about the
code at hand, come at line starts. How often they come, how much longer words, symbols and line ends take,
and how soon a slip is noticed are our choice: none of these studies has them for code.
"""

import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

_KEY = re.compile(r"(?:\r\n|\n|\r)[ \t]*|.", re.DOTALL)
_LINE_END = re.compile(r"\r\n|\n|\r")
_LETTERS, _DIGITS = "etaoinshrdlcumwfgypbvkjxqz", "0123456789"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How fast a person types, and how surely. Pauses are medians before a key, in milliseconds.

    ``spread`` is the standard deviation of a pause's logarithm. A slip is a wrong character, noticed after at
    most ``unnoticed`` further keys. ``thought_rate`` of the lines begin with a pause of ``thought_ms``, from
    the least to the most, evenly by its logarithm. One line in ``lines_a_jump`` is left out at first, and
    written after 2 to ``most_lines_until`` more.
    """

    in_word_ms: float = 150.0
    word_ms: float = 240.0
    symbol_ms: float = 260.0
    line_end_ms: float = 420.0
    line_start_ms: float = 700.0
    notice_ms: float = 380.0
    again_ms: float = 110.0
    jump_ms: float = 1400.0
    spread: float = 0.45
    thought_rate: float = 0.1
    thought_ms: tuple[float, float] = (2000.0, 15000.0)
    slip_rate: float = 0.035
    unnoticed: int = 2
    lines_a_jump: int = 12
    most_lines_until: int = 8


@dataclass(frozen=True, slots=True)
class Stroke:
    """One key, ``pause_ms`` after what was done before: takes ``removes`` characters away, then inserts
    ``text``.

    Behind it the first ``good`` characters of the stretch stand there, and ``wrong`` wrong ones.
    """

    pause_ms: float
    text: str
    removes: int
    good: int
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Text written in one go at a character offset of the document, as it is then."""

    offset: int
    text: str
    strokes: tuple[Stroke, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a file that is written: ``keys`` right ones (0: all to its end) from the line at ``start``.

    ``start`` is a fraction of the file's characters. With ``below`` the rest of the file is there already.
    """

    start: float = 0.0
    keys: int = 0
    below: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A document as it is at first, what is written into it, and what it is then."""

    before: str
    stretches: tuple[Stretch, ...]
    after: str
    jump_ms: tuple[float, ...] = field(repr=False, default=())
    """The pause before each stretch."""

    @property
    def strokes(self) -> int:
        """How many keys it takes without suggestions."""
        return sum(len(stretch.strokes) for stretch in self.stretches)

    @property
    def written(self) -> int:
        """How many characters are new at its end."""
        return sum(len(stretch.text) for stretch in self.stretches)

    @property
    def pause_ms(self) -> float:
        """All pauses together."""
        return sum(self.jump_ms) + sum(each.pause_ms for part in self.stretches for each in part.strokes)


def make_script(text: str, seed: int | str, part: Part = Part(), rhythm: Rhythm = Rhythm()) -> Script:
    """The script that writes ``part`` of ``text``; equal arguments give equal scripts."""
    start = _line_start(text, part.start)
    keys = _KEY.findall(text[start:])
    written = "".join(keys[: part.keys or None])
    above, below = text[:start], text[start + len(written) :] if part.below else ""
    units = _split_lines(written)
    chance = random.Random(f"{seed} script")
    returns = _choose_returns(units, chance, rhythm)
    stretches = tuple(
        Stretch(start + offset, piece, tuple(_type(piece, chance, rhythm)))
        for offset, piece in _order(units, returns)
    )
    jumps = tuple(_pause(chance, rhythm.jump_ms, rhythm.spread) for _ in stretches)
    return Script(above + below, stretches, above + written + below, jumps)


def _line_start(text: str, fraction: float) -> int:
    """The start of the line that holds this fraction of the text."""
    starts = [0, *(found.end() for found in _LINE_END.finditer(text))]
    return max(start for start in starts if start <= fraction * len(text))


def _split_lines(text: str) -> list[str]:
    """Lines, each with the line end before it: any but the first can be put in where it is missing."""
    starts = [0, *(found.start() for found in _LINE_END.finditer(text))]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def _choose_returns(units: Sequence[str], chance: random.Random, rhythm: Rhythm) -> dict[int, int]:
    """Lines to be left out at first, and the line before which the person comes back to each."""
    able = [at for at in range(1, len(units) - 2) if units[at].strip()]
    chosen = sorted(chance.sample(able, min(len(able), len(units) // rhythm.lines_a_jump)))
    apart = [at for before, at in zip([-2, *chosen], chosen, strict=False) if at > before + 1]
    most = len(units) - 1
    return {at: min(most, at + chance.randint(2, max(2, rhythm.most_lines_until))) for at in apart}


def _order(units: Sequence[str], returns: dict[int, int]) -> Iterator[tuple[int, str]]:
    """Pieces in the order of writing, each with its offset in what is there when it is written."""
    present = [False] * len(units)

    def place(at: int) -> int:
        return sum(len(unit) for unit, is_there in zip(units[:at], present, strict=False) if is_there)

    piece: list[int] = []
    for at in range(len(units)):
        due = [left for left, until in returns.items() if until == at]
        if due and piece:
            yield place(piece[0]), "".join(units[each] for each in piece)
            for each in piece:
                present[each] = True
            piece = []
        for left in due:
            yield place(left), units[left]
            present[left] = True
        if at not in returns:
            piece.append(at)
    if piece:
        yield place(piece[0]), "".join(units[each] for each in piece)


def _type(text: str, chance: random.Random, rhythm: Rhythm) -> Iterator[Stroke]:
    """The keys that write a text, slips and corrections among them."""
    keys = _KEY.findall(text)
    ends = list(accumulate(map(len, keys)))
    for at, key in enumerate(keys):
        good = ends[at] - len(key)
        if _is_simple(key) and chance.random() < rhythm.slip_rate:
            yield from _slip(keys[at:], good, chance, rhythm)
        yield Stroke(_pause_before(keys, at, chance, rhythm), key, 0, ends[at])


def _slip(keys: Sequence[str], good: int, chance: random.Random, rhythm: Rhythm) -> Iterator[Stroke]:
    """A wrong character, some keys typed behind it unnoticed, and all of it taken back."""
    wrong = [_another(keys[0], chance)]
    for key in keys[1 : 1 + chance.randint(0, rhythm.unnoticed)]:
        if not _is_simple(key):
            break
        wrong.append(key)
    for count, key in enumerate(wrong, 1):
        yield Stroke(_pause(chance, rhythm.in_word_ms, rhythm.spread), key, 0, good, count)
    for count in reversed(range(len(wrong))):
        median = rhythm.notice_ms if count == len(wrong) - 1 else rhythm.again_ms
        yield Stroke(_pause(chance, median, rhythm.spread), "", 1, good, count)


def _is_simple(key: str) -> bool:
    """Whether a key is one character of a line: such keys may be missed."""
    return len(key) == 1 and key not in "\r\n"


def _another(key: str, chance: random.Random) -> str:
    """A character that is typed by mistake: of the same kind where there is one."""
    if key.isdigit():
        return chance.choice(_DIGITS.replace(key, ""))
    wrong = chance.choice(_LETTERS.replace(key.lower(), ""))
    return wrong.upper() if key.isupper() else wrong


def _pause_before(keys: Sequence[str], at: int, chance: random.Random, rhythm: Rhythm) -> float:
    key, before = keys[at], keys[at - 1] if at else "\n"
    if key[0] in "\r\n":
        median = rhythm.line_end_ms
    elif before[0] in "\r\n":
        median = rhythm.line_start_ms
        if chance.random() < rhythm.thought_rate:
            least, most = map(math.log, rhythm.thought_ms)
            return math.exp(chance.uniform(least, most))
    elif not (key.isalnum() or key in "_ "):
        median = rhythm.symbol_ms
    elif before.isalnum() or before == "_" or key == " ":
        median = rhythm.in_word_ms
    else:
        median = rhythm.word_ms
    return _pause(chance, median, rhythm.spread)


def _pause(chance: random.Random, median_ms: float, spread: float) -> float:
    return chance.lognormvariate(math.log(median_ms), spread)
