"""Faults on demand: real ones, so that recovery can be tested where the machine itself is sound.

``BYTE_LSP_FAULT`` names a place in the worker and what happens there: ``first-evaluation:crash`` raises the
signal of a crash in native code unless the safe path is on; ``first-evaluation:crash-always`` raises it on
every path; ``first-evaluation:spam`` writes to file descriptor 1 as a careless native library would.
"""

import ctypes
import os


def strike(place: str, *, safe_path: bool) -> None:
    """Let the fault asked for at this place happen, if there is one."""
    where, _, what = os.environ.get("BYTE_LSP_FAULT", "").partition(":")
    if where != place:
        return
    if what == "spam":
        os.write(1, b"spam from native code\n" * 100)
    if what == "crash-always" or (what == "crash" and not safe_path):
        ctypes.string_at(0)
