"""Borrowing against a moved price, and having others closed."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import differential_evolution

from riskkit.attack.gain import AttackedMark, Prey
from riskkit.attack.raids import (
    ForcedAccounts,
    Hunt,
    LendingPrey,
    borrowing_raid,
    hunting_raid,
)
from riskkit.attack.sizes import margins_by_size
from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.venue.accounts import AccountBook, AccountClass
from riskkit.venue.depth import OrderBookDepth

SLOPE = 1e-7
CURVE = OrderBookDepth(0.01 / SLOPE)
MARK = AttackedMark(CURVE, CURVE)
PREY = Prey(fund=1e6, backstop=5e6)


def _book(distance: np.ndarray, notional: np.ndarray, side: float = 1.0) -> AccountBook:
    """Accounts that are closed at log distances from the first price, without maintenance."""
    sides = np.full(len(distance), side)
    cash = -sides * notional * np.exp(-sides * distance)
    zeros = np.zeros(len(distance))
    return AccountBook(sides, notional, cash, zeros, np.full(len(distance), AccountClass.TRADER))


def test_hunting_pays_from_a_branching_ratio_of_one_half_on() -> None:
    """Triggers of even density g below: F = g |ln m|, and (m - 1)²/(2 kappa) buys g (m - 1)²."""
    count, reach = 20_000, 0.5
    distance = (np.arange(count) + 1.0) * reach / count
    book = _book(distance, np.full(count, 1e3))
    found = hunting_raid(MARK, Hunt(book, Prey(fund=1e15)), "hunting", largest=1.5)
    density = 1.0 / reach
    # n = kappa g x interest = 1/2 at the cap.
    assert SLOPE * density * found.safe == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_the_cap_on_what_can_be_closed_is_where_hunting_begins_to_pay(scale: float) -> None:
    rng = np.random.default_rng(3)
    book = _book(rng.uniform(0.02, 0.8, 300), rng.pareto(1.5, 300) * 1e4)
    hunt = Hunt(book, PREY, reward=0.005, caught=0.5)
    safe = hunting_raid(MARK, hunt, "hunting").safe
    other = replace(hunt, book=book.scaled(scale * safe / book.open_interest))
    found = hunting_raid(MARK, other, "hunting")
    assert (found.profit > 0.0) == (scale > 1.0)
    assert found.safe == pytest.approx(safe, rel=1e-3)


def test_an_independent_search_finds_no_better_hunt() -> None:
    """Differential evolution over the price; what is closed is counted account by account."""
    rng = np.random.default_rng(5)
    book = _book(rng.uniform(0.02, 0.8, 200), rng.pareto(1.5, 200) * 2e5)
    prices = np.exp(-np.abs(book.log_trigger))
    found = hunting_raid(MARK, Hunt(book, PREY, reward=0.01), "hunting", largest=10.0)

    def worth(x) -> float:  # type: ignore[no-untyped-def]
        price = float(x[0])
        reached = prices >= price
        behind = float(book.equity[reached].sum()) + PREY.fund + PREY.backstop
        won = min(float(book.quantity[reached].sum()) * (1.0 - price + 0.01), behind)
        return -(won - (price - 1.0 - math.log(price)) / SLOPE)

    other = differential_evolution(worth, [(0.1, 0.999)], seed=2, maxiter=300, popsize=40)
    assert -other.fun <= max(found.profit, 0.0) * 1.01


@settings(max_examples=20)
@given(
    value=st.floats(0.3, 0.9),
    collateral=st.floats(1e4, 1e9),
    borrowable=st.floats(0.0, 1e9),
    fee=st.floats(0.0, 0.01),
)
def test_borrowing_adds_up_and_never_takes_more_than_is_there(
    value: float, collateral: float, borrowable: float, fee: float
) -> None:
    lender = LendingPrey(value, collateral, borrowable)
    found = borrowing_raid(replace(MARK, fee=fee), lender)
    flows = found.flows()
    assert sum(flows.values()) == pytest.approx(0.0, abs=1e-12 * max(map(abs, flows.values())))
    assert found.gain <= max(borrowable - collateral, 0.0) + 1e-6
    below = borrowing_raid(
        replace(MARK, fee=fee), replace(lender, collateral=min(0.99 * found.safe, 1e12))
    )
    assert below.profit <= 0.0


def test_borrowing_pays_above_its_cap() -> None:
    """At a factor m collateral of (m - 1 - ln m)/kappa/(LTV m - 1) is where the loan pays."""
    lender = LendingPrey(0.8, 1e5, 1e12)
    cap = borrowing_raid(MARK, lender).safe
    m = np.linspace(1.26, 99.0, 400_000)
    by_hand = ((m - 1.0 - np.log(m)) / SLOPE / (0.8 * m - 1.0)).min()
    assert cap == pytest.approx(by_hand, rel=1e-6)
    assert borrowing_raid(MARK, replace(lender, collateral=1.01 * cap)).profit > 0.0


def test_nothing_to_borrow_is_nothing_to_gain() -> None:
    found = borrowing_raid(MARK, LendingPrey(0.8, 1e6, 0.0))
    assert found.safe == math.inf
    assert found.gain == 0.0


def test_what_a_move_closes_is_the_side_it_goes_against() -> None:
    book = _book(np.array([0.1, 0.2, 0.4]), np.array([1.0, 2.0, 4.0]))
    assert ForcedAccounts.of(book, Side.LONG).at(0.25)[0] == 3.0
    assert ForcedAccounts.of(book, Side.SHORT).at(math.log(2.0)) == (0.0, 0.0)


@given(distance=st.floats(0.1, 1.0), interest=st.floats(1e3, 1e9))
def test_a_larger_position_never_has_more_leverage(distance: float, interest: float) -> None:
    rows = margins_by_size(CURVE, interest, distance)
    assert all(a.leverage >= b.leverage for a, b in pairwise(rows))
    for row in rows:
        assert row.slippage == pytest.approx(distance * row.maintenance)


@pytest.mark.parametrize("value", [0.0, 1.0, 75.0])
def test_a_loan_to_value_in_percent_is_told(value: float) -> None:
    with pytest.raises(InputError) as caught:
        borrowing_raid(MARK, LendingPrey(value, 1.0, 1.0))
    assert caught.value.argument == "loan_to_value"
