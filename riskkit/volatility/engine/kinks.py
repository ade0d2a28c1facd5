"""A search through EGARCH's kinks in mu, from where the smoothed Newton stopped.

At every return that mu passes, the slope of the likelihood in mu jumps, by an amount that one
backward pass gives for all of them (the adjoint of the recursion). Between the jumps the profile
over the other variables is near enough a parabola, so its low points nearby are known at the
cost of a single evaluation. With mu held the likelihood is smooth: a thorough search settles the
other variables at each of them, and whether they settle is known exactly.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from riskkit.compiled import Real, Truth, Vector, compiled
from riskkit.volatility.engine.cold import ROUNDS, SHARPNESS
from riskkit.volatility.engine.egarch import MEAN_ABS
from riskkit.volatility.engine.kernel import (
    INNER,
    SIZE,
    Domain,
    Likelihood,
    Point,
    copy_flags,
    copy_matrix,
    copy_vector,
    hansen,
)
from riskkit.volatility.engine.newton import Minimiser
from riskkit.volatility.engine.quadratic import invert

REACH = 0.1
"""How far either side of the smoothed optimum mu may lie, in standard deviations."""
THOROUGH_ROUNDS = 9
CANDIDATES = 6
"""Minima of the predicted profile that a thorough search tries in a round."""
GAIN = 1e-7
"""A round that gains less log-likelihood is the last."""
SMOOTH_SHARE = 0.2
"""Least share of the smoothed curvature that lies between the kinks."""
REST_TOLERANCE = 1e-10
EXACT = 1e300
"""The sharpness that averages no kinks."""


class Kinks(NamedTuple):
    """Returns (n,), and the jump of the slope and its half width at each; see `slope_jumps`."""

    y: Vector
    jump: Vector
    width: Vector


@compiled(**INNER)
def slope_jumps(
    x: Vector, y: Vector, first: Real, normal: Truth, jump: Vector, width: Vector
) -> None:
    """By how much the slope in mu of an EGARCH's -log likelihood jumps as mu passes each return.

    Parameters
    ----------
    first : float
        Presample variance.
    normal : bool
        Normal innovations; otherwise those of nu and lambda in ``x``.
    jump, width : ndarray, shape (n,)
        Filled; ``width`` is the half width over which the smoothed gradient spreads each.
    """
    mu, omega, alpha, gamma, beta = x[0], x[1], x[2], x[3], x[4]
    nu, lam = (1e12, 0.0) if normal else (1.0 / x[5], x[6])
    k, q = nu - 2.0, 0.5 * (nu + 1.0)
    a, b = 0.0, 1.0
    if lam != 0.0:
        _, a, b, _, _, _, _, _ = hansen(nu, lam)
    n = y.shape[0]
    slope, decay = np.empty(n), np.empty(n)
    s = omega + beta * math.log(first)
    for t in range(n):
        root = math.exp(-0.5 * s)
        z = (y[t] - mu) * root
        scale = 1.0 / (1.0 + lam) if z >= -a / b else 1.0 / (1.0 - lam)
        v = (b * z + a) * scale
        slope[t] = 0.5 * (1.0 - 2.0 * q * v * scale * b * z / (k + v * v))
        decay[t] = beta - 0.5 * (alpha * abs(z) + gamma * z)
        jump[t] = 2.0 * alpha * root
        width[t] = 1.0 / (SHARPNESS * root)
        s = omega + alpha * (abs(z) - MEAN_ABS) + gamma * z + beta * s
    later = 0.0
    for t in range(n - 1, -1, -1):
        jump[t] *= later
        later = slope[t] + later * decay[t]


@compiled(**INNER)
def _note(spots: Vector, levels: Vector, mu: Real, level: Real) -> None:
    """Insert a point into the lowest ones, kept in rising order of their levels."""
    i = levels.shape[0] - 1
    if not level < levels[i]:
        return
    while i > 0 and levels[i - 1] > level:
        levels[i], spots[i] = levels[i - 1], spots[i - 1]
        i -= 1
    levels[i], spots[i] = level, mu


@compiled(**INNER)
def lowest_points(
    kinks: Kinks,
    mu: Real,
    slope: Real,
    curvature: Real,
    reach: Real,
    spots: Vector,
    levels: Vector,
) -> None:
    """Local minima of the profile in mu: a parabola through ``mu``, its slope jumping at returns.

    ``slope`` is the one just above ``mu``; ``curvature`` that of the smoothed profile. ``spots``
    is filled with the lowest minima within ``reach``, ``levels`` with their heights above ``mu``'s
    in rising order; infinite where there are fewer.
    """
    y, jump, width = kinks.y, kinks.jump, kinks.width
    near = 0
    smooth = curvature
    for t in range(y.shape[0]):
        gap = abs(y[t] - mu)
        if gap < reach:
            near += 1
        if gap < width[t]:
            smooth -= jump[t] / (2.0 * width[t])
    smooth = max(smooth, SMOOTH_SHARE * curvature)
    at, height = np.empty(near), np.empty(near)
    for i in range(levels.shape[0]):
        levels[i] = np.inf
    for side in (1.0, -1.0):
        count = 0
        for t in range(y.shape[0]):
            gap = side * (y[t] - mu)
            if (gap > 0.0 or (gap == 0.0 and side < 0.0)) and gap < reach:
                i = count
                while i > 0 and at[i - 1] > gap:
                    at[i], height[i] = at[i - 1], height[i - 1]
                    i -= 1
                at[i], height[i] = gap, jump[t]
                count += 1
        # Walk away from mu, piece by piece, with the slope in the direction of the walk.
        here, level, along = 0.0, 0.0, side * slope
        for i in range(count + 1):
            there = at[i] if i < count else reach
            length = there - here
            turn = -along / smooth
            if along < 0.0 and turn < length:
                _note(spots, levels, mu + side * (here + turn), level - 0.5 * turn * turn * smooth)
            level += length * (along + 0.5 * smooth * length)
            along += smooth * length
            if along < 0.0 and (i == count or along + height[i] >= 0.0):
                _note(spots, levels, mu + side * there, level)
            here = there
            if i < count:
                along += height[i]


@compiled()
def search_kinks(
    minimise: Minimiser,
    f: Likelihood,
    y: Vector,
    start: Vector,
    domain: Domain,
    point: Point,
    value: Real,
    thorough: Truth,
) -> tuple[Real, Real, Real]:
    """Move mu to the lowest point of its profile nearby, the other variables along.

    Arguments as in `newton.minimise`; ``point`` and ``value`` hold its result, and ``free``
    begins with mu. The Hessian is left as it is. ``thorough`` lets the other variables settle
    with mu held, and repeats.
    Returns the value reached, the decrease left in the other variables with mu held (infinite
    unless ``thorough``), and the evaluations spent.
    """
    a, low, free, size = domain.a, domain.low, domain.free, domain.size
    x, b, active, g = point.x, point.b, point.active, point.g
    n, m, bars = free.shape[0], a.shape[0], y.shape[0]
    inverse, ridge, held = np.empty((n, n)), np.zeros(SIZE), b.copy()
    normal = True
    for j in range(n):
        if free[j] == 5:
            normal = False
    rest, b_rest = free[1:], np.empty((n - 1, n - 1))
    flags = active.copy()
    sharp = start.copy()
    sharp[3] = EXACT
    jump, width = np.empty(bars), np.empty(bars)
    spots = np.full(CANDIDATES if thorough else 1, x[0])
    levels = np.zeros(spots.shape[0])
    base, trial, g_trial = x.copy(), x.copy(), np.empty(SIZE + 1)
    held_mu, tried = Domain(a, low, rest, size), Point(trial, b_rest, flags, g_trial)
    left, spent = np.inf, 0.0
    if not invert(b, inverse):
        return value, left, spent
    for i in range(n - 1):
        for j in range(n - 1):
            b_rest[i, j] = b[i + 1, j + 1]
    for r in range(THOROUGH_ROUNDS if thorough else 1):
        before = value
        copy_vector(x, base)
        if thorough and r == 0:
            # Where the other variables have settled, the slope in mu is the profile's.
            for c in range(1, levels.shape[0]):
                levels[c] = np.inf
        else:
            # Along the ridge a variable on its bound stays there: every face is one variable's.
            copy_matrix(b, held)
            for i in range(m):
                for j in range(1, n):
                    if active[i] and a[i, free[j]] != 0.0:
                        for k in range(n):
                            held[j, k] = held[k, j] = 0.0
                        held[j, j] = 1.0
            invert(held, inverse)
            for j in range(n):
                ridge[free[j]] = inverse[j, 0] / inverse[0, 0]
            first = start[0] + start[2] * (x[0] - start[1]) ** 2
            f(x, y, sharp, g_trial)
            spent += 2.0
            slope_jumps(x, y, first, normal, jump, width)
            slope = 0.0
            for j in range(SIZE):
                slope += g_trial[j] * ridge[j]
            lowest_points(
                Kinks(y, jump, width), x[0], slope, 1.0 / inverse[0, 0], REACH * size[0, 0],
                spots, levels,
            )  # fmt: skip
        for c in range(levels.shape[0]):
            if not levels[c] < np.inf:
                break
            mu = spots[c]
            for j in range(SIZE):
                trial[j] = base[j] + (mu - base[0]) * ridge[j]
            for i in range(m):
                s = -low[i]
                for j in range(SIZE):
                    s += a[i, j] * trial[j]
                if s < 0.0:
                    copy_vector(base, trial)
                    trial[0] = mu
                    break
            if thorough:
                reached, last, used = minimise(
                    f, y, start, held_mu, tried, True, REST_TOLERANCE, ROUNDS
                )
            else:
                reached, last, used = f(trial, y, start, g_trial), np.inf, 1.0
            spent += used
            if reached < value or (r == 0 and not left < np.inf and reached == value):
                value, left = reached, last
                copy_vector(trial, x)
                copy_vector(g_trial, g)
                copy_flags(flags, active)
        if r > 0 and not value < before - GAIN:
            break
    if thorough:
        # Between two kinks (at alpha = 0 there are none) the likelihood is smooth in mu as well.
        reached, _, used = minimise(
            f, y, sharp, domain, Point(x, held, active, g), True, REST_TOLERANCE, ROUNDS
        )
        value = min(value, reached)
        spent += used
    return value, left, spent
