"""Files of the cache that nobody but their owner can read."""

import os
import sys
from pathlib import Path

import pytest

from byte_lsp.catalog import load_catalog
from byte_lsp.models.cache import Record, make_model_folder, take_from_others, write_record
from byte_lsp.models.part_file import Meter, PartFile
from byte_lsp.private_files import make_private_folder, tighten, write_private_file

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no modes; see byte_lsp.private_files"
)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture(autouse=True)
def open_umask() -> object:
    """As for somebody who shares all that they make."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_folder_and_a_file_are_made_private(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "a" / "b")
    write_private_file(tmp_path / "a" / "b" / "c", "x")
    assert mode(tmp_path / "a" / "b") == 0o700
    assert mode(tmp_path / "a" / "b" / "c") == 0o600
    assert (tmp_path / "a" / "b" / "c").read_text() == "x"
    assert [each.name for each in (tmp_path / "a" / "b").iterdir()] == ["c"]


def test_what_is_there_is_taken_from_others_and_gains_nothing(tmp_path: Path) -> None:
    file, folder, link = tmp_path / "file", tmp_path / "folder", tmp_path / "link"
    file.touch(0o664)
    folder.mkdir(0o777)
    link.symlink_to(file)
    tighten(link)
    assert mode(file) == 0o664
    tighten(file)
    tighten(folder)
    assert (mode(file), mode(folder)) == (0o600, 0o700)
    file.chmod(0o444)
    tighten(file)
    assert mode(file) == 0o400
    tighten(tmp_path / "nothing")


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    write_private_file(tmp_path / "a", "old")
    with pytest.raises(UnicodeEncodeError):
        write_private_file(tmp_path / "a", "\ud800")
    assert (tmp_path / "a").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("chosen", [True, False])
def test_the_cache_is_private_also_where_it_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: bool
) -> None:
    cache = tmp_path / "byte-lsp"
    if chosen:
        monkeypatch.setenv("BYTE_LSP_CACHE", str(cache))
    else:
        monkeypatch.delenv("BYTE_LSP_CACHE", raising=False)
        monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: cache)
    model = load_catalog().resolve("smollm2-135m")
    folder = cache / "models" / model.name
    folder.mkdir(parents=True)
    (folder / model.file_name).touch()
    take_from_others(model)
    assert make_model_folder(model) == folder
    assert (mode(folder.parent), mode(folder), mode(folder / model.file_name)) == (0o700, 0o700, 0o600)
    # A folder that somebody has chosen may be theirs for more than this.
    assert mode(cache) == (0o777 if chosen else 0o700)


def test_what_is_pulled_is_private_while_it_comes_and_when_it_is_there(tmp_path: Path) -> None:
    with PartFile(tmp_path / "model.gguf.part", Meter(None, None), None) as part:
        part.write(b"GGUF")
    assert mode(tmp_path / "model.gguf.part") == 0o600
    write_record(tmp_path / "model.gguf", Record(4, 0, "", "here"))
    assert mode(tmp_path / "model.gguf.json") == 0o600
