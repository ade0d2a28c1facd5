"""Hedging of options in a venue's market: against a loop over bars, and what must be so."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.options.black import greeks
from riskkit.options.legs import OptionBook, OptionKind, OptionLeg, Reserve
from riskkit.stress.hedged import DeltaTable, hedge_along, hedge_branching
from riskkit.venue.depth import BeyondLadder, LadderDepth, MarketDepth

NOW = pd.Timestamp("2024-06-01", tz="UTC")
PRICE, BARS, DAY = 100.0, 6, 1.0 / 24.0
RETURNS = 0.02 * np.random.default_rng(3).standard_t(4, (10, BARS))


def straddle(units: float, days: float = 3.0) -> OptionBook:
    expiry = NOW + pd.Timedelta(days=days)
    legs = [OptionLeg("a", "X", kind, PRICE, expiry, units, 0.6) for kind in OptionKind]
    return OptionBook.of(legs, NOW, ("X",))


def depth(at_one_percent: float, **fields: float) -> MarketDepth:
    return MarketDepth.even(at_one_percent, 1.0, crash_move=0.04, **fields)


def slowly(book: OptionBook, returns: np.ndarray, market: MarketDepth) -> np.ndarray:
    """Log prices with the hedge's trades, one path, by repeated small looks at the delta."""

    def delta(t: int, x: float) -> float:
        total = 0.0
        for leg in book.legs:
            years = (leg.days(NOW) - t * DAY) / 365.0
            found = greeks(PRICE * math.exp(x), PRICE, years, 0.6, leg.kind is OptionKind.CALL)
            total += leg.quantity * found.delta * PRICE
        return total

    slope, kept = market.bids.slope, math.exp(-math.log(2.0) / market.refill_bars)
    f, y, crashed, held, out = 0.0, 0.0, 1.0, -delta(0, 0.0), []
    for t, r in enumerate(returns, start=1):
        f, y = f + r, y * kept
        if abs(r) >= market.crash_move:
            crashed = market.crash_fraction
        thick = crashed
        crashed = 1.0 - (1.0 - crashed) * math.exp(-math.log(2.0) / market.crash_bars)
        bought = 0.0
        for _ in range(80):
            bought = -delta(t, f + y + slope * bought / thick) - held
        move = slope * bought / thick
        held += bought
        f += market.permanent_share * move
        y += (1.0 - market.permanent_share) * move
        out.append(f + y)
    return np.array(out)


@pytest.mark.parametrize("units", [-2_000.0, 2_000.0])
def test_it_is_the_loop_over_bars(units: float) -> None:
    book, market = straddle(units), depth(2e6, permanent_share=0.3, refill_bars=2.0)
    table = DeltaTable.of(book, PRICE, BARS, DAY)
    found = hedge_along(table, RETURNS, market, 0.02)
    for path in range(len(RETURNS)):
        slow = slowly(book, RETURNS[path], market)
        assert np.cumsum(found.returns[path]) == pytest.approx(slow, abs=2e-4)


def test_whoever_is_short_deepens_a_fall_and_whoever_is_long_calms_it() -> None:
    fall, market = np.full((1, BARS), -0.02), depth(5e6)
    ends = []
    for units in (-2_000.0, 0.001, 2_000.0):
        table = DeltaTable.of(straddle(units), PRICE, BARS, DAY)
        found = hedge_along(table, fall, market, 0.02)
        ends.append(float(found.returns.sum()))
        assert found.cost >= -1e-12
    assert ends[0] < ends[1] < ends[2]
    assert ends[1] == pytest.approx(-0.02 * BARS, abs=1e-6)


def test_n_is_the_small_move_that_a_small_move_makes_of_itself() -> None:
    market, units = depth(2e7), -2_000.0
    table = DeltaTable.of(straddle(units), PRICE, BARS, 0.0)
    n = hedge_branching(table, market).set_index("move")
    h = 1e-4
    found = hedge_along(table, np.full((1, 1), -h), market, 0.02)
    at = float(table.gamma(0.0)) * market.bids.slope
    assert float(found.returns[0, 0]) == pytest.approx(-h / (1.0 - at), rel=1e-3)
    assert n.loc[-0.05, "n_crash"] == pytest.approx(10.0 * n.loc[-0.05, "n_calm"])
    assert table.gamma(0.0) > 0.0


def test_no_more_is_traded_than_a_ladder_holds_and_locked_legs_are_left() -> None:
    ladder = LadderDepth((1_000.0, 2_000.0), (0.01, 0.05), BeyondLadder.NOTHING)
    thin = MarketDepth(ladder, ladder, 1.0, permanent_share=0.0, refill_bars=math.inf)
    table = DeltaTable.of(straddle(-2_000.0), PRICE, 1, DAY)
    found = hedge_along(table, np.full((1, 1), -0.1), thin, 0.02)
    assert float(found.added[0, 0]) == pytest.approx(-0.05, abs=1e-9)
    assert float(found.traded[0]) <= 2_000.0 * thin.crash_fraction
    covered = [
        OptionLeg("a", "X", OptionKind.CALL, PRICE, NOW + pd.Timedelta(days=9), -1.0, 0.6,
                  reserve=Reserve.COVERED)
    ]  # fmt: skip
    with pytest.raises(InputError, match="not locked"):
        DeltaTable.of(OptionBook.of(covered, NOW, ("X",)), PRICE, BARS, DAY)
