"""Books that are made: from liquidation levels, or synthetic ones of a declared shape."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.venue.accounts import AccountBook, AccountClass, book_of

Array = npt.NDArray[np.float64]


def book_of_levels(
    level: npt.ArrayLike,
    notional: npt.ArrayLike,
    side: npt.ArrayLike,
    *,
    price: float,
    maintenance: float,
) -> AccountBook:
    """The book that a map of liquidation levels describes, exact where closed in full.

    Parameters
    ----------
    level : array_like (N,)
        Liquidation prices.
    notional : array_like (N,)
        Value liquidated there, at that price.
    side : array_like (N,)
        +1 for longs, -1 for shorts.
    price : float
        Price now.
    maintenance : float

    Raises
    ------
    InputError
        For a level that is no price, or on the wrong side of the price now.
    """
    at = np.asarray(level, dtype=np.float64)
    if not (np.isfinite(at).all() and (at > 0.0).all()):
        raise InputError("levels.price", at.tolist(), "must be positive", "Drop levels of no price")
    relative, signs = at / price, np.asarray(side, dtype=np.float64)
    wrong = signs * (relative - 1.0) >= 0.0
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(
            "levels.price",
            float(at[first]),
            f"lies beyond the price now, {price:g}: that account would be liquidated already",
            "Give longs below the price and shorts above it, and the price of the same moment",
        )
    quantity = np.asarray(notional, dtype=np.float64) / relative
    cash = -signs * relative * quantity * (1.0 - signs * maintenance)
    return book_of(signs, quantity, cash, maintenance)


@dataclass(frozen=True)
class SyntheticBook:
    """A book of a declared shape.

    Size tails of real books have an index below 1: the mean is the largest. Such a law must be cut
    off, by the share that the largest account may have.

    Attributes
    ----------
    open_interest : float
        Of each side, in money.
    accounts : int
        Of both sides.
    median_leverage, leverage_spread : float
        Of a lognormal law, its spread in logs; cut off at ``most_leverage`` and at 1.05.
    most_leverage : float
    maintenance : float
    size_tail : float
        Pareto index of the sizes.
    largest_share : float or None
        Most of a side's interest that one account holds; required for an index of 1 or less.
    rank_correlation : float
        Of size and leverage, by a normal copula: above 0, whales sit nearer their triggers.
    hedger_share, maker_share : float
        Share of the accounts of those classes.
    seed : int

    Examples
    --------
    >>> import riskkit
    >>> book = riskkit.venue.SyntheticBook(open_interest=1e6, accounts=200).draw()
    >>> book.size
    200
    """

    open_interest: float
    accounts: int = 10_000
    median_leverage: float = 5.0
    leverage_spread: float = 0.8
    most_leverage: float = 40.0
    maintenance: float = 0.0125
    size_tail: float = 1.1
    largest_share: float | None = 0.05
    rank_correlation: float = 0.5
    hedger_share: float = 0.0
    maker_share: float = 0.0
    seed: int = 1

    def draw(self) -> AccountBook:
        """Draw the accounts; the same seed gives the same book.

        Raises
        ------
        InputError
        """
        _check(self)
        rng = np.random.default_rng(np.random.SFC64(self.seed))
        half = self.accounts // 2
        sides, sizes, leverages = [], [], []
        for sign in (1.0, -1.0):
            z = rng.standard_normal(half)
            other = rng.standard_normal(half)
            # Spearman's rank correlation of a normal copula is 6/pi asin(r/2)
            r = 2.0 * math.sin(math.pi * self.rank_correlation / 6.0)
            w = r * z + math.sqrt(max(1.0 - r * r, 0.0)) * other
            share = cut_shares(pareto_sizes(z, self.size_tail), self.largest_share)
            sides.append(np.full(half, sign))
            sizes.append(share * self.open_interest)
            drawn = self.median_leverage * np.exp(self.leverage_spread * w)
            leverages.append(np.clip(drawn, 1.05, 0.8 * self.most_leverage))
        side, quantity = np.concatenate(sides), np.concatenate(sizes)
        cash = quantity / np.concatenate(leverages) - side * quantity
        u = rng.random(side.size)
        kind = np.where(u < self.hedger_share, int(AccountClass.HEDGER), int(AccountClass.TRADER))
        maker = (u >= self.hedger_share) & (u < self.hedger_share + self.maker_share)
        kind = np.where(maker, int(AccountClass.MAKER), kind)
        return book_of(side, quantity, cash, self.maintenance, kind=kind)


def pareto_sizes(z: Array, index: float) -> Array:
    """Pareto sizes from 1 on whose ranks are those of the normals."""
    from scipy.special import log_ndtr

    return np.asarray(np.exp(-log_ndtr(-z) / index))


def cut_shares(sizes: Array, largest: float | None) -> Array:
    """Shares of the whole, none above ``largest``: what is cut off goes to all in proportion."""
    share = np.asarray(sizes / sizes.sum())
    if largest is None:
        return share
    order = np.sort(sizes)[::-1]
    rest = sizes.sum() - np.append(0.0, np.cumsum(order)[:-1])
    # with the k largest held at the cap, the others share 1 - k cap in proportion
    for k in range(order.size):
        left = 1.0 - k * largest
        scale = left / rest[k]
        if order[k] * scale <= largest:
            return np.asarray(np.minimum(sizes * scale, largest))
    return np.full(sizes.size, 1.0 / sizes.size)


def _check(shape: SyntheticBook) -> None:
    if shape.size_tail <= 1.0 and shape.largest_share is None:
        raise InputError(
            "book.size_tail",
            shape.size_tail,
            "has no mean at 1 or below: the sum would be one account",
            "Declare book.largest_share, the most of a side's interest that one account holds",
        )
    half = shape.accounts // 2
    if half < 1:
        raise InputError("book.accounts", shape.accounts, "must be at least 2", "One on each side")
    if shape.largest_share is not None and not 1.0 / half <= shape.largest_share <= 1.0:
        raise InputError(
            "book.largest_share",
            shape.largest_share,
            f"must lie between 1/{half} (accounts of one side) and 1",
            "Raise it, or the number of accounts",
        )
    for name, value, low in (
        ("open_interest", shape.open_interest, 0.0),
        ("size_tail", shape.size_tail, 0.0),
        ("median_leverage", shape.median_leverage, 1.0),
        ("most_leverage", shape.most_leverage, 1.32),
    ):
        if not low < value < math.inf:
            raise InputError(f"book.{name}", value, f"must be above {low:g}", "Correct it")
    if not -1.0 <= shape.rank_correlation <= 1.0:
        rule = "must lie in [-1, 1]"
        raise InputError("book.rank_correlation", shape.rank_correlation, rule, "Correct it")
    if not 0.0 <= shape.maintenance < 1.0 / (0.8 * shape.most_leverage):
        raise InputError(
            "book.maintenance",
            shape.maintenance,
            "must lie below the margin of the highest leverage drawn, 1/(0.8 most_leverage)",
            "Lower it, or most_leverage: accounts would open beyond their trigger",
        )
