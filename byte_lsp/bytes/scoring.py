"""How probable continuations of several texts are, all texts going on from one prefix: one batch for all.

The probability of a byte string is the sum over its covers (arXiv 2410.09303, section 3). A continuation's is
that of the text with it, divided by that of the text without. What all contexts of both share cancels out, so
that only the nodes around the junction are asked for. Byte by byte (``model.sum_logprobs``) the same number
takes a batch a byte.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from byte_lsp.bytes.canonical import CanonicalProcess, Row, log_sum
from byte_lsp.bytes.covers import CoverTree
from byte_lsp.engines.protocol import MAX_SEQUENCES, TRUNK_END, Engine, TokenTree
from byte_lsp.tokens.extendable import Tail


def log_likelihoods(
    engine: Engine, process: CanonicalProcess, prefix: bytes, pairs: Sequence[tuple[bytes, bytes]]
) -> list[float]:
    """``log P(continuation | prefix + text)`` in nats for each pair of a text and its continuation.

    Minus infinity where no tokens spell the continuation. What one batch has no room for is taken in several.
    Errors: ``ContextFull`` for a pair that is too long, other ``EngineError``, ``Cancelled``.
    """
    if not pairs:
        return []
    grove = _Grove(process, CoverTree(process, process.finder.frontier(prefix)))
    planted = [(grove.plant(prefix + text), grove.plant(prefix + text + more)) for text, more in pairs]
    if len(pairs) > 1 and not grove.fits(engine):
        half = len(pairs) // 2
        halves = (pairs[:half], pairs[half:])
        return [each for part in halves for each in log_likelihoods(engine, process, prefix, part)]
    junctions = [grove.common(before + behind) for before, behind in planted]
    nodes = sorted(
        {
            node
            for (before, behind), junction in zip(planted, junctions, strict=True)
            for context in before + behind
            for node in grove.way(junction, context.node)
        }
    )
    rows = engine.evaluate(grove.tree(), nodes)
    weigher = _Weigher(process, grove, dict(zip(nodes, rows, strict=True)))
    unspellable = process.finder.tokenizer.unspellable
    return [
        -math.inf
        if unspellable.intersection(more)
        else weigher.weigh(behind, junction) - weigher.weigh(before, junction)
        for (_, more), (before, behind), junction in zip(pairs, planted, junctions, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Context:
    node: int
    residual: bytes


class _Grove:
    """The contexts of several texts as one token tree, with one tail per node."""

    def __init__(self, process: CanonicalProcess, root: CoverTree) -> None:
        self._process = process
        self.trunk = root.trunk
        self.tokens: list[int] = []
        self.parents: list[int] = []
        self.tails: dict[int, Tail] = {TRUNK_END: root.tails[TRUNK_END]}
        self._children: dict[tuple[int, int], int] = {}

    def tree(self) -> TokenTree:
        return TokenTree(self.trunk, tuple(self.tokens), tuple(self.parents))

    def fits(self, engine: Engine) -> bool:
        """Whether the tree is one that every engine with this context takes."""
        branches = len(self.tokens) - len(set(self.parents) - {TRUNK_END})
        return branches <= MAX_SEQUENCES and len(self.trunk) + len(self.tokens) <= engine.context_tokens

    def plant(self, text: bytes) -> list[_Context]:
        """The contexts of a text that begins with the prefix, added to the tree."""
        frontier = self._process.finder.frontier(text)
        above = (*self._process.framing.head, *frontier.shared)
        return [
            _Context(self._insert((*above, *tail.tokens)[len(self.trunk) :]), residual)
            for tail, residual in frontier.ends
        ]

    def way(self, above: int, node: int) -> list[int]:
        """The nodes from one up to another that it lies below, both included."""
        nodes = [node]
        while nodes[-1] != above:
            nodes.append(self.parents[nodes[-1]])
        return nodes

    def common(self, contexts: Sequence[_Context]) -> int:
        """The deepest node that the ways to all contexts run through."""
        ways = [self.way(TRUNK_END, context.node)[::-1] for context in contexts]
        agreed = [nodes[0] for nodes in zip(*ways, strict=False) if len(set(nodes)) == 1]
        return int(agreed[-1])

    def _insert(self, path: tuple[int, ...]) -> int:
        node = TRUNK_END
        for token in path:
            child = self._children.get((node, token))
            if child is None:
                child = self._children[node, token] = len(self.tokens)
                self.tokens.append(token)
                self.parents.append(node)
                self.tails[child] = self.tails[node].push(token)
            node = child
        return node


class _Weigher:
    """Sums covers below a node, each node restricted once."""

    def __init__(self, process: CanonicalProcess, grove: _Grove, rows: Mapping[int, Row]) -> None:
        self._process = process
        self._grove = grove
        self._rows = rows
        self._restricted: dict[int, tuple[Row, float]] = {}

    def weigh(self, contexts: Sequence[_Context], above: int) -> float:
        """The logarithm of the contexts' mass given the node ``above`` all of them."""
        return log_sum(np.array([self._cover_mass(context, above) for context in contexts]))

    def _cover_mass(self, context: _Context, above: int) -> float:
        on_path = self._on_path(context.node, above)
        if not context.residual:
            return on_path
        index = self._process.finder.index
        low, high = index.span(context.residual)
        if low == high:
            return -math.inf
        row, log_mass = self._at(context.node)
        return on_path + log_sum(row[index.ids[low:high]]) - log_mass

    def _on_path(self, node: int, above: int) -> float:
        total = 0.0
        while node != above:
            parent = self._grove.parents[node]
            row, log_mass = self._at(parent)
            total += float(row[self._grove.tokens[node]]) - log_mass
            node = parent
        return total

    def _at(self, node: int) -> tuple[Row, float]:
        known = self._restricted.get(node)
        if known is None:
            found = self._process.restrict(self._grove.tails[node], self._rows[node])
            known = self._restricted[node] = found.row, found.log_mass
        return known
