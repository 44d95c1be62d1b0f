"""The servers of this user that run: each keeps a file in the state folder, ``byte-lsp status`` reads them.

The folder is the platform's for state (``platformdirs``), or what ``BYTE_LSP_STATE`` says. A file is named
after its process; one of a process that is gone, or whose number another process has now, is removed by who
reads it.
"""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import platformdirs

from byte_lsp.private_files import make_private_folder, write_private_file

SAME_START_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """What a server says of itself. Times are seconds since 1970; ``started_s`` is when its process began."""

    pid: int
    started_s: float
    updated_s: float
    version: str
    editor: str
    workspace: tuple[str, ...]
    model: str
    state: str
    message: str
    action: str
    worker_pid: int | None
    counters: dict[str, int] = field(default_factory=dict)


def servers_folder() -> Path:
    """Where the servers' files lie; it need not exist."""
    chosen = os.environ.get("BYTE_LSP_STATE")
    state = Path(chosen) if chosen else platformdirs.user_state_path("byte-lsp", appauthor=False)
    return state / "servers"


def write_server(server: RunningServer) -> None:
    """Write a server's file, in one step, for this user alone. Errors: ``OSError``."""
    folder = servers_folder()
    make_private_folder(folder)
    write_private_file(_file(folder, server.pid), json.dumps(asdict(server)))


def remove_server(pid: int) -> None:
    """Remove a server's file, if there is one. A folder that cannot be written keeps a file too many."""
    with suppress(OSError):
        _file(servers_folder(), pid).unlink(missing_ok=True)


def running_servers() -> list[RunningServer]:
    """The servers that run, the oldest first."""
    found = (read_server(path) for path in sorted(_files()))
    alive = []
    for server in (each for each in found if each is not None):
        if _is_alive(server):
            alive.append(server)
        else:
            remove_server(server.pid)
    return sorted(alive, key=lambda server: server.started_s)


def read_server(path: Path) -> RunningServer | None:
    """What a file says; None if it is of another version of byte-lsp, or damaged."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        return RunningServer(**{**tree, "workspace": tuple(tree["workspace"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _files() -> Iterable[Path]:
    return servers_folder().glob("*.json")


def _file(folder: Path, pid: int) -> Path:
    return folder / f"{pid}.json"


def _is_alive(server: RunningServer) -> bool:
    import psutil  # noqa: PLC0415 - the server, which writes only, does without

    try:
        process = psutil.Process(server.pid)
        began = abs(process.create_time() - server.started_s) < SAME_START_SECONDS
        return began and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # another user's process has taken the number
        return False
