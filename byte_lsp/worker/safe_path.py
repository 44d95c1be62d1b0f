"""Which models must run on the safe path on this machine: remembered once a crash has shown it.

Some of llama.cpp's kernels for repacked weights crash on some machines (ggml-org/llama.cpp #20824, #26954).
The choice is kept per machine, llama-cpp-python version and model file.
"""

import hashlib
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from byte_lsp.models.cache import cache_folder
from byte_lsp.private_files import write_private_file


def needs_safe_path(model_path: str) -> bool:
    """Whether this model has crashed on this machine before."""
    return remembered_crash(model_path) is not None


def remembered_crash(model_path: str) -> str | None:
    """How this model crashed on this machine, or None if it did not."""
    return _read().get(_key(model_path))


def remember_safe_path(model_path: str, reason: str) -> None:
    """Keep to the safe path for this model from now on. An unwritable cache folder costs only the memory."""
    known = _read()
    known[_key(model_path)] = reason
    path = _file()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private_file(path, json.dumps(known, indent=1))
    except OSError:
        return


def forget_safe_paths() -> None:
    """Try the fast path again for every model."""
    _file().unlink(missing_ok=True)


def _read() -> dict[str, str]:
    try:
        known = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _file() -> Path:
    return cache_folder() / "safe-path.json"


def _key(model_path: str) -> str:
    try:
        stat = Path(model_path).stat()
        file = f"{Path(model_path).name} {stat.st_size}"
    except OSError:
        file = Path(model_path).name
    return hashlib.sha256(f"{_machine()} {_binding()} {file}".encode()).hexdigest()[:32]


def _machine() -> str:
    return f"{platform.node()} {platform.machine()} {_processor()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("model name")), "") + next(
        (line for line in lines if line.startswith("flags")), ""
    )


def _binding() -> str:
    try:
        return version("llama-cpp-python")
    except PackageNotFoundError:
        return "none"
