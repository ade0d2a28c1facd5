"""Scores of every observation, the Hessian at the optimum, and three covariances from them.

Sources: Berndt, Hall, Hall & Hausman (1974) for the outer product; Bollerslev & Wooldridge
(1992) for the sandwich.
"""

from __future__ import annotations

import math

import numpy as np

from riskkit.compiled import Flags, Matrix, Truth, Vector, compiled
from riskkit.volatility.engine.kernel import SIZE, Array, hansen
from riskkit.volatility.engine.models import CompiledModel
from riskkit.volatility.spec import Innovation

MEAN_ABS = math.sqrt(2.0 / math.pi)
STEP_SHARE = 1e-4
"""Hessian differences as a share of each parameter's standard error."""
KINK_STEP = 0.03


@compiled()
def log_variance_path(
    log: Truth, x: Vector, y: Vector, start: Vector, s: Vector, ds: Matrix
) -> None:
    """Log variance of every bar and its derivatives in (mu, omega, alpha, gamma, beta).

    ``s`` (n,) and ``ds`` (n, 5) are filled; the other arguments as in `kernel.Likelihood`.
    """
    mu, omega, alpha, gamma, beta = x[0], x[1], x[2], x[3], x[4]
    first = start[0] + start[2] * (mu - start[1]) ** 2
    first_mu = 2.0 * start[2] * (mu - start[1])
    d = np.zeros(5)
    if log:
        v = omega + beta * math.log(first)
        d[0], d[1], d[4] = beta * first_mu / first, 1.0, math.log(first)
    else:
        weight = alpha + 0.5 * gamma + beta
        v = omega + weight * first
        d[0], d[1], d[2], d[3], d[4] = weight * first_mu, 1.0, first, 0.5 * first, first
    for t in range(y.shape[0]):
        e = y[t] - mu
        if log:
            s[t] = v
            for j in range(5):
                ds[t, j] = d[j]
            root = math.exp(-0.5 * v)
            z = e * root
            sign = 1.0 if z > 0.0 else -1.0
            decay = beta - 0.5 * (alpha * abs(z) + gamma * z)
            d[0] = decay * d[0] - (alpha * sign + gamma) * root
            d[1] = decay * d[1] + 1.0
            d[2] = decay * d[2] + abs(z) - MEAN_ABS
            d[3] = decay * d[3] + z
            d[4] = decay * d[4] + v
            v = omega + alpha * (abs(z) - MEAN_ABS) + gamma * z + beta * v
        else:
            s[t] = math.log(v)
            for j in range(5):
                ds[t, j] = d[j] / v
            down = 1.0 if e < 0.0 else 0.0
            news = alpha + gamma * down
            d[0] = beta * d[0] - 2.0 * news * e
            d[1] = beta * d[1] + 1.0
            d[2] = beta * d[2] + e * e
            d[3] = beta * d[3] + down * e * e
            d[4] = beta * d[4] + v
            v = omega + news * e * e + beta * v


def scores(model: CompiledModel, law: Innovation, x: Array, y: Array, start: Array) -> Array:
    """Gradient of each observation's negative log-likelihood in the variables, shape (n, 7)."""
    s, ds = np.empty(len(y)), np.empty((len(y), 5))
    if model.component:
        from riskkit.volatility.engine.component import component_log_variances

        component_log_variances(x, y, start, s, ds)
    else:
        log_variance_path(model.log, x, y, start, s, ds)
    root = np.exp(-0.5 * s)
    z = (y - x[0]) * root
    out = np.zeros((len(y), SIZE))
    if law is Innovation.NORMAL:
        psi = z
    else:
        nu = 1.0 / x[5]
        lam = x[6] if law is Innovation.SKEW_T else 0.0
        k, q = nu - 2.0, 0.5 * (nu + 1.0)
        _, a, b, dlog_c, a_nu, b_nu, a_lam, b_lam = hansen(nu, lam)
        side = np.where(z >= -a / b, 1.0, -1.0)
        width = 1.0 + side * lam
        v = (b * z + a) / width
        pull = 2.0 * q * v / (k + v * v)
        psi = pull * b / width
        tail = np.log1p(v * v / k) / 2.0 - q * v * v / (k * (k + v * v))
        d_nu = tail - dlog_c - b_nu / b + pull * (a_nu + b_nu * z) / width
        out[:, 5] = -nu * nu * d_nu
        if law is Innovation.SKEW_T:
            out[:, 6] = pull * (a_lam + b_lam * z - v * side) / width - b_lam / b
    out[:, :5] = 0.5 * (1.0 - psi * z)[:, None] * ds
    out[:, 0] -= psi * root
    return out


def hessian_at(model: CompiledModel, x: Array, y: Array, start: Array, error: Array) -> Array:
    """Hessian over the free variables by central differences of the analytic gradient.

    Parameters
    ----------
    error : ndarray, shape (n,)
        Approximate standard error of each free variable; 0 where it sits on a bound.
    """
    free = model.free
    out = np.zeros((len(free), len(free)))
    up, down = np.empty(SIZE + 1), np.empty(SIZE + 1)
    kinked = model.log and model.centred
    for i, j in enumerate(free):
        step = KINK_STEP if kinked and j == 0 else STEP_SHARE * error[i]
        if not step > 0.0:
            continue
        for sign, g in ((1.0, up), (-1.0, down)):
            trial = x.copy()
            trial[j] += sign * step
            model.likelihood(trial, y, start, g)
        out[i] = (up[free] - down[free]) / (2.0 * step)
    moved = np.diag(out) != 0.0
    out = np.where(np.outer(moved, moved), out, 0.0)
    return np.asarray(0.5 * (out + out.T))


def covariances(
    model: CompiledModel,
    law: Innovation,
    x: Array,
    y: Array,
    start: Array,
    curvature: Array,
    active: Flags,
) -> dict[str, Array]:
    """Covariances of the free variables: ``"hessian"``, ``"opg"``, ``"qmle"``, each (n, n).

    Variation is confined to the faces of the active constraints: a variable on its bound has
    variance 0, and with persistence held at 1 alpha and beta move against each other. Empty if
    a matrix is singular there.

    Parameters
    ----------
    curvature : ndarray, shape (n, n)
        The optimiser's Hessian, for the size of the differences.
    active : bool ndarray, shape (m,)
    """
    free = model.free
    faces = model.constraints[active][:, free]
    basis = _null_space(faces, len(free))
    if basis.shape[1] == 0:
        return {}
    try:
        rough = basis @ np.linalg.inv(basis.T @ curvature @ basis) @ basis.T
        error = np.sqrt(np.clip(np.diag(rough), 0.0, None))
        error[error < 1e-12] = 0.0
        with np.errstate(over="ignore", invalid="ignore"):  # at an edge of the model: no errors
            hessian = basis.T @ hessian_at(model, x, y, start, error) @ basis
            score = scores(model, law, x, y, start)[:, free] @ basis
        inverse = np.linalg.inv(hessian)
        opg = np.linalg.inv(score.T @ score)
    except np.linalg.LinAlgError:
        return {}
    sandwich = inverse @ (score.T @ score) @ inverse
    found = {"hessian": inverse, "opg": opg, "qmle": sandwich}
    if not all(np.isfinite(c).all() and (np.diag(c) > 0.0).all() for c in found.values()):
        return {}
    return {kind: basis @ c @ basis.T for kind, c in found.items()}


def _null_space(rows: Array, n: int) -> Array:
    """Orthonormal basis of the directions along which the rows do not move, shape (n, k)."""
    if len(rows) == 0:
        return np.eye(n)
    # A variable alone in its row is fixed exactly, not to rounding.
    alone = {int(np.flatnonzero(r)[0]) for r in rows if np.count_nonzero(r) == 1}
    kept = [j for j in range(n) if j not in alone]
    rest = rows[:, kept]
    _, size, right = np.linalg.svd(rest, full_matrices=True)
    rank = int((size > 1e-10).sum())
    basis = np.zeros((n, len(kept) - rank))
    basis[kept] = right[rank:].T
    return basis
