"""The server object: what one conversation with an editor keeps."""

from __future__ import annotations

import os
import time
from collections import Counter

from lsprotocol import types
from pygls.exceptions import FeatureRequestError, JsonRpcException, PyglsError
from pygls.lsp.server import LanguageServer

from byte_lsp import __version__
from byte_lsp.running import RunningServer
from byte_lsp.server.configuration import Configuration
from byte_lsp.server.context import Neighbours
from byte_lsp.server.documents import Document, DocumentStore
from byte_lsp.server.editor import Editor
from byte_lsp.server.in_flight import InFlight
from byte_lsp.server.model import ModelHost
from byte_lsp.server.notebooks import SYNC_OPTIONS, NotebookStore
from byte_lsp.server.offers import Offers
from byte_lsp.server.parent import ParentWatch
from byte_lsp.server.privacy import Privacy
from byte_lsp.server.protocol import Protocol
from byte_lsp.server.status import NOTIFICATION, Facts, Status, StatusBoard
from byte_lsp.server.status_file import StatusFile
from byte_lsp.server.suggester import Suggester
from byte_lsp.settings import Settings, is_disabled

NAME = "byte-lsp"


class ByteLspServer(LanguageServer):
    """pygls's server with our documents, settings, model and waiting requests."""

    protocol: Protocol

    def __init__(self) -> None:
        super().__init__(NAME, __version__, protocol_cls=Protocol, notebook_document_sync=SYNC_OPTIONS)
        self.editor = Editor(self)
        self.configuration = Configuration(self.editor)
        self.documents = DocumentStore("utf-16")
        self.notebooks = NotebookStore()
        self.privacy = Privacy()
        self.privacy.on_change = self.judged_anew
        self.neighbours = Neighbours(privacy=self.privacy)
        self.in_flight = InFlight()
        self.model = ModelHost(self.editor)
        self.parent = ParentWatch()
        self.client_name = ""
        self.counters: Counter[str] = Counter()
        self.suggester = Suggester(self.model, self.neighbours, self.counters)
        self.offers = Offers(self.counters)
        self.asked_in = ""
        """The document in which a suggestion was wanted last, or that was opened or focused last."""
        self.status = StatusBoard(self._facts, self._tell_status)
        self.status_file = StatusFile(self._describe)
        self.model.on_change = self.status.update

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.configuration.settings

    @property
    def shows_ghost_text(self) -> bool:
        """Whether the editor knows inline completion."""
        text_document = self.client_capabilities.text_document
        return bool(text_document and text_document.inline_completion)

    @property
    def keeps_indentation(self) -> bool:
        """Whether the editor can be told to insert a completion as it is."""
        text_document = self.client_capabilities.text_document
        completion = text_document.completion if text_document else None
        item = completion.completion_item if completion else None
        modes = item.insert_text_mode_support if item else None
        return bool(modes and types.InsertTextMode.AsIs in modes.value_set)

    def open_document(self, document: Document) -> None:
        """The editor has opened a document, in place of one with the same URI, if there was one."""
        self.in_flight.edited(document.uri)
        self.documents.add(document)
        self.suggester.wake(document.file_uri)
        self.neighbours.opened(document)

    def change_document(self, params: types.DidChangeTextDocumentParams) -> None:
        """The editor has edited a document."""
        uri, changes = params.text_document.uri, params.content_changes
        if changes:
            self.in_flight.edited(uri)
        self.documents.change(params)
        document = self.documents.get(uri)
        if changes and document is not None:
            self.suggester.edited(document)
        self.neighbours.changed(uri, changes)

    def close_document(self, uri: str) -> None:
        """The editor has closed a document."""
        self.in_flight.closed(uri)
        document = self.documents.get(uri)
        self.documents.close(uri)
        self.neighbours.closed(uri)
        self.privacy.closed(uri)
        if document is not None:
            self.suggester.wake(document.file_uri)
        self.forget(uri)

    def forget(self, uri: str) -> None:
        """A document or a notebook is closed: the status is not about it any more."""
        if self.asked_in == uri:
            self.asked_in = ""
            self.status.update()

    def close(self) -> None:
        """End the worker and whatever is being fetched."""
        self.parent.stop()
        self.privacy.close()
        self.status.close()
        self.model.close()
        self.status_file.close()

    def judged_anew(self) -> None:
        """Documents are kept out, or let in, that were not before: nothing that was chosen or said holds."""
        self.neighbours.judged_anew()
        self.suggester.forget_all()
        self.status.update()

    def _facts(self) -> Facts:
        document = self.documents.get(self.asked_in)
        file_uri = document.file_uri if document else self.asked_in
        is_off = document is not None and is_disabled(self.settings, document.language)
        return Facts(
            model=self.model.name,
            model_state=self.model.state,
            failure=self.model.failure,
            on_safe_path=self.model.on_safe_path,
            is_enabled=self.settings.suggest.enabled,
            exclusion=self.privacy.exclusion(file_uri) if file_uri else None,
            disabled_language=document.language if document and is_off else "",
        )

    def _tell_status(self, status: Status) -> None:
        self.protocol.notify(NOTIFICATION, status.as_params())
        self.status_file.write_soon()

    def _describe(self) -> RunningServer:
        status = self.status.status
        return RunningServer(
            pid=os.getpid(),
            started_s=0.0,  # filled in by who writes it
            updated_s=time.time(),
            version=__version__,
            editor=self.client_name,
            workspace=tuple(self.privacy.folders),
            model=self.model.name,
            state=status.state,
            message=status.message,
            action=status.action,
            worker_pid=self.model.worker_pid,
            counters=dict(self.counters),
        )

    def report_server_error(
        self, error: Exception, source: type[PyglsError] | type[JsonRpcException]
    ) -> None:
        """Show a fault of ours that no answer can carry, without its details: they may quote a document."""
        if source is not FeatureRequestError:
            self.editor.error(f"a message could not be handled ({type(error).__name__}); see the log")
