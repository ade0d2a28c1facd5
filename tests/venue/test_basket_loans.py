"""Loans of several collaterals: which is seized, by how much, and where the money goes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from riskkit.errors import InputError
from riskkit.venue.basket_loans import BasketBook, BasketOutcome, run_basket_loans
from riskkit.venue.cross_margin import CrossDepth
from riskkit.venue.loan_engine import LoanEngine, LoanKind, loan_engine, repayment, taken_first

PLAIN = LoanEngine(dust=0.0)


def loans(debt: list[float], value: list[list[float]], bonus: tuple[float, float] = (0.05, 0.08)):
    return BasketBook(
        np.array(debt), np.array(value).T.copy(), np.array([0.8, 0.7]), np.array(bonus)
    )


def still(slopes: tuple[float, float] = (0.0, 0.0)) -> CrossDepth:
    return CrossDepth(np.array(slopes), 0.5, 0.2, 0.3)


def run(book: BasketBook, move: tuple[float, float], depth: CrossDepth, engine=PLAIN):
    return run_basket_loans(book, np.log1p(np.array([[list(move)]])), depth, engine)


@pytest.mark.parametrize("kind", list(LoanKind)[:3])
def test_one_collateral_is_repaid_as_by_its_kind(kind):
    """A loan of one collateral in a market that nothing moves: the published rule, once."""
    engine = loan_engine(kind, 0.05, dust=0.0)
    found = run(loans([78.0], [[98.0, 0.0]]), (-0.02, 0.0), still(), engine)
    c, d, total = 98.0 * 0.98, 78.0, 0.0
    while d > 1e-12:  # the same rule again while the loan is below its threshold
        repaid, taken = repayment(c, d, 0.8, engine)
        if float(taken) == 0.0:
            break
        c, d, total = c - float(taken), d - float(repaid), total + float(taken)
    assert found.of("sold")[0] == pytest.approx(total, rel=1e-9)
    assert abs(found.of("money")[0]) < 1e-12 * 98.0


def test_the_collateral_that_leaves_most_is_seized():
    """With depth the same the larger bonus is taken; a thin market of it gives way to the other."""
    book = loans([75.0], [[50.0, 50.0]])
    deep = run(book, (-0.02, -0.02), still((1e-6, 1e-6)))
    assert deep.seized[0, 1] > 0.0
    assert deep.seized[0, 0] == 0.0
    thin = run(book, (-0.02, -0.02), still((1e-6, 0.01)))
    assert thin.seized[0, 0] > 0.0
    value = 0.5 * 75.0 * np.array([1.05, 1.08])
    cost = 1.0 - np.array([1.0, (1.0 - math.exp(-0.01 * value[1])) / (0.01 * value[1])])
    assert taken_first(value, [0.05, 0.08], cost) == 0


def test_one_assets_fall_triggers_sales_of_another():
    """The first asset alone falls; the second is seized for its bonus, and falls by the sale."""
    book = loans([74.9] * 4, [[50.0, 50.0]] * 4)
    found = run(book, (-0.1, 0.0), still((1e-6, 2e-4)))
    assert found.seized[0, 1] > 0.0
    quiet = run(book, (0.0, 0.0), still((1e-6, 2e-4)))
    assert quiet.of("closures")[0] == 0.0


def _many(count: int = 60) -> tuple[BasketBook, np.ndarray]:
    rng = np.random.default_rng(7)
    value = rng.pareto(1.3, (count, 2)) + 0.1
    debt = (value @ np.array([0.8, 0.7])) / (1.01 + rng.exponential(0.2, count))
    returns = rng.standard_normal((20, 30, 2)) * 0.03
    book = BasketBook(debt, value.T.copy(), np.array([0.8, 0.7]), np.array([0.05, 0.08]))
    return book, returns


@pytest.mark.parametrize("two_steps", [False, True])
def test_money_is_conserved_and_threads_change_no_bit(two_steps):
    book, returns = _many()
    engine = LoanEngine(dust=0.0, gas=1e-3, two_steps=two_steps)
    depth = still((1e-3, 2e-3))
    found = run_basket_loans(book, returns, depth, engine)
    again = run_basket_loans(book, returns, depth, engine, threads=2)
    assert np.array_equal(found.table, again.table)
    assert np.abs(found.of("money")).max() < 1e-12 * book.value.sum() * 10.0
    assert (found.of("keepers") >= 0.0).all()
    assert found.of("closures").max() > 0.0


def test_a_larger_gas_keeps_liquidators_away():
    book, returns = _many()
    sold = [
        run_basket_loans(book, returns, still((1e-3, 2e-3)), LoanEngine(gas=gas)).of("closures")
        for gas in (0.0, 0.05, 1e6)
    ]
    assert sold[0].sum() > sold[1].sum() > sold[2].sum() == 0.0


def test_beyond_the_toxic_line_of_a_collateral_a_halt_takes_nothing():
    book = loans([98.0], [[50.0, 50.0]])
    halted = run(book, (0.0, 0.0), still(), LoanEngine(halts=True))
    assert halted.of("closures")[0] == 0.0
    assert run(book, (0.0, 0.0), still()).of("bad_debt")[0] > 0.0


def test_what_cannot_be_is_refused():
    book, returns = _many(3)
    for bad, words in (
        (book._replace(bonus=np.array([0.3, 0.05])), "threshold, bonus"),
        (book._replace(debt=book.debt[:2]), "debt"),
    ):
        with pytest.raises(InputError, match=words):
            run_basket_loans(bad, returns, still(), PLAIN)
    with pytest.raises(InputError, match="returns"):
        run_basket_loans(book, returns[:, :, :1], still(), PLAIN)
    assert isinstance(run_basket_loans(book, returns, still(), PLAIN), BasketOutcome)
