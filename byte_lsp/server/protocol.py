"""What byte-lsp does differently from pygls's own protocol.

pygls keeps each document as a ``str`` and splits lines as Python does, also at form feeds and U+2028; an
edit there can fail or go astray. Its document handlers are taken out, ours are plain features. It never
answers a request that it cannot read, and ends the process from inside a message; both are mended here.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol, lsp_method

OUR_OWN = (
    types.TEXT_DOCUMENT_DID_OPEN,
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_CLOSE,
    types.NOTEBOOK_DOCUMENT_DID_OPEN,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE,
)


class Protocol(LanguageServerProtocol):
    """pygls's protocol, with documents left to us. ``stopped`` is set once the client has said ``exit``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.stopped = threading.Event()
        super().__init__(*args, **kwargs)

    @property
    def was_shut_down(self) -> bool:
        """Whether the client has sent ``shutdown``."""
        return self._shutdown

    def _register_builtin_features(self) -> None:
        super()._register_builtin_features()  # type: ignore[no-untyped-call]
        for method in OUR_OWN:
            del self.fm.builtin_features[method]

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """Choose the position encoding, then initialize as pygls does."""
        _prefer_utf8(params.capabilities)
        return (yield from super().lsp_initialize(params))

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override]
        """Let the conversation end after this message."""
        self.stopped.set()

    def structure_message(self, data: dict[str, Any]) -> Any:
        """As pygls does, but ``params`` may be missing, and what is unreadable is answered with an error."""
        if "method" in data and self.get_message_type(data["method"]) is None:
            data.setdefault("params", None)
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            if "id" in data and "method" in data:
                self._send_response(data["id"], error=error.to_response_error())
            raise


def _prefer_utf8(client: types.ClientCapabilities) -> None:
    """Move UTF-8 to the front of what the client offers; pygls takes the first it knows.

    Documents are kept in UTF-8, so such a position is an addition away. After that the client's order
    stands: it names first what costs it least.
    """
    offered = client.general.position_encodings if client.general else None
    if client.general and offered and types.PositionEncodingKind.Utf8 in offered:
        client.general.position_encodings = [types.PositionEncodingKind.Utf8, *offered]
