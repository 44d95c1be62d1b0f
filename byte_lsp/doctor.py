"""What a person, or a bug report, needs to know about byte-lsp on this machine, and what to do about it."""

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from byte_lsp import __version__
from byte_lsp.catalog import Model, PathSource, load_catalog
from byte_lsp.errors import ByteLspError, WorkerDied
from byte_lsp.models import local_path, verify
from byte_lsp.models.cache import cache_folder, file_path
from byte_lsp.worker.handle import Worker
from byte_lsp.worker.messages import Measurement, MemberConfig, WorkerConfig
from byte_lsp.worker.safe_path import remembered_crash

PACKAGES = ("llama-cpp-python", "gguf", "pygls", "lsprotocol")
_PROCESSOR_FILE = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Machine:
    """The system and the processor. ``amx`` are its AMX features, None where the system does not tell."""

    system: str
    processor: str
    cores: int
    threads: int
    amx: tuple[str, ...] | None
    memory_bytes: int
    available_bytes: int


@dataclass(frozen=True, slots=True)
class CacheState:
    """The folder for models; ``free_bytes`` is the space left where it lies or will lie."""

    folder: str
    writable: bool
    free_bytes: int


@dataclass(frozen=True, slots=True)
class ModelState:
    """The model's file. ``problem`` is empty if it is there and as it should be.

    ``expected_sha256`` is None where nothing says what it should be.
    """

    name: str
    path: str
    problem: str
    size_bytes: int | None
    sha256: str | None
    expected_sha256: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """How the model ran just now. ``crash`` is why it runs on the safe path."""

    safe_path: bool
    crash: str
    measurement: Measurement


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything found. ``run`` is None if the model cannot run; ``problems`` say what to do, a line each."""

    versions: dict[str, str | None]
    machine: Machine
    cache: CacheState
    model: ModelState
    run: Run | None
    problems: tuple[str, ...]


def examine(model_name: str) -> Diagnosis:
    """Look at everything and run the model, which is not pulled for that. Errors: ``CatalogError``."""
    model = load_catalog().resolve(model_name)
    versions = find_versions()
    machine = look_at_machine()
    cache = look_at_cache()
    model_state = look_at_model(model)
    problems = [*_missing_packages(versions), *_cache_problems(cache)]
    run = None
    if model_state.problem:
        problems.append(model_state.problem)
    else:
        try:
            run = try_model(model)
        except ByteLspError as error:
            problems.append(f"the model cannot run: {error}; if it should, reinstall llama-cpp-python")
    if run is not None and run.safe_path:
        problems.append(
            f"the model runs on the safe path, which is slower, because the fast one crashed here "
            f"({run.crash}); after an update of llama-cpp-python run: byte-lsp doctor --retry-fast"
        )
    return Diagnosis(versions, machine, cache, model_state, run, tuple(problems))


def find_versions() -> dict[str, str | None]:
    """Versions of byte-lsp, Python and the packages that matter most; None for one that is missing."""
    versions: dict[str, str | None] = {"byte-lsp": __version__, "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return versions


def look_at_machine() -> Machine:
    """The machine as it is now."""
    memory = psutil.virtual_memory()
    facts = _processor_facts()
    flags = facts.get("flags")
    return Machine(
        system=platform.platform(),
        processor=facts.get("model name") or platform.processor() or platform.machine(),
        cores=psutil.cpu_count(logical=False) or 1,
        threads=psutil.cpu_count() or 1,
        amx=None if flags is None else tuple(flag for flag in flags.split() if flag.startswith("amx")),
        memory_bytes=memory.total,
        available_bytes=memory.available,
    )


def look_at_cache() -> CacheState:
    """The cache folder, which need not exist yet."""
    folder = cache_folder().absolute()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    writable = there.is_dir() and os.access(there, os.W_OK)
    return CacheState(str(folder), writable, shutil.disk_usage(there).free)


def look_at_model(model: Model) -> ModelState:
    """Read the model's whole file and compare its hash."""
    path = file_path(model)
    pull = f"run: byte-lsp models pull {model.name}"
    if local_path(model) is None and not isinstance(model.source, PathSource):
        problem = f"{model.name} is not on this machine; {pull}"
        return ModelState(model.name, str(path), problem, None, None, None)
    verification = verify(model)
    advice = "give the path of a .gguf model file" if isinstance(model.source, PathSource) else pull
    return ModelState(
        name=model.name,
        path=str(path),
        problem="" if verification.ok else f"{verification.problem}; {advice}",
        size_bytes=path.stat().st_size if path.is_file() else None,
        sha256=verification.found_sha256,
        expected_sha256=verification.expected_sha256,
    )


def try_model(model: Model) -> Run:
    """Load the model in a worker and measure it. Errors: ``EngineError``."""
    path = file_path(model)
    worker = Worker(WorkerConfig.of(MemberConfig.of(model, path)))
    try:
        try:
            measurement = worker.measure().result()
        except WorkerDied:  # it comes back, after a crash on the safe path
            measurement = worker.measure().result()
        crash = (remembered_crash(str(path)) or "just now") if worker.safe_path else ""
        return Run(worker.safe_path, crash, measurement)
    finally:
        worker.close()


def _missing_packages(versions: dict[str, str | None]) -> list[str]:
    missing = [name for name, found in versions.items() if found is None]
    return [f"{name} is not installed; run: {sys.executable} -m pip install {name}" for name in missing]


def _cache_problems(cache: CacheState) -> list[str]:
    if cache.writable:
        return []
    return [f"{cache.folder} cannot be written; make it writable, or set BYTE_LSP_CACHE to another folder"]


def _processor_facts() -> dict[str, str]:
    """What Linux says of the first processor; elsewhere nothing."""
    try:
        lines = _PROCESSOR_FILE.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines[: lines.index("") if "" in lines else None])
    return {key.strip(): value.strip() for key, _, value in pairs}
