"""Walk a model forward through history: refit, forecast, and keep one tidy row per bar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.returns import Returns
from riskkit.volatility.fit import fallback_order
from riskkit.volatility.health import Check, Evidence, healthy_rows, run_checks, statements
from riskkit.volatility.persistence import persistence
from riskkit.volatility.running import component_coefficients
from riskkit.volatility.sample import (
    LEAST_DEVIATION,
    MINIMUM_OBSERVATIONS,
    Array,
    Sample,
    check_returns,
)
from riskkit.volatility.spec import GARCH_T, Variance, VolatilitySpec
from riskkit.volatility.walktable import COLUMNS, PARAMETERS, Ints


def walk_forward(
    returns: Returns | pd.Series | pd.DataFrame,
    spec: VolatilitySpec = GARCH_T,
    window: int = 1000,
    refit_every: int = 1,
    *,
    expanding: bool = False,
) -> pd.DataFrame:
    """Forecast every bar after the first window from what was known before it.

    Every ``refit_every`` bars the model is refitted to the last ``window`` returns (to all of
    them if ``expanding``); in between, the parameters stay and the variance is filtered on. A fit
    that fails a health gate falls back as in `fit_volatility`, and the row says so. The optimiser
    starts each window where a neighbour stopped; which start was used does not change the
    likelihood that is maximised, and no window's likelihood knows a later return.

    Parameters
    ----------
    returns : Returns, or Series of log returns as fractions indexed by target, length n > window
        Or a table with their measures, as `Returns.observed`; a combined model asks for one.
    spec : VolatilitySpec
        A compiled one (``spec.compiled``).
    window : int
        Returns in the first (expanding) or every window, at least 100.
    refit_every : int
        Bars from one refit to the next.
    expanding : bool

    Returns
    -------
    DataFrame
        n - window rows, one per target bar. ``origin`` and ``target`` date the forecast;
        ``log_return`` is what the target bar brought; ``sigma`` its forecast volatility per bar,
        from returns up to the origin. ``estimated`` is the last bar the parameters have seen.
        ``model`` is what was asked for and ``fitted`` what is in the row; ``healthy`` and
        ``health`` judge that fit, ``fallback`` says what was refused and why (empty if nothing).
        Parameters a model lacks take their nested value: gamma and lambda 0, nu infinite.

    Raises
    ------
    InputError
        As `fit_volatility`; also if the window is shorter than 100 or not shorter than the
        series, or the model has no compiled likelihood.
    """
    sample = check_returns(returns)
    check_arguments(sample, spec, window, refit_every)
    stop = np.arange(window, len(sample.values), refit_every, dtype=np.int64)
    first = np.zeros_like(stop) if expanding else stop - window
    if not spec.direct:
        from riskkit.volatility.walkalone import walk_alone

        return walk_alone(sample, spec, first, stop)
    fits = fit_all(sample.values, spec, first, stop)
    return _table(sample, spec, fits, first, stop)


@dataclass(frozen=True)
class WindowFits:
    """The reported fits of w windows, after any fallback; columns by name, arrays of shape (w,).

    ``params`` has shape (w, 9), in the order `PARAMETERS`.
    """

    params: Array
    next_variance: Array
    loglikelihood: Array
    evaluations: Ints
    fitted: npt.NDArray[np.object_]
    healthy: npt.NDArray[np.bool_]
    health: npt.NDArray[np.object_]
    fallback: npt.NDArray[np.object_]


def fit_all(values: Array, spec: VolatilitySpec, first: Ints, stop: Ints) -> WindowFits:
    """Fit the windows ``values[first[i]:stop[i]]``, and refit what is unhealthy down the order.

    A window of equal returns has no model: its row carries sigma 0 and says so.
    """
    from riskkit.volatility.engine.estimator import estimate_windows, window_spreads
    from riskkit.volatility.engine.models import variables_of

    w = len(first)
    out = WindowFits(
        params=np.zeros((w, len(PARAMETERS))),
        next_variance=np.zeros(w),
        loglikelihood=np.zeros(w),
        evaluations=np.zeros(w, dtype=np.int64),
        fitted=np.full(w, "none", dtype=object),
        healthy=np.zeros(w, dtype=np.bool_),
        health=np.full(w, "unhealthy: all returns of the window are equal", dtype=object),
        fallback=np.full(w, "", dtype=object),
    )
    spreads = window_spreads(values, first, stop)
    left = np.flatnonzero((spreads[:, 1] > 0.0) & (spreads[:, 0] > LEAST_DEVIATION))
    order = tuple(fallback_order(spec))
    for candidate in order:
        if len(left) == 0:
            break
        found = estimate_windows(values, candidate, first[left], stop[left], spreads[left, 0])
        by_name = dict(zip(variables_of(candidate), found.params.T, strict=True))
        if candidate.variance is Variance.COMPONENT:
            by_name["omega"] = found.presample * (1.0 - by_name["rho"])
        seen = Evidence(
            converged=found.converged,
            loglikelihood=found.loglikelihood,
            next_sigma=np.sqrt(found.next_variance),
            variance=found.variance,
            mean_abs=found.mean_abs,
            max_abs=found.max_abs,
            nobs=stop[left] - first[left],
        )
        checks = run_checks(candidate, by_name, persistence(candidate, by_name), seen)
        out.evaluations[left] += found.evaluations
        good = healthy_rows(checks)
        none = np.zeros(len(left))
        params = np.column_stack([by_name.get(name, none) for name in PARAMETERS])
        _keep(out, left, candidate, params, found.next_variance, found.loglikelihood, checks)
        if candidate != order[-1]:
            words = out.health[left[~good]]
            out.fallback[left[~good]] += np.array(
                [f"{candidate.name} refused ({w}); " for w in words], dtype=object
            )
        left = left[~good]
    out.fallback[:] = [text.removesuffix("; ") for text in out.fallback]
    return out


def _keep(
    out: WindowFits,
    rows: npt.NDArray[np.int64],
    spec: VolatilitySpec,
    params: Array,
    next_variance: Array,
    loglikelihood: Array,
    checks: tuple[Check, ...],
) -> None:
    out.params[rows] = params
    out.next_variance[rows] = next_variance
    out.loglikelihood[rows] = loglikelihood
    out.fitted[rows] = spec.name
    out.healthy[rows] = healthy_rows(checks)
    out.health[rows] = statements(checks)


def _table(
    sample: Sample, spec: VolatilitySpec, fits: WindowFits, first: Ints, stop: Ints
) -> pd.DataFrame:
    n, window = len(sample.values), int(stop[0])
    length = np.diff(np.append(stop, n))
    at = np.repeat(np.arange(len(stop)), length)
    table = {
        "asset": sample.asset,
        "model": spec.name,
        "origin": sample.origin[window:],
        "target": sample.target[window:],
        "log_return": sample.values[window:],
        "sigma": np.sqrt(_held_variances(sample.values, fits, first, stop)),
        **{name: fits.params[at, j] for j, name in enumerate(PARAMETERS)},
        "estimated": sample.target[stop - 1][at],
        "fitted": fits.fitted[at],
        "healthy": fits.healthy[at],
        "health": fits.health[at],
        "fallback": fits.fallback[at],
        "loglikelihood": fits.loglikelihood[at],
        "evaluations": np.where(np.isin(np.arange(window, n), stop), fits.evaluations[at], 0),
    }
    more = ["rho", "phi"] if spec.variance is Variance.COMPONENT else []
    return pd.DataFrame(table, columns=[*COLUMNS, *more])


def _held_variances(values: Array, fits: WindowFits, first: Ints, stop: Ints) -> Array:
    """Variance forecast of every bar from the first ``stop`` on, parameters held in between."""
    from riskkit.volatility.held import hold_variance

    egarch = Variance.EGARCH.value
    log = np.array([name.startswith(egarch) for name in fits.fitted])
    out = np.empty(len(values) - stop[0])
    coef = np.ascontiguousarray(fits.params[:, :5])
    hold_variance(log, coef, fits.next_variance, stop, values, out)
    slow = [name.startswith(Variance.COMPONENT.value) for name in fits.fitted]
    for i in np.flatnonzero(slow):
        until = stop[i + 1] if i + 1 < len(stop) else len(values)
        out[stop[i] - stop[0] : until - stop[0]] = _held_components(
            values[first[i] : until], fits.params[i], stop[i] - first[i]
        )
    return out


def _held_components(values: Array, params: Array, known: int) -> Array:
    """Variances of the bars after the first ``known``, by a component model fitted to those."""
    from riskkit.volatility.recursion import component_path

    by_name = dict(zip(PARAMETERS, params.tolist(), strict=True))
    e = values - by_name["mu"]
    target = float(np.mean(e[:known] ** 2))
    return component_path(component_coefficients(by_name), e, target, target)[0][known:-1]


def check_arguments(sample: Sample, spec: VolatilitySpec, window: int, refit_every: int) -> None:
    """Refuse a walk that could not run; see `walk_forward`.

    Raises
    ------
    InputError
        If the model has no compiled likelihood, or the window or the step does not fit.
    """
    if not spec.compiled:
        raise InputError(
            "spec",
            spec.name,
            "must have a compiled likelihood to be walked forward",
            "Use garch, gjr, egarch or ewma with normal, t or skewt; fit_volatility takes any",
        )
    for name, bars in (("window", window), ("refit_every", refit_every)):
        if not isinstance(bars, int | np.integer):
            raise InputError(name, bars, "must be a whole number of bars", "Round it")
    if window < MINIMUM_OBSERVATIONS:
        raise InputError(
            "window",
            window,
            f"must be at least {MINIMUM_OBSERVATIONS}",
            "Use 500 to 1,000 bars; fewer do not pin a tail down",
        )
    if window >= len(sample.values):
        raise InputError(
            "window",
            window,
            f"must be shorter than the {len(sample.values)} returns given",
            "Give a longer history or a shorter window",
        )
    if refit_every < 1:
        raise InputError(
            "refit_every", refit_every, "must be at least 1", "Give 1 to refit every bar"
        )
