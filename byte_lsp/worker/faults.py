"""Faults on demand: real ones, so that recovery can be tested where the machine itself is sound.

``BYTE_LSP_FAULT`` is ``PLACE:WHAT`` or ``PLACE:WHAT:FILE``. With a file the fault happens once: while it is
there, and the fault takes it away.

==================== ====================================================================================
place                when
==================== ====================================================================================
``loading``          the worker has heard which model to load
``first-evaluation`` the model is loaded, and nothing was evaluated yet
``request``          a request was taken up, and nothing was done for it
``prompt``           a request's first evaluation is about to begin
``generation``       one of a request's later evaluations is about to begin
``answer``           a request is solved, and its answer not sent
``idle``             an answer was sent, and the next request not taken up
==================== ====================================================================================

================ ========================================================================================
what             what happens
================ ========================================================================================
``kill``         the process is killed, as the kernel does it when memory runs out
``crash``        native code crashes, unless it is on the safe path
``crash-always`` native code crashes
``bus-error``    a page of a mapped file is not there any more
``spam``         native code writes to file descriptor 1
``memory``       there is no memory to be had
``loop``         a loop never ends
``stop``         the process is stopped, as by a debugger
================ ========================================================================================
"""

import ctypes
import os
import signal
from collections.abc import Callable, Sequence
from typing import Any, cast

from byte_lsp.engines.protocol import Engine, Logits, TokenTree

_FIRST, _LATER = 1, 3
_TOO_MUCH = 1 << 62


def strike(place: str, *, safe_path: bool = True) -> None:
    """Let the fault asked for at this place happen, if there is one."""
    where, _, fault = os.environ.get("BYTE_LSP_FAULT", "").partition(":")
    what, _, once = fault.partition(":")
    if where != place or (once and not _take_away(once)):
        return
    if what == "crash" and safe_path:
        return
    _FAULTS[what]()


def watched(engine: Engine) -> Engine:
    """The engine, with the places ``prompt`` and ``generation`` in it if a fault is asked for there."""
    is_meant = os.environ.get("BYTE_LSP_FAULT", "").startswith(("prompt:", "generation:"))
    return cast("Engine", _Watched(engine)) if is_meant else engine


def begin_request(engines: Sequence[Engine]) -> None:
    """A request was taken up."""
    for engine in engines:
        if isinstance(engine, _Watched):
            engine.evaluations = 0
    strike("request")


class _Watched:
    """An engine that counts its evaluations since the last request was taken up."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.evaluations = _LATER + 1

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        self.evaluations += 1
        if self.evaluations == _FIRST:
            strike("prompt")
        if self.evaluations == _LATER:
            strike("generation")
        return self._engine.evaluate(tree, nodes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def _take_away(path: str) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def _kill() -> None:
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def _crash() -> None:
    ctypes.string_at(0)


def _lose_page() -> None:
    signal.raise_signal(signal.SIGBUS)


def _spam() -> None:
    os.write(1, b"spam from native code\n" * 100)


def _exhaust_memory() -> None:
    bytearray(_TOO_MUCH)


def _loop() -> None:
    while True:
        pass


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


_FAULTS: dict[str, Callable[[], None]] = {
    "kill": _kill,
    "crash": _crash,
    "crash-always": _crash,
    "bus-error": _lose_page,
    "spam": _spam,
    "memory": _exhaust_memory,
    "loop": _loop,
    "stop": _stop,
}
