"""Variances driven by a measure of variance instead of the squared return, their level targeted.

    h[t+1] = s2 (1 - c - b) + c m[t] + b h[t]

where m is the measure (a range, a sum over finer bars), scaled to the mean s2 of the squares that
h is to forecast. With m the squares themselves this is GARCH; with a measure it is the variance
equation of HEAVY, and with h a forecast of the measure itself, its other equation.

Source: Shephard & Sheppard (2010); targeting, Engle & Mezrich (1996).
"""

from __future__ import annotations

import math

import numpy as np

from riskkit.compiled import Real, Vector, compiled


@compiled()
def measured_variances(news: Real, beta: Real, measure: Vector, target: Real, h: Vector) -> None:
    """Fill ``h`` (n + 1,): the variance before every bar and after the last, from the target on."""
    level = target * (1.0 - news - beta)
    h[0] = target
    for t in range(measure.shape[0]):
        h[t + 1] = level + news * measure[t] + beta * h[t]


@compiled()
def measured_likelihood(x: Vector, y: Vector, measure: Vector, target: Real, g: Vector) -> Real:
    """Mean of ln h + y/h, the normal quasi-likelihood of squares y, and its gradient.

    Parameters
    ----------
    x : ndarray (2,)
        c and b.
    y, measure : ndarray (n,)
    g : ndarray (2,)
        Filled: derivatives in c and b.
    """
    news, beta = x[0], x[1]
    level = target * (1.0 - news - beta)
    h, of_news, of_beta = target, 0.0, 0.0
    total, slope_news, slope_beta = 0.0, 0.0, 0.0
    n = y.shape[0]
    for t in range(n):
        share = y[t] / h
        total += math.log(h) + share
        pull = (1.0 - share) / h
        slope_news += pull * of_news
        slope_beta += pull * of_beta
        of_news = measure[t] - target + beta * of_news
        of_beta = h - target + beta * of_beta
        h = level + news * measure[t] + beta * h
    g[0], g[1] = slope_news / n, slope_beta / n
    return float(total / n)


def variances_of(news: float, beta: float, measure: np.ndarray, target: float) -> np.ndarray:
    """The variances of `measured_variances`, shape (n + 1,)."""
    h = np.empty(len(measure) + 1)
    seen = np.array(measure, dtype=np.float64)  # a copy: pandas hands out read-only views
    measured_variances(float(news), float(beta), seen, float(target), h)
    return h
