"""Teach a model to fill in the middle: a LoRA adapter, trained on source code (arXiv 2207.14255).

    python -m byte_lsp.training.data --out DATA
    python -m byte_lsp.training.fim --data DATA --out RUN

The same command goes on where it was stopped, and with more ``--steps`` makes a finished run longer.
``--start-from models/fim/smollm2-135m-fim.gguf`` goes on from the shipped adapter.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from byte_lsp.errors import ByteLspError, TrainingError
from byte_lsp.models import ensure
from byte_lsp.models.check import sha256_of
from byte_lsp.models.progress import progress_bar
from byte_lsp.training.packs import ROW_SHARES
from byte_lsp.training.schedule import Schedule
from byte_lsp.training.spans import KIND_WEIGHTS
from byte_lsp.training.validation import Tally, compare, measure

try:
    from byte_lsp.training.ahead import AheadPacker, PackSource, usual_processes
    from byte_lsp.training.network import LOSS, Optimizer, choose_device
    from byte_lsp.training.recipe import SHARES, Recipe, sum_of_adapter, sum_of_data
    from byte_lsp.training.run import CHECKPOINT, PLATEAU, RunFolder, Settings
    from byte_lsp.training.workers import Workers, most_workers
except ImportError as missing:
    raise TrainingError(
        f'training needs {missing.name}, which is not here: pip install "byte-lsp[train]"'
    ) from missing


@dataclass(frozen=True, slots=True)
class Pace:
    """How many processes train and make packs ahead; steps between two validations, two checkpoints."""

    workers: int
    packers: int
    validate_every: int
    checkpoint_every: int


class Trainer:
    """One run: steps, checkpoints, validations."""

    def __init__(self, folder: RunFolder, recipe: Recipe, pace: Pace, probes: int) -> None:
        """``probes``: see ``choose_probes``. Errors: ``TrainingError``."""
        self._folder = folder
        self._recipe = recipe
        self._settings = settings = recipe.settings
        self._pace = pace
        self._schedule = Schedule(
            settings.peak_rate, settings.steps, settings.warmup_steps, settings.decay_share
        )
        # Before all that takes time: what is wrong with a checkpoint is said at once.
        self._begun = folder.newest(self._schedule.plateau_end)
        self._probes = recipe.probes(probes)
        self._excerpts = recipe.probes(probes, excerpts=True)
        self._start = recipe.start_matrices()
        self._network = recipe.network()
        self._optimizer = Optimizer(self._network, rate_ratio=settings.rate_ratio)
        self._base: dict[str, Tally] = {}

    def train(self) -> None:
        """Do all steps that are left, then save the adapter."""
        step = self._resume()
        if step:
            self._base = _base_of(self._folder)
        else:
            self._begin()
        with (
            self._packs() as packs,
            Workers(self._recipe, self._network, packs, self._pace.workers) as workers,
            _progress() as bar,
        ):
            task = bar.add_task("training", total=self._settings.steps, completed=step, loss="")
            while step < self._settings.steps:
                loss = self._step(step, workers)
                step += 1
                bar.update(task, completed=step, loss=f"loss {loss:.3f}")
                self._keep(step)
                if step % self._pace.validate_every == 0 or step == self._settings.steps:
                    self._validate(step)
        self._network.peft.save_pretrained(str(self._folder.adapter))

    def _packs(self) -> AbstractContextManager[PackSource]:
        packers = self._pace.packers
        return AheadPacker(self._recipe, packers) if packers else nullcontext(self._recipe.packer())

    def _begin(self) -> None:
        # An adapter that has learnt nothing changes nothing: this is the base.
        self._base = self._measure(filled=False)
        self._folder.write(step=0, base={name: _figures(tally) for name, tally in self._base.items()})
        if self._start:
            self._network.start_from(self._start)
            self._optimizer = Optimizer(self._network, rate_ratio=self._settings.rate_ratio)
        self._validate(0)

    def _resume(self) -> int:
        state, self._begun = self._begun, None
        if state is None:
            self._folder.forget_after(-1)
            return 0
        self._optimizer.restore(state["optimizer"])
        step = int(state["step"])
        self._folder.forget_after(step)
        return step

    def _step(self, step: int, workers: Workers) -> float:
        started = time.perf_counter()
        packs = self._recipe.packs_a_step
        gradient, work = workers.work(range(step * packs, (step + 1) * packs))
        loss = work.loss / work.weight
        rate = self._schedule.rate(step)
        norm = self._optimizer.step(gradient / work.weight, rate)
        self._folder.write(
            step=step + 1,
            loss=round(loss, 4),
            rate=rate,
            gradient_norm=round(norm, 4),
            tokens=work.tokens,
            seconds=round(time.perf_counter() - started, 3),
        )
        return loss

    def _keep(self, step: int) -> None:
        last = step == self._settings.steps
        names = [CHECKPOINT] if last or step % self._pace.checkpoint_every == 0 else []
        names += [PLATEAU] if step == self._schedule.plateau_end else []
        for name in names:
            state = {"optimizer": self._optimizer.state(), "falling": self._schedule.plateau_end}
            self._folder.save(name, step, state)

    def _validate(self, step: int) -> None:
        self._folder.write(step=step, validation=compare(self._measure(filled=True), self._base))

    def _measure(self, filled: bool) -> dict[str, Tally]:
        """By group, and of all ``excerpts``: middles of definitions that stand alone."""
        files, excerpts = (
            measure(self._network.token_losses, [probe.filled if filled else probe.alone for probe in probes])
            for probes in (self._probes, self._excerpts)
        )
        return files | {"excerpts": excerpts["all"]}


def main(argv: Sequence[str] | None = None) -> int:
    """Train. Exit status 1, with a message, for what the user can mend."""
    args = _arguments().parse_args(argv)
    try:
        folder = _train(args)
    except ByteLspError as error:
        print(f"byte-lsp: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"byte-lsp: stopped; the same command goes on from {args.out / CHECKPOINT}", file=sys.stderr)
        return 130
    _report(folder)
    return 0


def _train(args: argparse.Namespace) -> RunFolder:
    with progress_bar(f"pulling {args.base}") as progress:
        base = ensure(args.base, progress=progress)
    shares = {language: SHARES[language] for language in args.languages or SHARES}
    settings = Settings(
        data=sum_of_data(args.data, shares),
        base=sha256_of(base),
        seed=args.seed,
        steps=args.steps,
        tokens_per_step=args.tokens_per_step,
        peak_rate=args.rate,
        warmup_steps=args.warmup,
        decay_share=args.decay,
        rank=args.rank,
        alpha=args.alpha or 2 * args.rank,
        first_layer=args.first_layer,
        layout=args.layout,
        prefix_weight=args.prefix_weight,
        text_weight=args.text_weight,
        shares=shares,
        kinds={str(kind): weight for kind, weight in KIND_WEIGHTS.items()},
        rows=sorted(args.rows),
        rate_ratio=args.rate_ratio,
        excerpts=args.excerpts,
        loss=LOSS,
        start=sum_of_adapter(args.start_from) if args.start_from else "",
    )
    folder = RunFolder(args.out, settings)
    device = choose_device(args.device)
    recipe = Recipe(
        settings, args.data, args.base, base, device, not args.eager, args.micro_tokens, args.start_from
    )
    workers = args.workers or most_workers(recipe)
    packers = usual_processes(recipe) if args.packers is None else args.packers
    if packers and workers > 1:
        raise TrainingError("--packers is for one process that trains: give --workers 1 with it")
    pace = Pace(workers, packers, args.validate_every, args.checkpoint_every)
    Trainer(folder, recipe, pace, args.probes).train()
    return folder


def _figures(tally: Tally) -> dict[str, float]:
    return {"nats": tally.nats, "bytes": tally.bytes}


def _base_of(folder: RunFolder) -> dict[str, Tally]:
    figures = next(entry["base"] for entry in folder.entries() if "base" in entry)
    return {name: Tally(nats=each["nats"], bytes=each["bytes"]) for name, each in figures.items()}


def _report(folder: RunFolder) -> None:
    last = [entry for entry in folder.entries() if "validation" in entry][-1]
    for name, figures in last["validation"].items():
        print(
            f"{name:28} {figures['nats_per_byte']:.3f} nats a byte, {figures['ratio']:.3f} of the base alone"
        )
    print(f"{folder.adapter}: export it with python -m byte_lsp.training.export")


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m byte_lsp.training.fim",
        description=(__doc__ or "").splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add: Any = parser.add_argument
    add("--data", type=Path, required=True, help="a folder that byte_lsp.training.data built")
    add("--out", type=Path, required=True, help="the run's folder; one that exists is gone on with")
    add("--base", default="smollm2-135m", help="a model of the catalogue, or a GGUF file")
    add("--start-from", type=Path, default=None, metavar="FILE", help="an adapter in GGUF to go on from")
    add("--steps", type=int, default=1000)
    add("--tokens-per-step", type=int, default=2048)
    add("--rate", type=float, default=1e-3, help="the highest learning rate")
    add("--rate-ratio", type=float, default=1.0, help="how much higher the rate of LoRA's B is (LoRA+)")
    add("--warmup", type=int, default=20, help="steps in which the rate rises")
    add("--decay", type=float, default=0.3, help="the share of the steps in which the rate falls")
    add("--rank", type=int, default=32, help="of the adapter's matrices")
    add("--alpha", type=int, default=0, help="their product is scaled by alpha / rank (0: twice the rank)")
    add("--first-layer", type=int, default=0, help="layers below it are left as they are")
    add("--layout", choices=("psm", "spm"), default="spm")
    add("--prefix-weight", type=float, default=0.3, help="of the loss of the last tokens before the cursor")
    add("--text-weight", type=float, default=0.0, help="of the loss of every other token of all other text")
    add("--excerpts", type=float, default=0.4, help="share of one definition alone, but for last lines")
    add("--languages", nargs="+", choices=sorted(SHARES), default=None, help="(all)")
    add("--seed", type=int, default=0)
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add(
        "--rows",
        type=int,
        nargs="+",
        choices=sorted(ROW_SHARES),
        default=sorted(ROW_SHARES),
        help="tokens a row",
    )
    add("--micro-tokens", type=int, default=1024, help="tokens that go through the network at once")
    add("--workers", type=int, default=0, help="processes that train (0: one for each of the CPU's cores)")
    add(
        "--packers",
        type=int,
        help="processes that make examples ahead (default: none where the CPU trains, else most cores)",
    )
    add("--validate-every", type=int, default=150, help="steps between two validations")
    add("--probes", type=int, default=2, help="validation middles for each language and kind")
    add("--checkpoint-every", type=int, default=25, help="steps between two checkpoints")
    add("--eager", action="store_true", help="do not compile the network")
    return parser


if __name__ == "__main__":
    sys.exit(main())
