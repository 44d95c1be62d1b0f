"""The files that somebody writes in a benchmark: those that were named, or real ones found on this
machine."""

import codecs
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.corpus import LANGUAGES

FILES = 5
FEWEST_CHARACTERS = 80
"""In less there is nothing to see."""

_LANGUAGE_OF = {suffix: language for language, suffixes in LANGUAGES.items() for suffix in suffixes}
_IDS = {"C#": "csharp", "C++": "cpp", "Emacs Lisp": "elisp", "Shell": "shellscript", "ps1": "powershell"}
_IN_REPOSITORY = ("receive_buffer.py", "registries.ts", "time.go", "indentation.rs", "speedups.c")
_IN_PYTHON = ("textwrap.py", "pydoc_data/_pydoc.css", "idlelib/help.html", "venv/scripts/common/Activate.ps1")


@dataclass(frozen=True, slots=True)
class TypedFile:
    """A file's name, its language's id in editors, and its text."""

    name: str
    language: str
    text: str


def read_files(paths: Sequence[Path]) -> list[TypedFile]:
    """The files to write; without ``paths`` five of five languages, or as many as this machine has.

    Errors: ``EvaluationError`` for a file that cannot be read, is not UTF-8 or nearly empty, or if none is
    found.
    """
    files = [_read(path) for path in paths or _find()]
    if not files:
        raise EvaluationError("this machine has no files to type; name some on the command line")
    return files


def _read(path: Path) -> TypedFile:
    try:
        text = path.read_bytes().removeprefix(codecs.BOM_UTF8).decode()
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read ({error.strerror}); name a text file") from error
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{path} is not UTF-8 (byte {error.start}); name another file") from error
    if len(text.strip()) < FEWEST_CHARACTERS:
        raise EvaluationError(f"{path} has less than {FEWEST_CHARACTERS} characters; name a longer file")
    language = _LANGUAGE_OF.get(path.suffix.lower(), path.suffix.removeprefix(".") or "plaintext")
    return TypedFile(path.name, _IDS.get(language, language.lower()), text)


def _find() -> list[Path]:
    return [path for path in _candidates() if path.is_file()][:FILES]


def _candidates() -> Iterator[Path]:
    """Real files, those of a checkout of byte-lsp first, then what Python and this package bring along."""
    package = Path(__file__).parents[1]
    yield from (package.parent / "tests" / "languages" / "files" / name for name in _IN_REPOSITORY)
    paths = sysconfig.get_paths()
    yield from (Path(paths["stdlib"]) / name for name in _IN_PYTHON)
    yield Path(paths["include"]) / "unicodeobject.h"
    yield package / "_models" / "catalog.toml"
