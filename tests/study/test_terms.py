"""A study's times and rates in bars."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.study import terms, venue
from riskkit.venue.mechanism import CloseOut, CloseOutRule, Slippage, SlippageLaw
from riskkit.venue.oracle import check_lag, longest

HOUR = pd.Timedelta(hours=1)


@pytest.mark.parametrize(
    ("table", "law"),
    [
        (venue.FlatLiquidity(rate_fraction=0.01), Slippage(rate=0.01)),
        (
            venue.LinearLiquidity(rate_fraction=0.01, depth_notional=5.0),
            Slippage(SlippageLaw.LINEAR, 0.01, 5.0),
        ),
        (
            venue.SquareRootLiquidity(rate_fraction=0.01, depth_notional=5.0),
            Slippage(SlippageLaw.SQUARE_ROOT, 0.01, 5.0),
        ),
        (
            venue.LadderLiquidity(notional=(1.0, 2.0), cost_fraction=(0.01, 0.03)),
            Slippage(SlippageLaw.LADDER, ladder=((1.0, 0.01), (2.0, 0.03))),
        ),
    ],
)
def test_a_liquidity_is_a_law_of_slippage(table, law):
    assert terms.slippage(table) == law


def test_a_liquidation_is_a_close_out():
    assert terms.close_out(venue.FullLiquidation()) == CloseOut()
    half = venue.CloseFactorLiquidation(close_factor_fraction=0.5)
    assert terms.close_out(half) == CloseOut(CloseOutRule.CLOSE_FACTOR, 0.5)
    restored = venue.RestoreLiquidation(restored_ratio=0.2)
    assert terms.close_out(restored) == CloseOut(CloseOutRule.RESTORE, 0.2)


def test_lags_that_round_up_to_one_bar_share_it():
    table = venue.ConditionalLagTable(
        calm_seconds=(0.0, 10.0, 3600.0, 3601.0),
        calm_probability=(0.25, 0.25, 0.25, 0.25),
        stressed_seconds=(7200.0,),
        stressed_probability=(1.0,),
        stressed_move_fraction=0.05,
        halt_probability=0.5,
        halt_seconds=5400.0,
    )
    lag = terms.lag(table, HOUR)
    assert lag.calm == (0.25, 0.5, 0.25)
    assert lag.stressed == (0.0, 0.0, 1.0)
    assert (lag.move, lag.halt_probability, lag.halt_bars) == (0.05, 0.5, 2)
    assert terms.longest(table, HOUR).bars == longest(lag) == 4


@given(
    seconds=st.lists(st.floats(0, 1e5), min_size=1, max_size=6, unique=True).map(sorted),
    weights=st.lists(st.floats(0.01, 1), min_size=6, max_size=6),
)
@settings(deadline=None)
def test_a_law_in_bars_is_a_law_and_no_lag_is_shortened(seconds, weights):
    chances = np.array(weights[: len(seconds)])
    chances /= chances.sum()
    table = venue.ConditionalLagTable(
        calm_seconds=tuple(seconds),
        calm_probability=tuple(float(c) for c in chances),
        stressed_seconds=(0.0,),
        stressed_probability=(1.0,),
        stressed_move_fraction=0.05,
    )
    lag = terms.lag(table, HOUR)
    check_lag(lag, "lag")
    mean = float(chances @ np.array(seconds)) / 3600.0
    in_bars = float(np.arange(len(lag.calm)) @ np.array(lag.calm))
    assert mean - 1e-6 <= in_bars <= mean + 1.0 + 1e-6


def test_a_year_of_bars_pays_a_year_of_carry():
    perpetual = venue.PerpetualPosition(funding_fraction_per_year=0.1095)
    assert terms.funding_per_bar(perpetual, 365 * 3) == pytest.approx(1e-4, rel=1e-12)
    loan = venue.LoanPosition(interest_fraction_per_year=0.08)
    assert (1 + terms.interest_per_bar(loan, 8760.0)) ** 8760 == pytest.approx(1.08, rel=1e-9)
    assert terms.interest_per_bar(venue.LoanPosition(), 8760.0) == 0.0


def test_a_closed_form_takes_no_cost_that_grows_for_a_flat_one():
    assert terms.flat_cost(venue.FlatLiquidity(rate_fraction=0.01)) == 0.01
    with pytest.raises(InputError, match=r"liquidity.kind: got ladder; must be flat here"):
        terms.flat_cost(venue.LadderLiquidity(notional=(1.0,), cost_fraction=(0.1,)))


def test_a_position_has_a_penalty_or_a_bonus():
    perpetual, loan = venue.PerpetualPosition(penalty_fraction=0.02), venue.LoanPosition()
    assert (terms.penalty_of(perpetual), terms.bonus_of(perpetual)) == (0.02, 0.0)
    assert (terms.penalty_of(loan), terms.bonus_of(loan)) == (0.0, 0.05)
