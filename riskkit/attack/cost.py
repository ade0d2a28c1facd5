"""What it costs to move a price that a venue believes.

A book is moved by a factor m, held there, and let go: what was bought is then worth the first price
again. The attacker is out of pocket by what he paid above it, and by fees both ways. Quantities are
values at the first price.

For a linear book with log displacement kappa per unit bought: spent (m - 1)/kappa for a quantity
ln m/kappa, so that (m - 1 - ln m)/kappa is lost if the move reverts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from riskkit.errors import InputError
from riskkit.venue.depth import DepthCurve, table_of

#: Every set of sources is looked at.
MOST_SOURCES = 16


@dataclass(frozen=True)
class MoveCost:
    """A price moved by a factor, and let go.

    Attributes
    ----------
    multiple : float
        The factor: above 1 bought up, below 1 sold down.
    quantity : float
        Bought or sold, in value at the first price.
    capital : float
        What must be at hand: the money spent, or the quantity sold.
    reverted : float
        Lost when the price goes back: to whoever trades it back.
    fees : float
        Of trading there and back.
    """

    multiple: float
    quantity: float
    capital: float
    reverted: float
    fees: float

    @property
    def loss(self) -> float:
        """What the attacker is out of pocket."""
        return self.reverted + self.fees

    def times(self, count: float) -> MoveCost:
        """The same move made again each time it is traded back; capital is needed once."""
        return MoveCost(
            self.multiple, self.quantity, self.capital, count * self.reverted, count * self.fees
        )


def book_move(curve: DepthCurve, multiple: float, fee: float = 0.0) -> MoveCost:
    """Move a book of a depth by a factor.

    Parameters
    ----------
    curve : DepthCurve
        Offers for a factor above 1, bids below.
    multiple : float
        Price after over price before; positive.
    fee : float
        Of every trade, a fraction.

    Returns
    -------
    MoveCost
        With infinite capital where the book ends before.

    Raises
    ------
    InputError
        For a factor that is not positive, or a fee outside [0, 1).
    """
    if not (multiple > 0.0 and math.isfinite(multiple)):
        raise InputError("multiple", multiple, "must be positive", "Write +35 % as 1.35")
    if not 0.0 <= fee < 1.0:
        raise InputError("fee", fee, "must lie in [0, 1)", "Write 5 bps as 0.0005")
    d = abs(math.log(multiple))
    if d == 0.0:
        return MoveCost(1.0, 0.0, 0.0, 0.0, 0.0)
    quantity = float(curve.quantity_to(d))
    if quantity >= curve.most:
        return MoveCost(multiple, curve.most, math.inf, math.inf, math.inf)
    traded = _traded(curve, quantity, d, 1.0 if multiple > 1.0 else -1.0)
    fees = fee * (traded + quantity)
    if multiple > 1.0:
        return MoveCost(multiple, quantity, traded, traded - quantity, fees)
    return MoveCost(multiple, quantity, quantity, quantity - traded, fees)


def pool_move(quote: float, multiple: float, fee: float = 0.0) -> MoveCost:
    """Move a constant-product pool by a factor: y (sqrt m - 1) in, y (sqrt m + 1/sqrt m - 2) lost.

    Parameters
    ----------
    quote : float
        Reserve y of the money that the price is in.
    multiple : float
    fee : float
        Of a trade, a fraction of what goes in.
    """
    if not quote > 0.0:
        raise InputError("quote", quote, "must be positive", "Give the pool's reserve")
    root = math.sqrt(multiple)
    capital = quote * abs(root - 1.0)
    back = quote * abs(1.0 - 1.0 / root)
    lost = quote * (root + 1.0 / root - 2.0)
    return MoveCost(multiple, back, capital, lost, fee * (capital + back))


class PriceMean(StrEnum):
    """How an oracle averages prices over its window."""

    ARITHMETIC = "arithmetic"
    GEOMETRIC = "geometric"


def averaged_multiple(target: float, window: float, held: float, mean: PriceMean) -> float:
    """Factor that the price must show while held, so that its average moves by ``target``.

    Arithmetic: 1 + (a - 1) T/n; geometric: a^(T/n), for n of T blocks. Infinite where it would
    have to be: an average cannot fall below the part that is not held.

    Raises
    ------
    InputError
        If less than a block is averaged or held, or more is held than averaged.
    """
    if not window >= 1.0:
        rule = "must be at least one block (or bar)"
        raise InputError("window", window, rule, "A price that is not averaged has a window of 1")
    if not 0.0 < held <= window:
        rule = f"must lie above 0 and be at most the window, {window:g}"
        raise InputError("held", held, rule, "Holding longer than the window moves it no further")
    if mean is PriceMean.ARITHMETIC:
        return max(1.0 + (target - 1.0) * window / held, 0.0)
    power = window / held * math.log(target)
    return math.exp(power) if power < 700.0 else math.inf


@dataclass(frozen=True)
class PriceSource:
    """A source of a weighted median: its weight, and the depth of its market."""

    name: str
    weight: float
    curve: DepthCurve
    fee: float = 0.0


def cheapest_majority(
    sources: Sequence[PriceSource], multiple: float
) -> tuple[tuple[str, ...], MoveCost]:
    """The cheapest set of sources with more than half the weight, and what moving it costs.

    Raises
    ------
    InputError
        For fewer than two sources (that is no median), or a weight that is not positive.
    """
    if len(sources) < 2:
        rule = "must be at least two: of one source a median is that source"
        raise InputError("sources", len(sources), rule, "Ask for the cost of the source itself")
    weights = np.array([source.weight for source in sources])
    if not (weights > 0.0).all():
        rule = "must be positive"
        raise InputError("weight", weights.tolist(), rule, "Leave sources without weight out")
    if len(sources) > MOST_SOURCES:
        rule = f"must be at most {MOST_SOURCES}"
        raise InputError("sources", len(sources), rule, "Leave those of the least weight out")
    moves = [book_move(source.curve, multiple, source.fee) for source in sources]
    losses = np.array([move.loss for move in moves])
    sets = (np.arange(1, 2 ** len(sources))[:, None] >> np.arange(len(sources))) & 1
    enough = sets @ weights > 0.5 * weights.sum()
    costs = np.where(sets > 0, losses, 0.0).sum(axis=1)
    cheapest = int(np.argmin(np.where(enough, costs, math.inf)))
    if not math.isfinite(costs[cheapest]) or not enough[cheapest]:
        return (), MoveCost(multiple, math.inf, math.inf, math.inf, math.inf)
    chosen = np.flatnonzero(sets[cheapest]).tolist()
    total = [
        sum(getattr(moves[i], name) for i in chosen)
        for name in ("quantity", "capital", "reverted", "fees")
    ]
    return tuple(sources[i].name for i in chosen), MoveCost(multiple, *total)


def _traded(curve: DepthCurve, quantity: float, d: float, sign: float) -> float:
    """Money that changes hands: the integral of exp(sign d) over the quantity."""
    slope = curve.slope
    if slope is not None:
        return sign * math.expm1(sign * d) / slope
    table = table_of(curve, sign)
    k = int(np.clip(np.searchsorted(table[:, 1], d, side="right") - 1, 0, len(table) - 2))
    run = d - float(table[k, 1])
    width = quantity - float(table[k, 0])
    mean = math.expm1(sign * run) / (sign * run) if run > 1e-12 else 1.0
    return float(table[k, 2]) + math.exp(sign * float(table[k, 1])) * mean * width
