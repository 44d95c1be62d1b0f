"""What a training run leaves in its folder: settings, a log, checkpoints, the adapter.

settings.json   what the run was started with; going on with other settings is an error
log.jsonl       one line a step, one a validation
checkpoint.pt   the last step; plateau.pt: the last one before the learning rate falls
adapter/        the adapter as peft saves it
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import torch

from byte_lsp.catalog import Layout
from byte_lsp.errors import TrainingError
from byte_lsp.training.log import read_log

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CHECKPOINT, PLATEAU = "checkpoint.pt", "plateau.pt"

_MAY_CHANGE = ("steps",)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that decides what a run learns.

    ``data``, ``base`` and ``start`` are sha256 sums of shards and files; no ``start``: a fresh adapter.
    ``loss`` is ``network.LOSS``: runs of another one do not go on, and their figures are others.
    """

    data: str
    base: str
    seed: int
    steps: int
    tokens_per_step: int
    peak_rate: float
    warmup_steps: int
    decay_share: float
    rank: int
    alpha: int
    first_layer: int
    layout: Layout
    prefix_weight: float
    text_weight: float
    shares: dict[str, float]
    kinds: dict[str, float]
    rows: list[int]
    start: str
    rate_ratio: float
    excerpts: float
    loss: str


class RunFolder:
    """One run on disk."""

    def __init__(self, folder: Path, settings: "DataclassInstance") -> None:
        """Open or begin a run. Errors: ``TrainingError`` if it was begun with other settings."""
        self.folder = folder
        self.adapter = folder / "adapter"
        self._log = folder / "log.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        self._agree(folder / "settings.json", settings)

    def write(self, **entry: Any) -> None:
        """Append a line to the log."""
        with self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")

    def entries(self) -> list[dict[str, Any]]:
        """The lines of the log."""
        return read_log(self._log) if self._log.is_file() else []

    def save(self, name: str, step: int, state: Mapping[str, Any]) -> None:
        """Write a checkpoint in place of the one before, whole or not at all."""
        part = self.folder / f"{name}.part"
        torch.save({"step": step, **state}, part)
        part.replace(self.folder / name)

    def newest(self, plateau_end: int) -> dict[str, Any] | None:
        """The checkpoint to go on from, None for a new run.

        Steps at a falling rate do not count where the run is to be longer than it was.
        """
        for name in (CHECKPOINT, PLATEAU):
            state = self._load(self.folder / name)
            if state and (state["falling"] == plateau_end or state["step"] <= state["falling"]):
                return state
        return None

    def forget_after(self, step: int) -> None:
        """Drop the log's lines of steps that will be done anew."""
        kept = [entry for entry in self.entries() if entry["step"] <= step]
        self._log.write_text("".join(json.dumps(entry) + "\n" for entry in kept), encoding="utf-8")

    def _load(self, path: Path) -> dict[str, Any] | None:
        if not path.is_file():
            return None
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        except (OSError, RuntimeError, EOFError, ValueError, UnpicklingError) as error:
            raise TrainingError(
                f"{path} is damaged ({error}); delete it to go on from an older one"
            ) from error
        return state

    def _agree(self, path: Path, settings: "DataclassInstance") -> None:
        wanted = asdict(settings)
        if path.is_file():
            begun = json.loads(path.read_text(encoding="utf-8"))
            for key, value in wanted.items():
                if key not in _MAY_CHANGE and begun.get(key) != value:
                    raise TrainingError(
                        f"{self.folder} was begun with {key} = {begun.get(key)}, not {value}: "
                        "go on with the same settings, or name another --out"
                    )
        path.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
