"""Programs that a release runs: found on the PATH, run with an environment that is said aloud."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from editors.release.errors import Missing, ReleaseError

TIMEOUT_S = 1800
_OUTER_PYTHON = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


def find_tool(name: str, advice: str) -> str:
    """The path of a program. Errors: ``Missing`` with what to do."""
    path = shutil.which(name)
    if path is None:
        raise Missing(f"there is no {name} on the PATH: {advice}")
    return path


def run_tool(
    *command: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: int = TIMEOUT_S,
) -> str:
    """Run a program and return what it prints. Errors: ``ReleaseError`` with the last lines it printed."""
    spelled = " ".join(map(str, command))
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**outer_environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ReleaseError(f"{spelled} did not end within {timeout_s} seconds.") from error
    except OSError as error:
        raise ReleaseError(f"{spelled} cannot be run: {error.strerror}.") from error
    printed = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        last_lines = "\n".join(printed.strip().splitlines()[-20:])
        raise ReleaseError(f"{spelled} ended with code {done.returncode}:\n{last_lines}")
    return printed


def outer_environment() -> dict[str, str]:
    """The environment, without what ties programs to the Python that runs this."""
    return {name: value for name, value in os.environ.items() if name not in _OUTER_PYTHON}


def empty_home(folder: Path) -> dict[str, str]:
    """An environment in which ``folder`` is a home with nothing in it."""
    places = {
        "XDG_CONFIG_HOME": "config",
        "XDG_DATA_HOME": "data",
        "XDG_STATE_HOME": "state",
        "XDG_CACHE_HOME": "cache",
    }
    for name in places.values():
        (folder / name).mkdir(parents=True, exist_ok=True)
    cache = {"BYTE_LSP_CACHE": str(folder / "models")}
    return {"HOME": str(folder), **{name: str(folder / place) for name, place in places.items()}, **cache}
