"""What drafts gain: tokens a second with and without them, by file, in one process and in turns.

Greedy, at cursors drawn at random. Each text is written twice behind the same prompt and the same cache, once
with drafts from what stands before and behind the cursor; which of the two comes first changes from cursor to
cursor. Reading the prompt is not part of the time: drafts change nothing about it.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from byte_lsp.bytes.draft_worth import FIRST_GUESS_COSTS
from byte_lsp.bytes.drafts import Drafter, Drafts
from byte_lsp.bytes.sampler import Sampler, Sampling
from byte_lsp.evaluation.bootstrap import Interval, bootstrap_ratio
from byte_lsp.evaluation.local import LocalModel, ModelFile, open_local
from byte_lsp.evaluation.progress import OnDone, Track
from byte_lsp.evaluation.report import Table, show_interval
from byte_lsp.evaluation.typing_files import TypedFile, read_files

REPETITIVE = 0.5
"""A file whose text repeats itself at so many of its places is called repetitive.

Of the modules of Python's library with 6 to 60 KB most are below 0.4; some of those that test others are
above 0.5.
"""

SUFFIX_BYTES = 4096
PREFIX_BYTES = 16384
"""What the drafter sees around a cursor: about what a prompt of 4,096 tokens has room for."""

_LEAST_OFFSET = 64
_KNOWN_BYTES, _AHEAD_BYTES = 12, 8
_PLACES = 400


@dataclass(frozen=True, slots=True)
class DraftOptions:
    """What to measure: ``cursors`` in each of ``files``, ``tokens`` at each, behind ``context_bytes``."""

    model: str
    files: Sequence[Path] = ()
    cursors: int = 8
    tokens: int = 48
    context_bytes: int = 1024
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Writing:
    """A text, the tokens that it took behind its cover, and the seconds for these."""

    text: bytes
    tokens: int
    seconds: float

    @property
    def token_s(self) -> float:
        return self.seconds / self.tokens


@dataclass(frozen=True, slots=True)
class Pair:
    """A cursor's text without and with drafts, and how many tokens were ``drafted`` and ``accepted``."""

    file: str
    offset: int
    plain: Writing
    helped: Writing
    drafted: int
    accepted: int

    @property
    def is_same(self) -> bool:
        """Whether the shorter text begins the other: a draft may bring a few tokens more than asked for.

        With quantized weights other batches give other digits, and where two tokens are about as probable
        another text.
        """
        shorter = min(len(self.plain.text), len(self.helped.text))
        return self.plain.text[:shorter] == self.helped.text[:shorter]


@dataclass(frozen=True, slots=True)
class Gain:
    """What drafts gained in some texts; ``ratio`` is the time of a token without, by that with them."""

    name: str
    repetition: float
    pairs: int
    plain_tokens_per_s: float
    helped_tokens_per_s: float
    ratio: Interval
    drafted: int
    accepted: int
    same: int


@dataclass(frozen=True, slots=True)
class DraftResults:
    """What was measured."""

    models: list[ModelFile]
    files: list[Gain]
    groups: list[Gain]
    pairs: list[Pair]
    batch_costs: dict[int, float]


def run_drafts(options: DraftOptions, track: Track) -> DraftResults:
    """Measure everything. Errors: ``EvaluationError`` for files, and those of ``open_local``."""
    files = read_files(options.files)
    with open_local(options.model) as model:
        drafts = Drafts(model.canonical.finder.canon)
        pairs = measure(model, drafts, files, options, track("cursors", len(files) * options.cursors))
        costs = {tokens: drafts.worth.costs.cost(tokens) for tokens in FIRST_GUESS_COSTS}
        return DraftResults([model.file], *summarize(files, pairs, options.seed), pairs, costs)


def measure(
    model: LocalModel, drafts: Drafts, files: Sequence[TypedFile], options: DraftOptions, on_done: OnDone
) -> list[Pair]:
    """Both texts at every cursor where there is something to write. Files take turns."""
    generator = random.Random(options.seed)
    pairs = []
    for number in range(options.cursors):
        for at, file in enumerate(files):
            text = file.text.encode()
            offset = generator.randrange(min(_LEAST_OFFSET, len(text) - 1), len(text))
            pair = _measure_at(model, drafts, file.name, text, offset, options, number % 2 == 1)
            pairs += [pair] if pair else []
            on_done(number * len(files) + at + 1)
    return pairs


def _measure_at(
    model: LocalModel,
    drafts: Drafts,
    name: str,
    text: bytes,
    offset: int,
    options: DraftOptions,
    helped_first: bool,
) -> Pair | None:
    before, behind = text[max(0, offset - PREFIX_BYTES) : offset], text[offset : offset + SUFFIX_BYTES]
    prompt = before[-options.context_bytes :]
    drafted, accepted = drafts.drafted, drafts.accepted
    helper = drafts.beside(before, [behind])
    if helped_first:
        helped = _write(model, prompt, helper, options.tokens)
        plain = _write(model, prompt, None, options.tokens)
    else:
        plain = _write(model, prompt, None, options.tokens)
        helped = _write(model, prompt, helper, options.tokens)
    if not (plain.tokens and helped.tokens):
        return None
    return Pair(name, offset, plain, helped, drafts.drafted - drafted, drafts.accepted - accepted)


def _write(model: LocalModel, prompt: bytes, drafter: Drafter | None, tokens: int) -> Writing:
    model.forget_all_but(prompt)
    sampler = Sampler(model.engine, model.canonical, drafter)
    drawing = sampler.begin(model.weigh(prompt, "exact"), Sampling(0.0))
    started = time.perf_counter()
    while drawing.wanted is not None and len(drawing.drawn) <= tokens:
        sampler.advance([drawing])
    return Writing(drawing.text, len(drawing.drawn) - 1, time.perf_counter() - started)


def summarize(files: Sequence[TypedFile], pairs: Sequence[Pair], seed: int) -> tuple[list[Gain], list[Gain]]:
    """What was gained in each file, and in each kind of file."""
    shares = {file.name: repetition(file.text.encode()) for file in files}
    measured = {name: [pair for pair in pairs if pair.file == name] for name in shares}
    gains = [_gain(name, shares[name], found, seed) for name, found in measured.items() if found]
    groups = []
    for title, is_in in (("repetitive", True), ("others", False)):
        names = [name for name in shares if (shares[name] >= REPETITIVE) == is_in]
        found = [pair for name in names for pair in measured[name]]
        if found:
            share = sum(shares[name] for name in names) / len(names)
            groups.append(_gain(f"{title} ({len(names)} files)", share, found, seed))
    return gains, groups


def repetition(text: bytes) -> float:
    """The share of places in a text at which the next 8 bytes follow the last 12 earlier in it, too."""
    places = range(_KNOWN_BYTES, len(text) - _AHEAD_BYTES, max(1, len(text) // _PLACES))
    repeated = sum(
        text.find(text[at - _KNOWN_BYTES : at + _AHEAD_BYTES], 0, at + _AHEAD_BYTES - 1) >= 0 for at in places
    )
    return repeated / max(1, len(places))


def _gain(name: str, share: float, pairs: Sequence[Pair], seed: int) -> Gain:
    plain, helped = [pair.plain.token_s for pair in pairs], [pair.helped.token_s for pair in pairs]
    return Gain(
        name,
        share,
        len(pairs),
        len(plain) / sum(plain),
        len(helped) / sum(helped),
        bootstrap_ratio(range(len(pairs)), plain, helped, seed=seed),
        sum(pair.drafted for pair in pairs),
        sum(pair.accepted for pair in pairs),
        sum(pair.is_same for pair in pairs),
    )


def tabulate(found: DraftResults, options: DraftOptions) -> list[Table]:
    """One table with a row for each file and each kind of file."""
    rows = [
        (
            gain.name,
            f"{gain.repetition:.2f}",
            f"{gain.plain_tokens_per_s:.1f}",
            f"{gain.helped_tokens_per_s:.1f}",
            show_interval(gain.ratio, 2),
            f"{gain.drafted}",
            f"{gain.accepted / gain.drafted:.0%}" if gain.drafted else "-",
            f"{gain.same}/{gain.pairs}",
        )
        for gain in (*found.files, *found.groups)
    ]
    costs = ", ".join(f"{tokens} tokens {cost:.1f}" for tokens, cost in found.batch_costs.items())
    columns = ("", "repeated", "tokens/s", "with drafts", "ratio", "drafted", "accepted", "same text")
    title = f"Drafts, {options.model}: {options.tokens} tokens at each of {options.cursors} cursors a file"
    notes = (
        "ratio: tokens a second with drafts by those without, with 95 % bootstrap intervals over cursors",
        "repeated: places at which the next 8 bytes follow the last 12 earlier in the file, too; from "
        f"{REPETITIVE:g} on a file counts as repetitive",
        f"batches: {costs} times as long as one token",
    )
    return [Table(title, columns, rows, notes)]


def draw_drafts(found: DraftResults, folder: Path) -> Sequence[Path]:
    """``drafts.png``: how many times as fast each file was written."""
    from byte_lsp.evaluation.plotting import COLOURS, plot  # noqa: PLC0415 - matplotlib is an optional extra

    path = folder / "drafts.png"
    gains = [*found.groups, *found.files][::-1]
    with plot(path, 7, 1.2 + 0.35 * len(gains)) as (axes,):
        estimates = [gain.ratio.estimate for gain in gains]
        errors = [
            [gain.ratio.estimate - gain.ratio.low for gain in gains],
            [gain.ratio.high - gain.ratio.estimate for gain in gains],
        ]
        axes.errorbar(estimates, range(len(gains)), xerr=errors, fmt="o", color=COLOURS["exact"], capsize=3)
        axes.set_yticks(range(len(gains)), [gain.name for gain in gains])
        axes.axvline(1, linewidth=1, color="0.5")
        axes.set_title("Tokens a second with drafts, times those without")
        axes.grid(axis="x")
    return [path]
