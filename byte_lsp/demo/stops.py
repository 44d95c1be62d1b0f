"""The places where the demo stops typing: reads ``stops.toml`` and ``project/`` beside this file."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

_HERE = files("byte_lsp.demo")


@dataclass(frozen=True, slots=True)
class DemoFile:
    """A file of the demo's project. ``language`` is its LSP language id."""

    name: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The cursor after ``typed`` in ``line`` (from 1) of ``file``; ``where`` says it for people."""

    file: DemoFile
    line: int
    typed: str
    where: str

    @property
    def line_start(self) -> int:
        """Offset of the line in the file's text."""
        return sum(len(line) for line in self.file.text.splitlines(keepends=True)[: self.line - 1])

    @property
    def whole_line(self) -> str:
        """The line as the file holds it, without its line end."""
        return self.file.text.splitlines()[self.line - 1]

    @property
    def truth(self) -> str:
        """What the file holds on that line after ``typed``."""
        return self.whole_line.removeprefix(self.typed)

    @property
    def before(self) -> str:
        """The file's text up to the cursor."""
        return self.file.text[: self.line_start] + self.typed

    @property
    def after(self) -> str:
        """The file's text from the end of the line on."""
        return self.file.text[self.line_start + len(self.whole_line) :]


def read_stops() -> Iterator[Stop]:
    """All stops, file by file."""
    table = tomllib.loads((_HERE / "stops.toml").read_text(encoding="utf-8"))
    for entry in table["file"]:
        text = (_HERE / "project" / entry["name"]).read_text(encoding="utf-8")
        file = DemoFile(entry["name"], entry["language"], text)
        for stop in entry["stops"]:
            yield Stop(file, stop["line"], stop["typed"], stop["where"])
