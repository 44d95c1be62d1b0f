"""What the server says to the person at the editor: messages, questions, progress."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer

ANSWER_SECONDS = 5.0
Cancel = Callable[[], None]


class Progress:
    """One running progress report, or a silent one where the editor shows none."""

    def __init__(self, ls: LanguageServer, token: str | None) -> None:
        self._ls = ls
        self._token = token
        self._percentage = -1

    def report(self, done_bytes: int, total_bytes: int | None) -> None:
        """Show how much is done, once for each percent. Call it from the event loop."""
        percentage = min(100, 100 * done_bytes // total_bytes) if total_bytes else 0
        if self._token is None or percentage == self._percentage:
            return
        self._percentage = percentage
        megabytes = f"{done_bytes / 1e6:.0f} MB" + (f" of {total_bytes / 1e6:.0f}" if total_bytes else "")
        self._ls.work_done_progress.report(
            self._token, types.WorkDoneProgressReport(message=megabytes, percentage=percentage)
        )


class Editor:
    """The editor's window. Every call here is one message to it and blocks nothing."""

    def __init__(self, ls: LanguageServer) -> None:
        self._ls = ls

    def error(self, text: str) -> None:
        self._show(types.MessageType.Error, text)

    def warn(self, text: str) -> None:
        self._show(types.MessageType.Warning, text)

    def inform(self, text: str) -> None:
        self._show(types.MessageType.Info, text)

    @property
    def offers_actions(self) -> bool:
        """Whether the editor can show a message with something to choose."""
        window = self._ls.client_capabilities.window
        return bool(window and window.show_message)

    async def ask(
        self, question: str, answers: tuple[str, ...], kind: types.MessageType = types.MessageType.Info
    ) -> str | None:
        """The answer that the person picks, or None when the question is waved away."""
        actions = [types.MessageActionItem(title=answer) for answer in answers]
        params = types.ShowMessageRequestParams(kind, f"byte-lsp: {question}", actions)
        picked = await self._ls.window_show_message_request_async(params)
        return picked.title if picked else None

    async def settings(self) -> object:
        """The editor's ``byteLsp`` section, or None where it does not tell."""
        workspace = self._ls.client_capabilities.workspace
        if not (workspace and workspace.configuration):
            return None
        params = types.ConfigurationParams([types.ConfigurationItem(section="byteLsp")])
        request = self._ls.workspace_configuration_async(params)
        try:
            answer = await asyncio.wait_for(request, ANSWER_SECONDS)
        except (TimeoutError, JsonRpcException):
            return None
        return answer[0] if answer else None

    def follow_settings(self) -> None:
        """Ask to be told of changed settings, where the editor tells only those who ask."""
        workspace = self._ls.client_capabilities.workspace
        changes = workspace.did_change_configuration if workspace else None
        if not (changes and changes.dynamic_registration):
            return
        registration = types.Registration(
            id="byte-lsp-settings",
            method=types.WORKSPACE_DID_CHANGE_CONFIGURATION,
            register_options={"section": "byteLsp"},
        )
        self._ls.client_register_capability(types.RegistrationParams([registration]))

    def follow_ignore_files(self) -> None:
        """Ask to be told when a ``.gitignore`` changes, where the editor watches files for others."""
        workspace = self._ls.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace else None
        if not (watching and watching.dynamic_registration):
            return
        registration = types.Registration(
            id="byte-lsp-ignore-files",
            method=types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
            register_options={"watchers": [{"globPattern": "**/.gitignore"}]},
        )
        self._ls.client_register_capability(types.RegistrationParams([registration]))

    @asynccontextmanager
    async def progress(self, title: str, on_cancel: Cancel | None = None) -> AsyncIterator[Progress]:
        """Work-done progress around a block, with a way to cancel it where ``on_cancel`` is given."""
        token = await self._progress_token()
        if token is None:
            yield Progress(self._ls, None)
            return
        begin = types.WorkDoneProgressBegin(
            title=f"byte-lsp: {title}", cancellable=on_cancel is not None, percentage=0 if on_cancel else None
        )
        reports = self._ls.work_done_progress
        reports.begin(token, begin)
        if on_cancel is not None:
            reports.tokens[token].add_done_callback(lambda _: on_cancel())
        try:
            yield Progress(self._ls, token)
        finally:
            reports.end(token, types.WorkDoneProgressEnd())
            reports.tokens.pop(token, None)

    async def _progress_token(self) -> str | None:
        window = self._ls.client_capabilities.window
        if not (window and window.work_done_progress):
            return None
        token = str(uuid.uuid4())
        request = self._ls.work_done_progress.create_async(token)
        try:
            await asyncio.wait_for(request, ANSWER_SECONDS)
        except (TimeoutError, JsonRpcException):
            return None
        return token

    def _show(self, kind: types.MessageType, text: str) -> None:
        self._ls.window_show_message(types.ShowMessageParams(kind, f"byte-lsp: {text}"))
