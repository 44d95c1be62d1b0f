"""byte-lsp: local code completion that is exact at every byte.

The stable interface for Python programs:

* ``load_tokenizer(path_or_name) -> Tokenizer``: ``.encode(bytes) -> list[int]`` and ``.pieces``.
* ``contexts(tokenizer, prefix) -> list[Context]``: all extendable contexts of a byte prefix.
* ``load(name_or_path, **options) -> ByteModel``: a model in a process of its own; ``.next_byte``,
  ``.logprob``, ``.sample``, ``.state`` for byte after byte, ``.infill``, ``.close``, and use as a context
  manager.
* ``Ensemble([(model, weight), ...], rule)``: several of them as one, with the same methods but ``.infill``.
  What acts on tokens there acts on bytes here: ``.sample`` draws bytes, and ``.next_byte`` has no ``arm``.
* ``Candidate`` and ``Context``, the data these return, and ``ByteLspError``, the base of all errors.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from byte_lsp.api import ByteModel, ByteState, Ensemble, load, load_tokenizer
    from byte_lsp.errors import ByteLspError
    from byte_lsp.infill.problem import Candidate
    from byte_lsp.tokens.contexts import Context, contexts
    from byte_lsp.tokens.tokenizer import Tokenizer

__version__ = "0.1.0"

__all__ = [
    "ByteLspError",
    "ByteModel",
    "ByteState",
    "Candidate",
    "Context",
    "Ensemble",
    "Tokenizer",
    "contexts",
    "load",
    "load_tokenizer",
]

_HOMES = {
    "ByteLspError": "byte_lsp.errors",
    "ByteModel": "byte_lsp.api",
    "ByteState": "byte_lsp.api",
    "Candidate": "byte_lsp.infill.problem",
    "Context": "byte_lsp.tokens.contexts",
    "Ensemble": "byte_lsp.api",
    "Tokenizer": "byte_lsp.tokens.tokenizer",
    "contexts": "byte_lsp.tokens.contexts",
    "load": "byte_lsp.api",
    "load_tokenizer": "byte_lsp.api",
}


def __getattr__(name: str) -> object:
    # The server imports this package too and must start in a fraction of a second: load on first use.
    if name not in _HOMES:
        raise AttributeError(f"module 'byte_lsp' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
