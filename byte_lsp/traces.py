"""Where an exception came from, without what it says: its message may quote somebody's document."""

import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType

from byte_lsp.errors import TransportError

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]
_QUOTE_NOTHING = (TransportError,)
SILENT = "(what it says is left out: it may quote a document)"


def describe(error: BaseException) -> str:
    """The stack and the type of an exception and of those that led to it, the first first."""
    return "\n".join("".join(_parts(each)).rstrip() for each in reversed(list(_chain(error))))


def print_trace() -> None:
    """``describe`` the exception that is being handled, on standard error."""
    error = sys.exc_info()[1]
    if error is not None:
        print(describe(error), file=sys.stderr, flush=True)


def print_uncaught_discreetly() -> None:
    """Have what nobody catches printed without its message."""
    hear_of_uncaught(lambda what, error: print(f"{what}\n{describe(error)}", file=sys.stderr, flush=True))


def hear_of_uncaught(tell: Callable[[str, BaseException], None]) -> None:
    """Have ``tell`` called for what nobody catches, in place of Python, which prints it with its message."""

    def in_main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not isinstance(error, KeyboardInterrupt):
            tell("nobody caught an exception", error)

    def in_thread(given: threading.ExceptHookArgs) -> None:
        if given.exc_value is not None and not isinstance(given.exc_value, SystemExit):
            name = given.thread.name if given.thread else "?"
            tell(f"nobody caught an exception in the thread {name}", given.exc_value)

    def in_cleanup(given: "sys.UnraisableHookArgs") -> None:
        if given.exc_value is not None:
            tell("an exception could not be raised", given.exc_value)

    sys.excepthook, threading.excepthook, sys.unraisablehook = in_main, in_thread, in_cleanup


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


def _parts(error: BaseException) -> Iterator[str]:
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_list(traceback.extract_tb(error.__traceback__))
    says = f": {error}" if isinstance(error, _QUOTE_NOTHING) else f" {SILENT}"
    yield f"{type(error).__module__}.{type(error).__qualname__}{says}\n"
