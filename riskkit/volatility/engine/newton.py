"""Sequential quadratic programming that keeps its Hessian: chord Newton with secant updates.

From window to window the optimum, the active constraints and the Hessian barely move, so a few
gradients settle a fit. A Hessian is computed (differences of the analytic gradient) only at a
cold start or where the predicted decrease stops shrinking.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from riskkit.compiled import (
    Address,
    Flags,
    Integers,
    Matrix,
    Real,
    Truth,
    Vector,
    Whole,
    compiled,
)
from riskkit.volatility.engine.kernel import (
    INNER,
    SIZE,
    Domain,
    Likelihood,
    Point,
    copy_matrix,
    copy_vector,
)
from riskkit.volatility.engine.quadratic import constrained_step, invert

SLOW = 0.05
"""Refresh the Hessian when the predicted decrease shrinks by less than twenty times."""
FAR = 1.0
"""A predicted decrease (in log-likelihood) above this is far from the optimum."""
JAGGED = 1e-6
"""A tolerance above this says that the likelihood is jagged (EGARCH with a mean): near the
optimum a rejected step means that the noise floor is reached."""
SETTLED = 1e-6
"""A fit has settled where the predicted decrease left is below this, or ten tolerances."""
SHORT_STEP = 1e-3
"""A jagged likelihood that grants no more of a step ends the search: an edge is reached."""
BREACH = 1e-7
"""A step that breaks a constraint by more is refused."""
STEP = 1e-5
"""Hessian differences, relative to the variable."""
Minimiser = Annotated[
    Any,
    Address(
        (Likelihood, Vector, Vector, Domain, Point, Truth, Real, Whole), tuple[Real, Real, Real]
    ),
]
"""Kernels take the minimiser as an argument: a call by address is not compiled anew in each."""


@compiled(**INNER)
def hessian(
    f: Likelihood,
    x: Vector,
    y: Vector,
    start: Vector,
    free: Integers,
    step: Vector,
    g: Vector,
    h: Matrix,
) -> Whole:
    """Hessian over the free variables by forward differences of the gradient ``g`` at ``x``.

    ``step`` (size 7) may be negative: the side on which the variable has room. Returns the
    number of likelihood evaluations.
    """
    n = free.shape[0]
    trial, shifted = x.copy(), np.empty(SIZE + 1)
    for i in range(n):
        j = free[i]
        trial[j] = x[j] + step[j]
        f(trial, y, start, shifted)
        for k in range(n):
            h[i, k] = (shifted[free[k]] - g[free[k]]) / (trial[j] - x[j])
        trial[j] = x[j]
    for i in range(n):
        for k in range(i):
            h[i, k] = h[k, i] = 0.5 * (h[i, k] + h[k, i])
    return int(n)


@compiled(**INNER)
def make_convex(b: Matrix, inverse: Matrix, a: Matrix, active: Flags, scale: Vector) -> None:
    """Make a Hessian positive definite in place, and invert it.

    As it is; or with a penalty on the active faces, which leaves the constrained step alone; or
    with a growing multiple of the curvature scale ``1/scale^2`` on the diagonal.
    """
    if invert(b, inverse):
        return
    n = b.shape[0]
    largest = 0.0
    for i in range(n):
        for j in range(n):
            if not abs(b[i, j]) < 1e200:
                b[i, j] = 0.0
        largest = max(largest, abs(b[i, i]) * scale[i] * scale[i])
    largest = max(largest, 1.0)
    trial = b.copy()
    for k in range(a.shape[0]):
        if active[k]:
            for i in range(n):
                for j in range(n):
                    trial[i, j] += 10.0 * largest * a[k, i] * a[k, j] / (scale[i] * scale[j])
    shift = 1e-4 * largest
    while not invert(trial, inverse):
        for i in range(n):
            trial[i, i] += shift / (scale[i] * scale[i])
        shift *= 4.0
    copy_matrix(trial, b)


@compiled(**INNER)
def _difference_steps(
    x: Vector, least: Vector, a: Matrix, low: Vector, free: Integers, difference: Vector
) -> None:
    """Steps for Hessian differences, turned back where forwards would break a constraint."""
    for k in range(free.shape[0]):
        j = free[k]
        difference[j] = max(STEP * abs(x[j]), least[j])
        for i in range(a.shape[0]):
            if a[i, j] < 0.0:
                s = -low[i]
                for c in range(SIZE):
                    s += a[i, c] * x[c]
                if s + a[i, j] * difference[j] < 0.0:
                    difference[j] = -difference[j]
                    break


@compiled(**INNER)
def secant_update(
    b: Matrix, inverse: Matrix, step: Vector, change: Vector, bent: Vector, pulled: Vector
) -> None:
    """BFGS update of a Hessian and of its inverse with what a step has shown of the curvature.

    Parameters
    ----------
    b, inverse : ndarray, shape (n, n)
        Positive definite; they stay so, where ``step' change > 0``.
    step, change : ndarray, shape (n,)
        A step and the gradient's change along it.
    bent, pulled : ndarray, shape (n,)
        Overwritten with ``b step`` and ``inverse change``.
    """
    n = b.shape[0]
    turn, curve, spread = 0.0, 0.0, 0.0
    for i in range(n):
        bent[i] = pulled[i] = 0.0
        for j in range(n):
            bent[i] += b[i, j] * step[j]
            pulled[i] += inverse[i, j] * change[j]
        turn += change[i] * step[i]
        curve += bent[i] * step[i]
        spread += pulled[i] * change[i]
    share = (1.0 + spread / turn) / turn
    for i in range(n):
        for j in range(n):
            b[i, j] += change[i] * change[j] / turn - bent[i] * bent[j] / curve
            inverse[i, j] += (
                share * step[i] * step[j] - (pulled[i] * step[j] + step[i] * pulled[j]) / turn
            )


@compiled(**INNER)
def _within(a: Matrix, low: Vector, x: Vector, trial: Vector) -> Truth:
    """Whether a trial breaks no constraint that its start keeps, but for rounding."""
    for i in range(a.shape[0]):
        before, after = -low[i], -low[i]
        for j in range(SIZE):
            before += a[i, j] * x[j]
            after += a[i, j] * trial[j]
        if after < min(before, 0.0) - BREACH:
            return False
    return True


@compiled()
def minimise(
    f: Likelihood,
    y: Vector,
    start: Vector,
    domain: Domain,
    point: Point,
    warm: Truth,
    tolerance: Real,
    rounds: Whole,
) -> tuple[Real, Real, Real]:
    """Minimise a negative log-likelihood over a domain.

    Parameters
    ----------
    f : compiled likelihood
    y, start : ndarray
        Its data; see `kernel.Likelihood`.
    domain : Domain
    point : Point
        A feasible start on entry, with a guess of the active constraints; the optimum on return.
    warm : bool
        Whether the point's Hessian is used on entry.
    tolerance : float
        Stop when the quadratic model predicts a smaller decrease.
    rounds : int
        Most steps.

    Returns
    -------
    tuple
        Value at ``x`` (infinite if the start's is), last predicted decrease, likelihood
        evaluations spent.
    """
    a, low, free, size = domain.a, domain.low, domain.free, domain.size
    x, b, active, g = point.x, point.b, point.active, point.g
    n, m = free.shape[0], a.shape[0]
    face, room = np.empty((m, n)), np.empty(m)
    inverse, rows, difference = np.empty((n, n)), np.empty((6, n)), np.zeros(SIZE)
    scale, slope, d, change, bent, pulled = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5]
    for j in range(n):
        scale[j] = size[0, free[j]]
        for i in range(m):
            face[i, j] = a[i, free[j]]
    trial, g_trial = x.copy(), np.empty(SIZE + 1)
    value = f(x, y, start, g)
    if not value < np.inf:
        return value, np.inf, 1.0
    spent = 1
    fresh = not (warm and invert(b, inverse))
    refresh = fresh
    predicted = np.inf
    for r in range(rounds):
        if refresh:
            _difference_steps(x, size[1], a, low, free, difference)
            spent += hessian(f, x, y, start, free, difference, g, b)
            make_convex(b, inverse, face, active, scale)
            fresh, refresh = True, False
            predicted = np.inf
        for i in range(m):
            s = low[i]
            for j in range(SIZE):
                s -= a[i, j] * x[j]
            room[i] = min(s, 0.0)
        for j in range(n):
            slope[j] = g[free[j]]
        constrained_step(slope, b, inverse, face, room, d, active)
        along, curve = 0.0, 0.0
        for i in range(n):
            along += slope[i] * d[i]
            for j in range(n):
                curve += d[i] * b[i, j] * d[j]
        before = predicted
        predicted = -(along + 0.5 * curve)
        if predicted < tolerance:
            break
        if not fresh and r > 0 and predicted > SLOW * before:
            refresh = True
            continue
        length, accepted, tries = 1.0, False, 0
        jagged = predicted < 100.0 * tolerance and tolerance > JAGGED
        while tries < (2 if jagged else 25):
            for j in range(n):
                trial[free[j]] = x[free[j]] + length * d[j]
            v = f(trial, y, start, g_trial)
            spent += 1
            tries += 1
            if not _within(a, low, x, trial):  # rounding of a nearly singular Hessian
                v = np.inf
            if v <= value + 1e-4 * length * along or (
                predicted < 1e-6 and v <= value + 1e-10 * abs(value)
            ):
                accepted = True
                break
            length *= 0.5 if tries < 3 else 0.25
        if not accepted:
            if jagged:
                predicted = 0.0
                break
            if fresh:
                break
            refresh = True
            continue
        turn = 0.0
        for i in range(n):
            change[i] = g_trial[free[i]] - g[free[i]]
            d[i] *= length
            turn += change[i] * d[i]
        copy_vector(trial, x)
        copy_vector(g_trial, g)
        value = v
        fresh = False
        if length < SHORT_STEP and tolerance > JAGGED:
            break
        if tries > 1 or predicted > FAR:
            refresh = True
        elif turn > 0.1 * length * length * curve:
            secant_update(b, inverse, d, change, bent, pulled)
    return value, predicted, float(spent)
