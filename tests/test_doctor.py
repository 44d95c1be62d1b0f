"""``byte-lsp doctor``: what it finds, and what it says to do."""

import json
import os
import shutil
from pathlib import Path

import pytest

from byte_lsp.catalog import resolve
from byte_lsp.doctor import look_at_machine, look_at_model
from byte_lsp.models.check import sha256_of
from tests.cli_process import run_cli

CRASH = {"BYTE_LSP_FAULT": "first-evaluation:crash"}


@pytest.fixture(scope="module")
def cache(default_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder with the default model, where no crash was ever seen."""
    folder = tmp_path_factory.mktemp("cache")
    _put(default_path, folder)
    return folder


def test_a_healthy_machine_has_a_speed_and_no_problems(cache: Path, default_path: Path) -> None:
    process = run_cli("doctor", "--json", env={"BYTE_LSP_CACHE": str(cache)})
    assert (process.returncode, process.stderr.strip()) == (0, b"")
    found = json.loads(process.stdout)
    assert None not in found["versions"].values()
    assert found["model"]["sha256"] == found["model"]["expected_sha256"] == sha256_of(default_path)
    measured = found["run"]["measurement"]
    assert measured["prefill_tokens_per_s"] > 0
    assert measured["decode_tokens_per_s"] > 0
    assert measured["resident_bytes"] > found["model"]["size_bytes"]
    assert measured["vocabulary_size"] == 49152
    assert "=" in measured["system"]
    assert found["run"]["safe_path"] == bool(found["problems"])


def test_a_crash_is_remembered_until_the_fast_path_is_tried_again(cache: Path) -> None:
    env = {"BYTE_LSP_CACHE": str(cache)}
    crashed = run_cli("doctor", env=env | CRASH)
    assert crashed.returncode == 0
    shown = crashed.stdout.decode()
    assert "path       safe: the fast one crashed here" in shown
    assert "byte-lsp doctor --retry-fast" in shown
    assert (cache / "safe-path.json").exists()
    again = json.loads(run_cli("doctor", "--json", env=env).stdout)
    assert again["run"]["safe_path"]
    retried = run_cli("doctor", "--json", "--retry-fast", env=env)
    assert retried.returncode == 0
    if not json.loads(retried.stdout)["run"]["safe_path"]:  # else the machine crashes by itself
        assert not (cache / "safe-path.json").exists()


def test_a_model_that_cannot_run_is_a_problem_and_exit_code_1(cache: Path) -> None:
    fault = {"BYTE_LSP_FAULT": "first-evaluation:crash-always"}
    process = run_cli("doctor", env={"BYTE_LSP_CACHE": str(cache)} | fault)
    run_cli("doctor", "--retry-fast", "--model", "none", env={"BYTE_LSP_CACHE": str(cache)})
    assert process.returncode == 1
    assert "problem    the model cannot run: the model process died" in process.stdout.decode()


def test_a_model_that_was_not_pulled_is_not_pulled_now(tmp_path: Path) -> None:
    process = run_cli("doctor", env={"BYTE_LSP_CACHE": str(tmp_path / "cache")})
    assert process.returncode == 1
    assert (
        "problem    smollm2-135m-fim is not on this machine; run: byte-lsp models pull smollm2-135m-fim"
        in (process.stdout.decode())
    )
    assert not (tmp_path / "cache").exists()


def test_a_terminal_that_knows_few_characters_gets_what_it_can_show(tmp_path: Path) -> None:
    env = {"BYTE_LSP_CACHE": str(tmp_path / "größe"), "PYTHONIOENCODING": "ascii"}
    process = run_cli("doctor", env=env)
    assert b"gr??e" in process.stdout
    assert process.stderr.strip() == b""


def test_an_altered_file_is_not_run(default_path: Path, tmp_path: Path) -> None:
    file = _put(default_path, tmp_path)
    file.unlink()
    content = default_path.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    process = run_cli("doctor", "--json", env={"BYTE_LSP_CACHE": str(tmp_path)})
    found = json.loads(process.stdout)
    assert process.returncode == 1
    assert found["run"] is None
    assert "byte-lsp models pull smollm2-135m-fim" in found["problems"][0]


def test_a_file_by_path_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    file = tmp_path / "own.gguf"
    file.write_bytes(b"GGUF and more")
    state = look_at_model(resolve(str(file)))
    assert (state.problem, state.expected_sha256, state.size_bytes) == ("", None, 13)
    assert state.sha256 is not None


def test_the_machine_has_cores_and_memory() -> None:
    machine = look_at_machine()
    assert 1 <= machine.cores <= machine.threads
    assert 0 < machine.available_bytes <= machine.memory_bytes
    assert machine.processor
    assert all(feature.startswith("amx") for feature in machine.amx or ())


def test_a_cache_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    process = run_cli("doctor", env={"BYTE_LSP_CACHE": str(tmp_path / "file" / "cache")})
    assert process.returncode == 1
    assert "cache cannot be written; make it writable, or set BYTE_LSP_CACHE" in process.stdout.decode()


def _put(default_path: Path, cache: Path) -> Path:
    """Put the default model, and what is known of its file, into another cache; returns its path there."""
    folder = cache / "models" / default_path.parent.name
    folder.mkdir(parents=True)
    for file in (default_path, default_path.with_name(f"{default_path.name}.json")):
        try:
            os.link(file, folder / file.name)
        except OSError:  # another file system
            shutil.copy2(file, folder / file.name)
    return folder / default_path.name
