"""What may stand in the log: no text of a document unless that is wanted, and never a secret."""

import logging
import threading

import pytest
from pygls.exceptions import JsonRpcContentModified

from byte_lsp.errors import EngineError
from byte_lsp.server.logs import DiscreetHandler, strike_out
from byte_lsp.traces import describe
from byte_lsp.worker.messages import Failure, Request, SampleProblem
from byte_lsp.worker.process import _reply

TEXT = "def somebodys_code():"


def written(record: logging.LogRecord, capsys: pytest.CaptureFixture[str], *, text: bool = False) -> str:
    handler = DiscreetHandler()
    handler.setStream(__import__("sys").stderr)
    handler.allow_text(text)
    handler.handle(record)
    return capsys.readouterr().err


def record_of(
    name: str, message: str, *args: object, error: BaseException | None = None
) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, args, info)  # type: ignore[arg-type]


def caught(error: BaseException) -> BaseException:
    try:
        try:
            raise KeyError(TEXT)
        except KeyError as cause:
            raise error from cause
    except type(error) as raised:
        return raised


@pytest.mark.parametrize("name", ["pygls.protocol", "asyncio"])
def test_what_pygls_and_asyncio_quote_is_left_out(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = written(record_of(name, "Sending data: %s\n%s", TEXT, TEXT), capsys)
    assert "Sending data" in shown
    assert TEXT not in shown
    allowed = written(record_of(name, "Sending data: %s", TEXT), capsys, text=True)
    assert (TEXT in allowed) == (name != "asyncio"), "asyncio cuts what it quotes, secrets too"


@pytest.mark.parametrize("name", ["byte_lsp.server.model", "asyncio", "filelock"])
@pytest.mark.parametrize("error", [ValueError(TEXT), EngineError(TEXT)])
def test_of_an_exception_the_stack_is_shown_and_not_the_message(
    name: str, error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = written(record_of(name, "it went wrong", error=caught(error)), capsys)
    assert TEXT not in shown
    assert "it went wrong" in shown
    assert type(error).__name__ in shown
    assert TEXT in written(record_of(name, "it went wrong", error=caught(error)), capsys, text=True)


def test_the_stack_of_the_cause_is_there_too() -> None:
    told = describe(caught(ValueError(TEXT)))
    assert told.index("KeyError") < told.index("ValueError")
    assert told.count("in caught") == 2
    assert TEXT not in told


def test_a_cause_that_leads_back_to_itself_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert describe(first).count("ValueError") == 2


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        (
            f"Exception in callback Reader.feed(<Future result='{TEXT}'>) at reader.py:12",
            "callback Reader.feed",
        ),
        (
            f"Task exception was never retrieved\nfuture: <Task exception=KeyError('{TEXT}')>",
            "never retrieved",
        ),
        (f"Executing <Handle feed('{TEXT}')> took 0.2 seconds", "Executing"),
    ],
)
def test_what_asyncio_formats_by_itself_is_cut_where_it_begins_to_quote(
    message: str, kept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = written(record_of("asyncio", message, error=caught(ValueError(TEXT))), capsys)
    assert kept in shown
    assert "in caught" in shown, "the stack is there"
    assert TEXT not in shown


def test_requests_that_gave_up_are_no_news(capsys: pytest.CaptureFixture[str]) -> None:
    error = caught(JsonRpcContentModified("the document changed"))
    assert written(record_of("pygls.protocol", "failed", error=error), capsys) == ""


@pytest.mark.parametrize("text", [False, True])
def test_secrets_are_struck_out_whatever_the_setting(text: bool, capsys: pytest.CaptureFixture[str]) -> None:
    token = "ghp_" + "aB3dE5gH7j" * 3 + "kL9mN1"
    shown = written(record_of("byte_lsp", "cannot read %s, sent twice: %s", token, token), capsys, text=text)
    assert token not in shown
    assert shown.count("[secret]") == 2


def test_ordinary_lines_stay_as_they_are() -> None:
    for line in (
        "2026-11-22 02:22:45,123 INFO byte_lsp.server.model: worker ready: model loaded in 1.2 s",
        '  File "/home/me/.local/lib/python3.11/site-packages/byte_lsp/server/app.py", line 12, in _ask',
        "no model is called smollm-2; did you mean smollm2-135m",
    ):
        assert strike_out(line) == line


def test_a_record_that_cannot_be_formatted_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    shown = written(record_of("byte_lsp", "%d", TEXT), capsys)
    assert TEXT not in shown
    assert shown.startswith("a log record from test_logs.py:1 is lost (TypeError)")


def test_a_request_that_fails_in_the_worker_tells_no_text(
    capfd: pytest.CaptureFixture[str],
) -> None:
    class Solver:
        def solve(self, problem: SampleProblem) -> None:
            raise ValueError(problem.prefix)

    reply = _reply(Request(1, SampleProblem(TEXT.encode(), 8)), Solver())  # type: ignore[arg-type]
    assert isinstance(reply, Failure)
    assert TEXT not in reply.message
    shown = capfd.readouterr().err
    assert "ValueError" in shown
    assert "in solve" in shown
    assert TEXT not in shown.replace('"""', "")


def test_threads_die_without_a_word_of_text_once_told_so() -> None:
    from byte_lsp import traces

    hooks = (traces.sys.excepthook, threading.excepthook, traces.sys.unraisablehook)
    heard: list[tuple[str, BaseException]] = []
    try:
        traces.hear_of_uncaught(lambda what, error: heard.append((what, error)))
        thread = threading.Thread(target=lambda: int(TEXT), name="reader")
        thread.start()
        thread.join()
    finally:
        traces.sys.excepthook, threading.excepthook, traces.sys.unraisablehook = hooks
    ((what, error),) = heard
    assert what == "nobody caught an exception in the thread reader"
    assert TEXT not in describe(error)
