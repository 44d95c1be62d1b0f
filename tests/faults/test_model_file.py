"""The model file is deleted, cut off or replaced while the worker has it mapped."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from byte_lsp.catalog import load_catalog
from tests.faults.conftest import OF_THE_MODEL, Fault, Seat, TakeSeat, until
from tests.server.conftest import StartServer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows lets nobody write to a mapped file")

RETRY = " (to try again: the command byteLsp.restart)"
PINNED = "smollm2-135m"


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(bytes(4096))


def replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())
    overwrite(other)
    os.replace(other, path)


async def take_seat_with_catalogue(start_server: StartServer, cache: Path) -> Seat:
    options = {"model": PINNED, "suggest": OF_THE_MODEL, "engine": {"context_tokens": 1024}}
    seat = Seat(await start_server(options=options, env={"BYTE_LSP_CACHE": str(cache)}))
    await seat.client.wait_for_ready()
    return seat


async def test_a_deleted_file_goes_on_to_answer_until_the_worker_ends(
    take_seat: TakeSeat, own_model: Path
) -> None:
    seat = await take_seat(str(own_model))
    kept = own_model.with_suffix(".kept")
    own_model.rename(kept)
    await seat.works()
    assert (seat.warnings, seat.errors) == ([], [])
    os.kill(await seat.worker(), signal.SIGKILL)
    await seat.until_state("failed")
    assert (seat.warnings, seat.errors) == (
        [],
        [
            "byte-lsp: the model process ended (SIGKILL) and cannot be started again: "
            f"{own_model} cannot be read (No such file or directory); give the path of a .gguf model file"
            + RETRY
        ],
    )
    kept.rename(own_model)
    await seat.restart()
    await seat.until_state("ready")
    await seat.works()


@pytest.mark.parametrize("spoil", [cut_off, overwrite])
async def test_a_file_that_was_written_to_is_noticed_before_anything_of_it_is_shown(
    take_seat: TakeSeat, own_model: Path, spoil: Callable[[Path], None]
) -> None:
    seat = await take_seat(str(own_model))
    await seat.works()
    spoil(own_model)
    assert await seat.suggestion() == ""
    await until(lambda: bool(seat.warnings))
    assert seat.warnings == [
        f"byte-lsp: The model process was ended ({own_model} was changed while it was in use) and was "
        "started again. If that happens again, give a model file another name while it is being written."
    ]


async def test_a_file_that_was_cut_off_fails_with_its_name(take_seat: TakeSeat, own_model: Path) -> None:
    seat = await take_seat(str(own_model))
    cut_off(own_model)
    assert await seat.suggestion() == ""
    await seat.until_state("failed")
    (error,) = seat.errors
    assert error.startswith(f"byte-lsp: {own_model}: llama.cpp cannot load this model: ")
    assert error.endswith(RETRY)


@pytest.mark.parametrize(
    ("spoil", "what"), [(cut_off, "is truncated: expected "), (overwrite, "is altered: expected sha256 ")]
)
async def test_the_catalogues_hash_is_checked_before_the_model_is_loaded_again(
    start_server: StartServer, own_cache: Path, spoil: Callable[[Path], None], what: str
) -> None:
    cache = own_cache.parents[2]
    seat = await take_seat_with_catalogue(start_server, cache)
    spoil(own_cache)
    assert await seat.suggestion() == ""
    await seat.until_state("failed")
    (error,) = seat.errors
    assert error.startswith(
        f"byte-lsp: the model process was ended ({own_cache} was changed while it was in use) and "
        f"cannot be started again: {own_cache} {what}"
    )
    assert error.endswith(f"; run: byte-lsp models pull {PINNED}{RETRY}")
    assert not (cache / "safe-path.json").exists(), "a page that is gone is no fault of a kernel"


async def test_a_file_that_was_replaced_goes_on_to_answer_and_is_checked_when_it_is_loaded(
    start_server: StartServer, own_cache: Path
) -> None:
    seat = await take_seat_with_catalogue(start_server, own_cache.parents[2])
    replace(own_cache)
    await seat.works()
    os.kill(await seat.worker(), signal.SIGKILL)
    await seat.until_state("failed")
    (error,) = seat.errors
    expected = load_catalog().get(PINNED).sha256
    assert f"cannot be started again: {own_cache} is altered: expected sha256 {expected}, found " in error


async def test_a_crash_on_a_page_that_is_gone_is_told_as_that(
    take_seat: TakeSeat, own_model: Path, fault: Fault
) -> None:
    """The signal comes before there is an answer whose file could be looked at."""
    seat = await take_seat(str(own_model), env=fault.once("prompt", "bus-error"))
    cut_off(own_model)
    fault.arm()
    assert await seat.suggestion() == ""
    assert fault.happened
    await until(lambda: bool(seat.warnings))
    assert "was changed while it was in use" in seat.warnings[0]
