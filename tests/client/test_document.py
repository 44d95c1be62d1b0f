"""The client's positions against the server's: two independent ways to count."""

from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from byte_lsp.client import ClientDocument
from byte_lsp.server.documents import Document
from byte_lsp.server.positions import PositionEncoding

TEXTS = st.text(st.sampled_from("ab\n\r\té中😀\u2028\x0c"), max_size=30)
ENCODINGS = st.sampled_from(["utf-8", "utf-16", "utf-32"])


@given(TEXTS, TEXTS, ENCODINGS, st.data())
def test_client_and_server_stay_in_step(
    text: str, new: str, encoding: PositionEncoding, data: st.DataObject
) -> None:
    client = ClientDocument("file:///a.py", text, "python", encoding)
    server = Document(types.TextDocumentItem("file:///a.py", "python", 0, text), encoding)
    addressable = [at for at in range(len(text) + 1) if text[at - 1 : at + 1] != "\r\n"]
    start, end = sorted(data.draw(st.tuples(st.sampled_from(addressable), st.sampled_from(addressable))))
    params = client.replace(start, end, new)
    server.change(params.content_changes[0])
    assert server.text.decode() == client.text == text[:start] + new + text[end:]
    assert client.version == params.text_document.version == 1
    for offset in range(len(client.text) + 1):
        if client.text[offset - 1 : offset + 1] != "\r\n":
            assert client.position(offset) == server.position(len(client.text[:offset].encode()))
            assert client.offset(client.position(offset)) == offset
