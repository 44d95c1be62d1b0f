"""``byte-lsp bench soak``: hours of typing in many files, and what is left of the server after that.

Files take turns: some keys in one, a look at what is suggested there, then some in the next. Each is written
by scripts (``typing_script``), one after the other with other seeds; before each the document is emptied
again. Pauses are those of a person, scaled so that the keys come within the time. Every request that a newer
key does not overtake has to be answered, and now and then the server is asked what it holds: it has to be
what the client has.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from byte_lsp.client import Client, ClientDocument
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.progress import OnDone
from byte_lsp.evaluation.typing_bench import LOAD_SECONDS, check_document, find_model
from byte_lsp.evaluation.typing_counts import Counts
from byte_lsp.evaluation.typing_files import TypedFile, read_files
from byte_lsp.evaluation.typing_policy import REACTIONS
from byte_lsp.evaluation.typing_replay import Typist
from byte_lsp.evaluation.typing_script import make_script
from byte_lsp.evaluation.typing_watch import Usage, Watch

MOST_GROWTH = 0.05
"""Of the memory after warm-up."""

_SAMPLE_S = 5.0
_FEWEST_SAMPLES = 40
_WARM_UP = 0.2
_WINDOW = 0.1
"""Of all samples: those before warm-up ends do not count, and a figure is the median of so many."""

_FEWEST_TURN, _MOST_TURN = 15, 80
_LEAST_KEY_MS = 1.0
_LOOKING = 0.5
"""Of the time: keys come twice as fast, and at the end of a turn there is time for an answer."""

_LEAVE_S = 10.0
_ALARMS = ("Traceback", " ERROR ", " CRITICAL ")
"""What in the server's log is an error."""


@dataclass(frozen=True, slots=True)
class SoakOptions:
    """``keystrokes`` in ``files`` open documents, within about ``minutes`` (0: as fast as answers come).

    Every ``check`` keystrokes the document at hand is compared, and all of them at the end. Texts come from
    ``sources``; without any, real ones are found.
    """

    model: str
    sources: Sequence[Path] = ()
    keystrokes: int = 100_000
    files: int = 20
    minutes: float = 60.0
    check: int = 500
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """What the server and its worker held after so many seconds and keystrokes."""

    seconds: float
    keystrokes: int
    usage: Usage


@dataclass(slots=True)
class SoakResults:
    """What happened. ``left`` processes were still there when the server had gone."""

    keystrokes: int = 0
    seconds: float = 0.0
    requests: int = 0
    checks: int = 0
    wrong: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    waited_ms: list[float] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    cpu_s: float = 0.0
    exit_code: int | None = None
    left: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that has to hold."""

    name: str
    limit: str
    found: str
    kept: bool


async def run_soak(options: SoakOptions, on_done: OnDone) -> SoakResults:
    """Type, watch, check, and shut down. Errors: ``ByteLspError`` if it cannot begin, or never ends."""
    found = SoakResults()
    texts = read_files(options.sources)
    find_model(options.model)
    async with await Client.start() as client:
        await client.initialize(options={"model": options.model}, name="byte-lsp soak")
        await client.wait_for_ready(LOAD_SECONDS)
        assert client.process is not None
        watch = Watch(client.process.pid)
        desks = [_Desk(client, at, texts[at % len(texts)], options) for at in range(options.files)]
        sampling = asyncio.create_task(_sample(watch, found, options))
        try:
            await _type(client, desks, options, found, on_done)
        finally:
            sampling.cancel()
            await asyncio.gather(sampling, return_exceptions=True)
        for desk in desks:
            await desk.settle(found)
            await _check(client, desk.document, found)
        found.counts = Counts.of((await client.status())["counters"])
        found.cpu_s, pids = watch.cpu_s(), watch.pids()
        found.exit_code = await client.stop()
        found.errors += [line for line in client.log if any(alarm in line for alarm in _ALARMS)]
        found.errors += [shown.message for shown in client.messages]
        found.errors += [f"{len(client.stray)} stray bytes on standard output"] if client.stray else []
        found.left = await _still_there(pids)
    return found


def judge(found: SoakResults, options: SoakOptions) -> list[Verdict]:
    """Whether all that has to hold does."""
    warm, last = _windows(found.samples)
    server = _growth(warm, last, "server_rss_bytes")
    worker = _growth(warm, last, "worker_rss_bytes")
    handles, threads, processes = (
        _most(last, name) - _most(warm, name) for name in ("handles", "threads", "processes")
    )
    died = found.counts.worker_died
    percent = f"< {MOST_GROWTH:.0%}"
    keys = f"{options.keystrokes}"
    return [
        Verdict("keystrokes", keys, str(found.keystrokes), found.keystrokes >= options.keystrokes),
        Verdict("errors", "0", str(len(found.errors)), not found.errors),
        Verdict("wrong documents", f"0 of {found.checks}", str(len(found.wrong)), not found.wrong),
        Verdict("deaths of the worker", "0", str(died), died == 0),
        Verdict("memory growth, server", percent, f"{server:+.1%}", server < MOST_GROWTH),
        Verdict("memory growth, worker", percent, f"{worker:+.1%}", worker < MOST_GROWTH),
        Verdict("more file handles", "0", f"{handles:+d}", handles <= 0),
        Verdict("more threads", "0", f"{threads:+d}", threads <= 0),
        Verdict("more processes", "0", f"{processes:+d}", processes <= 0),
        Verdict("processes left behind", "0", str(len(found.left)), not found.left),
        Verdict("exit code", "0", str(found.exit_code), found.exit_code == 0),
    ]


class _Desk:
    """One open document, and who writes in it."""

    def __init__(self, client: Client, number: int, file: TypedFile, options: SoakOptions) -> None:
        self._client, self._number, self._file, self._options = client, number, file, options
        self._times = 0
        self._reaction = REACTIONS[number % len(REACTIONS)]
        uri = f"file:///byte-lsp-soak/{number}-{file.name}"
        self.document = client.open(uri, "", file.language)
        self._typist = self._begin()

    async def type(self, keys: int, key_ms: float | None, found: SoakResults) -> int:
        """Press about so many keys, one in ``key_ms`` (None: after each answer); how many it were."""
        self._typist.speed = 0.0 if key_ms is None else self._pace_ms / (key_ms * (1 - _LOOKING))
        before = self._typist.pressed
        while self._typist.pressed - before < keys:
            if self._typist.is_done:
                pressed = self._typist.pressed - before
                await self.settle(found)
                self._typist = self._begin()
                return pressed
            await self._typist.step()
        if key_ms is not None:
            await self._typist.look(key_ms * _LOOKING * keys / 1e3)
        return self._typist.pressed - before

    async def settle(self, found: SoakResults) -> None:
        """Wait for what is still to come, and count it."""
        await self._typist.settle()
        found.requests += len(self._typist.asked)
        found.waited_ms += [each.waited_ms for each in self._typist.asked if each.waited_ms is not None]
        found.errors += self._typist.failures
        self._typist.asked, self._typist.failures = [], []

    def _begin(self) -> Typist:
        """Empty the document, and write it once more with other slips, pauses and jumps."""
        self._times += 1
        seed = f"{self._options.seed} {self._number} {self._times}"
        script = make_script(self._file.text, seed)
        self._pace_ms = script.pause_ms / script.strokes
        self._client.replace(self.document, 0, len(self.document.text), script.before)
        return Typist(self._client, self.document, script, self._reaction)


async def _type(
    client: Client, desks: Sequence[_Desk], options: SoakOptions, found: SoakResults, on_done: OnDone
) -> None:
    chance = random.Random(f"{options.seed} turns")
    started, checked, at = time.perf_counter(), 0, 0
    while found.keystrokes < options.keystrokes:
        desk = desks[at % len(desks)]
        turn = min(chance.randint(_FEWEST_TURN, _MOST_TURN), options.keystrokes - found.keystrokes)
        found.keystrokes += await desk.type(turn, _key_ms(options, found), found)
        found.seconds = time.perf_counter() - started
        if found.keystrokes - checked >= options.check:
            checked = found.keystrokes
            await _check(client, desk.document, found)
        on_done(found.keystrokes)
        at += 1


def _key_ms(options: SoakOptions, found: SoakResults) -> float | None:
    """Milliseconds between keys from now on, for all of them to come in time."""
    if not options.minutes:
        return None
    left_ms = options.minutes * 60e3 - found.seconds * 1e3
    return max(_LEAST_KEY_MS, left_ms / (options.keystrokes - found.keystrokes))


async def _check(client: Client, document: ClientDocument, found: SoakResults) -> None:
    found.checks += 1
    try:
        await check_document(client, document)
    except EvaluationError as error:
        found.wrong.append(str(error))


async def _sample(watch: Watch, found: SoakResults, options: SoakOptions) -> None:
    """Look at the server again and again, often enough for the shortest soak."""
    started = time.perf_counter()
    pause_s = min(_SAMPLE_S, options.minutes * 60 / _FEWEST_SAMPLES) if options.minutes else 0.25
    while True:
        found.samples.append(Sample(time.perf_counter() - started, found.keystrokes, watch.look()))
        await asyncio.sleep(pause_s)


async def _still_there(pids: set[int]) -> list[int]:
    """Which of the processes are there although their server has gone."""
    import psutil  # noqa: PLC0415 - only here

    for _ in range(int(_LEAVE_S * 10)):
        if not any(map(psutil.pid_exists, pids)):
            return []
        await asyncio.sleep(0.1)
    return sorted(filter(psutil.pid_exists, pids))


def _windows(samples: Sequence[Sample]) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """The samples right after warm-up, and the last ones. Errors: ``EvaluationError`` if they are too few."""
    size = max(1, round(_WINDOW * len(samples)))
    first = round(_WARM_UP * len(samples))
    if first + 2 * size > len(samples):
        raise EvaluationError("the soak was too short to say anything of memory; ask for more --keystrokes")
    return samples[first : first + size], samples[-size:]


def _growth(warm: Sequence[Sample], last: Sequence[Sample], name: str) -> float:
    before, after = (median(getattr(each.usage, name) for each in window) for window in (warm, last))
    return float(after / before - 1) if before else 0.0


def _most(window: Sequence[Sample], name: str) -> Any:
    return max(getattr(each.usage, name) for each in window)
