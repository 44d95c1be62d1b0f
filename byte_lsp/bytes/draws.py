"""Drawing one of many by weight."""

from collections.abc import Callable

import numpy as np

from byte_lsp.bytes.canonical import Row
from byte_lsp.errors import EngineError

NOTHING_FOLLOWS = "the model gives no probability to anything that its tokenizer can emit here"


def draw(masses: Row, generator: np.random.Generator) -> int:
    """An index in proportion to its mass, which need not sum to one.

    Sums are in float64: in float32 the small masses at the end of a vocabulary would add nothing.
    """
    sums = np.cumsum(masses, dtype=np.float64)
    at = int(np.searchsorted(sums, generator.random() * sums[-1], side="right"))
    return min(at, int(np.searchsorted(sums, sums[-1])))  # a product may be rounded up to the whole


def draw_accepted(
    logs: Row, top_p: float, is_accepted: Callable[[int], bool], generator: np.random.Generator
) -> int:
    """An index in proportion to ``exp(logs)`` among those accepted, of them the nucleus of ``top_p``.

    Masses are relative to the best index accepted. At a low temperature all others may be nothing beside the
    best of all, and if that is thrown away, there would be nothing left to draw. Errors: ``EngineError`` if
    none is accepted.
    """
    logs = logs.copy()
    while not is_accepted(best := int(logs.argmax())):
        if logs[best] == -np.inf:
            raise EngineError(NOTHING_FOLLOWS)
        logs[best] = -np.inf
    masses = np.exp(logs - logs[best])
    if top_p < 1.0:
        masses = nucleus(masses, top_p, is_accepted)
    while not is_accepted(at := draw(masses, generator)):
        masses[at] = 0.0
    return at


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
