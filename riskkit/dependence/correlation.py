"""Correlation that moves: the scalar DCC(1,1) of residuals, its likelihood and its path.

    Q[t+1] = (1 - a - b) S + a z[t] z[t]' + b Q[t],   R = diag(Q)^-1/2 Q diag(Q)^-1/2

Source: Engle (2002), with correlation targeting: S is the correlation of the residuals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Cube, Matrix, Real, Vector, compiled
from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

MOST_PERSISTENT = 0.9999
_START = (0.03, 0.95)


@dataclass(frozen=True)
class DccFit:
    """A fitted scalar DCC(1,1).

    Attributes
    ----------
    a, b : float
        News and memory; both 0 for a panel of one.
    target : ndarray (N, N)
        Unconditional correlation S.
    loglikelihood : float
        Of the correlation stage: half the sum of -log|R| - z'R^-1 z + z'z.
    constant : float
        The same under constant correlation S.
    converged : bool
    evaluations : int
    """

    a: float
    b: float
    target: Array = field(repr=False)
    loglikelihood: float
    constant: float
    converged: bool
    evaluations: int

    @property
    def persistence(self) -> float:
        """The share, a + b, of a correlation's distance from S that is left a bar later."""
        return self.a + self.b


def fit_dcc(z: npt.ArrayLike) -> DccFit:
    """Fit a scalar DCC(1,1) by maximum likelihood, margins given.

    Parameters
    ----------
    z : array_like (T, N)
        Standardised residuals of the same bars, oldest first.

    Raises
    ------
    InputError
        If they are not finite, or their correlation is not positive definite.
    """
    x = _checked(z)
    target = correlation_of(x)
    check_positive_definite(target)
    if x.shape[1] == 1:
        return DccFit(0.0, 0.0, target, 0.0, 0.0, True, 0)
    from scipy.optimize import minimize  # half a second, which a panel of one does not need

    slope = np.empty(2)

    def loss(p: Array) -> tuple[float, Array]:
        a, b, jacobian = _parameters(p)
        found = dcc_likelihood(x, target, a, b, slope)
        return -found / len(x), -(jacobian @ slope) / len(x)

    found = minimize(loss, _free(*_START), jac=True, method="BFGS", options={"gtol": 1e-7})
    a, b, _ = _parameters(found.x)
    # A likelihood without news runs its share of a to 0, where the slope vanishes in this scale.
    flat = float(np.abs(found.jac).max()) < 1e-5
    constant = dcc_likelihood(x, target, 0.0, 0.0, slope)
    return DccFit(
        a, b, target, -float(found.fun) * len(x), constant, bool(found.success or flat), found.nfev
    )


def correlation_path(z: npt.ArrayLike, a: float, b: float, target: Array) -> Array:
    """Correlations (T + 1, N, N): number t is known before bar t; the last is that of the next bar.

    Parameters
    ----------
    z : array_like (T, N)
    a, b, target
        As in `DccFit`.
    """
    x = _checked(z)
    out = np.empty((len(x) + 1, *target.shape))
    dcc_path(x, np.ascontiguousarray(target), a, b, out)
    return out


def expected_correlations(last: Array, a: float, b: float, target: Array, bars: int) -> Array:
    """Expected correlations (bars, N, N) of the next bars, from that of the first.

    Q is expected to come back to its target by a share of 1 - a - b a bar.
    """
    left = (a + b) ** np.arange(bars)[:, None, None]
    q = target + left * (last - target)
    d = np.sqrt(np.diagonal(q, axis1=1, axis2=2))
    return np.asarray(q / (d[:, :, None] * d[:, None, :]))


def correlation_of(z: Array) -> Array:
    """Correlation of residuals about 0, exact ones on its diagonal."""
    # Sums in a fixed order: a BLAS may sum otherwise on another number of threads.
    moment = np.einsum("ti,tj->ij", z, z) / len(z)
    d = np.sqrt(np.diag(moment))
    found = moment / np.outer(d, d)
    found = 0.5 * (found + found.T)
    np.fill_diagonal(found, 1.0)
    return np.ascontiguousarray(found)


def check_positive_definite(matrix: Array, argument: str = "correlation") -> None:
    """Refuse a correlation in which one asset is a sum of the others.

    Raises
    ------
    InputError
        Unless it is finite, symmetric and positive definite.
    """
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    remedy = "Leave out an asset that repeats others, or correct the matrix"
    if not square or not np.isfinite(matrix).all() or np.abs(matrix - matrix.T).max() > 1e-9:
        rule = "must be a square, symmetric matrix of finite numbers"
        raise InputError(argument, f"shape {matrix.shape}", rule, remedy)
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if smallest <= 1e-12:
        rule = "must be positive definite"
        raise InputError(argument, f"smallest eigenvalue {smallest:.3g}", rule, remedy)


def symmetric_roots(correlations: Array, floor: float) -> tuple[Array, Array, Array]:
    """Symmetric roots of correlations (T, N, N), their inverses, and the smallest eigenvalues (T,).

    A Cholesky root depends on the order of the assets; this one does not. Eigenvalues below
    ``floor`` are lifted to it: of near twins the smallest says little but noise.
    """
    values, vectors = np.linalg.eigh(correlations)
    root = np.sqrt(np.maximum(values, floor))
    turned = np.swapaxes(vectors, -1, -2)
    half = (vectors * root[..., None, :]) @ turned
    inverse = (vectors / root[..., None, :]) @ turned
    return half, inverse, np.asarray(values[..., 0])


def _checked(z: npt.ArrayLike) -> Array:
    x = np.ascontiguousarray(z, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] < 2 or not np.isfinite(x).all():
        raise InputError(
            "residuals",
            f"shape {x.shape}",
            "must be finite numbers, a row for each bar and a column for each asset",
            "Take them from healthy fits",
        )
    return x


def _free(a: float, b: float) -> Array:
    """Persistence and share of news on a scale without ends."""
    total, share = (a + b) / MOST_PERSISTENT, a / (a + b)
    odds = np.array([total / (1.0 - total), share / (1.0 - share)])
    return np.asarray(np.log(odds))


def _parameters(p: Array) -> tuple[float, float, Array]:
    """News and memory from the free scale; derivatives, rows free parameters, columns (a, b)."""
    s, u = (1.0 / (1.0 + np.exp(-np.clip(p, -40.0, 40.0)))).tolist()
    total = MOST_PERSISTENT * s
    ds, du = total * (1.0 - s), u * (1.0 - u)
    jacobian = np.array([[ds * u, ds * (1.0 - u)], [total * du, -total * du]])
    return total * u, total * (1.0 - u), jacobian


@compiled()
def dcc_likelihood(  # pragma: no cover - compiled
    z: Matrix, target: Matrix, a: Real, b: Real, slope: Vector
) -> Real:
    """Log-likelihood of the correlation stage; ``slope`` (2,) is filled with its derivatives.

    With y = z sqrt(diag Q), z'R^-1 z = y'Q^-1 y: no matrix is normalised. Both derivatives are one
    sum over W dQ, W = Q^-1 - v v' with (v y - 1)/diag Q on its diagonal and v = Q^-1 y.
    """
    n, size = z.shape
    q = target.copy()
    qa, qb = np.zeros((size, size)), np.zeros((size, size))
    low, inverse = np.zeros((size, size)), np.zeros((size, size))
    y, w, v = np.empty(size), np.empty(size), np.empty(size)
    rest = 1.0 - a - b
    total, da, db = 0.0, 0.0, 0.0
    for t in range(n):
        squares, product, logs = 0.0, 1.0, 0.0
        for i in range(size):
            for j in range(i):
                s = q[i, j]
                for k in range(j):
                    s -= low[i, k] * low[j, k]
                low[i, j] = s * inverse[j, j]
            s = q[i, i]
            for k in range(i):
                s -= low[i, k] * low[i, k]
            if s <= 1e-14:
                slope[0] = slope[1] = 0.0
                return -1e18
            root = math.sqrt(s)
            low[i, i] = root
            inverse[i, i] = 1.0 / root
            for j in range(i):
                s = 0.0
                for k in range(j, i):
                    s -= low[i, k] * inverse[k, j]
                inverse[i, j] = s * inverse[i, i]
            product *= root * root / q[i, i]
            if (i & 7) == 7:
                logs += math.log(product)
                product = 1.0
            y[i] = z[t, i] * math.sqrt(q[i, i])
            squares += z[t, i] * z[t, i]
        logs += math.log(product)
        form = 0.0
        for i in range(size):
            s = 0.0
            for k in range(i + 1):
                s += inverse[i, k] * y[k]
            w[i] = s
            form += s * s
        for i in range(size):
            s = 0.0
            for k in range(i, size):
                s += inverse[k, i] * w[k]
            v[i] = s
        total += 0.5 * (squares - form - logs)
        for i in range(size):
            for j in range(i + 1):
                s = 0.0
                for k in range(i, size):
                    s += inverse[k, i] * inverse[k, j]
                weight = s - v[i] * v[j]
                if i == j:
                    weight += (v[i] * y[i] - 1.0) / q[i, i]
                else:
                    weight *= 2.0
                da -= 0.5 * weight * qa[i, j]
                db -= 0.5 * weight * qb[i, j]
                news = z[t, i] * z[t, j]
                qa[i, j] = news - target[i, j] + b * qa[i, j]
                qb[i, j] = q[i, j] - target[i, j] + b * qb[i, j]
                q[i, j] = rest * target[i, j] + a * news + b * q[i, j]
    slope[0], slope[1] = da, db
    return total


@compiled()
def dcc_path(  # pragma: no cover - compiled
    z: Matrix, target: Matrix, a: Real, b: Real, out: Cube
) -> None:
    """Fill correlations (T + 1, N, N)."""
    n, size = z.shape
    q, d = target.copy(), np.empty(size)
    rest = 1.0 - a - b
    for t in range(n + 1):
        for i in range(size):
            d[i] = math.sqrt(q[i, i])
            out[t, i, i] = 1.0
            for j in range(i):
                out[t, i, j] = q[i, j] / (d[i] * d[j])
                out[t, j, i] = out[t, i, j]
        if t < n:
            for i in range(size):
                for j in range(i + 1):
                    q[i, j] = rest * target[i, j] + a * z[t, i] * z[t, j] + b * q[i, j]
