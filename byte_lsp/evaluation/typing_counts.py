"""The server's own counters, and what they say about a stretch of time."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from byte_lsp.client import Client


@dataclass(frozen=True, slots=True)
class Counts:
    """What the server counted, by the names it has for it in ``byteLsp/status``.

    ``asked`` requests went to the model and were answered. ``prompt_tokens_evaluated`` came before the first
    generated token of such a request, ``tokens_drawn`` are those generated, evaluated or remembered;
    ``tokens_evaluated`` are all, what was prepared ``ahead`` included.
    """

    requests: int = 0
    answered: int = 0
    from_memory: int = 0
    asked: int = 0
    held_back: int = 0
    no_model: int = 0
    worker_died: int = 0
    cancelled: int = 0
    tokens_evaluated: int = 0
    prompt_tokens_evaluated: int = 0
    tokens_drawn: int = 0
    drafted: int = 0
    drafts_accepted: int = 0
    ahead: int = 0

    @classmethod
    def of(cls, counters: Mapping[str, Any]) -> Self:
        """From the server's table, where what never happened is missing."""
        return cls(**{each.name: int(counters.get(each.name, 0)) for each in fields(cls)})

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Counts)))

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, each.name) - getattr(other, each.name) for each in fields(Counts)))


class Meter:
    """Reads a server's counters and says what came since the last reading."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._last = Counts()

    async def take(self) -> Counts:
        """What was counted since the last reading. Errors: ``ServerError``."""
        now = Counts.of((await self._client.status())["counters"])
        since, self._last = now - self._last, now
        return since
