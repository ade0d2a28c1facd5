"""Rival optima of a walk: followed, remembered when the walk leaves them, carried back.

A likelihood has several optima on some windows, and from one window to the next the lead may pass
from one to another and back. A walk that only follows its own optimum would learn of it late.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from riskkit.compiled import (
    Cube,
    FlagMatrix,
    Integers,
    Matrix,
    Real,
    Truth,
    Vector,
    Whole,
    compiled,
)
from riskkit.volatility.engine.cold import DISTINCT, MOMENTS, ROUNDS, adapt, describe
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
from riskkit.volatility.engine.kinks import search_kinks
from riskkit.volatility.engine.newton import JAGGED, SETTLED, Minimiser

SHORT = 750
"""Below this many bars optima are many and the likelihood jagged, and evaluations cost less."""
BETTER = 1e-7
"""A log-likelihood gain that makes another optimum the better one."""
CLOSE = 10.0
"""A rival optimum within this log-likelihood may lead a few windows on: it is followed."""
REACH = 1.0
"""A remembered point within this log-likelihood of the optimum may have become one again."""
KEPT = 2
"""Rivals kept at a time."""
LASTING = 20
"""Windows for which a point that is no optimum any more is remembered."""


class Rivals(NamedTuple):
    """Rivals of a walk's optimum.

    Attributes
    ----------
    points, curvatures, faces : ndarray, shapes (k, 7), (k, n, n) and (k, m)
        Their variables, Hessians and active constraints.
    state : ndarray, shape (k, 3)
        Of each rival, the window up to which it is remembered, whether it is an optimum (1 or 0),
        and its -log likelihood on the last window.
    """

    points: Matrix
    curvatures: Cube
    faces: FlagMatrix
    state: Matrix


class Walk(NamedTuple):
    """Windows of one series and what was found on each.

    Attributes
    ----------
    y : ndarray, shape (n,)
    first, stop : int ndarray, shape (w,)
        The windows are ``y[first[i]:stop[i]]``.
    params : ndarray, shape (w, 7)
    found : ndarray, shape (w, 8)
        As `walk.fit_windows` fills them.
    """

    y: Vector
    first: Integers
    stop: Integers
    params: Matrix
    found: Matrix


class Window(NamedTuple):
    """The returns of one window and their `cold.describe`."""

    y: Vector
    moments: Vector


@compiled(**INNER)
def remember(rivals: Rivals, point: Point, value: Real, at: Whole, alive: Truth) -> None:
    """Keep a point in the place of the rival that was seen last longest ago.

    Its value counts only if it is ``alive``: an optimum of window ``at``.
    """
    points, curvatures, faces, state = (
        rivals.points, rivals.curvatures, rivals.faces, rivals.state,
    )  # fmt: skip
    x, b, active = point.x, point.b, point.active
    k = 0
    for j in range(KEPT):
        known = state[j, 0] > at and state[j, 1] > 0.0
        if alive and known and abs(state[j, 2] - value) < DISTINCT:
            return
        if state[j, 0] < state[k, 0]:
            k = j
    copy_vector(x, points[k])
    copy_matrix(b, curvatures[k])
    copy_flags(active, faces[k])
    state[k, 0], state[k, 1], state[k, 2] = at + LASTING, 1.0 if alive else 0.0, value


@compiled(**INNER)
def revisit(
    minimise: Minimiser,
    f: Likelihood,
    window: Window,
    terms: FitTerms,
    rivals: Rivals,
    at: Whole,
    standing: tuple[Real, Real],
    point: Point,
) -> tuple[Real, Real, Real]:
    """Follow the rivals onto window ``at``; one that leads there changes places with the optimum.

    A rival that is an optimum is followed for as long as it may lead; a point that was one is
    tried where its likelihood is good.

    Parameters
    ----------
    standing : (float, float)
        -log likelihood of the walk's optimum on this window, and predicted decrease left.
    point : Point
        That optimum; changed if a rival leads.

    Returns
    -------
    tuple
        Value and predicted decrease left of the better optimum, likelihood evaluations spent.
    """
    y, moments = window.y, window.moments
    log, a, bounds, free = terms.log, terms.a, terms.bounds, terms.free
    tolerance = terms.tolerance
    points, curvatures, faces, state = (
        rivals.points, rivals.curvatures, rivals.faces, rivals.state,
    )  # fmt: skip
    x, b, active, g = point.x, point.b, point.active, point.g
    value, left = standing
    n, m = free.shape[0], a.shape[0]
    limit, spent = max(SETTLED, 10.0 * tolerance), 0.0
    low, size, g_rival = np.empty(m), np.empty((2, SIZE)), np.empty(SIZE + 1)
    rival, b_rival, active_rival = x.copy(), np.empty((n, n)), np.empty(m, np.bool_)
    domain, tried = Domain(a, low, free, size), Point(rival, b_rival, active_rival, g_rival)
    for k in range(KEPT):
        if state[k, 0] < at:
            continue
        alive = state[k, 1] > 0.0
        copy_vector(points[k], rival)
        adapt(moments, log, bounds, low, size, rival)
        if not alive:
            spent += 1.0
            if not f(rival, y, moments[:4], g_rival) < value + REACH:
                continue
        copy_matrix(curvatures[k], b_rival)
        copy_flags(faces[k], active_rival)
        reached, rival_left, used = minimise(
            f, y, moments[:4], domain, tried, True, tolerance, ROUNDS
        )
        spent += used
        settled = rival_left < limit
        state[k, 1], state[k, 2] = 0.0, reached
        for j in range(k):
            if state[j, 1] > 0.0 and abs(state[j, 2] - reached) < DISTINCT:
                state[k, 0] = at - 1.0
        if settled and (reached < value - BETTER or not left < limit):
            if left < limit and reached < value - DISTINCT:
                copy_vector(x, points[k])
                copy_matrix(b, curvatures[k])
                copy_flags(active, faces[k])
                state[k, 0], state[k, 1], state[k, 2] = at + LASTING, 1.0, value
            copy_vector(rival, x)
            copy_matrix(b_rival, b)
            copy_flags(active_rival, active)
            copy_vector(g_rival, g)
            value, left = reached, rival_left
        elif settled and DISTINCT < reached - value < CLOSE:
            copy_vector(rival, points[k])
            copy_matrix(b_rival, curvatures[k])
            copy_flags(active_rival, faces[k])
            state[k, 0], state[k, 1] = at + LASTING, 1.0
    return value, left, spent


@compiled(**INNER)
def carry_back(
    minimise: Minimiser,
    f: Likelihood,
    walk: Walk,
    terms: FitTerms,
    at: Whole,
    explored: Whole,
    start: Point,
    warm: Truth,
) -> None:
    """Offer an optimum found on window ``at`` to the windows before it.

    Back to ``explored``, the last window fitted from cold, for as long as it may win; before
    that, while it does.
    """
    y, first, stop, params, found = walk.y, walk.first, walk.stop, walk.params, walk.found
    log, centred, sample = terms.log, terms.centred, terms.sample
    a, bounds, free, tolerance = terms.a, terms.bounds, terms.free, terms.tolerance
    x, b, active, g = start.x.copy(), start.b.copy(), start.active.copy(), np.empty(SIZE + 1)
    low, size, moments = np.empty(a.shape[0]), np.empty((2, SIZE)), np.empty(MOMENTS)
    refined, limit = x.copy(), max(SETTLED, 10.0 * tolerance)
    domain, point = Domain(a, low, free, size), Point(x, b, active, g)
    for i in range(at - 1, -1, -1):
        window = y[first[i] : stop[i]]
        describe(window, centred, sample, moments)
        if not moments[5] > 0.0:
            return
        adapt(moments, log, bounds, low, size, x)
        value, left, spent = minimise(
            f, window, moments[:4], domain, point, warm, tolerance, ROUNDS
        )
        warm = True
        copy_vector(x, refined)
        if tolerance > JAGGED and value < np.inf:
            value, rest, used = search_kinks(
                minimise, f, window, moments[:4], domain, Point(refined, b, active, g), value,
                window.shape[0] < SHORT,
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
