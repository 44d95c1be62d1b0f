"""What an engine is: a model that gives next-token logits at the nodes of a token tree.

Everything byte-level is built above this protocol, so a new engine is one file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.floating[Any]]
"""Natural-log probabilities but for a constant in each row, shape (nodes asked for, vocabulary size).

The constant is left in because greedy decoding and draws do not need to know it, and finding it takes longer
than they do. float32 from real models, whose logits are no better; float64 from ``TableEngine``.
"""

TRUNK_END = -1
"""The node number that stands for the last token of a tree's trunk."""

MAX_SEQUENCES = 256
"""Most branches in one tree (llama.cpp's LLAMA_MAX_SEQ)."""


@dataclass(frozen=True, slots=True)
class TokenTree:
    """Token sequences with a common beginning.

    ``trunk`` is that beginning and is never empty. Node ``i`` holds ``tokens[i]`` and continues node
    ``parents[i]``, which is smaller than ``i``, or ``TRUNK_END``. ``guessed`` nodes are what may follow the
    trunk: once another tree goes on from it in another way, they are not worth keeping.
    """

    trunk: tuple[int, ...]
    tokens: tuple[int, ...] = ()
    parents: tuple[int, ...] = ()
    guessed: bool = False


def tree_of(paths: Sequence[tuple[int, ...]]) -> tuple[TokenTree, list[int]]:
    """The tree of some token sequences, none of them empty, and the node at which each of them ends."""
    common = agreement(min(paths), max(paths))
    tree_tokens: list[int] = []
    parents: list[int] = []
    children: dict[tuple[int, int], int] = {}
    ends = []
    for path in paths:
        node = TRUNK_END
        for token in path[common:]:
            child = children.get((node, token))
            if child is None:
                child = children[node, token] = len(tree_tokens)
                tree_tokens.append(token)
                parents.append(node)
            node = child
        ends.append(node)
    return TokenTree(paths[0][:common], tuple(tree_tokens), tuple(parents)), ends


def agreement(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """Length of the common beginning, by halves: comparing slices is far faster than a loop."""
    same, shorter = 0, min(len(left), len(right))
    if not shorter or left[0] != right[0]:  # mostly so, where branches of a cache are compared
        return 0
    if left[:shorter] == right[:shorter]:
        return shorter
    while shorter - same > 1:
        half = (same + shorter) // 2
        if left[same:half] == right[same:half]:
            same = half
        else:
            shorter = half
    return same


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

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        """Next-token logits after each of ``nodes``.

        What former calls evaluated is reused wherever a path of the tree begins like theirs: a node that
        is neither new nor asked for costs nothing, any other one token. Errors: ``Cancelled`` after
        ``interrupt``, ``ContextFull`` and other ``EngineError`` if the tree does not fit or the model fails.
        """

    def cached_tokens(self, path: tuple[int, ...]) -> int:
        """How many leading tokens of ``path`` are cached and can be gone on from."""

    def hold(self, paths: Sequence[tuple[int, ...]]) -> None:
        """Keep what is cached of the beginnings of ``paths``, however large, until others are named.

        For prompts that take turns. What is held goes all the same where a tree has no room otherwise.
        """

    def forget(self) -> None:
        """Empty the cache: the next evaluation begins anew."""

    def interrupt(self, stop: bool) -> None:
        """Make a running evaluation, and those to come, stop at once with ``Cancelled``; or no longer so."""

    def close(self) -> None:
        """Free the model."""
