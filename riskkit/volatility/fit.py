"""Fit a volatility model, judge its health, and fall back in a declared order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.returns import Returns
from riskkit.volatility.archfit import estimate_with_arch
from riskkit.volatility.health import Evidence, health_of, run_checks
from riskkit.volatility.optimum import Optimum
from riskkit.volatility.result import Fallback, FitHealth, VolatilityFit
from riskkit.volatility.running import run_filter, start_variance
from riskkit.volatility.sample import Sample, check_returns, check_variation
from riskkit.volatility.spec import (
    GARCH_T,
    Engine,
    Innovation,
    Variance,
    VolatilitySpec,
    check_targeted,
    spec_named,
)


def fit_volatility(
    returns: Returns | pd.Series | pd.DataFrame,
    spec: VolatilitySpec | str = GARCH_T,
    engine: Engine | str = Engine.COMPILED,
) -> VolatilityFit:
    """Fit a volatility model by maximum likelihood.

    An unhealthy fit falls back, in this order: the requested model, GARCH with t innovations,
    EWMA with t innovations (mean and presample as requested). The result says which model it is,
    which were refused before it, and why. EWMA is returned whatever its health says.

    Parameters
    ----------
    returns : Returns, or Series of log returns as fractions indexed by target bar, length n >= 100
        Or a table with their measures, as `Returns.observed`; a combined model asks for one.
    spec : VolatilitySpec or str
        A model, or its short name: ``"gjr-skewt"``.
    engine : Engine or str
        ``COMPILED`` maximises to full precision with analytic gradients; a model it does not
        know (``spec.compiled`` is false) goes through arch. ``ARCH`` sends every model there;
        its EGARCH may have a negative alpha, and then a higher likelihood (see `Variance`).

    Returns
    -------
    VolatilityFit
        Unscaled; ``sigma[t]`` uses returns up to t - 1.

    Raises
    ------
    InputError
        If the returns are too few, not finite, not in order, or all equal, or no model or engine
        has the name.

    Examples
    --------
    >>> import riskkit
    >>> returns = riskkit.log_returns(riskkit.load_prices("data/eth_usd_daily.csv"))
    >>> fit = riskkit.fit_volatility(returns, "gjr-normal")
    >>> 0.9 < fit.persistence < 1.01
    True
    """
    asked, by = spec_named(spec), _engine(engine)
    check_targeted(asked)
    sample = check_returns(returns)
    check_variation(sample.values)
    refused: list[Fallback] = []
    for candidate in fallback_order(asked):
        fit = _fit_one(sample, candidate, by)
        if fit.health.healthy:
            break
        refused.append(Fallback(candidate, fit.health.statement))
    else:
        refused.pop()  # the last resort is what is returned
    return replace(fit, requested=asked, fallbacks=tuple(refused))


def _engine(engine: Engine | str) -> Engine:
    try:
        return Engine(engine)
    except ValueError:
        rule = f"must be one of {', '.join(known.value for known in Engine)}"
        raise InputError("engine", engine, rule, "Leave it out for riskkit's own") from None


def fallback_order(spec: VolatilitySpec) -> Iterator[VolatilitySpec]:
    """The specifications tried in turn: as requested, GARCH-t, EWMA-t."""
    garch = replace(spec, variance=Variance.GARCH, innovation=Innovation.STUDENT_T)
    ewma = replace(spec, variance=Variance.EWMA, innovation=Innovation.STUDENT_T)
    middle = [] if spec.variance is Variance.EWMA else [garch]
    yield from dict.fromkeys([spec, *middle, ewma])


def _fit_one(sample: Sample, spec: VolatilitySpec, engine: Engine) -> VolatilityFit:
    if spec.direct:
        return _fit_direct(sample, spec, engine)
    from riskkit.volatility.beside import direct_part, fit_beside

    begun = direct_part(sample, spec)
    return fit_beside(sample, spec, begun, _fit_direct(begun.sample, begun.spec, engine))


def _fit_direct(sample: Sample, spec: VolatilitySpec, engine: Engine) -> VolatilityFit:
    if engine is Engine.COMPILED and spec.compiled:
        from riskkit.volatility.engine.estimator import estimate

        found, used = estimate(sample.values, spec), Engine.COMPILED
    else:
        found, used = estimate_with_arch(sample.values, spec), Engine.ARCH
    slow = None
    if found.filtered is not None:
        sigma, residuals, following = found.filtered
        target = sample.target[len(sample.target) - len(sigma) :]
    else:
        first = start_variance(spec, found.params, found.presample_variance)
        seen = run_filter(spec, found.params, sample.values, sample.target, first)
        sigma, residuals = seen.sigma.to_numpy(), seen.residuals.to_numpy()
        target, following, slow = sample.target, seen.next_sigma, seen.slow
    fit = VolatilityFit(
        spec=spec,
        requested=spec,
        params=found.params,
        covariance=found.covariance,
        sigma=pd.Series(sigma, index=target, name="sigma"),
        residuals=pd.Series(residuals, index=target, name="residual"),
        next_sigma=following,
        origin=sample.target[-1],
        loglikelihood=found.loglikelihood,
        health=FitHealth(()),
        fallbacks=(),
        evaluations=found.evaluations,
        engine=used,
        presample_variance=found.presample_variance,
        slow=slow,
    )
    return replace(fit, health=_health(sample, fit, found))


def _health(sample: Sample, fit: VolatilityFit, estimate: Optimum) -> FitHealth:
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
