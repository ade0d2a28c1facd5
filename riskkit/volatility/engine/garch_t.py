"""Negative log-likelihood of GARCH and GJR(1,1) under a standardised Student t.

The variance is ``h[t] = omega + (alpha + gamma 1{e < 0}) e^2 + beta h``; `passes` runs it forward
and the gradient backward, the kernel here is the density between them. GARCH is GJR with gamma
held at 0, EWMA with omega, alpha and beta held at their constants. One module a law: each is
compiled where it is first used, and a first fit waits for its own only.

Sources: Bollerslev (1987); Glosten, Jagannathan & Runkle (1993); Fiorentini, Calzolari &
Panattoni (1996) for the analytic score.
"""

from __future__ import annotations

import math

import numpy as np

from riskkit.compiled import Real, Vector, compiled
from riskkit.volatility.engine.kernel import FAST, digamma
from riskkit.volatility.engine.passes import sum_of_logs, variance_gradient, variances


@compiled(**FAST)
def garch_t(x: Vector, y: Vector, start: Vector, g: Vector) -> Real:
    """Standardised Student t innovations; see `kernel.Likelihood` for the arguments."""
    mu, omega, alpha, gamma, beta = x[0], x[1], x[2], x[3], x[4]
    nu = 1.0 / x[5]
    k, q = nu - 2.0, 0.5 * (nu + 1.0)
    n = y.shape[0]
    first = start[0] + start[2] * (mu - start[1]) ** 2
    room = np.empty((4, n + 1))
    h, news, slope, tails = room[0], room[1, 1:], room[2, 1:], room[3, 1:]
    began = omega + (alpha + 0.5 * gamma + beta) * first
    variances(y, x, began, news, h)
    pull, ratio = 0.0, 0.0
    for t in range(n):
        e = y[t] - mu
        e2 = e * e
        tail = k * h[t] + e2
        both = 1.0 / (h[t] * tail)
        inv, inv_tail = tail * both, h[t] * both
        tails[t] = tail
        ratio += h[t] * inv_tail
        pull += e * inv_tail
        slope[t] = inv * (0.5 - q * e2 * inv_tail)
    log_k = math.log(k)
    constant = math.lgamma(0.5 * nu) - math.lgamma(q) + 0.5 * math.log(math.pi * k) - q * log_k
    d_constant = 0.5 * (digamma(0.5 * nu) - digamma(q) - log_k) + (0.5 - q) / k
    logs, tail_logs = sum_of_logs(h[:n], news), sum_of_logs(tails, news)
    for j in range(1, 7):
        g[j] = 0.0
    g[0], g[7] = -2.0 * q * pull, h[n]
    g[5] = -nu * nu * (n * d_constant + 0.5 * (tail_logs - logs) + q * ratio)
    variance_gradient(x, y, start, h, slope, first, g)
    return float(n * constant + (0.5 - q) * logs + q * tail_logs)
