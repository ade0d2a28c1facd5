"""What a fit says of a period ahead of each origin: its variance, and a volatility that has it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.paths.model import PathModel
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.season import Season

Array = npt.NDArray[np.float64]


def variance_ahead(
    model: PathModel,
    fit: VolatilityFit,
    origins: pd.DatetimeIndex,
    sigma: Array,
    slow: Array | None,
    bars: int,
) -> Array:
    """Expected variance over the ``bars`` bars after each origin, shape (n,).

    Parameters
    ----------
    model : PathModel
        Of the fit.
    sigma, slow : ndarray (n,)
        Of the bar after each origin as the fit says them, its season included.
    """
    first, over = _factors(fit.season, origins, bars)
    plain = model.volatility(sigma) / np.sqrt(first)
    rest = None if slow is None else model.volatility(slow) / np.sqrt(first)
    return np.asarray(over * model.period_variance(plain, rest, bars))


def volatility_ahead(
    model: PathModel,
    fit: VolatilityFit,
    origins: pd.DatetimeIndex,
    sigma: Array,
    slow: Array | None,
    bars: int,
) -> Array:
    """The volatility of a first bar from which paths without a season have a period's variance.

    In the scale of the shocks, shape (n,); that of the next bar itself over one bar, or where the
    model has neither a slow part nor a season. Parameters as in `variance_ahead`.
    """
    first, over = _factors(fit.season, origins, bars)
    plain = model.volatility(sigma) / np.sqrt(first)
    rest = None if slow is None else model.volatility(slow) / np.sqrt(first)
    return np.asarray(model.equivalent(plain, rest, bars) * np.sqrt(over))


def _factors(season: Season | None, origins: pd.DatetimeIndex, bars: int) -> tuple[Array, Array]:
    """Factors of the bar after each origin, and their mean over the period, each (n,)."""
    if season is None:
        return np.ones(1), np.ones(1)
    following = origins + season.bar
    first = season.at(following)
    return first, first if bars == 1 else season.mean_ahead(following, bars)[:-1]
