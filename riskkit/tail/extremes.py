"""Peaks over threshold: a generalised Pareto law for the losses beyond a high threshold.

Sources: McNeil and Frey (2000) for the estimator of VaR and ES; Smith (1985) for the errors of
maximum likelihood, which need a shape above -1/2; Grimshaw (1993) for the one-dimensional search.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.paths.model import ResidualTail

Array = npt.NDArray[np.float64]

MINIMUM_EXCEEDANCES = 20
LOWEST_SHAPE = -0.5
EXPONENTIAL_BELOW = 1e-12  # the power of so small a shape is the exponential to every digit


@dataclass(frozen=True)
class ThresholdRule:
    """Where the tail begins: the largest ``share`` of the losses, at least ``minimum`` of them.

    One tenth of the sample is the choice of McNeil and Frey (100 of 1,000).
    """

    share: float = 0.10
    minimum: int = 50

    def exceedances(self, observations: int) -> int:
        """Number of losses beyond the threshold in a sample."""
        return max(self.minimum, math.ceil(self.share * observations - 1e-9))


@dataclass(frozen=True)
class ParetoTail:
    """A fitted generalised Pareto tail of losses.

    Attributes
    ----------
    threshold : float
        Losses beyond it are modelled; in the unit of the losses.
    xi, beta : float
        Shape and scale of the excess; the tail is a power law of index 1/xi where xi > 0.
    exceedances, observations : int
        Losses strictly beyond the threshold, and all of them.
    loglikelihood : float
    standard_errors : tuple of float
        Of (xi, beta), from the observed information; infinite where it is not positive definite.
    """

    threshold: float
    xi: float
    beta: float
    exceedances: int
    observations: int
    loglikelihood: float
    standard_errors: tuple[float, float]

    @property
    def mass(self) -> float:
        """Probability of a loss beyond the threshold."""
        return self.exceedances / self.observations

    def value_at_risk(self, probability: npt.ArrayLike) -> Array:
        """Loss exceeded with ``probability`` (any shape): ``u + (beta/xi)((n p/k)^-xi - 1)``.

        Raises
        ------
        InputError
            If a probability exceeds that of the threshold: the tail does not reach there.
        """
        p = np.asarray(probability, dtype=np.float64)
        if not ((p > 0.0) & (p <= self.mass)).all():
            raise InputError(
                "probability",
                probability,
                f"must lie in (0, {self.mass:.4g}], the share of losses beyond the threshold",
                "Use the empirical quantile within the data, or a lower threshold",
            )
        log_ratio = np.log(self.mass / p)
        if abs(self.xi) < EXPONENTIAL_BELOW:
            return np.asarray(self.threshold + self.beta * log_ratio)
        return np.asarray(self.threshold + self.beta / self.xi * np.expm1(self.xi * log_ratio))

    def expected_shortfall(self, probability: npt.ArrayLike) -> Array:
        """Mean loss beyond VaR: ``q/(1 - xi) + (beta - xi u)/(1 - xi)``.

        Raises
        ------
        InputError
            If xi is 1 or more: the mean is infinite.
        """
        if self.xi >= 1.0:
            raise InputError(
                "xi", self.xi, "must be below 1 for a mean to exist", "Use value at risk"
            )
        q = self.value_at_risk(probability)
        return np.asarray((q + self.beta - self.xi * self.threshold) / (1.0 - self.xi))

    def exceedance_probability(self, loss: npt.ArrayLike) -> Array:
        """Probability of a larger loss, for losses at or beyond the threshold (any shape)."""
        y = np.asarray(loss, dtype=np.float64) - self.threshold
        if (y < 0.0).any():
            raise InputError(
                "loss",
                float(np.min(y)) + self.threshold,
                f"must be at least the threshold {self.threshold:g}",
                "Use the empirical distribution within the data",
            )
        if abs(self.xi) < EXPONENTIAL_BELOW:
            return np.asarray(self.mass * np.exp(-y / self.beta))
        with np.errstate(divide="ignore"):  # a negative shape ends where the bracket is zero
            log_w = np.log1p(np.maximum(self.xi * y / self.beta, -1.0))
        return np.asarray(self.mass * np.exp(-log_w / self.xi))

    @property
    def residual_tail(self) -> ResidualTail:
        """The tail as the path kernel takes it, for losses that are standardised residuals."""
        return ResidualTail(self.threshold, self.xi, self.beta, self.mass)


DEFAULT_RULE = ThresholdRule()


def fit_tail(losses: npt.ArrayLike, threshold: float | ThresholdRule = DEFAULT_RULE) -> ParetoTail:
    """Fit a generalised Pareto law to losses beyond a threshold by maximum likelihood.

    Parameters
    ----------
    losses : array_like, shape (n,)
        In any order; positive is a loss. For a GARCH-EVT tail: minus the standardised residuals.
    threshold : float or ThresholdRule
        A rule takes the (k + 1)-th largest loss.

    Raises
    ------
    InputError
        If losses are not finite, or fewer than 20 lie beyond the threshold.

    Examples
    --------
    >>> import riskkit
    >>> returns = riskkit.log_returns(riskkit.load_prices("data/eth_usd_daily.csv"))
    >>> tail = riskkit.fit_tail(-returns.values)
    >>> 0.0 < tail.xi < 0.5  # a heavy tail with a mean and a variance
    True
    """
    x = _finite(losses)
    if isinstance(threshold, ThresholdRule):
        k = threshold.exceedances(x.size)
        if k >= x.size:
            raise _too_few(x.size, x.size)
        threshold = float(np.partition(x, x.size - k - 1)[x.size - k - 1])
    excess = x[x > threshold] - threshold
    if excess.size < MINIMUM_EXCEEDANCES:
        raise _too_few(excess.size, x.size)
    if np.ptp(excess) <= 1e-12 * excess.max():
        raise InputError(
            "losses",
            f"{excess.size} equal excesses",
            "must differ from one another beyond the threshold",
            "Check the series for a repeated value",
        )
    likelihood = _Likelihood(excess)
    xi, beta = likelihood.maximum
    return ParetoTail(
        threshold=threshold,
        xi=xi,
        beta=beta,
        exceedances=excess.size,
        observations=x.size,
        loglikelihood=likelihood.profile(xi / beta),
        standard_errors=_standard_errors(excess, xi, beta),
    )


def mean_excess(losses: npt.ArrayLike, thresholds: npt.ArrayLike) -> pd.DataFrame:
    """Mean excess over each threshold, a straight rising line where the tail is Pareto.

    Returns
    -------
    DataFrame
        Index ``threshold``; columns ``exceedances``, ``mean_excess``, ``standard_error``.
        Thresholds with fewer than two losses beyond them are left out.
    """
    x = _finite(losses)
    rows = []
    for u in np.asarray(thresholds, dtype=np.float64):
        y = x[x > u] - u
        if y.size > 1:
            rows.append((u, y.size, y.mean(), y.std(ddof=1) / math.sqrt(y.size)))
    names = ["threshold", "exceedances", "mean_excess", "standard_error"]
    return pd.DataFrame(rows, columns=names).set_index("threshold")


def threshold_stability(
    losses: npt.ArrayLike,
    shares: npt.ArrayLike = (0.05, 0.075, 0.10, 0.125, 0.15),
    probability: float = 0.01,
) -> pd.DataFrame:
    """Fits over a range of thresholds: shape, modified scale and VaR should hardly move.

    Returns
    -------
    DataFrame
        Index ``share``; columns ``threshold``, ``exceedances``, ``xi``, ``xi_error``,
        ``modified_scale`` (beta - xi u, free of the threshold where the law holds),
        ``value_at_risk`` at ``probability`` (which no share may fall below).
    """
    rows = []
    for share in np.asarray(shares, dtype=np.float64):
        tail = fit_tail(losses, ThresholdRule(float(share), MINIMUM_EXCEEDANCES))
        rows.append(
            {
                "share": share,
                "threshold": tail.threshold,
                "exceedances": tail.exceedances,
                "xi": tail.xi,
                "xi_error": tail.standard_errors[0],
                "modified_scale": tail.beta - tail.xi * tail.threshold,
                "value_at_risk": float(tail.value_at_risk(probability)),
            }
        )
    return pd.DataFrame(rows).set_index("share")


@dataclass(frozen=True)
class _Likelihood:
    """Likelihood of excesses, profiled to theta = xi/beta, where xi = mean ln(1 + theta y)."""

    excess: Array

    def profile(self, theta: float) -> float:
        k = self.excess.size
        if abs(theta) * self.excess.max() < 1e-9:
            return float(-k * (math.log(self.excess.mean()) + 1.0))
        xi = self._shape(theta)
        return float(-k * (math.log(xi / theta) + xi + 1.0))

    @cached_property
    def maximum(self) -> tuple[float, float]:
        from scipy import optimize  # slow to import, and only these tails need it

        grid = self._grid()
        best = int(np.argmax(self._profiles(grid)))
        bracket = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
        found = optimize.minimize_scalar(
            lambda t: -self.profile(t),
            bounds=bracket,
            method="bounded",
            options={"xatol": 1e-10 / self.excess.mean()},
        )
        theta = float(found.x)
        if abs(theta) * self.excess.max() < 1e-9:
            return 0.0, float(self.excess.mean())
        xi = self._shape(theta)
        return xi, xi / theta

    def _profiles(self, grid: Array) -> Array:
        """`profile` at each of several values, at once."""
        k, mean = self.excess.size, float(self.excess.mean())
        xi = np.log1p(np.multiply.outer(grid, self.excess)).mean(axis=1)
        flat = np.abs(grid) * self.excess.max() < 1e-9
        scale = np.where(flat, mean, xi / np.where(flat, 1.0, grid))
        return np.asarray(-k * (np.log(scale) + np.where(flat, 0.0, xi) + 1.0))

    def _shape(self, theta: float) -> float:
        return float(np.mean(np.log1p(theta * self.excess)))

    def _grid(self) -> Array:
        """Values of theta from the lowest shape allowed to far beyond any tail met in practice."""
        from scipy import optimize

        edge = -(1.0 - 1e-9) / float(self.excess.max())
        if self._shape(edge) < LOWEST_SHAPE:
            edge = float(optimize.brentq(lambda t: self._shape(t) - LOWEST_SHAPE, edge, 0.0))
        falling = edge * np.array([1.0, 0.9, 0.75, 0.6, 0.45, 0.3, 0.15, 0.05])
        rising = np.geomspace(0.01, 1_000.0, 30) / self.excess.mean()
        return np.concatenate([falling, [0.0], rising])


def _standard_errors(excess: Array, xi: float, beta: float) -> tuple[float, float]:
    """Errors of (xi, beta) from the observed information."""
    u = excess / beta
    w = 1.0 + xi * u
    if abs(xi) > 1e-4:
        d_xi = -2.0 * np.log(w) / xi**3 + 2.0 * u / (xi**2 * w) + (1.0 + 1.0 / xi) * (u / w) ** 2
    else:  # the limit of the line above, where its terms cancel
        d_xi = u**2 - 2.0 / 3.0 * u**3
    d_beta = (1.0 - (1.0 + xi) * u * (2.0 + xi * u) / w**2) / beta**2
    d_mixed = u * (1.0 - u) / (beta * w**2)
    information = -np.array([[d_xi.sum(), d_mixed.sum()], [d_mixed.sum(), d_beta.sum()]])
    if np.linalg.eigvalsh(information)[0] <= 0.0:
        return math.inf, math.inf
    xi_error, beta_error = np.sqrt(np.diag(np.linalg.inv(information)))
    return float(xi_error), float(beta_error)


def _finite(losses: npt.ArrayLike) -> Array:
    x = np.asarray(losses, dtype=np.float64)
    if x.ndim != 1 or x.size == 0 or not np.isfinite(x).all():
        raise InputError(
            "losses",
            f"shape {x.shape}",
            "must be a sequence of finite losses",
            "Drop missing values, and count them",
        )
    return x


def _too_few(exceedances: int, observations: int) -> InputError:
    return InputError(
        "losses",
        f"{exceedances} of {observations} beyond the threshold",
        f"a tail needs at least {MINIMUM_EXCEEDANCES} of them",
        "Lower the threshold or lengthen the sample",
    )
