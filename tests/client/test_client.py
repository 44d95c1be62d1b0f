"""The client, against the real server and against programs that are none."""

import asyncio
import json
import sys
from collections.abc import Sequence

import pytest
from lsprotocol import types

from byte_lsp.client import Client, ServerError

NO_SERVER = "import sys; print('not a server'); sys.stdin.readline(); print('gone', file=sys.stderr)"
ASKS_BACK = """
import json, sys
def say(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    sys.stdout.flush()
def hear():
    length = int(sys.stdin.buffer.readline().split()[1])
    sys.stdin.buffer.readline()
    return json.loads(sys.stdin.buffer.read(length))
question = hear()
for method, params in json.loads(sys.argv[1]):
    say({"id": "q", "method": method, "params": params})
    say({"method": "window/showMessage", "params": {"type": 3, "message": json.dumps(hear())}})
say({"id": question["id"], "result": None})
hear()
"""


def program(code: str, *arguments: str) -> Sequence[str]:
    return (sys.executable, "-c", code, *arguments)


async def test_a_conversation_with_the_real_server() -> None:
    async with await Client.start() as client:
        result = await client.initialize(options={"model": "none.gguf"})
        assert result.server_info is not None
        assert result.server_info.name == "byte-lsp"
        with pytest.raises(ServerError, match=r"none\.gguf"):
            await client.wait_for_ready()
        with pytest.raises(ServerError) as raised:
            await client.request("no/suchMethod")
        assert raised.value.code == -32601
        assert await client.stop() == 0
        assert client.stray == b""


async def test_what_is_no_message_is_kept_and_requests_do_not_hang() -> None:
    client = await Client.start(program(NO_SERVER))
    with pytest.raises(ServerError, match="went away"):
        await client.initialize()
    with pytest.raises(ServerError, match="gone"):
        await client.status()
    assert await client.stop() == 0
    assert client.stray.split() == [b"not", b"a", b"server"]
    assert list(client.log) == ["gone"]


async def test_a_server_that_will_not_go_is_killed() -> None:
    client = await Client.start(program("import time; time.sleep(600)"))
    assert await client.stop(timeout_seconds=0.2) != 0


async def test_questions_of_the_server_are_answered() -> None:
    asked = [
        ["workspace/configuration", {"items": [{"section": "byteLsp"}]}],
        ["window/showMessageRequest", {"type": 3, "message": "?", "actions": [{"title": "Yes"}]}],
        ["window/workDoneProgress/create", {"token": 1}],
        ["no/suchMethod", {}],
    ]
    client = await Client.start(program(ASKS_BACK, json.dumps(asked)))
    client.settings, client.choice = {"model": "m"}, "Yes"
    assert await client.request("begin") is None
    answers = [message.message for message in client.messages]
    assert '"result": [{"model": "m"}]' in answers[0]
    assert '"result": {"title": "Yes"}' in answers[1]
    assert '"result": null' in answers[2]
    assert '"code": -32601' in answers[3]
    assert [question.message for question in client.questions] == ["?"]
    client.notify(types.EXIT)
    assert client.process is not None
    async with asyncio.timeout(20):
        assert await client.process.wait() == 0
    await client.stop()
