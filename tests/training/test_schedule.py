"""The learning rate's course."""

import pytest

from byte_lsp.training.schedule import Schedule


def test_warm_up_plateau_fall() -> None:
    schedule = Schedule(peak=1.0, steps=100, warmup_steps=10, decay_share=0.4)
    rates = [schedule.rate(step) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * (step + 1) for step in range(10)])
    assert set(rates[10:61]) == {1.0}
    assert rates[60:] == pytest.approx([1 - step / 40 for step in range(40)])


def test_a_longer_run_begins_the_same() -> None:
    short, long = Schedule(2e-3, 100), Schedule(2e-3, 1000)
    assert [short.rate(step) for step in range(short.plateau_end)] == [
        long.rate(step) for step in range(short.plateau_end)
    ]


def test_no_warm_up_and_no_fall() -> None:
    assert [Schedule(1.0, 5, 0, 0.0).rate(step) for step in range(5)] == [1.0] * 5
