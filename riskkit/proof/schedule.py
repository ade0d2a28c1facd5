"""Positions opened one after another along one price path, history or simulated.

What `riskkit.venue.run.run_mechanism` does for one position (full close-out, flat slippage,
an oracle that publishes every bar), for thousands of overlapping ones at once, with margins that
may change while a position is open. A position is reduced to log price moves since its opening:

    1 - s IM = (1 - s E) (1 - s MM)        1 - s MM = (1 - s L) (1 - s c)

with s the sign of the side, E the excursion before the trigger, L the covered loss after it and c
the cost of closing out. Both identities follow from `riskkit.venue.margin`; a loan is a long with
MM = 1 - LT, IM = 1 - LTV and c = bonus / (1 + bonus).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.compiled import Integers, Real, Vector, compiled
from riskkit.market.calendar import hole_before
from riskkit.market.history import PriceHistory
from riskkit.position import Side

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lags:
    """Bars a position is held, bars the oracle is late, bars from trigger to execution."""

    horizon: int
    latency: int
    delay: int

    @property
    def bars(self) -> int:
        """Bars a path must run on so that every trigger within the horizon is closed."""
        return self.horizon + self.latency + self.delay


@dataclass(frozen=True)
class Schedule:
    """What became of k positions.

    Attributes
    ----------
    trigger_bar : ndarray (k,)
        Bars from opening to the trigger; 0 if none.
    default_bar : ndarray (k,)
        Bars from opening to the close-out that left equity below zero; 0 if none.
    move : ndarray (k,)
        Log price at execution over that at opening; 0 without a trigger.
    """

    trigger_bar: Ints = field(repr=False)
    default_bar: Ints = field(repr=False)
    move: Array = field(repr=False)

    @property
    def liquidated(self) -> Flags:
        """Triggered within the holding horizon, shape (k,)."""
        return self.trigger_bar > 0

    def within(self, bars: int) -> Flags:
        """Triggered no later than ``bars`` bars after opening, shape (k,)."""
        return self.liquidated & (self.trigger_bar <= bars)

    @property
    def defaulted(self) -> Flags:
        """Equity below zero at the close-out, shape (k,)."""
        return self.default_bar > 0


def run_schedule(
    log_close: Array,
    opened: Ints,
    trigger: Array | float,
    default: Array | float,
    side: Side,
    lags: Lags,
    *,
    log_extreme: Array | None = None,
    log_fill: Array | None = None,
    maintenance: Array | None = None,
) -> Schedule:
    """Run positions opened at the closes of the bars ``opened`` (k,), each on its own.

    Parameters
    ----------
    log_close : ndarray (n,)
        Every position needs ``lags.bars`` bars after its opening; the last may need the last bar.
    trigger, default : ndarray (k,) or a number
        Log moves since opening: triggered at or beyond, in default strictly beyond.
    log_extreme : ndarray (n,), optional
        Log of the lows (long) or highs (short); without them triggers between closes go unseen.
    log_fill : ndarray (n,), optional
        Log of where a close-out of each bar is filled; the closes if not given.
    maintenance : ndarray (n,), optional
        Maintenance margin in force in each bar. ``trigger`` is then the log move that would
        exhaust the opening margin (1 - s IM), and the trigger is found bar by bar.
    """
    k, s = opened.shape, side.sign
    ease = np.zeros(log_close.size) if maintenance is None else np.log1p(-s * maintenance)
    trigger_bar, default_bar = np.zeros(k, np.int64), np.zeros(k, np.int64)
    move = np.zeros(k)
    _run(
        Seen(
            np.array(log_close, dtype=np.float64),
            np.array(log_close if log_extreme is None else log_extreme, dtype=np.float64),
            np.array(log_close if log_fill is None else log_fill, dtype=np.float64),
            ease,
        ),
        Opened(np.array(opened, dtype=np.int64), np.zeros(k) + trigger, np.zeros(k) + default),
        float(s),
        np.array([lags.horizon, lags.latency, lags.delay], dtype=np.int64),
        trigger_bar,
        default_bar,
        move,
    )
    return Schedule(trigger_bar, default_bar, move)


def openings(history: PriceHistory, bars: int) -> tuple[Flags, Flags]:
    """For each bar, whether ``bars`` bars follow it, and whether no hole lies among them."""
    times = pd.DatetimeIndex(history.bars.index)
    holes = np.cumsum(hole_before(times, history.bar, history.calendar))
    n = len(times)
    inside = np.arange(n) + bars < n
    last = np.minimum(np.arange(n) + bars, n - 1)
    return inside, holes[last] == holes


class Seen(NamedTuple):
    """Logs along a history (n,): closes, extremes, fills, and how much later a trigger comes."""

    close: Vector
    extreme: Vector
    fill: Vector
    ease: Vector


class Opened(NamedTuple):
    """Positions (k,): the bar of opening, and the log moves that trigger and that default."""

    bar: Integers
    trigger: Vector
    default: Vector


@compiled()
def _run(  # pragma: no cover - compiled
    seen_prices: Seen,
    opened: Opened,
    s: Real,
    lags: Integers,
    trigger_bar: Integers,
    default_bar: Integers,
    move: Vector,
) -> None:
    close, extreme, ease = seen_prices.close, seen_prices.extreme, seen_prices.ease
    fill = seen_prices.fill
    trigger, default = opened.trigger, opened.default
    horizon, latency, delay = lags[0], lags[1], lags[2]
    for i in range(opened.bar.size):
        start = opened.bar[i]
        for t in range(1, horizon + 1):
            seen = start + t + latency  # the bar in which the oracle reports bar t
            if s * (extreme[start + t] - close[start]) <= s * (trigger[i] - ease[seen]):
                trigger_bar[i] = t + latency
                move[i] = fill[seen + delay] - close[start]
                if s * move[i] < s * default[i]:
                    default_bar[i] = t + latency + delay
                break
