"""Steps of the optimizer on a few numbers."""

import pytest
import torch

from byte_lsp.training.network import Network, Optimizer


class Numbers(Network):
    """Two trained tensors, an A and a B, and no model."""

    def __init__(self) -> None:
        self.device = "cpu"
        self._parameters = [torch.ones(3, dtype=torch.bfloat16), torch.zeros(2, dtype=torch.bfloat16)]
        self._are_b = [False, True]


def moved(rate_ratio: float, steps: int = 2) -> torch.Tensor:
    numbers = Numbers()
    optimizer = Optimizer(numbers, rate_ratio=rate_ratio)
    for step in range(steps):
        optimizer.step(torch.full((5,), 1.0 + step), 0.01)
    return optimizer.state()["copy"] - torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0])


def test_b_may_learn_faster_than_a() -> None:
    alike, faster = moved(1.0), moved(4.0)
    assert (alike[:3] < -0.015).all()
    assert torch.equal(faster[:3], alike[:3])
    assert torch.allclose(faster[3:], 4 * alike[3:])


def test_what_is_trained_is_what_the_network_gets() -> None:
    numbers = Numbers()
    optimizer = Optimizer(numbers)
    optimizer.step(torch.ones(5), 0.5)
    assert numbers.flat_parameters().tolist() == pytest.approx([0.5, 0.5, 0.5, -0.5, -0.5], rel=1e-2)
    again = Optimizer(Numbers())
    again.restore(optimizer.state())
    assert torch.equal(again.state()["copy"], optimizer.state()["copy"])
