"""Overlapping positions against the readable mechanism, one at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.calibration.question import venue_of
from riskkit.position import Side
from riskkit.proof.schedule import Lags, openings, run_schedule
from riskkit.venue.margin import initial_margin, maintenance_margin
from riskkit.venue.mechanism import Mechanism, Slippage
from riskkit.venue.oracle import Oracle
from riskkit.venue.run import run_mechanism
from tests.support import small_study

DAY = pd.Timedelta(days=1)
PUNCTUAL = venue_of(small_study(mechanism={"oracle_deviation_fraction": 0.0}), DAY)
LOAN = {"kind": "loan", "liquidation_bonus_fraction": 0.07}


@pytest.mark.parametrize(
    ("venue", "side"),
    [({}, Side.LONG), ({}, Side.SHORT), (LOAN, Side.LONG)],
    ids=["long", "short", "loan"],
)
@pytest.mark.parametrize(("latency", "delay"), [(0, 0), (0, 1), (2, 0), (1, 3)])
@pytest.mark.parametrize("intrabar", [False, True])
def test_every_position_fares_as_the_readable_mechanism_says(
    btc_hourly, venue, latency, delay, intrabar, side
):
    study = small_study(venue=venue, mechanism={"slippage_fraction": 0.01})
    bars, lags = btc_hourly.bars, Lags(24, latency, delay)
    assumed = venue_of(study, btc_hourly.bar)
    rng = np.random.default_rng(1)
    opened = np.sort(rng.choice(len(bars) - lags.bars, size=150, replace=False))
    covered, excursion = rng.uniform(0.006, 0.03, 150), rng.uniform(0.002, 0.04, 150)
    close = bars["close"].to_numpy()
    extreme = bars["low" if side is Side.LONG else "high"].to_numpy() if intrabar else close
    got = run_schedule(
        np.log(close),
        opened,
        *assumed.barriers(covered, excursion, side),
        side,
        lags,
        log_extreme=np.log(extreme),
    )
    mechanism = Mechanism(Oracle(latency), delay, Slippage(rate=assumed.slippage))
    loss = 0
    for i, start in enumerate(opened):
        path = slice(start, start + lags.bars + 1)
        position = assumed.open_position(side, float(covered[i]), float(excursion[i]))
        one = run_mechanism(
            close[path],
            assumed.late(position),
            mechanism,
            lags.horizon,
            extremes=extreme[path],
        )
        assert (one.trigger_bar, one.default_bar) == (got.trigger_bar[i], got.default_bar[i])
        loss += one.defaulted
    assert got.liquidated.sum() > 20
    assert loss > 0 or delay + latency == 0


@given(
    covered=st.floats(0.001, 0.6),
    excursion=st.floats(0.0, 0.6),
    slippage=st.floats(0.0, 0.05),
    side=st.sampled_from(Side),
)
@settings(max_examples=60, deadline=None)
def test_barriers_are_the_margins_of_the_venue(covered, excursion, slippage, side):
    s = side.sign
    mm = maintenance_margin(covered, side, slippage=slippage, fee=0.0)
    im = initial_margin(mm, excursion, side)
    trigger, default = PUNCTUAL.barriers(covered, excursion, side)
    assert np.exp(trigger) == pytest.approx(float((1 - s * im) / (1 - s * mm)), rel=1e-12)
    assert np.exp(default) == pytest.approx(float((1 - s * im) / (1 - s * slippage)), rel=1e-12)


@pytest.mark.parametrize("side", list(Side))
def test_a_constant_maintenance_margin_in_force_changes_nothing(btc_daily, side):
    lags = Lags(30, 0, 1)
    close = np.log(btc_daily.close.to_numpy())
    opened = np.arange(close.size - lags.bars)
    cost = PUNCTUAL.cost_of_closing
    mm = float(maintenance_margin(0.1, side, slippage=cost, fee=0.0))
    im = float(initial_margin(mm, 0.06, side))
    trigger, default = PUNCTUAL.barriers(0.1, 0.06, side)
    fixed = run_schedule(close, opened, trigger, default, side, lags)
    live = run_schedule(
        close,
        opened,
        np.log1p(-side.sign * im),
        default,
        side,
        lags,
        maintenance=np.full(close.size, mm),
    )
    assert fixed.defaulted.sum() > 5
    np.testing.assert_array_equal(fixed.trigger_bar, live.trigger_bar)
    np.testing.assert_array_equal(fixed.default_bar, live.default_bar)


def test_a_maintenance_margin_that_rises_past_the_posted_margin_liquidates():
    maintenance = np.array([0.1, 0.1, 0.1, 0.3, 0.3, 0.1])
    got = run_schedule(
        np.zeros(6), np.array([0]), np.log(0.8), -1.0, Side.LONG, Lags(4, 0, 1),
        maintenance=maintenance,
    )  # fmt: skip
    assert got.trigger_bar.tolist() == [3]
    assert got.default_bar.tolist() == [0]


def test_more_cover_never_defaults_more_and_more_room_never_triggers_more(eth_daily):
    close, lags = np.log(eth_daily.close.to_numpy()), Lags(30, 0, 1)
    opened = np.arange(close.size - lags.bars)
    last_defaults, last_triggers = np.inf, np.inf
    for step in np.linspace(0.01, 0.5, 12):
        covers, rooms = (
            run_schedule(close, opened, *PUNCTUAL.barriers(*losses, Side.LONG), Side.LONG, lags)
            for losses in ((step, 0.05), (0.1, step))
        )
        assert covers.defaulted.sum() <= last_defaults
        assert rooms.liquidated.sum() <= last_triggers
        last_defaults, last_triggers = covers.defaulted.sum(), rooms.liquidated.sum()


def test_positions_across_holes_or_past_the_end_are_known(eth_daily):
    inside, whole = openings(eth_daily, 31)
    times = eth_daily.bars.index
    assert inside.sum() == len(times) - 31
    for i in np.flatnonzero(inside)[::37]:
        span = times[i + 31] - times[i]
        assert whole[i] == (span == 31 * eth_daily.bar)
    assert 0 < (inside & ~whole).sum() < 13 * 32
