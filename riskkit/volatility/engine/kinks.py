"""A search through EGARCH's kinks in mu, from where the smoothed Newton stopped."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from riskkit.volatility.engine.cold import ROUNDS, adapt
from riskkit.volatility.engine.kernel import (
    INTS,
    LIKELIHOOD_TYPE,
    MATRIX,
    PAIR,
    SETTINGS,
    SIZE,
    VECTOR,
    Array,
    Flags,
    Ints,
    copy_vector,
)
from riskkit.volatility.engine.models import Model
from riskkit.volatility.engine.newton import minimise
from riskkit.volatility.engine.quadratic import invert

FIRST_STEP = 0.02
"""In standard deviations: the likelihood is jagged on the scale of the gaps between returns."""
EVALUATION_BARS = 4000
"""Evaluations granted are this many bars' worth; the shorter the window, the more jagged."""

POLISH_REACH = (0.1, 0.02, 0.02, 0.005, 0.005)
"""Rounds of the search for mu: how far either side, in standard deviations."""
POLISH_POINTS = 61
POLISH_KEPT = 3
POLISH_GAIN = 1e-7
POLISH_TOLERANCE = 1e-10

SEARCH = PAIR(
    LIKELIHOOD_TYPE, VECTOR, VECTOR, MATRIX, VECTOR, INTS, MATRIX, MATRIX, VECTOR, types.float64,
    VECTOR,
)  # fmt: skip
"""Signature of `search_kinks`."""


@njit(SEARCH, **SETTINGS)  # type: ignore[untyped-decorator]
def search_kinks(
    f: Any,
    y: Array,
    start: Array,
    a: Array,
    low: Array,
    free: Ints,
    size: Array,
    b: Array,
    x: Array,
    value: float,
    g: Array,
) -> tuple[float, float]:
    """Improve mu by trial along the ridge on which the other variables follow it.

    Arguments as in `newton.minimise`; ``x``, ``g`` and ``value`` hold its result, and ``free``
    begins with mu. Returns the value reached and the evaluations spent.
    """
    n, m = free.shape[0], a.shape[0]
    inverse, ridge = np.empty((n, n)), np.zeros(SIZE)
    if invert(b, inverse):
        for j in range(n):
            ridge[free[j]] = inverse[j, 0] / inverse[0, 0]
    ridge[0] = 1.0
    trial, g_trial = x.copy(), np.empty(SIZE + 1)
    step, turned = FIRST_STEP * size[0, 0], False
    granted = EVALUATION_BARS // y.shape[0]
    for _ in range(granted):
        for j in range(SIZE):
            trial[j] = x[j] + step * ridge[j]
        for i in range(m):
            s = -low[i]
            for j in range(SIZE):
                s += a[i, j] * trial[j]
            if s < 0.0:
                copy_vector(x, trial)
                trial[0] = x[0] + step
                break
        v = f(trial, y, start, g_trial)
        if v < value:
            value = v
            copy_vector(trial, x)
            copy_vector(g_trial, g)
            turned = False
        elif turned:
            step *= -0.5
            turned = False
        else:
            step = -step
            turned = True
    return value, float(granted)


def polish_kinks(
    model: Model,
    y: Array,
    moments: Array,
    x: Array,
    b: Array,
    active: Flags,
    value: float,
    g: Array,
) -> tuple[float, float]:
    """Settle one kinked fit: scan mu along its ridge; with mu held, the rest is smooth.

    ``x`` (the optimum of `cold.fit_cold`) and ``g`` are improved in place; the rest as there.
    Returns the value reached and the evaluations spent.
    """
    low, size = np.empty(len(model.bounds)), np.empty((2, SIZE))
    spent, start, rest = 0.0, moments[:4], model.free[1:]
    adapt(moments, model.log, model.bounds, low, size, x)
    for reach in POLISH_REACH:
        before = value
        centre, tried, g_trial = x.copy(), [], np.empty(SIZE + 1)
        ridge = _ridge(model.free, b)
        for offset in np.linspace(-reach, reach, POLISH_POINTS) * size[0, 0]:
            trial = centre + offset * ridge
            if (model.constraints @ trial >= low).all():
                tried.append((model.likelihood(trial, y, start, g_trial), trial))
        spent += len(tried)
        for _, trial in sorted(tried, key=lambda pair: pair[0])[:POLISH_KEPT]:
            held, flags = np.zeros((len(rest), len(rest))), active.copy()
            reached, _, used = minimise(
                model.likelihood, y, start, model.constraints, low, rest, size, trial, held,
                False, flags, POLISH_TOLERANCE, ROUNDS, g_trial,
            )  # fmt: skip
            spent += used
            if reached < value:
                value = reached
                x[:], g[:] = trial, g_trial
        if before - value < POLISH_GAIN and reach < POLISH_REACH[0]:
            break
    return value, spent


def _ridge(free: Ints, b: Array) -> Array:
    """Direction in which the other variables follow mu, by the optimiser's Hessian."""
    inverse, ridge = np.empty(b.shape), np.zeros(SIZE)
    if invert(b, inverse):
        ridge[free] = inverse[:, 0] / inverse[0, 0]
    ridge[0] = 1.0
    return ridge
