"""What a fit is given: returns with their two dates, checked before anything expensive runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.measures import MEASURE
from riskkit.market.returns import LOG_RETURN, Returns

Array = npt.NDArray[np.float64]

MINIMUM_OBSERVATIONS = 100
"""Fewest returns a fit accepts: seven parameters on less is guesswork."""
LARGEST_RETURN = 1e100
"""Nothing this large, nor deviating by less than its inverse, is squared within a double."""
LEAST_DEVIATION = 1.0 / LARGEST_RETURN
FEWEST_VALUES = 3


@dataclass(frozen=True)
class Sample:
    """Checked log returns, fractions per bar.

    Attributes
    ----------
    values : ndarray, shape (n,)
        Contiguous and finite.
    target : Index, length n
        The bar each return speaks of, strictly increasing.
    origin : Index, length n
        The bar whose close starts each return. A plain series does not know the first one: its
        own first stamp stands in for it.
    asset : str
        Empty for a plain series.
    measure : ndarray, shape (n,), or None
        Of each bar's variance, by its range; None where only closes are known.
    """

    values: Array
    target: pd.Index
    origin: pd.Index
    asset: str
    measure: Array | None = None


def check_returns(
    returns: Returns | pd.Series | pd.DataFrame, minimum: int = MINIMUM_OBSERVATIONS
) -> Sample:
    """Check log returns for fitting or filtering.

    Parameters
    ----------
    returns : Returns, or a Series of log returns indexed by target bar, length n
        Or a table of them, as `Returns.observed` gives it.
    minimum : int
        Fewest returns accepted.

    Raises
    ------
    InputError
        If there are too few returns, one is NaN or infinite, or the index does not strictly
        increase.
    """
    if isinstance(returns, pd.DataFrame):
        return _check_observed(returns, minimum)
    if isinstance(returns, Returns):
        observed = returns.observed
        if isinstance(observed, pd.DataFrame):
            found = _check_observed(observed, minimum)
            return replace(found, origin=returns.origin, asset=returns.asset)
        series, asset = returns.values, returns.asset
        origin: pd.Index = returns.origin
    elif isinstance(returns, pd.Series):
        series, asset = returns, ""
        origin = series.index[:1].append(series.index[:-1])
    else:
        raise InputError(
            "returns",
            type(returns).__name__,
            "must be riskkit Returns or a pandas Series of log returns",
            "Use riskkit.market.log_returns, or wrap the values in a Series indexed by bar",
        )
    values = np.array(series.to_numpy(dtype=np.float64))  # a copy: pandas hands out read-only views
    if len(values) < minimum:
        raise InputError(
            "returns",
            f"{len(values)} returns",
            f"must hold at least {minimum}",
            "Give a longer history or a shorter bar",
        )
    bad = np.flatnonzero(~(np.abs(values) < LARGEST_RETURN))
    if len(bad):
        raise InputError(
            "returns",
            f"{values[bad[0]]} at {series.index[bad[0]]} ({len(bad)} in all)",
            f"must be finite, and below {LARGEST_RETURN:g} in size",
            "Repair the prices or drop those bars by name; they are never dropped in silence",
        )
    if not (series.index.is_monotonic_increasing and series.index.is_unique):
        steps = range(1, len(values))
        at = next(i for i in steps if not series.index[i] > series.index[i - 1])
        raise InputError(
            "returns",
            f"{series.index[at]} after {series.index[at - 1]}",
            "must be indexed by strictly increasing bars",
            "Sort the series and remove duplicates",
        )
    return Sample(values, series.index, origin, asset)


def _check_observed(table: pd.DataFrame, minimum: int) -> Sample:
    """Returns with a measure of each bar's variance beside them."""
    found = check_returns(table[LOG_RETURN], minimum)
    measure = np.array(table[MEASURE].to_numpy(dtype=np.float64))
    bad = np.flatnonzero(~((measure >= 0.0) & (measure < LARGEST_RETURN)))
    if len(bad):
        raise InputError(
            "returns",
            f"a measure of {measure[bad[0]]} at {table.index[bad[0]]} ({len(bad)} in all)",
            "must be finite and not negative",
            "Repair the prices, or use a model of closes: component-normal",
        )
    return replace(found, measure=measure)


def check_variation(values: Array) -> None:
    """Refuse returns on which no volatility model is defined.

    Raises
    ------
    InputError
        If all returns are equal, or deviate by less than `LEAST_DEVIATION`, or mostly move and
        take fewer than `FEWEST_VALUES` values: a quote that flips between two prices has no tail.
    """
    if values.max() == values.min() or values.std() < LEAST_DEVIATION:
        raise InputError(
            "returns",
            f"{len(values)} returns equal to {values[0]:g}",
            "must vary",
            "Drop the stale stretch, or choose a pair that trades",
        )
    different = len(np.unique(np.round(values / values.std(), 9)))
    if different < FEWEST_VALUES and np.mean(values != 0.0) > 0.5:
        raise InputError(
            "returns",
            f"{different} different values in {len(values)} returns",
            f"must take at least {FEWEST_VALUES}: these prices flip between two quotes",
            "Load prices with more digits, or of a pair that trades",
        )
