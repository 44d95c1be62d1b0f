"""Texts to tokenize: real files that every installation of the test dependencies has, and some languages."""

import random
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from byte_lsp.evaluation.coverage_texts import CONTROL, LANGUAGES, ODD

_SITE = Path(sysconfig.get_path("purelib"))
_WHERE = {
    "python": (Path(sysconfig.get_path("stdlib")), ["*.py", "asyncio/*.py", "email/*.py"]),
    "javascript": (_SITE, ["importlinter/ui/static/*.js"]),
    "c": (_SITE, ["numpy/_core/include/numpy/*.h", "numpy/random/*.h"]),
    "markdown": (_SITE, ["**/*.md", "*.dist-info/METADATA"]),
}
KINDS = (*_WHERE, "languages")

odd_bytes = st.lists(st.sampled_from([*ODD, *map(str.encode, CONTROL)]), min_size=1, max_size=3).flatmap(
    lambda few: st.lists(st.sampled_from(few), min_size=1, max_size=8).map(b"".join)
)
"""Few kinds of fragments that upset tokenizers, many times over."""


@cache
def files_of(kind: str) -> tuple[bytes, ...]:
    """The contents of the files of one kind, at most 300 of them, always in the same order."""
    if kind == "languages":
        return (LANGUAGES.encode(),)
    folder, patterns = _WHERE[kind]
    paths = sorted({path for pattern in patterns for path in folder.glob(pattern)})[:300]
    contents = [_valid(path.read_bytes()) for path in paths]
    assert contents, f"no {kind} files under {folder}"
    return tuple(contents)


def windows(kind: str, count: int, length: int, seed: int) -> Iterator[bytes]:
    """Pieces of these files, each about ``length`` bytes of whole characters, drawn at random."""
    generator = random.Random(f"{kind} {seed}")
    files = [content for content in files_of(kind) if len(content) > 40]
    for _ in range(count):
        content = generator.choice(files)
        start = generator.randrange(max(1, len(content) - length))
        yield _valid(content[start : start + length])


def _valid(data: bytes) -> bytes:
    return data.decode("utf-8", "ignore").encode()
