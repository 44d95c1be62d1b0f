"""A run's learning curves as a picture.

python -m byte_lsp.training.curves RUN... --out curves.png
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from byte_lsp.errors import ByteLspError, TrainingError
from byte_lsp.evaluation.plotting import COLOURS, plot
from byte_lsp.training.log import read_log

_LOSS_WINDOW = 25
_LANGUAGES = ("python", "javascript", "typescript", "go", "rust", "c", "java", "shellscript")


def draw_curves(runs: Sequence[Path], target: Path) -> None:
    """Loss, nats a byte against the base and nats an end, by tokens seen, for each run's folder.

    Languages are shown for the first run. Errors: ``TrainingError`` for a folder without a log.
    """
    logs = [_Curves(run) for run in runs]
    colours = [COLOURS["exact"], COLOURS["plain"], COLOURS["healing"], COLOURS["second"], COLOURS["bytes"]]
    with plot(target, 11, 7, columns=2, rows=2) as (loss, ratio, ends, languages):
        for log, colour in zip(logs, colours * len(logs), strict=False):
            loss.plot(*log.losses(), color=colour, label=log.name, linewidth=1)
            ratio.plot(*log.validated("single lines", "ratio"), color=colour, label=log.name, marker=".")
            ends.plot(*log.validated("all", "nats_per_end"), color=colour, label=log.name, marker=".")
        for language in _LANGUAGES:
            seen, ratios = logs[0].validated(f"{language}:single lines", "ratio")
            if ratios:
                languages.plot(seen, ratios, label=language, marker=".")
        loss.set_title("Training loss, weighted mean (nats a token)")
        ratio.set_title("Single lines: nats a byte, base from the left = 1")
        ends.set_title("Nats of the token that ends a middle")
        ends.set_yscale("log")
        languages.set_title(f"Single lines by language, {logs[0].name}")
        for axes in (loss, ratio, ends, languages):
            axes.set_xlabel("tokens seen (millions)")
            axes.grid(axis="y")
            axes.legend(fontsize=8)
        for axes in (ratio, languages):
            axes.axhline(1.0, color="#8c8c8c", linewidth=0.8)


class _Curves:
    def __init__(self, run: Path) -> None:
        self.name = run.name
        file = run / "log.jsonl"
        if not file.is_file():
            raise TrainingError(f"{file} is missing: {run} is no folder of a training run")
        self._entries = read_log(file)
        self._steps = [entry for entry in self._entries if "loss" in entry]
        seen = accumulate(entry["tokens"] for entry in self._steps)
        self._seen = {0: 0.0} | {
            entry["step"]: tokens / 1e6 for entry, tokens in zip(self._steps, seen, strict=True)
        }

    def losses(self) -> tuple[list[float], list[float]]:
        """Means over a window of steps."""
        values = [entry["loss"] for entry in self._steps]
        means = [
            sum(values[max(0, at - _LOSS_WINDOW) : at]) / min(at, _LOSS_WINDOW)
            for at in range(1, len(values) + 1)
        ]
        return [self._seen[entry["step"]] for entry in self._steps], means

    def validated(self, group: str, figure: str) -> tuple[list[float], list[float]]:
        points = [
            (self._seen[entry["step"]], entry["validation"][group][figure])
            for entry in self._entries
            if group in entry.get("validation", {})
        ]
        return [seen for seen, _ in points], [value for _, value in points]


def main(argv: Sequence[str] | None = None) -> int:
    """Draw. Exit status 1, with a message, for a folder that is no run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add: Any = parser.add_argument
    add("runs", type=Path, nargs="+", metavar="RUN", help="folders of training runs")
    add("--out", type=Path, required=True, help="the picture, PNG or SVG")
    args = parser.parse_args(argv)
    try:
        draw_curves(args.runs, args.out)
    except ByteLspError as error:
        print(f"byte-lsp: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
