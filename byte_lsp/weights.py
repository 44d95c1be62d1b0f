"""How the models of an ensemble become one: the rules, and the weights that each takes."""

import math
from collections.abc import Sequence
from typing import Literal, get_args

Rule = Literal["mixture", "product"]
"""``bytes/ensemble.py`` has the formulas."""

MOST_WEIGHT = 100.0
"""Of a weight, with either sign: beyond it a member decides alone, or its powers leave the numbers' range."""


def check_weights(weights: Sequence[float], rule: Rule) -> None:
    """Errors: ``ValueError`` that says which weights a rule takes."""
    if rule not in get_args(Rule):
        raise ValueError(f"an ensemble's rule is 'mixture' or 'product', not {rule!r}")
    if not weights:
        raise ValueError("an ensemble has at least one member")
    if not all(math.isfinite(weight) and abs(weight) <= MOST_WEIGHT for weight in weights):
        raise ValueError(
            f"the weights of an ensemble are finite numbers from -{MOST_WEIGHT:g} to {MOST_WEIGHT:g}, "
            f"not {list(weights)}"
        )
    if rule == "mixture" and (min(weights) < 0 or sum(weights) <= 0):
        raise ValueError(
            f"the weights of a mixture are 0 or more and not all 0, not {list(weights)}; "
            "rule 'product' takes negative ones"
        )
    if rule == "product" and max(weights) <= 0:
        raise ValueError(f"a product has at least one member of positive weight, not {list(weights)}")
