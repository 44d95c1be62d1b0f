"""What may follow a token sequence, for the whole vocabulary at once.

``Tail.admits`` answers for one token. Most of that depends on little: whether a word can begin or go on at
the end of the tail is a matter of the look-ahead classes of the piece (its *shape*), and a vocabulary has a
few hundred shapes; whether the merges leave a token standing is a matter of the last token before it
(``standing``). So a tail's answer is a small table over shapes and a row of flags over tokens. Tokens for
which that is not the whole truth (pieces of characters, USER_DEFINED tokens ...) are *odd* and asked one by
one.

Shapes are asked about only as far as a model gives them weight, and the answers are kept by the classes of
the tail, so that text that looks alike finds them ready.
"""

from collections import deque
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from byte_lsp.tokens.extendable import Canon, Tail
from byte_lsp.tokens.spines import Flags
from byte_lsp.tokens.standing import Standing

Codes = NDArray[np.uint8]
Weights = NDArray[np.floating]

_NEVER, _FRESH, _FRESH_AND_CLOSED, _ON, _ONE_BY_ONE, _UNKNOWN = 0, 1, 2, 4, 8, 16
_SILENT, _ODD, _FIRST_SHAPE = 0, 1, 2
_MOST_STRUCTURES = 32
_KEPT_SPREADS = 64
_KEPT_SPLITS = 512
_GROUPED_AT_ONCE = 2048
_PLAIN = b""
_BEHIND = _PLAIN, b"'", b"'s"
"""Behind what else the shape of a piece may be another: a contraction that has begun."""


class Admissions:
    """The answers for one tokenizer. Its tables are made at the first question."""

    def __init__(self, canon: Canon) -> None:
        self.canon = canon
        self.standing = Standing(canon)
        self._begun_grouping = lru_cache(maxsize=None)(self._make_grouping)
        self.splits = lru_cache(maxsize=_KEPT_SPLITS)(self._make_splits)
        self._unresolved: deque[_Splits] = deque(maxlen=_KEPT_SPLITS)
        self.after = lru_cache(maxsize=256)(self._make_admitted)
        self.spread = lru_cache(maxsize=_KEPT_SPREADS)(self._make_spread)

    def grouping(self, behind: bytes) -> "_Grouping":
        """Tokens by their shape where they follow ``behind``: nothing of note, ``'`` or ``'s``."""
        grouping = self._begun_grouping(behind)
        for _ in grouping.steps:
            pass
        return grouping

    def prepare(self) -> Iterator[None]:
        """Group tokens by all that they may follow, some thousand at each step: a fiftieth of a second."""
        for behind in _BEHIND if self.canon.splits_by_class else (_PLAIN,):
            yield from self._begun_grouping(behind).steps

    def resolve_ahead(self) -> bool:
        """Ask about one more shape in a place like those that were asked about; False where all are known.

        Takes about a tenth of a millisecond.
        """
        while self._unresolved:
            if self._unresolved[-1].resolve_next():
                return True
            self._unresolved.pop()
        return False

    def _make_grouping(self, behind: bytes) -> "_Grouping":
        return _Grouping(self.canon, self.standing.odd, behind)

    def _make_splits(self, classes: str, behind: bytes) -> "_Splits":
        splits = _Splits(self.canon, self.grouping(behind), classes)
        self._unresolved.append(splits)
        return splits

    def _make_admitted(self, tail: Tail) -> "Admitted":
        return Admitted(self, tail)

    def _make_spread(self, behind: bytes, codes: bytes) -> "_Spread":
        return _Spread.of(np.frombuffer(codes, np.uint8).take(self.grouping(behind).group_of), self.standing)


class Admitted:
    """What may follow one tail."""

    def __init__(self, admissions: Admissions, tail: Tail) -> None:
        self._tail = tail
        self._admissions = admissions
        canon, self._standing = admissions.canon, admissions.standing
        fragment = tail.after_last_atom()
        begun = canon.contraction_begun(fragment.text)
        behind = _BEHIND[min(len(begun), 2)]
        self._grouping = grouping = admissions.grouping(behind)
        self._split: _TailSplit | _OneWord
        if canon.splits_by_class:
            recent = fragment.since_settled()
            classes, offsets = canon.shape(recent.text, b"")
            self._split = _TailSplit(admissions.splits(classes, behind), recent, offsets)
        else:
            self._split = _OneWord(grouping, _ON if fragment.tokens else _FRESH)
        near_atoms = self._standing.near_atoms(tail.text)
        self._group_of = grouping.group_of
        if near_atoms is not None:
            self._group_of = np.where(near_atoms, _ODD, grouping.group_of)
        self._groups = len(grouping.shapes)
        self._behind = self._standing.behind(fragment)
        self._answers: dict[int, bool] = {}

    def admits(self, token: int) -> bool:
        """Whether the sequence stays extendable when this token follows."""
        group = int(self._group_of[token])
        self._split.resolve(group)
        code = int(self._split.codes()[group])
        if code & _ONE_BY_ONE:
            return self._ask(token)
        return bool(
            (code & _FRESH and self._standing.alone[token])
            or (code & _FRESH_AND_CLOSED and self._standing.alone_and_closed[token])
            or (code & _ON and self._behind[token])
        )

    def screen(self, weights: Weights, enough: float, most_asked: int) -> tuple[Flags, Flags, float]:
        """Which tokens may follow, which were not asked about, and the weight of the latter; flags have the
        shape (vocabulary,).

        ``weights`` are not negative. Asking, the heaviest shapes first and then the heaviest odd tokens, ends
        when no more than ``enough`` is left or ``most_asked`` of either were asked; what is left counts as
        admitted.
        """
        spread = self._spread()
        left = float(weights[spread.open_tokens].sum(dtype=np.float64))
        if left > enough:
            left = self._settle(weights, spread.open_tokens, enough, most_asked)
            spread = self._spread()
        allowed, unasked = spread.certain | (spread.on & self._behind), spread.unsure.copy()
        for token, answer in self._answers.items():
            allowed[token], unasked[token] = answer, False
        return allowed, unasked, left if unasked.any() else 0.0

    def _spread(self) -> "_Spread":
        codes = self._split.codes()
        if self._group_of is not self._grouping.group_of:
            return _Spread.of(codes.take(self._group_of), self._standing)
        return self._admissions.spread(self._grouping.behind, codes.tobytes())

    def _settle(self, weights: Weights, tokens: NDArray[np.intp], enough: float, most_asked: int) -> float:
        """Ask about these tokens, all that are unsure, until no more than ``enough`` is left; how much is."""
        codes = self._split.codes()
        groups = self._group_of[tokens]
        masses = np.bincount(groups, weights[tokens], minlength=self._groups)
        left = float(masses[codes == _UNKNOWN].sum())
        if left > enough / 2:
            left = self._resolve_shapes(masses, codes, left, enough / 2, most_asked)
            codes = self._split.codes()
        odd = float(masses[codes == _ONE_BY_ONE].sum())
        if left + odd > enough:
            asked = tokens[codes[groups] == _ONE_BY_ONE]
            odd = self._ask_heaviest(asked, weights, enough - left, most_asked)
        return left + odd

    def _resolve_shapes(
        self, masses: NDArray[Any], codes: Codes, left: float, enough: float, most_asked: int
    ) -> float:
        groups = np.flatnonzero(codes == _UNKNOWN)
        for group in groups[np.argsort(-masses[groups])][:most_asked].tolist():
            self._split.resolve(group)
            left -= float(masses[group])
            if left <= enough:
                break
        return max(left, 0.0)

    def _ask_heaviest(
        self, tokens: NDArray[np.intp], weights: Weights, enough: float, most_asked: int
    ) -> float:
        """Ask about these tokens by falling weight; the weight of those not asked about."""
        open_tokens = tokens[[token not in self._answers for token in tokens.tolist()]]
        heaviest = open_tokens[np.argsort(-weights[open_tokens], kind="stable")]
        left = float(weights[heaviest].sum(dtype=np.float64))
        for token in heaviest[:most_asked].tolist():
            if left <= enough:
                break
            self._ask(token)
            left -= float(weights[token])
        return max(left, 0.0)

    def _ask(self, token: int) -> bool:
        known = self._answers.get(token)
        if known is None:
            known = self._answers[token] = self._tail.admits(token)
        return known


class _Spread(NamedTuple):
    """Answers for tokens, each shape (vocabulary,): not asked yet; admitted, as what is unasked counts;
    admitted if it stands behind the last token. ``open_tokens`` are those not asked yet.
    """

    unsure: Flags
    certain: Flags
    on: Flags
    open_tokens: NDArray[np.intp]

    @classmethod
    def of(cls, codes: Codes, standing: Standing) -> "_Spread":
        """What the codes of tokens say, whatever the last token is."""
        unsure: Flags = (codes & (_ONE_BY_ONE | _UNKNOWN)) != 0
        fresh = ((codes & _FRESH) != 0) & standing.alone
        closed = ((codes & _FRESH_AND_CLOSED) != 0) & standing.alone_and_closed
        return cls(unsure, unsure | fresh | closed, (codes & _ON) != 0, np.flatnonzero(unsure))


class _Grouping:
    """Tokens in groups: those that stand for no text, odd ones, and one group for each shape.

    It is whole when there are no more ``steps``.
    """

    def __init__(self, canon: Canon, odd: Flags, behind: bytes) -> None:
        self.behind = behind
        self.shapes = ["", ""]
        self.group_of = np.zeros(len(canon.tokenizer.pieces), dtype=np.intp)
        self.steps = self._group(canon, odd)

    @cached_property
    def largest_first(self) -> list[int]:
        """The shapes' groups by falling number of tokens; for when it is whole."""
        sizes = np.bincount(self.group_of, minlength=len(self.shapes))
        sizes[:_FIRST_SHAPE] = 0
        return [group for group in np.argsort(-sizes, kind="stable").tolist() if sizes[group]]

    def _group(self, canon: Canon, odd: Flags) -> Iterator[None]:
        groups: dict[str, int] = {}
        for token, piece in enumerate(canon.tokenizer.pieces):
            if token % _GROUPED_AT_ONCE == 0:
                yield
            if not piece:
                self.group_of[token] = _SILENT
            elif odd[token]:
                self.group_of[token] = _ODD
            else:
                shape = canon.shape_of_piece(piece, self.behind) if canon.splits_by_class else ""
                group = groups.setdefault(shape, len(self.shapes))
                if group == len(self.shapes):
                    self.shapes.append(shape)
                self.group_of[token] = group


class _OneWord:
    """The split of a vocabulary without a pre-tokenizer: merges alone decide."""

    def __init__(self, grouping: _Grouping, code: int) -> None:
        self._codes = np.full(max(len(grouping.shapes), _FIRST_SHAPE + 1), code, dtype=np.uint8)
        self._codes[_SILENT], self._codes[_ODD] = _NEVER, _ONE_BY_ONE

    def codes(self) -> Codes:
        """What holds for each group, shape (groups,)."""
        return self._codes

    def resolve(self, group: int) -> None:
        """Find out about one group."""


class _Splits:
    """How texts of certain classes, followed by each shape, can fall into words.

    ``structures[k]`` are word ends in such a text. Bit ``k`` of ``closed[g]`` says that it may fall so before
    the shape of group ``g`` and that a word may then end behind the shape; ``open_ended[g]``, that it may go
    on. ``crowded[g]``: that takes more bits than there are, and each token of the group has to be asked.
    """

    def __init__(self, canon: Canon, grouping: _Grouping, classes: str) -> None:
        self._canon = canon
        self._classes = classes
        self.grouping = grouping
        self.structures: list[tuple[tuple[int, int], ...]] = []
        self.closed = np.zeros(len(grouping.shapes), dtype=np.uint32)
        self.open_ended = np.zeros(len(grouping.shapes), dtype=np.uint32)
        self.crowded = np.zeros(len(grouping.shapes), dtype=np.bool_)
        self.resolved = np.zeros(len(grouping.shapes), dtype=np.bool_)
        self.resolved[:_FIRST_SHAPE] = True
        self._codes: dict[tuple[int, int], Codes] = {}
        self._ahead = iter(grouping.largest_first)

    def resolve_next(self) -> bool:
        """Find out about the largest group that is not known; False if all are."""
        group = next((each for each in self._ahead if not self.resolved[each]), None)
        if group is not None:
            self.resolve(group)
        return group is not None

    def resolve(self, group: int) -> None:
        """Find out about one group."""
        if self.resolved[group]:
            return
        self.resolved[group] = True
        self._codes.clear()
        closed = open_ended = 0
        for outcome in self._canon.find_outcomes_of_classes(self._classes, self.grouping.shapes[group]):
            bit = self._bit_of(outcome.words)
            if not bit:
                self.crowded[group] = True
                return
            closed |= bit if outcome.closed else 0
            open_ended |= 0 if outcome.closed else bit
        self.closed[group], self.open_ended[group] = closed, open_ended

    def _bit_of(self, words: tuple[tuple[int, int], ...]) -> int:
        """The bit of a structure, 0 where there is none left for a new one."""
        if words not in self.structures:
            if len(self.structures) == _MOST_STRUCTURES:
                return 0
            self.structures.append(words)
        return 1 << self.structures.index(words)

    def codes(self, fresh: int, on: int, has_whole_words: bool) -> Codes:
        """What holds for each group, shape (groups,), where the structures ``fresh`` and ``on`` agree."""
        known = self._codes.get((fresh, on))
        if known is None:
            known = self._whole_word_codes(fresh, on) if has_whole_words else self._plain_codes(fresh, on)
            known[~self.resolved], known[self.crowded] = _UNKNOWN, _ONE_BY_ONE
            known[_SILENT], known[_ODD] = _NEVER, _ONE_BY_ONE
            self._codes[fresh, on] = known
        return known

    def _plain_codes(self, fresh: int, on: int) -> Codes:
        either = self.closed | self.open_ended
        return cast(Codes, (((either & fresh) != 0) * _FRESH | ((either & on) != 0) * _ON).astype(np.uint8))

    def _whole_word_codes(self, fresh: int, on: int) -> Codes:
        goes_on = (self.open_ended & on) != 0
        codes = ((self.open_ended & fresh) != 0) * _FRESH | goes_on * _ON
        codes |= ((self.closed & fresh) != 0) * _FRESH_AND_CLOSED
        # A word that ends here may be a token of its own: that depends on all its bytes.
        codes[((self.closed & on) != 0) & ~goes_on] = _ONE_BY_ONE
        return cast(Codes, codes.astype(np.uint8))


class _TailSplit:
    """The splits that agree with one tail's tokens."""

    def __init__(self, splits: _Splits, tail: Tail, offsets: tuple[int, ...] | None) -> None:
        self._splits = splits
        self._tail = tail
        self._offsets = offsets
        self._has_whole_words = tail.has_whole_words
        self._fresh = self._on = self._judged = 0

    def codes(self) -> Codes:
        """What holds for each group, shape (groups,)."""
        self._judge()
        return self._splits.codes(self._fresh, self._on, self._has_whole_words)

    def resolve(self, group: int) -> None:
        """Find out about one group."""
        self._splits.resolve(group)

    def _judge(self) -> None:
        """Which of the structures found so far spell the tail's tokens."""
        structures = self._splits.structures
        for at in range(self._judged, len(structures)):
            words = structures[at]
            if self._offsets is not None:
                words = tuple((self._offsets[end], atom) for end, atom in words)
            begun = self._tail.begun_word(words)
            if begun is not None:
                if begun:
                    self._on |= 1 << at
                else:
                    self._fresh |= 1 << at
        self._judged = len(structures)
