"""Questions to one model, shared out among processes, each with the model and one thread of its own.

A token tree is a small batch: two threads in one model gain little over one, two models nearly double what
is done. Questions of one share stay together and in order: they have most of their prefix in common.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from typing import TypeVar

from byte_lsp.evaluation.contenders import Contender, open_contender
from byte_lsp.evaluation.local import LocalModel

Q = TypeVar("Q")
A = TypeVar("A")

Ask = Callable[[LocalModel, Sequence[Q]], Iterable[A]]
"""Asks one share's questions; a function of a module, or a partial one, where there are several processes."""

_until_exit = ExitStack()
_opened: list[LocalModel] = []  # in a worker process: its model


def ask_all(
    contender: Contender, shares: Sequence[Sequence[Q]], ask: Ask[Q, A], jobs: int = 1
) -> Iterator[A]:
    """The answers as they are found. The model is loaded only if there is a question.

    With more ``jobs`` than one each is a process: times are longer, the whole takes less. Errors: those of
    ``open_contender``, and what ``ask`` raises.
    """
    if not shares:
        return
    if jobs > 1:
        yield from _ask_in_processes(contender, shares, ask, jobs)
        return
    with open_contender(contender) as model:
        for share in shares:
            yield from ask(model, share)


def _ask_in_processes(
    contender: Contender, shares: Sequence[Sequence[Q]], ask: Ask[Q, A], jobs: int
) -> Iterator[A]:
    context = multiprocessing.get_context("spawn")  # a forked llama.cpp has none of its threads
    with ProcessPoolExecutor(jobs, context, initializer=_open, initargs=(contender,)) as pool:
        futures = [pool.submit(_ask_share, share, ask) for share in shares]
        try:
            for future in as_completed(futures):
                yield from future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _open(contender: Contender) -> None:
    _opened.append(_until_exit.enter_context(open_contender(contender, threads=1)))


def _ask_share(share: Sequence[Q], ask: Ask[Q, A]) -> list[A]:
    (model,) = _opened
    return list(ask(model, share))
