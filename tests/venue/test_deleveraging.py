"""Deleveraging inside the cascade: the venues' queue, account by account, and who unwinds then."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from riskkit.venue.accounts import AccountBook, AccountClass, book_of
from riskkit.venue.cascade import CascadeEngine, CascadePaths, VenueOutcome, run_cascade
from riskkit.venue.deleveraging import DeleveragingRule, profits, ranks, taken_from
from riskkit.venue.depth import MarketDepth, OrderBookDepth
from riskkit.venue.layers import CascadeFund

#: A market that nothing moves.
STILL = MarketDepth(OrderBookDepth(1e300), OrderBookDepth(1e300), 1.0, crash_fraction=1.0)
#: The crash: a fifth in one bar.
FALL = CascadePaths(np.array([[math.log(0.8)]]))


def book(entries: tuple[float, ...] = (1.1, 1.0, 0.9, 0.7), quantity: float = 0.4) -> AccountBook:
    """One long of ten times leverage, and four shorts of different entries and margins."""
    many = len(entries)
    e = np.array([1.0, *entries])
    side = np.array([1.0, *[-1.0] * many])
    q = np.array([1.0, *[quantity] * many])
    margin = np.array([0.1, *np.linspace(0.3, 0.6, many)])
    made = book_of(side, q, margin * q * e - side * q * e, 0.02)
    return replace(made, entry=e)


def run(
    accounts: AccountBook, rule: DeleveragingRule, market: MarketDepth = STILL, **more: float
) -> VenueOutcome:
    fund = CascadeFund(0.0, rule=rule, **more)
    return run_cascade(accounts, market, CascadeEngine(), fund, FALL, audit=True)


@pytest.mark.parametrize("rule", list(DeleveragingRule))
def test_the_run_takes_from_whom_the_rule_names_and_no_more_than_profit(rule):
    """By hand: the long's 1.0 is handed over at its bankruptcy price, .9, in the rule's order."""
    accounts, price, bankruptcy = book(), 0.8, 0.9
    found = run(accounts, rule)
    gain = np.maximum(profits(accounts, price), 0.0)
    gain[0] = 0.0
    per_unit = np.minimum(bankruptcy, accounts.entry) - price
    wins = (gain > 0.0) & (per_unit > 0.0)
    if rule is DeleveragingRule.PRO_RATA:
        units = taken_from(gain, 1.0) if gain.sum() >= 1.0 else np.zeros(gain.size)
        left, units = 1.0, np.zeros(gain.size)
        while left > 1e-12:  # in proportion to profit, within each quantity
            score = np.where(wins & (units < accounts.quantity - 1e-15), gain, 0.0)
            more = np.minimum(left * score / score.sum(), accounts.quantity - units)
            units, left = units + more, left - more.sum()
    else:
        order = np.argsort(-np.where(wins, ranks(accounts, price, rule), -np.inf), kind="stable")
        units, left = np.zeros(gain.size), 1.0
        for k in order[: int(wins.sum())]:
            units[k] = min(left, accounts.quantity[k])
            left -= units[k]
    given = float((units * per_unit).sum())
    assert found.money_error < 1e-14
    assert found.of("deleveraged")[0] == pytest.approx(units.sum() * price)
    assert found.of("deleveraging_cost")[0] == pytest.approx(given)
    assert found.of("winners_hit")[0] == (units > 0.0).sum()
    share = units * per_unit / np.maximum(gain, 1e-300)
    assert found.of("largest_taken")[0] == pytest.approx(share[wins].max())
    # who entered at .9 has less to give than the bankruptcy price asks: the rest is missing
    missing = float((units * (bankruptcy - np.minimum(bankruptcy, accounts.entry))).sum())
    assert found.of("socialised")[0] == pytest.approx(missing, abs=1e-12)


def test_without_winners_the_position_is_sold_and_its_loss_socialised():
    """Shorts who entered below the market have no profit: nothing is taken from them."""
    found = run(book(entries=(0.7, 0.75, 0.6)), DeleveragingRule.MARK_OVER_ENTRY)
    assert found.of("deleveraged")[0] == 0.0
    assert found.of("sold")[0] == pytest.approx(0.8)
    assert found.of("socialised")[0] == pytest.approx(0.1)
    assert found.money_error < 1e-14


def test_what_winners_cannot_carry_is_sold():
    found = run(book(entries=(1.1,), quantity=0.3), DeleveragingRule.RETURN_OVER_EQUITY)
    assert found.of("deleveraged")[0] == pytest.approx(0.3 * 0.8)
    assert found.of("sold")[0] == pytest.approx(0.7 * 0.8)
    assert found.of("socialised")[0] == pytest.approx(0.7 * 0.1)
    assert found.money_error < 1e-14


def test_hedgers_unwind_with_impact_and_makers_take_their_depth_at_once():
    curve = OrderBookDepth(0.5)
    market = MarketDepth(curve, curve, 1.0, crash_fraction=1.0)
    accounts = book()
    moved = {}
    for name, kind in (("none", AccountClass.TRADER), ("hedged", AccountClass.HEDGER)):
        kinds = np.full(accounts.size, int(kind))
        found = run(replace(accounts, kind=kinds), DeleveragingRule.MARK_OVER_ENTRY, market)
        moved[name] = found.of("lowest_price")[0]
        assert found.money_error < 1e-14
    assert moved["none"] == pytest.approx(math.log(0.8))
    # all of the long's unit is sold after all: as far as if nobody had taken it over
    assert moved["hedged"] == pytest.approx(math.log(0.8) - 0.01 * 1.0 / 0.5)
    mixed = np.array([0, 1, 2, 2, 1])
    fund = CascadeFund(0.0, rule=DeleveragingRule.PRO_RATA)
    falls = [
        run_cascade(
            replace(accounts, kind=mixed),
            market,
            CascadeEngine(),
            replace(fund, maker_depth=posted),
            FALL,
            audit=True,
        )
        for posted in (0.0, 0.8)
    ]
    assert falls[1].of("lowest_price")[0] < falls[0].of("lowest_price")[0] - 1e-4
    assert max(found.money_error for found in falls) < 1e-14


def test_an_account_that_is_restored_at_the_market_is_still_closed_at_the_mark():
    """A mark below the market once made a restored account ask for nothing, for ever."""
    from riskkit.venue.cascade import EngineRule

    rng = np.random.default_rng(3)
    returns = rng.standard_t(4, size=(12, 100)) * 0.02 / math.sqrt(2.0)
    from riskkit.venue.accounts_made import SyntheticBook

    accounts = SyntheticBook(
        1.0, 600, 6.0, most_leverage=20.0, maintenance=0.025, hedger_share=0.3, seed=4
    ).draw()
    curve = OrderBookDepth(0.2)
    found = run_cascade(
        accounts,
        MarketDepth(curve, curve, 0.7, 0.3, 3.0, 0.0, 24.0, 0.1, 0.03, 24.0, 0.001),
        CascadeEngine(EngineRule.RESTORE, 0.06, fee=0.004),
        CascadeFund(0.001, late_fees=True),
        CascadePaths(returns, replaces=True),
        audit=True,
    )
    assert found.money_error < 1e-12
