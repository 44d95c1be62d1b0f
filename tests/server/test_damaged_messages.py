"""Messages of notebooks and Copilot clients that are nearly right: what holds at the door holds for them."""

import json
import random
from typing import Any

import pytest

from tests.fuzz.choices import Choices
from tests.fuzz.lsp_door import check
from tests.fuzz.lsp_messages import _damage, initialize, position, range_, text

SESSIONS = 150
MESSAGES = 25
BYTES = 5000

Message = dict[str, Any]

NOTEBOOKS = ("file:///n.ipynb", "untitled:n", "file:///%ff%00.ipynb", "")
CELLS = ("cell:1", "cell:2", "cell:3", "file:///a.py")


def request(choices: Choices, method: str, params: Any) -> Message:
    return {"id": choices.below(10**6), "method": method, "params": params}


def cell(choices: Choices) -> Message:
    return {"kind": 1 + choices.below(2), "document": choices.one_of(CELLS)}


def item(choices: Choices) -> Message:
    language = choices.one_of(("python", "markdown", ""))
    return {
        "uri": choices.one_of(CELLS),
        "languageId": language,
        "version": choices.below(5),
        "text": text(choices),
    }


def some(choices: Choices, make: Any) -> list[Any]:
    return [make(choices) for _ in range(choices.below(4))]


def open_notebook(choices: Choices) -> Message:
    uri = choices.one_of(NOTEBOOKS)
    notebook = {"uri": uri, "notebookType": "jupyter-notebook", "version": 0, "cells": some(choices, cell)}
    params = {"notebookDocument": notebook, "cellTextDocuments": some(choices, item)}
    return {"method": "notebookDocument/didOpen", "params": params}


def change_notebook(choices: Choices) -> Message:
    array = {"start": choices.below(5), "deleteCount": choices.below(5), "cells": some(choices, cell)}
    structure = {"array": array, "didOpen": some(choices, item)}
    structure["didClose"] = [{"uri": choices.one_of(CELLS)} for _ in range(choices.below(3))]
    event = {"range": range_(choices), "text": text(choices)}
    document = {"uri": choices.one_of(CELLS), "version": choices.below(9)}
    cells: Message = {}
    if choices.chance(2):
        cells["structure"] = structure
    if choices.chance(3):
        cells["data"] = some(choices, cell)
    if choices.chance(2):
        cells["textContent"] = [{"document": document, "changes": [event] * choices.below(3)}]
    notebook = {"uri": choices.one_of(NOTEBOOKS), "version": choices.below(9)}
    params = {"notebookDocument": notebook, "change": {"cells": cells}}
    return {"method": "notebookDocument/didChange", "params": params}


def close_notebook(choices: Choices) -> Message:
    listed = [{"uri": choices.one_of(CELLS)} for _ in range(choices.below(3))]
    params = {"notebookDocument": {"uri": choices.one_of(NOTEBOOKS)}, "cellTextDocuments": listed}
    return {"method": "notebookDocument/didClose", "params": params}


def ask(choices: Choices) -> Message:
    where: Message = {
        "textDocument": {"uri": choices.one_of(CELLS), "version": choices.one_of((0, 5, -1, 2**40, None))},
        "position": position(choices),
    }
    method = choices.one_of(("textDocument/inlineCompletion", "textDocument/copilotPanelCompletion"))
    if choices.chance(4):
        return request(
            choices, choices.one_of(("getCompletions", "byteLsp/compare")), {"doc": where, **where}
        )
    return request(choices, method, {**where, "context": {"triggerKind": 1 + choices.below(2)}})


def tell(choices: Choices) -> Message:
    number = choices.one_of(("1", "2", 1, None))
    method = choices.one_of(("didShowCompletion", "didPartiallyAcceptCompletion", "didFocus"))
    params = {
        "item": {"command": {"arguments": [number]}},
        "acceptedLength": choices.one_of((1, 3, -1, 10**9)),
        "textDocument": {"uri": choices.one_of((*CELLS, *NOTEBOOKS))},
    }
    return {"method": f"textDocument/{method}", "params": params}


def command(choices: Choices) -> Message:
    arguments = choices.one_of((["1"], ["2", "3"], [], [None], [{}]))
    params = {"command": "byteLsp.didAccept", "arguments": arguments}
    return request(choices, "workspace/executeCommand", params)


def greet(choices: Choices) -> Message:
    method = choices.one_of(
        ("signIn", "checkStatus", "signOut", "getVersion", "setEditorInfo", "byteLsp/models")
    )
    return request(choices, method, choices.one_of((None, {}, [], {"editorInfo": {"name": 1}})))


MAKERS = (
    *(open_notebook, open_notebook, change_notebook, change_notebook, change_notebook, close_notebook),
    *(ask, ask, ask, tell, command, greet),
)


def session(seed: int) -> bytes:
    choices = Choices(random.Random(seed).randbytes(BYTES))
    messages = [initialize(choices), {"method": "initialized", "params": {}}]
    for number in range(MESSAGES):
        message = choices.one_of(MAKERS)(choices)
        if "id" in message:
            message["id"] = number + 100
        messages.append(message)
    greeted = [{"jsonrpc": "2.0", **each} for each in messages]
    sent = [*greeted[:2], *(_damage(each, choices) if choices.chance(3) else each for each in greeted[2:])]
    return b"#" + b"\n".join(json.dumps(each).encode() for each in sent)


@pytest.mark.parametrize("part", range(5))
def test_whatever_comes_each_request_is_answered_once_and_nothing_breaks(part: int) -> None:
    for seed in range(part, SESSIONS, 5):
        check(session(seed))
