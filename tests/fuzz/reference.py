"""A document as an editor has it: a list of UTF-16 code units, edited in the simplest way.

Nothing of byte_lsp is used here. LSP 3.17: lines end at CR LF, LF or CR; a position past the end of a line is
its end, one past the last line the end of the text, one inside a character the character's start.
"""

CR, LF = 0x0D, 0x0A
REPLACEMENT = 0xFFFD

Position = tuple[int, int]


def units_of(text: str) -> list[int]:
    """UTF-16 code units; halves of pairs that stand alone become U+FFFD, as no UTF-8 can hold them."""
    data = text.encode("utf-16-le", "surrogatepass")
    units = [data[at] | data[at + 1] << 8 for at in range(0, len(data), 2)]
    for at, unit in enumerate(units):
        is_first = 0xD800 <= unit < 0xDC00 and at + 1 < len(units) and 0xDC00 <= units[at + 1] < 0xE000
        is_second = 0xDC00 <= unit < 0xE000 and at > 0 and 0xD800 <= units[at - 1] < 0xDC00
        if 0xD800 <= unit < 0xE000 and not is_first and not is_second:
            units[at] = REPLACEMENT
    return units


class Reference:
    """One open document."""

    def __init__(self, text: str, encoding: str) -> None:
        self.encoding = encoding
        self.units = units_of(text)

    def replace(self, start: Position, end: Position, text: str) -> None:
        first, last = sorted((self.index(start), self.index(end)))
        self.units = self.units[:first] + units_of(text) + self.units[last:]

    def replace_all(self, text: str) -> None:
        self.units = units_of(text)

    def utf8(self) -> bytes:
        return b"".join(unit.to_bytes(2, "little") for unit in self.units).decode("utf-16-le").encode()

    def line_starts(self) -> list[int]:
        """In bytes of UTF-8."""
        starts = [0]
        size = 0
        for at, character in self.characters():
            size += len(character.encode())
            is_cr_lf = self.units[at] == CR and self.units[at + 1 : at + 2] == [LF]
            if self.units[at] in (CR, LF) and not is_cr_lf:
                starts.append(size)
        return starts

    def characters(self) -> list[tuple[int, str]]:
        """Each with the index of its first unit."""
        found = []
        at = 0
        while at < len(self.units):
            width = 2 if 0xD800 <= self.units[at] < 0xDC00 else 1
            data = b"".join(unit.to_bytes(2, "little") for unit in self.units[at : at + width])
            found.append((at, data.decode("utf-16-le")))
            at += width
        return found

    def index(self, position: Position) -> int:
        """The index in ``units`` that a position means."""
        line, wanted = position
        for at, character in self.characters():
            if line == 0:
                if character in "\r\n" or wanted < self._width(character):
                    return at
                wanted -= self._width(character)
            elif character == "\n" or (character == "\r" and self.units[at + 1 : at + 2] != [LF]):
                line -= 1
        return len(self.units)

    def _width(self, character: str) -> int:
        if self.encoding == "utf-8":
            return len(character.encode())
        if self.encoding == "utf-16":
            return len(character.encode("utf-16-le")) // 2
        return 1
