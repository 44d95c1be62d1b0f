"""A pull over a bad connection: the right file arrives, or a clear error; never a wrong file in the cache."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from byte_lsp.catalog import load_catalog
from byte_lsp.models import state
from tests.hub_server import Fault, HubServer, serve_hub

CONTENT = b"GGUF" + random.Random(1).randbytes(3_000_000)
ROOT = Path(__file__).parents[2]
PULL = ROOT / "tests" / "pull_process.py"
MOST_PULLS = 3
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
CHUNK_BYTES = 100_000
"""What the client keeps in memory before it writes; 10 MiB if nobody says so."""

PULL_IN_CHUNKS = f"""
import sys
import time
from huggingface_hub import constants
constants.DOWNLOAD_CHUNK_SIZE = {CHUNK_BYTES}
sys.argv = sys.argv[1:]
import runpy
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with serve_hub() as hub:
        hub.files["me/small/small.gguf"] = CONTENT
        yield hub


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BYTE_LSP_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "models.toml"
    path.write_text(ENTRY)
    return path


def pull(hub: HubServer, catalog: Path) -> str:
    """Pull in a process of its own; returns the error, which is empty if all went well."""
    env = {
        "PYTHONPATH": str(ROOT),
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(catalog.parent / "hf"),
        "HF_HUB_DOWNLOAD_TIMEOUT": "1",
    }
    ended = subprocess.run(
        [sys.executable, "-c", PULL_IN_CHUNKS, PULL, catalog, "small"],
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stderr.strip() if ended.returncode else ""


def pull_until_there(hub: HubServer, catalog: Path) -> list[str]:
    """Pull again as a user would; returns the errors on the way. The cache has the right file, or none."""
    errors = []
    for _ in range(MOST_PULLS):
        error = pull(hub, catalog)
        path = catalog.parent / "cache" / "models" / "small" / "small.gguf"
        if not error:
            assert path.read_bytes() == hub.files["me/small/small.gguf"]
            assert state(load_catalog(catalog).get("small")) == "ready"
            return errors
        assert not path.exists()
        line = error.splitlines()[-1]
        assert line.startswith(("ModelFileError: ", "CatalogError: ")), error
        assert "small.gguf" in line or "models pull small" in line
        errors.append(line)
    raise AssertionError(f"the file did not arrive: {errors}")


def send(
    handler: BaseHTTPRequestHandler,
    body: bytes,
    code: int = 200,
    announced: int | None = None,
    range_: str = "",
) -> None:
    """An answer whose length need not be the announced one."""
    handler.send_response(code)
    if range_:
        handler.send_header("Content-Range", range_)
    handler.send_header("Content-Length", str(len(body) if announced is None else announced))
    handler.end_headers()
    handler.wfile.write(body)
    handler.wfile.flush()
    handler.close_connection = True


def cut_after(size: int) -> Fault:
    """The connection breaks after so many bytes."""

    def fault(handler: BaseHTTPRequestHandler, content: bytes, start: int) -> None:
        rest = content[start:]
        code, range_ = (206, f"bytes {start}-{len(content) - 1}/{len(content)}") if start else (200, "")
        send(handler, rest[:size], code, len(rest), range_)

    return fault


def ignores_the_range(handler: BaseHTTPRequestHandler, content: bytes, start: int) -> None:
    send(handler, content)


def answers_another_range(handler: BaseHTTPRequestHandler, content: bytes, start: int) -> None:
    """As many bytes as are wanted, but others."""
    send(
        handler,
        content[: len(content) - start],
        206,
        None,
        f"bytes {start}-{len(content) - 1}/{len(content)}",
    )


def sends_too_little(handler: BaseHTTPRequestHandler, content: bytes, start: int) -> None:
    """A whole answer, as far as HTTP can tell."""
    send(handler, content[start : start + 1_000_000], 206 if start else 200)


def sends_too_much(handler: BaseHTTPRequestHandler, content: bytes, start: int) -> None:
    send(handler, content[start:] + bytes(500_000), 206 if start else 200)


def sends_a_page(handler: BaseHTTPRequestHandler, content: bytes, start: int) -> None:
    """What a hotel's network says."""
    send(handler, b"<html>Please log in</html>" * 1000)


def stalls(handler: BaseHTTPRequestHandler, content: bytes, start: int) -> None:
    """Some bytes, and then nothing for longer than the client waits."""
    handler.send_response(206 if start else 200)
    handler.send_header("Content-Length", str(len(content) - start))
    handler.end_headers()
    handler.wfile.write(content[start : start + 1_000_000])
    handler.wfile.flush()

    time.sleep(3)
    handler.close_connection = True


def fails_with(code: int) -> Fault:
    def fault(handler: BaseHTTPRequestHandler, content: bytes, start: int) -> None:
        send(handler, b"", code)

    return fault


@pytest.mark.parametrize("seed", range(3))
def test_connections_that_break_anywhere_are_gone_on_with(seed: int, hub: HubServer, catalog: Path) -> None:
    draw = random.Random(seed)
    hub.faults = [cut_after(draw.randrange(1_200_000)) for _ in range(4)]
    assert pull_until_there(hub, catalog) == []
    starts = [int(str(request.range).strip("bytes=-")) for request in hub.transfers()[1:]]
    assert starts == sorted(starts)
    assert starts[-1] >= CHUNK_BYTES


@pytest.mark.parametrize(
    ("faults", "most_errors"),
    [
        ([sends_too_little], 1),
        ([sends_too_much], 1),
        ([sends_a_page], 1),
        ([stalls], 0),
        ([fails_with(500)], 1),
        ([fails_with(503), fails_with(502)], 2),
        ([cut_after(1_000_000), ignores_the_range], 0),
        ([cut_after(1_000_000), answers_another_range], 1),
        ([cut_after(1_000_000), fails_with(416)], 1),
        ([cut_after(1_000_000), sends_too_much, cut_after(0)], 2),
    ],
    ids=lambda value: (
        "-".join(getattr(each, "__name__", "") for each in value) if isinstance(value, list) else None
    ),
)
def test_wrong_answers_end_in_the_right_file(
    faults: list[Fault], most_errors: int, hub: HubServer, catalog: Path
) -> None:
    hub.faults = list(faults)
    assert len(pull_until_there(hub, catalog)) <= most_errors


def test_a_file_that_changes_between_two_attempts_is_fetched_anew(hub: HubServer, catalog: Path) -> None:
    hub.faults = [cut_after(1_000_000), fails_with(500)]
    assert "small.gguf" in pull(hub, catalog)
    hub.files["me/small/small.gguf"] = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    assert pull_until_there(hub, catalog) == []


def test_a_part_of_something_else_is_not_gone_on_with(hub: HubServer, catalog: Path) -> None:
    """A part file whose bytes were changed on the disk: one pull sees that and fetches all of it."""
    hub.faults = [cut_after(1_000_000), fails_with(500)]
    assert pull(hub, catalog)
    (part,) = (catalog.parent / "cache" / "models" / "small").glob("*.part")
    part.write_bytes(bytes(part.stat().st_size))
    assert pull_until_there(hub, catalog) == []


@pytest.mark.parametrize(
    "announced",
    [
        {"X-Linked-Etag": '"' + "../" * 21 + 'x"'},
        {"X-Linked-Etag": '""'},
        {"X-Linked-Size": "-5"},
        {"X-Linked-Size": "0"},
        {"X-Linked-Size": "many"},
        {"X-Linked-Size": str(10**18)},
    ],
    ids=lambda value: ",".join(value.values())[:20],
)
def test_what_the_hub_announces_is_looked_at(
    announced: dict[str, str], hub: HubServer, catalog: Path
) -> None:
    hub.announced = announced
    error = pull(hub, catalog)
    assert error.startswith(("CatalogError: ", "ModelFileError: ")), error
    assert "\n" not in error
    assert {path.name for path in (catalog.parent / "cache" / "models" / "small").iterdir()} == {"lock"}
    assert hub.transfers() == []
