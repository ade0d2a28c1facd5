"""The result of a fit: parameters, sigma with its dates, errors, and its state of health."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.volatility.measured import MeasuredVariance
from riskkit.volatility.season import Season
from riskkit.volatility.spec import Variance, VolatilitySpec


class Gate(StrEnum):
    """Health gates, applied after every fit; a converged optimiser alone is not health."""

    STATUS = "optimiser status"
    FINITE = "finite parameters and likelihood"
    SIGMA = "sigma forecast within the sample's range"
    BOUND = "parameter on a bound"
    PERSISTENCE = "persistence at its limit"
    NU = "nu near 2"
    IDENTIFICATION = "weak identification"
    OBSERVATIONS = "number of observations"


@dataclass(frozen=True)
class GateFinding:
    """One gate that spoke: fatal findings make the fit fall back, others are shown beside it."""

    gate: Gate
    value: float
    detail: str
    fatal: bool


@dataclass(frozen=True)
class FitHealth:
    """What the gates found about the fit that is reported (after any fallback)."""

    findings: tuple[GateFinding, ...]

    @property
    def healthy(self) -> bool:
        """True if no gate found anything fatal."""
        return not any(f.fatal for f in self.findings)

    @property
    def statement(self) -> str:
        """One line in words: ``"healthy"``, or what the gates found."""
        notes = "; ".join(f.detail for f in self.findings)
        state = "healthy" if self.healthy else "unhealthy"
        return f"{state}: {notes}" if notes else state


@dataclass(frozen=True)
class Fallback:
    """A specification that was tried and refused, and why."""

    spec: VolatilitySpec
    reason: str


@dataclass(frozen=True)
class Borrowed:
    """Shocks of other markets, an array for each, of variance 1.

    Attributes
    ----------
    close : tuple of ndarray
        Their residuals.
    low, high : tuple of ndarray, or None
        What the same bars touched, in the same units; None where only closes are known.
    sigma, slow : ndarray
        Where volatility and its slow part stood along the others' histories, over the root of the
        level that each returns to; ``slow`` is empty for a model without one.
    """

    close: tuple[npt.NDArray[np.float64], ...] = field(repr=False)
    sigma: npt.NDArray[np.float64] = field(repr=False)
    slow: npt.NDArray[np.float64] = field(repr=False)
    low: tuple[npt.NDArray[np.float64], ...] | None = field(default=None, repr=False)
    high: tuple[npt.NDArray[np.float64], ...] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class VolatilityFit:
    """A fitted volatility model, all numbers unscaled.

    Attributes
    ----------
    spec : VolatilitySpec
        The model that was fitted, after any fallback.
    requested : VolatilitySpec
        The model that was asked for.
    params : Series
        Estimates by name (``mu, omega, alpha, gamma, beta, nu, lambda``). ``mu`` is a fraction per
        bar, ``omega`` a variance per bar (EGARCH: the intercept of the log variance). EWMA carries
        its constants (omega 0, alpha 0.06, beta 0.94); a component model its omega = s2 (1 - rho).
    covariance : mapping of str to DataFrame
        Covariance of the estimated parameters: ``"hessian"``, ``"opg"``, ``"qmle"``
        (Bollerslev-Wooldridge). Empty where it could not be computed; health says why.
    sigma : Series, length n
        Conditional volatility per bar, index ``target``; ``sigma[t]`` uses returns up to t - 1.
    residuals : Series, length n
        Standardised residuals ``(r[t] - mu) / sigma[t]``, same index.
    next_sigma : float
        Volatility of the bar after the last return: the state to forecast from.
    origin : Timestamp
        The last bar of information.
    loglikelihood : float
        Of the returns as fractions (not of a rescaled series).
    health : FitHealth
    fallbacks : tuple of Fallback
        Specifications refused before this one, in order; empty if the requested one is healthy.
    evaluations : int
        Likelihood evaluations spent.
    engine : str
        ``"compiled"`` or ``"arch"``.
    presample_variance : float
        Variance before the first observation, by the spec's convention.
    slow : ndarray, shape (n + 1,), or None
        Of a component model, the volatility that sigma returns to, before each bar and after the
        last; of a combined one where its paths start (`riskkit.volatility.measured`).
    season : Season or None
        Factors of variance by hour and weekday; sigma and slow hold that of their bar.
    measured : MeasuredVariance or None
        What a combined model estimated beside component GARCH.
    known : DataFrame or None
        The returns and measures of a combined model, to continue from; see `filter_returns`.
    borrowed : Borrowed or None
        Residuals of other markets that are resampled in place of its own.

    Examples
    --------
    >>> import riskkit
    >>> returns = riskkit.log_returns(riskkit.load_prices("data/eth_usd_daily.csv"))
    >>> fit = riskkit.fit_volatility(returns, "gjr-normal")
    >>> len(fit.sigma) == len(fit.residuals) == len(returns)
    True
    """

    spec: VolatilitySpec
    requested: VolatilitySpec
    params: pd.Series
    covariance: Mapping[str, pd.DataFrame] = field(repr=False)
    sigma: pd.Series = field(repr=False)
    residuals: pd.Series = field(repr=False)
    next_sigma: float
    origin: pd.Timestamp
    loglikelihood: float
    health: FitHealth
    fallbacks: tuple[Fallback, ...]
    evaluations: int
    engine: str
    presample_variance: float = math.nan
    slow: npt.NDArray[np.float64] | None = field(default=None, repr=False)
    season: Season | None = field(default=None, repr=False)
    measured: MeasuredVariance | None = field(default=None, repr=False)
    known: pd.DataFrame | None = field(default=None, repr=False)
    borrowed: Borrowed | None = field(default=None, repr=False)

    @property
    def nobs(self) -> int:
        """Number of returns fitted."""
        return len(self.sigma)

    @property
    def aic(self) -> float:
        """Akaike's information criterion, lower is better."""
        return 2.0 * len(self.spec.parameters) - 2.0 * self.loglikelihood

    @property
    def bic(self) -> float:
        """Schwarz's information criterion, lower is better."""
        return math.log(self.nobs) * len(self.spec.parameters) - 2.0 * self.loglikelihood

    @property
    def persistence(self) -> float:
        """Factor by which a variance shock is expected to survive one bar.

        alpha + beta for GARCH, alpha + beta + gamma E[z^2 1{z<0}] for GJR under the fitted
        innovation, beta for EGARCH, rho of a component model's slow part, 1 for EWMA. NaN for the
        models that only arch knows: their memory is not one number.
        """
        from riskkit.volatility.persistence import persistence

        if self.spec.variance in (Variance.APARCH, Variance.FIGARCH, Variance.HARCH):
            return math.nan
        params = {str(name): np.array([value]) for name, value in self.params.items()}
        return float(persistence(self.spec, params)[0])

    @property
    def half_life(self) -> float:
        """Bars after which half of a variance shock is left; infinite at persistence 1."""
        rho = self.persistence
        if math.isnan(rho) or rho >= 1.0:
            return rho if math.isnan(rho) else math.inf
        return math.log(0.5) / math.log(rho) if rho > 0.0 else 0.0

    def standard_errors(self, kind: str = "qmle") -> pd.Series:
        """Standard errors of the estimates: ``"qmle"``, ``"hessian"`` or ``"opg"``.

        NaN for a parameter held at its bound (variance 0 in the covariance), where the
        asymptotic theory does not speak, and where no covariance could be computed.
        """
        if kind not in self.covariance:
            return pd.Series(np.nan, index=list(self.spec.parameters))
        cov = self.covariance[kind]
        variance = pd.Series(np.diag(cov.to_numpy()), index=cov.index)
        return variance.where(variance > 0.0) ** 0.5

    def summary(self) -> pd.DataFrame:
        """Estimates with QMLE standard errors and t-statistics, one row per parameter."""
        names = list(self.spec.parameters)
        table = pd.DataFrame({"estimate": self.params[names], "std_error": self.standard_errors()})
        table["t_stat"] = table["estimate"] / table["std_error"]
        return table
