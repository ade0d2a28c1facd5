"""Laws of the standardised shocks: normal, standardised Student t, Hansen's skew-t, GED.

Every law here has mean 0 and variance 1, whatever its shape. ``shape`` is a mapping with ``nu``
(degrees of freedom, above 2) for t and skew-t, and ``lambda`` (asymmetry in (-1, 1), negative
for a heavier lower tail) for skew-t; for GED ``nu`` is its exponent (2 is normal). A
`pandas.Series` of fitted parameters will do.

Sources: Bollerslev (1987); Nelson (1991) for GED; Hansen (1994).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from riskkit.errors import InputError
from riskkit.volatility.spec import Innovation

Array = npt.NDArray[np.float64]
Shape = Mapping[str, float] | pd.Series


def quantile(law: Innovation, p: npt.ArrayLike, shape: Shape) -> Array:
    """Quantile of the standardised shock at probability ``p`` (any shape)."""
    p = np.asarray(p, dtype=np.float64)
    if law is Innovation.NORMAL:
        return np.asarray(special.ndtri(p))
    if law is Innovation.GED:
        nu, scale = _ged(shape)
        return scale * np.asarray(_gennorm().ppf(p, nu))
    nu = _nu(shape)
    scale = math.sqrt((nu - 2.0) / nu)
    if law is Innovation.STUDENT_T:
        return scale * np.asarray(special.stdtrit(nu, p))
    lam, a, b = _hansen(nu, _lambda(shape))
    low = p < (1.0 - lam) / 2.0
    left = (1.0 - lam) * scale * special.stdtrit(nu, np.where(low, p / (1.0 - lam), 0.5))
    right = (1.0 + lam) * scale * -special.stdtrit(nu, np.where(low, 0.5, (1.0 - p) / (1.0 + lam)))
    return np.asarray((np.where(low, left, right) - a) / b)


def distribution(law: Innovation, z: npt.ArrayLike, shape: Shape) -> Array:
    """Cumulative distribution function of the standardised shock at ``z`` (any shape)."""
    z = np.asarray(z, dtype=np.float64)
    if law is Innovation.NORMAL:
        return np.asarray(special.ndtr(z))
    if law is Innovation.GED:
        nu, scale = _ged(shape)
        return np.asarray(_gennorm().cdf(z / scale, nu))
    nu = _nu(shape)
    scale = math.sqrt((nu - 2.0) / nu)
    if law is Innovation.STUDENT_T:
        return np.asarray(special.stdtr(nu, z / scale))
    lam, a, b = _hansen(nu, _lambda(shape))
    v = (b * z + a) / scale
    left = (1.0 - lam) * special.stdtr(nu, v / (1.0 - lam))
    right = 1.0 - (1.0 + lam) * special.stdtr(nu, -v / (1.0 + lam))
    return np.asarray(np.where(v < 0.0, left, right))


def log_density(law: Innovation, z: npt.ArrayLike, shape: Shape) -> Array:
    """Log density of the standardised shock at ``z`` (any shape)."""
    z = np.asarray(z, dtype=np.float64)
    if law is Innovation.NORMAL:
        return np.asarray(-0.5 * (math.log(2.0 * math.pi) + z * z))
    if law is Innovation.GED:
        nu, scale = _ged(shape)
        return np.asarray(_gennorm().logpdf(z / scale, nu)) - math.log(scale)
    nu = _nu(shape)
    log_c = special.gammaln((nu + 1.0) / 2.0) - special.gammaln(nu / 2.0)
    log_c -= 0.5 * math.log(math.pi * (nu - 2.0))
    if law is Innovation.STUDENT_T:
        return np.asarray(log_c - (nu + 1.0) / 2.0 * np.log1p(z * z / (nu - 2.0)))
    lam, a, b = _hansen(nu, _lambda(shape))
    v = b * z + a
    v = v / np.where(v < 0.0, 1.0 - lam, 1.0 + lam)
    return np.asarray(math.log(b) + log_c - (nu + 1.0) / 2.0 * np.log1p(v * v / (nu - 2.0)))


def lower_partial_mean(law: Innovation, z: npt.ArrayLike, shape: Shape) -> Array:
    """E[Z 1{Z <= z}], the building block of expected shortfall (any shape)."""
    z = np.asarray(z, dtype=np.float64)
    if law is Innovation.NORMAL:
        return np.asarray(-np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi))
    if law is Innovation.GED:
        nu, scale = _ged(shape)
        upper = special.gammaincc(2.0 / nu, np.abs(z / scale) ** nu)
        ratio = math.exp(special.gammaln(2.0 / nu) - special.gammaln(1.0 / nu))
        return np.asarray(-0.5 * scale * ratio * upper)
    nu = _nu(shape)
    scale = math.sqrt((nu - 2.0) / nu)
    if law is Innovation.STUDENT_T:
        return scale * _t_partial_mean(z / scale, nu)
    lam, a, b = _hansen(nu, _lambda(shape))
    v = (b * z + a) / scale
    left, right = 1.0 - lam, 1.0 + lam
    below = left**2 * scale * _t_partial_mean(np.minimum(v, 0.0) / left, nu)
    above = right**2 * scale * (_t_partial_mean(np.maximum(v, 0.0) / right, nu) - _t_at_zero(nu))
    return (below + above - a * distribution(law, z, shape)) / b


def expected_shortfall(law: Innovation, p: npt.ArrayLike, shape: Shape) -> Array:
    """Mean loss of the standardised shock in its lower tail of probability ``p``; positive.

    For the normal ``phi(q)/p``; for the standardised t the closed form of McNeil, Frey &
    Embrechts; for skew-t by partial moments.
    """
    p = np.asarray(p, dtype=np.float64)
    return np.asarray(-lower_partial_mean(law, quantile(law, p, shape), shape) / p)


def draw(law: Innovation, shape: Shape, size: Any, rng: np.random.Generator) -> Array:
    """Standardised shocks by inversion of uniforms, so that one uniform gives one shock."""
    return quantile(law, rng.random(size), shape)


def negative_second_moment(law: Innovation, shape: Shape) -> float:
    """E[Z^2 1{Z < 0}]: one half for symmetric laws; weighs gamma in the persistence of GJR."""
    if law is not Innovation.SKEW_T:
        return 0.5
    nu = _nu(shape)
    lam, a, b = _hansen(nu, _lambda(shape))
    scale = math.sqrt((nu - 2.0) / nu)
    # With Z = (V - a)/b and V a two-piece t of scale (1 -/+ lambda): integrate up to V = a.
    v = a / scale
    if v <= 0.0:
        w = 1.0 - lam
        second = w**3 * scale**2 * _t_partial_square(v / w, nu)
        first = w**2 * scale * float(_t_partial_mean(np.asarray(v / w), nu))
    else:
        w, below = 1.0 + lam, 1.0 - lam
        t0 = float(_t_at_zero(nu))
        second = below**3 * scale**2 * _t_partial_square(0.0, nu)
        second += w**3 * scale**2 * (_t_partial_square(v / w, nu) - _t_partial_square(0.0, nu))
        first = below**2 * scale * t0
        first += w**2 * scale * (float(_t_partial_mean(np.asarray(v / w), nu)) - t0)
    mass = float(distribution(law, 0.0, shape))
    return (second - 2.0 * a * first + a * a * mass) / b**2


def _gennorm() -> Any:
    from scipy import stats  # half a second, which only this law needs

    return stats.gennorm


def _t_density(x: Array, nu: float) -> Array:
    """Density of a plain Student t."""
    log_c = special.gammaln((nu + 1.0) / 2.0) - special.gammaln(nu / 2.0)
    log_c -= 0.5 * math.log(math.pi * nu)
    return np.asarray(np.exp(log_c - (nu + 1.0) / 2.0 * np.log1p(x * x / nu)))


def _t_partial_mean(x: npt.ArrayLike, nu: float) -> Array:
    """E[T 1{T <= x}] of a plain (not standardised) Student t."""
    x = np.asarray(x, dtype=np.float64)
    finite = np.where(np.isfinite(x), x, 0.0)
    inner = -_t_density(finite, nu) * (nu + finite**2) / (nu - 1.0)
    return np.where(np.isfinite(x), inner, 0.0)


def _t_at_zero(nu: float) -> Array:
    return _t_partial_mean(0.0, nu)


def _t_partial_square(x: float, nu: float) -> float:
    """E[T^2 1{T <= x}] of a plain Student t, nu > 2, by the incomplete beta function."""
    full = nu / (nu - 2.0)
    ratio = float(special.betainc(1.5, nu / 2.0 - 1.0, x * x / (nu + x * x)))
    return 0.5 * full * (1.0 - ratio) if x <= 0.0 else 0.5 * full * (1.0 + ratio)


def _ged(shape: Shape) -> tuple[float, float]:
    """Exponent of the generalised error law, and the scale that makes its variance 1."""
    nu = float(shape["nu"])
    if not nu > 0.0:
        raise InputError("nu", nu, "must be positive", "Use a model whose fit is healthy")
    return nu, math.exp(0.5 * (special.gammaln(1.0 / nu) - special.gammaln(3.0 / nu)))


def _nu(shape: Shape) -> float:
    nu = float(shape["nu"])
    if not nu > 2.0:
        raise InputError(
            "nu", nu, "must exceed 2 for a variance to exist", "Use a model whose fit is healthy"
        )
    return nu


def _lambda(shape: Shape) -> float:
    lam = float(shape["lambda"])
    if not -1.0 < lam < 1.0:
        raise InputError("lambda", lam, "must lie in (-1, 1)", "Use a model whose fit is healthy")
    return lam


def _hansen(nu: float, lam: float) -> tuple[float, float, float]:
    """Hansen's (lambda, a, b): a centres, b scales the two-piece t to mean 0, variance 1."""
    log_c = special.gammaln((nu + 1.0) / 2.0) - special.gammaln(nu / 2.0)
    c = math.exp(log_c - 0.5 * math.log(math.pi * (nu - 2.0)))
    a = 4.0 * lam * c * (nu - 2.0) / (nu - 1.0)
    return lam, a, math.sqrt(1.0 + 3.0 * lam**2 - a**2)
