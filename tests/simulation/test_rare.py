"""Rare events: tilted paths against exact values, against brute force, and against themselves."""

import math
from dataclasses import replace

import numpy as np
import pytest

from riskkit.errors import InputError
from riskkit.paths.model import PathModel
from riskkit.paths.sampler import MOST_TILTED
from riskkit.position import Side
from riskkit.simulation.default import FEW_HITS, Weighting, simulate_default, simulate_grid
from riskkit.venue.mechanism import Mechanism, Perpetual, Slippage
from riskkit.volatility.spec import Innovation, Variance
from tests.simulation.test_exact import MODEL, SIGMA, first_passage
from tests.support import simulated

RESIDUALS = np.random.default_rng(5).standard_t(5, 1_500) * math.sqrt(3 / 5)
FILTERED = PathModel(Variance.GARCH, 0.0, 3e-6, 0.05, 0.0, 0.92, residuals=RESIDUALS)
PARAMETRIC = PathModel(
    Variance.GARCH, 0.0, 3e-6, 0.05, 0.0, 0.92, Innovation.STUDENT_T, {"nu": 5.0}
)


@pytest.mark.parametrize("side", Side)
def test_tilted_paths_reach_one_in_a_million_of_exact_quadrature(side):
    s = side.sign
    margins = [0.20, 0.25, 0.29] if s > 0 else [0.25, 0.31, 0.38]
    grid = simulated(
        simulate_grid,
        MODEL,
        [Perpetual(side, im, 0.02) for im in margins],
        delays=(1,),
        slippage=0.001,
        start_sigma=SIGMA,
        horizon=12,
        paths=200_000,
        seed=8,
    )
    probabilities = []
    for k, im in enumerate(margins):
        trigger = s * math.log((1 - s * im) / (1 - s * 0.02))
        default = s * math.log((1 - s * im) / (1 - s * 0.001))
        exact = first_passage(trigger, default, 12, 1)[1]
        found = grid.estimates[k, 0, 0].default
        probabilities.append(exact)
        assert found.tilted
        assert abs(float(found) - exact) < 4 * float(found.error)
        assert float(found.error) < 0.12 * exact
    assert probabilities[-1] < 3e-6 < probabilities[0]


@pytest.mark.parametrize("model", [FILTERED, PARAMETRIC], ids=["filtered", "parametric"])
@pytest.mark.parametrize("side", Side)
def test_tilted_and_brute_force_agree(model, side):
    positions = [Perpetual(side, im, 0.2 * im) for im in (0.09, 0.12, 0.16, 0.20, 0.30)]
    run = {"delays": (1,), "slippage": 0.003, "start_sigma": 0.01, "horizon": 24}
    brute = simulated(
        simulate_grid,
        model,
        positions,
        paths=4_000_000,
        seed=1,
        threads=2,
        weighting=Weighting.PLAIN,
        **run,
    ).estimates.default
    tilted = simulated(
        simulate_grid, model, positions, paths=100_000, seed=2, weighting=Weighting.TILTED, **run
    ).estimates.default
    assert brute.value.max() > 4e-3
    assert brute.value.min() < 2e-4
    error = np.hypot(brute.error, tilted.error)
    assert (np.abs(brute.value - tilted.value) < 3.5 * error).all()
    assert (tilted.error < 0.05 * tilted.value).all()


def test_the_stated_error_is_the_scatter_over_seeds():
    position = Perpetual(Side.LONG, 0.2, 0.04)
    runs = [
        simulated(simulate_default,
            PARAMETRIC, position, Mechanism(delay=1, slippage=Slippage(rate=0.003)),
            start_sigma=0.01, horizon=24, paths=8_000, seed=seed, weighting=Weighting.TILTED,
        )
        for seed in range(60)
    ]  # fmt: skip
    for name in (
        "default",
        "liquidation",
        "default_given_liquidation",
        "unfair",
        "loss_given_default",
        "expected_bad_debt",
        "time_to_liquidation",
    ):
        found = [getattr(r, name) for r in runs]
        if name == "unfair":
            assert all(e.bound for e in found)
            continue
        scatter = np.std([float(e) for e in found], ddof=1)
        stated = np.sqrt(np.mean([float(e.error) ** 2 for e in found]))
        assert scatter == pytest.approx(stated, rel=0.35), name


def test_weights_are_read_at_execution_and_not_at_the_end_of_the_path():
    # Same event, much longer path: weights read at the end would scatter the estimate.
    position = Perpetual(Side.LONG, 0.08, 0.01)
    short, long = (
        simulated(simulate_default,
            PARAMETRIC, position, Mechanism(delay=delay), start_sigma=0.01, horizon=4,
            paths=60_000, seed=3, weighting=Weighting.TILTED,
        ).liquidation
        for delay in (1, 40)
    )  # fmt: skip
    assert float(long.error) < 2.5 * float(short.error)
    error = math.hypot(float(long.error), float(short.error))
    assert abs(float(long) - float(short)) < 4 * error


def test_cells_with_hits_stay_plain_and_others_are_tilted():
    positions = [Perpetual(Side.LONG, im, 0.2 * im) for im in (0.05, 0.3)]
    found = simulated(
        simulate_grid,
        FILTERED,
        positions,
        delays=(1,),
        start_sigma=0.01,
        horizon=24,
        paths=50_000,
        seed=4,
    ).estimates
    assert found.default.tilted.ravel().tolist() == [False, True]
    assert found.default.hits[0, 0, 0] >= FEW_HITS
    assert found.beyond_data


@pytest.mark.parametrize(
    ("side", "cap", "tilted"),
    [(Side.LONG, None, True), (Side.SHORT, None, False), (Side.SHORT, 1.0, True)],
)
def test_a_shorts_loss_without_bound_rests_on_plain_paths(side, cap, tilted):
    # Persistence 1.03: tilted paths reach prices that no weight makes harmless.
    model = replace(FILTERED, alpha=0.15, beta=0.88)
    found = simulated(simulate_default,
        model, Perpetual(side, 0.3, 0.15), Mechanism(delay=1),
        start_sigma=0.01, horizon=48, paths=50_000, seed=4, loss_cap=cap,
    )  # fmt: skip
    assert found.default.tilted
    assert 0 < float(found.loss_given_default) < 1
    for loss in (found.loss_given_default, found.expected_bad_debt):
        assert bool(loss.tilted) is tilted


def test_what_cannot_happen_in_the_paths_is_an_upper_bound_and_never_zero():
    found = simulated(simulate_default,
        FILTERED, Perpetual(Side.LONG, 0.99, 0.01), Mechanism(),
        start_sigma=0.001, horizon=2, paths=10_000, seed=4,
    )  # fmt: skip
    assert found.default.bound
    assert found.default.hits == 0
    assert float(found.default) == pytest.approx(1 - 0.05 ** (1 / 10_000))
    assert float(found.default) == pytest.approx(3 / 10_000, rel=0.01)  # the rule of three
    assert found.default.low == 0.0
    assert math.isinf(found.default.error)


def test_more_residuals_than_can_be_tilted_leave_the_paths_plain():
    many = np.random.default_rng(6).standard_t(5, MOST_TILTED + 1) * math.sqrt(3 / 5)
    model = replace(FILTERED, residuals=many)
    run = {"delays": (1,), "start_sigma": 0.01, "horizon": 24, "paths": 2_000, "seed": 3}
    position = [Perpetual(Side.LONG, 0.16, 0.03)]
    found = simulated(simulate_grid, model, position, **run).estimates.default[0, 0, 0]
    assert int(found.hits) < FEW_HITS
    assert not found.tilted
    with pytest.raises(InputError, match="must be at most 16384 to be tilted"):
        simulated(simulate_grid, model, position, weighting=Weighting.TILTED, **run)
    fewer = replace(model, residuals=many[1:])
    assert simulated(simulate_grid, fewer, position, **run).estimates.default[0, 0, 0].tilted
