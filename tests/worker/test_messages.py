"""Frames on the worker's pipe: what goes in comes out, and half a frame is the end of the stream."""

import io
import math
import os
import threading
from typing import Any, get_args

import pytest

from byte_lsp.infill.problem import Candidate, InfillProblem, InfillResult
from byte_lsp.worker.messages import (
    Answer,
    Cancel,
    Failure,
    Loaded,
    LoadFailed,
    LogprobProblem,
    LogprobResult,
    Measurement,
    MeasureProblem,
    MemberConfig,
    Message,
    More,
    NextByteProblem,
    NextByteResult,
    Ping,
    Problem,
    Pulse,
    Request,
    SampleProblem,
    Solution,
    UnreadableMessage,
    WorkerConfig,
    read_message,
    write_message,
)

ALL_BYTES = bytes(range(256))
CANDIDATE = Candidate(ALL_BYTES, -1.5, "max_bytes", 7)

PROBLEMS: list[Problem] = [
    InfillProblem(ALL_BYTES, b"\xff\n", "python", 3, 10, 2, 0.7, 0.9, 2**63, "healing"),
    SampleProblem(b"", 5, 0.0, 1.0, None, (b"\n", b"\x00\xff")),
    NextByteProblem("é中😀".encode(), "plain", 1e-3),
    LogprobProblem(b"\xff", b"\x00", 0.5),
    MeasureProblem(3, 4),
]
SOLUTIONS: list[Solution] = [
    InfillResult((CANDIDATE, CANDIDATE), 12.5, 4),
    InfillResult((), 0.0, 1),
    CANDIDATE,
    NextByteResult((-math.inf, *(float(-byte) for byte in range(256))), 0.25),
    LogprobResult(-math.inf),
    Measurement(1.0, 2.0, 2**40, 49152, "AVX | é"),
]
MESSAGES: list[Message] = [
    WorkerConfig("/models/é 1.gguf", 4096, 2, -1, "<|endoftext|>", ("<a>", "<b>"), True, True),
    WorkerConfig("a", weight=0.5, others=(MemberConfig("b", -1.5, "<s>", ("<e>",)),), rule="product"),
    *(Request(number, problem) for number, problem in enumerate(PROBLEMS)),
    Cancel(2**40),
    Loaded(1234.5),
    LoadFailed("no such file"),
    *(Answer(number, solution) for number, solution in enumerate(SOLUTIONS)),
    More(3, InfillResult((CANDIDATE,), 1.0, 2)),
    More(4, None),
    Failure(1, "given up", "cancelled"),
    Ping(),
    Pulse(2**40),
]


def framed(message: Message) -> bytes:
    stream = io.BytesIO()
    write_message(stream, message)
    return stream.getvalue()


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_out_as_it_went_in(message: Message) -> None:
    assert read_message(io.BytesIO(framed(message))) == message


def test_every_kind_of_message_problem_and_solution_is_among_these() -> None:
    assert {type(message) for message in MESSAGES} == set(get_args(Message))
    assert {type(problem) for problem in PROBLEMS} == set(get_args(Problem))
    assert {type(solution) for solution in SOLUTIONS} == set(get_args(Solution))


def test_messages_come_out_in_order_until_the_stream_ends() -> None:
    stream = io.BytesIO(b"".join(map(framed, MESSAGES)))
    assert list(iter(lambda: read_message(stream), None)) == MESSAGES
    assert read_message(stream) is None


def test_half_a_frame_is_the_end_of_the_stream() -> None:
    frame = framed(Answer(1, CANDIDATE))
    for length in range(len(frame)):
        assert read_message(io.BytesIO(frame[:length])) is None


def test_a_frame_larger_than_a_pipe_crosses_it() -> None:
    message = Request(1, NextByteProblem(ALL_BYTES * 4096))
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb") as target:
        writer = threading.Thread(target=write_message, args=(target, message))
        writer.start()
        assert read_message(source) == message
        writer.join()


def test_a_reader_that_is_gone_is_told_to_the_writer() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as target, pytest.raises(BrokenPipeError):
        write_message(target, Cancel(1))


def test_a_frame_that_is_no_message_names_its_request_and_the_next_is_read() -> None:
    text: Any = "text where bytes belong"
    wrong = framed(Request(7, NextByteProblem(text)))
    garbage = b"\x03\x00\x00\x00\xc1\xc1\xc1"
    stream = io.BytesIO(wrong + garbage + framed(Cancel(1)))
    with pytest.raises(UnreadableMessage) as unreadable:
        read_message(stream)
    assert unreadable.value.number == 7
    with pytest.raises(UnreadableMessage) as unreadable:
        read_message(stream)
    assert unreadable.value.number is None
    assert read_message(stream) == Cancel(1)
