"""A token tree as an engine needs it: each path once, with the depth of every node, and checked for size."""

from collections.abc import Sequence
from dataclasses import dataclass

from byte_lsp.engines.protocol import MAX_SEQUENCES, TRUNK_END, TokenTree
from byte_lsp.errors import ContextFull, EngineError


@dataclass(frozen=True, slots=True)
class TreeShape:
    """A ``TokenTree`` in which no two nodes stand for the same token sequence.

    ``parents`` is ``TRUNK_END`` or smaller than the node's own number; ``depths`` counts tokens below the
    trunk, 1 for its children; ``numbers`` says which node here each node of the tree became. ``guessed`` is
    the tree's own.
    """

    trunk: tuple[int, ...]
    tokens: Sequence[int]
    parents: Sequence[int]
    depths: Sequence[int]
    numbers: Sequence[int]
    guessed: bool = False

    @property
    def total_tokens(self) -> int:
        return len(self.trunk) + len(self.tokens)

    @property
    def is_line(self) -> bool:
        """Whether the trunk and its nodes are one sequence."""
        return all(parent == node - 1 for node, parent in enumerate(self.parents))

    def rows_by_node(self, nodes: Sequence[int]) -> dict[int, list[int]]:
        """For each node that is asked for, which of the rows asked for are its own."""
        rows: dict[int, list[int]] = {}
        for row, node in enumerate(nodes):
            rows.setdefault(node if node == TRUNK_END else self.numbers[node], []).append(row)
        return rows


def measure(tree: TokenTree, context_tokens: int) -> TreeShape:
    """The shape of a tree. Errors: ``ContextFull`` for too long a path, ``EngineError`` for too many."""
    branches = len(tree.tokens) - len(set(tree.parents) - {TRUNK_END})
    if branches > MAX_SEQUENCES:
        raise EngineError(f"a token tree of {branches} branches; engines take {MAX_SEQUENCES}")
    tokens: list[int] = []
    parents: list[int] = []
    depths: list[int] = []
    numbers: list[int] = []
    seen: dict[tuple[int, int], int] = {}
    for token, tree_parent in zip(tree.tokens, tree.parents, strict=True):
        parent = tree_parent if tree_parent == TRUNK_END else numbers[tree_parent]
        number = seen.setdefault((parent, token), len(tokens))
        if number == len(tokens):
            tokens.append(token)
            parents.append(parent)
            depths.append(1 if parent == TRUNK_END else depths[parent] + 1)
        numbers.append(number)
    longest = len(tree.trunk) + max(depths, default=0)
    if longest > context_tokens:
        raise ContextFull(
            f"a text of {longest} tokens does not fit into engine.context_tokens = {context_tokens}; "
            "raise that or shorten the text"
        )
    return TreeShape(tree.trunk, tokens, parents, depths, numbers, tree.guessed)
