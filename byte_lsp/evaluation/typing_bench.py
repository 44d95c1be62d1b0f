"""``byte-lsp bench typing``: what somebody notices who writes real files with the server beside them.

Every arm is a server of its own with its own settings. All arms write the same scripts, file by file in
turns, so that what else the machine does hits all of them. Nobody is timed while another arm's server is
busy.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from byte_lsp.client import Client, ClientDocument
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.local import ModelFile, open_local
from byte_lsp.evaluation.progress import Track
from byte_lsp.evaluation.typing_counts import Meter
from byte_lsp.evaluation.typing_files import TypedFile, read_files
from byte_lsp.evaluation.typing_policy import Reaction
from byte_lsp.evaluation.typing_raw import RawPair, RawPeer
from byte_lsp.evaluation.typing_replay import Asked, Replay, Typist
from byte_lsp.evaluation.typing_script import Part, make_script
from byte_lsp.evaluation.typing_watch import Watch
from byte_lsp.models import ensure
from byte_lsp.models.progress import progress_bar
from byte_lsp.settings import merge, read_settings
from byte_lsp.tokens.tokenizer import load_tokenizer

LOAD_SECONDS = 300.0
_URI = "file:///byte-lsp-bench/"
_WARM_UP = ("warm-up.py", "def add(first, second):\n    return first + ")
_EVERYTHING_WAITED_FOR: Mapping[str, Any] = {
    "suggest": {"deadline_ms": 0, "debounce_ms": 0},
    "context": {"deadline_ms": 0},
}
"""Without pauses there is no time to go by: answers and prompts are whole, and nobody waits for a key."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A way of serving, by its settings, and what the person does about suggestions.

    Without ``reuse`` a request costs the same whatever came before, so only some of the keys need to ask.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    reaction: Reaction = "ignore"
    reuse: bool = True


ARMS: Mapping[str, Arm] = {
    "full": Arm(),
    "accept": Arm(reaction="accept"),
    "accept-line": Arm(reaction="line"),
    "accept-word": Arm(reaction="word"),
    "no-memory": Arm({"suggest": {"memory": False}}),
    "no-drafts": Arm({"engine": {"drafts": False}}),
    "no-reuse": Arm({"suggest": {"memory": False, "ahead": False}, "engine": {"reuse": False}}, reuse=False),
}
COMPARED = "full"
"""The arm beside raw llama.cpp."""

SKIPPED = 1
"""So many requests between two that raw llama.cpp answers too: it takes the server's time to be ahead."""

USUAL_ARMS = ("full", "accept", "no-memory", "no-reuse")


@dataclass(frozen=True, slots=True)
class TypingOptions:
    """What is written, and how.

    Without ``files`` five real ones are found. ``keystrokes`` right keys are pressed in each, from the line
    at the fraction ``start``; 0 writes all the rest. With ``below`` what follows stands there already.
    ``speed`` 1 is a person's, at 0 every answer is waited for. Arms without reuse ask at one key in
    ``stride``. ``raw`` requests are answered by raw llama.cpp too.
    """

    model: str
    files: Sequence[Path] = ()
    arms: Sequence[str] = USUAL_ARMS
    keystrokes: int = 300
    start: float = 0.4
    below: bool = False
    speed: float = 0.0
    stride: int = 12
    raw: int = 150
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """One file written in one arm. ``cpu_s`` is that of the server and its worker."""

    arm: str
    file: str
    language: str
    replay: Replay
    cpu_s: float


@dataclass(slots=True)
class TypingResults:
    """All that was written, and the pairs with raw llama.cpp."""

    written: list[Written] = field(default_factory=list)
    raw: list[RawPair] = field(default_factory=list)
    models: list[ModelFile] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Lane:
    """An arm and the server that it talks to."""

    name: str
    arm: Arm
    client: Client
    watch: Watch


async def run_typing(options: TypingOptions, track: Track) -> TypingResults:
    """Write every file in every arm. Errors: ``ByteLspError``."""
    if not options.arms:
        raise EvaluationError("there is no arm to measure; name some with --arms")
    files = read_files(options.files)
    found = TypingResults(models=[find_model(options.model)])
    compares = options.raw > 0 and not options.speed and COMPARED in options.arms
    with ExitStack() as stack:
        model = stack.enter_context(open_local(options.model)) if compares else None
        async with AsyncExitStack() as servers:
            lanes = [await servers.enter_async_context(_open_lane(name, options)) for name in options.arms]
            on_done = track("files, in every arm", len(files) * len(lanes))
            for at, file in enumerate(files):
                turn = at % len(lanes)
                for lane in (*lanes[turn:], *lanes[:turn]):
                    raw = None
                    if model is not None and lane.name == COMPARED:
                        peer = RawPeer(model, read_settings(_overlay(lane.arm, options))[0])
                        raw = _RawTurns(peer, lane, file, max(1, options.raw // len(files)), found.raw)
                    found.written.append(await _write(lane, file, options, raw))
                    on_done(len(found.written))
    return found


def find_model(name_or_path: str) -> ModelFile:
    """The file of a model, pulled if it has to be. Errors: ``CatalogError``, ``ModelFileError``."""
    with progress_bar(f"pulling {name_or_path}") as progress:
        path = ensure(name_or_path, progress=progress)
    return ModelFile(name_or_path, path.name, path.stat().st_size, len(load_tokenizer(path).pieces))


@asynccontextmanager
async def _open_lane(name: str, options: TypingOptions) -> AsyncIterator[_Lane]:
    """A server with an arm's settings, its model loaded and used once."""
    arm = ARMS[name]
    async with await Client.start() as client:
        await client.initialize(options=_overlay(arm, options), name="byte-lsp bench")
        await client.wait_for_ready(LOAD_SECONDS)
        assert client.process is not None
        lane = _Lane(name, arm, client, Watch(client.process.pid))
        file, text = _WARM_UP
        document = client.open(_URI + file, text)
        await client.inline_completion(document, len(text))
        client.close(document)
        await lane.watch.quiet()
        yield lane


def _overlay(arm: Arm, options: TypingOptions) -> dict[str, Any]:
    """What an editor with this arm's settings would send."""
    pace = {} if options.speed else _EVERYTHING_WAITED_FOR
    return merge({"model": options.model}, pace, arm.settings)


async def _write(lane: _Lane, file: TypedFile, options: TypingOptions, raw: "_RawTurns | None") -> Written:
    """Write a file in one arm, and see that the server has it then."""
    script = make_script(file.text, options.seed, Part(options.start, options.keystrokes, options.below))
    document = lane.client.open(_URI + file.name, script.before, file.language)
    meter = Meter(lane.client)
    await meter.take()
    typist = Typist(
        lane.client,
        document,
        script,
        lane.arm.reaction,
        speed=options.speed,
        stride=1 if lane.arm.reuse or options.speed else options.stride,
        meter=meter,
        on_answer=raw.see if raw else None,
    )
    before_s = lane.watch.cpu_s()
    replay = await typist.write()
    await lane.watch.quiet()
    cpu_s = lane.watch.cpu_s() - before_s
    await check_document(lane.client, document)
    lane.client.close(document)
    return Written(lane.name, file.name, file.language, replay, cpu_s)


async def check_document(client: Client, document: ClientDocument) -> None:
    """Errors: ``EvaluationError`` if the server's document is not the client's."""
    theirs = await client.document(document.uri)
    ours = document.text.encode()
    expected = {"version": document.version, "bytes": len(ours), "sha256": hashlib.sha256(ours).hexdigest()}
    if theirs != expected:
        raise EvaluationError(f"{document.uri}: the server has {theirs}, the client {expected}")


class _RawTurns:
    """Has raw llama.cpp answer some of the requests of one file that the model was asked for.

    They are ``wanted`` at most, and ``SKIPPED`` between two of them are left out.
    """

    def __init__(
        self, peer: RawPeer, lane: _Lane, file: TypedFile, wanted: int, pairs: list[RawPair]
    ) -> None:
        self._peer, self._lane, self._file = peer, lane, file
        self._wanted, self._seen = wanted, 0
        self._pairs = pairs

    async def see(self, asked: Asked, document: ClientDocument, cursor: int, ghost: str) -> None:
        """Look at a request, and answer it if it is one of those."""
        if asked.counts.asked != 1:
            return
        self._seen += 1
        if self._wanted and self._seen > 1 and self._seen % (SKIPPED + 1) == 0:
            await self._lane.watch.quiet()
            pair = self._peer.measure(self._file.name, asked, document, cursor)
            if pair is not None:
                self._pairs.append(pair)
                self._wanted -= 1
        self._peer.follow(document, cursor, ghost)
