"""Memory runs out: in the worker's Python, in llama.cpp, while the model is loaded."""

import sys
from pathlib import Path

import pytest
from lsprotocol import types

from tests.faults.conftest import OF_THE_MODEL, Fault, TakeSeat, until

needs_limits = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux bounds the memory of a process that runs (prlimit, RLIMIT_AS)"
)
ADVICE = "lower engine.context_tokens or choose a smaller model"
SEEN = (
    f"byte-lsp: The model process ran out of memory and was started again. If that happens again, {ADVICE}."
)
SHORT, LONG = 512, 131_072
LIMIT_BYTES = 2 << 30
"""More than a short context needs, less than the 3 GB of the long one's KV cache."""


async def test_no_memory_for_a_request_costs_that_suggestion_and_one_message(
    take_seat: TakeSeat, fault: Fault
) -> None:
    seat = await take_seat(env=fault.once("prompt", "memory"))
    fault.arm()
    assert await seat.suggestion() == ""
    await until(lambda: seat.warnings == [SEEN])
    await seat.works()
    assert (seat.warnings, seat.errors) == ([SEEN], [])


async def test_no_memory_for_any_request_is_said_with_the_key_to_lower(take_seat: TakeSeat) -> None:
    seat = await take_seat(env={"BYTE_LSP_FAULT": "generation:memory"})
    for _ in range(3):
        assert await seat.suggestion() == ""
    await seat.until_state("failed")
    assert seat.warnings == [SEEN]
    assert seat.errors == [
        f"byte-lsp: the model process failed 3 times in a row: in the end it ran out of memory; {ADVICE} "
        "(to try again: the command byteLsp.restart)"
    ]
    assert await seat.suggestion() == ""


async def test_no_memory_while_loading_is_said_with_the_key_to_lower(
    take_seat: TakeSeat, fault: Fault
) -> None:
    fault.arm()
    seat = await take_seat(env=fault.once("loading", "memory"), is_ready=False)
    await seat.until_state("failed")
    assert seat.errors == [
        f"byte-lsp: not enough memory to load the model; {ADVICE} (to try again: the command byteLsp.restart)"
    ]
    await seat.restart()
    await seat.until_state("ready")
    await seat.works()


@needs_limits
async def test_a_context_that_memory_has_no_room_for_names_the_key_and_a_smaller_one_loads(
    take_seat: TakeSeat, model_path: str, tmp_path: Path
) -> None:
    import resource

    unknown = tmp_path / "own.gguf"  # of a file that the catalogue does not know no limit is known
    unknown.symlink_to(model_path)

    def choose(context_tokens: int) -> None:
        tree = {"model": str(unknown), "suggest": OF_THE_MODEL, "engine": {"context_tokens": context_tokens}}
        pushed = types.DidChangeConfigurationParams({"byteLsp": tree})
        seat.client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, pushed)

    seat = await take_seat(str(unknown), engine={"context_tokens": SHORT})
    assert seat.client.process is not None
    limits = (LIMIT_BYTES, resource.RLIM_INFINITY)  # of the server, whose next worker inherits them
    resource.prlimit(seat.client.process.pid, resource.RLIMIT_AS, limits)
    choose(LONG)
    await seat.until_state("failed")
    (error,) = seat.errors
    assert f"{unknown}: llama.cpp cannot make a context of {LONG} tokens: " in error
    assert error.endswith("; lower engine.context_tokens (to try again: the command byteLsp.restart)")
    choose(SHORT)
    await seat.until_state("ready")
    await seat.works()
    assert len(seat.errors) == 1


@needs_limits
async def test_memory_that_runs_out_under_a_running_worker_is_said_and_the_next_one_works(
    take_seat: TakeSeat,
) -> None:
    import resource

    seat = await take_seat()
    resource.prlimit(await seat.worker(), resource.RLIMIT_AS, (1, resource.RLIM_INFINITY))
    assert await seat.suggestion() == ""
    await until(lambda: bool(seat.warnings))
    (warning,) = seat.warnings
    assert "was started again" in warning
    assert ADVICE in warning
    await seat.works()
