"""What every kernel shares: types, compiler settings, digamma, Hansen's constants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, types

from riskkit.compiled import keep_kernels

keep_kernels()

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SIZE = 7
"""Variables: mu, omega, alpha, gamma, beta, rho = 1/nu, lambda."""

VECTOR = types.float64[::1]
MATRIX = types.float64[:, ::1]
INTS = types.int64[::1]
FLAGS = types.boolean[::1]
_tuple_of: Any = types.UniTuple
PAIR = _tuple_of(types.float64, 2)
TRIPLE = _tuple_of(types.float64, 3)
QUARTET = _tuple_of(types.float64, 4)
OCTET = _tuple_of(types.float64, 8)
LIKELIHOOD = types.float64(VECTOR, VECTOR, VECTOR, VECTOR)
"""Signature of ``f(x, y, start, g) -> -log likelihood``.

``x`` holds the variables and ``y`` the returns. ``start = (a, b, c, d)`` gives the presample
variance ``a + c (mu - b)^2``: c = 1 recomputes mean(e^2) at every mu, c = 0 fixes it; d is
EGARCH's sharpness, see there. ``g``
(size 8) is filled with the gradient, and in its last place with the variance after the last bar.
"""
LIKELIHOOD_TYPE = types.FunctionType(LIKELIHOOD)

SETTINGS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
INNER: dict[str, Any] = {**SETTINGS, "no_cfunc_wrapper": True}
"""Settings of kernels called by kernels: inlined, they would be compiled anew in every caller."""
FAST: dict[str, Any] = {**SETTINGS, "fastmath": {"contract", "arcp", "nsz", "reassoc"}}
"""Settings that keep NaN and infinities meaningful: a bad trial point must look bad.

The compiler chooses the order of sums, and may choose again where a kernel is compiled into
another: only kernels called by address or from Python take these, and what they alone call."""


@njit(types.void(VECTOR, VECTOR), **INNER)
def copy_vector(source: Array, target: Array) -> None:
    """Copy, element by element: array assignment costs half a second to compile at each place."""
    for i in range(source.shape[0]):
        target[i] = source[i]


@njit(types.void(MATRIX, MATRIX), **INNER)
def copy_matrix(source: Array, target: Array) -> None:
    """Copy a matrix."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@njit(types.void(FLAGS, FLAGS), **INNER)
def copy_flags(source: Flags, target: Flags) -> None:
    """Copy flags."""
    for i in range(source.shape[0]):
        target[i] = source[i]


@njit(types.float64(types.float64), **INNER)
def digamma(x: float) -> float:
    """Logarithmic derivative of the gamma function, x > 0; asymptotic series above 8."""
    r = 0.0
    while x < 8.0:
        r -= 1.0 / x
        x += 1.0
    f = 1.0 / (x * x)
    tail = f * (
        1 / 12 - f * (1 / 120 - f * (1 / 252 - f * (1 / 240 - f * (1 / 132 - f * 0.0210928))))
    )
    return r + math.log(x) - 0.5 / x - tail


@njit(OCTET(types.float64, types.float64), **INNER)  # type: ignore[untyped-decorator]
def hansen(nu: float, lam: float) -> tuple[float, ...]:
    """Constants of Hansen's skew-t with derivatives: log c, a, b, then d/dnu and d/dlambda.

    Returns ``(log c, a, b, dlogc/dnu, da/dnu, db/dnu, da/dlambda, db/dlambda)``.
    """
    q = 0.5 * (nu + 1.0)
    k = nu - 2.0
    log_c = math.lgamma(q) - math.lgamma(0.5 * nu) - 0.5 * math.log(math.pi * k)
    c = math.exp(log_c)
    dlog_c = 0.5 * digamma(q) - 0.5 * digamma(0.5 * nu) - 0.5 / k
    m = k / (nu - 1.0)
    a = 4.0 * lam * c * m
    b = math.sqrt(1.0 + 3.0 * lam * lam - a * a)
    a_nu = 4.0 * lam * (c * dlog_c * m + c / ((nu - 1.0) * (nu - 1.0)))
    a_lam = 4.0 * c * m
    return log_c, a, b, dlog_c, a_nu, -a * a_nu / b, a_lam, (3.0 * lam - a * a_lam) / b
