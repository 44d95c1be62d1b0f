"""``bench drafts``: the figures of a table model, and the command on a real one."""

import json
import random
from pathlib import Path

import pytest

from byte_lsp.evaluation.draft_bench import (
    DraftOptions,
    DraftResults,
    Pair,
    Writing,
    repetition,
    run_drafts,
    summarize,
    tabulate,
)
from byte_lsp.evaluation.typing_files import TypedFile
from tests.cli_process import error_line, run_cli

ALIKE = TypedFile("alike.css", "css", "a { color: red }\n" * 60)
PROSE = TypedFile("prose.txt", "plaintext", random.Random(0).randbytes(400).hex())


def pair(file: str, offset: int, plain_s: float, helped_s: float, helped_text: bytes = b"abcde") -> Pair:
    return Pair(file, offset, Writing(b"abcd", 10, plain_s), Writing(helped_text, 11, helped_s), 8, 6)


def test_gains_are_ratios_of_times_a_token_by_file_and_by_kind() -> None:
    pairs = [pair(ALIKE.name, at, 1.0, 0.55) for at in range(4)]
    pairs += [pair(PROSE.name, at, 1.0, 1.1, b"x") for at in range(2)]
    files, groups = summarize([ALIKE, PROSE], pairs, seed=0)
    assert [gain.name for gain in files] == [ALIKE.name, PROSE.name]
    assert [gain.name for gain in groups] == ["repetitive (1 files)", "others (1 files)"]
    alike, prose = files
    assert alike.ratio.estimate == pytest.approx(2.0)
    assert alike.plain_tokens_per_s == pytest.approx(10.0)
    assert (alike.drafted, alike.accepted, alike.same) == (32, 24, 4)
    assert prose.ratio.estimate == pytest.approx(1.0)
    assert prose.same == 0
    options = DraftOptions("table")
    (table,) = tabulate(DraftResults([], files, groups, pairs, {1: 1.0, 2: 1.4}), options)
    assert [row[0] for row in table.rows] == [gain.name for gain in (*files, *groups)]
    assert table.rows[0][-1] == "4/4"


def test_repetition_is_what_followed_the_same_bytes_before() -> None:
    line = bytes(range(60))
    assert repetition(line) == 0
    assert repetition(line * 2) == pytest.approx(0.5, abs=0.2)
    assert repetition(line * 20) > 0.9
    assert repetition(b"short") == 0


def test_files_of_one_kind_have_one_group() -> None:
    _, groups = summarize([PROSE], [pair(PROSE.name, 1, 1.0, 1.0)], seed=0)
    assert [gain.name for gain in groups] == ["others (1 files)"]


def test_a_repetitive_file_is_drafted(smollm2_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.py"
    path.write_text("".join(f"    self.field_{at} = read(options, 'field_{at}')\n" for at in range(60)))
    done: list[int] = []
    options = DraftOptions(str(smollm2_path), [path], cursors=2, tokens=16, context_bytes=400)
    found = run_drafts(options, lambda title, total: done.append)
    assert done == [1, 2]
    (gain,) = found.files
    assert gain.drafted >= gain.accepted > 0
    assert all(each.helped.tokens >= 16 for each in found.pairs)
    assert gain.ratio.estimate > 0


def test_the_command_names_what_it_cannot_read(tmp_path: Path) -> None:
    process = run_cli("bench", "drafts", str(tmp_path / "none.py"))
    assert process.returncode == 1
    assert "none.py cannot be read" in error_line(process)


def test_the_command_writes_its_figures(smollm2_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.css"
    path.write_text(ALIKE.text)
    arguments = ["--model", str(smollm2_path), "--cursors", "2", "--tokens", "4", "--context", "120"]
    process = run_cli("bench", "drafts", str(path), *arguments, "--out", str(tmp_path / "out"), "--json")
    assert process.returncode == 0, process.stderr
    written = json.loads((tmp_path / "out" / "drafts.json").read_text())
    assert written["results"]["groups"][0]["name"] == "repetitive (1 files)"
    assert json.loads(process.stdout)["results"] == written["results"]
