"""The periods a backtest evaluates, each with the origin of its forecast and the fit behind it.

A margin is formed at an origin, takes effect some bars later and stays in force until the next one
does. What is judged is the move from a bar at whose close a position is exposed to the end of its
period; periods that cross a hole in the prices have no such move and are named, not filled.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.calendar import hole_before
from riskkit.market.history import PriceHistory
from riskkit.validation.overlap import disjoint_buckets

Indices = npt.NDArray[np.intp]


def evaluated_periods(
    history: PriceHistory,
    targets: pd.DatetimeIndex,
    *,
    first: int,
    lag: int,
    every: int,
    bars: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every period of ``bars`` bars after the first forecast, disjoint if longer than one bar.

    Parameters
    ----------
    targets : DatetimeIndex, shape (n,)
        Of the returns.
    first : int
        Returns behind the first forecast.
    lag : int
        Bars from an origin to the bar at whose close its forecast takes effect.
    every : int
        Bars from one origin to the next.

    Returns
    -------
    periods : DataFrame
        ``origin`` (position among the returns), ``start``, ``target`` (bars), ``move`` (log).
    skipped : DataFrame
        ``start`` and ``reason`` of the periods without a move.

    Raises
    ------
    InputError
        If the history ends before the first forecast takes effect, or no period fits after it.
    """
    start = np.arange(first - 1 + lag, len(targets))
    if start.size == 0:
        raise too_short(len(targets), first, lag)
    origin = first - 1 + (start - lag - first + 1) // every * every
    times = pd.DatetimeIndex(history.bars.index)
    logs = np.log(history.close.to_numpy(dtype=np.float64))
    holes = np.cumsum(hole_before(times, history.bar, history.calendar))
    at = times.get_indexer(targets[start])
    inside = at + bars < len(times)
    end = np.where(inside, at + bars, at)
    keep = inside & (holes[end] == holes[at])
    reasons = np.where(inside, "crosses a hole", "history ends first")
    skipped = pd.DataFrame({"start": targets[start], "reason": reasons})[~keep]
    if not keep.any():
        raise InputError(
            "bars",
            bars,
            "no period of this length fits after the first forecast",
            "Shorten the horizon or load a longer history",
        )
    periods = pd.DataFrame(
        {
            "origin": origin[keep],
            "start": targets[start[keep]],
            "target": times[end[keep]],
            "move": logs[end[keep]] - logs[at[keep]],
        }
    )
    if bars > 1:
        rows = disjoint_buckets(
            pd.DatetimeIndex(periods["start"]), pd.DatetimeIndex(periods["target"])
        )
        periods = periods.iloc[rows]
    return periods.reset_index(drop=True), skipped.reset_index(drop=True)


def refit_segments(origins: Indices, first: int, every: int) -> Iterator[tuple[int, Indices]]:
    """Position of each refit that is used, and the rows whose forecasts rest on it.

    Parameters
    ----------
    origins : ndarray of int
        Positions among the returns.
    first, every : int
        Returns behind the first fit, and bars from one fit to the next.
    """
    refit = first - 1 + (origins - first + 1) // every * every
    for position in np.unique(refit):
        yield int(position), np.flatnonzero(refit == position)


def too_short(returns: int, first: int, lag: int) -> InputError:
    """The error for a history that ends before its first forecast takes effect."""
    return InputError(
        "history",
        f"{returns} returns",
        f"needs more than minimum_bars + apply_lag = {first + lag}",
        "Load a longer history",
    )
