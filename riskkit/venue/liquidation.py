"""How an account is closed out: how much of it, at what cost, and what it leaves unpaid.

A *sale* (perpetuals) closes a share of every leg at the market and charges the account slippage
and penalty: of a long leg together at most its value, of a short leg whatever buying it back costs
(the slippage alone at most the value again). A *takeover* (loans) lets a liquidator repay debt D
and take collateral worth D (1 + bonus), paying the slippage out of the bonus. If the collateral is
worth less, the liquidator takes all of it for what it is worth and the rest of the debt is bad. If
the bonus does not cover the slippage no liquidator comes: the protocol sells all the collateral
itself, and bears the slippage. A takeover takes the same share of every kind of collateral; a
*seizure* is one that takes kinds one after another (`riskkit.venue.seizure`).

If closing everything at the bar's price would leave equity below zero, everything is closed and the
account has defaulted. Otherwise the rule says how much is closed:

``FULL``          everything
``CLOSE_FACTOR``  the share ``level`` of what is open (of the debt)
``RESTORE``       as little as brings the margin ratio (a sale) or the health factor, the threshold
                  times collateral over debt (a takeover), back to ``level``. A sale assumes the
                  slippage of closing everything when it chooses the share, so that the target is
                  reached or exceeded. A target no better than the trigger itself restores nothing:
                  everything is closed

No more than ``largest_per_bar`` in money is closed in a bar. The rest of what was ordered stays due
in the next, at that bar's price and whatever the account's health has become. The slippage of
closing everything is then that of the largest trade that a bar takes: an account that cannot pay it
is in default there and then, at that bar's price. What is due in the last bar of a path is closed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from riskkit.compiled import Real, Truth, Vector, Whole, inlined
from riskkit.errors import InputError
from riskkit.venue.book import (
    CLOSED,
    OPEN,
    Book,
    Perpetual,
    Position,
    Terms,
    equity,
    requirement,
)
from riskkit.venue.liquidity import Liquidity, trading_cost
from riskkit.venue.oracle import LagLaw
from riskkit.venue.seizure import cost_in_order, share_in_order, take_in_order

SALE, TAKEOVER, SEIZURE = range(3)
FULL, CLOSE_FACTOR, RESTORE = range(3)


class CloseOutRule(StrEnum):
    """How much of a position one liquidation closes."""

    FULL = "full"
    CLOSE_FACTOR = "close-factor"
    RESTORE = "restore"


@dataclass(frozen=True)
class CloseOut:
    """How much one liquidation closes; the rest stays open and can be triggered again.

    ``FULL``          everything
    ``CLOSE_FACTOR``  the fraction ``level`` of the open position (of the debt, for a loan)
    ``RESTORE``       as little as brings the margin ratio (perpetual) or the health factor, the
                      threshold times collateral over debt (loan), back to ``level``

    Attributes
    ----------
    largest_per_bar : float
        Most that one bar closes of a position, in money; the rest of what was ordered stays due in
        the next bar. Infinite without a cap.
    """

    rule: CloseOutRule = CloseOutRule.FULL
    level: float = 1.0
    largest_per_bar: float = math.inf


class Rules(NamedTuple):
    """How accounts are closed out.

    Attributes
    ----------
    engine : int
        SALE, TAKEOVER or SEIZURE.
    close_out : int
        FULL, CLOSE_FACTOR or RESTORE.
    level : float
        The close factor, or the ratio to restore.
    largest_per_bar : float
        Most that one bar closes of an account, in money; infinite without a cap.
    delay : LagLaw
        Bars from trigger to execution.
    """

    engine: Whole
    close_out: Whole
    level: Real
    largest_per_bar: Real
    delay: LagLaw


@inlined
def gross_value(book: Book, k: Whole, price: Vector) -> Real:
    """Sum of the absolute values of an account's legs."""
    total = 0.0
    for i in range(price.size):
        total += abs(book.quantity[k, i] * price[i])
    return total


@inlined
def cost_of_leg(
    book: Book, k: Whole, i: Whole, traded: Real, charge: Real, liquidity: Liquidity
) -> Real:
    """Slippage and charge of trading a value of one leg, a fraction of it.

    What is owned can be sold for nothing, but not for less: on a path whose price explodes a law
    that grows with size would take more than the whole value, and a position that has won
    would owe it. What is owed must be bought back whatever it costs.
    """
    cost = trading_cost(i, traded * book.scale[k], liquidity) + charge
    return min(cost, 1.0) if book.quantity[k, i] > 0.0 else cost


@inlined
def cost_of_share(
    book: Book,
    k: Whole,
    price: Vector,
    value: Real,
    share: Real,
    charge: Real,
    liquidity: Liquidity,
) -> Real:
    """Cost of trading a share of every leg, a fraction of it; ``value`` is that of all legs."""
    if price.size == 1:
        return cost_of_leg(book, k, 0, share * value, charge, liquidity)
    lost = 0.0
    for i in range(price.size):
        leg = abs(book.quantity[k, i] * price[i])
        lost += leg * cost_of_leg(book, k, i, share * leg, charge, liquidity)
    return lost / value


@inlined
def share_of_sale(equity: Real, value: Real, trigger: Real, full_cost: Real, rules: Rules) -> Real:
    """Share of a perpetual account that a close-out orders; triggered at a margin ratio."""
    if rules.close_out == CLOSE_FACTOR:
        return rules.level
    if rules.close_out == RESTORE and rules.level > max(full_cost, trigger):
        share = (rules.level - equity / value) / (rules.level - full_cost)
        return min(max(share, 0.0), 1.0)
    return 1.0


@inlined
def share_of_debt(debt: Real, value: Real, threshold: Real, paid: Real, rules: Rules) -> Real:
    """Share of a debt that a close-out orders to be repaid."""
    if rules.close_out == CLOSE_FACTOR:
        return rules.level
    if rules.close_out == RESTORE:
        relief = rules.level - paid * threshold
        if relief > 0.0:
            share = (rules.level * debt - value * threshold) / (debt * relief)
            return min(max(share, 0.0), 1.0)
    return 1.0


@inlined
def shrink(book: Book, k: Whole, share: Real) -> None:
    """Take a share out of every leg."""
    for i in range(book.quantity.shape[1]):
        book.quantity[k, i] *= 1.0 - share


@inlined
def still_due(ordered: Real, closed: Real) -> Real:
    """What was ordered and not closed, as a share of what is then open."""
    return (ordered - closed) / (1.0 - closed) if ordered > closed else 0.0


@inlined
def close_account(book: Book, k: Whole) -> None:
    """Nothing is left to be closed."""
    book.due[k], book.ordered[k] = CLOSED, 0.0
    for i in range(book.quantity.shape[1]):
        book.quantity[k, i] = 0.0


@inlined
def sell(
    book: Book,
    k: Whole,
    price: Vector,
    terms: Terms,
    rules: Rules,
    liquidity: Liquidity,
    largest: Real,
) -> Real:
    """Close an account, or part of it, at the market; returns its bad debt."""
    value = gross_value(book, k, price)
    charge: float = terms.charge[book.terms[k]]
    worth = equity(book, k, price, terms)
    most = min(largest / (value * book.scale[k]), 1.0)
    full_cost = cost_of_share(book, k, price, value, most, charge, liquidity)
    if worth - value * full_cost < 0.0:
        close_account(book, k)
        return value * full_cost - worth
    ordered = book.ordered[k]
    if ordered == 0.0:
        trigger = requirement(book, k, price, terms) / value
        ordered = share_of_sale(worth, value, trigger, full_cost, rules)
    closed = min(ordered, most)
    cost = cost_of_share(book, k, price, value, closed, charge, liquidity)
    book.cash[k] += closed * (worth - book.cash[k]) - closed * value * cost
    if closed >= 1.0:
        close_account(book, k)
    else:
        shrink(book, k, closed)
        book.ordered[k] = still_due(ordered, closed)
    return 0.0


@inlined
def take_over(
    book: Book,
    k: Whole,
    price: Vector,
    terms: Terms,
    rules: Rules,
    liquidity: Liquidity,
    largest: Real,
) -> Real:
    """Repay an account's debt, or part of it, for its collateral; returns its bad debt."""
    row = book.terms[k]
    debt: float = -book.cash[k]
    paid: float = 1.0 + terms.charge[row]
    value = gross_value(book, k, price)
    covered = 0.0
    for i in range(price.size):
        covered += (1.0 - terms.haircut[row, i]) * abs(book.quantity[k, i] * price[i])
    most = min(largest / book.scale[k], value)
    ordered = book.ordered[k]
    one_by_one = rules.engine == SEIZURE
    if ordered == 0.0:
        if one_by_one and rules.close_out == RESTORE:
            ordered = share_in_order(book, k, price, terms, rules.level)
        else:
            ordered = share_of_debt(debt, value, covered / value, paid, rules)
    wanted = ordered * debt * paid
    taken = min(wanted, most)
    slippage = 0.0
    if one_by_one:
        slippage = cost_in_order(book, k, price, taken, liquidity)
    else:
        slippage = cost_of_share(book, k, price, value, taken / value, 0.0, liquidity)
    if paid * (1.0 - slippage) < 1.0:
        close_account(book, k)
        cost = cost_of_share(book, k, price, value, most / value, 0.0, liquidity)
        return max(debt - value * (1.0 - cost), 0.0)
    if value < debt * paid:
        close_account(book, k)
        return debt - value / paid
    repaid = ordered if taken == wanted else taken / (debt * paid)
    if repaid >= 1.0:
        close_account(book, k)
        return 0.0
    if one_by_one:
        take_in_order(book, k, price, taken)
    else:
        shrink(book, k, taken / value)
    book.ordered[k] = still_due(ordered, repaid)
    book.cash[k] = -debt * (1.0 - repaid)
    return 0.0


@inlined
def execute(
    book: Book,
    k: Whole,
    t: Whole,
    price: Vector,
    terms: Terms,
    rules: Rules,
    liquidity: Liquidity,
    last: Truth,
) -> Real:
    """The close-out of account ``k`` due in bar t, its last if ``last``; returns the bad debt."""
    largest = math.inf if last else rules.largest_per_bar
    loss = 0.0
    if rules.engine == SALE:
        loss = sell(book, k, price, terms, rules, liquidity, largest)
    else:
        loss = take_over(book, k, price, terms, rules, liquidity, largest)
    if book.due[k] != CLOSED:
        book.due[k] = t + 1 if book.ordered[k] > 0.0 else OPEN
    return loss


def close_out_rules(close_out: CloseOut, delay: LagLaw, engine: int) -> Rules:
    """A close-out as numbers."""
    codes = {
        CloseOutRule.FULL: FULL,
        CloseOutRule.CLOSE_FACTOR: CLOSE_FACTOR,
        CloseOutRule.RESTORE: RESTORE,
    }
    return Rules(engine, codes[close_out.rule], close_out.level, close_out.largest_per_bar, delay)


def bars_of_slices(close_out: CloseOut, notional: float) -> int:
    """Bars that a position takes to be closed, beyond the first, where a bar has a cap."""
    return max(math.ceil(notional / close_out.largest_per_bar) - 1, 0)


def check_close_out(close_out: CloseOut) -> None:
    """Refuse a close-out of nothing, or one to a level that means nothing.

    Raises
    ------
    InputError
    """
    rule, level = close_out.rule, close_out.level
    if rule is CloseOutRule.CLOSE_FACTOR and not 0.0 < level <= 1.0:
        raise InputError(
            "close_out.level", level, "a close factor must lie in (0, 1]", "Write half as 0.5"
        )
    if rule is CloseOutRule.RESTORE and not level > 0.0:
        raise InputError(
            "close_out.level",
            level,
            "a target must be positive",
            "Give a margin ratio above MM (perpetual) or a health factor above 1 (loan)",
        )
    if not close_out.largest_per_bar > 0.0:
        raise InputError(
            "close_out.largest_per_bar",
            close_out.largest_per_bar,
            "must be positive",
            "Give what one bar closes in money; leave it out for no cap",
        )


def check_target(position: Position, close_out: CloseOut) -> None:
    """Refuse a close-out that would restore a position to no better than its own trigger.

    Raises
    ------
    InputError
    """
    if close_out.rule is not CloseOutRule.RESTORE:
        return
    trigger = position.maintenance_margin if isinstance(position, Perpetual) else 1.0
    if not close_out.level > trigger:
        raise InputError(
            "close_out.level",
            close_out.level,
            f"must exceed the trigger, {trigger}",
            "Restore to a margin ratio above MM, or to a health factor above 1",
        )
