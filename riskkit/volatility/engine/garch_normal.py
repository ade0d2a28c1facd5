"""Negative log-likelihood of GARCH and GJR(1,1) under the normal law; see `garch_t`.

Source: Bollerslev (1986).
"""

from __future__ import annotations

import math

import numpy as np

from riskkit.compiled import Real, Vector, compiled
from riskkit.volatility.engine.kernel import FAST
from riskkit.volatility.engine.passes import sum_of_logs, variance_gradient, variances


@compiled(**FAST)
def garch_normal(x: Vector, y: Vector, start: Vector, g: Vector) -> Real:
    """Normal innovations; see `kernel.Likelihood` for the arguments."""
    mu, omega, alpha, gamma, beta = x[0], x[1], x[2], x[3], x[4]
    n = y.shape[0]
    first = start[0] + start[2] * (mu - start[1]) ** 2
    room = np.empty((3, n + 1))
    h, news, slope = room[0], room[1, 1:], room[2, 1:]
    began = omega + (alpha + 0.5 * gamma + beta) * first
    variances(y, x, began, news, h)
    pull, squares = 0.0, 0.0
    for t in range(n):
        e = y[t] - mu
        inv = 1.0 / h[t]
        u = e * e * inv
        squares += u
        pull += e * inv
        slope[t] = 0.5 * inv * (1.0 - u)
    for j in range(7):
        g[j] = 0.0
    g[0], g[7] = -pull, h[n]
    variance_gradient(x, y, start, h, slope, first, g)
    return float(0.5 * (n * math.log(2.0 * math.pi) + sum_of_logs(h[:n], news) + squares))
