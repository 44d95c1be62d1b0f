"""Where each path of a token tree goes on from in a cache, and which nodes that leaves to evaluate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from byte_lsp.engines.shape import TreeShape

_ROOT = -1

Work = tuple[int, Sequence[int], Sequence[int]]
"""A node to evaluate, the starts whose branches it extends, the rows that it gives."""


@dataclass(slots=True)
class Branch:
    """A cached sequence: the first ``shared`` tokens of the newest trunk, then ``tail``, which leaves it."""

    shared: int
    tail: tuple[int, ...]

    @property
    def length(self) -> int:
        return self.shared + len(self.tail)

    def holds(self, position: int, token: int) -> bool:
        """Whether ``token`` stands there; below ``shared`` only the trunk's own tokens are asked for."""
        at = position - self.shared
        return at < 0 or (at < len(self.tail) and self.tail[at] == token)

    def beginning(self, length: int) -> "Branch":
        return Branch(min(length, self.shared), self.tail[: max(0, length - self.shared)])

    def append(self, token: int, of_trunk: bool) -> None:
        if of_trunk:
            self.shared += 1
        else:
            self.tail += (token,)


@dataclass(frozen=True, slots=True)
class Nodes:
    """A tree whose first nodes are the trunk's tokens from ``base`` on, its last one at least."""

    base: int
    trunk_tokens: int
    tokens: Sequence[int]
    parents: Sequence[int]
    positions: Sequence[int]

    @classmethod
    def of(cls, shape: TreeShape, base: int) -> "Nodes":
        chain = len(shape.trunk) - base
        return cls(
            base,
            chain,
            [*shape.trunk[base:], *shape.tokens],
            [*range(-1, chain - 1), *(parent + chain for parent in shape.parents)],
            [*range(base, len(shape.trunk)), *(len(shape.trunk) + depth - 1 for depth in shape.depths)],
        )

    def number_in_shape(self, node: int) -> int:
        """``TRUNK_END`` for the trunk's last token; less for those before it, which nobody can ask for."""
        return node - self.trunk_tokens

    def leaves(self) -> list[int]:
        inner = set(self.parents)
        return [node for node in range(len(self.tokens)) if node not in inner]


@dataclass(frozen=True, slots=True)
class Start:
    """The branch that a path goes on from: itself where it ends at ``length``, or a copy of its beginning."""

    source: int | None
    length: int
    in_place: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """How to evaluate a tree.

    The last ``repeats`` starts are for nodes that are cached and asked for: each is evaluated in a branch of
    its own. The branches ``finished`` hold whole paths already.
    """

    starts: Sequence[Start]
    finished: Sequence[int]
    work: Sequence[Work]
    repeats: int


def plan_tree(branches: Mapping[int, Branch], nodes: Nodes, rows: Mapping[int, Sequence[int]]) -> Plan:
    """Go on from the longest cached beginning of every path; ``rows`` goes by number in the shape."""
    holders = _holders(branches, nodes)
    anchors = _anchors(nodes, holders)
    starts: list[Start] = []
    finished: list[int] = []
    extended_by: list[list[int]] = [[] for _ in nodes.tokens]
    taken: set[int] = set()
    for leaf in nodes.leaves():
        if holders[leaf]:
            finished.append(holders[leaf][-1])
            continue
        anchor = anchors[leaf]
        length = nodes.base if anchor == _ROOT else nodes.positions[anchor] + 1
        extended_by[leaf].append(len(starts))
        starts.append(start_after(branches, holders[anchor], length, taken))
    for node in range(len(nodes.tokens) - 1, 0, -1):
        if nodes.parents[node] != _ROOT:
            extended_by[nodes.parents[node]].extend(extended_by[node])
    repeats: list[Work] = []
    work: list[Work] = []
    for node in range(len(nodes.tokens)):
        given = rows.get(nodes.number_in_shape(node), ())
        if not holders[node]:
            work.append((node, extended_by[node], given))
        elif given:
            repeats.append((node, [len(starts)], given))
            starts.append(Start(holders[node][-1], nodes.positions[node], False))
    return Plan(starts, finished, [*repeats, *work], len(repeats))


def start_after(
    branches: Mapping[int, Branch], holders: Sequence[int], length: int, taken: set[int]
) -> Start:
    """Go on from a branch that ends at ``length`` if there is one not yet ``taken``, else from a copy."""
    for number in holders:
        if number not in taken and branches[number].length == length:
            taken.add(number)
            return Start(number, length, True)
    return Start(holders[-1] if holders else None, length, False)


def _holders(branches: Mapping[int, Branch], nodes: Nodes) -> list[list[int]]:
    """The branches that run through each node and, last in the list (``_ROOT``), through the root."""
    root = [number for number, branch in branches.items() if branch.shared >= nodes.base]
    holders: list[list[int]] = []
    for token, parent, position in zip(nodes.tokens, nodes.parents, nodes.positions, strict=True):
        above = root if parent == _ROOT else holders[parent]
        holders.append([number for number in above if branches[number].holds(position, token)])
    return [*holders, root]


def _anchors(nodes: Nodes, holders: Sequence[Sequence[int]]) -> list[int]:
    """The last cached node on the way to each node, itself included, or ``_ROOT``."""
    anchors: list[int] = []
    for node, parent in enumerate(nodes.parents):
        above = _ROOT if parent == _ROOT else anchors[parent]
        anchors.append(node if holders[node] else above)
    return anchors
