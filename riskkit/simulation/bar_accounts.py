"""Accounts along bars with highs and lows, under a margin that moves: one walk for each account.

Triggers are seen at a bar's adverse extreme, since that is where liquidations print, and close-outs
fill between the close of the bar of execution and its extreme. A requirement that moves is told
apart from a price that does: each liquidated account is walked on under the margin it was opened
at, to see whether it would have been liquidated anyway.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Integers, Vector, compiled
from riskkit.paths.inside import Fill
from riskkit.position import Side

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


#: How far from the close to the adverse extreme, in logs, a close-out is filled.
REACH = {Fill.CLOSE: 0.0, Fill.MIDPOINT: 0.5, Fill.EXTREME: 1.0}


class Bars(NamedTuple):
    """Prices (n,) as one side meets them.

    Attributes
    ----------
    close, seen, extreme : ndarray
        Close; where triggers are seen (the extreme, or the close again); adverse extreme.
    stretch : ndarray of int
        Number of the stretch between holes that positions leave at.
    """

    close: Vector
    seen: Vector
    extreme: Vector
    stretch: Integers


class AskedMargin(NamedTuple):
    """Margins (n,) along the bars: published at each close, and asked of old positions in a bar."""

    published: Vector
    matured: Vector


class OpenedAccounts(NamedTuple):
    """Accounts (k,): the bar at whose close each is opened, and its initial margin."""

    bar: Integers
    margin: Vector


class Results(NamedTuple):
    """What became of accounts (k,)."""

    trigger: Integers
    end: Integers
    bad_debt: Vector
    caused: Integers


@compiled()
def _walk(  # pragma: no cover - compiled
    bars: Bars,
    asked: AskedMargin,
    opened: OpenedAccounts,
    numbers: Integers,
    costs: Vector,
    out: Results,
) -> None:
    close, seen, extreme, stretch = bars.close, bars.seen, bars.extreme, bars.stretch
    published, matured = asked.published, asked.matured
    opening, posted = opened.bar, opened.margin
    trigger, end, bad_debt, caused = out.trigger, out.end, out.bad_debt, out.caused
    horizon, delay, notice, shadowed = numbers[0], numbers[1], numbers[2], numbers[3]
    s, cost, weight = costs[0], costs[1], costs[2]
    last = close.size - 1
    for i in range(opening.size):
        u = opening[i]
        start = close[u]
        bound = start * (posted[i] - s)  # equity at price x is this and s x
        least = published[u]
        first = published[u]
        stop = min(u + horizon, last)
        trigger[i], caused[i], bad_debt[i] = 0, 0, 0.0
        end[i] = stop
        for v in range(u + 1, stop + 1):
            if stretch[v] != stretch[u]:
                end[i] = v - 1
                break
            least = min(least, published[v - 1])
            asks = least if v - u <= notice + 1 else matured[v]
            if bound + s * seen[v] > asks * seen[v]:
                continue
            x = v + delay
            if x > last or stretch[x] != stretch[u]:
                end[i] = v
                break
            price = close[x]
            if weight == 1.0:
                price = extreme[x]
            elif weight > 0.0:
                price = close[x] * (extreme[x] / close[x]) ** weight
            equity = bound + s * price - cost * price
            trigger[i], end[i] = v, x
            bad_debt[i] = max(-equity / start, 0.0)
            if shadowed > 0:
                caused[i] = 1
                for w in range(v, stop + 1):
                    if stretch[w] != stretch[u]:
                        break
                    if bound + s * seen[w] <= first * seen[w]:
                        caused[i] = 0
                        break
            break


@dataclass(frozen=True)
class AccountTerms:
    """How accounts are watched and closed; times in bars.

    Attributes
    ----------
    horizon : int
        Held for, unless liquidated.
    delay : int
        From the bar of the trigger to that of execution, what the venue learns late included.
    cost : float
        Of closing out, a fraction of the value closed.
    fill : Fill
    notice : int
        Bars until a raise binds open positions; -1 if it never does.
    """

    horizon: int
    delay: int
    cost: float
    fill: Fill = Fill.EXTREME
    notice: int = 0


@dataclass(frozen=True)
class Outcomes:
    """What became of k accounts, each shape (k,).

    Attributes
    ----------
    trigger : ndarray of int
        Bar of the history in which it was triggered; 0 if it was not.
    end : ndarray of int
        Bar at whose close it was gone: executed, held to the end, or at a hole.
    bad_debt : ndarray
        Of the notional at opening; 0 where equity sufficed.
    caused : ndarray of bool
        Liquidated by the requirement alone: at the margin in force when it was opened it would not
        have been within its time.
    """

    trigger: Ints = field(repr=False)
    end: Ints = field(repr=False)
    bad_debt: Array = field(repr=False)
    caused: Flags = field(repr=False)

    @property
    def liquidated(self) -> Flags:
        """Triggered and executed."""
        return self.trigger > 0

    @property
    def defaulted(self) -> Flags:
        """Closed with equity below zero."""
        return self.bad_debt > 0.0


def run_accounts(
    bars: Bars,
    asked: AskedMargin,
    opened: OpenedAccounts,
    side: Side,
    terms: AccountTerms,
    *,
    shadow: bool = True,
) -> Outcomes:
    """Run accounts opened at closes of bars, each on its own.

    Parameters
    ----------
    shadow : bool
        Whether to ask which liquidations the requirement caused alone.
    """
    k = opened.bar.size
    out = Results(np.zeros(k, np.int64), np.zeros(k, np.int64), np.zeros(k), np.zeros(k, np.int64))
    notice = bars.close.size if terms.notice < 0 else terms.notice
    numbers = np.array([terms.horizon, terms.delay, notice, int(shadow)], dtype=np.int64)
    costs = np.array([float(side.sign), terms.cost, REACH[terms.fill]])
    own = Bars(
        _own(bars.close),
        _own(bars.seen),
        _own(bars.extreme),
        np.require(bars.stretch, np.int64, ["C", "W"]),
    )
    _walk(own, asked, opened, numbers, costs, out)
    return Outcomes(out.trigger, out.end, out.bad_debt, out.caused > 0)


def _own(column: Array) -> Array:
    """A column as a kernel takes it: without gaps, and one that may be written to."""
    return np.require(column, np.float64, ["C", "W"])
