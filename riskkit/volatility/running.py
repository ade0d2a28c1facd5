"""The recursion of a compiled model run over returns: sigma, residuals, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from riskkit.volatility.sample import Array
from riskkit.volatility.spec import Variance, VolatilitySpec

Parameters = Mapping[str, float] | pd.Series


@dataclass(frozen=True)
class Filtered:
    """Volatility of returns under the parameters of a fit.

    Attributes
    ----------
    sigma : Series, length n
        Conditional volatility per bar, index ``target``; ``sigma[t]`` uses returns up to t - 1:
        it is the forecast made at every origin.
    residuals : Series, length n
        Standardised residuals, same index.
    next_sigma : float
        Volatility of the bar after the last return.
    origin : Timestamp
        The last bar of information.
    slow : ndarray, shape (n + 1,), or None
        Of a component model, the volatility that its sigma returns to, before each bar and after
        the last.
    """

    sigma: pd.Series = field(repr=False)
    residuals: pd.Series = field(repr=False)
    next_sigma: float
    origin: pd.Timestamp
    slow: Array | None = field(default=None, repr=False)


def run_filter(
    spec: VolatilitySpec,
    params: Parameters,
    values: Array,
    target: pd.Index,
    first: float,
    slow: float | None = None,
) -> Filtered:
    """The recursion of a compiled model over checked returns, from the variance of their first bar.

    Parameters
    ----------
    values : ndarray, shape (n,)
    target : Index, length n
    first : float
    slow : float, optional
        Slow part of that variance, of a component model; all of it if not given.
    """
    from riskkit.volatility.recursion import component_path, variance_path

    e = values - mean_of(params)
    slows = None
    if spec.variance is Variance.COMPONENT:
        begin = first if slow is None else slow
        h, q = component_path(component_coefficients(params), e, first, begin)
        sigma, slows = np.sqrt(h), np.sqrt(np.maximum(q, 0.0))
    else:
        log, coef = recursion_coefficients(spec, params)
        sigma = np.sqrt(variance_path(log, coef, e, first))
    return Filtered(
        sigma=pd.Series(sigma[:-1], index=target, name="sigma"),
        residuals=pd.Series(e / sigma[:-1], index=target, name="residual"),
        next_sigma=float(sigma[-1]),
        origin=target[-1],
        slow=slows,
    )


def start_variance(spec: VolatilitySpec, params: Parameters, presample: float) -> float:
    """Variance of the first bar of a compiled model, from that before it."""
    if spec.variance is Variance.COMPONENT:
        return presample
    from riskkit.volatility.recursion import first_variance

    return first_variance(*recursion_coefficients(spec, params), presample)


def mean_of(params: Parameters) -> float:
    """The constant mean among parameters; 0 where the model has none."""
    return float(params.get("mu", 0.0))


def component_coefficients(params: Parameters) -> Array:
    """omega, rho, alpha, phi and beta of a component model; omega is s2 (1 - rho)."""
    return np.array([float(params[name]) for name in ("omega", "rho", "alpha", "phi", "beta")])


def recursion_coefficients(spec: VolatilitySpec, params: Parameters) -> tuple[bool, Array]:
    """Whether the recursion is in logs, and its (omega, alpha, gamma, beta); gamma 0 if absent."""
    coef = [float(params[k]) for k in ("omega", "alpha")]
    coef += [float(params.get("gamma", 0.0)), float(params["beta"])]
    return spec.variance is Variance.EGARCH, np.array(coef)
