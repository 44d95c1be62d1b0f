"""Teach an adapter by what its model writes: preference training (arXiv 2305.18290).

    python -m byte_lsp.training.prefer --data DATA --start-from models/fim/smollm2-135m-fim.gguf --out RUN

The model fills holes of the training set, and learns to prefer better texts to its most probable ones
(``training.holes``). What it learns is more than it should keep: where texts end it knows much better then,
and what stands in them a little worse. ``training.average`` mixes the result with what it began as. The same
command goes on where it was stopped.
"""

import argparse
import json
import os
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from byte_lsp.adapters.merge import merge
from byte_lsp.errors import ByteLspError, TrainingError
from byte_lsp.evaluation.contenders import Contender
from byte_lsp.evaluation.jobs import ask_all
from byte_lsp.evaluation.progress import Track, show_progress
from byte_lsp.models import ensure
from byte_lsp.models.check import sha256_of
from byte_lsp.models.progress import progress_bar
from byte_lsp.training.documents import read_documents
from byte_lsp.training.examples import Example
from byte_lsp.training.holes import Answer, HoleDrawer, Text, answer, as_example, prefer
from byte_lsp.training.log import read_log
from byte_lsp.training.packs import Pack, fill_rows
from byte_lsp.training.schedule import Schedule

try:
    from byte_lsp.training.network import Lora, Network, Optimizer, choose_device
    from byte_lsp.training.recipe import FAMILY, SHARES, make_examples, sum_of_adapter, sum_of_data
    from byte_lsp.training.run import CHECKPOINT, RunFolder
    from byte_lsp.training.start import read_start
except ImportError as missing:
    raise TrainingError(
        f'training needs {missing.name}, which is not here: pip install "byte-lsp[train]"'
    ) from missing

ANSWERS, START = "answers.jsonl", "start.gguf"
"""In a run's folder: what the model wrote, a line a hole, and the model that wrote it."""

_ALPHA = 64
_HOLES_A_SHARE = 16
_PAIRS_A_PACK = 4
_MOST_HELD_OUT = 80
_CHECKPOINT_EVERY = 5
_WARMUP_STEPS = 5
_DECAY_SHARE = 0.7
_MOST_NATS = 25.0
_MOST_BEHIND = 10.0
"""A better text that is less probable than this, or so much less than the worse one, teaches noise."""


@dataclass(frozen=True, slots=True)
class PreferenceSettings:
    """All that decides what a run learns. ``data``, ``base`` and ``start`` are sha256 sums.

    ``epochs`` is how often each pair is learnt from; ``beta`` and ``truth_weight`` as in
    ``Network.preference_loss``.
    """

    data: str
    base: str
    start: str
    seed: int
    holes: int
    epochs: float
    pairs_per_step: int
    peak_rate: float
    beta: float
    truth_weight: float
    shares: dict[str, float]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts in one hole, and their nats before training."""

    better: Example
    worse: Example
    better_nats: float
    worse_nats: float


class Lessons:
    """Which pairs each step learns from: all in a new order, again and again."""

    def __init__(self, pairs: Sequence[Pair], settings: PreferenceSettings) -> None:
        """An eighth of the pairs, 80 at most, is held out. Errors: ``TrainingError`` for too few."""
        shuffled = list(pairs)
        random.Random(settings.seed).shuffle(shuffled)
        out = min(_MOST_HELD_OUT, len(shuffled) // 8)
        self.held_out, self._pairs = shuffled[:out], shuffled[out:]
        self._size, self._seed = settings.pairs_per_step, settings.seed
        self.steps = int(len(self._pairs) * settings.epochs / self._size)
        if not self.steps or not self.held_out:
            raise TrainingError(
                f"{len(pairs)} pairs, {out} of them held out, make no step of {self._size} pairs: "
                "give more --holes, and another --out"
            )

    def of_step(self, step: int) -> list[Pair]:
        """The pairs of a step, counted from 0, short texts first."""
        drawn = list(islice(self._endless(), step * self._size, (step + 1) * self._size))
        return sorted(drawn, key=lambda pair: len(pair.better.tokens))

    def _endless(self) -> Iterator[Pair]:
        rng = random.Random(f"lessons {self._seed}")
        while True:
            yield from rng.sample(self._pairs, len(self._pairs))


class PreferenceTrainer:
    """One run: pairs, steps, checkpoints."""

    def __init__(self, folder: RunFolder, settings: PreferenceSettings, network: Network) -> None:
        """``network`` is that of the adapter that the answers were written with."""
        self._folder = folder
        self._settings = settings
        self._network = network

    def train(self, examples: Sequence[tuple[Example, Example]], track: Track) -> None:
        """Learn from texts that are better and worse. Errors: ``TrainingError`` for too few."""
        lessons = Lessons(self._weigh(examples, track), self._settings)
        schedule = Schedule(self._settings.peak_rate, lessons.steps, _WARMUP_STEPS, _DECAY_SHARE)
        optimizer = Optimizer(self._network)
        state = self._folder.newest(schedule.plateau_end)
        step = 0
        if state:
            optimizer.restore(state["optimizer"])
            step = int(state["step"])
        self._folder.forget_after(step)
        on_done = track("training", lessons.steps)
        if step == lessons.steps and "held_out" in self._folder.entries()[-1]:
            return
        while step < lessons.steps:
            self._step(step, lessons, optimizer, schedule.rate(step))
            step += 1
            if step % _CHECKPOINT_EVERY == 0 or step == lessons.steps:
                kept = {"optimizer": optimizer.state(), "falling": schedule.plateau_end}
                self._folder.save(CHECKPOINT, step, kept)
            on_done(step)
        self._network.peft.save_pretrained(str(self._folder.adapter))
        margins = list(self._margins(lessons.held_out))
        self._folder.write(
            step=step,
            held_out=len(margins),
            margin=round(sum(margins) / len(margins), 4),
            preferred=sum(margin > 0 for margin in margins) / len(margins),
        )

    def _weigh(self, examples: Sequence[tuple[Example, Example]], track: Track) -> list[Pair]:
        """The pairs that can be learnt from, with the nats that both texts have before training."""
        flat = [example for pair in examples for example in pair]
        digest = sha256(repr([example.tokens for example in flat]).encode()).hexdigest()
        weighed = next((entry for entry in self._folder.entries() if "nats" in entry), None)
        if weighed and weighed["texts"] != digest:
            raise TrainingError(
                f"{self._folder.folder} learns from other texts than {ANSWERS} has now: name another --out"
            )
        known = weighed["nats"] if weighed else self._nats(flat, track)
        if not weighed:
            self._folder.forget_after(-1)
            self._folder.write(step=0, texts=digest, nats=known)
        both = zip(examples, known[::2], known[1::2], strict=True)
        return [
            Pair(better, worse, better_nats, worse_nats)
            for (better, worse), better_nats, worse_nats in both
            if better_nats < _MOST_NATS and better_nats < worse_nats + _MOST_BEHIND
        ]

    def _nats(self, examples: Sequence[Example], track: Track) -> list[float]:
        order = sorted(range(len(examples)), key=lambda index: len(examples[index].tokens))
        nats = [0.0] * len(examples)
        on_done = track("weighing", len(examples))
        for at in range(0, len(order), 2 * _PAIRS_A_PACK):
            some = order[at : at + 2 * _PAIRS_A_PACK]
            losses = self._network.token_losses(_pack([examples[index] for index in some]))
            for index, each in zip(some, losses, strict=True):
                nats[index] = round(sum(each), 4)
            on_done(at + len(some))
        return nats

    def _step(self, step: int, lessons: Lessons, optimizer: Optimizer, rate: float) -> None:
        pairs = lessons.of_step(step)
        gradient = self._network.empty_gradient()
        loss = margin = 0.0
        for part in _parts(pairs):
            summed, gained = self._network.preference_loss(
                _pack_of(part), _references(part), self._settings.beta, self._settings.truth_weight
            )
            summed.backward()
            self._network.move_gradients(gradient)
            loss, margin = loss + float(summed.detach()), margin + gained
        norm = optimizer.step(gradient / len(pairs), rate)
        self._folder.write(
            step=step + 1,
            loss=round(loss / len(pairs), 4),
            margin=round(margin / len(pairs), 4),
            rate=rate,
            gradient_norm=round(norm, 4),
        )

    def _margins(self, pairs: Sequence[Pair]) -> Iterator[float]:
        for part in _parts(pairs):
            nats = [sum(each) for each in self._network.token_losses(_pack_of(part))]
            for pair, better, worse in zip(part, nats[: len(part)], nats[len(part) :], strict=True):
                yield (pair.better_nats - better) - (pair.worse_nats - worse)


def _parts(pairs: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    for at in range(0, len(pairs), _PAIRS_A_PACK):
        yield pairs[at : at + _PAIRS_A_PACK]


def _pack_of(pairs: Sequence[Pair]) -> Pack:
    return _pack([*(pair.better for pair in pairs), *(pair.worse for pair in pairs)])


def _pack(examples: Sequence[Example]) -> Pack:
    return fill_rows(examples, max(len(example.tokens) for example in examples) - 1)


def _references(pairs: Sequence[Pair]) -> list[float]:
    return [*(pair.better_nats for pair in pairs), *(pair.worse_nats for pair in pairs)]


def answer_all(
    folder: Path, contender: Contender, drawer: HoleDrawer, count: int, jobs: int, track: Track
) -> list[Answer]:
    """What a model writes in the first ``count`` holes; what the folder has is not asked again.

    Errors: ``TrainingError`` for a damaged file, and those of the model.
    """
    path = folder / ANSWERS
    _drop_unfinished_line(path)
    found = {each.number: each for each in _read_answers(path)}
    wanted = [(number, drawer.hole(number)) for number in range(count) if number not in found]
    shares = [wanted[at : at + _HOLES_A_SHARE] for at in range(0, len(wanted), _HOLES_A_SHARE)]
    on_done = track("filling holes", count)
    with path.open("a", encoding="utf-8") as file:
        for each in ask_all(contender, shares, answer, jobs):
            found[each.number] = each
            file.write(json.dumps(asdict(each), default=_as_text) + "\n")
            file.flush()
            on_done(len(found))
    return [found[number] for number in range(count)]


def _drop_unfinished_line(path: Path) -> None:
    """What a run that was killed was about to write."""
    if path.is_file():
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)


def _as_text(text: bytes) -> str:
    return text.decode()


def _read_answers(path: Path) -> Iterator[Answer]:
    if not path.is_file():
        return
    for row in read_log(path):
        try:
            texts = (Text(**{**each, "text": each["text"].encode()}) for each in row["texts"])
            yield Answer(row["number"], tuple(texts), row["truth_judged"])
        except (KeyError, TypeError, AttributeError) as error:
            raise TrainingError(
                f"{path} holds no answers ({error!r}); delete that line to ask anew"
            ) from error


def main(argv: Sequence[str] | None = None) -> int:
    """Train. Exit status 1, with a message, for what the user can mend."""
    args = _arguments().parse_args(argv)
    try:
        folder = _train(args)
    except ByteLspError as error:
        print(f"byte-lsp: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"byte-lsp: stopped; the same command goes on in {args.out}", file=sys.stderr)
        return 130
    last = folder.entries()[-1]
    print(
        f"of {last['held_out']} pairs held out the better text has gained on the worse one in "
        f"{last['preferred']:.0%}, by {last['margin']:.2f} nats on average"
    )
    print(f"{folder.adapter}: export it with python -m byte_lsp.training.export")
    return 0


def _train(args: argparse.Namespace) -> RunFolder:
    with progress_bar(f"pulling {args.base}") as progress:
        base = ensure(args.base, progress=progress)
    shares = {language: SHARES[language] for language in args.languages or SHARES}
    settings = PreferenceSettings(
        data=sum_of_data(args.data, shares),
        base=sha256_of(base),
        start=sum_of_adapter(args.start_from),
        seed=args.seed,
        holes=args.holes,
        epochs=args.epochs,
        pairs_per_step=args.pairs_per_step,
        peak_rate=args.rate,
        beta=args.beta,
        truth_weight=args.truth_weight,
        shares=shares,
    )
    matrices = read_start(args.start_from, base, _ALPHA)
    folder = RunFolder(args.out, settings)
    maker = make_examples(args.base, base, "spm")
    drawer = HoleDrawer(read_documents(args.data, "train", tuple(shares)), maker, shares, args.seed)
    if not (folder.folder / START).is_file():
        merge(base, args.start_from, folder.folder / START, "q8_0")
    contender = Contender(str(folder.folder / START), args.base, FAMILY)
    with show_progress() as track:
        answers = answer_all(folder.folder, contender, drawer, args.holes, args.jobs, track)
        network = Network(base, Lora.of(matrices, _ALPHA), args.seed, choose_device(args.device), False)
        network.start_from(matrices)
        examples = list(_examples(answers, drawer, maker))
        PreferenceTrainer(folder, settings, network).train(examples, track)
    return folder


def _examples(answers: Iterable[Answer], drawer: HoleDrawer, maker: Any) -> Iterator[tuple[Example, Example]]:
    for each in answers:
        hole = drawer.hole(each.number)
        texts = prefer(hole, each)
        if texts:
            better, worse = (as_example(maker, hole, text) for text in texts)
            yield better, worse


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m byte_lsp.training.prefer",
        description=(__doc__ or "").splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add: Any = parser.add_argument
    add("--data", type=Path, required=True, help="a folder that byte_lsp.training.data built")
    add(
        "--start-from", type=Path, required=True, metavar="FILE", help="the adapter to teach, in GGUF, of SPM"
    )
    add("--out", type=Path, required=True, help="the run's folder; one that exists is gone on with")
    add("--base", default="smollm2-135m", help="the model of the catalogue that the adapter is for")
    add("--holes", type=int, default=1200, help="how many the model fills: about half of them make a pair")
    add("--epochs", type=float, default=2.0, help="how often each pair is learnt from")
    add("--pairs-per-step", type=int, default=16)
    add("--rate", type=float, default=1e-4, help="the highest learning rate")
    add("--beta", type=float, default=0.2, help="the smaller, the further from where it began")
    add("--truth-weight", type=float, default=0.2, help="of the usual loss, on better texts")
    add("--languages", nargs="+", choices=sorted(SHARES), default=None, help="(all)")
    add("--seed", type=int, default=0)
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="processes that fill holes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
