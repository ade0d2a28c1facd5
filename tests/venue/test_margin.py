"""Margins and thresholds against the accounts they are meant to keep solvent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.venue import lending
from riskkit.venue.margin import (
    initial_margin,
    liquidation_price,
    loss_with_oracle_gap,
    maintenance_margin,
    max_leverage,
)

losses = st.floats(0.001, 0.6)
costs = st.floats(0.0, 0.05)
sides = st.sampled_from(Side)


@given(loss=losses, slippage=costs, fee=costs, side=sides, price=st.floats(0.1, 1e5))
@settings(deadline=None)
def test_maintenance_margin_leaves_exactly_nothing_after_the_tail_loss(
    loss, slippage, fee, side, price
):
    # One coin, triggered at `price` with equity MM * price, closed at price (1 -/+ L).
    mm = float(maintenance_margin(loss, side, slippage=slippage, fee=fee))
    closed_at = price * (1 - side.sign * loss)
    equity = mm * price + side.sign * (closed_at - price) - closed_at * (slippage + fee)
    assert equity == pytest.approx(0.0, abs=1e-9 * price)


@given(mm=losses, excursion=losses, side=sides, entry=st.floats(0.1, 1e5))
@settings(deadline=None)
def test_initial_margin_reaches_its_trigger_after_exactly_the_excursion(mm, excursion, side, entry):
    im = float(initial_margin(mm, excursion, side))
    trigger = entry * (1 - side.sign * excursion)
    equity = im * entry + side.sign * (trigger - entry)
    assert equity == pytest.approx(mm * trigger, rel=1e-9)
    assert float(liquidation_price(entry, im, mm, side)) == pytest.approx(trigger, rel=1e-9)
    assert float(max_leverage(im)) == pytest.approx(1 / im)


def test_costs_weigh_more_on_a_short_that_has_lost():
    long, short = (
        float(maintenance_margin(0.2, s, slippage=0.01, fee=0.0)) for s in (Side.LONG, Side.SHORT)
    )
    assert (long, short) == (pytest.approx(0.208), pytest.approx(0.212))


@given(loss=losses, deviation=st.floats(0.0, 0.05), side=sides)
@settings(deadline=None)
def test_the_oracle_gap_compounds_with_the_loss(loss, deviation, side):
    total = float(loss_with_oracle_gap(loss, side, deviation))
    s = side.sign
    assert 1 - s * total == pytest.approx((1 - s * deviation) * (1 - s * loss), rel=1e-12)
    assert total >= loss - 1e-12


@given(loss=losses, bonus=st.floats(0.03, 0.2), debt=st.floats(1, 1e6))
@settings(deadline=None)
def test_a_loan_at_its_threshold_is_just_cleared_after_the_tail_loss(loss, bonus, debt):
    lt = float(lending.liquidation_threshold(loss, bonus=bonus, slippage=0.01))
    collateral = debt / lt
    assert collateral * (1 - loss) == pytest.approx(debt * (1 + bonus), rel=1e-12)


@given(loss=losses, excursion=st.floats(0.001, 0.5), price=st.floats(0.1, 1e5))
@settings(deadline=None)
def test_a_loan_at_max_ltv_reaches_its_threshold_after_the_excursion(loss, excursion, price):
    lt = float(lending.liquidation_threshold(loss, bonus=0.05, slippage=0.01))
    ltv = float(lending.max_loan_to_value(lt, excursion))
    trigger = float(lending.liquidation_price(price, ltv, lt))
    assert trigger == pytest.approx(price * (1 - excursion), rel=1e-9)


def test_the_bonus_must_pay_for_the_slippage():
    assert lending.smallest_bonus(0.02) == pytest.approx(0.02 / 0.98)
    with pytest.raises(InputError, match=r"bonus: got 0.01; must be at least slippage"):
        lending.liquidation_threshold(0.1, bonus=0.01, slippage=0.02)


def test_margins_without_a_buffer_are_refused():
    with pytest.raises(InputError, match="initial margin must exceed maintenance margin"):
        liquidation_price(100.0, 0.1, 0.1, Side.LONG)
    with pytest.raises(InputError, match="loan-to-value must be below the liquidation threshold"):
        lending.liquidation_price(100.0, 0.8, 0.8)


@pytest.mark.parametrize("bad", [-0.1, 1.0, float("nan")])
def test_costs_outside_their_range_are_refused(bad):
    with pytest.raises(InputError, match=r"slippage: got .*; must lie in \[0, 1\)"):
        maintenance_margin(0.1, Side.LONG, slippage=bad, fee=0.0)
    with pytest.raises(InputError, match=r"slippage"):
        lending.smallest_bonus(bad)


def test_the_formulas_are_vectorised():
    grid = np.linspace(0.01, 0.5, 7)
    assert maintenance_margin(grid, Side.SHORT, slippage=0.01, fee=0.0).shape == (7,)
    assert initial_margin(grid, grid, Side.LONG).shape == (7,)
