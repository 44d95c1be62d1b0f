"""Models so small that everything about them can be worked out, dressed as loaded ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from byte_lsp.bytes.baselines import BareProcess
from byte_lsp.engines.protocol import Logits, TokenTree
from byte_lsp.engines.table import TableEngine
from byte_lsp.infill.layouts import Form
from byte_lsp.tokens.contexts import finder
from tests.bytes.tiny import END, FRAMING, MaskedEngine, Tiny, tinies

if TYPE_CHECKING:
    from byte_lsp.evaluation.local import LocalModel

FILLING = Form("spm", suffix=END, middle=END, ends=(END,))
"""Suffix first. There is one control token, and it does for every sentinel."""


def find_tiny(name: str = "gpt-2") -> Tiny:
    return next(tiny for tiny in tinies() if tiny.name == name)


def dress(tiny: Tiny, engine: TableEngine, form: Form | None = None) -> "LocalModel":
    """A table model as what ``open_local`` gives."""
    from byte_lsp.evaluation.local import LocalModel

    return LocalModel(
        "table",
        Path("table.gguf"),
        engine,  # type: ignore[arg-type]  # a real engine with a clock, elsewhere
        tiny.tokenizer,
        FRAMING,
        tiny.process(),
        BareProcess(finder(tiny.tokenizer), FRAMING),
        form or Form(),
        None,
    )


class Headed:
    """A model behind a longer head than the one token that ``BruteForce`` puts before every text."""

    def __init__(self, inner: MaskedEngine, head: tuple[int, ...]) -> None:
        self._inner, self._head = inner, head

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        return self._inner.evaluate(
            TokenTree((*self._head, *tree.trunk[1:]), tree.tokens, tree.parents), nodes
        )


class Scripted(TableEngine):
    """A model that knows one text by heart: all text of a prompt, and where that ends."""

    def __init__(self, tiny: Tiny, script: bytes) -> None:
        super().__init__(len(tiny.tokenizer.pieces), context_tokens=256)
        self._tiny, self._script = tiny, script

    def row(self, path: tuple[int, ...]) -> Logits:
        pieces = self._tiny.tokenizer.pieces
        text = b"".join(pieces[token] for token in path)
        row = np.full(len(pieces), -8.0)
        row[self._tiny.text_tokens] = 0.0
        if text == self._script:
            row[END] = 8.0
        elif self._script.startswith(text):
            rest = self._script[len(text) :]
            known = [token for token in self._tiny.text_tokens if rest.startswith(pieces[token])]
            row[known] = [8.0 + len(pieces[token]) for token in known]
        return row - np.logaddexp.reduce(row)
