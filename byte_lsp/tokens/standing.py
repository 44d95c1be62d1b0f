"""Which tokens can stand alone or behind which other, as flags over a vocabulary."""

import re
from functools import cached_property, lru_cache

import numpy as np

from byte_lsp.tokens.characters import incomplete_tail
from byte_lsp.tokens.extendable import Canon, Tail
from byte_lsp.tokens.spines import Flags, Spines
from byte_lsp.tokens.vocabulary import Kind

_NO_SYMBOL = -1
_KEPT_BYTES = 12 << 20


class Standing:
    """What the merges leave standing, and which tokens are ``odd``: they have to be asked one by one.

    ``alone[t]``: the merges turn the bytes of ``t`` into ``t``. ``alone_and_closed[t]``: so does encoding
    them as a complete word. All have shape (vocabulary,).
    """

    def __init__(self, canon: Canon) -> None:
        self._canon = canon
        self._tokenizer = tokenizer = canon.tokenizer
        self._rules = tokenizer.merges.rules()
        self._count = len(tokenizer.pieces)
        made = np.zeros(self._count, dtype=np.bool_)
        made[[rule.merged for rule in self._rules if rule.merged < self._count]] = True
        self._symbol_of = np.where(made, np.arange(self._count), _NO_SYMBOL)
        self._find_leaves(made)
        self._spines = self._grow_spines()
        self.odd: Flags = self._find_odd()
        self.alone: Flags = self._find_alone()
        self.alone_and_closed = self._close(self.alone)
        self._behind = lru_cache(maxsize=max(64, _KEPT_BYTES // self._count))(self._find_behind)
        self._tokens_along = lru_cache(maxsize=64)(self._find_tokens_along)

    def behind(self, tail: Tail) -> Flags:
        """Tokens that the merges leave standing behind the tail's last token, the same word going on."""
        if not tail.tokens:
            return self.alone
        last = tail.tokens[-1]
        symbol = int(self._symbol_of[last])
        if symbol == _NO_SYMBOL:
            symbol = self._tokenizer.merges.leaves(tail.text)[-1]
        return self._behind(symbol, last)

    def near_atoms(self, text: bytes) -> Flags | None:
        """Tokens that go on with a USER_DEFINED token of which the text ends with the beginning."""
        rests = tuple(sorted(self._canon.atom_rests(text)))
        return self._tokens_along(rests) if rests else None

    def _find_leaves(self, made: Flags) -> None:
        """Tokens that no rule makes are the symbol of their one character, or nothing that merges know."""
        merges, pieces = self._tokenizer.merges, self._tokenizer.pieces
        for token in np.flatnonzero(~made).tolist():
            if not self._tokenizer.byte_level and pieces[token][:1] >= b"\x80" and len(pieces[token]) == 1:
                continue  # a part of a character; the whole character is the symbol
            if pieces[token] and merges.encode(pieces[token]) == (token,):
                leaves = merges.leaves(pieces[token])
                if len(leaves) == 1:
                    self._symbol_of[token] = leaves[0]

    def _grow_spines(self) -> Spines:
        highest = max((max(rule.left, rule.right, rule.merged) for rule in self._rules), default=0)
        highest = max(highest, self._count - 1, int(self._symbol_of.max(initial=0)))
        lengths = np.ones(highest + 1, dtype=np.int64)
        lengths[: self._count] = [len(piece) for piece in self._tokenizer.pieces]
        return Spines(self._rules, lengths, self._leaves(highest + 1))

    def _leaves(self, count: int) -> Flags:
        """Symbols that are there before any merge. Some parts of rules neither are nor are made."""
        merges, pieces = self._tokenizer.merges, self._tokenizer.pieces
        leaves = np.zeros(count, dtype=np.bool_)
        leaves[self._symbol_of[self._symbol_of != _NO_SYMBOL]] = True
        made = {rule.merged for rule in self._rules}
        unmade = {part: rule.merged for rule in self._rules for part in rule[:2] if part not in made}
        for whole in unmade.values():
            spelled = merges.leaves(pieces[whole]) if whole < self._count else []
            leaves[[symbol for symbol in spelled if symbol < count]] = True
        leaves[list(made)] = False
        return leaves

    def _find_odd(self) -> Flags:
        kinds, pieces = self._tokenizer.vocabulary.kinds, self._tokenizer.pieces
        if any(rule.merged >= self._count for rule in self._rules):
            # A merge into something that is no token is undone in the end; spines do not know of that.
            return np.array([bool(piece) for piece in pieces])
        odd = self._spines.irregular[: self._count].copy()
        for token, piece in enumerate(pieces):
            odd[token] |= bool(piece) and (
                kinds[token] == Kind.USER_DEFINED
                or 0x80 <= piece[0] < (0xC0 if self._tokenizer.byte_level or len(piece) > 1 else 0x100)
                or incomplete_tail(piece) > 0
                or self._contains_atom(piece)
            )
        return odd

    def _contains_atom(self, piece: bytes) -> bool:
        return self._any_atom is not None and bool(self._any_atom.search(piece))

    @cached_property
    def _any_atom(self) -> re.Pattern[bytes] | None:
        atoms = self._tokenizer.vocabulary.atoms
        return re.compile(b"|".join(map(re.escape, atoms))) if atoms else None

    def _find_alone(self) -> Flags:
        alone: Flags = self._spines.standing[np.maximum(self._symbol_of, 0)] & (self._symbol_of != _NO_SYMBOL)
        pieces, encode = self._tokenizer.pieces, self._tokenizer.merges.encode
        for token in np.flatnonzero(self.odd).tolist():
            alone[token] = encode(pieces[token]) == (token,)
        return alone

    def _close(self, alone: Flags) -> Flags:
        words = self._tokenizer.whole_words
        closed = alone.copy()
        pieces = self._tokenizer.pieces
        for token in range(self._count) if words else ():
            whole = words.get(pieces[token])
            closed[token] = alone[token] if whole is None else token == whole
        return closed

    def _find_behind(self, symbol: int, last: int) -> Flags:
        if symbol >= len(self._spines.irregular):
            return self.alone  # a character in no rule
        if self._spines.irregular[symbol]:
            return self._find_behind_irregular(last)
        symbols = np.maximum(self._symbol_of, 0)
        behind: Flags = self.alone & self._spines.admits_behind(symbol)[symbols]
        return behind

    def _find_behind_irregular(self, last: int) -> Flags:
        """The same where ranks do not rise on the way to the token: doubtful ones are asked one by one."""
        pieces, encode = self._tokenizer.pieces, self._tokenizer.merges.encode
        grown = self._tokenizer.merges.grow(pieces[last])
        certain, possible = self._spines.bound_behind(grown)
        symbols = np.maximum(self._symbol_of, 0)
        behind: Flags = self.alone & possible[symbols]
        for token in np.flatnonzero(behind & ~certain[symbols]).tolist():
            behind[token] = encode(pieces[last] + pieces[token]) == (last, token)
        return behind

    def _find_tokens_along(self, rests: tuple[bytes, ...]) -> Flags:
        """Tokens whose piece begins with one of these or is a beginning of one."""
        return np.array(
            [
                bool(p) and any(p.startswith(rest) or rest.startswith(p) for rest in rests)
                for p in self._tokenizer.pieces
            ]
        )
