"""Suffix fit where the product has none: for other samplers, and for models that see the suffix themselves.

The product ranks what exact covers draw from a model that sees the prefix alone, by
``log P(c | x) + log P(s | x c)`` (``infill.suffix_fit``). Here the same judge, the exact byte probability of
the suffix, ranks what ordinary samplers draw; the first factor is that of the tokens they drew.

A model that fills in has conditioned on the suffix already, so its own probability of a middle is no first
factor of that product. It is taken for the one who proposes: both factors are then what the same model says
left to right, of the prefix, the candidate and the suffix as one text.
"""

from collections.abc import Sequence
from dataclasses import replace

from byte_lsp.bytes.scoring import log_likelihoods
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.infill.choosing import offer
from byte_lsp.infill.problem import Candidate, InfillProblem
from byte_lsp.infill.prompts import Posed, Prompter
from byte_lsp.infill.suffix_fit import judge_by_suffix


def rank_by_suffix(
    model: LocalModel, problem: InfillProblem, candidates: Sequence[Candidate]
) -> tuple[Candidate, ...]:
    """The candidates of a problem, those first that the suffix fits best; in the middle of a line without
    those that disturb it. Errors: ``EngineError``.
    """
    posed = pose_onward(model, problem)
    process = model.canonical.framed(posed.framing)
    if model.form.layout != "prefix":
        texts = [(b"", candidate.text) for candidate in candidates]
        logprobs = log_likelihoods(model.engine, process, posed.prefix, texts)
        candidates = [
            replace(candidate, logprob=logprob)
            for candidate, logprob in zip(candidates, logprobs, strict=True)
        ]
    judged = judge_by_suffix(model.engine, process, posed.prefix, problem.suffix, candidates)
    return offer(judged, problem.alternatives)


def pose_onward(model: LocalModel, problem: InfillProblem) -> Posed:
    """The prompt of a problem without its suffix: any model is then asked from left to right."""
    prompter = Prompter(model.engine, model.tokenizer, model.framing, model.form)
    return prompter.pose(problem.onward)
