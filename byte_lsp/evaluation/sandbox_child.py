"""Runs one program that nobody has read, for ``sandbox``. A script that needs the standard library alone.

    python -I -S sandbox_child.py VERDICT_FD < job

The job is a marshalled dictionary: ``program``, ``entry_point``, ``token``, ``limits``. The program's
``check(entry_point)`` is called in the working directory, the only folder that may be written. On VERDICT_FD
stands ``passed TOKEN`` if it returned, else ``failed`` and why. What is refused raises ``PermissionError`` in
the program (an audit hook, PEP 578); behind that, limits that cannot be raised again, a network namespace
where Linux allows one, and no rights where there were root's.
"""

import _posixsubprocess
import ctypes
import marshal
import os
import resource
import sys
from collections.abc import Callable, Mapping
from types import ModuleType

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
NOBODY = 65534
MOST_REASON_CHARACTERS = 200
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
HARMLESS = frozenset({"os.listdir", "os.scandir", "os.walk", "os.fwalk", "os.putenv", "os.unsetenv"})
REFUSED_FAMILIES = frozenset(
    {
        "cpython",
        "ctypes",
        "fcntl",
        "ftplib",
        "http",
        "imaplib",
        "os",
        "poplib",
        "pty",
        "resource",
        "shutil",
        "signal",
        "smtplib",
        "socket",
        "sqlite3",
        "subprocess",
        "syslog",
        "telnetlib",
        "urllib",
        "webbrowser",
    }
)
STARTS_PROCESSES = _posixsubprocess.__name__


def main() -> None:
    """Read the job, give up what the program may not have, run it, tell the verdict."""
    verdict_fd = int(sys.argv[1])
    job = marshal.load(sys.stdin.buffer)
    shut_in(job["limits"])
    verdict = judge(job["program"], job["entry_point"], job["token"])
    os.write(verdict_fd, verdict.encode("utf-8", "replace"))
    os._exit(0)  # the program's threads and exit handlers have no say


def judge(program: str, entry_point: str, token: str) -> str:
    """Run the program and its check."""
    module = ModuleType("program")
    sys.modules["program"] = module
    try:
        exec(compile(program, "program.py", "exec"), module.__dict__)
        module.check(getattr(module, entry_point))
    except BaseException as error:  # noqa: BLE001 - whatever ends a program is its verdict
        return f"failed {describe(error)}"
    return f"passed {token}"


def describe(error: BaseException) -> str:
    """An exception on one line, even one whose own text fails."""
    name = type(error).__name__
    try:
        return " ".join(f"{name}: {error}".split())[:MOST_REASON_CHARACTERS].removesuffix(":")
    except Exception:  # noqa: BLE001 - the program wrote __str__
        return name


def shut_in(limits: Mapping[str, int]) -> None:
    """Give up, for good, what the program may not have."""
    folder = os.getcwd()
    leave_network()
    leave_root()
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.environ.clear()
    set_limit(resource.RLIMIT_CPU, limits["cpu_s"], limits["cpu_s"] + 1)  # the first one says what it was
    set_limit(resource.RLIMIT_FSIZE, limits["file_bytes"])
    set_limit(resource.RLIMIT_NOFILE, limits["open_files"])
    set_limit(resource.RLIMIT_CORE, 0)
    set_limit(resource.RLIMIT_NPROC, 0)
    try:
        set_limit(resource.RLIMIT_AS, limits["memory_bytes"])
    except ValueError:
        if sys.platform != "darwin":  # which does not keep to it, and in some releases refuses it
            raise
    vars(_posixsubprocess)["fork_exec"] = refuse  # it alone starts processes and is not audited
    sys.addaudithook(make_guard(folder))


def refuse(*_: object) -> None:
    """Stand in for what must not be called."""
    raise PermissionError("starting a process is refused in the sandbox")


def set_limit(kind: int, soft: int, hard: int | None = None) -> None:
    """Lower a limit, as far as it is not lower already."""
    wanted = soft if hard is None else hard
    inherited = resource.getrlimit(kind)[1]
    most = wanted if inherited == resource.RLIM_INFINITY else min(wanted, inherited)
    resource.setrlimit(kind, (min(soft, most), most))


def leave_network() -> None:
    """Go where there is no network, if this is a Linux that allows it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).unshare(CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWUSER | CLONE_NEWNET)


def leave_root() -> None:
    """Become nobody, who has no rights and is bound by the limit on processes, if root.

    Not where nobody cannot read the standard library, which the program may import.
    """
    if os.geteuid() != 0:
        return
    os.seteuid(NOBODY)
    can_read = os.access(os.__file__, os.R_OK, effective_ids=True)
    os.seteuid(0)
    if can_read:
        os.chown(".", NOBODY, NOBODY)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def make_guard(folder: str) -> Callable[[str, tuple[object, ...]], None]:
    """The audit hook. It keeps to itself what it needs: the program can reach what this module names."""
    families, harmless, writing, inside = REFUSED_FAMILIES, HARMLESS, WRITING, folder + "/"
    is_folder = os.path.isdir

    def guard(event: str, args: tuple[object, ...]) -> None:
        if event == "open":
            path, mode, flags = args
            if type(path) is int:
                return
            if mode is None and is_folder(path):  # type: ignore[arg-type]
                raise PermissionError("a folder's descriptor is refused: it leads out of the sandbox")
            if flags & writing and not (type(path) is str and "/" not in path.removeprefix(inside)):  # type: ignore[operator]
                raise PermissionError(f"writing {path!r} is refused: it is not in the sandbox's folder")
        elif event == "import" and args[0] == STARTS_PROCESSES:
            raise PermissionError(f"importing {args[0]} again is refused in the sandbox")
        elif event.partition(".")[0] in families and event not in harmless:
            raise PermissionError(f"{event} is refused in the sandbox")

    return guard


if __name__ == "__main__":
    main()
