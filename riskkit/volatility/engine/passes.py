"""The passes over a window that every GARCH likelihood makes, each in a form that vectorises.

A likelihood runs forward through the variances, across the bars for its own density, and backward
through the slopes: with ``l[t]`` the slope in ``h[t]`` of the terms from t on, the gradient needs
one backward recursion, where forward derivatives would need one a parameter. Only the two
recursions are serial, and they advance four bars at a time.
"""

from __future__ import annotations

import math

import numpy as np

from riskkit.compiled import Real, Vector, compiled
from riskkit.volatility.engine.kernel import FAST

QUIET = {**FAST, "no_cfunc_wrapper": True}
EXPONENT = 0xFFF
"""A double's sign and exponent; 1 to `LARGEST` are the positive numbers, 1023 stands for 2^0."""
LARGEST = 2046
FRACTION = 0xFFFFFFFFFFFFF
ONE = 0x3FF0000000000000
CHUNK = 512
"""Fractions in [1, 2) multiplied before a log is taken: 2^512 is far from overflow."""


@compiled(**QUIET)
def variances(y: Vector, x: Vector, first: Real, news: Vector, h: Vector) -> None:
    """Fill ``h`` (n + 1,): the variance of every bar, from ``first``, and of the one after.

    ``news`` (n,) is filled with what each bar adds to the next one's variance.
    """
    mu, omega, alpha, gamma, beta = x[0], x[1], x[2], x[3], x[4]
    n = y.shape[0]
    for t in range(n):
        e = y[t] - mu
        news[t] = omega + (alpha + (gamma if e < 0.0 else 0.0)) * e * e
    beta2 = beta * beta
    beta3, beta4 = beta2 * beta, beta2 * beta2
    h[0] = first
    s, following = first, h[1:]
    for k in range(n >> 2):
        t = 4 * k
        a = news[t]
        b = news[t + 1] + beta * a
        c = news[t + 2] + beta * b
        d = news[t + 3] + beta * c
        following[t], following[t + 1] = a + beta * s, b + beta2 * s
        following[t + 2] = c + beta3 * s
        s = d + beta4 * s
        following[t + 3] = s
    for t in range(n & ~3, n):
        s = news[t] + beta * s
        following[t] = s


@compiled(**QUIET)
def accumulate_back(slope: Vector, beta: Real) -> None:
    """``slope[t] += beta slope[t + 1]`` from the last bar to the first, in place."""
    n, s = slope.shape[0], 0.0
    beta2 = beta * beta
    beta3, beta4 = beta2 * beta, beta2 * beta2
    for t in range(n - 1, (n & ~3) - 1, -1):
        s = slope[t] + beta * s
        slope[t] = s
    for k in range((n >> 2) - 1, -1, -1):
        t = 4 * k
        a = slope[t + 3]
        b = slope[t + 2] + beta * a
        c = slope[t + 1] + beta * b
        d = slope[t] + beta * c
        slope[t + 3], slope[t + 2] = a + beta * s, b + beta2 * s
        slope[t + 1] = c + beta3 * s
        s = d + beta4 * s
        slope[t] = s


@compiled(**QUIET)
def sum_of_logs(values: Vector, room: Vector) -> Real:
    """Sum of the logs of positive finite numbers; ``room`` (same size) is overwritten.

    NaN if a value is 0 (or subnormal), negative, infinite or NaN. Exponents are added as integers
    and fractions multiplied, so that few logs are taken.
    """
    n = values.shape[0]
    bits, fractions = values.view(np.int64), room.view(np.int64)
    exponents, outside = 0, 0
    for t in range(n):
        exponent = (bits[t] >> 52) & EXPONENT
        outside |= (exponent - 1) | (LARGEST - exponent)  # negative where either is
        exponents += exponent
        fractions[t] = (bits[t] & FRACTION) | ONE
    if outside < 0:
        return np.nan
    logs = 0.0
    for begin in range(0, n, CHUNK):
        chunk = room[begin : min(begin + CHUNK, n)]
        product = 1.0
        for t in range(chunk.shape[0]):
            product *= chunk[t]
        logs += math.log(product)
    return float(logs + (exponents - 1023 * n) * math.log(2.0))


@compiled(**QUIET)
def variance_gradient(
    x: Vector, y: Vector, start: Vector, h: Vector, slope: Vector, first: Real, g: Vector
) -> None:
    """Add the variance's part to the gradient in (mu, omega, alpha, gamma, beta).

    Parameters
    ----------
    x, y, start, g : ndarray
        As in `kernel.Likelihood`; ``g`` already holds the density's own part.
    h : ndarray, shape (n + 1,)
        Variances.
    slope : ndarray, shape (n,)
        Derivative of each bar's own term in its variance; overwritten.
    first : float
        Presample variance.
    """
    mu, alpha, gamma, beta = x[0], x[2], x[3], x[4]
    accumulate_back(slope, beta)
    later = slope[1:]
    total = with_e = with_e2 = with_down = with_down2 = with_h = 0.0
    for t in range(later.shape[0]):
        e, lag = y[t] - mu, later[t]
        down = min(e, 0.0)
        total += lag
        with_e += lag * e
        with_e2 += lag * e * e
        with_down += lag * down
        with_down2 += lag * down * down
        with_h += lag * h[t]
    weight, shift = alpha + 0.5 * gamma + beta, 2.0 * start[2] * (mu - start[1])
    g[0] += slope[0] * weight * shift - 2.0 * (alpha * with_e + gamma * with_down)
    g[1] += slope[0] + total
    g[2] += slope[0] * first + with_e2
    g[3] += 0.5 * slope[0] * first + with_down2
    g[4] += slope[0] * first + with_h
