"""Drawing by weight: nothing is too light to be drawn, and what is not accepted leaves something to draw."""

from itertools import islice

import numpy as np
import pytest

from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.covers import draw_cover, weigh_covers
from byte_lsp.bytes.draws import draw, draw_accepted
from byte_lsp.bytes.sampler import Sampler, Sampling
from byte_lsp.errors import EngineError

from .tiny import FRAMING, Tiny, tinies


def test_light_masses_behind_a_heavy_one_are_drawn() -> None:
    """In float32 each of them adds nothing to the sum."""
    masses = np.full(1 << 20, 3e-8, dtype=np.float32)
    masses[0] = 1.0
    generator = np.random.default_rng(0)
    share = np.mean([draw(masses, generator) > 0 for _ in range(400)])
    assert share == pytest.approx(3e-8 * (1 << 20) / (1 + 3e-8 * (1 << 20)), abs=0.02)


def test_a_draw_at_the_very_end_is_the_last_that_has_mass() -> None:
    class AtTheEnd:
        def random(self) -> float:
            return 1.0

    assert draw(np.array([0.25, 0.75, 0.0]), AtTheEnd()) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("top_p", [0.5, 1.0])
def test_where_the_best_are_thrown_away_the_next_best_are_drawn(top_p: float) -> None:
    logs = np.array([0.0, -500.0, -2000.0, -2000.0, -9000.0], dtype=np.float32)
    generator = np.random.default_rng(1)
    drawn = {draw_accepted(logs, 1.0, lambda at: at > 1, generator) for _ in range(60)}
    assert drawn == {2, 3}
    assert draw_accepted(logs, top_p, lambda at: at == 4, generator) == 4


def test_if_nothing_is_accepted_that_is_an_error() -> None:
    with pytest.raises(EngineError, match="no probability"):
        draw_accepted(np.zeros(3), 1.0, lambda at: False, np.random.default_rng(0))


@pytest.mark.parametrize("top_p", [0.9, 1.0])
@pytest.mark.parametrize("tiny", tinies(), ids=lambda tiny: tiny.name)
def test_the_coldest_draws_are_the_greedy_ones(tiny: Tiny, top_p: float) -> None:
    """Also where the most probable token is not extendable and all others are nothing beside it."""
    process = CanonicalProcess(tiny.process().finder, FRAMING)
    for seed in range(20):
        engine = tiny.engine(seed)
        covers = weigh_covers(engine, process, b"a", 1e-3)
        cover = draw_cover(process, covers, np.random.default_rng(1), top_p)
        greedy, cold = (
            [step.data for step in islice(Sampler(engine, process).steps(covers, sampling, cover), 8)]
            for sampling in (Sampling(0.0), Sampling(1e-3, top_p, seed=1))
        )
        assert greedy == cold, seed
