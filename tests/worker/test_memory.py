"""How the worker's C library is told to give memory back."""

import sys

import psutil
import pytest

from byte_lsp.worker.handle import ALLOCATOR
from tests.worker.conftest import StartWorker
from tests.worker.test_recovery import SHORT, wait_for_pid

TRIM = "MALLOC_TRIM_THRESHOLD_"


@pytest.mark.skipif(sys.platform == "win32", reason="this platform's C library does not read these variables")
def test_the_allocator_is_told_unless_the_user_told_it(
    start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRIM, "1234567")
    worker, _ = start_worker()
    worker.infill(SHORT).result(120)
    environment = psutil.Process(wait_for_pid(worker)).environ()
    others = {name: value for name, value in ALLOCATOR.items() if name != TRIM}
    assert others
    assert {name: environment[name] for name in others} == others
    assert environment[TRIM] == "1234567"
