"""Which candidate the suffix goes on from best.

By Bayes' rule the probability of a middle ``c`` between a prefix ``x`` and a suffix that begins with ``s``
is proportional to ``P(c | x) P(s | x c)``. Candidates are ranked by that product. The first factor is that
of the tokens drawn, through the one that ended the text: a lower bound. The second is an exact byte
probability: at most junctions the candidate ends inside a token that the suffix completes, and only a sum
over covers says how probable that is. What the suffix has without any candidate, ``log P(s | x)``, is the
same for all of them: it changes no order, but in the middle of a line it says which candidates are worse
than none.

A model that fills in has conditioned on the suffix, and more often than not on half of it: it is taken for
the one who proposes. Both factors are then what the same model says left to right, of prefix, candidate and
suffix as one text, and its own probability of the middle counts for nothing.

Longer candidates have more to answer for in the first factor, and no correction for length did better than
leaving it as it is (docs/infilling.md, where it is multiplied by other numbers).
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.scoring import log_likelihoods
from byte_lsp.engines.protocol import Engine
from byte_lsp.errors import ContextFull
from byte_lsp.infill.problem import Candidate

SUFFIX_BYTES = 48
"""How much of the suffix is asked about, from its first byte on, where candidates are compared."""

ALONE_BYTES = 16
"""The same for a single candidate, which is only compared with nothing.

In 220 holes of 1 to 12 bytes in lines of seven languages 16 bytes kept 32 of 32 right candidates and 104 of
188 wrong ones, 48 bytes the 32 and 106, for twice the tokens.
"""


def judge_by_suffix(
    engine: Engine,
    process: CanonicalProcess,
    prefix: bytes,
    suffix: bytes,
    candidates: Sequence[Candidate],
) -> list[Candidate]:
    """Candidates by falling ``log P(c | x) + log P(s | x c)``.

    By the first alone where the suffix is blank, where no tokens spell it, or the context has no room for it.
    Where text follows on the cursor's line, those are left out behind which it is less probable than without
    them. Errors: ``Cancelled``, ``EngineError``.
    """
    is_mid_line = bool(suffix.split(b"\n", 1)[0].strip())
    ranked = sorted(candidates, key=_score, reverse=True)
    if not suffix.strip() or len(candidates) < 2 - is_mid_line:
        return ranked
    count = SUFFIX_BYTES if len(candidates) > 1 else ALONE_BYTES
    pairs = [(candidate.text, _head(suffix[candidate.replaced_bytes :], count)) for candidate in candidates]
    try:
        alone, *logprobs = log_likelihoods(engine, process, prefix, [(b"", _head(suffix, count)), *pairs])
    except ContextFull:
        return ranked
    if alone == -math.inf:
        return ranked
    judged = [
        replace(candidate, suffix_logprob=logprob)
        for candidate, logprob in zip(candidates, logprobs, strict=True)
        if not is_mid_line or candidate.replaced_bytes or logprob > alone
    ]
    return sorted(judged, key=_score, reverse=True)


def has_choice(suffix: bytes, candidates: Sequence[Candidate]) -> bool:
    """Whether ``rank_proposals`` has anything to say."""
    return len(candidates) > 1 and bool(suffix.strip())


def rank_proposals(
    engine: Engine,
    process: CanonicalProcess,
    prefix: bytes,
    suffix: bytes,
    candidates: Sequence[Candidate],
) -> list[Candidate]:
    """Candidates of a model that saw the suffix, by ``log P(c | x) + log P(s | x c)`` as both are found here.

    None is left out: it heard what follows on the line. As they come where there is no choice, where no
    tokens spell the suffix, or the context has no room for it. Errors: ``Cancelled``, ``EngineError``.
    """
    if not has_choice(suffix, candidates):
        return list(candidates)
    pairs = [
        pair
        for each in candidates
        for pair in ((b"", each.text), (each.text, _head(suffix[each.replaced_bytes :], SUFFIX_BYTES)))
    ]
    try:
        logprobs = log_likelihoods(engine, process, prefix, pairs)
    except ContextFull:
        return list(candidates)
    judged = [
        replace(each, onward_logprob=first, suffix_logprob=behind)
        for each, first, behind in zip(candidates, logprobs[::2], logprobs[1::2], strict=True)
    ]
    if max(logprobs[1::2]) == -math.inf:
        return list(candidates)
    return sorted(judged, key=_score, reverse=True)


def _score(candidate: Candidate) -> float:
    first = candidate.logprob if candidate.onward_logprob is None else candidate.onward_logprob
    return (first or 0.0) + (candidate.suffix_logprob or 0.0)


def _head(suffix: bytes, count: int) -> bytes:
    """The first ``count`` bytes of the suffix, up to the end of a character."""
    end = min(len(suffix), count)
    while end < len(suffix) and suffix[end] & 0xC0 == 0x80:
        end += 1
    return suffix[:end]
