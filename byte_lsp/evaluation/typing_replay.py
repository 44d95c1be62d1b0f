"""Somebody writes a script in an editor: edits and requests go to a real server over real LSP.

Every key is a ``textDocument/didChange`` and then a ``textDocument/inlineCompletion``, as VS Code and
Neovim send them, but for their debounce: they wait 50 and 200 ms for another key, here each key asks at
once. A jump of the cursor asks without an edit, as Neovim does. A key that comes before the answer cancels
the request before it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lsprotocol import types

from byte_lsp.client import Client, ClientDocument, Pending, ServerError
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.typing_counts import Counts, Meter
from byte_lsp.evaluation.typing_policy import Choice, Ghost, Reaction, choose, reading_ms
from byte_lsp.evaluation.typing_script import Script, Stretch, Stroke

Cause = Literal["key", "correction", "jump", "accept"]
"""Why the editor asks: a right or wrong key, a backspace, a move of the cursor, a suggestion was accepted."""

GAVE_UP = frozenset(
    (
        types.LSPErrorCodes.RequestCancelled,
        types.LSPErrorCodes.ContentModified,
        types.LSPErrorCodes.ServerCancelled,
    )
)
"""What a server answers to a request that a newer key overtook."""

LONGEST_WAIT_S = 120.0

OnAnswer = Callable[["Asked", ClientDocument, int, str], Awaitable[None]]
"""Told of an answer, with the document, the cursor and the text that is shown there, before the next key."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. ``key`` numbers what the script has done, keys and jumps, the same in every arm.

    ``along`` says that the key was the next character of what was shown. ``waited_ms`` is None for a request
    that was overtaken or failed. ``shown`` characters were offered. ``counts`` is what the server counted
    between the answer before and this one.
    """

    key: int
    cause: Cause
    along: bool
    waited_ms: float | None
    shown: int
    counts: Counts

    @property
    def without_model(self) -> bool:
        """Whether it was answered, and the model not asked."""
        return self.waited_ms is not None and self.counts.asked == 0

    @property
    def is_move(self) -> bool:
        """Whether the cursor only moved: the model is not asked then, and memory mostly knows nothing."""
        return self.cause == "jump" and self.counts.asked == 0


@dataclass(frozen=True, slots=True)
class Replay:
    """A script written in full: ``pressed`` keys, of ``script_keys`` that it takes without suggestions.

    ``accepted`` of its ``written`` characters came with ``accepts`` presses of Tab, which count as keys.
    ``failures`` are what the server said was wrong, but for requests that were overtaken.
    """

    script_keys: int
    written: int
    pressed: int
    accepts: int
    accepted: int
    asked: tuple[Asked, ...]
    counts: Counts
    failures: tuple[str, ...] = ()


class Typist:
    """Writes one script. ``step`` does the next thing, so that several can take turns.

    ``speed`` 1 is a person's, 2 has pauses half as long; at 0 there are none, and each answer is waited for.
    It may change on the way. With ``stride`` only every so manieth key asks. ``meter`` reads the server's
    counters after each answer.
    """

    def __init__(
        self,
        client: Client,
        document: ClientDocument,
        script: Script,
        reaction: Reaction = "ignore",
        *,
        speed: float = 0.0,
        stride: int = 1,
        meter: Meter | None = None,
        on_answer: OnAnswer | None = None,
    ) -> None:
        self.asked: list[Asked] = []
        self.failures: list[str] = []
        self.pressed = self.accepts = self.accepted = 0
        self._client, self._document, self._script = client, document, script
        self._reaction: Reaction = reaction
        self.speed = speed
        self._stride = stride
        self._meter, self._on_answer = meter, on_answer
        self._things = list(_things(script))
        self._next_at = _index(self._things)
        self._at = 0
        self._cursor = 0
        self._ghost: Ghost | None = None
        self._pending: Pending | None = None
        self._overtaken: list[Pending] = []
        self._due_s = 0.0

    @property
    def is_done(self) -> bool:
        """Whether all is written."""
        return self._at >= len(self._things)

    async def write(self) -> Replay:
        """Write all that is left. Errors: ``EvaluationError`` if the script does not end with its text."""
        meter = Meter(self._client)
        await meter.take()
        while not self.is_done:
            await self.step()
        await self.settle()
        if self._document.text != self._script.after:
            raise EvaluationError("the script did not end with its text; this is an error of the benchmark")
        script = self._script
        return Replay(
            script_keys=script.strokes,
            written=script.written,
            pressed=self.pressed,
            accepts=self.accepts,
            accepted=self.accepted,
            asked=tuple(self.asked),
            counts=await meter.take(),
            failures=tuple(self.failures),
        )

    async def step(self) -> None:
        """Accept what is shown, or press the next key, or jump; then ask, and look until the next is due."""
        choice = self._choose()
        if choice is not None:
            await self._sleep(reading_ms(choice.text))
            self._accept(choice)
            await self._ask("accept", along=True)
            return
        await self._sleep_until_due()
        thing = self._things[self._at]
        self._at += 1
        if thing.stroke is None:
            self._cursor, self._ghost = thing.stretch.offset, None
            await self._ask("jump", along=False)
        else:
            along = self._press(thing.stroke)
            await self._ask("correction" if thing.stroke.removes else "key", along=along)

    async def look(self, timeout_s: float) -> None:
        """Stop typing and wait for the last answer, but no longer than this."""
        pending = self._pending
        if pending is None or not self.asked or self.asked[-1].waited_ms is not None:
            return
        await asyncio.wait([pending.answer], timeout=timeout_s)
        last = self.asked.pop()
        await self._see(pending, last.cause, along=last.along)

    async def settle(self) -> None:
        """Wait for the answers to all requests. Errors: ``EvaluationError`` for those that never come."""
        waiting = [*self._overtaken, *([self._pending] if self._pending else [])]
        answers = [pending.answer for pending in waiting if not pending.answer.done()]
        if answers and (await asyncio.wait(answers, timeout=LONGEST_WAIT_S))[1]:
            raise EvaluationError(f"requests were not answered within {LONGEST_WAIT_S:.0f} s")
        self._overtaken.clear()

    def _choose(self) -> Choice | None:
        """What of the suggestion to accept now, if it is right and the text so far is."""
        done = self._things[self._at - 1] if self._at else None
        if self._ghost is None or done is None or done.is_wrong:
            return None
        good = self._cursor - done.stretch.offset
        rest = done.stretch.text[good:]
        choice = choose(self._reaction, self._ghost, self._cursor, self._document.text, rest)
        if choice is None or (done.number, good + choice.characters) not in self._next_at:
            return None  # it would end inside what one key writes
        return choice

    def _accept(self, choice: Choice) -> None:
        self._replace(choice.start, choice.end, choice.text)
        done = self._things[self._at - 1]
        self._cursor = choice.start + choice.characters
        self._at = self._next_at[done.number, self._cursor - done.stretch.offset]
        self._ghost = None
        self.accepts += 1
        self.accepted += choice.characters

    def _press(self, stroke: Stroke) -> bool:
        """Press a key; whether it was the next character of what is shown, which stays then."""
        start = self._cursor - stroke.removes
        self._replace(start, self._cursor, stroke.text)
        ghost, cursor = self._ghost, self._cursor
        self._cursor = start + len(stroke.text)
        along = ghost is not None and not stroke.removes and ghost.rest_at(cursor).startswith(stroke.text)
        if ghost is not None:
            self._ghost = Ghost(ghost.start, ghost.end + len(stroke.text), ghost.text) if along else None
        return along

    def _replace(self, start: int, end: int, text: str) -> None:
        self._client.replace(self._document, start, end, text)
        self.pressed += 1

    def _overtake(self) -> None:
        """Take the last request back, unless it was answered."""
        pending, self._pending = self._pending, None
        self._overtaken = [each for each in self._overtaken if not each.answer.done()]
        if pending is not None and not pending.answer.done():
            self._client.cancel(pending)
            self._overtaken.append(pending)

    async def _ask(self, cause: Cause, *, along: bool) -> None:
        """Ask at the cursor, and look at the answer if it comes before the next key is due."""
        self._set_due()
        self._overtake()
        if (self._at - 1) % self._stride:
            return
        pending = self._pending = self._client.ask_inline(self._document, self._cursor)
        pending.answer.add_done_callback(self._hear)
        left_s = LONGEST_WAIT_S if not self.speed else max(0.0, self._due_s - time.perf_counter())
        done, _ = await asyncio.wait([pending.answer], timeout=left_s)
        if not done and not self.speed:
            raise EvaluationError(f"a request was not answered within {LONGEST_WAIT_S:.0f} s")
        await self._see(pending, cause, along=along)

    async def _see(self, pending: Pending, cause: Cause, *, along: bool) -> None:
        key = self._at - 1
        if not pending.answer.done() or pending.answer.exception():
            self.asked.append(Asked(key, cause, along, None, 0, Counts()))
            return
        counts = await self._meter.take() if self._meter else Counts()
        ghost = self._ghost = _read(pending.answer.result(), self._document)
        shown = ghost.rest_at(self._cursor) if ghost else ""
        asked = Asked(key, cause, along, pending.waited_ms, len(shown), counts)
        self.asked.append(asked)
        if self._on_answer:
            await self._on_answer(asked, self._document, self._cursor, shown)
            if self._meter:
                await self._meter.take()  # what was prepared meanwhile is no cost of the next request

    def _hear(self, answer: "asyncio.Future[Any]") -> None:
        """Overtaken requests are answered with an error, which is nobody's loss; other errors are kept."""
        error = None if answer.cancelled() else answer.exception()
        if isinstance(error, ServerError) and error.code not in GAVE_UP:
            self.failures.append(str(error))

    def _set_due(self) -> None:
        pause_ms = 0.0 if self.is_done else self._things[self._at].pause_ms
        self._due_s = time.perf_counter() + (pause_ms / 1e3 / self.speed if self.speed else 0.0)

    async def _sleep_until_due(self) -> None:
        if self.speed:
            await asyncio.sleep(max(0.0, self._due_s - time.perf_counter()))

    async def _sleep(self, pause_ms: float) -> None:
        if self.speed:
            await asyncio.sleep(pause_ms / 1e3 / self.speed)


@dataclass(frozen=True, slots=True)
class _Thing:
    """A key of a stretch, or None for the jump to its place.

    Before it the first ``good`` characters of the stretch stand there, -1 before the jump.
    """

    number: int
    stretch: Stretch
    stroke: Stroke | None
    pause_ms: float
    good: int

    @property
    def is_wrong(self) -> bool:
        """Whether the text is wrong behind it."""
        return self.stroke is not None and self.stroke.wrong > 0


def _things(script: Script) -> Iterator[_Thing]:
    """All that is done without suggestions, in order."""
    for number, (stretch, jump_ms) in enumerate(zip(script.stretches, script.jump_ms, strict=True)):
        yield _Thing(number, stretch, None, jump_ms, -1)
        good = 0
        for stroke in stretch.strokes:
            yield _Thing(number, stretch, stroke, stroke.pause_ms, good)
            good = stroke.good


def _index(things: Sequence[_Thing]) -> dict[tuple[int, int], int]:
    """Where to go on, by stretch and by how many of its characters are there; before a slip, not in it."""
    found: dict[tuple[int, int], int] = {}
    for at, thing in enumerate(things):
        found.setdefault((thing.number, thing.good), at)
    ends = {(thing.number, len(thing.stretch.text)): at + 1 for at, thing in enumerate(things)}
    return found | ends


def _read(answer: Any, document: ClientDocument) -> Ghost | None:
    """The first suggestion of an answer as it stands in the document."""
    items = answer.items if isinstance(answer, types.InlineCompletionList) else answer
    if not items:
        return None
    item: types.InlineCompletionItem = items[0]
    text = item.insert_text if isinstance(item.insert_text, str) else item.insert_text.value
    if item.range is None:
        raise EvaluationError("the server sent a suggestion without a range")
    return Ghost(document.offset(item.range.start), document.offset(item.range.end), text)
