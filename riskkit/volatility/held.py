"""The variance recursion of a walk: each fit held until the next; loaded when first used."""

from __future__ import annotations

import math

from riskkit.compiled import Flags, Integers, Matrix, Vector, compiled
from riskkit.volatility.recursion import MEAN_ABS_NORMAL


@compiled()
def hold_variance(
    log: Flags, params: Matrix, following: Vector, stop: Integers, values: Vector, out: Vector
) -> None:
    """Variances of every bar from ``stop[0]`` on, each fit held until the next one.

    Parameters
    ----------
    log : bool ndarray, shape (w,)
    params : ndarray, shape (w, 5)
        mu, omega, alpha, gamma, beta of each fit.
    following : ndarray, shape (w,)
        Variance of bar ``stop[i]`` under fit i.
    stop : int ndarray, shape (w,)
        First bar after each window.
    values : ndarray, shape (n,)
        Log returns.
    out : ndarray, shape (n - stop[0],)
        Filled.
    """
    n = values.shape[0]
    for i in range(stop.shape[0]):
        mu, omega, alpha = params[i, 0], params[i, 1], params[i, 2]
        gamma, beta = params[i, 3], params[i, 4]
        until = stop[i + 1] if i + 1 < stop.shape[0] else n
        h = following[i]
        for t in range(stop[i], until):
            out[t - stop[0]] = h
            e = values[t] - mu
            if log[i]:
                z = e / math.sqrt(h)
                s = omega + alpha * (abs(z) - MEAN_ABS_NORMAL) + gamma * z + beta * math.log(h)
                h = math.exp(s)
            else:
                news = alpha + gamma if e < 0.0 else alpha
                h = omega + news * e * e + beta * h
