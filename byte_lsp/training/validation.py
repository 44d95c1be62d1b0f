"""How well a run fills in: nats a byte of the true middle, in packages that it is not trained on.

The same middles are first asked of the base, which sees the prefix alone: what filling in has to beat. These
figures are of tokens, given where the cursor's token begins, quick and on short windows; ``byte-lsp eval
middles`` has those of bytes.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from byte_lsp.training.documents import Documents
from byte_lsp.training.examples import Example, ExampleMaker
from byte_lsp.training.excerpts import draw_excerpt
from byte_lsp.training.packs import Pack, fill_rows
from byte_lsp.training.spans import KIND_WEIGHTS, SINGLE_LINE, draw_span

ROW_TOKENS = 256

TokenLosses = Callable[[Pack], list[list[float]]]


@dataclass(frozen=True, slots=True)
class Probe:
    """A middle with the prompt of a model that fills in, and with that of one that sees the prefix alone."""

    filled: Example
    alone: Example


@dataclass(slots=True)
class Tally:
    """Nats and bytes of middles; nats and number of the tokens that end them."""

    nats: float = 0.0
    bytes: int = 0
    end_nats: float = 0.0
    ends: int = 0

    def add(self, example: Example, losses: Sequence[float]) -> None:
        """The losses of an example's middle, and of its end if it has one."""
        written = losses[:-1] if example.ends else losses
        self.nats += sum(written)
        self.bytes += example.middle_bytes
        if example.ends:
            self.end_nats += losses[-1]
            self.ends += 1

    @property
    def nats_per_byte(self) -> float:
        return self.nats / self.bytes if self.bytes else 0.0

    @property
    def nats_per_end(self) -> float:
        return self.end_nats / self.ends if self.ends else 0.0


def choose_probes(
    documents: Documents,
    maker: ExampleMaker,
    languages: Iterable[str],
    per_kind: int,
    seed: int,
    excerpts: bool = False,
) -> list[Probe]:
    """``per_kind`` middles of each language and kind, thrice that of single lines; a seed has its own.

    ``excerpts``: of definitions that stand alone, and of single lines only.
    """
    probes = []
    for language in languages:
        for kind in SINGLE_LINE if excerpts else KIND_WEIGHTS:
            rng = random.Random(f"{seed} {language} {kind}")
            wanted = per_kind * (3 if kind in SINGLE_LINE else 1)
            found = 0
            tries = 100 * wanted
            for attempt in range(tries):
                if found == wanted:
                    break
                document = documents.draw(language, rng)
                if excerpts:
                    excerpt = draw_excerpt(document, rng)
                    if excerpt is None and attempt < tries // 2:
                        continue
                    document = excerpt or document
                span = draw_span(document.lines, kind, rng)
                problem = span and maker.problem(document, span, ROW_TOKENS, rng)
                if not span or not problem:
                    continue
                middle = document.text[span.start : span.end]
                bare = problem.onward
                probe = Probe(maker.of(problem, middle, kind), maker.of(bare, middle, kind))
                if max(len(probe.filled.tokens), len(probe.alone.tokens)) <= ROW_TOKENS + 1:
                    probes.append(probe)
                    found += 1
    return probes


def measure(token_losses: TokenLosses, examples: Sequence[Example], rows: int = 8) -> dict[str, Tally]:
    """Tallies by language, by ``kind:KIND``, of ``single lines`` and of ``all``; packs of ``rows`` rows."""
    tallies: dict[str, Tally] = {}
    counted = [example for example in examples if any(example.weights)]
    for at in range(0, len(counted), rows):
        some = counted[at : at + rows]
        for example, losses in zip(some, token_losses(fill_rows(some, ROW_TOKENS)), strict=True):
            for name in _groups(example):
                tallies.setdefault(name, Tally()).add(example, losses)
    return tallies


def compare(tallies: Mapping[str, Tally], base: Mapping[str, Tally]) -> dict[str, dict[str, float]]:
    """For each group nats a byte, their ratio to the base's, and nats an end."""
    return {
        name: {
            "nats_per_byte": round(tally.nats_per_byte, 4),
            "ratio": round(tally.nats_per_byte / base[name].nats_per_byte, 4) if base[name].nats else 0.0,
            "nats_per_end": round(tally.nats_per_end, 4),
        }
        for name, tally in tallies.items()
        if name in base
    }


def _groups(example: Example) -> list[str]:
    names = ["all", f"kind:{example.kind}", example.language]
    if example.kind in SINGLE_LINE:
        names += ["single lines", f"{example.language}:single lines"]
    return names
