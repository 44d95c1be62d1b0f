"""Pulling from the hub: the hub's own client in a process of its own, against a server on this machine."""

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import byte_lsp.models
from byte_lsp.catalog import Model, load_catalog
from byte_lsp.errors import CatalogError, ModelFileError
from byte_lsp.models import ensure, state, verify
from byte_lsp.models.check import check
from tests.hub_server import COMMIT, HubServer, Request, serve_hub

CONTENT = b"GGUF" + random.Random(0).randbytes(24_000_000)
"""More than twice what the client keeps in memory (10 MiB) before it writes."""
SHA256 = hashlib.sha256(CONTENT).hexdigest()
TEN_MIB = 10 * 1024 * 1024
PULL = Path(__file__).with_name("pull_process.py")
PYTHONPATH = str(Path(byte_lsp.models.__file__).parents[2])
ENTRY = """
[[model]]
name = "small"
title = "Small"
licence = "MIT"
infill = "none"
context_tokens = 1
start_token = ""
end_tokens = []
[model.source]
kind = "hub"
repo = "me/small"
revision = "main"
file = "small.gguf"
"""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with serve_hub() as hub:
        hub.files["me/small/small.gguf"] = CONTENT
        yield hub


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue with the one model, and an empty cache."""
    monkeypatch.setenv("BYTE_LSP_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "models.toml"
    path.write_text(ENTRY)
    return path


def start_pull(hub: HubServer, catalog: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, PULL, catalog, "small"],
        env=os.environ
        | {"PYTHONPATH": PYTHONPATH, "HF_ENDPOINT": hub.url, "HF_HOME": str(catalog.parent / "hf")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def pull_apart(hub: HubServer, catalog: Path) -> str:
    """Pull; returns the error, which is empty if all went well."""
    process = start_pull(hub, catalog)
    _, errors = process.communicate()
    return errors.strip() if process.returncode else ""


def the_model(catalog: Path) -> Model:
    return load_catalog(catalog).get("small")


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_only_an_explicit_pull_goes_to_the_hub(hub: HubServer, catalog: Path, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"run: byte-lsp models pull codellama-7b$"):
        ensure("codellama-7b")
    assert not hub.requests
    assert not (tmp_path / "cache").exists()


def test_the_hubs_hash_is_recorded_and_checked_later(hub: HubServer, catalog: Path, tmp_path: Path) -> None:
    assert pull_apart(hub, catalog) == ""
    folder = tmp_path / "cache" / "models" / "small"
    assert names_in(folder) == {"small.gguf", "small.gguf.json", "lock"}
    record = json.loads(folder.joinpath("small.gguf.json").read_text())
    assert record["sha256"] == SHA256
    assert record["source"] == "hub me/small main small.gguf"
    model = the_model(catalog)
    assert (state(model), verify(model).expected_sha256) == ("ready", SHA256)

    path = folder / "small.gguf"
    path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    with pytest.raises(ModelFileError, match=f"is altered: expected sha256 {SHA256}.*models pull small$"):
        check(model)
    path.write_bytes(CONTENT[:100])
    with pytest.raises(ModelFileError, match=f"is truncated: expected {len(CONTENT)} bytes, found 100"):
        check(model)
    assert pull_apart(hub, catalog) == ""
    assert check(model).read_bytes() == CONTENT


def test_nothing_but_the_file_is_asked_for(
    hub: HubServer, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert pull_apart(hub, catalog) == ""
    at_the_hub = [request for request in hub.requests if request not in hub.transfers()]
    assert [(request.method, request.path) for request in at_the_hub] == [
        ("HEAD", "/me/small/resolve/main/small.gguf"),
        ("GET", f"/me/small/resolve/{COMMIT}/small.gguf"),
    ]
    assert {request.authorization for request in at_the_hub} == {"Bearer hf_secret"}
    assert hub.transfers() == [Request("GET", f"/cdn/{SHA256}", None, None)]
    assert pull_apart(hub, catalog) == ""
    assert len(hub.requests) == 3


def test_a_lost_record_means_pulling_again(hub: HubServer, catalog: Path, tmp_path: Path) -> None:
    assert pull_apart(hub, catalog) == ""
    (tmp_path / "cache" / "models" / "small" / "small.gguf.json").unlink()
    with pytest.raises(ModelFileError, match="has no record of its sha256 from hub me/small"):
        check(the_model(catalog))
    assert pull_apart(hub, catalog) == ""
    assert state(the_model(catalog)) == "ready"


def test_another_revision_means_pulling_again(hub: HubServer, catalog: Path) -> None:
    assert pull_apart(hub, catalog) == ""
    catalog.write_text(ENTRY.replace('"main"', f'"{COMMIT}"'))
    assert state(the_model(catalog)) == "altered"
    assert pull_apart(hub, catalog) == ""
    assert state(the_model(catalog)) == "ready"


def test_a_connection_that_breaks_is_resumed(hub: HubServer, catalog: Path) -> None:
    hub.cut_after = 15_000_000
    process = start_pull(hub, catalog)
    process.communicate()
    assert process.returncode == 0
    assert [request.range for request in hub.transfers()] == [None, f"bytes={TEN_MIB}-"]
    assert check(the_model(catalog)).read_bytes() == CONTENT


def test_a_pull_that_was_killed_is_resumed(hub: HubServer, catalog: Path, tmp_path: Path) -> None:
    hub.stall_after = 15_000_000
    part = tmp_path / "cache" / "models" / "small" / f"small.gguf.{SHA256[:16]}.part"
    with start_pull(hub, catalog) as process:
        assert hub.stalled.wait(60)
        while not part.exists() or part.stat().st_size < TEN_MIB:
            assert process.poll() is None
        process.kill()
    assert state(the_model(catalog)) == "not pulled"
    assert pull_apart(hub, catalog) == ""
    assert [request.range for request in hub.transfers()] == [None, f"bytes={TEN_MIB}-"]
    assert check(the_model(catalog)).read_bytes() == CONTENT


def test_bytes_that_are_not_what_the_hub_announced(hub: HubServer, catalog: Path, tmp_path: Path) -> None:
    hub.altered = True
    error = pull_apart(hub, catalog)
    assert error.startswith(
        "ModelFileError: what came for small from hub me/small main small.gguf is altered"
    )
    assert f"expected sha256 {SHA256}, found " in error
    assert "\n" not in error
    assert names_in(tmp_path / "cache" / "models" / "small") == {"lock"}
    hub.altered = False
    assert pull_apart(hub, catalog) == ""


def test_a_hub_that_contradicts_the_catalogue(hub: HubServer, catalog: Path) -> None:
    catalog.write_text(ENTRY.replace("end_tokens", f'sha256 = "{"0" * 64}"\nend_tokens'))
    error = pull_apart(hub, catalog)
    assert f"the hub's small.gguf has sha256 {SHA256}, but the catalogue says {'0' * 64}" in error
    assert hub.transfers() == []


@pytest.mark.parametrize(
    ("given", "instead", "fault"),
    [
        (
            "me/small",
            "me/other",
            "CatalogError: the hub has no repository me/other, or one must log in to see it",
        ),
        ('"main"', '"v9"', "CatalogError: me/small has no revision v9; correct the catalogue"),
        ("small.gguf", "x.gguf", "CatalogError: me/small has no file x.gguf at revision main"),
    ],
)
def test_what_the_hub_does_not_have(
    hub: HubServer, catalog: Path, given: str, instead: str, fault: str
) -> None:
    catalog.write_text(ENTRY.replace(given, instead))
    error = pull_apart(hub, catalog)
    assert error.startswith(fault)
    assert "\n" not in error


def test_no_hub_at_all(catalog: Path) -> None:
    with serve_hub() as gone:
        pass
    error = pull_apart(gone, catalog)
    assert error.startswith("ModelFileError: the transfer of small.gguf from the hub failed (")
    assert "\n" not in error
