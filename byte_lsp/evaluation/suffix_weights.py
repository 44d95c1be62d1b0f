"""What else candidates could be ranked by: the candidate's own probability with other weights.

    python -m byte_lsp.evaluation.suffix_weights FOLDER --dataset FILE [--model NAME]

Reads what ``byte-lsp eval infill --out FOLDER`` left there of one model's arm ``exact+fit``, and prints a
Markdown table: exact matches where the first is the candidate of the highest
``w log P(c | x) + log P(s | x c)``.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from byte_lsp.errors import ByteLspError
from byte_lsp.evaluation.humaneval import read_dataset
from byte_lsp.evaluation.infill_ask import Suggestion
from byte_lsp.evaluation.infill_run import OBSERVATIONS, read_journal
from byte_lsp.evaluation.infill_tasks import Task
from byte_lsp.settings import Settings

WEIGHTS = (0.0, 0.1, 0.3, 0.5, 1.0, 2.0, 3.0, 10.0)

Ranking = Callable[[Suggestion], float]
Hole = tuple[Task, Sequence[Suggestion]]


def count_right(holes: Iterable[Hole], ranking: Ranking) -> int:
    """Holes whose highest candidate is what was there, but for blanks at the end."""
    return sum(
        max(candidates, key=ranking).text.rstrip() == task.truth.rstrip()
        for task, candidates in holes
        if candidates
    )


def weigh(weight: float) -> Ranking:
    """The ranking with one weight of the candidate's log-probability."""
    return lambda each: weight * first_factor(each) + (each.suffix_logprob or 0.0)


def first_factor(each: Suggestion) -> float:
    """What the product multiplies the suffix's probability with: of a model that sees the suffix, what it
    says from left to right.
    """
    return (each.logprob if each.onward_logprob is None else each.onward_logprob) or 0.0


def weigh_by_length(each: Suggestion) -> float:
    """The candidate's log-probability per byte, and the suffix's in full."""
    return first_factor(each) / max(1, len(each.text)) + (each.suffix_logprob or 0.0)


def report(holes: Sequence[Hole]) -> str:
    """The table."""
    rankings = {f"weight {weight:g}": weigh(weight) for weight in WEIGHTS}
    rankings["own log-probability per byte"] = weigh_by_length
    rankings["own log-probability alone"] = lambda each: each.logprob or 0.0
    rows = [f"| {name} | {count_right(holes, ranking)} |" for name, ranking in rankings.items()]
    reach = sum(any(e.text.rstrip() == t.truth.rstrip() for e in found) for t, found in holes)
    lines = ["| ranked by | exact matches |", "| --- | ---: |", *rows, f"| any of them right | {reach} |"]
    return "\n".join([*lines, "", f"{len(holes)} holes"])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--dataset", type=Path, required=True, metavar="FILE")
    parser.add_argument("--model", default=Settings().model, metavar="NAME", help="what tables call it")
    args = parser.parse_args()
    try:
        found = {
            (each.task, each.digest): each.answer.suggestions
            for each in read_journal(args.folder / OBSERVATIONS)
            if each.answer is not None and (each.model, each.arm) == (args.model, "exact+fit")
        }
        tasks = read_dataset(args.dataset)
        places = [(task, (task.full_name, task.digest)) for task in tasks]
        print(report([(task, found[place]) for task, place in places if place in found]))
    except ByteLspError as error:
        print(f"byte-lsp: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
