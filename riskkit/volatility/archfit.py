"""Fits through the arch package: models without a compiled likelihood, and the test oracle.

The returns are scaled to unit deviation inside, and everything that leaves is unscaled.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from riskkit.volatility.optimum import Optimum
from riskkit.volatility.presample import EWMA_DECAY, presample_variance
from riskkit.volatility.sample import Array
from riskkit.volatility.spec import Innovation, Mean, Presample, Variance, VolatilitySpec

PRESAMPLE_ROUNDS = 2
TOLERANCE = 1e-10
LAGS = (1, 5, 22)
"""Lags of the HAR mean and of HARCH: a day, a week, a month of sessions."""
CONFIRMING_GAIN = 1e-6


def estimate_with_arch(values: Array, spec: VolatilitySpec) -> Optimum:
    """Maximise the likelihood with arch (SLSQP, numerical derivatives).

    arch holds the presample variance fixed while it optimises. Under ``Presample.SAMPLE`` it is
    set to mean(e^2) at the sample mean, then once more at the fitted mean.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Checked log returns.
    """
    scale = float(values.std())
    y = values / scale
    model = arch_model(y, spec)
    mu = 0.0 if spec.mean is Mean.ZERO else float(y.mean())
    evaluations, start = 0, None
    for _ in range(1 if spec.presample is Presample.BACKCAST else PRESAMPLE_ROUNDS):
        backcast = presample_variance(spec, y, mu)
        result, converged, spent = _maximise(model, backcast, start)
        evaluations += spent
        start = np.asarray(result.params)
        if spec.mean is Mean.CONSTANT:
            mu = float(start[0])
    names = list(spec.parameters)
    params = pd.Series(np.asarray(result.params), index=names, dtype=np.float64)
    jacobian = _jacobian(spec, params, scale)
    covariance = {
        kind: jacobian @ cov @ jacobian.T
        for kind, cov in _covariances(model, result, backcast, params.index).items()
    }
    presample = backcast * scale**2
    unscaled = complete(spec, unscale(spec, params, scale))
    return Optimum(
        params=unscaled,
        loglikelihood=float(result.loglikelihood) - result.nobs * math.log(scale),
        presample_variance=presample,
        converged=converged,
        evaluations=evaluations,
        covariance=covariance,
        filtered=None if spec.compiled else filter_with_arch(values, spec, unscaled, presample),
    )


def filter_with_arch(
    values: Array, spec: VolatilitySpec, params: pd.Series, presample: float
) -> tuple[Array, Array, float]:
    """Sigma, standardised residuals and next sigma of a model that only arch can filter.

    Shapes (n,), or (n - 22,) under a HAR mean, whose first 22 returns are its regressors.
    """
    model = arch_model(values, spec)
    at = params[list(spec.parameters)].to_numpy(dtype=np.float64)
    model.fix(at)  # prepares the sample: a HAR mean gives up its first returns as regressors
    process, lead = model.volatility, model.num_params
    variance = at[lead : lead + process.num_params]
    e = np.asarray(model.resids(at[:lead]))
    # One shock of size 0 is appended: its variance is the forecast after the last bar.
    e = np.append(e, 0.0)
    h = np.empty(len(e))
    bounds = process.variance_bounds(e)
    process.compute_variance(variance, e, h, process.backcast_transform(presample), bounds)
    sigma = np.sqrt(h)
    return sigma[:-1], e[:-1] / sigma[:-1], float(sigma[-1])


def unscale(spec: VolatilitySpec, params: pd.Series, scale: float) -> pd.Series:
    """Parameters of returns from those of the returns divided by ``scale``."""
    out = params.copy()
    if "mu" in out.index:
        out["mu"] *= scale
    if spec.variance is Variance.EGARCH:
        out["omega"] += 2.0 * math.log(scale) * (1.0 - out["beta"])
    elif "omega" in out.index:
        out["omega"] *= scale ** float(out.get("delta", 2.0))
    return out


def complete(spec: VolatilitySpec, params: pd.Series) -> pd.Series:
    """The parameters with the constants of EWMA added, so that every recursion finds its own."""
    if spec.variance is not Variance.EWMA:
        return params
    constants = {"omega": 0.0, "alpha": 1.0 - EWMA_DECAY, "beta": EWMA_DECAY}
    values = [*params.to_list(), *constants.values()]
    return pd.Series(values, index=[*spec.parameters, *constants])


def _jacobian(spec: VolatilitySpec, params: pd.Series, scale: float) -> pd.DataFrame:
    """Derivatives of the unscaled parameters in those of the returns divided by ``scale``."""
    names = list(params.index)
    jacobian = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    if "mu" in names:
        jacobian.loc["mu", "mu"] = scale
    if spec.variance is Variance.EGARCH:
        jacobian.loc["omega", "beta"] = -2.0 * math.log(scale)
    elif "delta" in names:
        power = scale ** float(params["delta"])
        jacobian.loc["omega", "omega"] = power
        jacobian.loc["omega", "delta"] = float(params["omega"]) * power * math.log(scale)
    elif "omega" in names:
        jacobian.loc["omega", "omega"] = scale**2
    return jacobian


def arch_model(y: Array, spec: VolatilitySpec) -> Any:
    """The arch model of a specification."""
    from arch import univariate as uv

    if spec.mean is Mean.HAR:
        model: Any = uv.HARX(y, lags=list(LAGS), rescale=False)
    else:
        model = (uv.ConstantMean if spec.mean is Mean.CONSTANT else uv.ZeroMean)(y, rescale=False)
    volatilities: dict[Variance, Callable[[], Any]] = {
        Variance.GARCH: lambda: uv.GARCH(p=1, q=1),
        Variance.GJR: lambda: uv.GARCH(p=1, o=1, q=1),
        Variance.EGARCH: lambda: uv.EGARCH(p=1, o=1, q=1),
        Variance.EWMA: lambda: uv.EWMAVariance(EWMA_DECAY),
        Variance.APARCH: lambda: uv.APARCH(p=1, o=1, q=1),
        Variance.FIGARCH: lambda: uv.FIGARCH(p=1, q=1),
        Variance.HARCH: lambda: uv.HARCH(list(LAGS)),
    }
    innovations: dict[Innovation, Callable[[], Any]] = {
        Innovation.NORMAL: uv.Normal,
        Innovation.STUDENT_T: uv.StudentsT,
        Innovation.SKEW_T: uv.SkewStudent,
        Innovation.GED: uv.GeneralizedError,
    }
    model.volatility = volatilities[spec.variance]()
    model.distribution = innovations[spec.innovation]()
    return model


def _maximise(model: Any, backcast: float, start: Array | None) -> tuple[Any, bool, int]:
    """Fit, and once more from where it stopped if SLSQP says that it did not converge.

    A second run that gains nothing has confirmed the optimum, whatever its flag says.
    """
    from arch.utility.exceptions import StartingValueWarning

    def fit(start: Array | None) -> Any:
        with warnings.catch_warnings():
            # SLSQP can stop a rounding error outside its own constraints: arch then says so
            # and starts over by itself, which is what is wanted here.
            warnings.simplefilter("ignore", StartingValueWarning)
            return model.fit(
                disp="off",
                show_warning=False,
                starting_values=start,
                backcast=backcast,
                options={"maxiter": 500, "ftol": TOLERANCE},
            )

    result = fit(start)
    spent = int(result.optimization_result.nfev)
    if result.convergence_flag == 0:
        return result, True, spent
    again = fit(np.asarray(result.params))
    spent += int(again.optimization_result.nfev)
    gain = again.loglikelihood - result.loglikelihood
    converged = again.convergence_flag == 0 or abs(gain) < CONFIRMING_GAIN
    return (again if gain >= 0.0 else result), bool(converged), spent


def _covariances(
    model: Any, result: Any, backcast: float, names: pd.Index
) -> dict[str, pd.DataFrame]:
    """Inverse Hessian and sandwich by arch, and the outer product that the two imply."""
    at = np.asarray(result.params)
    try:
        hessian = model.compute_param_cov(at, backcast=backcast, robust=False)
        qmle = model.compute_param_cov(at, backcast=backcast, robust=True)
        opg = hessian @ np.linalg.inv(qmle) @ hessian
    except np.linalg.LinAlgError:
        return {}
    found = {"hessian": hessian, "opg": opg, "qmle": qmle}
    if not all(np.isfinite(cov).all() and (np.diag(cov) > 0.0).all() for cov in found.values()):
        return {}
    return {kind: pd.DataFrame(cov, index=names, columns=names) for kind, cov in found.items()}
