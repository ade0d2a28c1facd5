"""Rows of closes and extremes: resampled together, triggered and filled inside the bar."""

import math
from dataclasses import replace

import numpy as np
import pytest

from riskkit.paths.inside import Fill, Inside
from riskkit.paths.model import PathModel, ResidualTail
from riskkit.paths.moves import simulate_moves
from riskkit.paths.run import Run
from riskkit.paths.simulate import simulate_bars, simulate_paths
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.simulation.default import Execution, Weighting, simulate_default, simulate_grid
from riskkit.simulation.exits import simulate_exits
from riskkit.simulation.mechanism_kernel import lag_uniforms
from riskkit.simulation.rows import default_levels
from riskkit.venue.mechanism import Loan, Mechanism, Perpetual, Slippage, bars_needed
from riskkit.venue.oracle import Oracle
from riskkit.volatility.spec import Innovation, Variance
from tests.simulation.slow_mechanism import slow_outcome

RNG = np.random.default_rng(4)
CLOSE = RNG.standard_t(4.0, 700)
CLOSE = (CLOSE - CLOSE.mean()) / CLOSE.std()
ROWS = Inside(
    CLOSE, CLOSE - np.abs(RNG.normal(0.0, 0.8, 700)), CLOSE + np.abs(RNG.normal(0.0, 0.5, 700))
)
CLOSES_AGAIN = Inside(CLOSE, CLOSE, CLOSE)
TAILS = (ResidualTail(2.0, 0.2, 0.6, 0.03), ResidualTail(2.0, 0.2, 0.6, 0.03))
GJR = PathModel(Variance.GJR, 1e-4, 2e-5, 0.06, 0.04, 0.9, residuals=CLOSE)
MODELS = {
    "residuals": GJR,
    "egarch": PathModel(Variance.EGARCH, 1e-4, -0.2, 0.12, -0.04, 0.97, residuals=CLOSE),
    "tails": replace(GJR, tails=TAILS),
    "law": replace(GJR, residuals=None, law=Innovation.STUDENT_T, shape={"nu": 4.0}),
}
POSITIONS = {
    1: Perpetual(Side.LONG, 0.10, 0.04),
    -1: Perpetual(Side.SHORT, 0.10, 0.04),
}
PATHS, HORIZON = 600, 30


def world(model: PathModel, inside: Inside | None = ROWS, fill: Fill = Fill.EXTREME) -> World:
    found = World.one(replace(model, inside=inside), Start.measured(0.025))
    return replace(found, fill=fill)


@pytest.mark.parametrize("name", MODELS)
def test_closes_are_those_of_closes_alone_and_lie_within_their_bars(name):
    alone = simulate_paths(world(MODELS[name], None), Run(PATHS, 3), bars=20)
    for sign in (1, -1):
        closes, touched, fills = simulate_bars(
            world(MODELS[name]), Run(PATHS, 3), bars=20, sign=sign
        )
        assert (closes == alone).all()
        assert (sign * touched <= sign * closes).all()
        assert (touched != closes).mean() > 0.99
        assert (fills == touched).all()


@pytest.mark.parametrize("name", ["residuals", "egarch"])
def test_extremes_that_equal_the_closes_change_no_bit(name):
    for sign in (1, -1):
        found = simulate_bars(world(MODELS[name], CLOSES_AGAIN), Run(PATHS, 3), bars=20, sign=sign)
        assert all((a == found[0]).all() for a in found)
    asked = {"horizon": HORIZON, "weighting": Weighting.PLAIN, "loss_cap": 9.0}
    for position in POSITIONS.values():
        alone, again = (
            simulate_grid(
                world(MODELS[name], inside),
                Run(4_000, 3),
                [position],
                Execution([0, 2], [1], 0.005),
                detail=True,
                **asked,
            ).estimates
            for inside in (None, CLOSES_AGAIN)
        )
        for part in ("liquidation", "default", "unfair", "expected_bad_debt"):
            assert (getattr(alone, part).value == getattr(again, part).value).all()


def test_a_row_is_resampled_whole():
    still = PathModel(Variance.GARCH, 0.0, 6.25e-4, 0.0, 0.0, 0.0, residuals=CLOSE)
    closes, touched, _ = simulate_bars(world(still), Run(PATHS, 5), bars=1, sign=1)
    row = np.abs(CLOSE[None, :] - closes[:, [0]] / 0.025).argmin(axis=1)
    assert np.allclose(touched[:, 0] / 0.025, ROWS.low[row], atol=1e-9)


@pytest.mark.parametrize("name", ["tails", "law"])
def test_beyond_the_data_a_range_grows_with_its_shock(name):
    still = replace(MODELS[name], omega=6.25e-4, alpha=0.0, gamma=0.0, beta=0.0, mu=0.0)
    closes, touched, _ = simulate_bars(world(still), Run(200_000, 6), bars=1, sign=1)
    z, low = closes[:, 0] / 0.025, touched[:, 0] / 0.025
    beyond = z < 1.2 * CLOSE.min()
    assert beyond.sum() > 5
    worst = np.argsort(CLOSE)[:16]
    grown = (z - low)[beyond] / np.abs(z[beyond])
    own = (CLOSE - ROWS.low)[worst] / np.abs(CLOSE[worst])
    assert own.min() * (1 - 1e-9) <= grown.min()
    assert grown.max() <= own.max() * (1 + 1e-9)


def test_the_midpoint_lies_half_way_in_logs():
    for sign in (1, -1):
        closes, touched, fills = simulate_bars(
            world(GJR, fill=Fill.MIDPOINT), Run(PATHS, 3), bars=9, sign=sign
        )
        assert np.allclose(fills, 0.5 * (closes + touched), rtol=0.0, atol=1e-15)
        at_close = simulate_bars(world(GJR, fill=Fill.CLOSE), Run(PATHS, 3), bars=9, sign=sign)
        assert (at_close[2] == closes).all()


def test_moves_run_as_far_as_the_extremes_on_either_side():
    run = Run(PATHS, 8)
    found = simulate_moves(world(GJR), run, bars=12)
    lows, highs = (simulate_bars(world(GJR), run, bars=12, sign=s)[1] for s in (1, -1))
    assert (found.lowest == np.minimum(lows.min(axis=1), 0.0)).all()
    assert (found.highest == np.maximum(highs.max(axis=1), 0.0)).all()
    both = simulate_moves(world(GJR), run, bars=3, within=12)
    assert (both.lowest == found.lowest).all()
    assert (both.highest == found.highest).all()
    assert (both.terminal == simulate_moves(world(GJR), run, bars=3).terminal).all()


CASES = [
    (Mechanism(delay=1, slippage=Slippage(rate=0.01)), Fill.EXTREME),
    (Mechanism(Oracle(latency=1, deviation=0.01), 2, Slippage(rate=0.01)), Fill.MIDPOINT),
    (Mechanism(delay=1, slippage=Slippage(rate=0.01)), Fill.CLOSE),
]


@pytest.mark.parametrize("position", [*POSITIONS.values(), Loan(0.74, 0.80, 0.06)])
@pytest.mark.parametrize(("mechanism", "fill"), CASES)
def test_the_slow_simulator_agrees_path_by_path(mechanism, fill, position):
    sign = position.side.sign if isinstance(position, Perpetual) else 1
    bars, run = bars_needed(mechanism, HORIZON, 1.0), Run(PATHS, 7)
    here = world(GJR, fill=fill)
    prices = [
        np.exp(np.column_stack([np.zeros(PATHS), x]))
        for x in simulate_bars(here, run, bars=bars, sign=sign)
    ]
    slow = [
        slow_outcome(
            *(a[i].tolist() for a in prices[:2]),
            position,
            mechanism,
            HORIZON,
            lag_uniforms(7, i, bars),
            fills=prices[2][i].tolist(),
        )
        for i in range(PATHS)
    ]
    found = simulate_default(
        here, run, position, mechanism, horizon=HORIZON, weighting=Weighting.PLAIN, loss_cap=1e9
    )
    triggered, defaulted = sum(s[0] > 0 for s in slow), sum(s[2] > 0 for s in slow)
    assert found.liquidation.hits == triggered > 0
    assert found.default.hits == defaulted
    assert found.expected_bad_debt.value == pytest.approx(sum(s[3] for s in slow) / PATHS)
    if isinstance(position, Perpetual) and mechanism.oracle.deviation == 0.0:
        lag = mechanism.delay + mechanism.oracle.latency
        grid = simulate_grid(
            here,
            run,
            [position],
            Execution([mechanism.delay], [mechanism.oracle.latency], 0.01),
            horizon=HORIZON,
            weighting=Weighting.PLAIN,
        ).estimates
        assert (grid.liquidation.hits, grid.default.hits) == (triggered, defaulted)
        level = sign * math.log((1 - sign * 0.10) / (1 - sign * 0.04))
        exits = simulate_exits(
            here, run, sign=sign, trigger=level, lags=range(lag, lag + 1), horizon=HORIZON
        )
        tally = exits.tally(default_levels([position], 0.01), lag)
        assert (exits.times[0], tally.hits[0, 0]) == (triggered, defaulted)
