"""Fit one window from cold: its moments, its bounds, a grid of starts."""

from __future__ import annotations

import math

import numpy as np

from riskkit.compiled import Matrix, Real, Truth, Vector, compiled
from riskkit.volatility.engine.kernel import (
    INNER,
    SIZE,
    Domain,
    FitTerms,
    Likelihood,
    Point,
    copy_flags,
    copy_matrix,
    copy_vector,
)
from riskkit.volatility.engine.newton import SETTLED, STEP, Minimiser

ROUNDS = 80
MOMENTS = 9
"""Size of the description of a window."""
DISTINCT = 1e-3
"""Optima whose log-likelihoods differ by less are one."""
SHARPNESS = 20.0
"""Kinks of EGARCH within 1/20 of a standard deviation are averaged in its gradient."""


@compiled(**INNER)
def extremes(y: Vector) -> tuple[Real, Real]:
    """Least and largest value; four running pairs, since each comparison waits for the last."""
    n, a = y.shape[0], y[0]
    low0, low1, low2, low3, high0, high1, high2, high3 = a, a, a, a, a, a, a, a
    for k in range(n >> 2):
        a, b, c, d = y[4 * k], y[4 * k + 1], y[4 * k + 2], y[4 * k + 3]
        low0, low1, low2, low3 = min(low0, a), min(low1, b), min(low2, c), min(low3, d)
        high0, high1, high2, high3 = max(high0, a), max(high1, b), max(high2, c), max(high3, d)
    for t in range(n & ~3, n):
        low0, high0 = min(low0, y[t]), max(high0, y[t])
    return min(min(low0, low1), min(low2, low3)), max(max(high0, high1), max(high2, high3))


@compiled(**INNER)
def average(y: Vector) -> Real:
    """Mean, by four running sums."""
    n = y.shape[0]
    a = b = c = d = 0.0
    for k in range(n >> 2):
        a += y[4 * k]
        b += y[4 * k + 1]
        c += y[4 * k + 2]
        d += y[4 * k + 3]
    for t in range(n & ~3, n):
        a += y[t]
    return float(((a + b) + (c + d)) / n)


@compiled(**INNER)
def moments_about(y: Vector, centre: Real) -> tuple[Real, Real, Real]:
    """Sums of squared, fourth-power and absolute deviations, each by two running sums."""
    n = y.shape[0]
    square, other_square, fourth, other_fourth, size, other_size = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(n >> 1):
        e, other = y[2 * k] - centre, y[2 * k + 1] - centre
        e2, other2 = e * e, other * other
        square += e2
        other_square += other2
        fourth += e2 * e2
        other_fourth += other2 * other2
        size += abs(e)
        other_size += abs(other)
    if n & 1:
        e = y[n - 1] - centre
        square += e * e
        fourth += e * e * e * e
        size += abs(e)
    return square + other_square, fourth + other_fourth, size + other_size


@compiled(**INNER)
def describe(y: Vector, centred: Truth, sample: Truth, out: Vector) -> None:
    """Presample convention and moments of a window.

    Sums are in a stated order, not the compiler's: other kernels take this one in when they are
    compiled, and would round otherwise than the copy that is called from Python.

    ``out`` (size 9): the four numbers of ``start``, mean, variance, the degrees of freedom of a
    t of the same kurtosis, mean and largest absolute deviation from the mean.
    """
    n, mean = y.shape[0], average(y)
    second, fourth, total_abs = moments_about(y, mean)
    low, high = extremes(y)
    second /= n
    kurtosis = fourth / n / (second * second)
    out[3], out[4], out[5] = SHARPNESS, mean, second
    out[6] = max((4.0 * kurtosis - 6.0) / (kurtosis - 3.0), 4.0) if kurtosis > 3.75 else 12.0
    out[7], out[8] = total_abs / n, max(high - mean, mean - low)
    if sample:
        out[0], out[1], out[2] = second, mean, 1.0
        return
    centre = mean if centred else 0.0
    weight, total, weights = 1.0, 0.0, 0.0
    for t in range(min(75, n)):
        total += weight * (y[t] - centre) * (y[t] - centre)
        weights += weight
        weight *= 0.94
    # Where the window begins with returns that do not move, its variance stands in.
    still = second + (mean - centre) * (mean - centre)
    out[0], out[1], out[2] = total / weights if total > 0.0 else still, 0.0, 0.0


@compiled(**INNER)
def adapt(
    moments: Vector, log: Truth, bounds: Matrix, low: Vector, size: Matrix, x: Vector
) -> None:
    """Constraint bounds and natural sizes of a window from its variance; bring omega inside.

    ``bounds`` (m, 3) holds each bound's constant part, its multiple of the variance, and of the
    log variance.
    """
    v = moments[5]
    for i in range(low.shape[0]):
        low[i] = bounds[i, 0] + bounds[i, 1] * v + bounds[i, 2] * math.log(v)
    for j in range(1, SIZE):
        size[0, j] = 1.0
    size[0, 0] = math.sqrt(v)
    if not log and bounds[0, 1] != 0.0:  # omega is a variance; a component's rho is not
        size[0, 1] = v
    for j in range(SIZE):
        size[1, j] = STEP * 0.05 * size[0, j]
    if log:
        size[1, 0] = 0.03 * size[0, 0]
    # The first two constraints are omega's alone; they are inert where omega is fixed.
    x[1] = min(max(x[1], low[0]), -low[1])


@compiled(**INNER)
def fit_cold(
    minimise: Minimiser,
    f: Likelihood,
    y: Vector,
    moments: Vector,
    terms: FitTerms,
    point: Point,
    x_rival: Vector,
) -> tuple[Real, Real, Real, Real]:
    """Fit one window from the best point of each part of a grid.

    Parameters
    ----------
    minimise, f : compiled functions
        `newton.minimise` and the likelihood.
    terms : FitTerms
        The rows of its grid hold starting alpha, gamma (a component's phi), beta; 1/nu, or 0 where
        the window's kurtosis is to tell (a component's rho); and the part of the grid, rising from
        0. Parts are meant to lie in different basins. Omega follows from the window's variance.
    point : Point
        With the values of the fixed variables on entry; the optimum on return.
        `newton.minimise` explains the first three numbers returned.
        The fourth is how far off the nearest of the other parts' optima is in likelihood, if by
        more than `DISTINCT`; infinite if all parts agree.
    x_rival : ndarray, shape (7,)
        Filled with that other optimum, if there is one.
    """
    log, a, bounds, free = terms.log, terms.a, terms.bounds, terms.free
    grid, tolerance = terms.grid, terms.tolerance
    x, b, active, g = point.x, point.b, point.active, point.g
    n, m = free.shape[0], a.shape[0]
    start = moments[:4]
    low, size = np.empty(m), np.empty((2, SIZE))
    movable = np.zeros(SIZE, np.bool_)
    for j in range(free.shape[0]):
        movable[free[j]] = True
    starts = int(grid[grid.shape[0] - 1, 4]) + 1
    points, values, lefts = np.empty((starts, SIZE)), np.empty(starts), np.empty(starts)
    for k in range(starts):
        values[k] = np.inf
    trial, g_trial = x.copy(), np.empty(SIZE + 1)
    spent = 0.0
    for r in range(grid.shape[0]):
        copy_vector(x, trial)
        if movable[0]:
            trial[0] = moments[4]
        if movable[1]:
            for j in range(3):
                trial[2 + j] = grid[r, j]
            level = math.log(moments[5]) if log else moments[5]
            share = trial[4] if log else trial[2] + 0.5 * trial[3] + trial[4]
            trial[1] = (1.0 - share) * level
            if not log and bounds[0, 1] == 0.0:
                trial[1] = grid[r, 3]
            adapt(moments, log, bounds, low, size, trial)
        if movable[5]:
            trial[5] = grid[r, 3] if grid[r, 3] > 0.0 else 1.0 / moments[6]
        value = f(trial, y, start, g_trial)
        spent += 1.0
        k = int(grid[r, 4])
        if value < values[k]:
            values[k] = value
            copy_vector(trial, points[k])
    best, best_left, best_settled = np.inf, np.inf, False
    limit = max(SETTLED, 10.0 * tolerance)
    b_trial, active_trial = np.empty((n, n)), np.empty(m, np.bool_)
    domain, tried = Domain(a, low, free, size), Point(trial, b_trial, active_trial, g_trial)
    for k in range(starts):
        if not values[k] < np.inf:
            continue
        copy_vector(points[k], trial)
        adapt(moments, log, bounds, low, size, trial)
        for i in range(m):
            active_trial[i] = False
        values[k], lefts[k], used = minimise(f, y, start, domain, tried, False, tolerance, ROUNDS)
        spent += used
        copy_vector(trial, points[k])
        # Where a likelihood rises towards the edge of its domain, an optimum inside counts more.
        settled = lefts[k] < limit
        if (settled == best_settled and values[k] < best) or (settled and not best_settled):
            best, best_left, best_settled = values[k], lefts[k], settled
            copy_vector(trial, x)
            copy_matrix(b_trial, b)
            copy_flags(active_trial, active)
            copy_vector(g_trial, g)
    rival = np.inf
    for k in range(starts):
        if DISTINCT < abs(values[k] - best) < rival and lefts[k] < limit:
            rival = abs(values[k] - best)
            copy_vector(points[k], x_rival)
    return best, best_left, spent, rival
