"""One version number, everywhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from byte_lsp import __version__
from editors.release.errors import ReleaseError
from editors.release.versions import PLACES, SOURCE, Place, read_place, read_version, set_version

ROOT = Path(__file__).parents[1]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the files that name the version."""
    for place in PLACES:
        (tmp_path / place.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / place.path, tmp_path / place.path)
    return tmp_path


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.path)
def test_every_place_names_the_version_of_the_package(place: Place) -> None:
    assert read_place(ROOT, place) == __version__


def test_set_version_writes_it_everywhere_and_nothing_else(tree: Path) -> None:
    before = {place.path: (tree / place.path).read_text(encoding="utf-8") for place in PLACES}
    assert set_version(tree, "12.3.45") == [place.path for place in PLACES]
    assert read_version(tree) == "12.3.45"
    set_version(tree, __version__)
    assert {path: (tree / path).read_text(encoding="utf-8") for path in before} == before


def test_setting_the_version_it_has_changes_no_file(tree: Path) -> None:
    assert set_version(tree, __version__) == []


@pytest.mark.parametrize("version", ["1.2", "1.2.3.4", "v1.2.3", "1.2.3rc1", "01.2.3", "", "1.2.3\n"])
def test_a_version_that_some_editor_would_refuse_is_refused(tree: Path, version: str) -> None:
    with pytest.raises(ReleaseError, match="three numbers"):
        set_version(tree, version)
    assert read_version(tree) == __version__


def test_a_place_that_names_another_version_is_named(tree: Path) -> None:
    other = tree / "editors/vscode/package.json"
    other.write_text(other.read_text(encoding="utf-8").replace(__version__, "7.7.7"), encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"editors/vscode/package\.json says 7\.7\.7"):
        read_version(tree)


def test_a_place_without_a_version_stops_set_version_before_it_writes(tree: Path) -> None:
    (tree / "editors/emacs/byte-lsp.el").write_text(";;; byte-lsp.el --- no version\n", encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"editors/emacs/byte-lsp\.el should name one version"):
        set_version(tree, "2.0.0")
    assert read_place(tree, SOURCE) == __version__
