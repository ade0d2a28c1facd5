"""Guards on a price, each with what its false halts cost beside what it keeps out.

History's own moves are taken as true: a guard that stops one has halted the venue falsely. While it
is halted nobody is closed; what that costs is the bad debt of the venue's accounts at the price of
its reopening, beyond their bad debt at the price at which it stopped. It may be negative, where the
price came back. A bad print that passes closes accounts that should not be (they lose the penalty
and what closing them costs), and pays whoever holds the other side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.attack.cost import PriceSource, cheapest_majority
from riskkit.attack.gain import Prey
from riskkit.attack.raids import ForcedAccounts
from riskkit.attack.stale import stale_option
from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.position import Side
from riskkit.venue.accounts import AccountBook
from riskkit.venue.depth import MarketDepth

Array = npt.NDArray[np.float64]

#: Price bands looked at: largest accepted change of a bar, a simple fraction.
BANDS = (0.02, 0.05, 0.1, 0.2, 0.3)
#: Widths of a bar (high less low, of its close) at which a feed's confidence is rejected.
WIDTHS = (0.02, 0.05, 0.1, 0.2)
#: Cut-offs and graces, in bars.
CUT_OFFS = (1, 2, 6)
GRACES = (0, 1, 2, 4, 8)
#: Move of the index at which the order of its sources is priced.
FALLBACK_MOVE = 1.1


@dataclass(frozen=True)
class GuardedVenue:
    """What guards protect.

    Attributes
    ----------
    book : AccountBook
        Taken to stand as it does at each halt.
    depth : MarketDepth
    prey : Prey
        Pays whoever wins by a bad print.
    penalty : float
        Of a close-out, a fraction of the notional.
    bad_print : float
        Size of a bad print, a simple fraction: .5 is half the price, or twice it.
    """

    book: AccountBook = field(repr=False)
    depth: MarketDepth = field(repr=False)
    prey: Prey
    penalty: float
    bad_print: float

    def bad_debt(self, price: float) -> float:
        """Equity below zero at a price relative to the book's."""
        book = self.book
        return float(-np.minimum(book.cash + book.side * book.quantity * price, 0.0).sum())

    def print_loss(self, size: float) -> float:
        """What a bad print of a size costs owners and those who pay winners, the worse way."""
        return max(self._print_loss(side, size) for side in Side)

    def _print_loss(self, side: Side, size: float) -> float:
        move = -math.log1p(-size)
        closed, _ = ForcedAccounts.of(self.book, side).at(move)
        curve = self.depth.bids if side is Side.LONG else self.depth.offers
        within = min(closed, 0.999 * curve.most)
        owners = closed * self.penalty + (within * float(curve.slippage(within)) if closed else 0.0)
        return owners + min(self.book.open_interest * size, self.prey.total)


@dataclass(frozen=True)
class Guard:
    """One setting of one guard.

    Attributes
    ----------
    name, setting : str
    halts_per_year : float
        False halts on history.
    cost_per_year : float
        Bad debt that builds while halted, money a year; negative where halting helped.
    print_loss : float
        What passes it costs: a bad print, a stale trade, or moving the sources that are left;
        nan where nothing is compared.
    pays_from : float
        Bad prints a year from which the guard costs less than it keeps out; nan where that is not
        the question.
    """

    name: str
    setting: str
    halts_per_year: float
    cost_per_year: float
    print_loss: float
    pays_from: float


def price_bands(
    history: PriceHistory, venue: GuardedVenue, halted: int, bands: Sequence[float] = BANDS
) -> tuple[Guard, ...]:
    """Bands on the change of a bar: a larger one halts the venue for some bars.

    Parameters
    ----------
    halted : int
        Bars; at least 1.

    Raises
    ------
    InputError
        For a band outside (0, 1), or a halt of less than a bar.
    """
    _check(venue.bad_print, halted)
    for band in bands:
        if not 0.0 < band < 1.0:
            raise InputError("band", band, "must lie in (0, 1)", "Write 5 % as 0.05")
    moves = np.diff(np.log(history.close.to_numpy()))
    without = venue.print_loss(venue.bad_print)
    rows = []
    for band in bands:
        stopped = np.abs(np.expm1(moves)) > band
        halts, cost = _halts(stopped, moves, venue, halted)
        loss = venue.print_loss(min(band, venue.bad_print))
        rows.append(
            Guard(
                "price band",
                f"{band:.0%} a bar",
                halts / _years(history),
                cost / _years(history),
                loss,
                _pays_from(cost / _years(history), without - loss),
            )
        )
    return tuple(rows)


def confidence_rejects(
    history: PriceHistory, venue: GuardedVenue, widths: Sequence[float] = WIDTHS
) -> tuple[Guard, ...]:
    """Rejecting a price whose bar is wide, as a feed's confidence would be; until one is not.

    The width of a bar stands for the feed's own confidence, which price files do not hold. A bad
    print within one source widens it, so that the largest that passes is the width.
    """
    if not history.has_extremes:
        return ()
    bars = history.bars
    wide = ((bars["high"] - bars["low"]) / bars["close"]).to_numpy()[1:]
    moves = np.diff(np.log(history.close.to_numpy()))
    without = venue.print_loss(venue.bad_print)
    rows = []
    for width in widths:
        halts, cost = _halts(wide > width, moves, venue, 0)
        loss = venue.print_loss(min(width, venue.bad_print))
        rows.append(
            Guard(
                "confidence",
                f"{width:.0%} wide",
                halts / _years(history),
                cost / _years(history),
                loss,
                _pays_from(cost / _years(history), without - loss),
            )
        )
    return tuple(rows)


def graces(
    history: PriceHistory, venue: GuardedVenue, band: float, bars: Sequence[int] = GRACES
) -> tuple[Guard, ...]:
    """Bars after a halt in which nobody is closed yet, at one band."""
    moves = np.diff(np.log(history.close.to_numpy()))
    stopped = np.abs(np.expm1(moves)) > band
    rows = []
    for grace in bars:
        halts, cost = _halts(stopped, moves, venue, 1 + grace)
        rows.append(
            Guard(
                "grace",
                f"{grace} bars after {band:.0%}",
                halts / _years(history),
                cost / _years(history),
                math.nan,
                math.nan,
            )
        )
    return tuple(rows)


def staleness_cut_offs(
    history: PriceHistory,
    venue: GuardedVenue,
    sigma_per_year: float,
    cut_offs: Sequence[int] = CUT_OFFS,
) -> tuple[Guard, ...]:
    """Halting when the last price is older than some bars.

    A halt is a hole of history longer than that. What passes is a trade at a price of that age, in
    the quantity that moves the market by 1 %.
    """
    times = pd.DatetimeIndex(history.bars.index).to_series()
    gaps = (times.diff() / history.bar).to_numpy()[1:]
    at_once = float(venue.depth.bids.quantity_to(math.log(1.01)))
    rows = []
    for bars in cut_offs:
        age = bars * history.bar.total_seconds()
        rows.append(
            Guard(
                "staleness",
                f"{bars} bars",
                float((gaps > bars + 0.5).sum()) / _years(history),
                0.0,
                stale_option(sigma_per_year, age) * at_once,
                math.nan,
            )
        )
    return tuple(rows)


def fallbacks(sources: Sequence[PriceSource], move: float = FALLBACK_MOVE) -> tuple[Guard, ...]:
    """What moving the index costs when each source in turn has failed.

    ``print_loss`` is that cost: with all of them first.
    """
    rows = []
    everyone = ("all sources", list(sources))
    without = [
        (f"without {one.name}", [s for s in sources if s.name != one.name]) for one in sources
    ]
    for words, left in (everyone, *without):
        if len(left) < 2:
            continue
        _, cost = cheapest_majority(left, move)
        rows.append(Guard("fallback", words, math.nan, math.nan, cost.loss, math.nan))
    return tuple(rows)


def _halts(
    stopped: npt.NDArray[np.bool_], moves: Array, venue: GuardedVenue, halted: int
) -> tuple[int, float]:
    """Number of halts, and the bad debt that built in them, net of what came back.

    A halt starts at a stopped bar. It lasts ``halted`` bars, or until a bar is not stopped (0). A
    bar that is stopped within a halt prolongs it and starts none.
    """
    count, cost, t = 0, 0.0, 0
    while t < len(moves):
        if not stopped[t]:
            t += 1
            continue
        end = t + max(halted, 1)
        while end < len(moves) and stopped[end]:
            end += max(halted, 1)
        end = min(end, len(moves) - 1)
        at = math.exp(float(moves[t]))
        reopened = math.exp(float(moves[t : end + 1].sum()))
        cost += venue.bad_debt(reopened) - venue.bad_debt(at)
        count += 1
        t = end + 1
    return count, cost


def _pays_from(cost: float, saved: float) -> float:
    if saved <= 0.0:
        return math.inf if cost > 0.0 else 0.0
    return max(cost, 0.0) / saved


def _years(history: PriceHistory) -> float:
    return len(history) / history.bars_per_year


def _check(bad_print: float, halted: int) -> None:
    if not 0.0 < bad_print < 1.0:
        raise InputError(
            "bad_print", bad_print, "must lie in (0, 1)", "Write half the price as 0.5"
        )
    if halted < 1:
        raise InputError("halted", halted, "must be at least one bar", "Give a whole number")
