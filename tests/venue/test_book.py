"""One rule for a perpetual, a loan, a cross-margined account and a pool; Python is machine code."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.position import Side
from riskkit.venue.book import Book, Terms, copy_book, equity, health, open_book, requirement
from riskkit.venue.mechanism import Loan, Mechanism, Perpetual, Slippage
from riskkit.venue.oracle import LagUniforms, Tape
from riskkit.venue.run import blind, no_events, run_book, venue_numbers

fractions = st.floats(0.01, 0.9)
prices = st.floats(0.05, 20.0)


def a_book(cash, quantity, entry, terms):
    n = len(cash)
    return Book(
        np.array(cash, dtype=float),
        np.array(quantity, dtype=float),
        np.array(entry, dtype=float),
        np.ones(n),
        np.array(terms),
        np.zeros(n, dtype=np.int64),
        np.zeros(n),
    )


def terms_of(haircut, maintenance, owned):
    table = [np.array([row], dtype=float) for row in (haircut, maintenance, owned)]
    return Terms(*table, np.zeros((1, len(owned))), np.zeros(1), np.zeros(1))


@settings(max_examples=60, deadline=None)
@given(price=prices, mm=fractions, room=st.floats(0.01, 0.05), side=st.sampled_from(list(Side)))
def test_a_perpetual_is_healthy_above_its_maintenance_margin(price, mm, room, side):
    book, terms = open_book([Perpetual(side, mm + room, mm)])
    at = np.array([price])
    left = mm + room + side.sign * (price - 1.0)
    assert equity(book, 0, at, terms) == pytest.approx(left)
    assert requirement(book, 0, at, terms) == pytest.approx(mm * price)
    assert health(book, 0, at, terms) == pytest.approx(left - mm * price)


@settings(max_examples=60, deadline=None)
@given(price=prices, lt=fractions, share=st.floats(0.1, 0.99))
def test_a_loan_is_healthy_while_its_threshold_covers_its_debt(price, lt, share):
    book, terms = open_book([Loan(share * lt, lt, 0.05)])
    assert health(book, 0, np.array([price]), terms) == pytest.approx(lt * price - share * lt)


@settings(max_examples=60, deadline=None)
@given(
    price=st.tuples(prices, prices),
    quantity=st.tuples(st.floats(-5, 5), st.floats(-5, 5)),
    mm=st.tuples(fractions, fractions),
    cash=st.floats(-3, 3),
)
def test_legs_of_a_cross_margined_account_add_up(price, quantity, mm, cash):
    at, entry = np.array(price), (1.0, 2.0)
    terms = terms_of((0, 0), mm, (0, 0))
    whole = health(a_book([cash], [quantity], [entry], [0]), 0, at, terms)
    legs = sum(
        quantity[i] * (price[i] - entry[i]) - mm[i] * abs(quantity[i] * price[i]) for i in (0, 1)
    )
    assert whole == pytest.approx(cash + legs, abs=1e-9)
    # The order of the instruments is of no account, nor is one that is not held.
    turned = terms_of((0, 0), mm[::-1], (0, 0))
    other = a_book([cash], [quantity[::-1]], [entry[::-1]], [0])
    assert health(other, 0, at[::-1].copy(), turned) == pytest.approx(whole, abs=1e-9)


def test_a_pool_borrows_against_each_collateral_at_its_own_threshold():
    terms = terms_of((0.2, 0.4), (0, 0), (1, 1))
    pool = a_book([-1.0], [(1.0, 2.0)], [(1.0, 1.0)], [0])
    # .8 x 1 x .5 + .6 x 2 x .5 = 1: the debt is just covered.
    assert health(pool, 0, np.array([0.5, 0.5]), terms) == pytest.approx(0.0, abs=1e-12)


def test_an_account_with_several_legs_is_closed_out_as_a_whole():
    # 1 long at 1 and 1 short at 1 with .3 of cash: the long halves, the short stands still.
    terms = terms_of((0, 0), (0.1, 0.1), (0, 0))
    opening = a_book([0.3], [(1.0, -1.0)], [(1.0, 1.0)], [0])
    closes = np.array([[1.0, 1.0], [0.9, 1.0], [0.5, 1.0]])
    venue = venue_numbers(Mechanism(slippage=Slippage(rate=0.01)), False)
    wide = venue.liquidity
    wide = wide._replace(law=wide.law.repeat(2), rate=wide.rate.repeat(2))
    wide = wide._replace(depth=wide.depth.repeat(2), first=np.zeros(3, dtype=np.int64))
    events, book = no_events(1), copy_book(opening)
    uniforms = LagUniforms(np.zeros((3, 2)), np.zeros((3, 2)))
    market = Tape(closes, closes, np.ones(2), closes)
    run_book(
        2, market, uniforms, blind(2), opening, book, terms, venue._replace(liquidity=wide), events
    )
    # At .9: health .3 - .1 - .19 = .01. At .5: equity -.2, and 1.5 of value closed at 1 %.
    assert (events.trigger_bar[0], events.default_bar[0]) == (2, 2)
    assert events.loss[0] == pytest.approx(0.2 + 0.015)


def test_accounts_of_a_book_do_not_see_each_other():
    positions = [Perpetual(Side.LONG, 0.05 + 0.01 * k, 0.02 + 0.005 * k) for k in range(5)]
    mechanism = Mechanism(delay=1, slippage=Slippage(rate=0.01))
    closes = np.array([1.0, 0.98, 0.95, 0.93, 0.9, 0.88])[:, None]
    market = Tape(closes, closes, np.ones(1), closes)
    uniforms = LagUniforms(np.zeros((6, 2)), np.zeros((6, 2)))

    def run(some):
        opening, terms = open_book(some)
        events, book = no_events(len(some)), copy_book(opening)
        venue = venue_numbers(mechanism, False)
        run_book(4, market, uniforms, blind(), opening, book, terms, venue, events)
        return np.stack([a.astype(float) for a in events])

    together = run(positions)
    assert (together == np.hstack([run([p]) for p in positions])).all()
    assert np.unique(together[0]).size > 1


SCRIPT = """
import json
import numpy as np
from riskkit.position import Side
from riskkit.venue.mechanism import *
from riskkit.venue.oracle import ConditionalLag, Oracle
from riskkit.venue.run import LagUniforms, run_mechanism, run_book
lag = ConditionalLag((0.7, 0.3), (0.1, 0.2, 0.3, 0.4), 0.03, 0.2, 3)
ladder = Slippage(SlippageLaw.LADDER, ladder=((5e4, 0.002), (1e5, 0.004), (1.8e5, 0.02)))
rules = [CloseOut(CloseOutRule.RESTORE, 1.09, 6e4), CloseOut(CloseOutRule.CLOSE_FACTOR, 0.5)]
positions = [Loan(0.74, 0.8, 0.06, 2e5, 1e-3), Perpetual(Side.SHORT, 0.1, 0.04, 2e5, 0.005, -1e-3)]
rng, found = np.random.default_rng(8), []
for position, rule in zip(positions, rules):
    mechanism = Mechanism(Oracle(lag, 0.01), lag, ladder, rule)
    bars = bars_needed(mechanism, 30, 2e5)
    for _ in range(40):
        closes = np.exp(np.cumsum(0.03 * rng.standard_t(4, bars + 1)))
        uniforms = LagUniforms(rng.random((bars + 1, 2)), rng.random((bars + 1, 2)))
        out = run_mechanism(closes, position, mechanism, 30, uniforms=uniforms)
        found.append([out.trigger_bar, out.default_bar, out.liquidations, out.loss.hex()])
print(json.dumps([type(run_book.native).__name__, found]))
"""


def test_the_source_run_as_python_is_the_machine_code_to_the_bit():
    kinds, found = [], []
    for without in ("0", "1"):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": without}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        kind, rows = json.loads(done.stdout)
        kinds.append(kind)
        found.append(rows)
    assert kinds[1] == "function"
    assert kinds[0] != "function"
    assert found[0] == found[1]
    assert {bool(row[1]) for row in found[0]} == {True, False}
