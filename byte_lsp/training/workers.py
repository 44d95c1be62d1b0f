"""The gradients of a step, worked out by several processes.

On CPUs two processes of one thread each train faster than one process of two threads, which wait for each
other after every small operation. Each works through its part of a step's packs; gradients meet in memory
that all share, and only the first process, which has the optimizer, changes the parameters.
"""

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

import torch
from torch import multiprocessing

from byte_lsp.errors import TrainingError
from byte_lsp.training.ahead import PackSource
from byte_lsp.training.network import Network
from byte_lsp.training.recipe import Recipe

_STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Work:
    """What some packs came to: the sums of weighted losses in nats, of weights, of tokens."""

    loss: float
    weight: float
    tokens: int


def most_workers(recipe: Recipe) -> int:
    """One process for each core, as long as each has a pack in every step; one where a GPU trains."""
    return 1 if recipe.device != "cpu" else min(torch.get_num_threads(), recipe.packs_a_step)


class Workers:
    """This process and, beside it, ``count - 1`` more of the same recipe. Leave its context to end them."""

    def __init__(self, recipe: Recipe, network: Network, packer: PackSource, count: int = 1) -> None:
        """``network`` and ``packer`` are this process's own; the others make theirs from ``recipe``."""
        self._network = network
        self._packer = packer
        self._tokens = recipe.micro_tokens
        self._gradients = [
            torch.zeros(network.size, dtype=torch.float32, device=network.device) for _ in range(count)
        ]
        self._helpers: list[tuple[Any, Connection]] = []
        if count == 1:
            return
        threads = max(1, torch.get_num_threads() // count)
        torch.set_num_threads(threads)
        context = multiprocessing.get_context("spawn")
        self._parameters = torch.zeros(network.size, dtype=torch.bfloat16).share_memory_()
        for gradients in self._gradients[1:]:
            ours, theirs = context.Pipe()
            helper = context.Process(
                target=_help,
                args=(recipe, theirs, self._parameters, gradients.share_memory_(), threads),
                daemon=True,
            )
            helper.start()
            theirs.close()
            self._helpers.append((helper, ours))

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for helper, pipe in self._helpers:
            pipe.close()
            helper.join(_STOP_SECONDS)
            if helper.exitcode is None:
                helper.kill()

    def work(self, numbers: Sequence[int]) -> tuple[Any, Work]:
        """The gradient, flat and not yet divided by the weight, of the packs of those numbers.

        Errors: ``TrainingError`` if another process ended.
        """
        count = len(self._gradients)
        if self._helpers:
            self._parameters.copy_(self._network.flat_parameters())
        for at, (helper, pipe) in enumerate(self._helpers, 1):
            _tell(helper, pipe, list(numbers[at::count]))
        done = [_work(self._network, self._packer, numbers[::count], self._tokens, self._gradients[0])]
        done += [_answer(helper, pipe) for helper, pipe in self._helpers]
        for gradients in self._gradients[1:]:
            self._gradients[0] += gradients
        whole = Work(
            sum(each.loss for each in done),
            sum(each.weight for each in done),
            sum(each.tokens for each in done),
        )
        return self._gradients[0], whole


def _work(network: Network, packer: PackSource, numbers: Sequence[int], tokens: int, gradients: Any) -> Work:
    gradients.zero_()
    loss, weight, places = 0.0, 0.0, 0
    for number in numbers:
        pack = packer.pack(number, tokens)
        summed, weighed = network.loss(pack)
        summed.backward()
        network.move_gradients(gradients)
        loss, weight, places = loss + float(summed.detach()), weight + weighed, places + pack.tokens
    return Work(loss, weight, places)


def _help(recipe: Recipe, pipe: Connection, parameters: Any, gradients: Any, threads: int) -> None:
    """What another process does until the first one closes its end of the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process says when to stop
    torch.set_num_threads(threads)
    network, packer = recipe.network(), recipe.packer()
    while True:
        try:
            numbers = pipe.recv()
        except EOFError:
            return
        network.set_parameters(parameters)
        pipe.send(_work(network, packer, numbers, recipe.micro_tokens, gradients))


def _tell(helper: Any, pipe: Connection, numbers: list[int]) -> None:
    try:
        pipe.send(numbers)
    except OSError as error:
        raise _ended(helper) from error


def _answer(helper: Any, pipe: Connection) -> Work:
    try:
        work: Work = pipe.recv()
    except (EOFError, OSError) as error:
        raise _ended(helper) from error
    return work


def _ended(helper: Any) -> TrainingError:
    helper.join(_STOP_SECONDS)
    return TrainingError(
        f"a process that trains beside this one ended ({helper.exitcode}); what it wrote stands above. "
        "The same command goes on from the last checkpoint; --workers 1 needs less memory"
    )
