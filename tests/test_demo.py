"""The demo: what it is made of, and one real run."""

import io
import re
import subprocess

import pytest
from rich.console import Console

from byte_lsp.demo.screen import Screen, Shown
from byte_lsp.demo.session import Suggested
from byte_lsp.demo.stops import Stop, read_stops
from tests.cli_process import error_line, run_cli

STOPS = list(read_stops())
TITLE = re.compile(r"^(\S+:\d+)  .*, \d+ ms$", re.MULTILINE)
SCORE = re.compile(
    r"right: exact (\d+) of (\d+), plain tokenization (\d+), token healing \d+\.$", re.MULTILINE
)


@pytest.fixture(scope="module")
def played(default_path: object) -> subprocess.CompletedProcess[bytes]:
    """One run of the real demo."""
    return run_cli("demo")


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: f"{stop.file.name}:{stop.line}")
def test_the_project_holds_what_is_typed(stop: Stop) -> None:
    assert stop.whole_line.startswith(stop.typed)
    assert stop.truth
    assert stop.before + stop.truth + stop.after == stop.file.text


def test_the_stops_are_of_every_kind() -> None:
    assert {"python", "javascript", "c"} <= {stop.file.language for stop in STOPS}
    assert any(not stop.typed.strip() for stop in STOPS)
    assert any(not stop.typed.isascii() for stop in STOPS)


def test_it_succeeds_and_shows_every_stop(played: subprocess.CompletedProcess[bytes]) -> None:
    assert (played.returncode, played.stderr.strip()) == (0, b"")
    shown = TITLE.findall(played.stdout.decode())
    assert shown == [f"{stop.file.name}:{stop.line}" for stop in STOPS]


def test_the_server_goes_on_inside_a_token(played: subprocess.CompletedProcess[bytes]) -> None:
    assert "   11          self.ite‹ms" in played.stdout.decode()
    assert "plain          self.ite‹ms" not in played.stdout.decode()


def test_exact_is_right_more_often_than_plain(played: subprocess.CompletedProcess[bytes]) -> None:
    score = SCORE.search(played.stdout.decode())
    assert score is not None
    exact, stops, plain = map(int, score.groups())
    assert stops == len(STOPS)
    assert exact > plain


def test_a_model_that_cannot_be_loaded_is_one_line_and_exit_code_1() -> None:
    process = run_cli("demo", env={"BYTE_LSP_FAULT": "first-evaluation:crash-always"})
    assert (process.returncode, process.stdout) == (1, b"")
    assert "died" in error_line(process)


def test_on_a_terminal_ghost_text_is_dimmed_and_elsewhere_marked() -> None:
    shown = Shown(Suggested(STOPS[1], "ms.append(item)\n", 12.0, 34.0), plain="", healing="")
    terminal, file = io.StringIO(), io.StringIO()
    Screen(Console(file=terminal, force_terminal=True, color_system="standard", width=100)).show(shown)
    Screen(Console(file=file, width=100)).show(shown)
    assert "\x1b[2;7mm\x1b[0m\x1b[2;3ms.append(item)↵\x1b[0m" in terminal.getvalue()
    assert "self.ite‹ms.append(item)↵›\n" in file.getvalue()
    assert "self.ite‹›\n" in file.getvalue()


def test_the_summary_counts_only_whole_lines() -> None:
    file = io.StringIO()
    right, half = (Suggested(STOPS[1], text, 12.0, 34.0) for text in ("ms.append(item)", "ms"))
    all_shown = [
        Shown(right, "ms", "ms"),
        Shown(half, "ms.append(item)", ""),
        Shown(half, "", "ms.append(item)"),
    ]
    Screen(Console(file=file, width=100)).sum_up([*all_shown, Shown(right, "", "ms.append(item)")])
    assert "exact 2 of 4, plain tokenization 1, token healing 2." in file.getvalue()
