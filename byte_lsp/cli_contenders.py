"""Options that name several models on one command line, each with options of its own behind it."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.contenders import Contender
from byte_lsp.evaluation.infill_ask import ALIASES, ARMS, USUAL_ARMS, EvalArm
from byte_lsp.evaluation.infill_run import Entry
from byte_lsp.settings import Settings

_DESTINATION = "chosen"


@dataclass
class _Chosen:
    """What was given so far: for one model, or for all of them if there is none yet."""

    model: str | None = None
    like: str = ""
    infill: str = ""
    arms: list[EvalArm] = field(default_factory=list)


def add_contenders(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``, which may be given several times, ``--like`` and ``--infill``."""
    default = Settings().model
    about = (
        "a name from `byte-lsp models list`, or the path of a GGUF file; given several times, the others are "
        f"compared with the first (default: {default})"
    )
    parser.add_argument("--model", dest=_DESTINATION, action=_AddModel, metavar="NAME", help=about)
    like = "the model before this is a file that opens, ends and fills in texts like this catalogue entry"
    parser.add_argument("--like", dest=_DESTINATION, action=_SetLike, metavar="NAME", help=like)
    family = "the model before this fills in as this [infill] table of the catalogue says, not its own"
    parser.add_argument("--infill", dest=_DESTINATION, action=_SetInfill, metavar="FAMILY", help=family)


def add_arms(parser: argparse.ArgumentParser) -> None:
    """Add ``--arms``."""
    about = (
        f"what to compare: {', '.join(ARMS)} (fit: exact+fit; default: {' '.join(USUAL_ARMS)}); behind a "
        "--model for that model, before the first for all that have none of their own"
    )
    choices = [*ARMS, *ALIASES]
    parser.add_argument(
        "--arms", dest=_DESTINATION, action=_SetArms, nargs="+", choices=choices, metavar="ARM", help=about
    )


def read_contenders(args: argparse.Namespace) -> list[Contender]:
    """The models named. Errors: ``EvaluationError`` for options without a model."""
    return [entry.contender for entry in read_entries(args)]


def read_entries(args: argparse.Namespace) -> list[Entry]:
    """The models named, each with its arms. Errors: ``EvaluationError`` for options without a model."""
    common, *own = getattr(args, _DESTINATION) or [_Chosen()]
    if common.like or common.infill:
        raise EvaluationError("--like and --infill say how one model is asked; give them behind its --model")
    given = own or [_Chosen(Settings().model)]
    return [
        Entry(
            Contender(each.model or "", each.like, each.infill),
            _in_order(each.arms or common.arms or USUAL_ARMS),
        )
        for each in given
    ]


def _in_order(arms: Sequence[EvalArm]) -> tuple[EvalArm, ...]:
    return tuple(arm for arm in ARMS if arm in arms)


class _Choose(argparse.Action):
    """Keeps what is given in one list: first what is for all models, then a record for every model."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        chosen = getattr(namespace, self.dest) or [_Chosen()]
        setattr(namespace, self.dest, chosen)
        self.choose(chosen, values)

    def choose(self, chosen: list[_Chosen], values: Any) -> None:
        raise NotImplementedError


class _AddModel(_Choose):
    def choose(self, chosen: list[_Chosen], values: Any) -> None:
        chosen.append(_Chosen(values))


class _SetLike(_Choose):
    def choose(self, chosen: list[_Chosen], values: Any) -> None:
        chosen[-1].like = values


class _SetInfill(_Choose):
    def choose(self, chosen: list[_Chosen], values: Any) -> None:
        chosen[-1].infill = values


class _SetArms(_Choose):
    def choose(self, chosen: list[_Chosen], values: Any) -> None:
        chosen[-1].arms = [ALIASES.get(value, value) for value in values]
