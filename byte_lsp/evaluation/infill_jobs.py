"""Holes shared out among processes, each with the model and one thread of its own.

A token tree is a small batch: two threads in one model gain little over one, two models nearly double what
is done. Holes of one cluster stay together, since they share most of their prefix.
"""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from itertools import groupby

from byte_lsp.evaluation.infill_ask import Observation, Recipe, observe
from byte_lsp.evaluation.infill_tasks import Task
from byte_lsp.evaluation.local import LocalModel, ModelFile, open_local

_until_exit = ExitStack()
_opened: list[LocalModel] = []  # in a worker process: its model


def observe_in_processes(
    model: str, tasks: Sequence[Task], recipe: Recipe, jobs: int
) -> Iterator[tuple[ModelFile, Observation]]:
    """The answers in all holes as they are found, and the model file that gave them."""
    context = multiprocessing.get_context("spawn")  # a forked llama.cpp has none of its threads
    shares = [list(share) for _, share in groupby(tasks, key=lambda task: (task.dataset, task.cluster))]
    with ProcessPoolExecutor(jobs, context, initializer=_open, initargs=(model,)) as pool:
        futures = [pool.submit(_observe_share, share, recipe) for share in shares]
        try:
            for future in as_completed(futures):
                file, observations = future.result()
                yield from ((file, each) for each in observations)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _open(model: str) -> None:
    _opened.append(_until_exit.enter_context(open_local(model, threads=1)))


def _observe_share(tasks: Sequence[Task], recipe: Recipe) -> tuple[ModelFile, list[Observation]]:
    (model,) = _opened
    return model.file, list(observe(model, tasks, recipe))
