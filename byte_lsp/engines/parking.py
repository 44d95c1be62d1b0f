"""Branches that were left, kept outside of the cache: prompts of other files, for when somebody goes back.

Attention reads every cell in use, so a prompt that nobody asks about may not stay there. A copy of its keys
and values costs memory and nothing else, and is back in a hundredth of the time that reading it anew takes.
"""

from dataclasses import dataclass

from byte_lsp.engines.protocol import agreement

PARKED_BYTES = 128 << 20
"""Most bytes in copies, of SmolLM2-135M 5,800 tokens; the least recently parked goes first."""


@dataclass(frozen=True, slots=True)
class Parked:
    """The cells of a token sequence; it can be gone on from behind ``least_length`` of its tokens."""

    tokens: tuple[int, ...]
    cells: bytes
    least_length: int

    def usable(self, path: tuple[int, ...]) -> int:
        """How many leading tokens of ``path`` these cells are worth."""
        agreed = agreement(self.tokens, path)
        return agreed if agreed >= self.least_length else 0


class Parking:
    """Copies of branches, the newest last."""

    def __init__(self, most_bytes: int = PARKED_BYTES) -> None:
        self._most_bytes = most_bytes
        self._parked: list[Parked] = []

    def park(self, parked: Parked) -> None:
        """Keep a copy, in place of any that it goes on from, as long as there is room."""
        self._parked = [
            other for other in self._parked if agreement(other.tokens, parked.tokens) < len(other.tokens)
        ]
        self._parked.append(parked)
        while sum(len(each.cells) for each in self._parked) > self._most_bytes:
            del self._parked[0]

    def best(self, path: tuple[int, ...]) -> Parked | None:
        """The copy that is worth most for a token sequence, None if none is worth anything."""
        found = max(self._parked, key=lambda each: each.usable(path), default=None)
        return found if found and found.usable(path) else None

    def usable(self, path: tuple[int, ...]) -> int:
        """How many leading tokens of ``path`` the best copy is worth."""
        return max((each.usable(path) for each in self._parked), default=0)

    def remove(self, parked: Parked) -> None:
        """Keep this copy no longer."""
        self._parked.remove(parked)

    def clear(self) -> None:
        """Keep nothing."""
        self._parked.clear()
