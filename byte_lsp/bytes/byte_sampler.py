"""Draws byte by byte, from whatever gives byte distributions.

Temperature and top-p act on the distribution of each next byte: ``p(b)^(1/T)``, renormalised, and the most
probable bytes of total probability ``top_p``. On the cheap path (``sampler.py``) they act on covers and
tokens. The two agree at temperature 1 and ``top_p`` 1, where both draw from the model; otherwise they are
different distributions, and greedy text may differ too: the most probable byte need not begin the most
probable token.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from byte_lsp.bytes.canonical import sharpen
from byte_lsp.bytes.covers import END_OF_TEXT
from byte_lsp.bytes.draws import draw, nucleus
from byte_lsp.bytes.model import State
from byte_lsp.bytes.sampler import Sampling, Step
from byte_lsp.bytes.state import ByteRow


def byte_steps(state: State, sampling: Sampling, first: int | None = None) -> Iterator[Step]:
    """Draws one byte after another until the text ends or no byte is possible; ``first`` fixes the first."""
    generator = sampling.generator()
    while True:
        row = state.next_byte()
        if row.max() == -np.inf:
            return
        byte = draw_byte(row, sampling, generator) if first is None else first
        first = None
        ended = byte == END_OF_TEXT
        yield Step(b"" if ended else bytes([byte]), ended, partial(row.item, byte))
        if ended:
            return
        state = state.advance(byte)


def draw_byte(row: ByteRow, sampling: Sampling, generator: np.random.Generator | None) -> int:
    """A byte, or 256 for the end of the text, drawn by its probability; without generator the best."""
    if generator is None:
        return int(row.argmax())
    masses = np.exp(sharpen(row, sampling.temperature))
    if sampling.top_p < 1.0:
        masses = nucleus(masses, sampling.top_p, lambda byte: True)
    return draw(masses, generator)
