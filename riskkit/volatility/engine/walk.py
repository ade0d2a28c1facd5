"""Fit a model on many windows of one series: warm from window to window, cold now and then."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, types

from riskkit.volatility.engine.cold import DISTINCT, MOMENTS, ROUNDS, adapt, describe, fit_cold
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
from riskkit.volatility.engine.newton import JAGGED, MINIMISE_TYPE, SETTLED

SHORT = 750
"""Below this many bars optima are many and the likelihood jagged, and evaluations cost less."""
BETTER = 1e-7
"""A log-likelihood gain that makes another optimum the better one."""
CLOSE = 10.0
"""A rival optimum within this log-likelihood may lead a few windows on: it is followed too."""
LEAP = 3.0
"""A warm fit that takes this many evaluations a variable may have left a basin for a better one."""
SHOCK = 40.0
"""A cold fit is due where a bar of this many times the variance enters or leaves: basins jump."""


@njit(types.void(VECTOR, VECTOR), **INNER)
def swap(one: Array, other: Array) -> None:
    """Exchange the contents of two vectors."""
    for i in range(one.shape[0]):
        one[i], other[i] = other[i], one[i]


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
        types.int64,
        VECTOR,
        MATRIX,
        types.boolean,
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
    explored: int,
    x_found: Array,
    b_found: Array,
    warm: bool,
    active_found: Flags,
    params: Array,
    found: Array,
) -> None:
    """Offer an optimum found on window ``at`` to the windows before it.

    Back to ``explored``, the last window fitted from cold, for as long as it may win; before
    that, while it does.
    """
    x, b, active, g = x_found.copy(), b_found.copy(), active_found.copy(), np.empty(SIZE + 1)
    low, size, moments = np.empty(a.shape[0]), np.empty((2, SIZE)), np.empty(MOMENTS)
    refined, limit = x.copy(), max(SETTLED, 10.0 * tolerance)
    for i in range(at - 1, -1, -1):
        window = y[first[i] : stop[i]]
        describe(window, centred, sample, moments)
        if not moments[5] > 0.0:
            return
        adapt(moments, log, bounds, low, size, x)
        value, left, spent = minimise(
            f, window, moments[:4], a, low, free, size, x, b, warm, active, tolerance, ROUNDS, g
        )
        warm = True
        copy_vector(x, refined)
        if tolerance > JAGGED and value < np.inf:
            value, rest, used = search_kinks(
                minimise, f, window, moments[:4], a, low, free, size, b, active, refined, value,
                window.shape[0] < SHORT, g,
            )  # fmt: skip
            spent += used
            left = min(left, rest)
        found[i, 3] += spent
        if not left < limit or value > found[i, 0] + CLOSE:
            return
        if value < found[i, 0] - BETTER:
            copy_vector(refined, params[i])
            found[i, 0], found[i, 1], found[i, 2] = value, g[SIZE], left
            found[i, 4] = moments[0] + moments[2] * (params[i, 0] - moments[1]) ** 2
        elif i < explored or abs(value - found[i, 0]) < DISTINCT:
            return


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

    Each window starts where the one before stopped. A cold fit is tried as well every
    ``cold_every`` windows, where a shock entered or left, and where the warm fit does not settle.
    If it finds a better optimum, that is carried back through the windows before; if it finds a
    rival that may lead a few windows on, that is carried back and followed from window to window.

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
    x_rival, b_rival, found_rival = fixed.copy(), np.zeros((n, n)), fixed.copy()
    active_rival = np.zeros(m, np.bool_)
    low, size, moments = np.empty(m), np.empty((2, SIZE)), np.empty(MOMENTS)
    limit, jagged = max(SETTLED, 10.0 * tolerance), tolerance > JAGGED
    settled, followed, warm = False, False, False
    due, explored, before = 0, 0, 0.0
    for i in range(first.shape[0]):
        window = y[first[i] : stop[i]]
        describe(window, centred, sample, moments)
        if not moments[5] > 0.0:
            settled = followed = False
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
            if spent > LEAP * n and left < limit:
                _carry_back(
                    minimise, f, y, first, stop, log, centred, sample, a, bounds, free,
                    tolerance, i, i, x, b, True, active, params, found,
                )  # fmt: skip
        if followed:
            adapt(moments, log, bounds, low, size, x_rival)
            rival, rival_left, used = minimise(
                f, window, moments[:4], a, low, free, size, x_rival, b_rival, warm, active_rival,
                tolerance, ROUNDS, g_cold,
            )  # fmt: skip
            spent += used
            warm = True
            followed = rival_left < limit and DISTINCT < abs(rival - value) < CLOSE
            if rival_left < limit and (rival < value - BETTER or not left < limit):
                swap(x, x_rival)
                swap(g, g_cold)
                for j in range(n):
                    swap(b[j], b_rival[j])
                for j in range(m):
                    active[j], active_rival[j] = active_rival[j], active[j]
                value, left = rival, rival_left
        warm_settled = left < limit
        shocked = abs(moments[5] - before) * window.shape[0] > SHOCK * before
        before = moments[5]
        if not warm_settled or shocked or i >= due:
            copy_vector(fixed, x_cold)
            cold, cold_left, used, gap = fit_cold(
                minimise, f, window, moments, log, a, bounds, free, grid, tolerance,
                x_cold, b_cold, active_cold, g_cold, found_rival,
            )  # fmt: skip
            spent += used
            due = i + cold_every
            if not value < cold + BETTER and (cold_left < limit or not warm_settled):
                if warm_settled:
                    _carry_back(
                        minimise, f, y, first, stop, log, centred, sample, a, bounds, free,
                        tolerance, i, explored, x_cold, b_cold, True, active_cold, params, found,
                    )  # fmt: skip
                value, left = cold, cold_left
                copy_vector(x_cold, x)
                copy_matrix(b_cold, b)
                copy_vector(g_cold, g)
                copy_flags(active_cold, active)
            elif cold < value + CLOSE and cold > value + DISTINCT and cold_left < limit:
                gap = cold - value
                copy_vector(x_cold, found_rival)
            if gap < CLOSE and not followed:
                followed, warm = True, False
                copy_vector(found_rival, x_rival)
                copy_flags(active, active_rival)
                _carry_back(
                    minimise, f, y, first, stop, log, centred, sample, a, bounds, free,
                    tolerance, i, explored, x_rival, b, False, active, params, found,
                )  # fmt: skip
            explored = i
        settled = value < np.inf
        if jagged and settled:
            adapt(moments, log, bounds, low, size, x)
            copy_vector(x, x_cold)
            value, rest, used = search_kinks(
                minimise, f, window, moments[:4], a, low, free, size, b, active, x_cold, value,
                window.shape[0] < SHORT, g,
            )  # fmt: skip
            spent += used
            left = min(left, rest)
        copy_vector(x_cold if jagged and settled else x, params[i])
        found[i, 0], found[i, 1], found[i, 2], found[i, 3] = value, g[SIZE], left, spent
        found[i, 4] = moments[0] + moments[2] * (params[i, 0] - moments[1]) ** 2
        found[i, 5], found[i, 6], found[i, 7] = moments[5], moments[7], moments[8]
