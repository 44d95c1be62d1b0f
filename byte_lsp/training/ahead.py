"""Packs made ahead by processes of their own, so that a GPU does not wait for a tokenizer."""

import os
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from types import TracebackType
from typing import Protocol

from byte_lsp.errors import TrainingError
from byte_lsp.training.packs import Pack, Packer
from byte_lsp.training.recipe import Recipe

MOST_PROCESSES = 12
_AHEAD = 4
"""So many packs a process are made before they are asked for."""


class PackSource(Protocol):
    """Where a run's packs come from."""

    def pack(self, number: int, tokens: int) -> Pack:
        """The pack of that number, of so many tokens."""
        ...


def usual_processes(recipe: Recipe) -> int:
    """None where the CPU trains, which has nothing to spare; else most of its cores."""
    return 0 if recipe.device == "cpu" else max(1, min(MOST_PROCESSES, (os.cpu_count() or 2) - 2))


class AheadPacker:
    """The packs of ``recipe.packer()``, the same by number. Leave its context to end the processes."""

    def __init__(self, recipe: Recipe, processes: int) -> None:
        self._pool = ProcessPoolExecutor(processes, get_context("spawn"), _prepare, (recipe,))
        self._ahead = _AHEAD * processes
        self._coming: dict[tuple[int, int], Future[Pack]] = {}

    def __enter__(self) -> "AheadPacker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def pack(self, number: int, tokens: int) -> Pack:
        """The pack of that number; those behind it are begun. Errors: ``TrainingError``."""
        try:
            for each in range(number, number + self._ahead + 1):
                if (each, tokens) not in self._coming:
                    self._coming[each, tokens] = self._pool.submit(_pack, each, tokens)
            found = self._coming.pop((number, tokens)).result()
        except BrokenProcessPool as ended:
            raise TrainingError(
                "a process that makes examples ended; what it wrote stands above. "
                "The same command goes on from the last checkpoint; --packers 1 needs less memory"
            ) from ended
        for passed in [each for each in self._coming if each[0] < number]:
            del self._coming[passed]
        return found


_packers: list[Packer] = []
"""The one that a process of the pool has."""


def _prepare(recipe: Recipe) -> None:
    _packers.append(recipe.packer())


def _pack(number: int, tokens: int) -> Pack:
    return _packers[0].pack(number, tokens)
