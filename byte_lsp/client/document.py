"""A document as an editor keeps it: text, and positions counted in the negotiated units."""

import re

from lsprotocol import types

LINE_END = re.compile(r"\r\n|\n|\r")


class ClientDocument:
    """The client's copy of one open document. Offsets are into ``text``, a ``str``."""

    def __init__(self, uri: str, text: str, language: str, encoding: str) -> None:
        self.uri = uri
        self.text = text
        self.language = language
        self.version = 0
        self._encoding = encoding

    @property
    def identifier(self) -> types.TextDocumentIdentifier:
        return types.TextDocumentIdentifier(self.uri)

    def position(self, offset: int) -> types.Position:
        """The position of a text offset; an offset between CR and LF is the end of the line before them."""
        line, line_start = 0, 0
        for found in LINE_END.finditer(self.text):
            if found.end() > offset:
                offset = min(offset, found.start())
                break
            line, line_start = line + 1, found.end()
        return types.Position(line, self._units(self.text[line_start:offset]))

    def offset(self, position: types.Position) -> int:
        """The text offset of a position; past the end of a line it is the line's end."""
        line_start, line_end = 0, len(self.text)
        ends = LINE_END.finditer(self.text)
        for _ in range(position.line):
            found = next(ends, None)
            if found is None:
                return len(self.text)
            line_start = found.end()
        found = next(ends, None)
        line_end = found.start() if found else line_end
        at, units = line_start, 0
        while at < line_end and units < position.character:
            units += self._units(self.text[at])
            at += 1
        return at

    def replace(self, start: int, end: int, text: str) -> types.DidChangeTextDocumentParams:
        """Replace ``[start, end)`` here, and say how to do the same at the server."""
        range_ = types.Range(self.position(start), self.position(end))
        self.text = self.text[:start] + text + self.text[end:]
        self.version += 1
        return types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(self.version, self.uri),
            [types.TextDocumentContentChangePartial(range_, text)],
        )

    def _units(self, text: str) -> int:
        match self._encoding:
            case "utf-8":
                return len(text.encode())
            case "utf-16":
                return len(text.encode("utf-16-le", "surrogatepass")) // 2
            case _:
                return len(text)
