"""What the explorers' figures share: how series are thinned, how many settings are pinned."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

#: Settings that can be pinned at once.
PINS = 2
#: Points of a drawn series at most: about one for every two pixels of a panel.
SLICES = 300
#: Rows of a history that a report draws as they are; of a longer one it draws the extremes.
MOST_ROWS = 25_000
STRETCHES = 2_000
NOWHERE: dict[str, Any] = {"x": [], "y": []}
Array = npt.NDArray[np.float64]


def extremes(values: Array, *, least: bool) -> npt.NDArray[np.int64]:
    """Row of the strictest value in each of at most `SLICES` stretches of a series.

    Parameters
    ----------
    values : ndarray (n,)
        Of a stretch that is all NaN the first row is taken.
    least : bool
        Whether the smallest value is the strictest.
    """
    edges = np.unique(np.linspace(0, len(values), min(SLICES, len(values)) + 1).astype(np.int64))
    strict = np.where(np.isnan(values), -np.inf, -values if least else values)
    stretch = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    rows = np.flatnonzero(strict == np.maximum.reduceat(strict, edges[:-1])[stretch])
    _, first = np.unique(stretch[rows], return_index=True)
    return rows[first]


def thinned(
    values: Array, also: npt.NDArray[np.integer[Any]], *, least: bool
) -> npt.NDArray[np.int64]:
    """Rows of `extremes`, and those of events: a line that skips them would pass them by.

    Parameters
    ----------
    also : ndarray of int
        Rows that are marked on the line.
    """
    return np.union1d(extremes(values, least=least), also).astype(np.int64)


def few(n: int, *series: Array) -> npt.NDArray[np.int64]:
    """Rows of a history of n bars that a report draws: all, or the extremes of its stretches.

    A browser takes minutes over half a million points, on a panel of a thousand pixels.

    Parameters
    ----------
    series : ndarray (n,)
        The least and the greatest of each, in every stretch, are drawn; NaN is neither.
    """
    rows = np.arange(n)
    if n <= MOST_ROWS:
        return rows
    edges = np.linspace(0, n, STRETCHES + 1).astype(np.int64)
    stretch = np.repeat(np.arange(STRETCHES), np.diff(edges))
    kept = [edges[:-1], np.array([n - 1])]
    for values in series:
        for strict in (values, -values):
            known = np.where(np.isnan(strict), -np.inf, strict)
            hit = rows[known == np.maximum.reduceat(known, edges[:-1])[stretch]]
            kept.append(hit[np.unique(stretch[hit], return_index=True)[1]])
    return np.unique(np.concatenate(kept)).astype(np.int64)


def estimated(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows of a sweep whose probability was hit on some path.

    Without a hit it is an upper bound, larger than the estimates beside it: a line through both
    would rise where safety grows. If fewer than two rows were hit, every row is kept.
    """
    hit = table[np.isfinite(table[f"{name}_error"]) & (table[name] > 0.0)]
    return hit if len(hit) > 1 else table[table[name] > 0.0]
