"""Suffix fit where the product has none: for other samplers.

The product ranks what exact covers draw, by ``log P(c | x) + log P(s | x c)`` (``infill.suffix_fit``). Here
the same judge, the exact byte probability of the suffix, ranks what ordinary samplers draw; the first factor
is that of the tokens they drew.
"""

from collections.abc import Sequence

from byte_lsp.evaluation.local import LocalModel
from byte_lsp.infill.choosing import offer
from byte_lsp.infill.problem import Candidate, InfillProblem
from byte_lsp.infill.prompts import Posed, Prompter
from byte_lsp.infill.suffix_fit import judge_by_suffix, rank_proposals


def rank_by_suffix(
    model: LocalModel, problem: InfillProblem, candidates: Sequence[Candidate]
) -> tuple[Candidate, ...]:
    """The candidates of a problem, those first that the suffix fits best. A model that sees the prefix alone
    has none in the middle of a line that disturb it. Errors: ``EngineError``.
    """
    posed = pose_onward(model, problem)
    process = model.canonical.framed(posed.framing)
    judge = judge_by_suffix if model.form.layout == "prefix" else rank_proposals
    judged = judge(model.engine, process, posed.prefix, problem.suffix, candidates)
    return offer(judged, problem.alternatives)


def pose_onward(model: LocalModel, problem: InfillProblem) -> Posed:
    """The prompt of a problem without its suffix: any model is then asked from left to right."""
    prompter = Prompter(model.engine, model.tokenizer, model.framing, model.form)
    return prompter.pose(problem.onward)
