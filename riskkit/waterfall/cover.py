"""The losses beyond margin of single owners under stress, and the fund that withstands the largest.

SLOIM, the stress loss over initial margin, is what an owner's positions lose in a scenario beyond
what stands behind them, closed at their own slippage into the depth of that scenario. *Cover-1* is
the largest of an owner in any scenario, *cover-2* the two largest in one. European law asks the
fund for the larger of the first and the sum of the second and third (EMIR article 42), and all
means together for the two largest (article 43). Owners split wallets: what is given as a cluster
counts as one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskkit.position import Side
from riskkit.venue.accounts import AccountBook
from riskkit.venue.depth import MarketDepth

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cover:
    """What the largest losers come to, over scenarios.

    Attributes
    ----------
    one, two : float
        The largest; the two largest of one scenario.
    emir_42 : float
        The larger of the first, and the second with the third, of one scenario.
    owners : int
    """

    one: float
    two: float
    emir_42: float
    owners: int


def stress_losses(book: AccountBook, depth: MarketDepth, price: float, thickness: float) -> Array:
    """Loss beyond margin of each account, closed at a price into a depth, (accounts,).

    Parameters
    ----------
    price : float
        Of the opening price.
    thickness : float
        Depth, of the calm one.
    """
    value = book.quantity * price
    slip = np.zeros(book.size)
    for side in Side:
        of = book.side == side.sign
        curve = depth.side(falling=side is Side.LONG)
        v = book.quantity[of] / thickness
        slip[of] = np.where(v > curve.most, 1.0, curve.slippage(np.minimum(v, curve.most)))
    equity = book.cash + book.side * value * (1.0 - book.side * slip)
    return np.maximum(-equity, 0.0)


def owners_of(book: AccountBook) -> npt.NDArray[np.int64]:
    """Number of each account's owner: its cluster, else its account's hash, else itself."""
    names = book.cluster or book.owner
    if not names:
        return np.arange(book.size, dtype=np.int64)
    return np.asarray(
        np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)[1]
    )


def cover(losses: npt.ArrayLike, owners: npt.ArrayLike | None = None) -> Cover:
    """Cover-1 and cover-2 of scenarios.

    Parameters
    ----------
    losses : array_like (scenarios, accounts)
    owners : array_like (accounts,), optional
        Number of each account's owner; by default each is its own.
    """
    x = np.atleast_2d(np.asarray(losses, dtype=np.float64))
    if owners is not None:
        of = np.asarray(owners, dtype=np.int64)
        count = int(of.max()) + 1
        x = np.stack([np.bincount(of, weights=row, minlength=count) for row in x])
    ordered = np.sort(x, axis=1)[:, ::-1]
    three = np.zeros((x.shape[0], 3))
    three[:, : min(3, x.shape[1])] = ordered[:, :3]
    first, second, third = three.T
    return Cover(
        float(first.max()),
        float((first + second).max()),
        float(np.maximum(first, second + third).max()),
        int(x.shape[1]),
    )
