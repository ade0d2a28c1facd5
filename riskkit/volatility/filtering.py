"""Filter returns through given parameters, without refitting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.returns import Returns
from riskkit.volatility.presample import presample_variance
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.sample import Array, Sample, check_returns
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


def filter_returns(fit: VolatilityFit, returns: Returns | pd.Series) -> Filtered:
    """Run a fitted recursion over returns, old or new, without refitting.

    Returns that begin after ``fit.origin`` continue the fit: the first sigma is
    ``fit.next_sigma``. Otherwise the recursion starts from the fit's own presample variance, so
    that the fitted returns give the fitted sigma back, and bars appended to them change no
    earlier value. (A model fitted through arch only always starts from the presample variance.)

    Parameters
    ----------
    fit : VolatilityFit
    returns : Returns, or Series of log returns indexed by target, length n >= 1

    Raises
    ------
    InputError
        If the returns are empty, not finite, not in order, or dated otherwise than the fit's.
    """
    sample = check_returns(returns, minimum=1)
    if not fit.spec.compiled:
        return _filter_with_arch(fit, sample)
    if _follow(sample, fit):
        first = fit.next_sigma**2
        slow = None if fit.slow is None else float(fit.slow[-1]) ** 2
        return run_filter(fit.spec, fit.params, sample.values, sample.target, first, slow)
    presample = fit.presample_variance
    if not presample > 0.0:
        presample = presample_variance(fit.spec, sample.values, mean_of(fit.params))
    first = start_variance(fit.spec, fit.params, presample)
    return run_filter(fit.spec, fit.params, sample.values, sample.target, first)


def _follow(sample: Sample, fit: VolatilityFit) -> bool:
    """Whether returns begin after the last one fitted."""
    try:
        return bool(sample.target[0] > fit.origin)
    except TypeError:  # time zones on one side only, or no dates
        raise InputError(
            "returns",
            f"an index of {sample.target.dtype}",
            f"must be dated like the fit's, which ends {fit.origin}",
            "Index both by bars of one kind, with or without a time zone",
        ) from None


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


def _filter_with_arch(fit: VolatilityFit, sample: Sample) -> Filtered:
    from riskkit.volatility.archfit import filter_with_arch

    sigma, residuals, following = filter_with_arch(
        sample.values, fit.spec, fit.params, fit.presample_variance
    )
    target = sample.target[len(sample.target) - len(sigma) :]
    return Filtered(
        sigma=pd.Series(sigma, index=target, name="sigma"),
        residuals=pd.Series(residuals, index=target, name="residual"),
        next_sigma=following,
        origin=sample.target[-1],
    )


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
