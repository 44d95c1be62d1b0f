"""The worker is killed: at every point of a request, and again and again at any moment."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from byte_lsp.evaluation.kill_bench import KillOptions, run_kills
from tests.cli_process import run_cli
from tests.faults.conftest import Fault, TakeSeat, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="this platform has no SIGKILL to send")

KILLS = int(os.environ.get("BYTE_LSP_TEST_KILLS", "20"))
"""Each takes some seconds; ``byte-lsp bench kills`` makes a hundred of them."""

SEEN = (
    "byte-lsp: The model process ended (SIGKILL) and was started again. If that happens again, lower "
    "engine.context_tokens or choose a smaller model, or run `byte-lsp doctor`."
)


@pytest.mark.parametrize("place", ["request", "prompt", "generation", "answer"])
async def test_a_kill_inside_a_request_costs_that_suggestion_and_one_message(
    take_seat: TakeSeat, fault: Fault, place: str
) -> None:
    seat = await take_seat(env=fault.once(place, "kill"))
    fault.arm()
    assert await seat.suggestion() == ""
    assert fault.happened
    await until(lambda: seat.warnings == [SEEN])
    await seat.works()
    assert await seat.counter("worker_died") == 1
    assert (seat.warnings, seat.errors) == ([SEEN], [])


async def test_a_kill_after_the_answer_costs_no_suggestion(take_seat: TakeSeat, fault: Fault) -> None:
    seat = await take_seat(env=fault.once("idle", "kill"))
    fault.arm()
    await seat.works()
    await until(lambda: seat.warnings == [SEEN])
    await seat.works()
    assert await seat.counter("worker_died") == 0


async def test_a_kill_between_requests_costs_no_suggestion(take_seat: TakeSeat) -> None:
    seat = await take_seat()
    await seat.works()
    os.kill(await seat.worker(), signal.SIGKILL)
    await until(lambda: seat.warnings == [SEEN])
    await seat.works()
    assert await seat.counter("worker_died") == 0


async def test_a_kill_while_loading_is_one_message_and_the_model_comes_up(
    take_seat: TakeSeat, fault: Fault
) -> None:
    fault.arm()
    seat = await take_seat(env=fault.once("loading", "kill"))
    assert fault.happened
    await seat.works()
    assert (seat.warnings, seat.errors) == ([SEEN], [])


async def test_a_worker_that_is_killed_each_time_is_given_up_with_a_way_to_try_again(
    take_seat: TakeSeat,
) -> None:
    seat = await take_seat(env={"BYTE_LSP_FAULT": "prompt:kill"})
    for _ in range(3):
        assert await seat.suggestion() == ""
    await seat.until_state("failed")
    assert seat.warnings == [SEEN]
    assert seat.errors == [
        "byte-lsp: the model process failed 3 times in a row: in the end it ended (SIGKILL); lower "
        "engine.context_tokens or choose a smaller model, or run `byte-lsp doctor` (to try again: the "
        "command byteLsp.restart)"
    ]
    assert await seat.suggestion() == ""


async def test_retry_in_the_message_starts_the_model_again(take_seat: TakeSeat, fault: Fault) -> None:
    seat = await take_seat(env={"BYTE_LSP_FAULT": "prompt:kill"}, actions=True)
    seat.client.choice = "Retry"
    for _ in range(3):
        assert await seat.suggestion() == ""
    await until(lambda: len(seat.client.questions) == 1)
    (question,) = seat.client.questions
    assert question.message.startswith("byte-lsp: the model process failed 3 times in a row")
    assert [action.title for action in question.actions or []] == ["Retry"]
    await seat.until_state("ready")
    assert seat.errors == []


@pytest.mark.timeout(300 + 20 * KILLS)
async def test_kills_at_any_moment_are_as_many_recoveries(model_path: str) -> None:
    async with asyncio.timeout(240 + 20 * KILLS):
        found = await run_kills(
            KillOptions(model_path, KILLS, seed=6), lambda title, total: lambda done: None
        )
    assert len(found.kills) == KILLS
    assert found.leaked == {}
    assert found.messages == KILLS
    assert any(kill.was_lost for kill in found.kills)


def test_the_bench_reports_the_time_to_the_next_suggestion(smollm2_path: Path, tmp_path: Path) -> None:
    process = run_cli("bench", "kills", "--model", str(smollm2_path), "--count", "1", "--out", str(tmp_path))
    assert process.returncode == 0, process.stderr
    shown = process.stdout.decode()
    for words in ("From the kill to the next suggestion", "recoveries", "p95 ms", "nothing"):
        assert words in shown
    found = json.loads((tmp_path / "kills.json").read_text(encoding="utf-8"))["results"]
    (kill,) = found["kills"]
    assert kill["recovery_ms"] > 0
    assert found["after"]["processes"] <= found["before"]["processes"] == 2
    assert (tmp_path / "kills.png").is_file()
