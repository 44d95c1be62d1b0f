"""Which models must run on the safe path: remembered per machine, model file and binding."""

from pathlib import Path

import pytest

from byte_lsp.worker.safe_path import (
    forget_safe_paths,
    needs_safe_path,
    remember_safe_path,
    remembered_crash,
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BYTE_LSP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"1234")
    return path


def test_a_crash_is_remembered_for_that_model_alone(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(b"1234")
    assert not needs_safe_path(str(model))
    remember_safe_path(str(model), "SIGSEGV")
    assert remembered_crash(str(model)) == "SIGSEGV"
    assert not needs_safe_path(str(other))


def test_another_file_of_that_name_is_another_model(model: Path) -> None:
    remember_safe_path(str(model), "SIGSEGV")
    model.write_bytes(b"12345")
    assert not needs_safe_path(str(model))


def test_several_models_are_remembered_and_all_forgotten(model: Path, tmp_path: Path) -> None:
    remember_safe_path(str(model), "SIGSEGV")
    remember_safe_path(str(tmp_path / "gone.gguf"), "SIGILL")
    assert needs_safe_path(str(model))
    assert needs_safe_path(str(tmp_path / "gone.gguf"))
    forget_safe_paths()
    forget_safe_paths()
    assert not needs_safe_path(str(model))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"3"])
def test_a_damaged_memory_is_no_memory(model: Path, cache: Path, content: bytes) -> None:
    cache.mkdir()
    (cache / "safe-path.json").write_bytes(content)
    assert not needs_safe_path(str(model))
    remember_safe_path(str(model), "SIGSEGV")
    assert needs_safe_path(str(model))


def test_a_folder_that_cannot_be_written_costs_only_the_memory(model: Path, cache: Path) -> None:
    cache.write_text("a file stands where the folder should be")
    remember_safe_path(str(model), "SIGSEGV")
    assert not needs_safe_path(str(model))
    assert cache.is_file()
