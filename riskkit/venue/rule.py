"""A margin that moves, as the rule that a venue publishes.

A margin is worth what its rule says: which feed it reads, how often it is published, how fast it
may change, what holds while the feed is stale, how high it may go, and when a raise binds positions
that are open already. A raise that binds at once liquidates by itself.

    formula_t   = max(multiple * sigma_t * sqrt(window) + cost, floor)
    published_t = formula_t where a publication is due, else published_{t-1}; no more than
                  ``greatest_change`` of the last one away from it, no higher than the cap
    asked_v     = least of published_w over the ``notice`` bars before bar v, from opening on

The least over the notice is what "a raise binds after notice, a reduction at once" says: nobody is
asked for more than what has stood published for the whole notice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.compiled import Flags, Real, Vector, Whole, compiled
from riskkit.errors import InputError

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NEVER = -1  # notice, in bars, of a raise that binds no position that is open


class Raises(StrEnum):
    """When a raise binds positions that are open; new ones it binds at once."""

    AFTER_NOTICE = "after-notice"
    AT_ONCE = "at-once"
    NEVER = "never"


@dataclass(frozen=True)
class PublishedRule:
    """A published rule of the maintenance margin; times in bars.

    Attributes
    ----------
    multiple : float
        Of the forecast volatility over the window.
    window : int
        Bars from the one that jumps through the trigger to execution; the forecast of one bar is
        scaled by its square root.
    cost : float
        Of closing out, added on top; a fraction of notional.
    interval : int
        Bars from one publication to the next.
    notice : int
        Bars from publication until a raise binds open positions (where it binds after notice).
    greatest_change : float
        Of the published margin, up or down, in one interval; infinite for no limit.
    staleness : int
        Bars for which the feed may be silent. After a longer silence the fallback holds for as
        long again: a forecast made before a hole knows nothing of what came in it.
    fallback : float
        Least margin while the feed counts as stale; 0 leaves the formula.
    cap : float
        Highest margin; it bounds the users' burden, and the fund bears the rest.
    raises : Raises
    late : int
        Bars by which the rule is late: it applies what it would have published then.
    floor : float
        Least margin; 0 for none.
    smoothing : float
        Half-life, in bars, of the average of squared forecasts that the formula reads; 0 reads the
        last one.
    memory : float
        Share of the next bar's variance that follows the last blows of the side hit harder; whoever
        makes the forecast applies it, see `riskkit.proof.track.remembering`.
    """

    multiple: float
    window: int
    cost: float
    interval: int = 1
    notice: int = 0
    greatest_change: float = math.inf
    staleness: int = 12
    fallback: float = 0.0
    cap: float = 0.5
    raises: Raises = Raises.AFTER_NOTICE
    late: int = 0
    floor: float = 0.0
    smoothing: float = 0.0
    memory: float = 0.0

    @property
    def binds_after(self) -> int:
        """Bars until a raise binds open positions; `NEVER` if it does not."""
        if self.raises is Raises.NEVER:
            return NEVER
        return self.notice if self.raises is Raises.AFTER_NOTICE else 0

    def delayed(self, bars: int) -> PublishedRule:
        """The same rule, so many bars late."""
        return replace(self, late=bars)


def check_rule(rule: PublishedRule, horizon: int) -> None:
    """Refuse a rule that says nothing, or that no position lives long enough to see.

    Raises
    ------
    InputError
        For numbers out of range, and for a notice longer than positions are held.
    """
    if not (math.isfinite(rule.multiple) and rule.multiple > 0.0):
        raise InputError(
            "rule.multiple", rule.multiple, "must be above 0", "Typical is 4 to 8 on minute bars"
        )
    for name, bars, least in (
        ("window", rule.window, 1),
        ("interval", rule.interval, 1),
        ("notice", rule.notice, 0),
        ("staleness", rule.staleness, 1),
        ("late", rule.late, 0),
    ):
        if bars < least:
            raise InputError(
                f"rule.{name}", bars, f"must be at least {least} bars", "Give a longer time"
            )
    if not rule.greatest_change > 0.0:
        raise InputError(
            "rule.greatest_change",
            rule.greatest_change,
            "must be above 0, or the margin never moves",
            "Leave it out for no limit; 0.5 lets it grow by half in an interval",
        )
    for name, level in (
        *(("cost", rule.cost), ("fallback", rule.fallback), ("cap", rule.cap)),
        *(("floor", rule.floor), ("memory", rule.memory)),
    ):
        if not 0.0 <= level < 1.0:
            raise InputError(
                f"rule.{name}", level, "must lie in [0, 1)", "Write ten per cent as 0.1"
            )
    if not rule.cap > max(rule.cost, rule.fallback, rule.floor):
        raise InputError(
            "rule.cap",
            rule.cap,
            f"must exceed the cost of closing out ({rule.cost:g}), the fallback "
            f"({rule.fallback:g}) and the floor ({rule.floor:g})",
            "Raise the cap",
        )
    if not (rule.smoothing >= 0.0 and math.isfinite(rule.smoothing)):
        raise InputError(
            "rule.smoothing", rule.smoothing, "must not be negative", "0 reads the last forecast"
        )
    if rule.raises is Raises.AFTER_NOTICE and rule.notice > horizon:
        raise InputError(
            "rule.notice",
            f"{rule.notice} bars",
            f"is longer than positions are held ({horizon} bars): no raise would ever bind one",
            'Shorten the notice, or say raises = "never"',
        )


@compiled()
def _publish(  # pragma: no cover - compiled
    formula: Vector, due: Flags, stale: Flags, change: Real, limits: Vector, out: Vector
) -> None:
    fallback, cap = limits[0], limits[1]
    last = min(formula[0], cap)
    for t in range(formula.size):
        if due[t] or stale[t]:
            asked = formula[t]
            if t > 0:
                asked = min(max(asked, last / (1.0 + change)), last * (1.0 + change))
            if stale[t]:
                asked = max(asked, fallback)
            last = min(asked, cap)
        out[t] = last


@compiled()
def _least(published: Vector, notice: Whole, out: Vector) -> None:  # pragma: no cover - compiled
    """``out[v]``: least of ``published[max(v - notice - 1, 0) .. v - 1]``, by a queue of minima."""
    n = published.size
    queue = np.empty(n, np.int64)
    head, tail = 0, 0
    out[0] = published[0]
    for v in range(1, n):
        while tail > head and published[queue[tail - 1]] >= published[v - 1]:
            tail -= 1
        queue[tail] = v - 1
        tail += 1
        while queue[head] < v - 1 - notice:
            head += 1
        out[v] = published[queue[head]]


def published(rule: PublishedRule, sigma: Array, due: Bools, gap: Array) -> Array:
    """The margin that stands published at the close of each bar, shape (n,).

    Parameters
    ----------
    sigma : ndarray (n,)
        Forecast of the next bar's volatility, made at the close of each bar.
    due : ndarray of bool (n,)
        Whether a publication is due at the close of the bar.
    gap : ndarray (n,)
        Bars missing before each bar.
    """
    if rule.smoothing > 0.0:
        sigma = _smoothed(sigma, rule.smoothing)
    formula = np.maximum(rule.multiple * sigma * math.sqrt(rule.window) + rule.cost, rule.floor)
    out = np.empty(sigma.size)
    _publish(
        np.ascontiguousarray(formula, dtype=np.float64),
        np.ascontiguousarray(due),
        stale_bars(gap, rule.staleness),
        float(rule.greatest_change),
        np.array([rule.fallback, rule.cap]),
        out,
    )
    if rule.late == 0:
        return out
    return np.concatenate([np.full(min(rule.late, out.size), out[0]), out])[: out.size]


def _smoothed(sigma: Array, half_life: float) -> Array:
    """Root of the exponential average of squares, which begins at the first."""
    squares = pd.Series(np.square(sigma)).ewm(halflife=half_life, adjust=False).mean()
    return np.asarray(np.sqrt(squares.to_numpy(dtype=np.float64)))


def stale_bars(gap: Array, staleness: int) -> Bools:
    """Bars in which the feed counts as stale: so many after every hole that is longer."""
    n = gap.size
    bars = np.arange(n)
    last = np.maximum.accumulate(np.where(gap > staleness, bars, -staleness - 1))
    return np.ascontiguousarray(bars - last < staleness)


def matured(rule: PublishedRule, margin: Array) -> Array:
    """What open positions are asked for in each bar once they are older than the notice, (n,).

    Younger ones are asked for the least published since they were opened.
    """
    out = np.empty(margin.size)
    notice = rule.binds_after
    _least(np.ascontiguousarray(margin), margin.size if notice == NEVER else notice, out)
    return out
