"""What an engine is: a model that gives next-token log-probabilities at the nodes of a token tree.

Everything byte-level is built above this protocol, so a new engine is one file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

LogProbs = NDArray[np.float64]
"""Natural-log probabilities, shape (nodes asked for, vocabulary size)."""

TRUNK_END = -1
"""The node number that stands for the last token of a tree's trunk."""

MAX_SEQUENCES = 256
"""Most branches in one tree (llama.cpp's LLAMA_MAX_SEQ)."""


@dataclass(frozen=True, slots=True)
class TokenTree:
    """Token sequences with a common beginning.

    ``trunk`` is that beginning and is never empty. Node ``i`` holds ``tokens[i]`` and continues node
    ``parents[i]``, which is smaller than ``i``, or ``TRUNK_END``.
    """

    trunk: tuple[int, ...]
    tokens: tuple[int, ...] = ()
    parents: tuple[int, ...] = ()


class Engine(Protocol):
    """A token-level model. Not thread-safe, but ``interrupt`` may be called from any thread."""

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens, the width of every result."""

    @property
    def context_tokens(self) -> int:
        """Most tokens a path through a tree may have."""

    @property
    def tokens_evaluated(self) -> int:
        """Tokens evaluated since loading; what the cache answered does not count."""

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> LogProbs:
        """Next-token log-probabilities after each of ``nodes``.

        What a former call evaluated is reused as far as the trunk agrees with it. Errors: ``Cancelled``
        after ``interrupt``, ``EngineError`` if the tree does not fit or the model fails.
        """

    def interrupt(self, stop: bool) -> None:
        """Make a running evaluation, and those to come, stop at once with ``Cancelled``; or no longer so."""

    def close(self) -> None:
        """Free the model."""
