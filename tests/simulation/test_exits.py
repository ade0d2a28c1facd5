"""Exits of one trigger = the paths themselves, read in plain numpy = the grid's counts."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskkit.calibration.venue import BarrierVenue
from riskkit.errors import InputError
from riskkit.paths.model import PathModel
from riskkit.paths.simulate import simulate_paths
from riskkit.position import Instrument, Side
from riskkit.simulation import estimates
from riskkit.simulation.default import Weighting, simulate_grid
from riskkit.simulation.exits import simulate_both_exits, simulate_exits
from riskkit.simulation.rows import barrier_rows, default_levels
from riskkit.venue.lending import max_loan_to_value
from riskkit.venue.margin import initial_margin
from riskkit.venue.mechanism import Loan, Perpetual, Position
from riskkit.volatility.spec import Innovation, Variance
from tests.support import simulated

GJR = PathModel(
    Variance.GJR, 1e-4, 2e-5, 0.06, 0.04, 0.9, Innovation.SKEW_T, {"nu": 4.0, "lambda": -0.1}
)
MODELS = {
    "gjr-skewt": GJR,
    "residuals": replace(GJR, residuals=np.random.default_rng(2).standard_t(4, 700) / 1.4),
    "egarch-t": PathModel(
        Variance.EGARCH, 1e-4, -0.15, 0.12, -0.05, 0.98, Innovation.STUDENT_T, {"nu": 5.0}
    ),
}
SIGMA, HORIZON, PATHS, SEED = 0.02, 30, 4_500, 5
LAGS = range(2, 6)
EXCURSION = 0.06


def oracle(deviation: float) -> BarrierVenue:
    """A venue of which only the oracle matters."""
    return BarrierVenue(Instrument.PERPETUAL, 0.0, 0.0, 0.0, deviation, 0, 0)


def positions(kind: str) -> list[Position]:
    """Buffers that differ in the loss they cover, triggered at one price."""
    covered = np.geomspace(0.01, 0.3, 12)
    if kind == "loan":
        thresholds = (1.0 - covered) / 1.05
        return [Loan(float(max_loan_to_value(lt, EXCURSION)), float(lt), 0.05) for lt in thresholds]
    side = Side(kind)
    return [
        Perpetual(side, float(initial_margin(mm, EXCURSION, side)), float(mm), penalty=0.005)
        for mm in covered
    ]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", MODELS)
def test_exits_are_those_of_the_paths(name: str, sign: int) -> None:
    start = np.geomspace(0.005, 0.05, PATHS)
    run = {"start_sigma": start, "paths": PATHS, "seed": SEED}
    found = simulated(
        simulate_exits, MODELS[name], sign=sign, trigger=-0.05, lags=LAGS, horizon=HORIZON, **run
    )
    paths = sign * simulated(simulate_paths, MODELS[name], bars=HORIZON + max(LAGS), **run)
    below = paths[:, :HORIZON] <= -0.05
    hit = below.any(axis=1)
    bar = below.argmax(axis=1)[hit]
    assert 100 < hit.sum() < PATHS - 100
    for lag, prices in zip(LAGS, found.prices, strict=True):
        np.testing.assert_array_equal(prices, paths[hit, bar + lag])
    assert found.times.tolist() == [hit.sum(), (bar + 1).sum(), ((bar + 1) ** 2).sum()]
    assert (found.paths, found.failed) == (PATHS, 0)


@pytest.mark.parametrize("name", MODELS)
def test_one_walk_serves_both_sides_to_the_last_bit(name: str) -> None:
    start = np.geomspace(0.005, 0.05, PATHS)
    asked = {"start_sigma": start, "paths": PATHS, "seed": SEED, "lags": LAGS, "horizon": HORIZON}
    levels = (-0.05, -0.08)
    both = simulated(simulate_both_exits, MODELS[name], triggers=levels, **asked)
    for sign, level, found in zip((1, -1), levels, both, strict=True):
        alone = simulated(simulate_exits, MODELS[name], sign=sign, trigger=level, **asked)
        np.testing.assert_array_equal(found.prices, alone.prices)
        assert found.times.tolist() == alone.times.tolist()
        assert (found.lags, found.paths, found.failed) == (alone.lags, alone.paths, alone.failed)


@pytest.mark.parametrize("kind", ["long", "short", "loan"])
def test_counts_are_those_of_the_grid(kind: str) -> None:
    held, slippage = positions(kind), 0.004
    run = {"start_sigma": SIGMA, "horizon": HORIZON, "paths": 20_000, "seed": SEED}
    side = Side.SHORT if kind == "short" else Side.LONG
    exits = simulated(
        simulate_exits,
        GJR,
        sign=side.sign,
        trigger=oracle(0.0).trigger_level(side, EXCURSION),
        lags=LAGS,
        **run,
    )
    tally = exits.tally(default_levels(held, slippage), 3)
    grid = simulated(
        simulate_grid,
        GJR,
        held,
        delays=[1],
        latencies=[2],
        slippage=slippage,
        weighting=Weighting.PLAIN,
        **run,
    ).estimates
    assert tally.hits.min() < 20
    assert tally.hits.max() > 200
    for name, make in (
        ("default", estimates.default_probability),
        ("default_given_liquidation", estimates.default_given_liquidation),
    ):
        ours, theirs = make(tally), getattr(grid, name)
        for part in ("value", "error", "low", "high", "hits"):
            np.testing.assert_array_equal(
                getattr(ours, part)[:, 0], getattr(theirs, part)[:, 0, 0], err_msg=f"{name} {part}"
            )
    ours = estimates.liquidation_probability(tally)
    np.testing.assert_array_equal(ours.value, grid.liquidation.value[:, 0, 0])
    mean = estimates.time_to_liquidation(tally).value + 2.0  # the oracle sees it late
    np.testing.assert_array_equal(mean, grid.time_to_liquidation.value[:, 0, 0])


@given(
    st.sampled_from(Side),
    st.floats(0.001, 0.9),
    st.floats(0.0, 0.05),
    st.floats(0.01, 0.9),
)
def test_every_covered_loss_is_triggered_at_one_price(
    side: Side, excursion: float, deviation: float, mm: float
) -> None:
    late = 1.0 - side.sign * deviation
    held: Position = Perpetual(side, float(initial_margin(mm, excursion, side)), mm)
    rows, _, _ = barrier_rows([held], 0.0)
    level = oracle(deviation).trigger_level(side, excursion)
    assert level == pytest.approx(rows[0, 0] + side.sign * math.log(late), abs=1e-12)
    assert level == pytest.approx(oracle(0.0).trigger_level(side, excursion) - deviation, abs=2e-3)


def test_a_price_at_the_trigger_is_a_trigger_and_at_the_default_is_none() -> None:
    still = PathModel(Variance.GARCH, -0.01, 0.0, 0.0, 0.0, 1.0, residuals=np.zeros(4))
    run = {"start_sigma": SIGMA, "horizon": 10, "paths": 300, "seed": SEED}
    path = simulated(simulate_paths, still, start_sigma=SIGMA, bars=12, paths=1, seed=SEED)[0]
    found = simulated(simulate_exits, still, sign=1, trigger=path[4], lags=range(3), **run)
    assert found.times.tolist() == [300, 300 * 5, 300 * 25]
    tally = found.tally(np.array([path[6], np.nextafter(path[6], 0.0), -np.inf, np.inf]), 2)
    assert tally.hits[:, 0].tolist() == [0, 300, 0, 300]
    assert tally.times.tolist() == [[300, 1500, 7500]] * 4


def test_paths_that_do_not_stay_finite_count_nowhere() -> None:
    wild = PathModel(Variance.GARCH, 0.0, 1e-4, 12.0, 0.0, 0.5)
    run = {"start_sigma": 1.0, "horizon": 400, "paths": 600, "seed": SEED}
    found = simulated(simulate_exits, wild, sign=1, trigger=-0.1, lags=range(3, 4), **run)
    assert 0 < found.failed < 600
    assert found.prices.shape[1] + found.failed <= 600
    assert np.isfinite(found.prices).all()
    grid = simulated(
        simulate_grid,
        wild,
        [Perpetual(Side.LONG, 0.2, 0.1)],
        delays=[3],
        weighting=Weighting.PLAIN,
        **run,
    )
    assert grid.estimates.default.failed == found.failed


@pytest.mark.usefixtures("shared_by_threads")
def test_threads_and_more_paths_change_no_path() -> None:
    run = {"sign": 1, "trigger": -0.05, "lags": LAGS, "start_sigma": SIGMA, "horizon": HORIZON}
    one = simulated(simulate_exits, GJR, paths=9_000, seed=SEED, threads=1, **run)
    two = simulated(simulate_exits, GJR, paths=9_000, seed=SEED, threads=2, **run)
    np.testing.assert_array_equal(one.prices, two.prices)
    fewer = simulated(simulate_exits, GJR, paths=8_900, seed=SEED, **run)
    first = slice(0, fewer.prices.shape[1])
    assert first.stop < one.prices.shape[1]
    np.testing.assert_array_equal(fewer.prices, one.prices[:, first])
    assert one.times.tolist() == two.times.tolist()


@pytest.mark.parametrize("lags", [range(0), range(-1, 2), range(0, 4, 2), range(3, 0, -1)])
def test_lags_that_no_price_answers_are_refused(lags: range) -> None:
    with pytest.raises(InputError, match="lags"):
        simulated(
            simulate_exits,
            GJR,
            sign=1,
            trigger=-0.1,
            lags=lags,
            start_sigma=SIGMA,
            horizon=3,
            paths=10,
            seed=1,
        )


def test_a_horizon_of_no_bars_is_refused() -> None:
    with pytest.raises(InputError, match="horizon"):
        simulated(
            simulate_exits,
            GJR,
            sign=1,
            trigger=-0.1,
            lags=LAGS,
            start_sigma=SIGMA,
            horizon=0,
            paths=10,
            seed=1,
        )
