"""Filter returns through given parameters, without refitting."""

from __future__ import annotations

import pandas as pd

from riskkit.errors import InputError
from riskkit.market.returns import Returns
from riskkit.volatility.beside import filter_beside
from riskkit.volatility.presample import presample_variance
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.running import Filtered, mean_of, run_filter, start_variance
from riskkit.volatility.sample import Sample, check_returns


def filter_returns(fit: VolatilityFit, returns: Returns | pd.Series | pd.DataFrame) -> Filtered:
    """Run a fitted recursion over returns, old or new, without refitting.

    Returns that begin after ``fit.origin`` continue the fit: the first sigma is
    ``fit.next_sigma``. Otherwise the recursion starts from the fit's own presample variance, so
    that the fitted returns give the fitted sigma back, and bars appended to them change no
    earlier value. (A model fitted through arch only always starts from the presample variance.)

    Parameters
    ----------
    fit : VolatilityFit
    returns : Returns, or Series of log returns indexed by target, length n >= 1
        Or a table with their measures, as `Returns.observed`; a combined model asks for one.

    Raises
    ------
    InputError
        If the returns are empty, not finite, not in order, or dated otherwise than the fit's.
    """
    sample = check_returns(returns, minimum=1)
    if not fit.spec.direct:
        return filter_beside(fit, sample, follows=_follow(sample, fit))
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
