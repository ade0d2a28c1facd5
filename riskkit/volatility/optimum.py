"""What an estimator hands to the fit: the optimum, unscaled, whichever engine found it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from riskkit.volatility.sample import Array


@dataclass(frozen=True)
class Optimum:
    """Where an optimiser stopped.

    Attributes
    ----------
    params : Series
        Every parameter of the recursion and the innovation by name, in units of the returns.
    loglikelihood : float
        Of the returns as given.
    presample_variance : float
        The variance before the first observation that the likelihood used.
    converged : bool
    evaluations : int
        Likelihood evaluations spent.
    covariance : mapping of str to DataFrame
        As in `VolatilityFit`; may be empty.
    filtered : tuple of (ndarray, ndarray, float), or None
        Sigma, standardised residuals and next sigma of a model that only arch can filter; the
        arrays are shorter than the sample where the mean needs lags.
    """

    params: pd.Series
    loglikelihood: float
    presample_variance: float
    converged: bool
    evaluations: int
    covariance: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    filtered: tuple[Array, Array, float] | None = field(default=None, repr=False)
