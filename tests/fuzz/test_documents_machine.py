"""Documents that are opened, edited and closed in any order: always those of the reference.

Once on the store itself, with hypothesis; once through a server process, from a seed.
"""

import asyncio
import hashlib
import random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from lsprotocol import types

from byte_lsp.client import Client
from byte_lsp.server.documents import DocumentStore
from byte_lsp.server.positions import PositionEncoding
from tests.fuzz.reference import Position, Reference

URIS = ("file:///a.py", "file:///b.c", "untitled:c")
PIECES = (
    *("a", "bc", " ", "\t", "\n", "\r", "\r\n", "\n\r", "\u2028", "\x0b", "\x0c", "\x85", "\x00", "\ufeff"),
    *("é", "中", "😀", "e\u0301", "\ud83d", "\ude00", "\U0010ffff"),
)
FAR = 2**31 - 1
EDITS = 120

texts = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
lines = st.integers(0, 6) | st.just(FAR)
characters = st.integers(0, 14) | st.just(FAR)
positions = st.tuples(lines, characters)
events = st.tuples(st.none() | st.tuples(positions, positions), texts)


def event_of(range_: tuple[Position, Position] | None, text: str) -> types.TextDocumentContentChangeEvent:
    if range_ is None:
        return types.TextDocumentContentChangeWholeDocument(text)
    start, end = (types.Position(*each) for each in range_)
    return types.TextDocumentContentChangePartial(types.Range(start, end), text)


def apply(reference: Reference, range_: tuple[Position, Position] | None, text: str) -> None:
    if range_ is None:
        reference.replace_all(text)
    else:
        reference.replace(*range_, text)


class Documents(RuleBasedStateMachine):
    """A store beside references."""

    @initialize(encoding=st.sampled_from(["utf-8", "utf-16", "utf-32"]))
    def begin(self, encoding: PositionEncoding) -> None:
        self.encoding = encoding
        self.store = DocumentStore(encoding)
        self.references: dict[str, Reference] = {}
        self.version = 0

    @rule(uri=st.sampled_from(URIS), text=texts)
    def open(self, uri: str, text: str) -> None:
        self.store.open(types.TextDocumentItem(uri, "python", self.version, text))
        self.references[uri] = Reference(text, self.encoding)

    @rule(uri=st.sampled_from(URIS), changes=st.lists(events, max_size=4))
    def change(self, uri: str, changes: list[tuple[tuple[Position, Position] | None, str]]) -> None:
        self.version += 1
        identifier = types.VersionedTextDocumentIdentifier(self.version, uri)
        self.store.change(
            types.DidChangeTextDocumentParams(identifier, [event_of(*each) for each in changes])
        )
        if uri in self.references:
            for each in changes:
                apply(self.references[uri], *each)

    @rule(uri=st.sampled_from(URIS))
    def close(self, uri: str) -> None:
        self.store.close(uri)
        self.references.pop(uri, None)

    @rule(uri=st.sampled_from(URIS), position=positions)
    def ask(self, uri: str, position: Position) -> None:
        """The offset of a position, and the position of that offset, which is the same place."""
        document = self.store.get(uri)
        if document is None:
            return
        reference = self.references[uri]
        offset = document.offset(types.Position(*position))
        index = reference.index(position)
        before = reference.utf8()[:offset].decode()
        assert len(before.encode("utf-16-le")) == 2 * index
        back = document.position(offset)
        assert reference.index((back.line, back.character)) == index

    @invariant()
    def same(self) -> None:
        for uri in URIS:
            document = self.store.get(uri)
            assert (document is not None) == (uri in self.references)
            if document is not None:
                assert bytes(document.text) == self.references[uri].utf8()
                assert list(document.line_starts) == self.references[uri].line_starts()


TestDocuments = Documents.TestCase
TestDocuments.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("encodings", [["utf-8"], ["utf-16"], ["utf-32"]])
async def test_a_server_has_what_the_reference_has(encodings: list[str]) -> None:
    draw = random.Random(0)
    client = await Client.start()
    await client.initialize(encodings=encodings, options={"model": "none.gguf"})
    references: dict[str, Reference] = {}
    for version in range(EDITS):
        uri = draw.choice(URIS)
        do_something(client, references, uri, version, encodings[0], draw)
        async with asyncio.timeout(60):
            found = await client.request("byteLsp/document", {"uri": uri})
        assert (found is not None) == (uri in references)
        if found is not None:
            assert found["sha256"] == hashlib.sha256(references[uri].utf8()).hexdigest()
    assert await client.stop() == 0
    assert client.stray == b""


def do_something(
    client: Client,
    references: dict[str, Reference],
    uri: str,
    version: int,
    encoding: str,
    draw: random.Random,
) -> None:
    """Edit a document, mostly; open or close it now and then."""
    choice = draw.random()
    if uri not in references or choice < 0.05:
        text = draw_text(draw)
        references[uri] = Reference(text, encoding)
        item = types.TextDocumentItem(uri, "python", version, text)
        client.notify(types.TEXT_DOCUMENT_DID_OPEN, types.DidOpenTextDocumentParams(item))
    elif choice < 0.1:
        del references[uri]
        client.notify(
            types.TEXT_DOCUMENT_DID_CLOSE,
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)),
        )
    else:
        changes: list[Any] = [draw_change(draw) for _ in range(draw.randrange(1, 4))]
        for each in changes:
            apply(references[uri], *each)
        identifier = types.VersionedTextDocumentIdentifier(version, uri)
        params = types.DidChangeTextDocumentParams(identifier, [event_of(*each) for each in changes])
        client.notify(types.TEXT_DOCUMENT_DID_CHANGE, params)


def draw_text(draw: random.Random) -> str:
    return "".join(draw.choice(PIECES) for _ in range(draw.randrange(30)))


def draw_change(draw: random.Random) -> tuple[tuple[Position, Position] | None, str]:
    if draw.random() < 0.05:
        return None, draw_text(draw)
    return (draw_position(draw), draw_position(draw)), draw_text(draw)


def draw_position(draw: random.Random) -> Position:
    return draw.choice((*range(8), FAR)), draw.choice((*range(20), FAR))
