"""What happens inside a bar: what it touched beside where it closed, and where a sale is filled.

A venue watches continuously, and a bar that closes where it opened may have been a tenth lower in
between. The extremes of a bar belong to its close: they are resampled together with it, as one row,
in units of the bar's sigma.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]


class Fill(StrEnum):
    """Where a close-out is filled within the bar that executes it.

    ``CLOSE``     at the bar's close
    ``MIDPOINT``  half-way, in logs, from the close to the adverse extreme
    ``EXTREME``   at the adverse extreme: prints of liquidations are the lows
    """

    CLOSE = "close"
    MIDPOINT = "midpoint"
    EXTREME = "extreme"


@dataclass(frozen=True)
class Across:
    """Returns across holes, each one observation over several bars: losses that someone bore.

    Attributes
    ----------
    target : DatetimeIndex (k,)
        First bar after each hole.
    moves : ndarray (k,)
        Log returns over the hole, fractions.
    bars : ndarray (k,)
        Bars that each return spans, more than one.
    """

    target: pd.DatetimeIndex = field(repr=False)
    moves: Array = field(repr=False)
    bars: Array = field(repr=False)

    def shocks(self, target: pd.DatetimeIndex, mu: float, sigma: Array, following: float) -> Array:
        """The moves in units of the sigma known before each hole, times the root of its bars.

        Those before the first bar of the fit, or after its last, are none of its observations.

        Parameters
        ----------
        target : DatetimeIndex (n,)
            Bars of the fit.
        sigma : ndarray (n,)
            Of each of them, known before it.
        following : float
            Sigma of the bar after the last.
        """
        at = target.searchsorted(self.target)
        known = (at > 0) & (at < len(target))
        before = np.append(sigma, following)[at]
        shocks = (self.moves - mu * self.bars) / (before * np.sqrt(self.bars))
        return np.asarray(shocks[known], dtype=np.float64)


@dataclass(frozen=True)
class Ranges:
    """What is known of a fit's bars beside their closes.

    Attributes
    ----------
    table : DataFrame or None
        Log moves from the close before to a bar's low and high: index ``target`` as of the returns,
        columns ``low`` and ``high``, fractions. None where only closes are seen.
    fill : Fill
    across : Across or None
        Returns across holes that count in the tail.
    """

    table: pd.DataFrame | None = field(repr=False)
    fill: Fill = Fill.EXTREME
    across: Across | None = None

    @property
    def rangeless(self) -> int:
        """Bars that touched nothing but their close, by their file: what they did is not known."""
        if self.table is None:
            return 0
        return int((self.table["low"] == self.table["high"]).sum())

    @property
    def watched(self) -> bool:
        """Whether extremes are seen."""
        return self.table is not None


@dataclass(frozen=True)
class Inside:
    """Rows of (close, low, high) in units of sigma, shape (n,) each; ``low <= close <= high``."""

    close: Array = field(repr=False)
    low: Array = field(repr=False)
    high: Array = field(repr=False)

    def adverse(self, sign: int) -> Array:
        """The extreme that hurts: lows where a falling price loses, else highs."""
        return self.low if sign > 0 else self.high


def inside_of(
    ranges: Ranges, target: pd.DatetimeIndex, mu: float, sigma: Array, close: Array
) -> Inside:
    """The rows of a fit's own bars, in the scale of its residuals.

    A close outside its bar's range counts as touched: the range of such a bar contradicts itself.

    Parameters
    ----------
    target : DatetimeIndex (n,)
        Bars of the fit.
    mu, sigma
        Mean per bar, and the sigma of each bar (n,).
    close : ndarray (n,)
        The residuals.

    Raises
    ------
    InputError
        If a bar has no range.
    """
    assert ranges.table is not None  # closes alone have no rows
    rows = ranges.table if len(ranges.table) == len(target) else ranges.table.reindex(target)
    low = (rows["low"].to_numpy(dtype=np.float64) - mu) / sigma
    high = (rows["high"].to_numpy(dtype=np.float64) - mu) / sigma
    missing = ~(np.isfinite(low) & np.isfinite(high))
    if missing.any():
        raise InputError(
            "ranges",
            str(target[int(np.argmax(missing))]),
            "must hold a low and a high for every bar that the model was fitted to",
            "Make them of the same history, or set liquidation.trigger to close",
        )
    return Inside(close, np.minimum(low, close), np.maximum(high, close))
