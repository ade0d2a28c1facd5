"""Accounts, and the one rule for what a venue asks of them.

    health = cash + gains and owned value - sum haircut · owned value - sum maintenance · |notional|

At or below zero an account can be liquidated. A perpetual has gains and a maintenance margin; a
loan has its debt as negative cash, and owns collateral at a haircut of one less its liquidation
threshold; a cross-margined account has several of the one, a pool of collateral several of the
other. One position is a book of one account, one asset a panel of one instrument.

A position as a person states it, `Perpetual` or `Loan`, is opened as such an account. The functions
over books are compiled as they stand, and run as Python through ``.py_func``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from riskkit.compiled import Integers, Matrix, Real, Vector, Whole, inlined
from riskkit.errors import InputError
from riskkit.position import Side

OPEN, CLOSED = 0, -1


@dataclass(frozen=True)
class Perpetual:
    """A linear perpetual position opened at its initial margin.

    Attributes
    ----------
    side : Side
    initial_margin : float
        Margin posted at opening, a fraction of the opening notional.
    maintenance_margin : float
        Liquidated when equity falls to this fraction of current notional.
    notional : float
        Opening notional in money: matters only to slippage that grows with size.
    penalty : float
        Fee taken at close-out, a fraction of the notional closed.
    funding : float
        Paid by longs to shorts each bar, a fraction of current notional; negative: by shorts.
    """

    side: Side
    initial_margin: float
    maintenance_margin: float
    notional: float = 1.0
    penalty: float = 0.0
    funding: float = 0.0


@dataclass(frozen=True)
class Loan:
    """A loan against volatile collateral, taken at its loan-to-value.

    Attributes
    ----------
    loan_to_value : float
        Debt at opening over the value of the collateral.
    liquidation_threshold : float
        Liquidated when debt reaches this fraction of the collateral's value.
    bonus : float
        A liquidator who repays D takes collateral worth D (1 + bonus).
    notional : float
        Value of the collateral at opening, in money.
    interest : float
        Growth of the debt each bar, a fraction.
    """

    loan_to_value: float
    liquidation_threshold: float
    bonus: float
    notional: float = 1.0
    interest: float = 0.0


Position = Perpetual | Loan


class Terms(NamedTuple):
    """What a venue asks of a class of accounts: fractions, shape (classes, instruments).

    Attributes
    ----------
    haircut : ndarray
        Of what is owned: one less the liquidation threshold; 0 for a perpetual.
    maintenance : ndarray
        Of the notional: the maintenance margin; 0 for collateral.
    owned : ndarray
        1 where the whole value counts (collateral), 0 where only the gain since entry does.
    funding : ndarray
        Paid per bar by who is long to who is short, of the notional; negative the other way.
    interest : ndarray (classes,)
        Growth per bar of negative cash.
    charge : ndarray (classes,)
        Of what a close-out closes, beyond slippage: a penalty, or the liquidator's bonus.
    """

    haircut: Matrix
    maintenance: Matrix
    owned: Matrix
    funding: Matrix
    interest: Vector
    charge: Vector


class Book(NamedTuple):
    """N accounts; changed in place.

    Attributes
    ----------
    cash : ndarray (N,)
        A loan's debt is negative cash.
    quantity, entry : ndarray (N, instruments)
        Signed, and the price at which it was opened.
    scale : ndarray (N,)
        Money to one unit of value: only slippage that grows with size asks for it.
    terms : ndarray (N,) of int
        Class of the account: a row of `Terms`.
    due : ndarray (N,) of int
        Bar in which a close-out is executed; OPEN without one, CLOSED when all is closed.
    ordered : ndarray (N,)
        Share of what is open that an earlier bar's close-out has left due; 0 if none.
    """

    cash: Vector
    quantity: Matrix
    entry: Matrix
    scale: Vector
    terms: Integers
    due: Integers
    ordered: Vector


@inlined
def equity(book: Book, k: Whole, price: Vector, terms: Terms) -> Real:
    """Cash, gains and owned value of account ``k`` at prices (instruments,)."""
    row = book.terms[k]
    total: float = book.cash[k]
    for i in range(price.size):
        basis = 0.0 if terms.owned[row, i] > 0.0 else book.entry[k, i]
        total += book.quantity[k, i] * (price[i] - basis)
    return total


@inlined
def requirement(book: Book, k: Whole, price: Vector, terms: Terms) -> Real:
    """What account ``k`` must hold at prices (instruments,): haircuts and maintenance margins."""
    total, row = 0.0, book.terms[k]
    for i in range(price.size):
        value = book.quantity[k, i] * price[i]
        if terms.owned[row, i] > 0.0:
            total += terms.haircut[row, i] * max(value, 0.0)
        total += terms.maintenance[row, i] * abs(value)
    return total


@inlined
def health(book: Book, k: Whole, price: Vector, terms: Terms) -> Real:
    """Equity less requirement: at or below zero the account can be liquidated."""
    return equity(book, k, price, terms) - requirement(book, k, price, terms)


@inlined
def accrue(book: Book, k: Whole, price: Vector, terms: Terms) -> None:
    """One bar's interest on negative cash, and one bar's funding of what is not owned."""
    row = book.terms[k]
    if book.cash[k] < 0.0:
        book.cash[k] *= 1.0 + terms.interest[row]
    for i in range(price.size):
        book.cash[k] -= terms.funding[row, i] * (book.quantity[k, i] * price[i])


@inlined
def reopen(book: Book, opening: Book) -> None:
    """Every account as it was opened, with nothing due."""
    for k in range(book.cash.size):
        book.cash[k], book.due[k], book.ordered[k] = opening.cash[k], OPEN, 0.0
        for i in range(book.quantity.shape[1]):
            book.quantity[k, i] = opening.quantity[k, i]


def open_book(positions: Sequence[Position]) -> tuple[Book, Terms]:
    """A book of single positions in one instrument, and their terms: a class for each.

    Prices are relative to the opening, and money to the opening notional (a loan's collateral).
    """
    n = len(positions)
    book = Book(
        np.zeros(n),
        np.ones((n, 1)),
        np.ones((n, 1)),
        np.array([p.notional for p in positions], dtype=np.float64),
        np.arange(n),
        np.zeros(n, dtype=np.int64),
        np.zeros(n),
    )
    haircut, maintenance, owned, funding = (np.zeros((n, 1)) for _ in range(4))
    terms = Terms(haircut, maintenance, owned, funding, np.zeros(n), np.zeros(n))
    for k, position in enumerate(positions):
        if isinstance(position, Perpetual):
            book.cash[k], book.quantity[k] = position.initial_margin, position.side.sign
            terms.maintenance[k], terms.funding[k] = position.maintenance_margin, position.funding
            terms.charge[k] = position.penalty
        else:
            book.cash[k], terms.owned[k] = -position.loan_to_value, 1.0
            terms.haircut[k] = 1.0 - position.liquidation_threshold
            terms.interest[k], terms.charge[k] = position.interest, position.bonus
    return book, terms


def open_alike(position: Position, trigger: Vector, opening: Vector) -> tuple[Book, Terms]:
    """Positions (n,) like one but for their limits: MM and IM, or LT and LTV."""
    book, terms = open_book([position] * trigger.size)
    if isinstance(position, Perpetual):
        book.cash[:], terms.maintenance[:, 0] = opening, trigger
    else:
        book.cash[:], terms.haircut[:, 0] = -opening, 1.0 - trigger
    return book, terms


def copy_book(book: Book) -> Book:
    """A book with arrays of its own."""
    arrays: list[Any] = [array.copy() for array in book]
    return Book(*arrays)


def check_position(position: Position) -> None:
    """Refuse a position that is liquidatable as it opens, or whose numbers mean nothing.

    Raises
    ------
    InputError
    """
    if not (math.isfinite(position.notional) and position.notional > 0.0):
        raise InputError("notional", position.notional, "must be positive", "Give it in money")
    if isinstance(position, Loan):
        _check_loan(position)
        return
    im, mm = position.initial_margin, position.maintenance_margin
    if not (0.0 <= mm < math.inf and (mm < 1.0 or position.side is Side.SHORT)):
        rule = "must lie in [0, 1), of a short from 0 up"  # whose loss no notional bounds
        raise InputError("maintenance_margin", mm, rule, "Write 5 % as 0.05")
    if not im > mm:
        raise InputError(
            "initial_margin",
            im,
            f"must exceed maintenance_margin = {mm}",
            "With IM = MM a position is liquidated on its first tick",
        )
    if not im < 1.0 and position.side is Side.LONG:
        raise InputError(
            "initial_margin",
            im,
            "must be below 1 for a long",
            "A fully paid long has nothing to liquidate",
        )
    _check_rate("penalty", position.penalty, 0.0)
    _check_rate("funding", position.funding, -1.0)


def _check_loan(loan: Loan) -> None:
    lt, ltv = loan.liquidation_threshold, loan.loan_to_value
    if not 0.0 < lt < 1.0:
        raise InputError("liquidation_threshold", lt, "must lie in (0, 1)", "Write 80 % as 0.8")
    if not 0.0 < ltv < lt:
        raise InputError(
            "loan_to_value",
            ltv,
            f"must be positive and below liquidation_threshold = {lt}",
            "With LTV = LT a loan is liquidatable on its first tick",
        )
    _check_rate("bonus", loan.bonus, 0.0)
    _check_rate("interest", loan.interest, -1.0)


def _check_rate(name: str, value: float, low: float) -> None:
    if not low <= value < 1.0:
        raise InputError(name, value, f"must lie in [{low:g}, 1)", "Write 30 bps as 0.003")
