"""Guards on a price: false halts on history, and what a bad print that passes costs."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.attack.cost import PriceSource
from riskkit.attack.gain import Prey
from riskkit.attack.guards import (
    GuardedVenue,
    confidence_rejects,
    fallbacks,
    graces,
    price_bands,
    staleness_cut_offs,
)
from riskkit.attack.stale import stale_option
from riskkit.errors import InputError
from riskkit.market.calendar import Calendar
from riskkit.market.history import PriceHistory
from riskkit.market.load import TableSource, history_from_table
from riskkit.venue.accounts import AccountBook
from riskkit.venue.depth import MarketDepth, OrderBookDepth

BOOK = OrderBookDepth(1e6)
DEPTH = MarketDepth(BOOK, BOOK, 0.5)


def _venue(bad_print: float = 0.5) -> GuardedVenue:
    """One long of 100 that is gone at .9, one short of 100 that is gone at 1.2."""
    side = np.array([1.0, -1.0])
    cash = np.array([-90.0, 120.0])
    book = AccountBook(side, np.full(2, 100.0), cash, np.zeros(2), np.zeros(2, dtype=np.int64))
    return GuardedVenue(book, DEPTH, Prey(fund=30.0), 0.01, bad_print)


def _history(closes: list[float], hours: list[int] | None = None) -> PriceHistory:
    times = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(
        hours or list(range(len(closes))), unit="h"
    )
    frame = pd.DataFrame({"time": times, "close": closes})
    return history_from_table(frame, TableSource("X", "test"), bar="1h", calendar=Calendar.ALWAYS)


def test_a_halt_costs_the_bad_debt_that_builds_in_it() -> None:
    """-8 % halts; an hour later the price is at .8, where the long of 100 is 10 short."""
    history = _history([100.0, 100.0, 92.0, 80.0, 80.0, 80.0])
    found = {g.setting: g for g in price_bands(history, _venue(), 1, (0.05,))}
    years = len(history) / history.bars_per_year
    guard = found["5% a bar"]
    # The fall to .8 is beyond the band too: it prolongs the halt, and is no second one.
    assert guard.halts_per_year * years == pytest.approx(1.0)
    assert guard.cost_per_year * years == pytest.approx(10.0)


def test_a_halt_in_which_the_price_comes_back_saves_money() -> None:
    history = _history([100.0, 100.0, 80.0, 100.0, 100.0])
    (guard,) = price_bands(history, _venue(), 1, (0.1,))
    assert guard.cost_per_year < 0.0
    assert guard.pays_from == 0.0


def test_a_bad_print_closes_whom_it_reaches_and_pays_the_other_side() -> None:
    """-5 % reaches nobody: 100 x 5 % is won. -20 % closes the long: 1 % of 100, slippage, 20."""
    venue = _venue()
    assert venue.print_loss(0.05) == pytest.approx(5.0)
    slippage = 100.0 * float(BOOK.slippage(100.0))
    assert venue.print_loss(0.2) == pytest.approx(1.0 + slippage + 20.0)
    # Winners get no more than is there.
    assert venue.print_loss(0.5) == pytest.approx(1.0 + slippage + 30.0)


@settings(max_examples=25)
@given(st.lists(st.floats(0.5, 2.0), min_size=8, max_size=20))
def test_a_wider_band_passes_more_and_halts_only_where_a_narrow_one_does(
    factors: list[float],
) -> None:
    """Two narrow halts in a row are one longer halt: a wider band may count more of them."""
    history = _history([float(x) for x in 100.0 * np.cumprod(factors)])
    found = price_bands(history, _venue(), 1, (0.3, 0.6, 0.9))
    losses = [g.print_loss for g in found]
    assert losses == sorted(losses)
    assert (found[-1].halts_per_year > 0.0) <= (found[0].halts_per_year > 0.0)


def test_grace_is_a_longer_halt() -> None:
    history = _history([100.0, 100.0, 88.0, 87.0, 70.0, 70.0, 70.0])
    years = len(history) / history.bars_per_year
    costs = [g.cost_per_year * years for g in graces(history, _venue(), 0.1, (0, 1))]
    # One bar: from .88 (2 short) to .87 (3 short). Two: to .7, stopped again, and on: 20 short.
    assert costs == pytest.approx([1.0, 18.0])


def test_holes_are_what_a_cut_off_halts_at() -> None:
    history = _history([100.0, 101.0, 102.0, 103.0], [0, 1, 4, 5])
    found = staleness_cut_offs(history, _venue(), 0.6, (1, 2, 6))
    years = len(history) / history.bars_per_year
    assert [round(g.halts_per_year * years) for g in found] == [1, 1, 0]
    # A trade at a price an hour old, in what moves the market by 1 %.
    at_once = float(BOOK.quantity_to(math.log(1.01)))
    assert found[0].print_loss == pytest.approx(stale_option(0.6, 3600.0) * at_once)


def test_without_ranges_no_confidence_is_tried() -> None:
    assert confidence_rejects(_history([100.0, 101.0, 100.0, 99.0]), _venue()) == ()


def test_losing_a_deep_source_makes_the_index_cheaper_to_move() -> None:
    sources = [
        PriceSource("deep", 3.0, OrderBookDepth(1e6)),
        PriceSource("middle", 2.0, OrderBookDepth(2e5)),
        PriceSource("thin", 2.0, OrderBookDepth(1e4)),
    ]
    costs = {g.setting: g.print_loss for g in fallbacks(sources)}
    assert costs["without middle"] > costs["all sources"]
    assert costs["without deep"] <= costs["all sources"]


@pytest.mark.parametrize("value", [0.0, 5.0, math.nan])
def test_a_band_in_percent_is_told(value: float) -> None:
    with pytest.raises(InputError) as caught:
        price_bands(_history([100.0, 101.0, 100.0]), _venue(), 1, (value,))
    assert caught.value.argument == "band"
