"""How a worker's process came to an end, and what whoever uses it may do about that."""

import errno
import signal
from dataclasses import dataclass

CRASH_SIGNALS = frozenset(
    number
    for name in ("SIGSEGV", "SIGILL", "SIGBUS", "SIGFPE")
    if (number := getattr(signal, name, None)) is not None
)
WINDOWS_CRASHES = frozenset({0xC0000005, 0xC000001D, 0xC0000094})

OUT_OF_MEMORY = errno.ENOMEM
"""The exit code of a worker that can get no memory for its work: it is started again with all of it free."""

DOCTOR = "run `byte-lsp doctor`, or choose a smaller model"
LESS_MEMORY = "lower engine.context_tokens or choose a smaller model"
_OF_MEMORY = frozenset(
    number for name in ("SIGKILL", "SIGABRT") if (number := getattr(signal, name, None)) is not None
)
"""What the kernel ends a process with when memory runs out, and what C++ ends one with that gets none."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a process: ``what`` completes "the model process ...", ``advice`` says what to do.

    ``cause`` is the same in a word or two. ``is_crash`` says that native code crashed by itself.
    """

    cause: str
    what: str
    advice: str = ""
    is_crash: bool = False


def died(code: int) -> Ending:
    """A process that ended by itself or was killed by others; ``code`` as ``subprocess`` has it."""
    if code == OUT_OF_MEMORY:
        return Ending("out of memory", "ran out of memory", LESS_MEMORY)
    cause = _name(code)
    advice = f"{LESS_MEMORY}, or run `byte-lsp doctor`" if -code in _OF_MEMORY else ""
    return Ending(
        cause, f"ended ({cause})", advice, is_crash=code in WINDOWS_CRASHES or -code in CRASH_SIGNALS
    )


def hung(why: str) -> Ending:
    """A process that was killed because it did nothing any more."""
    return Ending("hung", f"hung ({why})", DOCTOR)


def file_changed(path: str) -> Ending:
    """A process that was killed, or crashed, because somebody wrote to the model file that it had mapped."""
    what = f"was ended ({path} was changed while it was in use)"
    return Ending("model file changed", what, "give a model file another name while it is being written")


def _name(code: int) -> str:
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code:#x}" if code > 255 else f"exit code {code}"
