"""The worker is killed, again and again, at a random moment of a request: how long until the next suggestion?

    byte-lsp bench kills [--count 100]

Real LSP, the real server. A moment is drawn evenly from the duration of the same request, measured
undisturbed. Each answer comes from the model, and none of those asked for in vain counts as a suggestion.
The cursor stands at the end of what is being written: between texts, whether there is anything to suggest
can hang on the last bit of a sum, and no server would ever recover there.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import psutil

from byte_lsp.client import Client, Pending
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.local import ModelFile
from byte_lsp.evaluation.progress import Track
from byte_lsp.evaluation.report import Table
from byte_lsp.evaluation.typing_watch import Usage, Watch
from byte_lsp.models import ensure
from byte_lsp.models.progress import progress_bar
from byte_lsp.tokens.tokenizer import load_tokenizer

LIMIT_SECONDS = 120.0
_CURSORS = 8
_LOOKS, _MOST_LOOKS = 10, 100
_LOOK_SECONDS = 0.1
_TEXT = """\
class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):
        if not self.items:
            raise IndexError("pop from an empty stack")
        return self.items.pop()

    def __len__(self):
        return len(self.items)


def reverse(text):
    stack = Stack()
    for character in text:
        stack.push(character)
    return "".join(stack.pop() for _ in range(len(stack)))
"""


@dataclass(frozen=True, slots=True)
class KillOptions:
    """How often to kill the worker of which model, and the seed of places and moments."""

    model: str
    count: int = 100
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill, ``moment_ms`` after its request was sent, and the time from it to the next suggestion.

    ``was_lost`` says that the request it hit got no suggestion; ``asked`` is how many more it took.
    """

    moment_ms: float
    recovery_ms: float
    was_lost: bool
    asked: int


@dataclass(frozen=True, slots=True)
class KillResults:
    """All kills, the undisturbed requests' durations, and what server and worker held before and after.

    ``messages`` is how many the person at the editor has seen.
    """

    model: ModelFile
    kills: tuple[Kill, ...]
    undisturbed_ms: tuple[float, ...]
    before: Usage
    after: Usage
    messages: int

    def recovery_ms(self, percent: float) -> float:
        """A percentile of the time to the next suggestion."""
        return float(np.percentile([kill.recovery_ms for kill in self.kills], percent))

    @property
    def leaked(self) -> dict[str, int]:
        """What there is more of than before; empty if there is nothing."""
        pairs = zip(_COUNTED, _counts(self.before), _counts(self.after), strict=True)
        return {name: after - before for name, before, after in pairs if after > before}


_COUNTED = ("processes", "threads", "handles")


async def run_kills(options: KillOptions, track: Track) -> KillResults:
    """Kill and measure. Errors: ``EvaluationError`` if the server does not recover; ``ByteLspError``."""
    with progress_bar(f"pulling {options.model}") as progress:
        path = ensure(options.model, progress=progress)
    async with await Client.start() as client:
        await client.initialize(options=_settings(options.model))
        await client.wait_for_ready()
        assert client.process is not None
        victim = _Victim(client, random.Random(options.seed))
        watch = Watch(client.process.pid)
        await victim.measure()
        before = await _look(watch)
        on_done = track("kills", options.count)
        kills = []
        for done in range(options.count):
            kills.append(await victim.kill())
            on_done(done + 1)
        after = await _settle(watch, before)
        model = ModelFile(options.model, path.name, path.stat().st_size, len(load_tokenizer(path).pieces))
        return KillResults(
            model, tuple(kills), tuple(victim.durations_ms), before, after, len(client.messages)
        )


def tabulate(results: KillResults) -> list[Table]:
    """The figures to read."""
    kills = results.kills
    lost = sum(kill.was_lost for kill in kills)
    leaked = ", ".join(f"{count} {name}" for name, count in results.leaked.items()) or "nothing"
    undisturbed = float(np.median(results.undisturbed_ms))
    cells = (
        str(len(kills)),
        str(len(kills)),
        *(f"{results.recovery_ms(percent):,.0f}" for percent in (50, 95, 100)),
        f"{undisturbed:,.0f}",
        leaked,
    )
    columns = ("kills", "recoveries", "p50 ms", "p95 ms", "most ms", "undisturbed p50 ms", "leaked")
    notes = [
        f"{lost} of the requests that were hit got no suggestion; {len(kills) - lost} had been answered.",
        f"The person at the editor saw {results.messages} messages.",
    ]
    return [Table("From the kill to the next suggestion", columns, [cells], notes)]


def draw_kills(results: KillResults, folder: Path) -> Sequence[Path]:
    """The distribution of the time to the next suggestion."""
    from byte_lsp.evaluation.plotting import COLOURS, plot  # noqa: PLC0415 - matplotlib is an optional extra

    path = folder / "kills.png"
    times = sorted(kill.recovery_ms for kill in results.kills)
    with plot(path, 6, 3.5) as (axes,):
        axes.step(times, np.arange(1, len(times) + 1) / len(times), where="post", color=COLOURS["exact"])
        axes.axvline(results.recovery_ms(95), color=COLOURS["raw"], linestyle="--", label="p95")
        axes.set_title("From the kill to the next suggestion")
        axes.set_xlabel("ms")
        axes.set_ylabel("share of kills")
        axes.set_ylim(0, 1.02)
        axes.grid(axis="x")
        axes.legend()
    return [path]


class _Victim:
    """A server whose worker is killed."""

    def __init__(self, client: Client, chance: random.Random) -> None:
        self._client = client
        self._chance = chance
        self._document = client.open("file:///victim.py", "")
        self._durations: dict[int, float] = {}

    @property
    def durations_ms(self) -> list[float]:
        return [1e3 * seconds for seconds in self._durations.values()]

    async def measure(self) -> None:
        """Find places where there is something to suggest, and how long that takes."""
        places = self._chance.sample(range(len(_TEXT) // 4, len(_TEXT)), len(_TEXT) // 2)
        for place in places:
            started = time.perf_counter()
            if await self._ask(place).answer:
                self._durations[place] = time.perf_counter() - started
            if len(self._durations) == _CURSORS:
                return
        raise EvaluationError(f"the model has suggestions at {len(self._durations)} of {len(places)} places")

    async def kill(self) -> Kill:
        """Ask, kill the worker at some moment of that, and ask until there is a suggestion."""
        place = self._chance.choice(list(self._durations))
        moment = self._chance.uniform(0, self._durations[place])
        worker = psutil.Process((await self._client.status())["worker_pid"])
        pending = self._ask(place)
        await asyncio.sleep(moment)
        worker.kill()
        killed = time.perf_counter()
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                was_lost = not await pending.answer
                asked = await self._ask_until_answered(place)
        except TimeoutError:
            raise EvaluationError(
                f"no suggestion came within {LIMIT_SECONDS:.0f} s of a kill; the server said: "
                f"{[message.message for message in self._client.messages][-1:]}"
            ) from None
        return Kill(1e3 * moment, 1e3 * (time.perf_counter() - killed), was_lost, asked)

    async def _ask_until_answered(self, place: int) -> int:
        """How many requests it took, the first of them where the kill hit, the others in other places."""
        others = [each for each in self._durations if each != place]
        for asked, each in enumerate(cycle([place, *others]), 1):
            if await self._ask(each).answer:
                return asked
        raise AssertionError("a cycle has no end")

    def _ask(self, place: int) -> Pending:
        """Ask at the end of the text's first ``place`` characters."""
        written = len(self._document.text)
        self._client.replace(self._document, min(place, written), written, _TEXT[written:place])
        return self._client.ask_inline(self._document, place, invoked=True)


async def _look(watch: Watch) -> Usage:
    """What is held, without what is only passing: the least of some looks."""
    looks = []
    for _ in range(_LOOKS):
        looks.append(watch.look())
        await asyncio.sleep(_LOOK_SECONDS)
    return min(looks, key=_counts)


async def _settle(watch: Watch, before: Usage) -> Usage:
    """What is held once it is no more than ``before``, or in the end."""
    for _ in range(_MOST_LOOKS):
        now = watch.look()
        if all(count <= most for count, most in zip(_counts(now), _counts(before), strict=True)):
            break
        await asyncio.sleep(_LOOK_SECONDS)
    return now


def _counts(usage: Usage) -> tuple[int, ...]:
    return tuple(getattr(usage, name) for name in _COUNTED)


def _settings(model: str) -> dict[str, object]:
    """Each suggestion comes from the model, at once, whole, and alone."""
    suggest = {"memory": False, "debounce_ms": 0, "deadline_ms": 0, "alternatives": 1, "draws": 1}
    return {"model": model, "suggest": suggest}
