"""The log of a training run: one JSON object a line."""

import json
from pathlib import Path
from typing import Any

from byte_lsp.errors import TrainingError


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a run's log. Errors: ``TrainingError`` naming the line that is none."""
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            entries.append(json.loads(line))
        except ValueError as error:
            raise TrainingError(f"{path}, line {number}: {error}") from error
    return entries
