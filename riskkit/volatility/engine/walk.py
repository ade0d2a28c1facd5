"""Fit a model on many windows of one series: warm from window to window, cold now and then."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, types

from riskkit.volatility.engine.cold import MOMENTS, ROUNDS, adapt, describe, fit_cold
from riskkit.volatility.engine.kernel import (
    FLAGS,
    INNER,
    INTS,
    LIKELIHOOD_TYPE,
    MATRIX,
    SIZE,
    VECTOR,
    Array,
    Flags,
    Ints,
    copy_flags,
    copy_matrix,
    copy_vector,
)
from riskkit.volatility.engine.kinks import search_kinks
from riskkit.volatility.engine.newton import JAGGED, MINIMISE_TYPE

BETTER = 1e-7
"""A log-likelihood gain that makes another optimum the better one."""
CLOSE = 10.0
"""A rival optimum within this log-likelihood may lead a few windows on."""
DENSER = 16
"""Cold fits are this many times as frequent while there is one."""


@njit(types.void(VECTOR, INTS, INTS, MATRIX), **INNER)
def measure(y: Array, first: Ints, stop: Ints, out: Array) -> None:
    """Standard deviation and range of every window, into ``out`` (w, 2)."""
    for i in range(first.shape[0]):
        mean, low, high = 0.0, np.inf, -np.inf
        for t in range(first[i], stop[i]):
            mean += y[t]
            low, high = min(low, y[t]), max(high, y[t])
        mean /= stop[i] - first[i]
        total = 0.0
        for t in range(first[i], stop[i]):
            total += (y[t] - mean) * (y[t] - mean)
        out[i, 0], out[i, 1] = math.sqrt(total / (stop[i] - first[i])), high - low


@njit(
    types.void(
        MINIMISE_TYPE,
        LIKELIHOOD_TYPE,
        VECTOR,
        INTS,
        INTS,
        types.boolean,
        types.boolean,
        types.boolean,
        MATRIX,
        MATRIX,
        INTS,
        types.float64,
        types.int64,
        VECTOR,
        MATRIX,
        FLAGS,
        MATRIX,
        MATRIX,
    ),
    **INNER,
)
def _carry_back(
    minimise: Any,
    f: Any,
    y: Array,
    first: Ints,
    stop: Ints,
    log: bool,
    centred: bool,
    sample: bool,
    a: Array,
    bounds: Array,
    free: Ints,
    tolerance: float,
    at: int,
    x_found: Array,
    b_found: Array,
    active_found: Flags,
    params: Array,
    found: Array,
) -> None:
    """Offer the optimum found on window ``at`` to the windows before it while it wins there."""
    x, b, active, g = x_found.copy(), b_found.copy(), active_found.copy(), np.empty(SIZE + 1)
    low, size, moments = np.empty(a.shape[0]), np.empty((2, SIZE)), np.empty(MOMENTS)
    for i in range(at - 1, -1, -1):
        window = y[first[i] : stop[i]]
        describe(window, centred, sample, moments)
        if not moments[5] > 0.0:
            return
        adapt(moments, log, bounds, low, size, x)
        value, left, spent = minimise(
            f, window, moments[:4], a, low, free, size, x, b, True, active, tolerance, ROUNDS, g
        )
        found[i, 3] += spent
        if not value < found[i, 0] - BETTER:
            return
        copy_vector(x, params[i])
        found[i, 0], found[i, 1], found[i, 2] = value, g[SIZE], left
        found[i, 4] = moments[0] + moments[2] * (params[i, 0] - moments[1]) ** 2


@njit(
    types.void(
        MINIMISE_TYPE,
        LIKELIHOOD_TYPE,
        VECTOR,
        INTS,
        INTS,
        types.boolean,
        types.boolean,
        types.boolean,
        MATRIX,
        MATRIX,
        INTS,
        VECTOR,
        MATRIX,
        types.float64,
        types.int64,
        MATRIX,
        MATRIX,
    ),
    **INNER,
)
def fit_windows(
    minimise: Any,
    f: Any,
    y: Array,
    first: Ints,
    stop: Ints,
    log: bool,
    centred: bool,
    sample: bool,
    a: Array,
    bounds: Array,
    free: Ints,
    fixed: Array,
    grid: Array,
    tolerance: float,
    cold_every: int,
    params: Array,
    found: Array,
) -> None:
    """Fit every window ``y[first[i]:stop[i]]``.

    Each window starts where the one before stopped; every ``cold_every`` windows, more often
    where the likelihood was seen to have rival optima, and where the warm fit does not settle, a
    cold fit is tried as well. If that finds a better optimum, it is
    carried back through the windows before for as long as it is better there too.

    Parameters
    ----------
    minimise, f : compiled functions
        `newton.minimise` and the likelihood.
    log, centred, sample : bool
        EGARCH; constant mean; presample mean(e^2) rather than backcast.
    fixed : ndarray, shape (7,)
        Values of the variables that are not free.
    params : ndarray, shape (w, 7)
        Filled with the optima.
    found : ndarray, shape (w, 8)
        Filled with: -log likelihood, next variance, predicted decrease left, likelihood
        evaluations, presample variance; and of the window the variance, mean and largest
        absolute deviation. NaN where all returns of a window are equal.
    """
    n, m = free.shape[0], a.shape[0]
    x, b, g = fixed.copy(), np.zeros((n, n)), np.empty(SIZE + 1)
    active = np.zeros(m, np.bool_)
    x_cold, b_cold, g_cold = fixed.copy(), np.zeros((n, n)), np.empty(SIZE + 1)
    active_cold = np.zeros(m, np.bool_)
    low, size, moments = np.empty(m), np.empty((2, SIZE)), np.empty(MOMENTS)
    settled, jagged, due = False, tolerance > JAGGED, 0
    for i in range(first.shape[0]):
        window = y[first[i] : stop[i]]
        describe(window, centred, sample, moments)
        if not moments[5] > 0.0:
            settled = False
            copy_vector(fixed, params[i])
            for j in range(8):
                found[i, j] = np.nan
            continue
        value, left, spent = np.inf, np.inf, 0.0
        if settled:
            adapt(moments, log, bounds, low, size, x)
            value, left, spent = minimise(
                f, window, moments[:4], a, low, free, size, x, b, True, active,
                tolerance, ROUNDS, g,
            )  # fmt: skip
        warm_settled = left < 100.0 * tolerance
        if not warm_settled or i >= due:
            copy_vector(fixed, x_cold)
            cold, cold_left, used, rival = fit_cold(
                minimise, f, window, moments, log, a, bounds, free, grid, tolerance,
                x_cold, b_cold, active_cold, g_cold,
            )  # fmt: skip
            spent += used
            due = i + (max(1, cold_every // DENSER) if rival < CLOSE else cold_every)
            if not value < cold + BETTER:
                if warm_settled and i > 0:
                    _carry_back(
                        minimise, f, y, first, stop, log, centred, sample, a, bounds, free,
                        tolerance, i, x_cold, b_cold, active_cold, params, found,
                    )  # fmt: skip
                value, left = cold, cold_left
                copy_vector(x_cold, x)
                copy_matrix(b_cold, b)
                copy_vector(g_cold, g)
                copy_flags(active_cold, active)
        settled = value < np.inf
        if jagged and settled:
            adapt(moments, log, bounds, low, size, x)
            copy_vector(x, x_cold)
            value, used = search_kinks(
                f, window, moments[:4], a, low, free, size, b, x_cold, value, g
            )
            spent += used
        copy_vector(x_cold if jagged and settled else x, params[i])
        found[i, 0], found[i, 1], found[i, 2], found[i, 3] = value, g[SIZE], left, spent
        found[i, 4] = moments[0] + moments[2] * (params[i, 0] - moments[1]) ** 2
        found[i, 5], found[i, 6], found[i, 7] = moments[5], moments[7], moments[8]
