"""From log-probabilities to confidences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.infill.confidence import Calibration

CURVE = Calibration((-10.0, -2.0, -1.0), (0.1, 0.3, 0.9), 0.5)


@pytest.mark.parametrize(
    ("logprob", "confidence"),
    [(-99.0, 0.1), (-10.0, 0.1), (-6.0, 0.2), (-2.0, 0.3), (-1.5, 0.6), (-1.0, 0.9), (0.0, 0.9)],
)
def test_the_curve_runs_straight_between_its_knots(logprob: float, confidence: float) -> None:
    assert CURVE.confidence(logprob) == pytest.approx(confidence)


def test_one_knot_is_a_level_curve() -> None:
    level = Calibration((-3.0,), (0.4,), 0.5)
    assert [level.confidence(at) for at in (-9.0, -3.0, 0.0)] == [0.4] * 3


@given(st.floats(-50, 0), st.floats(-50, 0))
def test_what_is_more_probable_is_never_less_certain(left: float, right: float) -> None:
    low, high = sorted((left, right))
    assert CURVE.confidence(low) <= CURVE.confidence(high)
