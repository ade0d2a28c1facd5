"""The variance recursions run over given shocks; compiled, and loaded when first used."""

from __future__ import annotations

import math

import numpy as np

from riskkit.compiled import Real, Truth, Vector, compiled
from riskkit.volatility.sample import Array

MEAN_ABS_NORMAL = math.sqrt(2.0 / math.pi)
"""E|z| of a standard normal: EGARCH's centre for every innovation, as in arch."""


@compiled()
def run_variance(log: Truth, coef: Vector, e: Vector, first: Real, h: Vector) -> None:
    """Conditional variances of the shocks ``e``, from a given first one.

    Parameters
    ----------
    log : bool
        EGARCH if true, otherwise GJR (of which GARCH and EWMA are cases).
    coef : ndarray, shape (4,)
        omega, alpha, gamma, beta.
    e : ndarray, shape (n,)
        Demeaned returns.
    first : float
        Variance of the first bar.
    h : ndarray, shape (n + 1,)
        Filled: ``h[t]`` uses ``e`` up to t - 1; ``h[n]`` is the forecast after the last bar.
    """
    omega, alpha, gamma, beta = coef[0], coef[1], coef[2], coef[3]
    h[0] = first
    if log:
        s = math.log(first)
        for t in range(e.shape[0]):
            z = e[t] * math.exp(-0.5 * s)
            s = omega + alpha * (abs(z) - MEAN_ABS_NORMAL) + gamma * z + beta * s
            h[t + 1] = math.exp(s)
    else:
        for t in range(e.shape[0]):
            news = alpha + gamma if e[t] < 0.0 else alpha
            h[t + 1] = omega + news * e[t] * e[t] + beta * h[t]


def first_variance(log: bool, coef: Array, presample: float) -> float:
    """Variance of the first bar, one step of the recursion from the presample variance."""
    omega, alpha, gamma, beta = (float(c) for c in coef)
    if log:
        return math.exp(omega + beta * math.log(presample))
    return omega + (alpha + 0.5 * gamma + beta) * presample


def variance_path(log: bool, coef: Array, e: Array, first: float) -> Array:
    """The variances of `run_variance`, shape (n + 1,)."""
    h = np.empty(len(e) + 1)
    run_variance(log, np.ascontiguousarray(coef), np.ascontiguousarray(e), first, h)
    return h


@compiled()
def run_component(coef: Vector, e: Vector, first: Real, slow: Real, h: Vector, q: Vector) -> None:
    """Both parts of a component model over the shocks ``e``, from those of their first bar.

    Parameters
    ----------
    coef : ndarray, shape (5,)
        omega = s2 (1 - rho), rho, alpha, phi, beta.
    e : ndarray, shape (n,)
        Demeaned returns.
    first, slow : float
        Variance of the first bar, and its slow part.
    h, q : ndarray, shape (n + 1,)
        Filled, as in `run_variance`.
    """
    omega, rho, alpha, phi, beta = coef[0], coef[1], coef[2], coef[3], coef[4]
    h[0], q[0] = first, slow
    for t in range(e.shape[0]):
        e2 = e[t] * e[t]
        q[t + 1] = omega + rho * q[t] + phi * (e2 - h[t])
        h[t + 1] = q[t + 1] + alpha * (e2 - q[t]) + beta * (h[t] - q[t])


def component_path(coef: Array, e: Array, first: float, slow: float) -> tuple[Array, Array]:
    """The variances and their slow parts of `run_component`, each of shape (n + 1,)."""
    h, q = np.empty(len(e) + 1), np.empty(len(e) + 1)
    run_component(np.ascontiguousarray(coef), np.ascontiguousarray(e), first, slow, h, q)
    return h, q
