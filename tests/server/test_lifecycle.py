"""Starting, failing, crashing and ending: the real server process."""

import asyncio
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import psutil
import pytest
from lsprotocol import types

from byte_lsp.client import Client, ServerError

StartServer = Callable[..., Awaitable[Client]]
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
TINY = """
default = "tiny"

[[model]]
name = "tiny"
title = "Tiny"
licence = "MIT"
infill = "none"
context_tokens = 1024
start_token = ""
end_tokens = []
size_bytes = {}
sha256 = "{}"
[model.source]
kind = "pypi"
package = "tiny"
version = "1.0"
file = "tiny.gguf"
"""
FORBIDDEN_ROOMS = {"llama_cpp", "numpy", "torch", "transformers", "huggingface_hub", "rich"}


async def until(condition: Callable[[], bool], timeout_seconds: float = 30.0) -> None:
    async with asyncio.timeout(timeout_seconds):
        while not condition():
            await asyncio.sleep(0.05)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def worker_pid(client: Client) -> int:
    pid = (await client.status())["worker_pid"]
    assert isinstance(pid, int)
    return pid


def errors(client: Client) -> list[str]:
    return [each.message for each in client.messages if each.type == types.MessageType.Error]


async def test_the_server_never_loads_native_code(
    start_server: StartServer, model_path: str, stack: str
) -> None:
    client = await start_server(options={"model": model_path})
    await client.wait_for_ready()
    document = client.open("file:///a.py", stack)
    assert await client.inline_completion(document, len(stack))
    assert client.process is not None
    process = psutil.Process(client.process.pid)
    if not hasattr(process, "memory_maps"):
        pytest.skip("psutil cannot list the files that a process maps on this platform")
    mapped = {Path(each.path).name for each in process.memory_maps()}
    assert not {name for name in mapped if "llama" in name or "ggml" in name or name.endswith(".gguf")}


def test_the_servers_imports_stay_light() -> None:
    code = "import sys, byte_lsp.server.main, byte_lsp.server.app; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not FORBIDDEN_ROOMS & set(modules.stdout.split())


async def test_before_the_model_is_ready_edits_go_on_and_the_list_is_empty(
    start_server: StartServer, model_path: str, stack: str
) -> None:
    client = await start_server(options={"model": model_path})
    document = client.open("file:///a.py", "")
    for offset, character in enumerate(stack):
        client.replace(document, offset, offset, character)
    early = await client.inline_completion(document, len(stack))
    assert early == [] or str(early[0].insert_text).startswith("ms")
    await client.wait_for_ready()
    (item,) = await client.inline_completion(document, len(stack))
    assert str(item.insert_text).startswith("ms")
    kinds = [report["kind"] for report in client.progress]
    assert kinds == ["begin", "end"]


async def test_a_missing_model_is_one_message_and_the_server_lives(
    start_server: StartServer, model_path: str, stack: str, tmp_path: Path
) -> None:
    missing = str(tmp_path / "none.gguf")
    client = await start_server(settings={"model": missing})
    with pytest.raises(ServerError):
        await client.wait_for_ready()
    (message,) = errors(client)
    assert missing in message
    document = client.open("file:///a.py", stack)
    assert await client.inline_completion(document, len(stack)) == []
    client.settings = {"model": model_path}
    client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, types.DidChangeConfigurationParams(None))
    await until_state(client, "ready")
    assert await client.inline_completion(document, len(stack))


async def until_state(client: Client, state: str) -> None:
    async with asyncio.timeout(60):
        while (await client.status())["state"] != state:
            await asyncio.sleep(0.05)


async def test_a_truncated_model_is_one_message_and_restart_tries_again(
    start_server: StartServer, model_path: str, stack: str, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(Path(model_path).read_bytes()[:1_000_000])
    client = await start_server(options={"model": str(broken)})
    await until_state(client, "failed")
    assert len(errors(client)) == 1
    broken.unlink()
    broken.symlink_to(model_path)
    await client.request(types.WORKSPACE_EXECUTE_COMMAND, types.ExecuteCommandParams("byteLsp.restart"))
    await until_state(client, "ready")
    document = client.open("file:///a.py", stack)
    assert await client.inline_completion(document, len(stack))


async def test_an_unknown_name_is_named(start_server: StartServer) -> None:
    client = await start_server(options={"model": "smollm3-135m"})
    await until_state(client, "failed")
    (message,) = errors(client)
    assert "smollm3-135m" in message
    assert "smollm2-135m" in message


async def test_a_model_of_the_hub_is_not_fetched_unasked(start_server: StartServer, tmp_path: Path) -> None:
    env = {"BYTE_LSP_CACHE": str(tmp_path)}
    client = await start_server(env=env, options={"model": "qwen2.5-coder-0.5b"})
    await until_state(client, "failed")
    (message,) = errors(client)
    assert "byte-lsp models pull qwen2.5-coder-0.5b" in message


async def test_another_model_is_downloaded_only_with_leave(start_server: StartServer, tmp_path: Path) -> None:
    client = await start_server(env={"BYTE_LSP_CACHE": str(tmp_path)}, options={"model": "gemma3-270m"})
    await until(lambda: len(client.questions) == 1)
    await until_state(client, "off")
    (question,) = client.questions
    assert "Download" in [action.title for action in question.actions or []]
    assert list(tmp_path.rglob("*.gguf*")) == []


@pytest.mark.skipif(
    sys.platform != "linux", reason="a catalogue of one's own is put in place by XDG_CONFIG_HOME"
)
async def test_the_default_is_downloaded_unasked_with_progress(
    start_server: StartServer, tmp_path: Path
) -> None:
    content = b"GGUF" + bytes(3_000_000)
    build_wheel(tmp_path, content)
    (tmp_path / "byte-lsp").mkdir()
    (tmp_path / "byte-lsp" / "models.toml").write_text(TINY.format(len(content), sha256(content).hexdigest()))
    env = {
        "XDG_CONFIG_HOME": str(tmp_path),
        "BYTE_LSP_CACHE": str(tmp_path / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path),
    }
    client = await start_server(env=env, options={"model": "tiny"})
    await until_state(client, "failed")
    assert client.questions == []
    assert (tmp_path / "cache" / "models" / "tiny" / "tiny.gguf").read_bytes() == content
    kinds = [report["kind"] for report in client.progress]
    begin, *reports = client.progress[: kinds.index("end")]
    assert (begin["kind"], begin["cancellable"]) == ("begin", True)
    assert "downloading tiny" in begin["title"]
    assert [report["percentage"] for report in reports][-1] == 100
    assert len(errors(client)) == 1


def build_wheel(folder: Path, content: bytes) -> None:
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.gguf", content)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


async def test_settings_that_cannot_be_used_are_named_once_and_the_rest_applies(
    start_server: StartServer,
) -> None:
    options = {"model": "none.gguf", "suggest": {"completion_items": "always", "max_bytes": "many"}}
    client = await start_server(options=options, settings={"colour": "red"})
    await until_state(client, "failed")
    assert client.capabilities.completion_provider is not None
    client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, types.DidChangeConfigurationParams(None))
    await client.status()
    warnings = [each.message for each in client.messages if each.type == types.MessageType.Warning]
    assert len(warnings) == 1
    assert "suggest.max_bytes" in warnings[0]
    assert "colour" in warnings[0]
    registered = [each.method for each in client.registrations]
    assert registered.count(types.WORKSPACE_DID_CHANGE_CONFIGURATION) == 1


async def test_pushed_settings_apply_and_only_the_engines_start_a_new_worker(
    start_server: StartServer, model_path: str
) -> None:
    client = await start_server(options={"model": model_path})
    await client.wait_for_ready()
    first = await worker_pid(client)
    for tree in ({"suggest": {"max_bytes": 9}}, {"suggest": {"max_bytes": 9}, "engine": {"threads": 1}}):
        pushed = types.DidChangeConfigurationParams({"byteLsp": tree})
        client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, pushed)
        await until_state(client, "ready")
        assert (await worker_pid(client) == first) is ("engine" not in tree)


async def test_settings_that_come_during_the_start_load_the_model_once(
    start_server: StartServer, model_path: str
) -> None:
    client = await start_server(settings={"model": model_path})
    client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, types.DidChangeConfigurationParams(None))
    await client.wait_for_ready()
    assert [report["kind"] for report in client.progress] == ["begin", "end"]


async def test_a_request_that_the_model_leaves_unanswered_gets_an_empty_list(
    start_server: StartServer, model_path: str, stack: str
) -> None:
    client = await start_server(options={"model": model_path})
    await client.wait_for_ready()
    document = client.open("file:///a.py", stack)
    pending = client.ask_inline(document, len(stack), invoked=True)
    await client.request(types.WORKSPACE_EXECUTE_COMMAND, types.ExecuteCommandParams("byteLsp.restart"))
    assert await pending.answer in ([], None)


async def test_a_killed_worker_costs_one_suggestion(
    start_server: StartServer, model_path: str, stack: str
) -> None:
    client = await start_server(options={"model": model_path})
    await client.wait_for_ready()
    document = client.open("file:///a.py", stack)
    pending = client.ask_inline(document, len(stack), invoked=True)
    os.kill(await worker_pid(client), KILL)
    assert await pending.answer in ([], None)
    client.replace(document, len(stack), len(stack), "m")
    (item,) = await client.inline_completion(document, len(document.text))
    assert str(item.insert_text).startswith("s")
    assert (await client.status())["counters"]["worker_died"] == 1
    assert len(client.messages) == 1


async def test_shutdown_and_exit_end_server_and_worker(start_server: StartServer, model_path: str) -> None:
    client = await start_server(options={"model": model_path})
    await client.wait_for_ready()
    pid = await worker_pid(client)
    assert await client.stop() == 0
    await until(lambda: is_gone(pid))


async def test_exit_without_shutdown_is_an_error(start_server: StartServer) -> None:
    client = await start_server()
    client.notify(types.EXIT)
    assert client.process is not None
    assert await client.process.wait() == 1


async def test_the_end_of_input_ends_server_and_worker(start_server: StartServer, model_path: str) -> None:
    client = await start_server(options={"model": model_path})
    await client.wait_for_ready()
    pid = await worker_pid(client)
    assert client.process is not None
    assert client.process.stdin is not None
    client.process.stdin.close()
    assert await client.process.wait() == 1
    await until(lambda: is_gone(pid))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to handle")
@pytest.mark.parametrize("number", [signal.SIGTERM, KILL])
async def test_a_signal_leaves_no_orphan(
    start_server: StartServer, model_path: str, number: signal.Signals
) -> None:
    client = await start_server(options={"model": model_path})
    await client.wait_for_ready()
    pid = await worker_pid(client)
    assert client.process is not None
    client.process.send_signal(number)
    await client.process.wait()
    await until(lambda: is_gone(pid))


async def test_the_server_leaves_with_the_process_that_started_it(start_server: StartServer) -> None:
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    client = await start_server(process_id=parent.pid)
    await client.status()
    parent.communicate(b"\n")
    assert client.process is not None
    async with asyncio.timeout(30):
        assert await client.process.wait() == 1


async def test_the_log_holds_no_text_of_documents(start_server: StartServer, model_path: str) -> None:
    client = await start_server(options={"model": model_path, "log": {"level": "debug"}})
    await client.wait_for_ready()
    document = client.open("file:///a.py", "swordfish = 1\nsword")
    pending = client.ask_inline(document, 19)
    client.replace(document, 19, 19, "swordfish")
    with pytest.raises(ServerError):
        await pending.answer
    await client.inline_completion(document, 19)
    client.notify(types.TEXT_DOCUMENT_DID_OPEN, {"textDocument": {"text": "swordfish"}})
    client.connection.send(types.TEXT_DOCUMENT_HOVER, {"textDocument": "swordfish"})
    client.connection.send(types.WORKSPACE_EXECUTE_COMMAND, types.ExecuteCommandParams("swordfish"))
    await client.stop()
    log = "\n".join(client.log)
    assert "pygls" in log
    assert "swordfish" not in log
