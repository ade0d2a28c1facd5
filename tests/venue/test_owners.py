"""Owners who act, one bar late, inside the cascade."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from riskkit.errors import InputError
from riskkit.venue.accounts import book_of
from riskkit.venue.accounts_made import SyntheticBook
from riskkit.venue.cascade import CascadeEngine, CascadePaths, OwnerConduct, run_cascade
from riskkit.venue.depth import MarketDepth, OrderBookDepth
from riskkit.venue.layers import CascadeFund

ENDLESS = CascadeFund(0.0, deleverages=False)
STILL = MarketDepth(OrderBookDepth(1e300), OrderBookDepth(1e300), 1.0, crash_fraction=1.0)
DRAWN = SyntheticBook(1.0, 400, 6.0, most_leverage=20.0, maintenance=0.025, seed=4).draw()
# no two accounts trigger at one price
BOOK = replace(DRAWN, cash=DRAWN.cash * (1.0 + 1e-7 * np.random.default_rng(5).random(400)))
ACTING = replace(BOOK, acting=np.arange(BOOK.size) % 4 == 0)
RETURNS = np.random.default_rng(3).standard_t(4, size=(150, 60)) * 0.012 / math.sqrt(2.0)
CURVE = OrderBookDepth(0.3)
THIN = MarketDepth(CURVE, CURVE, 0.7, 0.3, 3.0, crash_fraction=0.2, crash_move=0.03)
CONDUCTS = (
    OwnerConduct(withdraws_to=0.0),
    OwnerConduct(withdraws_to=0.1),
    OwnerConduct(tops_up=True),
    OwnerConduct(tops_up=True, late=1),
)


@pytest.mark.parametrize("latency", [0, 2])
@pytest.mark.parametrize("conduct", CONDUCTS)
def test_money_is_conserved_whatever_owners_do(conduct, latency):
    engine = CascadeEngine(fee=0.004, latency=latency, owners=conduct)
    found = run_cascade(ACTING, THIN, engine, ENDLESS, CascadePaths(RETURNS), audit=True)
    assert found.money_error < 1e-12


def test_nobody_who_acts_gives_the_run_without_owners():
    """Whoever may act and does not stands in the book as all others do."""
    for latency in (0, 1):
        engine = CascadeEngine(fee=0.004, latency=latency)
        alone = run_cascade(BOOK, THIN, engine, ENDLESS, CascadePaths(RETURNS))
        among = run_cascade(ACTING, THIN, engine, ENDLESS, CascadePaths(RETURNS))
        assert among.of("bad_debt") == pytest.approx(alone.of("bad_debt"), abs=1e-12)
        assert np.array_equal(among.of("closures"), alone.of("closures"))


def test_withdrawing_to_the_limit_by_hand():
    """He takes what he won out after the rise, and a fall of 3 % takes him over; else it would not.

    Long 1 at a margin of .1 and MM .02: after +10 % he leaves .02 of 1.1; at 1.067 that is
    1.067 - 1.078 < 0, and the fund pays .011.
    """
    book = replace(book_of([1.0], [1.0], [-0.9], 0.02), acting=np.array([True]))
    rise = np.log([[1.1, 0.97, 1.0]])
    stays = run_cascade(book, STILL, CascadeEngine(), ENDLESS, CascadePaths(rise), audit=True)
    assert stays.of("closures")[0] == 0
    engine = CascadeEngine(owners=OwnerConduct(withdraws_to=0.0))
    goes = run_cascade(book, STILL, engine, ENDLESS, CascadePaths(rise), audit=True)
    assert goes.of("closures")[0] == 1
    assert goes.of("bad_debt")[0] == pytest.approx(1.1 * 0.98 - 1.1 * 0.97, abs=1e-8)
    # down to the initial margin only: he is not even closed
    held = CascadeEngine(owners=OwnerConduct(withdraws_to=0.1))
    found = run_cascade(book, STILL, held, ENDLESS, CascadePaths(rise), audit=True)
    assert found.of("bad_debt")[0] == 0.0
    assert found.of("closures")[0] == 0


def test_foresight_needs_an_oracle_that_is_late_and_leaves_the_losses():
    """With a print that nobody can know topping up saves what is worth it, and only that."""
    book = replace(book_of([1.0], [1.0], [-0.9], 0.02), acting=np.array([True]))
    fall = np.log([[0.91, 0.995, 1.05, 1.0]])
    for late, closed in ((0, 0), (1, 1)):
        engine = CascadeEngine(latency=1, owners=OwnerConduct(tops_up=True, late=late))
        found = run_cascade(book, STILL, engine, ENDLESS, CascadePaths(fall), audit=True)
        assert found.of("closures")[0] == closed
        assert found.money_error < 1e-14
    # not worth saving: the market is below what he owes, and the loss is left
    crash = np.log([[0.85, 1.0, 1.0, 1.0]])
    engine = CascadeEngine(latency=1, owners=OwnerConduct(tops_up=True))
    found = run_cascade(book, STILL, engine, ENDLESS, CascadePaths(crash), audit=True)
    assert found.of("bad_debt")[0] == pytest.approx(0.05)
    assert found.of("put_in")[0] == 0.0


def test_a_payment_cannot_count_before_it_is_made():
    with pytest.raises(InputError, match="late"):
        run_cascade(
            ACTING,
            STILL,
            CascadeEngine(owners=OwnerConduct(tops_up=True, late=-1)),
            ENDLESS,
            CascadePaths(RETURNS[:1]),
        )
