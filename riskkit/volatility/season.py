"""How variance goes with the hour of the day and the day of the week, on bars under a day.

The factor of a bar is that of its hour times that of its weekday, each the mean ratio of the bar's
variance to the mean of the week before it, so that a calm year and a wild one count alike. Hours
shorter than an hour are smoothed over half an hour on either side. Returns are divided by the root
of their factor before a model sees them, and forecasts multiplied by that of the bar they speak of.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.volatility.sample import Array

DAY, WEEK = pd.Timedelta(days=1), pd.Timedelta(days=7)
LARGEST_QUANTILE = 0.999
"""A ratio counts as no more than this quantile of them: one crash makes no season."""
SHRUNK = 20.0
"""Weight, in bars of its own, of no season at all."""
LONGEST_WEEKS = 104
SMOOTHED = pd.Timedelta(minutes=30)
RANGE = (0.2, 5.0)


@dataclass(frozen=True)
class Season:
    """Factors of variance by slot of the week; their mean over the week is 1.

    Attributes
    ----------
    bar : Timedelta
    factors : ndarray, shape (slots,)
        Slot 0 is the bar that opens on Monday at midnight UTC.
    """

    bar: pd.Timedelta
    factors: Array = field(repr=False)

    def slots(self, target: pd.DatetimeIndex) -> np.ndarray:
        """Slot of each bar, shape (n,)."""
        since = (target - target.normalize()) // self.bar
        per_day = DAY // self.bar
        return np.asarray(target.day_of_week * per_day + since, dtype=np.int64)

    def at(self, target: pd.DatetimeIndex) -> Array:
        """Factor of each bar, shape (n,)."""
        return np.asarray(self.factors[self.slots(target)])

    def next(self, target: pd.DatetimeIndex) -> Array:
        """Factor of each bar, and of the one after the last, shape (n + 1,)."""
        return np.append(self.at(target), self.at(target[-1:] + self.bar))

    def mean_ahead(self, target: pd.DatetimeIndex, bars: int) -> Array:
        """Mean factor over ``bars`` bars from each bar, and from the one after, shape (n + 1,)."""
        around = np.concatenate([[0.0], np.cumsum(self.factors)])
        slots = np.append(self.slots(target), self.slots(target[-1:] + self.bar))
        total = self._sum_to(slots + bars, around) - self._sum_to(slots, around)
        return np.asarray(total / bars)

    def ahead(self, origin: pd.Timestamp) -> Array:
        """Factors of a week of bars from the one after ``origin`` on, shape (slots,)."""
        first = int(self.slots(pd.DatetimeIndex([origin]) + self.bar)[0])
        return np.roll(self.factors, -first)

    @property
    def count(self) -> int:
        """Slots of a week."""
        return len(self.factors)

    def _sum_to(self, slot: np.ndarray, around: Array) -> Array:
        whole, rest = np.divmod(slot, self.count)
        return np.asarray(whole * around[self.count] + around[rest])


def fit_season(variance: Array, target: pd.Index) -> Season:
    """The season of a series of bars, from a measure of the variance of each.

    Parameters
    ----------
    variance : ndarray, shape (n,)
        A range or a squared return; only its last two years count.
    target : DatetimeIndex, length n

    Raises
    ------
    InputError
        If the bars are not dated, are a day or longer, do not divide a day, or there are fewer than
        four weeks of them.
    """
    bar = bar_of(target)
    if not isinstance(target, pd.DatetimeIndex) or bar >= DAY or DAY % bar:
        raise InputError(
            "model.spec",
            "seasons",
            "asks for dated bars shorter than a day, so many to a day",
            "Leave seasons out of the model's name",
        )
    per_week = WEEK // bar
    if len(variance) < 4 * per_week:
        raise InputError(
            "model.spec",
            f"seasons of {len(variance)} bars",
            f"asks for four weeks of bars, {4 * per_week} of them",
            "Load a longer history, or leave seasons out of the model's name",
        )
    total = np.concatenate([[0.0], np.cumsum(variance)])
    end = np.arange(per_week, len(variance))
    before = (total[end] - total[end - per_week]) / per_week
    kept = end[before > 0.0]
    ratio = variance[kept] / before[before > 0.0]
    kept, ratio = kept[-LONGEST_WEEKS * per_week :], ratio[-LONGEST_WEEKS * per_week :]
    ratio = np.minimum(ratio, np.quantile(ratio, LARGEST_QUANTILE))
    ratio = ratio / ratio.mean()
    dated = target[kept]
    per_day = DAY // bar
    slot = np.asarray((dated - dated.normalize()) // bar, dtype=np.int64)
    of_day = _means(slot, ratio, per_day)
    half = int(SMOOTHED // bar)
    if half > 0:
        width = 2 * half + 1
        around = np.concatenate([of_day[-half:], of_day, of_day[:half]])
        of_day = np.convolve(around, np.ones(width) / width, mode="valid")
    weekday = np.asarray(dated.day_of_week, dtype=np.int64)
    of_week = _means(weekday, ratio / of_day[slot], 7)
    factors = np.clip((of_week[:, None] * of_day[None, :]).ravel(), *RANGE)
    return Season(bar, factors / factors.mean())


def bar_of(target: pd.Index) -> pd.Timedelta:
    """Length of the bars of an index: its commonest step; a day where it is not dated."""
    if not isinstance(target, pd.DatetimeIndex) or len(target) < 2:
        return DAY
    steps = np.diff(target.asi8)
    return pd.Timedelta(int(np.median(steps)), unit=target.unit)


def _means(group: np.ndarray, values: Array, groups: int) -> Array:
    """Mean of each group, drawn towards 1 where it has few."""
    count = np.bincount(group, minlength=groups)
    total = np.bincount(group, weights=values, minlength=groups)
    return np.asarray((total + SHRUNK) / (count + SHRUNK))
