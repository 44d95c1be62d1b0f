"""Several training runs side by side, as a Markdown table.

    python -m byte_lsp.training.compare RUN...

Only settings that differ are shown. Ratios are those of nats a byte to the base, which sees the text before
the cursor alone; below 1 is better. The last validation of each run counts.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from byte_lsp.errors import ByteLspError, TrainingError
from byte_lsp.training.log import read_log

_FIGURES = (
    ("single lines", "ratio", "single lines"),
    ("all", "ratio", "all middles"),
    ("kind:end", "ratio", "left to right"),
    ("all", "nats_per_end", "nats an end"),
)


def tabulate(runs: Sequence[Path]) -> str:
    """The table. Errors: ``TrainingError`` for a folder that is no run, or one that was never validated."""
    settings = [_read_settings(run) for run in runs]
    every = dict.fromkeys(key for each in settings for key in each)
    keys = [key for key in every if any(each.get(key) != settings[0].get(key) for each in settings)]
    header = ["run", *keys, "tokens", "tokens a second", *(title for *_, title in _FIGURES)]
    rows = [
        [run.name, *(_show(each.get(key)) for key in keys), *_results(run)]
        for run, each in zip(runs, settings, strict=True)
    ]
    ruler = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, ruler, *rows))


def _results(run: Path) -> list[str]:
    entries = read_log(run / "log.jsonl")
    steps = [entry for entry in entries if "loss" in entry]
    validations = [entry["validation"] for entry in entries if "validation" in entry]
    if not steps or not validations:
        raise TrainingError(f"{run} has no step or no validation yet")
    tokens = sum(entry["tokens"] for entry in steps)
    # The first steps compile the network.
    later = steps[len(steps) // 2 :]
    speed = sum(entry["tokens"] for entry in later) / sum(entry["seconds"] for entry in later)
    figures = [f"{validations[-1][group][figure]:.3f}" for group, figure, _ in _FIGURES]
    return [f"{tokens:,}", f"{speed:.0f}", *figures]


def _read_settings(run: Path) -> dict[str, Any]:
    file = run / "settings.json"
    try:
        settings: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{file} cannot be read ({error}): {run} is no folder of a training run"
        ) from error
    return settings


def _show(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table. Exit status 1, with a message, for a folder that is no run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folders of training runs")
    try:
        print(tabulate(parser.parse_args(argv).runs))
    except ByteLspError as error:
        print(f"byte-lsp: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
