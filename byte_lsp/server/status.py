"""What the user is told of the server's state: in the editor's status line, and by ``byte-lsp status``.

The notification is the one that editors know from GitHub's copilot-language-server, ``didChangeStatus`` with
``message``, ``kind`` and ``busy``; ``state`` and ``action`` (what to do, a sentence) are our own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from byte_lsp.server.model import ModelState
    from byte_lsp.server.privacy import Exclusion

State = Literal["loading", "ready", "busy", "degraded", "error", "off", "excluded"]
Kind = Literal["Normal", "Warning", "Error", "Inactive"]

NOTIFICATION = "didChangeStatus"
BUSY_AFTER_SECONDS = 0.3
IDLE_AFTER_SECONDS = 0.5
"""Work that is shorter is not shown, and a pause that is shorter does not end it: nothing shall flicker."""

KINDS: dict[State, Kind] = {
    "loading": "Normal",
    "ready": "Normal",
    "busy": "Normal",
    "degraded": "Warning",
    "error": "Error",
    "off": "Inactive",
    "excluded": "Inactive",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a status is judged by.

    ``failure`` is why there is no model; ``on_safe_path`` that it is slow; ``disabled_language`` is the
    language of the document at hand, where the user wants no suggestions in it.
    """

    model: str
    model_state: ModelState
    failure: str = ""
    on_safe_path: bool = False
    is_enabled: bool = True
    exclusion: Exclusion | None = None
    disabled_language: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """A state, what to say of it, and what the user can do, or nothing."""

    state: State
    message: str
    action: str = ""
    busy: bool = False

    @property
    def kind(self) -> Kind:
        """How serious it is, in Copilot's words."""
        return KINDS[self.state]

    def as_params(self) -> dict[str, Any]:
        """The parameters of ``didChangeStatus``."""
        return {
            "message": self.message,
            "kind": self.kind,
            "busy": self.busy,
            "state": self.state,
            "action": self.action,
        }


def judge(facts: Facts, *, busy: bool = False) -> Status:
    """The status that facts make up; what keeps suggestions away for good comes first."""
    if not facts.is_enabled:
        return Status("off", "suggestions are off", "Set byteLsp.suggest.enabled to true to have them.")
    if facts.model_state == "failed":
        again = "Then run the command byteLsp.restart; `byte-lsp doctor` checks this machine."
        return Status("error", facts.failure, again)
    if facts.model_state in ("loading", "fetching"):
        doing = "loading" if facts.model_state == "loading" else "looking for"
        return Status("loading", f"{doing} {facts.model}", busy=True)
    if facts.model_state == "off":
        pull = f"Run `byte-lsp models pull {facts.model}`, then the command byteLsp.restart."
        return Status("off", f"the model {facts.model} is not loaded", pull if facts.model else "")
    if facts.exclusion is not None:
        reason, action = facts.exclusion.reason, facts.exclusion.action
        return Status("excluded", f"off for this file: {reason}", f"{action[0].upper()}{action[1:]}.")
    if language := facts.disabled_language:
        back = f"Take {language} out of byteLsp.suggest.disabled_languages to have them."
        return Status("off", f"suggestions are off for {language}", back)
    if facts.on_safe_path:
        slow = f"{facts.model} runs with slower kernels, because the fast ones crashed on this machine"
        retry = "`byte-lsp doctor` says more, `byte-lsp doctor --retry-fast` tries the fast ones again."
        return Status("degraded", slow, retry, busy)
    return Status("busy" if busy else "ready", facts.model, busy=busy)


class StatusBoard:
    """Keeps the status and tells of it when it changes. All methods are called on the event loop."""

    def __init__(self, facts: Callable[[], Facts], tell: Callable[[Status], object]) -> None:
        self._facts = facts
        self._tell = tell
        self._told: Status | None = None
        self._is_open = False
        self._is_dirty = False
        self._at_work = 0
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def status(self) -> Status:
        """The status now, told or not."""
        return judge(self._facts(), busy=self._busy)

    def open(self) -> None:
        """From now on the editor may be told."""
        self._is_open = True
        self.update()

    def close(self) -> None:
        """Tell nothing more."""
        self._is_open = False
        self._set_timer(None)

    def update(self) -> None:
        """What the status depends on may have changed. What is over by the loop's next turn is not told."""
        if self._is_open and not self._is_dirty:
            self._is_dirty = True
            asyncio.get_running_loop().call_soon(self._publish)

    def _publish(self) -> None:
        self._is_dirty = False
        status = self.status
        if self._is_open and status != self._told:
            self._told = status
            self._tell(status)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """A block in which a request waits for the model."""
        self._at_work += 1
        self._settle()
        try:
            yield
        finally:
            self._at_work -= 1
            self._settle()

    def _settle(self) -> None:
        """Become busy, or idle, unless that is over before anybody would notice."""
        wanted = self._at_work > 0
        if wanted == self._busy:
            self._set_timer(None)
        elif self._timer is None and self._is_open:
            self._set_timer(BUSY_AFTER_SECONDS if wanted else IDLE_AFTER_SECONDS)

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop() if seconds is not None else None
        self._timer = None if seconds is None or loop is None else loop.call_later(seconds, self._turn)

    def _turn(self) -> None:
        self._timer = None
        self._busy = self._at_work > 0
        self.update()
