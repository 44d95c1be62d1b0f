"""An event loop in which waiting takes no time."""

import asyncio
import selectors
from typing import Any


class _Impatient(selectors.SelectSelector):
    """Instead of waiting it moves the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is not None and timeout > 0:
            self.now += timeout
        return super().select(None if timeout is None else 0)


class HurriedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to whatever is due next, and that knows what went wrong in it."""

    def __init__(self) -> None:
        self._impatient = _Impatient()
        super().__init__(self._impatient)
        self._tasks: list[asyncio.Task[Any]] = []
        self._faults: list[str] = []
        self.set_exception_handler(lambda _, fault: self._faults.append(str(fault)))
        self.set_task_factory(self._keep_task)

    def time(self) -> float:
        return self._impatient.now

    def faults(self) -> list[str]:
        """What was raised in callbacks, and in tasks without anybody looking at it."""
        unseen = [task for task in self._tasks if task.done() and getattr(task, "_log_traceback", False)]
        return self._faults + [repr(task.exception()) for task in unseen]

    def _keep_task(self, loop: Any, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=loop, **options)
        self._tasks.append(task)
        return task
