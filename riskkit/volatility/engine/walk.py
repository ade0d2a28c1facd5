"""Fit a model on many windows of one series: warm from window to window, cold now and then."""

from __future__ import annotations

import math

import numpy as np

from riskkit.compiled import Integers, Matrix, Vector, Whole, compiled
from riskkit.volatility.engine.basins import (
    BETTER,
    CLOSE,
    KEPT,
    SHORT,
    Rivals,
    Walk,
    Window,
    carry_back,
    remember,
    revisit,
)
from riskkit.volatility.engine.cold import (
    DISTINCT,
    MOMENTS,
    ROUNDS,
    adapt,
    describe,
    extremes,
    fit_cold,
)
from riskkit.volatility.engine.kernel import (
    FAST,
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
from riskkit.volatility.engine.kinks import search_kinks
from riskkit.volatility.engine.newton import JAGGED, SETTLED, Minimiser

LEAP = 3.0
"""A warm fit that takes this many evaluations a variable may have left a basin for a better one."""
SHOCK = 40.0
"""A cold fit is due where a bar of this many times the variance enters or leaves: basins jump."""


@compiled(**FAST)
def measure(y: Vector, first: Integers, stop: Integers, out: Matrix) -> None:
    """Standard deviation and range of every window, into ``out`` (w, 2)."""
    for i in range(first.shape[0]):
        window = y[first[i] : stop[i]]
        n, mean, total = window.shape[0], 0.0, 0.0
        for t in range(n):
            mean += window[t]
        mean /= n
        for t in range(n):
            total += (window[t] - mean) * (window[t] - mean)
        low, high = extremes(window)
        out[i, 0], out[i, 1] = math.sqrt(total / n), high - low


@compiled(**INNER)
def fit_windows(
    minimise: Minimiser, f: Likelihood, walk: Walk, terms: FitTerms, cold_every: Whole
) -> None:
    """Fit every window of a walk.

    Each window starts where the one before stopped. A cold fit is tried as well every
    ``cold_every`` windows, where a shock entered or left, and where the warm fit does not settle.
    If it finds a better optimum, that is carried back through the windows before; a rival that may
    lead a few windows on is carried back and followed; an optimum that the walk leaves is kept in
    mind for a while.

    Parameters
    ----------
    minimise, f : compiled functions
        `newton.minimise` and the likelihood.
    walk : Walk
        Its ``params`` are filled with the optima, and ``found`` with: -log likelihood, next
        variance, predicted decrease left, likelihood evaluations, presample variance; and of the
        window the variance, mean and largest absolute deviation. NaN where all returns of a
        window are equal.
    terms : FitTerms
    """
    y, first, stop, params, found = walk.y, walk.first, walk.stop, walk.params, walk.found
    log, centred, sample = terms.log, terms.centred, terms.sample
    a, bounds, free, fixed = terms.a, terms.bounds, terms.free, terms.fixed
    tolerance = terms.tolerance
    n, m = free.shape[0], a.shape[0]
    x, b, g = fixed.copy(), np.zeros((n, n)), np.empty(SIZE + 1)
    active = np.zeros(m, np.bool_)
    x_other, b_other, g_other = fixed.copy(), np.zeros((n, n)), np.empty(SIZE + 1)
    active_other, x_rival = np.zeros(m, np.bool_), fixed.copy()
    points, curvatures = np.empty((KEPT, SIZE)), np.empty((KEPT, n, n))
    faces, state = np.empty((KEPT, m), np.bool_), np.full((KEPT, 3), -1.0)
    low, size, moments = np.empty(m), np.empty((2, SIZE)), np.empty(MOMENTS)
    domain, point = Domain(a, low, free, size), Point(x, b, active, g)
    other = Point(x_other, b_other, active_other, g_other)
    rivals, beside = Rivals(points, curvatures, faces, state), Point(x_rival, b, active, g)
    limit, jagged = max(SETTLED, 10.0 * tolerance), tolerance > JAGGED
    settled = False
    due, explored, before = 0, 0, 0.0
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
            copy_vector(x, x_other)
            copy_matrix(b, b_other)
            copy_flags(active, active_other)
            adapt(moments, log, bounds, low, size, x)
            value, left, spent = minimise(
                f, window, moments[:4], domain, point, True, tolerance, ROUNDS
            )
            if spent > LEAP * n and left < limit:
                carry_back(minimise, f, walk, terms, i, i, point, True)
                if not jagged:  # a jagged likelihood is worked at often, and rarely leapt in
                    remember(rivals, other, 0.0, i, False)
        value, left, used = revisit(
            minimise, f, Window(window, moments), terms, rivals, i, (value, left), point
        )
        spent += used
        warm_settled = left < limit
        shocked = abs(moments[5] - before) * window.shape[0] > SHOCK * before
        before = moments[5]
        if not warm_settled or shocked or i >= due:
            copy_vector(fixed, x_other)
            cold, cold_left, used, gap = fit_cold(
                minimise, f, window, moments, terms, other, x_rival
            )
            spent += used
            due = i + cold_every
            if not value < cold + BETTER and (cold_left < limit or not warm_settled):
                if warm_settled:
                    carry_back(minimise, f, walk, terms, i, explored, other, True)
                    if cold < value - DISTINCT and not jagged:
                        remember(rivals, point, value, i, True)
                value, left = cold, cold_left
                copy_vector(x_other, x)
                copy_matrix(b_other, b)
                copy_vector(g_other, g)
                copy_flags(active_other, active)
            elif cold < value + CLOSE and cold > value + DISTINCT and cold_left < limit:
                gap = cold - value
                copy_vector(x_other, x_rival)
            if gap < CLOSE:
                remember(rivals, beside, value + gap, i, True)
                carry_back(minimise, f, walk, terms, i, explored, beside, False)
            explored = i
        settled = value < np.inf
        if jagged and settled:
            adapt(moments, log, bounds, low, size, x)
            copy_vector(x, x_other)
            value, rest, used = search_kinks(
                minimise, f, window, moments[:4], domain, Point(x_other, b, active, g), value,
                window.shape[0] < SHORT,
            )  # fmt: skip
            spent += used
            left = min(left, rest)
        copy_vector(x_other if jagged and settled else x, params[i])
        found[i, 0], found[i, 1], found[i, 2], found[i, 3] = value, g[SIZE], left, spent
        found[i, 4] = moments[0] + moments[2] * (params[i, 0] - moments[1]) ** 2
        found[i, 5], found[i, 6], found[i, 7] = moments[5], moments[7], moments[8]
