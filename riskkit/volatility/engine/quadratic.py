"""Small dense algebra: inverse by Cholesky, and a convex quadratic programme by active sets.

Source: Nocedal & Wright (2006), algorithm 16.3.
"""

from __future__ import annotations

import math

import numpy as np

from riskkit.compiled import Flags, Matrix, Truth, Vector, Whole, compiled
from riskkit.volatility.engine.kernel import INNER

STEP_FLOOR = 1e-10
"""A step this small beside the unconstrained one is rounding."""
ROUNDING = 1e-9
"""An approach to a face this flat, beside its terms, is rounding: stiff Hessians amplify it."""
MULTIPLIER_FLOOR = -1e-10
MAX_CHANGES = 200


@compiled(**INNER)
def invert(b: Matrix, inverse: Matrix) -> Truth:
    """Inverse of a symmetric positive definite matrix; False if it is not one (or not finite).

    In place, in the lower triangle: Cholesky, the factor's inverse, its square.
    """
    n, low = b.shape[0], inverse
    for j in range(n):
        s = b[j, j]
        for k in range(j):
            s -= low[j, k] * low[j, k]
        if not s > 1e-12 * abs(b[j, j]) + 1e-300:
            return False
        low[j, j] = 1.0 / math.sqrt(s)
        for i in range(j + 1, n):
            s = b[i, j]
            for k in range(j):
                s -= low[i, k] * low[j, k]
            low[i, j] = s * low[j, j]
    for j in range(n):
        for i in range(j + 1, n):
            s = 0.0
            for k in range(j, i):
                s -= low[i, k] * low[k, j]
            low[i, j] = s * low[i, i]
    for j in range(n):
        for i in range(j, n):
            s = 0.0
            for k in range(i, n):
                s += low[k, i] * low[k, j]
            inverse[i, j] = inverse[j, i] = s
    return True


@compiled(**INNER)
def solve(a: Matrix, r: Vector, k: Whole) -> Truth:
    """Solve the leading k x k system in place (Gauss, partial pivoting); False if singular."""
    for i in range(k):
        p = i
        for j in range(i + 1, k):
            if abs(a[j, i]) > abs(a[p, i]):
                p = j
        if not abs(a[p, i]) > 1e-14:
            return False
        if p != i:
            for c in range(k):
                a[i, c], a[p, c] = a[p, c], a[i, c]
            r[i], r[p] = r[p], r[i]
        for j in range(i + 1, k):
            f = a[j, i] / a[i, i]
            for c in range(i, k):
                a[j, c] -= f * a[i, c]
            r[j] -= f * r[i]
    for i in range(k - 1, -1, -1):
        for c in range(i + 1, k):
            r[i] -= a[i, c] * r[c]
        r[i] /= a[i, i]
    return True


@compiled(**INNER)
def constrained_step(
    g: Vector, b: Matrix, inverse: Matrix, a: Matrix, room: Vector, d: Vector, active: Flags
) -> None:
    """Minimise ``g'd + d'Bd/2`` subject to ``A d >= room``, where ``room <= 0``.

    Parameters
    ----------
    g : ndarray, shape (n,)
    b, inverse : ndarray, shape (n, n)
        Positive definite B and its inverse.
    a : ndarray, shape (m, n)
    room : ndarray, shape (m,)
        Minus the slack of each constraint; d = 0 is feasible.
    d : ndarray, shape (n,)
        Filled with the minimiser.
    active : bool ndarray, shape (m,)
        The working set: a guess on entry, the answer on return.
    """
    n, m = g.shape[0], a.shape[0]
    for i in range(n):
        d[i] = 0.0
    for i in range(m):
        if active[i] and room[i] < -1e-12:
            active[i] = False
    slope, newton, p = np.empty(n), np.empty(n), np.empty(n)
    gram, multiplier = np.empty((n, n)), np.empty(n)
    pulled = np.empty((n, n))
    index = np.empty(n, np.int64)
    for change in range(MAX_CHANGES):
        for i in range(n):
            s = g[i]
            for j in range(n):
                s += b[i, j] * d[j]
            slope[i] = s
        for i in range(n):
            s = 0.0
            for j in range(n):
                s += inverse[i, j] * slope[j]
            newton[i] = s
        k = 0
        for i in range(m):
            if active[i]:
                if k == n:
                    active[i] = False
                else:
                    index[k] = i
                    k += 1
        for u in range(k):
            s = 0.0
            for j in range(n):
                s += a[index[u], j] * newton[j]
                w = 0.0
                for i in range(n):
                    w += inverse[j, i] * a[index[u], i]
                pulled[u, j] = w
            multiplier[u] = s
            for v in range(u + 1):
                s = 0.0
                for j in range(n):
                    s += pulled[u, j] * a[index[v], j]
                gram[u, v] = gram[v, u] = s
        if k > 0 and not solve(gram, multiplier, k):
            active[index[k - 1]] = False
            continue
        size, unconstrained = 0.0, 0.0
        for i in range(n):
            s = -newton[i]
            for u in range(k):
                s += pulled[u, i] * multiplier[u]
            p[i] = s
            size = max(size, abs(s))
            unconstrained = max(unconstrained, abs(newton[i]))
        if size <= STEP_FLOOR * unconstrained:
            worst, lowest = -1, MULTIPLIER_FLOOR
            for u in range(k):
                if multiplier[u] < lowest:
                    worst, lowest = u, multiplier[u]
                    if change > MAX_CHANGES // 2:
                        break  # the first, not the worst (Bland): ends cycling where many meet
            if worst < 0:
                return
            active[index[worst]] = False
            continue
        length, blocking = 1.0, -1
        for i in range(m):
            if not active[i]:
                along, at, terms = 0.0, 0.0, 0.0
                for j in range(n):
                    along += a[i, j] * p[j]
                    at += a[i, j] * d[j]
                    terms += abs(a[i, j] * p[j])
                if along < -ROUNDING * terms:  # else parallel to the faces held already
                    reach = max((room[i] - at) / along, 0.0)
                    if reach < length:
                        length, blocking = reach, i
        for i in range(n):
            d[i] += length * p[i]
        if blocking >= 0:
            active[blocking] = True
        elif length == 1.0 and k == 0:
            return
