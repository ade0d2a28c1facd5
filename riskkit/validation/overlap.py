"""Losses over several bars overlap and so depend on each other: take disjoint ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError


def disjoint_buckets(
    origin: pd.DatetimeIndex, target: pd.DatetimeIndex, start: int = 0
) -> npt.NDArray[np.intp]:
    """Rows whose loss periods (origin, target] do not overlap, taken as early as possible.

    By dates and not by counting rows, so that holes in the history are no cause of overlap.

    Parameters
    ----------
    origin, target : DatetimeIndex, shape (n,)
        In time order.
    start : int
        First row considered; h different starts give the h possible partitions of h-bar losses.

    Returns
    -------
    ndarray of int, increasing
        Positions of the chosen rows.

    Raises
    ------
    InputError
        If the dates are out of order, or no row is left.
    """
    begin, end = origin.asi8, target.asi8
    if begin.shape != end.shape or (np.diff(begin) < 0).any() or (end <= begin).any():
        raise InputError(
            "origin, target",
            f"{begin.size} and {end.size} dates",
            "must be in time order, every target after its origin",
            "Sort the forecasts by origin",
        )
    if not 0 <= start < begin.size:
        raise InputError(
            "start",
            start,
            f"must name one of the {begin.size} rows",
            "Shorten the horizon or lengthen the sample",
        )
    chosen = [start]
    while True:
        following = int(np.searchsorted(begin, end[chosen[-1]], side="left"))
        if following >= begin.size:
            return np.array(chosen, dtype=np.intp)
        chosen.append(following)
