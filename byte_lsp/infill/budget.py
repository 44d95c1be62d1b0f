"""A problem cut to what a prompt has room for, counted in tokens of the model's own tokenizer.

The suffix gets what the prefix leaves, and a quarter at least; chunks get what both leave, the least
relevant dropped first and whole; the prefix gets the rest. While a person types, only the end of the prefix
changes, so shares are counted in steps, and cuts lie at line starts that are found by counting tokens from
the ends of the texts that typing does not move.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from byte_lsp.infill.problem import InfillProblem
from byte_lsp.infill.window import LINE_END, next_character, previous_character

SUFFIX_SHARE = 4
"""One part in so many is the suffix's, however long the prefix is."""

_FINE_STEPS = 16  # parts of the room that shares are counted in, and that the suffix's end moves by
_COARSE_STEPS = 4  # parts of the room that the prefix's start moves by: each move makes the prompt cold


Excess = Callable[[bytes], int]
"""By how many tokens a prompt with this text is too long."""

TokenEnds = Callable[[bytes], Sequence[int]]
"""The byte offsets at which the tokens of a text end, ascending."""


@dataclass(frozen=True, slots=True)
class Measure:
    """``prompt_tokens`` counts the whole prompt of a problem, with its sentinels and headers."""

    prompt_tokens: Callable[[InfillProblem], int]
    token_ends: TokenEnds


def fit_budget(problem: InfillProblem, room_tokens: int, measure: Measure) -> InfillProblem:
    """``problem`` with as much of its prefix, suffix and chunks as a prompt of ``room_tokens`` holds.

    What a layout leaves out of its prompts is not cut. Where there is not even room for a layout's own
    tokens, nothing is left.
    """
    if measure.prompt_tokens(problem) <= room_tokens:
        return problem
    fitting = _Fitting(max(room_tokens, 0), measure)
    bare = replace(problem, suffix=b"", chunks=())
    reserved = fitting.round_up(measure.prompt_tokens(bare))
    fitted = fitting.with_suffix(bare, problem.suffix, fitting.room - reserved)
    reserved += fitting.round_up(fitting.added_tokens(bare, fitted))
    fitted = fitting.with_chunks(fitted, problem, fitting.room - reserved)
    return fitting.with_less_prefix(fitted)


@dataclass(frozen=True, slots=True)
class _Fitting:
    room: int
    measure: Measure

    def round_up(self, tokens: int) -> int:
        return _round_up(tokens, self.room // _FINE_STEPS)

    def added_tokens(self, without: InfillProblem, having: InfillProblem) -> int:
        return self.measure.prompt_tokens(having) - self.measure.prompt_tokens(without)

    def with_suffix(self, problem: InfillProblem, suffix: bytes, left: int) -> InfillProblem:
        """The problem with the beginning of ``suffix``, in ``left`` tokens, or its share if that is more."""
        room = max(left, self.room // SUFFIX_SHARE)

        def excess(kept: bytes) -> int:
            return self.added_tokens(problem, replace(problem, suffix=kept)) - room

        kept = cut_end(suffix, excess, self.room // _FINE_STEPS, self.measure.token_ends)
        goes_on = problem.suffix_goes_on or kept != suffix
        return replace(problem, suffix=kept, suffix_goes_on=goes_on)

    def with_chunks(self, problem: InfillProblem, given: InfillProblem, left: int) -> InfillProblem:
        """The problem with the first chunks of ``given`` that take ``left`` tokens."""
        for count in range(len(given.chunks), 0, -1):
            having = replace(problem, chunks=given.chunks[:count])
            if self.added_tokens(problem, having) <= left:
                return having
        return problem

    def with_less_prefix(self, problem: InfillProblem) -> InfillProblem:
        def excess(kept: bytes) -> int:
            return self.measure.prompt_tokens(replace(problem, prefix=kept)) - self.room

        if excess(b"") > 0:
            return replace(problem, prefix=b"", suffix=b"", chunks=())
        kept = cut_start(problem.prefix, excess, self.room // _COARSE_STEPS, self.measure.token_ends)
        return replace(problem, prefix=kept)


def cut_start(text: bytes, excess: Excess, step: int, token_ends: TokenEnds) -> bytes:
    """The longest end of ``text`` that is not too long and begins where text growing at its end lets it.

    That is at a line start, found by counting tokens from the start of ``text`` in steps of ``step``; within
    a line where the line is longer than a step.
    """
    over = excess(text)
    if over <= 0:
        return text
    step, ends = max(1, step), token_ends(text)
    for skipped in range(_round_up(over, step), len(ends), step):
        floor, reach = ends[skipped - 1], ends[min(skipped + step, len(ends)) - 1]
        line_end = LINE_END.search(text, floor - 1, reach)
        kept = text[line_end.end() if line_end else next_character(text, floor) :]
        if excess(kept) <= 0:
            return kept
    return b""


def cut_end(text: bytes, excess: Excess, step: int, token_ends: TokenEnds) -> bytes:
    """The longest beginning of ``text`` that is not too long, the other way round: tokens are counted from
    the end of ``text``, and the cut is behind a line end unless that would cost half of what there is room
    for.
    """
    over = excess(text)
    if over <= 0:
        return text
    step, ends = max(1, step), token_ends(text)
    for skipped in range(_round_up(over, step), len(ends), step):
        ceiling = ends[-skipped - 1]
        line_end = text.rfind(b"\n", ceiling // 2, ceiling) + 1
        kept = text[: line_end or previous_character(text, ceiling)]
        if excess(kept) <= 0:
            return kept
    return b""


def _round_up(tokens: int, step: int) -> int:
    step = max(1, step)
    return -(-tokens // step) * step
