"""The engine behind the verbs: scale, run the kernels, unscale.

Kernels that a single smooth fit does not need are loaded where they are used: compiling them
would take a third of its time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.volatility.engine.cold import MOMENTS, adapt, describe, fit_cold
from riskkit.volatility.engine.kernel import SIZE, Array, Domain, Ints, Point
from riskkit.volatility.engine.models import CompiledModel, model_of, variables_of
from riskkit.volatility.engine.newton import JAGGED, SETTLED, minimise
from riskkit.volatility.engine.scores import covariances
from riskkit.volatility.health import Flags
from riskkit.volatility.optimum import Optimum
from riskkit.volatility.spec import Innovation, Variance, VolatilitySpec

POLISH = 1e-14
"""Predicted decrease at which a single fit stops: at full precision."""
RUN_RATIO = 10.0
SHORT = 750
"""Below this many bars a likelihood often has several optima: cold starts in every basin known."""


def estimate(values: Array, spec: VolatilitySpec) -> Optimum:
    """Maximise the likelihood of one sample, to full precision, with three covariances.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Checked log returns.
    """
    model = model_of(spec, thorough=len(values) < SHORT)
    scale = float(values.std())
    y = np.ascontiguousarray(values / scale)
    moments, g = np.empty(MOMENTS), np.empty(SIZE + 1)
    describe(y, model.centred, model.sample, moments)
    x, n = model.fixed.copy(), len(model.free)
    curvature, active = np.zeros((n, n)), np.zeros(len(model.bounds), dtype=np.bool_)
    kinked = model.tolerance > JAGGED
    f, point = model.likelihood.native, Point(x, curvature, active, g)
    terms = model.terms(model.tolerance if kinked else POLISH)
    value, left, spent, _ = fit_cold(minimise.native, f, y, moments, terms, point, np.empty(SIZE))
    if kinked:
        from riskkit.volatility.engine.kinks import search_kinks

        low, size = np.empty(len(model.bounds)), np.empty((2, SIZE))
        adapt(moments, model.log, model.bounds, low, size, x)
        domain = Domain(model.constraints, low, model.free, size)
        value, rest, used = search_kinks(
            minimise.native, f, y, moments[:4], domain, point, value, True
        )
        spent += used
        left = min(left, rest)
    start = moments[:4]
    found = covariances(model, spec.innovation, x, y, start, curvature, active)
    jacobian = _jacobian(spec, model, x, scale)
    names = list(spec.parameters)
    unscaled = unscale(spec, x[None, :], scale)[0].tolist()
    params = dict(zip(variables_of(spec), unscaled, strict=True))
    presample = float(moments[0] + moments[2] * (x[0] - moments[1]) ** 2) * scale**2
    wanted = [*names, *(["omega", "alpha", "beta"] if spec.variance is Variance.EWMA else [])]
    if spec.variance is Variance.COMPONENT:
        params["omega"] = presample * (1.0 - params["rho"])
        wanted.append("omega")
    return Optimum(
        params=pd.Series({name: params[name] for name in wanted}, dtype=np.float64),
        loglikelihood=-value - len(y) * math.log(scale),
        presample_variance=presample,
        converged=bool(left < max(SETTLED, 10.0 * model.tolerance)),
        evaluations=int(spent),
        covariance={
            kind: pd.DataFrame(jacobian @ c @ jacobian.T, index=names, columns=names)
            for kind, c in found.items()
        },
    )


@dataclass(frozen=True)
class WindowEstimates:
    """The optima of w windows, unscaled; arrays of shape (w,) except ``params``.

    Attributes
    ----------
    params : ndarray, shape (w, 7)
        In the order `models.variables_of`; what a model lacks takes its nested value (gamma and
        lambda 0, nu infinite).
    loglikelihood, next_variance, variance, mean_abs, max_abs, presample : ndarray
        The last is the variance before the first observation; the others as in `health.Evidence`;
        NaN where no start gave a finite likelihood, or all returns of a window are equal.
    converged : bool ndarray
    evaluations : int ndarray
    """

    params: Array
    loglikelihood: Array
    next_variance: Array
    variance: Array
    mean_abs: Array
    max_abs: Array
    converged: Flags
    evaluations: Ints
    presample: Array


def estimate_windows(
    values: Array, spec: VolatilitySpec, first: Ints, stop: Ints, deviation: Array
) -> WindowEstimates:
    """Fit the windows ``values[first[i]:stop[i]]``, each from where the one before stopped.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Checked log returns.
    first, stop : int ndarray, shape (w,)
    deviation : ndarray, shape (w,)
        Standard deviation of each window, as `window_spreads` gives it.
    """
    from riskkit.volatility.engine.basins import Walk
    from riskkit.volatility.engine.walk import fit_windows

    shortest = int((stop - first).min())
    model = model_of(spec, thorough=shortest < SHORT)
    cold_every = max(1, shortest**2 // 30_000) if shortest < SHORT else max(50, shortest // 10)
    terms = model.terms(model.tolerance)
    if shortest >= SHORT and not model.component:
        terms.grid[:, 4] //= 2.0  # of two parts of the grid, start from the better one
    params, found = np.empty((len(first), SIZE)), np.empty((len(first), 8))
    scale = np.empty(len(first))
    for rows, unit in _runs(deviation):
        scale[rows] = unit
        x, seen = params[rows], found[rows]
        walk = Walk(np.ascontiguousarray(values / unit), first[rows], stop[rows], x, seen)
        fit_windows(minimise.native, model.likelihood.native, walk, terms, cold_every)
        params[rows] = unscale(spec, x, unit)
    with np.errstate(invalid="ignore"):
        converged = found[:, 2] < max(SETTLED, 10.0 * model.tolerance)
    return WindowEstimates(
        params=params,
        loglikelihood=-found[:, 0] - (stop - first) * np.log(scale),
        next_variance=np.where(np.isfinite(found[:, 0]), found[:, 1], np.nan) * scale**2,
        variance=found[:, 5] * scale**2,
        mean_abs=found[:, 6] * scale,
        max_abs=found[:, 7] * scale,
        converged=converged,
        evaluations=np.nan_to_num(found[:, 3]).astype(np.int64),
        presample=found[:, 4] * scale**2,
    )


def window_spreads(values: Array, first: Ints, stop: Ints) -> Array:
    """Standard deviation and range of the windows ``values[first[i]:stop[i]]``, shape (w, 2)."""
    from riskkit.volatility.engine.walk import measure

    out = np.empty((len(first), 2))
    measure(values, first, stop, out)
    return out


def _runs(deviation: Array) -> Iterator[tuple[slice, float]]:
    """Stretches of windows of like scale, each with the deviation of its first window.

    Tolerances hold on data of unit scale. A token that dies, or a peg that breaks, moves the
    scale by orders of magnitude: there a new unit and a cold start are due.
    """
    begin = 0
    while begin < len(deviation):
        unit, rest = float(deviation[begin]), deviation[begin:]
        alike = (rest >= unit / RUN_RATIO) & (rest <= unit * RUN_RATIO)
        end = len(deviation) if alike.all() else begin + max(1, int(np.argmin(alike)))
        yield slice(begin, end), unit if unit > 0.0 else 1.0
        begin = end


def unscale(spec: VolatilitySpec, x: Array, scale: float) -> Array:
    """Parameters of returns from the variables of the returns divided by ``scale``, (w, 7)."""
    out = x.copy()
    out[:, 0] *= scale
    out[:, 2] = np.maximum(out[:, 2], 0.0)  # a bound is reached to rounding only
    if spec.variance is Variance.COMPONENT:
        out[:, 3] = np.maximum(out[:, 3], 0.0)
    out[:, 4] = np.maximum(out[:, 4], 0.0)
    if spec.variance is Variance.COMPONENT:
        pass  # rho has no unit
    elif spec.variance is Variance.EGARCH:
        out[:, 1] += 2.0 * math.log(scale) * (1.0 - out[:, 4])
    else:
        out[:, 1] *= scale**2
    out[:, 5] = np.inf if spec.innovation is Innovation.NORMAL else 1.0 / x[:, 5]
    return out


def _jacobian(spec: VolatilitySpec, model: CompiledModel, x: Array, scale: float) -> Array:
    """Derivatives of the unscaled parameters in the free variables, shape (n, n)."""
    full = np.eye(SIZE)
    full[0, 0] = scale
    if spec.variance is Variance.COMPONENT:
        pass
    elif spec.variance is Variance.EGARCH:
        full[1, 4] = -2.0 * math.log(scale)
    else:
        full[1, 1] = scale**2
    full[5, 5] = -1.0 / x[5] ** 2
    return full[np.ix_(model.free, model.free)]
