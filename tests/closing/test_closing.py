"""Policies of closing: the cascade's numbers, the best pace's closed forms, money, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.closing.compare import block_rows
from riskkit.closing.library import policies_for
from riskkit.closing.pace import BookPace, optimal_pace
from riskkit.closing.policy import ALL_AT_ONCE, ClosingPolicy, check_policy, slices
from riskkit.closing.run import ClosingTerms, price_path, run_policy
from riskkit.errors import InputError
from riskkit.venue.accounts import AccountBook, book_of
from riskkit.venue.accounts_made import SyntheticBook
from riskkit.venue.cascade import CascadeEngine, CascadePaths, run_cascade
from riskkit.venue.depth import LadderDepth, MarketDepth, OrderBookDepth
from riskkit.venue.layers import CascadeFund
from riskkit.venue.working import refilling_schedule

DEPTH = MarketDepth.even(300e6, 0.33)
FEE = 0.005


def some_book(accounts: int = 300) -> AccountBook:
    book = SyntheticBook(500e6, accounts, 8.0, seed=3, largest_share=0.05).draw()
    return book.kept(~book.beyond_trigger)


def wild(paths: int, bars: int, seed: int = 1) -> CascadePaths:
    draws = np.random.default_rng(seed).standard_t(3, size=(paths, bars))
    return CascadePaths(0.02 * draws, volatility=0.02)


BOOK = some_book()
LADDER = LadderDepth((1e8, 3e8, 9e8), (0.002, 0.01, 0.05))


@pytest.mark.parametrize("depth", [DEPTH, MarketDepth(LADDER, LADDER, 0.5)], ids=["line", "ladder"])
@pytest.mark.parametrize(("capacity", "delay"), [(math.inf, 0), (math.inf, 2), (2e6, 0), (2e6, 2)])
def test_all_at_once_is_the_cascade(depth: MarketDepth, capacity: float, delay: int) -> None:
    paths = wild(12, 30)
    engine = CascadeEngine(fee=FEE, throughput=capacity, delay=delay)
    endless = CascadeFund(1e12, deleverages=False)
    theirs = run_cascade(BOOK, depth, engine, endless, paths)
    ours = run_policy(
        BOOK,
        depth,
        ClosingPolicy("queue", capacity=capacity),
        paths,
        terms=ClosingTerms(delay, FEE),
    )
    same = ["lowest_price", "highest_price", "lowest_market", "sold", "bought", "fees"]
    for name in [*same, "most_in_a_bar", "unclosed", "first_trigger"]:
        np.testing.assert_allclose(ours.of(name), theirs.of(name), rtol=1e-9, err_msg=name)
    np.testing.assert_array_equal(ours.of("closed"), theirs.of("closures"))
    # what still waits at the end is counted here where it is under water, and nowhere there
    whole = theirs.of("unclosed") == 0.0
    np.testing.assert_allclose(ours.of("bad_debt")[whole], theirs.of("bad_debt")[whole], rtol=1e-9)
    assert (ours.of("bad_debt") >= theirs.of("bad_debt") * (1.0 - 1e-9)).all()
    assert float(theirs.of("closures").sum()) > 20.0


@settings(max_examples=20, deadline=None)
@given(
    st.floats(0.0, 2.0),
    st.integers(1, 12),
    st.booleans(),
    st.booleans(),
    st.sampled_from([math.inf, 1e6, 5e7]),
    st.integers(0, 3),
)
def test_money_is_kept_whatever_the_policy(
    early: float, count: int, finishes: bool, follows: bool, capacity: float, delay: int
) -> None:
    policy = ClosingPolicy(
        "any", early, slices(count), finishes and early > 0.0, True, capacity, follows
    )
    found = run_policy(BOOK, DEPTH, policy, wild(3, 15), terms=ClosingTerms(delay, FEE))
    assert found.money_error < 1e-12
    assert (found.of("closed") <= found.of("touched")).all()
    if not follows and math.isfinite(capacity):
        assert (found.of("most_in_a_bar") <= capacity * (1.0 + 1e-9)).all()


def worked(shares: np.ndarray, refill: float, returns: np.ndarray):
    """One account sold by a schedule from the first bar on, into a line that refills."""
    slope, quantity, mm = 1e-3, 1.0, 0.05
    curve = OrderBookDepth(0.01 / slope)
    depth = MarketDepth(
        curve, curve, 0.0, permanent_share=0.0, refill_bars=refill, crash_fraction=1.0
    )
    book = book_of([1.0], [quantity], [-quantity * (1.0 - mm)], mm)
    policy = ClosingPolicy("pace", shares=tuple(shares), finishes=False, stops=False)
    return run_policy(book, depth, policy, returns)


def test_the_best_pace_meets_obizhaeva_and_wang() -> None:
    bars, rate = 400, 0.02
    half_life = math.log(2.0) / rate
    shares = optimal_pace(bars, BookPace(1e-3, half_life), quantity=1.0)
    closed = refilling_schedule(1.0, 1e-3, rate, bars - 1)
    assert shares[0] == pytest.approx(closed.block, rel=0.011)
    assert shares[-1] == pytest.approx(closed.block, rel=0.011)
    assert shares[1:-1] == pytest.approx(closed.rate, rel=0.01)
    found = worked(shares, half_life, np.zeros((1, bars)))
    assert found.of("owners_cost")[0] == pytest.approx(closed.cost, rel=1e-3)
    even = worked(np.full(bars, 1.0 / bars), half_life, np.zeros((1, bars)))
    assert even.of("owners_cost")[0] > found.of("owners_cost")[0]


@pytest.mark.parametrize("aversion", [5.0, 50.0])
def test_the_best_pace_meets_almgren_and_chriss(aversion: float) -> None:
    bars, sigma, slope = 40, 1e-3, 1e-3
    shares = optimal_pace(
        bars, BookPace(slope, 0.0), quantity=1.0, volatility=sigma, aversion=aversion
    )
    temporary = slope / 2.0
    kappa = math.acosh(1.0 + aversion * sigma**2 / temporary / 2.0)
    holdings = np.sinh(kappa * (bars - np.arange(bars + 1))) / math.sinh(kappa * bars)
    assert shares == pytest.approx(-np.diff(holdings), abs=1e-12)
    cost = temporary * float((np.diff(holdings) ** 2).sum())
    still = worked(shares, 0.0, np.zeros((1, bars)))
    assert still.of("owners_cost")[0] == pytest.approx(cost, rel=0.01)
    # the variance, by the simulator's own answer to a move of each bar
    nudge = 1e-6
    moved = worked(shares, 0.0, nudge * np.eye(bars)).of("received")
    left = (moved - still.of("received")[0]) / nudge
    held = holdings[1:-1]
    assert float((left[1:] ** 2).sum()) == pytest.approx(float((held**2).sum()), rel=0.01)


def test_slices_of_one_account_by_hand() -> None:
    # long 100 at 1, equity 20: requirement 10 % is met at 80 / 90, twice that at 80 / 80
    book = book_of([1.0], [100.0], [-80.0], 0.1)
    flat = MarketDepth.even(1e15, 0.0)
    quarters = ClosingPolicy("quarters", early=1.0, shares=slices(4))
    down = np.log([0.999, 0.95 / 0.999, 1.0, 1.0])
    found = run_policy(book, flat, quarters, down[None, :])
    # .999: a quarter sold leaves 75, 19.9 of equity: 26.6 % of notional, so that it waits;
    # .95: 16.225 of 71.25 is 22.8 %: it still waits
    assert found.of("closed_notional")[0] == pytest.approx(25.0)
    crash = np.log([0.999, 0.8 / 0.999, 1.0])
    found = run_policy(book, flat, quarters, crash[None, :])
    # .8: equity 4.975 of 60 is below 10 %: all the rest at once, nothing is owed
    assert found.of("closed_notional")[0] == pytest.approx(100.0)
    assert found.of("forced")[0] == 1.0
    assert found.of("bad_debt")[0] == 0.0
    assert run_policy(book, flat, ALL_AT_ONCE, np.log([[0.75]])).of("bad_debt")[0] == pytest.approx(
        5.0
    )


def test_unfair_is_what_came_back() -> None:
    book = book_of([1.0], [100.0], [-80.0], 0.1)
    flat = MarketDepth.even(1e15, 0.0)
    back = run_policy(book, flat, ALL_AT_ONCE, np.log([[0.88, 1.0 / 0.88]]))
    assert back.of("unfair")[0] == pytest.approx(100.0)
    assert back.of("missed")[0] == pytest.approx(12.0)
    gone = run_policy(book, flat, ALL_AT_ONCE, np.log([[0.88, 0.99]]))
    assert gone.of("unfair")[0] == gone.of("missed")[0] == 0.0


def test_threads_and_pieces_change_no_bit() -> None:
    paths = wild(600, 6)
    one = run_policy(BOOK, DEPTH, ALL_AT_ONCE, paths, by_account=True)
    two = run_policy(BOOK, DEPTH, ALL_AT_ONCE, paths, by_account=True, threads=2)
    np.testing.assert_array_equal(one.table, two.table)
    np.testing.assert_array_equal(one.accounts, two.accounts)
    assert one.of_account("touched").sum() == one.of("touched").sum()


def test_a_path_of_the_price_ends_where_the_run_ends() -> None:
    paths = CascadePaths(np.asarray(wild(1, 8).returns), volatility=0.02)
    traced = price_path(BOOK, DEPTH, ALL_AT_ONCE, paths, ClosingTerms())
    whole = run_policy(BOOK, DEPTH, ALL_AT_ONCE, paths)
    assert traced[-1] == pytest.approx(math.log(float(whole.of("closing_price")[0])))


def test_blocks_draw_every_day_alike() -> None:
    drawn = block_rows(50, 7, seed=3)
    assert (drawn.sum(axis=1) == 50).all()
    assert drawn.mean(axis=0) == pytest.approx(1.0, abs=0.2)


def test_the_library_is_legal_and_named_once() -> None:
    found = policies_for(DEPTH, 1e7, 0.01)
    for policy in found:
        check_policy(policy)
        assert policy.words()
    assert found[0] is ALL_AT_ONCE
    assert len({policy.name for policy in found}) == len(found)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"early": -0.1}, "early"),
        ({"shares": (0.5, 0.4)}, "shares"),
        ({"shares": (0.5, 0.5)}, "finishes"),
        ({"capacity": 0.0}, "capacity"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(change: dict[str, object], word: str) -> None:
    with pytest.raises(InputError, match=word):
        check_policy(ClosingPolicy("x", **change))  # type: ignore[arg-type]


def test_a_threshold_beyond_all_equity_is_refused() -> None:
    book = book_of([1.0], [100.0], [-20.0], 0.4)
    with pytest.raises(InputError, match="early"):
        run_policy(book, DEPTH, ClosingPolicy("x", early=2.0), [[0.0]])
