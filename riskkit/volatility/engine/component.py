"""Negative log-likelihood of component GARCH under the normal law, its variance targeted.

    q[t] = s2 (1 - rho) + rho q[t-1] + phi (e[t-1]^2 - h[t-1])
    h[t] = q[t] + alpha (e[t-1]^2 - q[t-1]) + beta (h[t-1] - q[t-1])

The slow part q is where the variance h returns to, and itself returns to s2 = mean(e^2) of the
sample, from which both start. The variables (mu, rho, alpha, phi, beta) stand where GJR's do.

Source: Engle & Lee (1999); targeting, Engle & Mezrich (1996).
"""

from __future__ import annotations

import math

import numpy as np

from riskkit.compiled import Matrix, Real, Vector, compiled
from riskkit.volatility.engine.kernel import FAST
from riskkit.volatility.engine.passes import QUIET, sum_of_logs


@compiled(**QUIET)
def component_variances(x: Vector, e2: Vector, target: Real, h: Vector, q: Vector) -> None:
    """Fill ``h`` and ``q`` (n + 1,): both parts before every bar, and after the last.

    ``e2`` (n,) holds the squared demeaned returns.
    """
    rho, alpha, phi, beta = x[1], x[2], x[3], x[4]
    level, fade = target * (1.0 - rho), rho - alpha - beta
    news, stay = alpha + phi, beta - phi
    fast, slow = target, target
    h[0], q[0] = fast, slow
    fasts, slows = h[1:], q[1:]
    for t in range(e2.shape[0]):
        came = e2[t]
        following = (level + news * came) + (fade * slow + stay * fast)
        slow = (level + phi * came) + (rho * slow - phi * fast)
        fast = following
        fasts[t], slows[t] = fast, slow


@compiled(**FAST)
def component_normal(x: Vector, y: Vector, start: Vector, g: Vector) -> Real:
    """Normal quasi-likelihood; see `kernel.Likelihood` for the arguments.

    The presample variance is the target. The gradient runs backward through both parts: ``a`` and
    ``b`` are what the bars from t on say of h[t] and of q[t].
    """
    mu, rho, alpha, phi, beta = x[0], x[1], x[2], x[3], x[4]
    n = y.shape[0]
    target = start[0] + start[2] * (mu - start[1]) ** 2
    room = np.empty((6, n + 1))
    h, q, e2, slope, both, fast = room[0], room[1], room[2, 1:], room[3, 1:], room[4], room[5]
    for t in range(n):
        e = y[t] - mu
        e2[t] = e * e
    component_variances(x, e2, target, h, q)
    pull, squares = 0.0, 0.0
    for t in range(n):
        inv = 1.0 / h[t]
        u = e2[t] * inv
        squares += u
        pull += (y[t] - mu) * inv
        slope[t] = 0.5 * inv * (1.0 - u)
    fade, stay = rho - alpha - beta, beta - phi
    a, b = 0.0, 0.0
    fast[n], both[n] = 0.0, 0.0
    for t in range(n - 1, -1, -1):
        lead = slope[t] + (stay * a - phi * b)
        b = fade * a + rho * b
        a = lead
        fast[t], both[t] = a, a + b
    following, together = fast[1:], both[1:]
    total = with_e = slow_gap = news = fast_news = gap = 0.0
    for t in range(n):
        e, c, d = y[t] - mu, together[t], following[t]
        total += c
        with_e += e * (phi * c + alpha * d)
        slow_gap += c * (q[t] - target)
        news += c * (e2[t] - h[t])
        fast_news += d * (e2[t] - q[t])
        gap += d * (h[t] - q[t])
    for j in range(7):
        g[j] = 0.0
    of_target = (1.0 - rho) * total + both[0]
    g[0] = -pull - 2.0 * with_e + 2.0 * start[2] * (mu - start[1]) * of_target
    g[1], g[2], g[3], g[4], g[7] = slow_gap, fast_news, news, gap, h[n]
    return float(0.5 * (n * math.log(2.0 * math.pi) + sum_of_logs(h[:n], e2) + squares))


@compiled()
def component_log_variances(x: Vector, y: Vector, start: Vector, s: Vector, ds: Matrix) -> None:
    """Log variance of every bar and its derivatives in (mu, rho, alpha, phi, beta), forward.

    ``s`` (n,) and ``ds`` (n, 5) are filled; see `scores.log_variance_path`.
    """
    mu, rho, alpha, phi, beta = x[0], x[1], x[2], x[3], x[4]
    target = start[0] + start[2] * (mu - start[1]) ** 2
    slope = 2.0 * start[2] * (mu - start[1])
    h, q = target, target
    dh, dq = np.zeros(5), np.zeros(5)
    dh[0] = dq[0] = slope
    for t in range(y.shape[0]):
        s[t] = math.log(h)
        for j in range(5):
            ds[t, j] = dh[j] / h
        e = y[t] - mu
        e2 = e * e
        for j in range(5):
            before, slow = dh[j], dq[j]
            dq[j] = rho * slow - phi * before
            dh[j] = dq[j] - alpha * slow + beta * (before - slow)
        own = (1.0 - rho) * slope - 2.0 * phi * e
        dq[0] += own
        dh[0] += own - 2.0 * alpha * e
        dq[1] += q - target
        dh[1] += q - target
        dh[2] += e2 - q
        dq[3] += e2 - h
        dh[3] += e2 - h
        dh[4] += h - q
        slow = target * (1.0 - rho) + rho * q + phi * (e2 - h)
        h = slow + alpha * (e2 - q) + beta * (h - q)
        q = slow
