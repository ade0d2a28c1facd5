"""Persistence of many fits at once."""

from __future__ import annotations

import numpy as np

from riskkit.volatility.sample import Array
from riskkit.volatility.spec import PARTED, Innovation, Variance, VolatilitySpec


def persistence(spec: VolatilitySpec, params: dict[str, Array]) -> Array:
    """Factor by which a variance shock survives one bar, for parameters of shape (m,).

    The same figure as `VolatilityFit.persistence`, without a loop over the fits.
    """
    if spec.variance is Variance.EGARCH:
        return params["beta"]
    if spec.variance in PARTED:
        return params["rho"]
    rho = params["alpha"] + params["beta"]
    if spec.variance is not Variance.GJR:
        return rho
    if spec.innovation is not Innovation.SKEW_T:
        return rho + 0.5 * params["gamma"]
    return rho + params["gamma"] * _skew_t_downside(params["nu"], params["lambda"])


def _skew_t_downside(nu: Array, lam: Array) -> Array:
    """E[Z^2 1{Z < 0}] of Hansen's skew-t, by the partial moments of its two halves.

    Z = (V - a)/b, where V is a t of unit variance stretched by 1 - lambda below 0 and by
    1 + lambda above; the integral runs up to V = a.
    """
    from scipy import special

    log_c = special.gammaln(0.5 * (nu + 1.0)) - special.gammaln(0.5 * nu)
    c = np.exp(log_c - 0.5 * np.log(np.pi * (nu - 2.0)))
    a = 4.0 * lam * c * (nu - 2.0) / (nu - 1.0)
    b2 = 1.0 + 3.0 * lam**2 - a**2

    def partial(x: Array) -> tuple[Array, Array, Array]:
        """Moments 0, 1, 2 of a unit-variance t below x."""
        s2 = x * x / (nu - 2.0)
        mass = special.stdtr(nu, x * np.sqrt(nu / (nu - 2.0)))
        first = -c * (nu - 2.0) / (nu - 1.0) * (1.0 + s2) ** (0.5 * (1.0 - nu))
        inside = special.betainc(1.5, 0.5 * nu - 1.0, s2 / (1.0 + s2))
        return mass, first, 0.5 * (1.0 + np.sign(x) * inside)

    left, right = 1.0 - lam, 1.0 + lam
    low = [left ** (k + 1) * m for k, m in enumerate(partial(np.minimum(a, 0.0) / left))]
    zero, top = partial(np.zeros_like(a)), partial(np.maximum(a, 0.0) / right)
    m0, m1, m2 = (low[k] + right ** (k + 1) * (top[k] - zero[k]) for k in range(3))
    return np.asarray((m2 - 2.0 * a * m1 + a * a * m0) / b2)
