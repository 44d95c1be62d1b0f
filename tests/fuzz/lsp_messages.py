"""LSP messages that are nearly right, put together from a fuzzer's bytes."""

import json
from collections.abc import Callable
from typing import Any

from tests.fuzz.choices import Choices

Message = dict[str, Any]
Make = Callable[[Choices], Any]

MOST_MESSAGES = 40
URIS = (
    *("file:///a.py", "file:///b.c", "untitled:c", "file:///C%3A/d/e.ts", "file:///.env", "file:///%ff%00"),
    *("", "no uri", "file://[", "file:///\ud800", "file://\u2100/", "git:/a.py?{}", "file:///" + "d/" * 200),
)
PIECES = (
    *(
        "a",
        "def f(x):",
        "    ",
        "\t",
        "\n",
        "\r",
        "\r\n",
        "\u2028",
        "\x0b",
        "\x0c",
        "\x00",
        "\ufeff",
        "é",
        "中",
    ),
    *("😀", "\ud83d", "\ude00", "\ud800\ud800", "e\u0301", "x" * 300, "(\n" * 40, "print(", '"', "'''", "#"),
)
NUMBERS = (0, 1, 2, 3, 5, 8, 80, 300, 2**16, 2**31 - 1)
WRONG = (
    *(None, True, -1, 2**31, -(2**31) - 1, 2**53, 10**40, 1.5, 1e308, float("inf"), float("nan"), "", "1"),
    *([], {}, [[]], [None], {"uri": None}, {"jsonrpc": "2.0", "id": 1, "method": "shutdown"}, "\ud800"),
)
NESTED = 60


def read_session(choices: Choices) -> list[bytes]:
    """The bodies of a session's messages: a handshake, mostly, and then whatever comes."""
    bodies = []
    if not choices.chance(12):
        bodies += [
            _body(initialize(choices), choices),
            _body({"method": "initialized", "params": {}}, choices),
        ]
    while not choices.is_over and len(bodies) < MOST_MESSAGES:
        make = choices.one_of(MESSAGES)
        bodies.append(_body(make(choices), choices))
    return bodies


def text(choices: Choices) -> str:
    return "".join(choices.one_of(PIECES) for _ in range(choices.below(12)))


def position(choices: Choices) -> Message:
    return {"line": choices.one_of(NUMBERS), "character": choices.one_of(NUMBERS)}


def range_(choices: Choices) -> Message:
    return {"start": position(choices), "end": position(choices)}


def uri(choices: Choices) -> str:
    return URIS[0] if choices.chance(2) else choices.one_of(URIS)


def number(choices: Choices) -> Any:
    """A request's id; few of them, so that they meet again."""
    return choices.one_of((1, 2, 3, "1", "a", -1, 2**60, "\ud800"))


def initialize(choices: Choices) -> Message:
    encodings = choices.one_of((["utf-8"], ["utf-16"], ["utf-32"], [], ["utf-7"], ["utf-32", "utf-8"]))
    capabilities: Message = {"general": {"positionEncodings": encodings}, "textDocument": {}}
    if choices.chance(2):
        capabilities["textDocument"] = {"inlineCompletion": {}}
    if choices.chance(2):
        dynamic = {"dynamicRegistration": True}
        capabilities["workspace"] = {"configuration": True, "didChangeConfiguration": dynamic}
        capabilities["window"] = {"workDoneProgress": True}
    params: Message = {"processId": None, "rootUri": None, "capabilities": capabilities}
    params["initializationOptions"] = settings(choices)
    if choices.chance(3):
        params["workspaceFolders"] = [{"uri": uri(choices), "name": "w"}]
        params["rootUri"] = uri(choices)
    if choices.chance(3):
        params["clientInfo"] = {"name": choices.one_of(("Neovim", "Emacs", "", "\ud800"))}
    return {"id": number(choices), "method": "initialize", "params": params}


def settings(choices: Choices) -> Any:
    suggest = {
        "enabled": choices.one_of((True, True, True, False, "yes")),
        "completion_items": choices.one_of(("auto", "always", "never", 3)),
        "debounce_ms": choices.one_of((0, -1, 50, 10**12, -7, "x")),
        "alternatives": choices.one_of((1, 3, 0, 10**9)),
        "max_bytes": choices.one_of((80, 0, -1, 2**40)),
    }
    context = {"prefix_bytes": choices.one_of((4096, 0, 1, 10**12)), "neighbours": choices.chance(2)}
    return {"byteLsp": {"suggest": suggest, "context": context, choices.one_of(("x", "model")): "m"}}


def open_(choices: Choices) -> Message:
    item = {
        "uri": uri(choices),
        "languageId": choices.one_of(("python", "", "\ud800")),
        "text": text(choices),
    }
    item["version"] = choices.one_of((0, 1, -1, -(2**31), 2**31 - 1))
    return {"method": "textDocument/didOpen", "params": {"textDocument": item}}


def change(choices: Choices) -> Message:
    events = []
    for _ in range(choices.below(4)):
        event: Message = {"text": text(choices)}
        if not choices.chance(5):
            event["range"] = range_(choices)
        if choices.chance(5):
            event["rangeLength"] = choices.one_of(NUMBERS)
        events.append(event)
    document = {"uri": uri(choices), "version": choices.one_of((1, 0, -5))}
    return {
        "method": "textDocument/didChange",
        "params": {"textDocument": document, "contentChanges": events},
    }


def close(choices: Choices) -> Message:
    return {"method": "textDocument/didClose", "params": {"textDocument": {"uri": uri(choices)}}}


def inline(choices: Choices) -> Message:
    context: Message = {"triggerKind": 1 + choices.below(3)}
    if choices.chance(3):
        context["selectedCompletionInfo"] = {"range": range_(choices), "text": text(choices)}
    params = {"textDocument": {"uri": uri(choices)}, "position": position(choices), "context": context}
    return {"id": number(choices), "method": "textDocument/inlineCompletion", "params": params}


def completion(choices: Choices) -> Message:
    params = {"textDocument": {"uri": uri(choices)}, "position": position(choices)}
    return {"id": number(choices), "method": "textDocument/completion", "params": params}


def cancel(choices: Choices) -> Message:
    return {"method": "$/cancelRequest", "params": {"id": number(choices)}}


def configure(choices: Choices) -> Message:
    return {"method": "workspace/didChangeConfiguration", "params": {"settings": settings(choices)}}


def folders(choices: Choices) -> Message:
    event = {"added": [{"uri": uri(choices), "name": ""}], "removed": [{"uri": uri(choices), "name": ""}]}
    return {"method": "workspace/didChangeWorkspaceFolders", "params": {"event": event}}


def command(choices: Choices) -> Message:
    name = choices.one_of(("byteLsp.restart", "no.such", ""))
    arguments = choices.one_of((None, [], [1, {"a": [None]}], ["\ud800"]))
    return {
        "id": number(choices),
        "method": "workspace/executeCommand",
        "params": {"command": name, "arguments": arguments},
    }


def answer(choices: Choices) -> Message:
    """An answer to nothing, or to a request of the client's own."""
    outcome = choices.one_of(
        ({"result": None}, {"result": [{}]}, {"error": {"code": 1, "message": ""}}, {"error": 1}, {})
    )
    return {"id": number(choices), **outcome}


def other(choices: Choices) -> Message:
    method = choices.one_of(
        (
            *(
                "byteLsp/status",
                "byteLsp/document",
                "shutdown",
                "initialize",
                "textDocument/hover",
                "$/setTrace",
            ),
            *("$/progress", "no/such", "", "exit", "initialized", "window/workDoneProgress/cancel", "$/x"),
            *("notebookDocument/didOpen", "textDocument/didSave", "window/showMessageRequest", "\ud800"),
        )
    )
    message: Message = {"method": method, "params": choices.one_of((None, {}, [], {"value": "off"}, 1))}
    if choices.chance(2):
        message["id"] = number(choices)
    return message


def known(choices: Choices) -> Message:
    """Any message that the protocol knows, without what it needs."""
    message = other(choices)
    message["method"] = choices.one_of(_all_methods())
    return message


MESSAGES: tuple[Make, ...] = (
    *(open_, open_, change, change, change, close, inline, inline, inline, completion, cancel, cancel),
    *(configure, folders, command, answer, other, known, initialize),
)


def _all_methods() -> list[str]:
    from lsprotocol.types import METHOD_TO_TYPES

    return sorted(METHOD_TO_TYPES)


def _body(message: Any, choices: Choices) -> bytes:
    tree = {"jsonrpc": "2.0", **message}
    if choices.chance(6):
        tree = _damage(tree, choices)
    body = json.dumps(tree).encode()
    if choices.chance(40):
        at = choices.below(len(body))
        body = choices.one_of(
            (body[:at], body[:at] + b"\xff" + body[at:], b"[" * 9999 + body, b"[%s]" % body)
        )
    return body


def _damage(tree: Any, choices: Choices) -> Any:
    """The tree with one of its nodes replaced, taken out or buried."""
    if isinstance(tree, dict) and tree and not choices.chance(4):
        key = choices.one_of(sorted(tree))
        if choices.chance(8):
            return {each: tree[each] for each in tree if each != key}
        return tree | {key: _damage(tree[key], choices)}
    if isinstance(tree, list) and tree and not choices.chance(4):
        at = choices.below(len(tree))
        return [*tree[:at], _damage(tree[at], choices), *tree[at + 1 :]]
    if choices.chance(8):
        for _ in range(NESTED):
            tree = [tree]
        return tree
    return choices.one_of(WRONG)
