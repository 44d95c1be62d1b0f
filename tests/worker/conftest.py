"""Workers of the real model, and what they tell."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from byte_lsp.worker.handle import Worker
from byte_lsp.worker.messages import WorkerConfig, WorkerEvent
from byte_lsp.worker.watchdog import Patience


class Told:
    """The events of one worker, in order."""

    def __init__(self) -> None:
        self.events: list[WorkerEvent] = []

    def states(self) -> list[str]:
        return [event.state for event in self.events]

    def restarts(self) -> list[WorkerEvent]:
        return [event for event in self.events if event.restarted]


StartWorker = Callable[..., tuple[Worker, Told]]


@pytest.fixture
def start_worker(
    smollm2_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StartWorker]:
    """Starts workers that remember safe paths in a folder of the test's own, and ends them."""
    monkeypatch.setenv("BYTE_LSP_CACHE", str(tmp_path / "cache"))
    workers: list[Worker] = []

    def start(
        model_path: Path = smollm2_path, *, fault: str = "", patience: Patience | None = None, **options: Any
    ) -> tuple[Worker, Told]:
        monkeypatch.setenv("BYTE_LSP_FAULT", fault)
        told = Told()
        options = {"context_tokens": 1024, "start_token": "<|endoftext|>"} | options
        config = WorkerConfig(str(model_path), **options)
        worker = Worker(config, told.events.append, patience=patience)
        workers.append(worker)
        return worker, told

    yield start
    for worker in workers:
        worker.close()
