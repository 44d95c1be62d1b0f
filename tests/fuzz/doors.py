"""The doors that are fuzzed: how an input is checked, and where inputs are kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

Door = Literal["lsp", "gguf"]
DOORS: tuple[Door, ...] = ("lsp", "gguf")
_HERE = Path(__file__).parent


def check_of(door: Door) -> Callable[[bytes], None]:
    """What to do with an input; it raises if something does not hold. Imported when it is asked for."""
    if door == "lsp":
        from tests.fuzz.lsp_door import check
    else:
        from tests.fuzz.gguf_door import check
    return check


def corpus_of(door: Door) -> Path:
    """Small inputs that together reach what was ever reached."""
    return _HERE / "corpus" / door


def found_of(door: Door) -> Path:
    """Inputs that something did not hold for, once."""
    return _HERE / "found" / door


def inputs_of(door: Door) -> list[Path]:
    """Everything that is kept."""
    return sorted(path for folder in (corpus_of(door), found_of(door)) for path in folder.iterdir())
