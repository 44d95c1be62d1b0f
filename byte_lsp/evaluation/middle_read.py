"""What a model says of a true middle: how probable it is, where it ends, and of the same text left to right.

Everything is exact at every byte: probabilities are sums over covers (``bytes.scoring``) behind the prompt
that ``infill.layouts`` makes of prefix and suffix. A model without such a layout sees the prefix alone.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.covers import END_OF_TEXT, next_byte, weigh_covers
from byte_lsp.bytes.model import TokenByteModel
from byte_lsp.bytes.sampler import Sampler, Sampling
from byte_lsp.bytes.scoring import log_likelihoods
from byte_lsp.bytes.state import ByteRow
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.middle_spans import Middle
from byte_lsp.evaluation.windows import token_boundaries
from byte_lsp.infill.gather import gather
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.infill.prompts import Posed, Prompter
from byte_lsp.infill.stopping import Limits

REACH_BYTES = 2
"""An end so far from the true one counts as found."""

SPARE_BYTES = 32
"""So many bytes more than the true middle has may be written before a model is told to end."""

LIKELY = 0.5
EPS = 1e-3
"""Contexts of less weight are not evaluated where the end is looked for byte by byte."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a model ends a middle that lies in one line.

    ``written`` is what it writes by itself, greedily, ``has_ended`` whether it ended that or was told to.
    The others are found along the true text: ``greedy_end`` is the first offset in it at which the end is
    more probable than any byte, so that whoever takes what is most probable ends there; ``likely_end`` the
    first at which it is more probable than all bytes together. They are None up to ``REACH_BYTES`` behind the
    true end. ``likeliest_end`` is the offset at which the end is most probable.
    """

    written: bytes
    has_ended: bool
    greedy_end: int | None
    likely_end: int | None
    likeliest_end: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What one model says of one middle. ``nats`` are of all its bytes, ``end_nats`` of ending behind them.

    ``onward_nats`` are those of ``Middle.onward`` from left to right: without suffix, as any model can.
    """

    nats: float
    end_nats: float
    onward_nats: float
    ending: Ending | None


@dataclass(frozen=True, slots=True)
class Found:
    """The reading of a middle, or None where the vocabulary has no tokens for its text."""

    name: str
    digest: str
    reading: Reading | None


def read_middles(model: LocalModel, middles: Iterable[Middle], *, ends: bool = True) -> Iterator[Found]:
    """Read every middle; without ``ends`` nobody looks where a model ends those that lie in one line."""
    for middle in middles:
        text = middle.prefix + middle.truth + middle.suffix
        is_spelled = token_boundaries(model.tokenizer, text) is not None
        reading = read_middle(model, middle, ends=ends) if is_spelled else None
        yield Found(middle.name, middle.digest, reading)


def read_middle(model: LocalModel, middle: Middle, *, ends: bool = True) -> Reading:
    """One model's reading of one middle. Errors: ``EngineError``."""
    problem = InfillProblem(
        middle.prefix,
        middle.suffix,
        middle.language,
        suffix_goes_on=middle.suffix_goes_on,
        file_is_whole=True,
    )
    prompter = Prompter(model.engine, model.tokenizer, model.framing, model.form)
    posed = prompter.pose(problem)
    onward = prompter.pose(problem.onward)
    process = model.canonical.framed(posed.framing)
    if (posed.framing, posed.prefix) == (onward.framing, onward.prefix):
        nats, onward_nats = _read(model, posed, [middle.truth, middle.onward])
    else:
        (nats,) = _read(model, posed, [middle.truth])
        onward_nats = math.nan
    covers = weigh_covers(model.engine, process, posed.prefix + middle.truth)
    end_nats = -float(next_byte(process, covers)[END_OF_TEXT])
    ending = _find_ending(model, process, posed.prefix, middle) if ends and middle.is_in_one_line else None
    if math.isnan(onward_nats):
        (onward_nats,) = _read(model, onward, [middle.onward])
    return Reading(nats, end_nats, onward_nats, ending)


def _read(model: LocalModel, posed: Posed, texts: list[bytes]) -> list[float]:
    """The nats of texts behind a prompt."""
    process = model.canonical.framed(posed.framing)
    pairs = [(b"", text) for text in texts]
    return [-logprob for logprob in log_likelihoods(model.engine, process, posed.prefix, pairs)]


def _find_ending(model: LocalModel, process: CanonicalProcess, prefix: bytes, middle: Middle) -> Ending:
    covers = weigh_covers(model.engine, process, prefix)
    steps = Sampler(model.engine, process).steps(covers, Sampling(0.0))
    limits = Limits(len(middle.truth) + SPARE_BYTES)
    written = gather(steps, limits, "nothing")
    text = middle.truth + middle.suffix[:REACH_BYTES]
    rows = next_bytes(TokenByteModel(model.engine, process, EPS), prefix, text)
    chances = [math.exp(row[END_OF_TEXT]) for row in rows]
    greedy = next((offset for offset, row in enumerate(rows) if row.argmax() == END_OF_TEXT), None)
    likely = next((offset for offset, chance in enumerate(chances) if chance > LIKELY), None)
    likeliest = max(range(len(chances)), key=chances.__getitem__)
    return Ending(written.text, written.reason == "end_of_text", greedy, likely, likeliest)


def next_bytes(model: TokenByteModel, prefix: bytes, text: bytes) -> list[ByteRow]:
    """The next byte's log-probabilities behind each of the beginnings of ``text``, shortest first."""
    state = model.state(prefix)
    rows = [state.next_byte()]
    for byte in text:
        state = state.advance(byte)
        rows.append(state.next_byte())
    return rows
