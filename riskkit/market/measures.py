"""How much a bar varied, by more than its close: its range, or the finer bars inside it.

The square of a return is an unbiased measure of a bar's variance, and a very noisy one. A range is
several times as precise, a sum over finer bars more so.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.units import parse_duration

Array = npt.NDArray[np.float64]

MEASURE = "measure"
"""Column of a measure of variance beside a log return; see `Returns.observed`."""
_CLOSE_TO_OPEN = 2.0 * math.log(2.0) - 1.0
FEWEST_SHARE = 0.5
"""Of the finer bars of a bar, that must be there for its realised variance to be known."""


def has_ranges(history: PriceHistory) -> bool:
    """Whether every bar says where it opened and how far it ran."""
    return history.has_extremes and "open" in history.bars.columns


def garman_klass(history: PriceHistory) -> pd.Series:
    """Variance of each bar by its range, indexed by the bar's open.

    .5 ln(high/low)^2 - (2 ln 2 - 1) ln(close/open)^2, never negative; a range holds its bar's open
    and close, where a file's does not. Driftless and without the move from the close before.

    Raises
    ------
    InputError
        If the history has no open, high and low.

    Source: Garman & Klass (1980), the estimator they recommend for practice.

    Examples
    --------
    >>> import riskkit
    >>> history = riskkit.load_sample("sp500")
    >>> bool((garman_klass(history) >= 0.0).all())
    True
    """
    if not has_ranges(history):
        raise InputError(
            "prices",
            history.asset,
            "must have an open, a high and a low in every bar",
            "Give prices with all four, or use a model of closes: component-normal",
        )
    logs = np.log(history.bars[["open", "high", "low", "close"]].to_numpy(dtype=np.float64))
    start, close = logs[:, 0], logs[:, 3]
    ran = logs.max(axis=1) - logs.min(axis=1)
    found = 0.5 * ran**2 - _CLOSE_TO_OPEN * (close - start) ** 2
    return pd.Series(np.maximum(found, 0.0), index=history.bars.index, name=MEASURE)


def realised_variance(fine: PriceHistory, bar: pd.Timedelta | str) -> pd.DataFrame:
    """Variance and quarticity of longer bars, from the squared returns of the finer ones in them.

    Parameters
    ----------
    fine : PriceHistory
    bar : Timedelta or str
        Length of the bars wanted: a multiple of those given.

    Returns
    -------
    DataFrame
        Index: open of each bar in which at least half the finer bars are known. ``variance``: the
        sum of their squared log returns, for those that are missing as for the others;
        ``quarticity``: a third of the sum of fourth powers times their number, likewise.

    Raises
    ------
    InputError
        If the bar is no multiple of that of the prices.

    Source: Andersen & Bollerslev (1998); Barndorff-Nielsen & Shephard (2002) for quarticity.

    Examples
    --------
    >>> import riskkit
    >>> history = riskkit.load_sample("sp500")
    >>> realised_variance(history, "30d").shape[1]
    2
    """
    length = parse_duration(bar, "bar")
    parts = length / fine.bar
    if parts < 2 or parts != round(parts):
        raise InputError(
            "bar",
            str(length),
            f"must be a multiple of the {fine.bar} of the prices",
            "Use whole days of hours, or whole hours of minutes",
        )
    times = pd.DatetimeIndex(fine.close.index)
    logs = np.log(fine.close.to_numpy(dtype=np.float64))
    moved = pd.Series(np.diff(logs), index=times[1:])
    moved = moved[np.diff(times) == fine.bar]
    opened = pd.DatetimeIndex(moved.index).floor(length)
    known = moved.groupby(opened).count()
    share = parts / known
    found = pd.DataFrame(
        {
            "variance": (moved**2).groupby(opened).sum() * share,
            "quarticity": (moved**4).groupby(opened).sum() * share * parts / 3.0,
        }
    )
    enough = known >= FEWEST_SHARE * parts
    return pd.DataFrame(found[enough])
