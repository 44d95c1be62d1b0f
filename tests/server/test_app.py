"""Features that need no conversation."""

from lsprotocol import types

from byte_lsp.server.app import build_server
from byte_lsp.server.asking import line_end
from byte_lsp.server.documents import Document


def test_an_editor_that_splits_at_line_feeds_gets_line_feeds() -> None:
    server = build_server()
    document = Document(types.TextDocumentItem("file:///a.py", "python", 1, "a\r\nb"), "utf-16")
    server.client_name = "Visual Studio Code"
    assert line_end(server, document) == b"\r\n"
    server.client_name = "Neovim"
    assert line_end(server, document) == b"\n"


def test_documents_are_ours_alone() -> None:
    server = build_server()
    for method in (
        types.TEXT_DOCUMENT_DID_OPEN,
        types.TEXT_DOCUMENT_DID_CHANGE,
        types.TEXT_DOCUMENT_DID_CLOSE,
    ):
        assert method in server.protocol.fm.features
        assert method not in server.protocol.fm.builtin_features
