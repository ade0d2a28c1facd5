"""The news impact curve: what a return of each size does to the next bar's volatility."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.running import component_coefficients, recursion_coefficients
from riskkit.volatility.sample import Array
from riskkit.volatility.spec import PARTED, Innovation

SHOCKS = 101
REACH = 5.0


def news_impact(
    fit: VolatilityFit, shocks: Array | None = None, sigma: float | None = None
) -> pd.DataFrame:
    """Volatility of the next bar after each shock (Engle & Ng 1993).

    Parameters
    ----------
    fit : VolatilityFit
        Of a model with a recursion of its own (``fit.spec.compiled``).
    shocks : ndarray, shape (m,), optional
        Demeaned log returns as fractions; by default 101 from -5 to +5 sigma.
    sigma : float, optional
        Volatility of the bar of the shock; by default the level the recursion reverts to, or,
        where it reverts to none (persistence at 1), the root mean square of the fitted sigma.

    Returns
    -------
    DataFrame
        ``shock`` (log return), ``next_sigma`` (per bar).

    Raises
    ------
    InputError
        If the model is fitted through arch only, or sigma is not positive.
    """
    if not fit.spec.compiled:
        raise InputError(
            "fit", fit.spec.name, "must have a recursion of its own", "Use garch, gjr or egarch"
        )
    level = reference_sigma(fit) if sigma is None else sigma
    if not level > 0.0:
        raise InputError("sigma", level, "must be positive", "Leave it out for the usual level")
    if shocks is None:
        shocks = np.linspace(-REACH * level, REACH * level, SHOCKS)
    from riskkit.volatility.recursion import component_path, variance_path

    if fit.spec.variance in PARTED:  # from a variance that is all slow
        coef = component_coefficients(fit.params)
        following = [
            math.sqrt(component_path(coef, np.array([shock]), level**2, level**2)[0][1])
            for shock in shocks
        ]
        return pd.DataFrame({"shock": shocks, "next_sigma": following})
    log, coef = recursion_coefficients(fit.spec, fit.params)
    following = [
        math.sqrt(variance_path(log, coef, np.array([shock]), level**2)[1]) for shock in shocks
    ]
    return pd.DataFrame({"shock": shocks, "next_sigma": following})


def reference_sigma(fit: VolatilityFit) -> float:
    """Volatility the recursion reverts to, or the fitted root mean square where there is none.

    EGARCH reverts in logs; its E|z| is taken as that of the fitted innovation.
    """
    usual = math.sqrt(float((fit.sigma**2).mean()))
    rho = fit.persistence
    if not rho < 1.0 - 1e-6:
        return usual
    if fit.spec.variance in PARTED:
        return math.sqrt(float(fit.params["omega"]) / (1.0 - rho))
    log, coef = recursion_coefficients(fit.spec, fit.params)
    if not log:
        return math.sqrt(coef[0] / (1.0 - rho)) if coef[0] > 0.0 else usual
    from riskkit.volatility.innovations import lower_partial_mean
    from riskkit.volatility.recursion import MEAN_ABS_NORMAL

    mean_abs = MEAN_ABS_NORMAL
    if fit.spec.innovation is not Innovation.NORMAL:
        mean_abs = -2.0 * float(lower_partial_mean(fit.spec.innovation, 0.0, fit.params))
    drift = coef[0] + coef[1] * (mean_abs - MEAN_ABS_NORMAL)
    return math.exp(0.5 * drift / (1.0 - coef[3]))
