"""Drawing one of many by weight."""

from collections.abc import Callable

import numpy as np

from byte_lsp.bytes.canonical import Row


def draw(masses: Row, generator: np.random.Generator) -> int:
    """An index in proportion to its mass, which need not sum to one.

    Sums are in float64: in float32 the small masses at the end of a vocabulary would add nothing.
    """
    sums = np.cumsum(masses, dtype=np.float64)
    at = int(np.searchsorted(sums, generator.random() * sums[-1], side="right"))
    return min(at, int(np.searchsorted(sums, sums[-1])))  # a product may be rounded up to the whole


def nucleus(masses: Row, top_p: float, is_extendable: Callable[[int], bool]) -> Row:
    """The masses with all set to zero but the largest extendable ones that together reach ``top_p``.

    The whole that ``top_p`` is a part of leaves out what was found not to be extendable on the way.
    """
    whole, reached = float(masses.sum()), 0.0
    kept = np.zeros_like(masses)
    for at in np.argsort(-masses, kind="stable").tolist():
        if masses[at] == 0.0 or reached >= top_p * whole:
            break
        if is_extendable(at):
            kept[at] = masses[at]
            reached += float(masses[at])
        else:
            whole -= float(masses[at])
    return kept
