"""Auto-deleveraging: who among the winners gives up what the layers before could not pay.

How much is taken and from whom are two choices (Chitra 2025). Only profit is taken, never
principal. The *queue* takes whole profits in the order of a venue's rank; *pro rata* takes the same
share of everybody's.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.venue.accounts import AccountBook

Array = npt.NDArray[np.float64]


class DeleveragingRule(StrEnum):
    """In whose order profits are taken.

    ``RETURN_TIMES_LEVERAGE``   BitMEX's family: profit in per cent times effective leverage
    ``MARK_OVER_ENTRY``         Hyperliquid's: mark over entry, times notional over account value
    ``RETURN_OVER_EQUITY``      profit over wallet, times maintenance over equity
    ``PRO_RATA``                everybody, in proportion to profit
    """

    RETURN_TIMES_LEVERAGE = "return-times-leverage"
    MARK_OVER_ENTRY = "mark-over-entry"
    RETURN_OVER_EQUITY = "return-over-equity"
    PRO_RATA = "pro-rata"


def profits(book: AccountBook, price: float) -> Array:
    """Profit of each account since its entry at a price, (accounts,), losses below 0."""
    entry = np.ones(book.size) if book.entry is None else book.entry
    return np.asarray(book.side * book.quantity * (price - entry))


def ranks(book: AccountBook, price: float, rule: DeleveragingRule) -> Array:
    """Rank of each account by a venue's rule at a price: the largest goes first, (accounts,)."""
    entry = np.ones(book.size) if book.entry is None else book.entry
    value = book.quantity * price
    equity = np.maximum(book.cash + book.side * value, 1e-12 * value)
    gain = profits(book, price)
    match rule:
        case DeleveragingRule.RETURN_TIMES_LEVERAGE:
            share, leverage = gain / (book.quantity * entry), value / equity
            return np.where(gain > 0.0, share * leverage, share / leverage)
        case DeleveragingRule.MARK_OVER_ENTRY:
            return np.asarray((price / entry) ** book.side * value / equity)
        case DeleveragingRule.RETURN_OVER_EQUITY:
            wallet = np.maximum(equity - gain, 1e-12 * value)
            return np.asarray(gain / wallet * book.maintenance * value / equity)
        case DeleveragingRule.PRO_RATA:
            return np.zeros(book.size)


def taken_from(profit: npt.ArrayLike, amount: float, order: npt.ArrayLike | None = None) -> Array:
    """What is taken from each profit to come to an amount, (accounts,).

    Parameters
    ----------
    profit : array_like (accounts,)
        Losses are taken for no profit.
    amount : float
    order : array_like (accounts,), optional
        Ranks: the largest gives whole profits first. Without them all give the same share.

    Raises
    ------
    InputError
        If there are no winners, or their profits do not come to the amount: the rest is socialised.
    """
    gain = np.maximum(np.asarray(profit, dtype=np.float64), 0.0)
    whole = float(gain.sum())
    if amount > whole * (1.0 + 1e-12):
        words = "there are no winners" if whole == 0.0 else f"all profits come to {whole:,.6g}"
        raise InputError(
            "amount",
            amount,
            f"cannot be deleveraged: {words}",
            "Socialise what is left, or put a larger fund before it",
        )
    if order is None:
        return np.asarray(gain * (amount / whole)) if whole > 0.0 else gain
    first = np.argsort(-np.asarray(order, dtype=np.float64), kind="stable")
    before = np.append(0.0, np.cumsum(gain[first])[:-1])
    taken = np.zeros(gain.size)
    taken[first] = np.clip(amount - before, 0.0, gain[first])
    return taken
