"""Fifteen languages: their files, the cursors in them, and what the real model suggests there."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from byte_lsp.api import load
from byte_lsp.doctor import look_at_machine
from byte_lsp.errors import CatalogError, EvaluationError
from byte_lsp.evaluation.language_answers import Answer, Verdict, ask, judge
from byte_lsp.evaluation.language_cursors import STOPS, Language, Spot, read_languages
from byte_lsp.evaluation.language_page import make_page
from byte_lsp.evaluation.languages import main

HERE = Path(__file__).parent
FILES = HERE / "files"
LANGUAGES = read_languages(HERE / "cursors.toml")
NAMES = "Python, JavaScript, TypeScript, Java, C, C++, Go, Rust, Ruby, PHP, Lua, Bash, HTML, YAML, Markdown"
LICENCES = {"MIT", "BSD-3-Clause", "Apache-2.0", "ISC", "PSF-2.0"}

ENTRY = """
[[language]]
name = "Lua"
id = "lua"
file = "a.lua"

[[language.cursor]]
stop = "{stop}"
at = "{at}"
hole = "{hole}"
"""


def spot_in(language: Language, stop: str) -> Spot:
    return next(spot for spot in language.spots if spot.stop == stop)


def read_sources() -> dict[str, list[str]]:
    """The rows of the table in SOURCES.md: the cells behind each file's name."""
    rows = [line.strip("| ").split(" | ") for line in (FILES / "SOURCES.md").read_text("utf-8").splitlines()]
    return {row[0]: row[1:] for row in rows if len(row) == 7}


@pytest.fixture(scope="module")
def suggest_in(smollm2_path: Path) -> Iterator[Callable[[Language], Answer]]:
    """What is suggested in the middle of a line; a language is asked once."""
    with load(smollm2_path) as model:
        yield cache(lambda language: ask(model, language, spot_in(language, "middle")))


def test_fifteen_languages_are_there_with_every_kind_of_cursor() -> None:
    assert ", ".join(language.name for language in LANGUAGES) == NAMES
    assert all(tuple(spot.stop for spot in language.spots) == STOPS for language in LANGUAGES)


def test_the_sources_name_every_file_with_its_licence_and_the_holder_of_its_copyright() -> None:
    sources = read_sources()
    files = {path.name for path in FILES.iterdir()} - {"SOURCES.md", ".gitattributes"}
    assert {language.file for language in LANGUAGES} == files
    assert files <= set(sources)
    for file in files:
        *_, licence, holder = sources[file]
        assert licence in LICENCES
        assert holder


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_a_cursor_is_where_its_kind_says(language: Language) -> None:
    whole = (FILES / language.file).read_bytes()
    for spot in language.spots:
        rest, _, _ = spot.behind.partition(b"\n")
        assert spot.before + spot.truth + spot.behind == whole
        assert bool(rest.strip()) == (spot.stop == "middle")
        assert (spot.truth[:1] == b"\n") == (spot.stop == "block")
        assert b"\n" not in spot.truth or spot.stop == "block"
        if spot.stop == "word":
            assert (spot.before[-1:] + spot.truth[:1]).isalnum()


@pytest.mark.parametrize(
    ("stop", "at", "hole", "fault"),
    [
        ("word", "x = |1", "1", "must be a text that the file has once"),
        ("word", "y = 2", "2", r"language\[0\].cursor\[0\].at must be"),
        ("word", "y = |3", "3", "must be a text that the file has once"),
        ("word", "y|y|", "y", "with one |"),
        ("word", "y = |2", "3", "hole must be what the file has behind the cursor"),
        ("word", "y = |2", "", "hole must be what the file has behind the cursor"),
        ("end", "y = |2", "2", "stop must be one of word, block, middle, line, not end"),
    ],
)
def test_what_is_wrong_with_a_cursor_is_said(
    tmp_path: Path, stop: str, at: str, hole: str, fault: str
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.lua").write_bytes(b"x = 1\nx = 1\ny = 2\n")
    (tmp_path / "cursors.toml").write_text(ENTRY.format(stop=stop, at=at, hole=hole))
    with pytest.raises(CatalogError, match=fault):
        read_languages(tmp_path / "cursors.toml")


@pytest.mark.parametrize(("text", "fault"), [(None, "No such file"), (ENTRY, "a.lua cannot"), ("x", "'='")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str | None, fault: str) -> None:
    file = tmp_path / "cursors.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(EvaluationError, match=fault):
        read_languages(file)


def test_the_command_says_what_it_cannot_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["languages", "--cursors", "nowhere.toml"])
    assert main() == 1
    assert capsys.readouterr().err.startswith("byte-lsp: nowhere.toml cannot be read")


@pytest.mark.parametrize(
    ("truth", "behind", "text", "replaced", "verdict"),
    [
        (b"a + b", b"\n", b"a + b", 0, "right"),
        (b"a + b", b"\n", b"a + b \n", 0, "right"),
        (b"a + b", b")\n", b"a + b)", 1, "right"),
        (b"a + b", b")\n", b"a + b", 1, "a beginning"),
        (b"\n  a\n  b", b"\n", b"\n  a\n  c", 0, "first line right"),
        (b"\n  a\n  b", b"\n", b"\n  a", 0, "first line right"),
        (b"\n  a\n  b", b"\n", b"\na", 0, "differs"),
        (b"a + b", b"\n", b"a +", 0, "a beginning"),
        (b"a + b", b"\n", b"a + c", 0, "differs"),
        (b"a + b", b"\n", b"", 0, "nothing"),
    ],
)
def test_a_suggestion_is_compared_with_what_the_file_has(
    truth: bytes, behind: bytes, text: bytes, replaced: int, verdict: Verdict
) -> None:
    assert judge(Spot("line", b"x = " + behind, 4, truth, ""), Answer(text, replaced, 1.0)) == verdict


def test_the_page_shows_each_suggestion_in_its_lines() -> None:
    spot = Spot("middle", b"1\n2\n3\n4\nf(`)\n6\n7\n8\n", 10, b"x", "seen")
    language = Language("Lua", "lua", "a.lua", (spot,))
    page = make_page([(language, spot, Answer(b"y`)", 2, 12.0))], "tiny", look_at_machine())
    assert "| Lua |  |  |  | 1 |  | 12 |" in page
    assert "**Line 5, in the middle of a line: differs**, 12 ms" in page
    assert "\n```text\n2\n3\n4\nf(⟦y`)⟧\n6\n7\n```\n" in page
    assert "The file has\n\n```text\nf(⟦x⟧`)\n```\n" in page
    assert page.endswith("Looked at: seen")


def test_a_code_block_is_not_ended_by_what_it_shows() -> None:
    spot = Spot("block", b"```lua\n```\n", 6, b"\nx = 1", "")
    language = Language("Markdown", "markdown", "a.md", (spot,))
    page = make_page([(language, spot, Answer(b"\nx = 1", 0, 1.0))], "tiny", look_at_machine())
    assert page.endswith("\n````text\n```lua⟦\nx = 1⟧\n```\n\n````")


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_a_suggestion_in_the_middle_of_a_line_joins_what_is_behind_it(
    suggest_in: Callable[[Language], Answer], language: Language
) -> None:
    answer, spot = suggest_in(language), spot_in(language, "middle")
    taken, kept = spot.behind[: answer.replaced_bytes], spot.behind[answer.replaced_bytes :]
    text = answer.text.decode()
    assert not set(text) & set("\r\n")
    assert b"\n" not in taken
    rest = iter(text)
    assert all(sign in rest for sign in "".join(taken.decode().split())), "what was taken is there, in order"
    repeated = "".join(kept.decode().split())[:3]
    assert not "".join(text.split()).endswith(repeated)


def test_most_languages_get_a_suggestion(suggest_in: Callable[[Language], Answer]) -> None:
    assert sum(bool(suggest_in(language).text) for language in LANGUAGES) > len(LANGUAGES) / 2


def test_somebody_has_looked_at_each_suggestion() -> None:
    page = (Path(__file__).parents[2] / "docs" / "languages.md").read_text(encoding="utf-8")
    remarks = [spot.remark for language in LANGUAGES for spot in language.spots]
    assert all(remarks)
    assert [remark for remark in remarks if f"Looked at: {remark}\n" not in page] == []
