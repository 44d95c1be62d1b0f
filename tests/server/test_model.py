"""The model's host: whatever keeps a model from coming up is said."""

import asyncio
from dataclasses import replace
from typing import Any

from lsprotocol import types

from byte_lsp.server.app import build_server
from byte_lsp.server.editor import Editor
from byte_lsp.server.model import ModelHost
from byte_lsp.settings import Settings


class HeardEditor(Editor):
    """Keeps what would be shown."""

    def __init__(self) -> None:
        super().__init__(build_server())
        self.shown: list[tuple[types.MessageType, str]] = []

    @property
    def offers_actions(self) -> bool:
        return False

    def _show(self, kind: types.MessageType, text: str) -> None:
        self.shown.append((kind, text))


async def test_an_error_that_nobody_foresaw_is_shown() -> None:
    editor = HeardEditor()
    host = ModelHost(editor)
    wrong: Any = {"members": object()}
    host.start(replace(Settings(), ensemble=replace(Settings().ensemble, **wrong)))
    async with asyncio.timeout(20):
        while host.state != "failed":
            await asyncio.sleep(0)
    ((kind, text),) = editor.shown
    assert kind == types.MessageType.Error
    assert "internal error" in text
