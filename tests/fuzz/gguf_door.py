"""The GGUF door: bytes as a model file, to all that reads one, and what must hold whatever they are.

An input that begins with ``GGUF`` is the file; any other is decisions from which ``gguf_files`` makes one.

What must hold: whatever is wrong comes out as a ``ByteLspError`` that names the file, and reading takes no
more memory than a small multiple of what is there.
"""

import tempfile
from collections.abc import Callable
from functools import cache
from math import prod
from pathlib import Path

from byte_lsp.adapters.container import TensorReader, read_container
from byte_lsp.adapters.lora import read_lora
from byte_lsp.bytes.framing import frame
from byte_lsp.catalog import resolve
from byte_lsp.errors import ByteLspError, CatalogError
from byte_lsp.models.check import verify
from byte_lsp.tokens.contexts import contexts
from byte_lsp.tokens.tokenizer import load_tokenizer
from tests.fuzz.choices import Choices
from tests.fuzz.gguf_files import forge_file
from tests.fuzz.memory_limit import limited_memory

MOST_MEMORY_BYTES = 1 << 28
MOST_VALUES = 1 << 20
TEXTS = (b"", b"ab a\n\nb", b" abab", "é中😀\r\n".encode(), b"\xff\xe4\xb8", b"<|endoftext|><0x0A>")


def check(data: bytes) -> None:
    """Errors: ``AssertionError``, or whatever came out that should not have."""
    path = _scratch() / "fuzzed.gguf"
    path.write_bytes(data if data.startswith(b"GGUF") else forge_file(Choices(data)))
    with limited_memory(MOST_MEMORY_BYTES):
        for read in READERS:
            error = _error_of(read, path)
            if error is not None and not isinstance(error, CatalogError):
                assert str(path) in str(error), f"no file named: {error}"


def _error_of(read: Callable[[Path], None], path: Path) -> ByteLspError | None:
    try:
        read(path)
    except ByteLspError as error:
        return error
    return None


def read_vocabulary(path: Path) -> None:
    tokenizer = load_tokenizer(path)
    vocabulary = tokenizer.vocabulary
    for text in TEXTS:
        for token in tokenizer.encode(text):
            assert vocabulary.pieces[token]
    contexts(tokenizer, TEXTS[1])
    frame(vocabulary)


def read_tensors(path: Path) -> None:
    container = read_container(path)
    reader = TensorReader(container)
    for name, tensor in container.tensors.items():
        if prod(tensor.shape) <= MOST_VALUES:
            assert reader.values(name).shape == tensor.shape


def read_adapter(path: Path) -> None:
    lora = read_lora(path)
    reader = TensorReader(lora.container)
    for name in lora.changes:
        lora.delta_of(name, reader)


def verify_file(path: Path) -> None:
    verification = verify(resolve(path))
    assert verification.ok or str(path) in verification.problem


READERS: tuple[Callable[[Path], None], ...] = (read_vocabulary, read_tensors, read_adapter, verify_file)


@cache
def _scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="byte-lsp-fuzz-"))
