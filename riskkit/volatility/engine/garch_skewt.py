"""Negative log-likelihood of GARCH and GJR(1,1) under the skew t; see `garch_t`.

Source: Hansen (1994).
"""

from __future__ import annotations

import math

import numpy as np

from riskkit.compiled import Real, Vector, compiled
from riskkit.volatility.engine.kernel import FAST, hansen
from riskkit.volatility.engine.passes import sum_of_logs, variance_gradient, variances


@compiled(**FAST)
def garch_skewt(x: Vector, y: Vector, start: Vector, g: Vector) -> Real:
    """Hansen's skew-t innovations; see `kernel.Likelihood` for the arguments."""
    mu, omega, alpha, gamma, beta, lam = x[0], x[1], x[2], x[3], x[4], x[6]
    nu = 1.0 / x[5]
    k, q = nu - 2.0, 0.5 * (nu + 1.0)
    log_c, a, b, dlog_c, a_nu, b_nu, a_lam, b_lam = hansen(nu, lam)
    split, right, left = -a / b, 1.0 / (1.0 + lam), 1.0 / (1.0 - lam)
    n = y.shape[0]
    first = start[0] + start[2] * (mu - start[1]) ** 2
    room = np.empty((4, n + 1))
    h, news, slope, tails = room[0], room[1, 1:], room[2, 1:], room[3, 1:]
    began = omega + (alpha + 0.5 * gamma + beta) * first
    variances(y, x, began, news, h)
    pull = s_w = s_wz = s_wv = s_ratio = 0.0
    for t in range(n):
        root = 1.0 / math.sqrt(h[t])
        z = (y[t] - mu) * root
        width = right if z >= split else left
        v = (b * z + a) * width
        tail = k + v * v
        inv_tail = 1.0 / tail
        tails[t] = tail
        w = 2.0 * q * v * inv_tail * width
        s_w += w
        s_wz += w * z
        s_wv += w * v if z >= split else -w * v
        s_ratio += inv_tail
        psi = w * b
        pull += psi * root
        slope[t] = 0.5 * (1.0 - psi * z) * root * root
    logs, tail_logs = sum_of_logs(h[:n], news), sum_of_logs(tails, news) - n * math.log(k)
    for j in range(1, 5):
        g[j] = 0.0
    g_nu = -n * (b_nu / b + dlog_c) + 0.5 * tail_logs + q * (s_ratio - n / k)
    g[0], g[7] = -pull, h[n]
    g[5] = -nu * nu * (g_nu + s_w * a_nu + s_wz * b_nu)
    g[6] = -n * b_lam / b + s_w * a_lam + s_wz * b_lam - s_wv
    variance_gradient(x, y, start, h, slope, first, g)
    return float(-n * (math.log(b) + log_c) + 0.5 * logs + q * tail_logs)
