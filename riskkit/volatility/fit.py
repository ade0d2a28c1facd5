"""Fit a volatility model, judge its health, and fall back in a declared order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from riskkit.market.returns import Returns
from riskkit.volatility.archfit import estimate_with_arch
from riskkit.volatility.estimate import Estimate
from riskkit.volatility.filtering import mean_of, recursion_coefficients
from riskkit.volatility.health import Evidence, health_of, run_checks
from riskkit.volatility.result import Fallback, FitHealth, VolatilityFit
from riskkit.volatility.sample import Sample, check_returns, check_variation
from riskkit.volatility.spec import GARCH_T, Innovation, Variance, VolatilitySpec


def fit_volatility(returns: Returns | pd.Series, spec: VolatilitySpec = GARCH_T) -> VolatilityFit:
    """Fit a volatility model by maximum likelihood.

    An unhealthy fit falls back, in this order: the requested model, GARCH with t innovations,
    EWMA with t innovations (mean and presample as requested). The result says which model it is,
    which were refused before it, and why. EWMA is returned whatever its health says.

    Parameters
    ----------
    returns : Returns, or Series of log returns as fractions indexed by target bar, length n >= 100
    spec : VolatilitySpec

    Returns
    -------
    VolatilityFit
        Unscaled; ``sigma[t]`` uses returns up to t - 1.

    Raises
    ------
    InputError
        If the returns are too few, not finite, not in order, or all equal.
    """
    sample = check_returns(returns)
    check_variation(sample.values)
    refused: list[Fallback] = []
    for candidate in fallback_order(spec):
        fit = _fit_one(sample, candidate)
        if fit.health.healthy:
            break
        refused.append(Fallback(candidate, fit.health.statement))
    else:
        refused.pop()  # the last resort is what is returned
    return replace(fit, requested=spec, fallbacks=tuple(refused))


def fallback_order(spec: VolatilitySpec) -> Iterator[VolatilitySpec]:
    """The specifications tried in turn: as requested, GARCH-t, EWMA-t."""
    garch = replace(spec, variance=Variance.GARCH, innovation=Innovation.STUDENT_T)
    ewma = replace(spec, variance=Variance.EWMA, innovation=Innovation.STUDENT_T)
    middle = [] if spec.variance is Variance.EWMA else [garch]
    yield from dict.fromkeys([spec, *middle, ewma])


def _fit_one(sample: Sample, spec: VolatilitySpec) -> VolatilityFit:
    from riskkit.volatility.recursion import first_variance, variance_path

    estimate = estimate_with_arch(sample.values, spec)
    log, coef = recursion_coefficients(spec, estimate.params)
    e = sample.values - mean_of(estimate.params)
    first = first_variance(log, coef, estimate.presample_variance)
    sigma = np.sqrt(variance_path(log, coef, e, first))
    fit = VolatilityFit(
        spec=spec,
        requested=spec,
        params=estimate.params,
        covariance=estimate.covariance,
        sigma=pd.Series(sigma[:-1], index=sample.target, name="sigma"),
        residuals=pd.Series(e / sigma[:-1], index=sample.target, name="residual"),
        next_sigma=float(sigma[-1]),
        origin=sample.target[-1],
        loglikelihood=estimate.loglikelihood,
        health=FitHealth(()),
        fallbacks=(),
        evaluations=estimate.evaluations,
        engine="arch",
        presample_variance=estimate.presample_variance,
    )
    return replace(fit, health=_health(sample, fit, estimate))


def _health(sample: Sample, fit: VolatilityFit, estimate: Estimate) -> FitHealth:
    deviation = np.abs(sample.values - sample.values.mean())
    seen = Evidence(
        converged=np.array([estimate.converged]),
        loglikelihood=np.array([fit.loglikelihood]),
        next_sigma=np.array([fit.next_sigma]),
        variance=np.array([sample.values.var()]),
        mean_abs=np.array([deviation.mean()]),
        max_abs=np.array([deviation.max()]),
        nobs=np.array([len(sample.values)]),
    )
    params = {str(name): np.array([value]) for name, value in fit.params.items()}
    return health_of(run_checks(fit.spec, params, np.array([fit.persistence]), seen))
