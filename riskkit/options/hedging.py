"""What a venue must trade when it takes a book of options over, and what that does to the market.

It takes over a delta that changes as the price moves: gamma times the move is traded in the
direction of the move by whoever is short options, in the market that is falling, at the depth that
a crash leaves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.options.black import black_deltas, greeks
from riskkit.options.legs import YEAR_DAYS, OptionBook, OptionLeg, Reserve
from riskkit.venue.depth import DepthCurve

Array = npt.NDArray[np.float64]

#: Moves of the price at which the need is shown, simple.
MOVES = (-0.3, -0.2, -0.1, -0.05, 0.05, 0.1, 0.2, 0.3)


@dataclass(frozen=True)
class HedgingNeed:
    """What is to be traded after a move.

    Attributes
    ----------
    move : float
        Simple.
    delta : float
        Of the book after it, money; the hedge is its opposite.
    trade : float
        Money, signed: negative is sold.
    cost : float
        Slippage of the trade at crash depth, money; infinite beyond all depth.
    impact : float
        Log displacement of the price by the trade; adds to the move where it is of its sign.
    """

    move: float
    delta: float
    trade: float
    cost: float
    impact: float


def book_delta(
    legs: Sequence[OptionLeg], book: OptionBook, price: float, move: float, days: float = 0.0
) -> float:
    """Delta of legs of one underlying in money after a move and some days, strikes' own volatility.

    Legs whose reserve is locked are left out: nobody takes them over.
    """
    total = 0.0
    for leg in legs:
        if leg.reserve is not Reserve.NONE:
            continue
        forward = (leg.forward or price) * (1.0 + move)
        years = max(leg.days(book.moment) - days, 0.0) / YEAR_DAYS
        found = greeks(forward, leg.strike, years, leg.volatility, leg.kind.sign > 0.0)
        total += leg.quantity * found.delta * forward
    return total


def hedging_need(
    book: OptionBook,
    underlying: str,
    price: float,
    curves: tuple[DepthCurve, DepthCurve] | None,
    crash_fraction: float,
    moves: Sequence[float] = MOVES,
    *,
    rate: float = 0.0,
) -> tuple[HedgingNeed, ...]:
    """What a venue that holds the book's other side must trade after each move.

    It takes the legs over hedged, and hedges again after the move: it trades the change of delta,
    against it.

    Parameters
    ----------
    curves : (DepthCurve, DepthCurve) or None
        Bids and offers of calm days; None where no depth is known: the cost is then ``rate`` of
        what is traded, and the impact NaN.
    crash_fraction : float
        Depth left; in (0, 1].
    rate : float
        Cost where there are no curves.

    Raises
    ------
    InputError
    """
    if not 0.0 < crash_fraction <= 1.0:
        raise InputError("crash_fraction", crash_fraction, "must lie in (0, 1]", "A tenth is 0.1")
    legs = [leg for leg in book.legs if leg.underlying == underlying]
    start = book_delta(legs, book, price, 0.0)
    rows = []
    for move in moves:
        after = book_delta(legs, book, price, move)
        # The hedge of the start has grown with the price; what is missing is traded.
        trade = start * (1.0 + move) - after
        if curves is None:
            rows.append(HedgingNeed(move, after, trade, rate * abs(trade), math.nan))
            continue
        curve = curves[0] if trade < 0.0 else curves[1]
        # Depth at a fraction c of calm: a quantity costs what 1/c of it costs.
        quantity = abs(trade) / crash_fraction
        within = quantity < curve.most
        cost = abs(trade) * float(curve.slippage(quantity)) if within else math.inf
        impact = float(curve.displacement(quantity)) if within else math.inf
        rows.append(HedgingNeed(move, after, trade, cost, math.copysign(impact, trade)))
    return tuple(rows)


def rehedging_costs(
    book: OptionBook, underlying: str, price: float, paths: Array, bar_days: float, rate: float
) -> Array:
    """Cost of hedging again at every bar of paths: the sum of absolute changes of delta by a rate.

    Parameters
    ----------
    paths : ndarray (T, M)
        Simple returns of the underlying since today, at each bar.
    bar_days : float
        Days a bar.
    rate : float
        Slippage and fee of a trade, a fraction.

    Returns
    -------
    ndarray (M,)
        Money.
    """
    legs = [leg for leg in book.legs if leg.underlying == underlying]
    total = np.zeros(paths.shape[1])
    before = np.full(paths.shape[1], book_delta(legs, book, price, 0.0) / price)
    for t, moves in enumerate(paths):
        units = np.zeros_like(total)
        days = bar_days * (t + 1)
        for leg in legs:
            if leg.reserve is Reserve.NONE:
                units += leg.quantity * _unit_delta(leg, book, price, moves, days)
        total += np.abs(units - before) * price * (1.0 + moves) * rate
        before = units
    return total


def _unit_delta(leg: OptionLeg, book: OptionBook, price: float, moves: Array, days: float) -> Array:
    """Delta of one unit, in units of the underlying, after moves and days."""
    forward = (leg.forward or price) * (1.0 + moves)
    left = leg.days(book.moment) - days
    deviation = leg.volatility * math.sqrt(max(left, 0.0) / YEAR_DAYS)
    return black_deltas(forward, leg.strike, deviation, leg.kind.sign)
