"""Which prompt a problem gets: the whole one where there is time to read it, else a smaller one that grows.

A prompt that the engine has not seen is read at a few hundred tokens a second on a CPU. Where that takes
longer than the deadline, a smaller prompt answers, and the whole one is read while nobody asks, from where
the reading was last interrupted, until a request finds it warm. Smaller prompts come in fixed sizes, each cut
at places that stay put while typing: so the one that answered the last request is mostly warm for the next.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from byte_lsp.bytes.framing import Framing
from byte_lsp.engines.protocol import Engine, TokenTree
from byte_lsp.errors import Cancelled
from byte_lsp.infill.budget import Measure, fit_budget
from byte_lsp.infill.layouts import Form, PromptEncoder, lay_out
from byte_lsp.infill.pace import Pace
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.tokenizer import Tokenizer

LEAST_PROMPT_TOKENS = 48
"""The smallest prompt, however short the deadline: a few lines."""

GROWTH_TOKENS = 16
"""How much is read at once in the background, and lost at most when a request comes.

At the speed of small models on a CPU so many take a twentieth of a second, and are read as fast as more.
"""

_SHRINK = 2 / 3  # from one size of smaller prompts to the next
_LOOSE_TOKENS = 4  # at the end of the byte prefix: typing changes them
_WARM_TOKENS = 16  # no more than these are left to read of a warm prompt
_KEPT_TEXTS = 32


@dataclass(frozen=True, slots=True)
class Posed:
    """A prompt as covers take it: the framing with the parts before the byte prefix, and that prefix.

    ``problem`` is what was laid out, cut to its budget. ``path`` is the head and all of the prefix's tokens
    that further typing leaves alone. ``prompt_tokens`` counts the whole prompt.
    """

    problem: InfillProblem
    framing: Framing
    prefix: bytes
    path: tuple[int, ...]
    prompt_tokens: int


class Prompter:
    """Poses problems to one engine. Not thread-safe; ``grow`` ends early when the engine is interrupted."""

    def __init__(
        self, engine: Engine, tokenizer: Tokenizer, framing: Framing, form: Form, pace: Pace | None = None
    ) -> None:
        self.pace = pace or Pace(engine)
        self._engine = engine
        self._tokenizer = tokenizer
        self._form = form
        self._encoder = PromptEncoder(tokenizer, form, framing)
        self._growing: tuple[int, ...] = ()
        self._chosen: tuple[int, ...] = ()
        self._size = 0  # of the smaller prompt that was used last
        self._encode = lru_cache(_KEPT_TEXTS)(finder(tokenizer).canon.encode)
        self._measure = Measure(lambda problem: self.pose(problem).prompt_tokens, self._token_ends)

    def choose(self, problem: InfillProblem, room_tokens: int) -> Posed:
        """The prompt for ``problem``, of at most ``room_tokens`` tokens.

        With a ``deadline_ms`` no more of it is cold than the engine is expected to read in that time, but for
        ``LEAST_PROMPT_TOKENS``; what that leaves out is left to ``grow``.
        """
        whole = self.pose(fit_budget(problem, room_tokens, self._measure))
        chosen = self._smaller(problem, whole, room_tokens) if problem.deadline_ms else whole
        self._growing = () if chosen is whole else whole.path
        self._chosen = chosen.path
        self._engine.hold(self._growing_paths)
        return chosen

    def hold_beside(self, other: "Prompter") -> None:
        """Have the engine keep what was chosen last, here and by ``other``, until one of them chooses."""
        self._engine.hold((self._chosen, *self._growing_paths, other._chosen, *other._growing_paths))

    def give_up(self) -> None:
        """Leave nothing to ``grow``."""
        self._growing = ()

    def pose(self, problem: InfillProblem) -> Posed:
        """A problem's prompt, uncut."""
        prompt = lay_out(problem, self._form)
        framing = self._encoder.frame(prompt)
        tokens = self._encode(prompt.prefix)
        path = framing.head + tokens[: max(0, len(tokens) - _LOOSE_TOKENS)]
        return Posed(problem, framing, prompt.prefix, path, len(framing.head) + len(tokens))

    @property
    def _growing_paths(self) -> tuple[tuple[int, ...], ...]:
        return (self._growing, self._chosen) if self._growing else ()

    @property
    def is_growing(self) -> bool:
        """Whether ``grow`` has something to do."""
        return bool(self._growing)

    def grow(self, is_wanted: Callable[[], bool]) -> None:
        """Read on in the whole prompt of the last problem, while ``is_wanted`` and not interrupted.

        The next call goes on from there. Errors: ``EngineError``, after which that prompt is given up.
        """
        while self._growing and is_wanted():
            path, self._growing = self._growing, ()
            known = self._engine.cached_tokens(path)
            try:
                self._engine.evaluate(TokenTree(path[: known + GROWTH_TOKENS]), [])
            except Cancelled:
                self._growing = path
                return
            # Nothing gained would mean that the engine cannot keep what was read.
            if known < self._engine.cached_tokens(path) < len(path):
                self._growing = path

    def _smaller(self, problem: InfillProblem, whole: Posed, room_tokens: int) -> Posed:
        """The prompt that the deadline leaves time for: ``whole``, the one used last if it is warm and not
        much too small, or the largest.
        """
        most = self.pace.tokens_within(problem.deadline_ms)
        if self._cold_tokens(whole) <= max(most, LEAST_PROMPT_TOKENS):
            return whole
        sizes = self._sizes(whole, room_tokens)
        if self._size in sizes and 2 * self._size > most:
            posed = self.pose(fit_budget(problem, self._size, self._measure))
            if self._cold_tokens(posed) <= _WARM_TOKENS:
                return posed
        for size in sizes:
            if size > 2 * most and size != sizes[-1]:
                continue
            posed = self.pose(fit_budget(problem, size, self._measure))
            if self._cold_tokens(posed) <= most or size == sizes[-1]:
                self._size = size
                return posed
        return whole

    def _sizes(self, whole: Posed, room_tokens: int) -> list[int]:
        """Tokens of smaller and smaller prompts. While one grows, the engine has to keep two."""
        most = min(whole.prompt_tokens - 1, self._engine.context_tokens - whole.prompt_tokens)
        sizes, room = [], room_tokens * _SHRINK
        while room >= LEAST_PROMPT_TOKENS:
            sizes += [int(room)] if room <= most else []
            room *= _SHRINK
        return sizes

    def _cold_tokens(self, posed: Posed) -> int:
        return posed.prompt_tokens - self._engine.cached_tokens(posed.path)

    def _token_ends(self, text: bytes) -> list[int]:
        pieces = self._tokenizer.pieces
        return list(accumulate(len(pieces[token]) for token in self._encode(text)))
