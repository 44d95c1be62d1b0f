"""The model that answers: found, fetched if need be, loaded by a worker, and watched.

The server process reads no model file but to hash it, and never loads native code. The rooms that this
takes are imported when a model is first asked for: ``initialize`` is answered before.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lsprotocol import types

from byte_lsp.errors import ByteLspError, Cancelled
from byte_lsp.server.editor import Editor
from byte_lsp.server.threads import in_thread
from byte_lsp.settings import Settings, needs_new_worker, read_members

if TYPE_CHECKING:
    from byte_lsp.catalog import Model
    from byte_lsp.infill.confidence import Calibration
    from byte_lsp.infill.problem import InfillProblem, InfillResult
    from byte_lsp.worker.handle import OnMore, Worker
    from byte_lsp.worker.messages import WorkerConfig, WorkerEvent
    from byte_lsp.worker.watchdog import Patience

ModelState = Literal["off", "fetching", "loading", "ready", "failed"]
DOWNLOAD, NOT_NOW = "Download", "Not now"
RETRY = "Retry"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A model, its file, and its weight among others; a model alone is the only member."""

    model: Model
    path: Path
    weight: float


class ModelHost:
    """Owns the worker. All methods are called on the event loop; none of them blocks on a model."""

    def __init__(self, editor: Editor, patience: Patience | None = None) -> None:
        self.on_change: Callable[[], object] = lambda: None
        """Called when ``state`` was set."""
        self.failure = ""
        """Why there is no model, while ``state`` is "failed"."""
        self._state: ModelState = "off"
        self.name = ""
        """The ``model`` setting, or once it is found a name short enough to show."""
        self.patience = patience
        """How long the worker may be silent, None for as long as usual."""
        self._editor = editor
        self._settings: Settings | None = None
        self._calibration: Calibration | None = None
        self._worker: Worker | None = None
        self._ticket: object = None
        self._task: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        self._answers = False
        self._offer: asyncio.Task[None] | None = None
        self._give_up = threading.Event()

    @property
    def state(self) -> ModelState:
        """What becomes of the model."""
        return self._state

    @state.setter
    def state(self, state: ModelState) -> None:
        self._state = state
        self.on_change()

    @property
    def on_safe_path(self) -> bool:
        """Whether the model runs without the kernels that crash on some machines, and is slower for that."""
        return self._worker is not None and self._worker.safe_path

    @property
    def answers(self) -> bool:
        """Whether a worker is there that takes problems."""
        return self._worker is not None and self._answers

    @property
    def threshold(self) -> float:
        """The confidence from which this model's suggestions are worth showing, 0 where nobody knows."""
        return self.calibration.threshold if self.calibration else 0.0

    @property
    def calibration(self) -> Calibration | None:
        """What this model's probabilities are worth, None where nobody knows."""
        return self._calibration if self.answers else None

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker, or None while there is none."""
        return self._worker.pid if self._worker else None

    def follow(self, settings: Settings) -> None:
        """Load the model of ``settings`` in the background, unless just that was done already."""
        if self._settings is None or needs_new_worker(self._settings, settings):
            self.start(settings)

    def start(self, settings: Settings) -> None:
        """Load the model of ``settings`` in the background, in place of any other."""
        self.close()
        self._settings = settings
        self.name = settings.ensemble.members or settings.model
        self._give_up = threading.Event()
        self.state = "fetching"
        self._task = asyncio.create_task(self._bring_up(settings, self._give_up))

    def infill(self, problem: InfillProblem, on_more: OnMore) -> Future[InfillResult] | None:
        """The worker's answer to come, or None while no model is there to give one.

        A worker that comes back after a crash keeps what it is asked until it can answer. After a result that
        is unfinished, ``on_more`` is called on the event loop, once: with the whole one or None.
        """
        if self._worker is None or not self.answers:
            return None
        loop = asyncio.get_running_loop()

        def pass_on(result: InfillResult | None) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
                loop.call_soon_threadsafe(on_more, result)

        return self._worker.infill(problem, pass_on)

    def drop_more(self) -> None:
        """Nobody waits any more for the rest of what was answered unfinished."""
        if self._worker is not None:
            self._worker.drop_more()

    def close(self) -> None:
        """End the worker and whatever is being fetched. Idempotent."""
        self._give_up.set()
        for task in filter(None, (self._task, self._offer)):
            task.cancel()
        self._task = self._offer = None
        worker, self._worker = self._worker, None
        self._ticket = None
        self._answers = False
        self.state = "off"
        if worker is not None:
            worker.close()

    async def _bring_up(self, settings: Settings, give_up: threading.Event) -> None:
        try:
            self.state = "fetching"
            members = []
            for member in read_members(settings):
                found = await self._find(member.model, give_up)
                if found is None:
                    self.state = "off"
                    return
                members.append(FoundMember(*found, member.weight))
            self.name = " + ".join(_short_name(member.model) for member in members)
            await self._load(members, settings)
        except Cancelled:
            self.state = "off"
        except ByteLspError as error:
            self._fail(str(error))
        except Exception as error:
            logger.exception("the model cannot be brought up")
            self._fail(f"internal error, please report it: {error!r}")

    def _fail(self, message: str) -> None:
        self.failure, self._answers = message, False
        self.state = "failed"
        message = f"{message} (to try again: the command byteLsp.restart)"
        if self._editor.offers_actions:
            self._offer = asyncio.create_task(self._offer_retry(message))
        else:
            self._editor.error(message)

    async def _offer_retry(self, message: str) -> None:
        answer = await self._editor.ask(message, (RETRY,), types.MessageType.Error)
        if answer == RETRY and self._settings is not None:
            self._offer = None  # so that this task, which starts anew, is not cancelled by it
            self.start(self._settings)

    async def _find(self, name: str, give_up: threading.Event) -> tuple[Model, Path] | None:
        """The model and its verified file; None when the user would rather not download it."""
        from byte_lsp.catalog import PathSource, load_catalog  # noqa: PLC0415
        from byte_lsp.models import comes_by_itself, ensure, local_path, needs_download  # noqa: PLC0415

        catalog = await in_thread(load_catalog)
        model = catalog.resolve(name)
        self.name = _short_name(model)
        is_file = isinstance(model.source, PathSource)
        if is_file or local_path(model) is not None or not comes_by_itself(model):
            return model, await in_thread(lambda: ensure(name, cancelled=give_up))
        if needs_download(model) and model.name != catalog.default and not await self._may_download(model):
            return None
        return model, await self._pull(model, give_up)

    async def _may_download(self, model: Model) -> bool:
        from byte_lsp.models import origin  # noqa: PLC0415

        size_bytes = origin(model).size_bytes
        size = f"{size_bytes / 1e6:.0f} MB, " if size_bytes else ""
        question = f"{model.title} is not on this machine ({size}licence: {model.licence}). Download it?"
        return await self._editor.ask(question, (DOWNLOAD, NOT_NOW)) == DOWNLOAD

    async def _pull(self, model: Model, give_up: threading.Event) -> Path:
        from byte_lsp.models import needs_download, pull  # noqa: PLC0415

        loop = asyncio.get_running_loop()
        doing = "downloading" if needs_download(model) else "merging"
        async with self._editor.progress(f"{doing} {model.name}", on_cancel=give_up.set) as progress:

            def report(done_bytes: int, total_bytes: int | None) -> None:
                loop.call_soon_threadsafe(progress.report, done_bytes, total_bytes)

            return await in_thread(lambda: pull(model, progress=report, cancelled=give_up))

    async def _load(self, members: list[FoundMember], settings: Settings) -> None:
        self.state = "loading"
        self._settled = asyncio.Event()
        config = _worker_config(members, settings)
        self._calibration = None if config.others else config.calibration
        self._start_worker(config, [member.model for member in members])
        async with self._editor.progress(f"loading {self.name}"):
            await self._settled.wait()

    def _start_worker(self, config: WorkerConfig, models: list[Model]) -> None:
        from byte_lsp.models.check import check  # noqa: PLC0415
        from byte_lsp.worker.handle import Worker  # noqa: PLC0415

        loop = asyncio.get_running_loop()
        ticket = self._ticket = object()  # the worker may speak before its name is known here

        def on_event(event: WorkerEvent) -> None:
            try:
                loop.call_soon_threadsafe(self._hear, ticket, event)
            except RuntimeError:
                logger.debug("the server is gone: %s", event.message)

        def check_files() -> None:
            for model in models:
                check(model)

        self._worker = Worker(config, on_event, patience=self.patience, check_files=check_files)

    def _hear(self, ticket: object, event: WorkerEvent) -> None:
        if ticket is not self._ticket:
            return
        logger.info("worker %s: %s", event.state, event.message)
        if event.restarted and event.in_a_row == 1:
            self._editor.warn(event.message)
        if event.state == "loading":
            self.state = "loading"
        elif event.state == "ready":
            self._answers = True
            self.state = "ready"
            self._settled.set()
        elif event.state == "failed":
            self._fail(event.message)
            self._settled.set()


def _short_name(model: Model) -> str:
    from byte_lsp.catalog import PathSource  # noqa: PLC0415

    return model.file_name if isinstance(model.source, PathSource) else model.name


def _worker_config(members: list[FoundMember], settings: Settings) -> WorkerConfig:
    from byte_lsp.worker.messages import MemberConfig, WorkerConfig  # noqa: PLC0415

    engine = settings.engine
    limits = (member.model.context_tokens or engine.context_tokens for member in members)
    return WorkerConfig.of(
        *(MemberConfig.of(member.model, member.path, member.weight) for member in members),
        context_tokens=min(engine.context_tokens, *limits),
        threads=engine.threads,
        gpu_layers=engine.gpu_layers,
        rule=settings.ensemble.rule,
        reuse=engine.reuse,
        drafts=engine.drafts,
    )
