"""What a vocabulary costs: the engine's time and our own, for models with small and large vocabularies.

The output layer and the softmax are the engine's and grow with the vocabulary; what byte-lsp adds on top
should not. A token's own time is the whole less what was spent inside the engine.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.progress import OnDone
from byte_lsp.evaluation.request_cost import Request, ask


@dataclass(frozen=True, slots=True)
class VocabularyCost:
    """Medians over requests, in milliseconds: whole requests, split, and tokens after the first, split."""

    model: str
    vocabulary_size: int
    request_engine_ms: float
    request_own_ms: float
    token_engine_ms: float
    token_own_ms: float


def measure(
    models: Sequence[LocalModel], prefixes: Sequence[bytes], tokens: int, on_done: OnDone
) -> list[VocabularyCost]:
    """Exact requests at the same prefixes to every model, in turn; their names differ.

    Errors: ``EvaluationError`` if all requests to a model end with the first token.
    """
    asked: dict[str, list[Request]] = {model.name: [] for model in models}
    for done, prefix in enumerate(prefixes, 1):
        for model in models if done % 2 else reversed(models):
            asked[model.name].append(ask(model, "exact", prefix, tokens))
        on_done(done)
    return [_summarize(model, asked[model.name]) for model in models]


def _summarize(model: LocalModel, requests: Sequence[Request]) -> VocabularyCost:
    def median(values: list[float]) -> float:
        return statistics.median(values) * 1e3

    several = [each for each in requests if each.tokens > 1]
    if not several:
        raise EvaluationError(
            f"{model.name} ends every text after a token; ask for more --tokens or more --cursors"
        )
    return VocabularyCost(
        model=model.name,
        vocabulary_size=model.engine.vocabulary_size,
        request_engine_ms=median([each.engine_s for each in requests]),
        request_own_ms=median([each.total_s - each.engine_s for each in requests]),
        token_engine_ms=median([each.engine_rest_s / (each.tokens - 1) for each in several]),
        token_own_ms=median([(each.rest_s - each.engine_rest_s) / (each.tokens - 1) for each in several]),
    )
