"""Compiled mechanism = readable reference = independent slow simulator, path by path."""

import math
from dataclasses import replace

import numpy as np
import pytest

from riskkit.paths.model import PathModel
from riskkit.paths.simulate import simulate_paths
from riskkit.position import Side
from riskkit.simulation.default import Weighting, simulate_default, simulate_grid
from riskkit.simulation.mechanism_kernel import lag_uniforms, run_paths
from riskkit.venue.mechanism import (
    CloseOut,
    CloseOutRule,
    Loan,
    Mechanism,
    Perpetual,
    Slippage,
    SlippageLaw,
    bars_needed,
)
from riskkit.venue.oracle import ConditionalLag, Oracle
from riskkit.venue.run import LagUniforms, run_mechanism
from riskkit.volatility.spec import Innovation, Variance
from tests.simulation.slow_mechanism import slow_outcome
from tests.support import simulated

MODEL = PathModel(
    Variance.GJR, 1e-4, 2e-5, 0.06, 0.04, 0.9, Innovation.SKEW_T, {"nu": 4.0, "lambda": -0.1}
)
LONG = Perpetual(Side.LONG, 0.10, 0.04, notional=2e5)
SHORT = Perpetual(Side.SHORT, 0.10, 0.04, notional=2e5)
LOAN = Loan(0.74, 0.80, 0.06, notional=2e5)
CONGESTED = ConditionalLag((0.7, 0.3), (0.1, 0.2, 0.3, 0.4), 0.03, 0.2, 3)
LADDER = Slippage(SlippageLaw.LADDER, ladder=((5e4, 0.002), (1e5, 0.004), (1.8e5, 0.02)))

MECHANISMS = {
    "plain": Mechanism(),
    "latency": Mechanism(Oracle(latency=2)),
    "deviation": Mechanism(Oracle(deviation=0.02)),
    "stressed oracle": Mechanism(Oracle(latency=CONGESTED, deviation=0.005)),
    "delay": Mechanism(delay=3, slippage=Slippage(rate=0.01)),
    "stressed delay": Mechanism(delay=CONGESTED, slippage=Slippage(rate=0.01)),
    "linear": Mechanism(slippage=Slippage(SlippageLaw.LINEAR, 0.01, 1e5), delay=1),
    "square root": Mechanism(slippage=Slippage(SlippageLaw.SQUARE_ROOT, 0.02, 1e5), delay=1),
    "ladder": Mechanism(slippage=LADDER, delay=1),
    "dear": Mechanism(slippage=Slippage(rate=0.12)),
    "close factor": Mechanism(close_out=CloseOut(CloseOutRule.CLOSE_FACTOR, 0.4), slippage=LADDER),
    "restore": Mechanism(
        Oracle(latency=1), 1, Slippage(rate=0.01), CloseOut(CloseOutRule.RESTORE, 0.07)
    ),
    "capped": Mechanism(
        slippage=Slippage(SlippageLaw.SQUARE_ROOT, 0.02, 1e5),
        close_out=CloseOut(largest_per_bar=6e4),
    ),
    "capped restore": Mechanism(
        delay=1,
        slippage=LADDER,
        close_out=CloseOut(CloseOutRule.RESTORE, 0.09, largest_per_bar=3e4),
    ),
    "everything": Mechanism(
        Oracle(CONGESTED, 0.01), CONGESTED, LADDER, CloseOut(CloseOutRule.RESTORE, 0.09)
    ),
    "everything, capped": Mechanism(
        Oracle(CONGESTED, 0.01), CONGESTED, LADDER, CloseOut(CloseOutRule.CLOSE_FACTOR, 0.6, 5e4)
    ),
}
POSITIONS = {
    "long": LONG,
    "short": SHORT,
    "loan": LOAN,
    "paying long": replace(LONG, funding=0.001, penalty=0.005),
    "paying short": replace(SHORT, funding=-0.001, penalty=0.005),
    "growing loan": replace(LOAN, interest=0.002),
}
HORIZON, PATHS = 30, 1_000


def for_position(mechanism, position):
    if isinstance(position, Loan) and mechanism.close_out.rule is CloseOutRule.RESTORE:
        return replace(mechanism, close_out=replace(mechanism.close_out, level=1.08))
    return mechanism


def prices_and_extremes(bars, sign):
    x = simulated(simulate_paths, MODEL, start_sigma=0.025, bars=bars, paths=PATHS, seed=21)
    closes = np.exp(np.column_stack([np.zeros(PATHS), x]))
    wicks = simulated(simulate_paths, MODEL, start_sigma=0.01, bars=bars + 1, paths=PATHS, seed=22)
    wicks = np.abs(np.diff(wicks, axis=1, prepend=0.0))
    extremes = closes * np.exp(-sign * wicks)
    extremes[:, 0] = 1.0
    return closes, extremes


CASES = [(m, p) for m in MECHANISMS for p in ("long", "short", "loan")]
CASES += [
    (m, p) for m in ("delay", "everything", "everything, capped") for p in list(POSITIONS)[3:]
]


@pytest.mark.parametrize(("mechanism_name", "position_name"), CASES)
def test_three_implementations_agree_on_a_thousand_paths(mechanism_name, position_name):
    position = POSITIONS[position_name]
    mechanism = for_position(MECHANISMS[mechanism_name], position)
    bars = bars_needed(mechanism, HORIZON, position.notional)
    sign = position.side.sign if isinstance(position, Perpetual) else 1
    closes, extremes = prices_and_extremes(bars, sign)
    lows = extremes if mechanism_name in ("latency", "delay", "everything") else closes
    found = run_paths(closes, lows, [position], mechanism, HORIZON, seed=5)
    seen = set()
    for i in range(PATHS):
        uniforms = lag_uniforms(5, i, bars)
        slow = slow_outcome(
            closes[i].tolist(), lows[i].tolist(), position, mechanism, HORIZON, uniforms
        )
        counts = (found.trigger_bar, found.unfair, found.default_bar, found.closures)
        assert tuple(count[i, 0] for count in counts) == (*slow[:3], slow[4]), i
        assert found.loss[i, 0] == pytest.approx(slow[3], abs=1e-12)
        seen.add((slow[0] > 0, slow[2] > 0, slow[4] > 1))
        if i < 250:
            reference = run_mechanism(
                closes[i], position, mechanism, HORIZON, extremes=lows[i], uniforms=uniforms
            )
            assert (reference.trigger_bar, reference.unfair, reference.default_bar) == slow[:3], i
            assert reference.liquidations == slow[4]
            assert reference.loss == pytest.approx(slow[3], abs=1e-12)
    assert {s[0] for s in seen} == {True, False}
    if mechanism_name in ("delay", "stressed delay", "everything", "ladder"):
        assert {s[1] for s in seen} == {True, False}
    if mechanism_name in ("close factor", "restore", "capped", "everything, capped"):
        assert {s[2] for s in seen} == {True, False}


RUN = {"start_sigma": 0.025, "horizon": HORIZON, "paths": 3_000, "seed": 7}


@pytest.mark.parametrize("position", [LONG, SHORT, LOAN], ids=["long", "short", "loan"])
@pytest.mark.parametrize("name", ["stressed delay", "restore", "everything"])
def test_the_fused_simulation_is_the_reference_on_the_same_paths(name, position):
    mechanism = for_position(MECHANISMS[name], position)
    found = simulated(
        simulate_default, MODEL, position, mechanism, weighting=Weighting.PLAIN, loss_cap=1e9, **RUN
    )
    bars = bars_needed(mechanism, HORIZON, position.notional)
    x = simulated(simulate_paths, MODEL, start_sigma=0.025, bars=bars, paths=3_000, seed=7)
    closes = np.exp(np.column_stack([np.zeros(3_000), x]))
    outcomes = [
        run_mechanism(closes[i], position, mechanism, HORIZON, uniforms=lag_uniforms(7, i, bars))
        for i in range(3_000)
    ]
    liquidated = [o for o in outcomes if o.liquidated]
    assert found.liquidation.hits == len(liquidated) > 0
    assert found.default.hits == sum(o.defaulted for o in outcomes) > 0
    assert found.unfair.hits == sum(o.unfair for o in outcomes)
    assert float(found.expected_bad_debt) == pytest.approx(np.mean([o.loss for o in outcomes]))
    bars_to = [o.trigger_bar for o in liquidated]
    assert float(found.time_to_liquidation) == pytest.approx(np.mean(bars_to))


GRIDS = {
    "long": [Perpetual(Side.LONG, im, 0.4 * im, penalty=0.002) for im in (0.2, 0.05, 0.1)],
    "short": [Perpetual(Side.SHORT, im, 0.4 * im, penalty=0.002) for im in (0.2, 0.05, 0.1)],
    "loan": [Loan(0.74, 0.8, 0.05), Loan(0.7, 0.85, 0.001), Loan(0.5, 0.6, 0.1)],
}


@pytest.mark.parametrize("detail", [False, True])
@pytest.mark.parametrize("kind", GRIDS)
def test_the_grid_is_the_mechanism_cell_by_cell(kind, detail):
    grid = simulated(
        simulate_grid,
        MODEL,
        GRIDS[kind],
        delays=(0, 1, 4),
        latencies=(2, 0),
        slippage=0.005,
        weighting=Weighting.PLAIN,
        detail=detail,
        loss_cap=1e9,
        **RUN,
    )
    for k, position in enumerate(GRIDS[kind]):
        for i, latency in enumerate((2, 0)):
            for j, delay in enumerate((0, 1, 4)):
                mechanism = Mechanism(Oracle(latency), delay, Slippage(rate=0.005))
                one = simulated(
                    simulate_default,
                    MODEL,
                    position,
                    mechanism,
                    weighting=Weighting.PLAIN,
                    loss_cap=1e9,
                    **RUN,
                )
                cell = grid.estimates[k, i, j]
                assert cell.default.hits == one.default.hits
                assert cell.liquidation.hits == one.liquidation.hits
                same = ["default", "default_given_liquidation", "time_to_liquidation"]
                if detail:
                    same += ["unfair", "loss_given_default", "expected_bad_debt"]
                for name in same:
                    a, b = getattr(cell, name), getattr(one, name)
                    assert float(a) == pytest.approx(float(b), rel=1e-9)
                    assert float(a.error) == pytest.approx(float(b.error), rel=1e-7)


BOOKS = {
    "one": [0.1],
    "many crossed in one bar": list(np.linspace(0.02, 0.4, 60)),
    "some equal, some apart by less than a cell": [0.1, 0.1, 0.3, 0.3 + 1e-7, 0.3 + 2e-7, 0.9],
}


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("book", BOOKS)
def test_counting_is_summing_with_weights_of_one(book, side):
    # More bars than one word of marks holds, more lags than one chunk, paths that end in a block.
    run = {**RUN, "horizon": 150, "paths": 3_333, "weighting": Weighting.PLAIN, "loss_cap": 1e9}
    positions = [Perpetual(side, im, 0.3 * im) for im in BOOKS[book]]
    counted, summed = (
        simulated(
            simulate_grid, MODEL, positions, delays=(0, 3, 20), detail=detail, **run
        ).estimates
        for detail in (False, True)
    )
    for name in ("liquidation", "default", "time_to_liquidation"):
        a, b = getattr(counted, name), getattr(summed, name)
        assert (a.hits == b.hits).all()
        assert a.hits.max() > 100
        np.testing.assert_allclose(a.value, b.value, rtol=1e-12)
        np.testing.assert_allclose(a.error, b.error, rtol=1e-7)


@pytest.mark.usefixtures("shared_by_threads")
@pytest.mark.parametrize("weighting", [Weighting.PLAIN, Weighting.TILTED])
def test_threads_change_nothing(weighting):
    run = {**RUN, "paths": 20_000, "weighting": weighting, "loss_cap": 1e9}
    mechanism = MECHANISMS["everything"]
    one = simulated(simulate_default, MODEL, SHORT, mechanism, **run).summary()
    many = simulated(simulate_default, MODEL, SHORT, mechanism, threads=3, **run).summary()
    assert one.equals(many)
    positions = GRIDS["short"]
    grids = [
        simulated(
            simulate_grid, MODEL, positions, delays=(0, 17), detail=True, threads=t, **run
        ).table()
        for t in (1, 3)
    ]
    assert grids[0].equals(grids[1])


def test_start_volatilities_may_differ_by_path():
    def hits(sigma):
        run = {**RUN, "start_sigma": sigma, "weighting": Weighting.PLAIN}
        return int(simulated(simulate_default, MODEL, LONG, Mechanism(), **run).liquidation.hits)

    first = np.arange(3_000) < 1_500
    # Paths keep their number, so half calm and half wild is the sum of the halves.
    assert hits(np.where(first, 0.01, 0.05)) + hits(np.where(first, 0.05, 0.01)) == (
        hits(0.01) + hits(0.05)
    )
    assert hits(0.05) > hits(0.01)


def test_lag_uniforms_are_uniform():
    pairs = [lag_uniforms(1, i, 50) for i in range(400)]
    for u in (
        np.stack([p.latency for p in pairs]),
        np.stack([p.delay for p in pairs]),
    ):
        assert isinstance(pairs[0], LagUniforms)
        assert abs(u.mean() - 0.5) < 4.5 * math.sqrt(1 / 12 / u.size)
        assert abs(np.corrcoef(u[..., 0].ravel(), u[..., 1].ravel())[0, 1]) < 0.035
