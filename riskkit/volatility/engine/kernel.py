"""What every kernel shares: types, compiler settings, digamma, Hansen's constants."""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from riskkit.compiled import (
    Address,
    Flags,
    Integers,
    Matrix,
    Real,
    Truth,
    Vector,
    compiled,
)

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SIZE = 7
"""Variables: mu, omega, alpha, gamma, beta, rho = 1/nu, lambda."""

Likelihood = Annotated[Any, Address((Vector, Vector, Vector, Vector), Real)]
"""A kernel ``f(x, y, start, g) -> -log likelihood``, called by its address.

``x`` holds the variables and ``y`` the returns. ``start = (a, b, c, d)`` gives the presample
variance ``a + c (mu - b)^2``: c = 1 recomputes mean(e^2) at every mu, c = 0 fixes it; d is
EGARCH's sharpness, see there. ``g``
(size 8) is filled with the gradient, and in its last place with the variance after the last bar.
"""

Octet = tuple[Real, Real, Real, Real, Real, Real, Real, Real]


class Domain(NamedTuple):
    """Where the variables of one window may move.

    Attributes
    ----------
    a, low : ndarray, shapes (m, 7) and (m,)
        Constraints ``A x >= low``.
    free : int ndarray, shape (n,)
        Variables that may move.
    size : ndarray, shape (2, 7)
        Natural size of each variable, and the least step of its Hessian differences.
    """

    a: Matrix
    low: Vector
    free: Integers
    size: Matrix


class Point(NamedTuple):
    """A point of the search, changed in place.

    Attributes
    ----------
    x : ndarray, shape (7,)
    b : ndarray, shape (n, n)
        Hessian over the free variables.
    active : bool ndarray, shape (m,)
        Active constraints.
    g : ndarray, shape (8,)
        Gradient, and the variance after the last bar.
    """

    x: Vector
    b: Matrix
    active: Flags
    g: Vector


class FitTerms(NamedTuple):
    """A specification as the kernels take it; see `models.Model`.

    Attributes
    ----------
    log, centred, sample : bool
        EGARCH; constant mean; presample mean(e^2) rather than backcast.
    a, bounds : ndarray, shapes (m, 7) and (m, 3)
    free : int ndarray, shape (n,)
    fixed : ndarray, shape (7,)
        Values of the variables that are not free.
    grid : ndarray, shape (k, 5)
        As `cold.fit_cold` takes it.
    tolerance : float
    """

    log: Truth
    centred: Truth
    sample: Truth
    a: Matrix
    bounds: Matrix
    free: Integers
    fixed: Vector
    grid: Matrix
    tolerance: Real


INNER: dict[str, Any] = {"no_cfunc_wrapper": True}
"""Settings of kernels called by kernels: inlined, they would be compiled anew in every caller."""
FAST: dict[str, Any] = {"fastmath": {"contract", "arcp", "nsz", "reassoc"}}
"""Settings that keep NaN and infinities meaningful: a bad trial point must look bad.

The compiler chooses the order of sums, and may choose again where a kernel is compiled into
another: only kernels called by address or from Python take these, and what they alone call."""


@compiled(**INNER)
def copy_vector(source: Vector, target: Vector) -> None:
    """Copy, element by element: array assignment costs half a second to compile at each place."""
    for i in range(source.shape[0]):
        target[i] = source[i]


@compiled(**INNER)
def copy_matrix(source: Matrix, target: Matrix) -> None:
    """Copy a matrix."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@compiled(**INNER)
def copy_flags(source: Flags, target: Flags) -> None:
    """Copy flags."""
    for i in range(source.shape[0]):
        target[i] = source[i]


@compiled(**INNER)
def digamma(x: Real) -> Real:
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


@compiled(**INNER)
def hansen(nu: Real, lam: Real) -> Octet:
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
