"""The walk along a history that out-of-sample numbers are made on: refit, filter on, refit.

At every origin only the returns up to it are used: parameters come from the last refit on an
expanding window, sigma from filtering on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from riskkit.market.returns import Returns
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.refits import refit_expanding
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.running import Filtered
from riskkit.volatility.sample import Array
from riskkit.volatility.spec import VolatilitySpec


@dataclass(frozen=True)
class WalkStep:
    """One fit, held until the next.

    Attributes
    ----------
    fit : VolatilityFit
        On the returns up to the first origin.
    origins : DatetimeIndex, length k
        Last bars of information, from that of the fit to the one before the next fit's.
    sigma : ndarray, shape (k,)
        Forecast made at each origin for the bar after it, in the scale of the fit.
    slow : ndarray, shape (k,), or None
        Of a component model, what that forecast returns to.
    """

    fit: VolatilityFit = field(repr=False)
    origins: pd.DatetimeIndex = field(repr=False)
    sigma: Array = field(repr=False)
    slow: Array | None = field(default=None, repr=False)


def observed_by(returns: Returns, spec: VolatilitySpec) -> pd.Series | pd.DataFrame:
    """What a model asks of returns: their values, or a table of them with what else bars show."""
    return returns.values if spec.direct else returns.observed


def walk_along(
    returns: pd.Series | pd.DataFrame,
    spec: VolatilitySpec,
    first: int,
    every: int,
    *,
    warm: bool = True,
) -> Iterator[WalkStep]:
    """Walk through a history, from its first ``first`` returns to its end.

    Parameters
    ----------
    returns : Series of log returns indexed by target, or a table of them, length n >= first
        As `Returns.observed` gives them.
    first, every : int
        Returns of the first fit, and from one fit to the next.
    warm : bool
        Each fit starts where a neighbour stopped (`riskkit.volatility.refits`); otherwise every
        fit is made on its own, to full precision and with its covariance.

    Yields
    ------
    WalkStep
        One for each of `steps_of_walk`.
    """
    n = len(returns)
    refits = refit_expanding(returns, spec, first, every) if warm else None
    for k in range(first, n + 1, every):
        fit = fit_volatility(returns.iloc[:k], spec) if refits is None else refits.at(k - 1)
        stop = min(k + every, n + 1)
        filtered = filter_returns(fit, returns.iloc[: min(stop, n)])
        slow = None if filtered.slow is None else filtered.slow[k:stop]
        origins = pd.DatetimeIndex(returns.index[k - 1 : stop - 1])
        yield WalkStep(fit, origins, _ahead(filtered)[k:stop], slow)


def steps_of_walk(n: int, first: int, every: int) -> int:
    """How many fits a walk through ``n`` returns makes."""
    return len(range(first, n + 1, every))


def sigma_ahead(fit: VolatilityFit, returns: pd.Series | pd.DataFrame) -> Array:
    """Forecasts of a fit, shape (n + 1,): number t is made from the returns before bar t."""
    return _ahead(filter_returns(fit, returns))


def slow_ahead(fit: VolatilityFit, returns: pd.Series | pd.DataFrame) -> Array:
    """What the forecasts of a component fit return to, shape (n + 1,), as `sigma_ahead`."""
    found = filter_returns(fit, returns).slow
    assert found is not None  # asked of component fits
    return found


def _ahead(filtered: Filtered) -> Array:
    return np.append(filtered.sigma.to_numpy(dtype=np.float64), filtered.next_sigma)
