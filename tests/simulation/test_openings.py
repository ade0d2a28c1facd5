"""Positions along one history: each is the mechanism on its own stretch of it."""

from dataclasses import replace

import numpy as np
import pytest

from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.proof.schedule import Lags, run_schedule
from riskkit.simulation.mechanism_kernel import lag_uniforms
from riskkit.simulation.openings import MetPrices, run_openings
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

BARS, HORIZON = 400, 25
CONGESTED = ConditionalLag((0.7, 0.3), (0.1, 0.2, 0.3, 0.4), 0.03, 0.2, 3)
EVERYTHING = Mechanism(
    Oracle(CONGESTED, 0.01),
    CONGESTED,
    Slippage(SlippageLaw.SQUARE_ROOT, 0.02, 1e5),
    CloseOut(CloseOutRule.CLOSE_FACTOR, 0.5, 8e4),
)
KINDS = {
    "long": lambda m: Perpetual(Side.LONG, m + 0.04, m, 2e5, 0.002, 1e-4),
    "short": lambda m: Perpetual(Side.SHORT, m + 0.04, m, 2e5, 0.002, 1e-4),
    "loan": lambda m: Loan(0.95 * (1 - m), 1 - m, 0.01, 2e5, 1e-4),
}


def limits_of(position):
    if isinstance(position, Loan):
        return position.liquidation_threshold, position.loan_to_value
    return position.maintenance_margin, position.initial_margin


def history(sign):
    rng = np.random.default_rng(3)
    closes = 100 * np.exp(np.cumsum(0.025 * rng.standard_t(4, BARS)))
    return closes, closes * np.exp(-sign * 0.01 * np.abs(rng.standard_normal(BARS)))


@pytest.mark.parametrize("kind", KINDS)
def test_each_opening_is_the_mechanism_on_its_own_stretch(kind):
    make, sign = KINDS[kind], -1 if kind == "short" else 1
    closes, extremes = history(sign)
    bars = bars_needed(EVERYTHING, HORIZON, 2e5)
    opened = np.arange(0, BARS - bars - 1, 3)
    positions = [make(0.02 + 0.06 * (k % 5) / 4) for k in range(opened.size)]
    limits = tuple(np.array(column) for column in zip(*map(limits_of, positions), strict=True))
    found = run_openings(
        MetPrices(closes, extremes),
        opened,
        make(0.05),
        limits,
        EVERYTHING,
        horizon=HORIZON,
        lots=(5, 0),
    )
    uniforms = lag_uniforms(5, 0, BARS)
    seen = set()
    for k, start in enumerate(opened):
        stretch = slice(start, start + bars + 1)
        one = run_mechanism(
            closes[stretch],
            positions[k],
            EVERYTHING,
            HORIZON,
            extremes=extremes[stretch],
            uniforms=LagUniforms(uniforms.latency[stretch], uniforms.delay[stretch]),
        )
        assert (found.trigger_bar[k], found.default_bar[k]) == (one.trigger_bar, one.default_bar)
        assert (found.unfair[k], found.closures[k]) == (one.unfair, one.liquidations)
        assert found.loss[k] == one.loss
        seen.add((one.liquidated, one.defaulted))
    assert seen == {(False, False), (True, False), (True, True)}


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("changing", [False, True])
def test_the_schedule_is_the_general_run_on_the_simple_case(side, changing):
    s, cost, lags = side.sign, 0.007, Lags(HORIZON, 1, 2)
    closes, extremes = history(s)
    opened = np.arange(0, BARS - lags.bars - 1)
    rng = np.random.default_rng(4)
    in_force = 0.03 + 0.03 * rng.random(BARS) if changing else np.full(BARS, 0.05)
    im = 0.1 + 0.02 * rng.random(opened.size)
    mechanism = Mechanism(Oracle(1), 2, Slippage(rate=0.005))
    general = run_openings(
        MetPrices(closes, extremes, required=in_force if changing else None),
        opened,
        Perpetual(side, 0.1, 0.05, penalty=0.002),
        (np.full(opened.size, 0.05), im),
        mechanism,
        horizon=HORIZON,
        lots=(1, 0),
    )
    posted = np.log1p(-s * im)
    fast = run_schedule(
        np.log(closes),
        opened,
        posted,
        posted - np.log1p(-s * cost),
        side,
        lags,
        log_extreme=np.log(extremes),
        maintenance=in_force,
    )
    assert (general.trigger_bar == fast.trigger_bar).all()
    assert (general.default_bar == fast.default_bar).all()
    assert 0 < np.count_nonzero(general.default_bar) < np.count_nonzero(general.trigger_bar)


def test_what_history_cannot_answer_is_refused_in_words():
    closes, _ = history(1)
    prices = MetPrices(closes)
    long, limits = KINDS["long"](0.05), (np.array([0.05]), np.array([0.09]))
    with pytest.raises(InputError, match=r"opened: .*bars after them"):
        run_openings(
            prices, np.array([BARS - 5]), long, limits, EVERYTHING, horizon=HORIZON, lots=(1, 0)
        )
    worse = replace(EVERYTHING, close_out=CloseOut(largest_per_bar=0.0))
    with pytest.raises(InputError, match=r"close_out\.largest_per_bar: got 0\.0; must be positive"):
        run_openings(prices, np.array([0]), long, limits, worse, horizon=HORIZON, lots=(1, 0))
