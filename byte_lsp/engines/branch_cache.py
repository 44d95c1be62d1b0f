"""What a KV cache holds, and what of a new token tree is left to evaluate.

A cache keeps *branches*: token sequences by number, which share the cells of their common beginnings. A new
tree goes on from the longest cached beginning of each of its paths, whichever branch that lies in, and every
token that no branch holds is evaluated once. Branches that the last tree did not use are *stale*: they are
kept while they are small, and the least recently used goes first; large ones are *parked* outside of the
cache. The beginnings of paths that are *held* stay whatever their size.

Nothing here knows an engine: anything with ``Cells`` can follow the chunks that come out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from byte_lsp.engines.branch_plan import Branch, Nodes, Plan, Start, plan_tree, start_after
from byte_lsp.engines.parking import PARKED_BYTES, Parked, Parking
from byte_lsp.engines.protocol import MAX_SEQUENCES, agreement
from byte_lsp.engines.shape import TreeShape
from byte_lsp.errors import EngineError

CHUNK_TOKENS = 32
"""Most tokens in one decode call: what a cancelled request may still cost, and what it loses of its reading.

On two cores SmolLM2 reads 64 at once for a tenth less CPU time, but at the pace of quick hands on a slow
machine no chunk of 64 would ever be finished. 16 at once would take a fifth more.
"""

STALE_TOKENS = 128
"""Most tokens that stale branches may keep beyond what they share with the newest trunk.

Attention reads every cell in use, so each one kept costs time at every token; this is a few requests' worth.
"""


PARKED_TOKENS = 96
"""Fewer are read anew as fast as they are copied."""


class Cells(Protocol):
    """The memory of an engine, addressed by branch number and token position."""

    def copy(self, source: int, target: int, length: int) -> None:
        """Let the empty branch ``target`` begin with the first ``length`` tokens of ``source``."""

    def cut(self, branch: int, length: int) -> None:
        """Forget all of a branch but its first ``length`` tokens."""

    def least_length(self, branch: int) -> int:
        """The least length that a branch can be cut or copied to and still be gone on from.

        Above zero where a sliding attention window has let old tokens go.
        """

    def save(self, branch: int) -> bytes | None:
        """A copy of all cells of a branch, None where they cannot be copied."""

    def load(self, branch: int, saved: bytes) -> bool:
        """Give the empty ``branch`` the cells of a copy. False, and nothing done, if there is no room."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One token to evaluate and the branches it extends; ``rows`` are the results that it gives."""

    token: int
    position: int
    branches: Sequence[int]
    rows: Sequence[int]


class BranchCache:
    """The books of a KV cache.

    ``cells`` does what is written in them; it has room for ``capacity`` tokens in ``most_branches`` branches.
    """

    def __init__(
        self,
        cells: Cells,
        capacity: int,
        *,
        most_branches: int = MAX_SEQUENCES,
        stale_tokens: int = STALE_TOKENS,
        chunk_tokens: int = CHUNK_TOKENS,
        parked_tokens: int = PARKED_TOKENS,
        parked_bytes: int = PARKED_BYTES,
    ) -> None:
        self._cells = cells
        self._capacity = capacity
        self._stale_tokens = stale_tokens
        self._chunk_tokens = chunk_tokens
        self._trunk: tuple[int, ...] = ()
        self._branches: dict[int, Branch] = {}  # least recently used first
        self._free = list(range(most_branches - 1, -1, -1))
        self._in_use: set[int] = set()
        self._guessed = False  # what the branch at work holds beyond the trunk
        self._held: Sequence[tuple[int, ...]] = ()
        self._parked_tokens = parked_tokens
        self._parking: Parking = Parking(parked_bytes)

    def cached_tokens(self, path: tuple[int, ...]) -> int:
        """How many leading tokens of ``path`` are cached, or parked, and can be gone on from."""
        cached, parked = self._cached(path), self._parking.usable(path)
        return parked if parked >= cached + self._parked_tokens else cached

    def _cached(self, path: tuple[int, ...]) -> int:
        return max((self._usable(number, agreed) for number, agreed in self._agreements(path)), default=0)

    def hold(self, paths: Sequence[tuple[int, ...]]) -> None:
        """Let no beginning of ``paths`` go stale, until others are named."""
        self._held = tuple(paths)

    def chunks(self, shape: TreeShape, rows: Mapping[int, Sequence[int]]) -> Iterator[Sequence[Entry]]:
        """The decode calls that a tree needs; ``rows`` says which results each node asked for gives.

        To ask for the next chunk is to say that the last one was evaluated; where it was not, call ``undo``
        and ask no more. Errors: ``EngineError`` if the tree has more tokens than there are cells.
        """
        if shape.total_tokens > self._capacity:
            raise EngineError(
                f"a token tree of {shape.total_tokens} tokens does not fit into the {self._capacity} cells "
                "of the KV cache; raise engine.context_tokens"
            )
        number = self._gone_on_from(shape)
        self._guessed = shape.guessed
        if number is not None:
            self._trunk = shape.trunk
            yield from self._line_chunks(number, shape, rows)
            return
        self._rebase(shape.trunk)
        self._fetch()
        yield from self._trunk_chunks()
        nodes = Nodes.of(shape, min(self._longest_shared(), len(shape.trunk) - 1))
        plan = plan_tree(self._branches, nodes, rows)
        if not self._has_room(plan, shape.total_tokens):
            self._keep_one_branch()
            plan = plan_tree(self._branches, nodes, rows)
        numbers = self._begin(plan.starts, plan.finished)
        entries = [
            Entry(nodes.tokens[node], nodes.positions[node], [numbers[at] for at in starts], given)
            for node, starts, given in plan.work
        ]
        for at in range(0, len(entries), self._chunk_tokens):
            chunk = entries[at : at + self._chunk_tokens]
            yield chunk
            self._record(chunk)
        for number in numbers[len(numbers) - plan.repeats :]:
            self._drop(number)

    def undo(self, chunk: Sequence[Entry]) -> None:
        """Have the cells forget what is there of a chunk that failed."""
        for number in {number for entry in chunk for number in entry.branches}:
            self._cells.cut(number, self._branches[number].length)

    def drop_stale(self, stale_tokens: int = 0) -> None:
        """Forget what the tree at work does not use, but for so many tokens and, if any, what is held."""
        spared = self._in_use | (self._held_branches() if stale_tokens else set())
        for number in reversed([number for number in self._branches if number not in spared]):
            own = len(self._branches[number].tail)
            if 0 < own <= stale_tokens:
                stale_tokens -= own
            else:
                self._retire(number)

    def forget(self) -> None:
        """Forget everything."""
        for number in list(self._branches):
            self._drop(number)
        self._parking.clear()

    def _gone_on_from(self, shape: TreeShape) -> int | None:
        """The branch at work if the tree goes on from the last one in a line, as in generating.

        There is no need to plan then. What the last tree guessed and this one does not say is cut off: it
        would only slow attention down.
        """
        known = len(self._trunk)
        if not known < len(shape.trunk) < known + self._parked_tokens:
            return None
        if not shape.is_line or shape.trunk[:known] != self._trunk:
            return None
        at_end = [number for number, branch in self._branches.items() if branch.shared == known]
        if len(at_end) != 1 or self._in_use != set(at_end):
            return None
        number, branch = at_end[0], self._branches[at_end[0]]
        if branch.tail and not self._guessed:
            return None
        beyond = shape.trunk[known:]
        agreed = agreement(branch.tail, beyond)
        if agreed == len(beyond) or self._cells.least_length(number) > known + agreed:
            return None
        is_wrong = agreed < len(branch.tail)
        branch.shared, branch.tail = known + agreed, ()
        if is_wrong:
            self._cells.cut(number, branch.length)
        return number

    def _line_chunks(
        self, number: int, shape: TreeShape, rows: Mapping[int, Sequence[int]]
    ) -> Iterator[Sequence[Entry]]:
        """What a branch lacks of a tree that is one sequence."""
        line, end = (*shape.trunk, *shape.tokens), len(shape.trunk)
        for start in range(self._branches[number].length, len(line), self._chunk_tokens):
            span = range(start, min(start + self._chunk_tokens, len(line)))
            chunk = [Entry(line[at], at, (number,), rows.get(at - end, ())) for at in span]
            yield chunk
            self._record(chunk)

    def _rebase(self, trunk: tuple[int, ...]) -> None:
        """Write the books relative to a new trunk; drop the branches that it cannot go on from."""
        agreed = agreement(self._trunk, trunk)
        old, beyond = self._trunk, trunk[agreed:]
        self._trunk = trunk
        self._in_use = set()
        for number, branch in list(self._branches.items()):
            if branch.shared > agreed:
                branch.tail = old[agreed : branch.shared] + branch.tail
                branch.shared = agreed
            elif branch.shared == agreed:
                further = agreement(branch.tail, beyond)
                branch.tail = branch.tail[further:]
                branch.shared += further
            if self._cells.least_length(number) > min(branch.shared, len(trunk) - 1):
                self._drop(number)

    def _trunk_chunks(self) -> Iterator[Sequence[Entry]]:
        """What is not cached of the trunk, but for its last chunk, in one branch."""
        held, end = self._longest_shared(), len(self._trunk)
        if end - held <= self._chunk_tokens:
            return
        holders = [number for number, branch in self._branches.items() if branch.shared == held]
        numbers = self._begin([start_after(self._branches, holders, held, set())], ())
        while end - held > self._chunk_tokens:
            span = range(held, held + self._chunk_tokens)
            chunk = [Entry(self._trunk[at], at, numbers, ()) for at in span]
            yield chunk
            self._record(chunk)
            held = span.stop

    def _has_room(self, plan: Plan, total_tokens: int) -> bool:
        """Whether there are branches and cells enough once what the plan does not need is gone."""
        most = len(self._free) + len(self._branches)
        copies = sum(not start.in_place for start in plan.starts)
        needed = {start.source for start in plan.starts} | set(plan.finished)
        return copies + len(needed - {None}) <= most and total_tokens + plan.repeats <= self._capacity

    def _keep_one_branch(self) -> None:
        """Forget all but the beginning of the trunk in one branch, and not its last token."""
        if not self._branches:
            return
        kept = max(self._branches, key=lambda number: self._branches[number].shared)
        for number in [number for number in self._branches if number != kept]:
            self._retire(number)
        branch = self._branches[kept]
        branch.shared, branch.tail = min(branch.shared, len(self._trunk) - 1), ()
        self._cells.cut(kept, branch.length)

    def _begin(self, starts: Sequence[Start], finished: Sequence[int]) -> list[int]:
        """The branch of each start, ready to be extended; ``finished`` ones stay as they are."""
        needed = {start.source for start in starts} | set(finished)
        copies = sum(not start.in_place for start in starts)
        for number in list(self._branches):
            if len(self._free) >= copies:
                break
            if number not in needed:
                self._drop(number)
        numbers = [self._begin_one(start) for start in starts]
        self._in_use = {*numbers, *finished}
        for number in self._in_use:
            self._branches[number] = self._branches.pop(number)
        self.drop_stale(self._stale_tokens)
        return numbers

    def _begin_one(self, start: Start) -> int:
        if start.in_place and start.source is not None:
            return start.source
        number = self._free.pop()
        if start.source is None:
            self._branches[number] = Branch(0, ())
        else:
            self._branches[number] = self._branches[start.source].beginning(start.length)
            self._cells.copy(start.source, number, start.length)
        return number

    def _record(self, chunk: Sequence[Entry]) -> None:
        for entry in chunk:
            for number in entry.branches:
                self._branches[number].append(entry.token, entry.position < len(self._trunk))

    def _retire(self, number: int) -> None:
        """Drop a branch, but park it first if it is mostly its own: that of another file, that is."""
        branch = self._branches[number]
        if len(branch.tail) >= max(self._parked_tokens, branch.shared):
            saved = self._cells.save(number)
            if saved is not None:
                tokens = self._trunk[: branch.shared] + branch.tail
                self._parking.park(Parked(tokens, saved, self._cells.least_length(number)))
        self._drop(number)

    def _fetch(self) -> None:
        """Take back what is parked, if much more of the trunk is there than in the cache."""
        parked = self._parking.best(self._trunk)
        agreed = parked.usable(self._trunk) if parked else 0
        if parked is None or agreed < self._cached(self._trunk) + self._parked_tokens:
            return
        self._parking.remove(parked)
        number = self._load(parked.cells)
        if number is not None:
            self._branches[number] = Branch(agreed, ())
            if agreed < len(parked.tokens):
                self._cells.cut(number, agreed)

    def _load(self, saved: bytes) -> int | None:
        """A new branch of parked cells. Where there is no room for them, all others go."""
        for _ in range(2):
            if self._free:
                number = self._free.pop()
                if self._cells.load(number, saved):
                    return number
                self._free.append(number)
            for other in list(self._branches):
                self._retire(other)
        return None

    def _drop(self, number: int) -> None:
        self._cells.cut(number, 0)
        del self._branches[number]
        self._in_use.discard(number)
        self._free.append(number)

    def _held_branches(self) -> set[int]:
        """The branches that hold more of a held path than the newest trunk does."""
        held = set()
        for path in self._held:
            number, agreed = max(self._agreements(path), key=lambda found: found[1], default=(-1, 0))
            if agreed > agreement(self._trunk, path):
                held.add(number)
        return held

    def _agreements(self, path: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        """Each branch and how many leading tokens it has in common with ``path``."""
        common = agreement(self._trunk, path)
        for number, branch in self._branches.items():
            beyond = 0
            if branch.shared <= common:
                beyond = agreement(branch.tail, path[branch.shared : branch.shared + len(branch.tail)])
            yield number, min(branch.shared, common) + beyond

    def _usable(self, number: int, agreed: int) -> int:
        return agreed if self._cells.least_length(number) <= agreed else 0

    def _longest_shared(self) -> int:
        return max((branch.shared for branch in self._branches.values()), default=0)
