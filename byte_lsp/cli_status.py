"""``byte-lsp status``: the servers of this user that run, what they are at, and what to do about it."""

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass

import psutil
from rich.console import Console
from rich.table import Table

from byte_lsp.running import RunningServer, running_servers


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes of memory that are resident, of the server and of the worker; None where it cannot be seen."""

    server_bytes: int | None
    worker_bytes: int | None


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``status`` to the command line; its arguments go to ``run``."""
    parser = subparsers.add_parser(
        "status",
        help="the servers that run, and what they are at",
        description="List the servers that editors of yours have started: state, model, workspace, memory, "
        "requests. A line below says what to do where something is to do.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the servers; returns the exit code, which is 0 also when there is none."""
    servers = running_servers()
    if args.json:
        print(json.dumps([_describe(server) for server in servers], indent=2))
    elif not servers:
        print("no server is running; an editor starts one when it opens a file")
    else:
        console = Console()
        console.print(_table(servers))
        for server in servers:
            if server.action:
                console.print(
                    f"{server.pid}: {server.message}. {server.action}", highlight=False, markup=False
                )
    return 0


def _describe(server: RunningServer) -> dict[str, object]:
    return {**asdict(server), "uptime_s": round(_uptime_s(server), 1), **asdict(_usage(server))}


def _table(servers: list[RunningServer]) -> Table:
    names = (
        *("pid", "version", "state", "model", "workspace", "editor", "up", "memory"),
        *("requests", "answered", "accepted"),
    )
    table = Table(*names, box=None, header_style="bold")
    for server in servers:
        counters = server.counters
        table.add_row(
            str(server.pid),
            server.version,
            server.state,
            server.model,
            ", ".join(map(_short, server.workspace)) or "none",
            server.editor,
            _duration(_uptime_s(server)),
            _memory(_usage(server)),
            f"{counters.get('requests', 0):,}",
            f"{counters.get('answered', 0):,}",
            _accepted(counters),
        )
    return table


def _accepted(counters: dict[str, int]) -> str:
    """Suggestions that were accepted, whole or in part; nothing where the editor does not tell."""
    count = counters.get("taken", 0)
    return f"{count:,}" if count or counters.get("shown") else ""


def _uptime_s(server: RunningServer) -> float:
    return max(0.0, time.time() - server.started_s)


def _usage(server: RunningServer) -> Usage:
    return Usage(_resident_bytes(server.pid), _resident_bytes(server.worker_pid))


def _resident_bytes(pid: int | None) -> int | None:
    if pid is None:
        return None
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def _memory(usage: Usage) -> str:
    parts = (f"{count / 1e6:.0f}" for count in (usage.server_bytes, usage.worker_bytes) if count is not None)
    return " + ".join(parts) + " MB"


def _duration(seconds: float) -> str:
    minutes = int(seconds) // 60
    if minutes == 0:
        return f"{int(seconds)} s"
    hours, minutes = divmod(minutes, 60)
    if hours == 0:
        return f"{minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min"


def _short(folder: str) -> str:
    home = os.path.expanduser("~")
    return f"~{folder[len(home) :]}" if folder.startswith(f"{home}/") else folder
