"""A slow tracker of a VaR's own record: the count of exceptions, mended by integral control.

    VaR[t] = q[t] exp(c[t]),    c[t+1] = c[t] + eta (1{loss[t] > VaR[t]} - p),    c[0] = 0

Its rate is eta = .005 sqrt(.01/p) for losses of one bar, spread evenly over the bars of a longer
period: slow enough to pay for no cluster, fast enough to undo a level that is wrong for years. By
construction it mends the count, and nothing else: of independence it takes nothing and gives none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RATE = 0.005
"""At a tail probability of 1 %."""


@dataclass(frozen=True)
class Tracked:
    """Where a tracker stands after some forecasts.

    Attributes
    ----------
    level : float
        c, in logs.
    seen : int
        Losses that have entered it.
    """

    level: float = 0.0
    seen: int = 0


def rate_of(probability: float, bars: int, rate: float = RATE) -> float:
    """The step eta of one loss over ``bars`` bars at a tail probability."""
    return rate * math.sqrt(0.01 / probability) / bars


def track(
    ratio: Array,
    origin: Ints,
    target: Ints,
    levels: Array,
    begun: Tracked,
    *,
    first: int,
    probability: float,
    step: float,
) -> Tracked:
    """Fill ``levels[first:]`` with c at each forecast, from losses that had ended by its origin.

    Parameters
    ----------
    ratio : ndarray, shape (n,)
        Loss over q, the VaR before correction, of every forecast so far; NaN where no loss came,
        which then says nothing.
    origin, target : ndarray of int, shape (n,)
        Bars at which each forecast was made and its loss ended, both in order.
    levels : ndarray, shape (n,)
        c of the forecasts before ``first``; filled from there on.
    begun : Tracked
        As returned for the forecasts before ``first``.
    first : int
    probability : float
        Tail probability p of the VaR.
    step : float
        eta, as `rate_of` gives it.

    Returns
    -------
    Tracked
        Where the tracker stands at the last forecast.

    Source: integral control of quantiles, Gibbs & Candes (2021) in its logarithm.
    """
    c, seen = begun.level, begun.seen
    losses, ends = ratio.tolist(), target.tolist()
    for t in range(first, len(losses)):
        now = origin[t]
        while seen < t and ends[seen] <= now:
            if losses[seen] == losses[seen]:
                hit = losses[seen] > math.exp(levels[seen])
                c += step * ((1.0 if hit else 0.0) - probability)
            seen += 1
        levels[t] = c
    return Tracked(c, seen)
