"""Laws for the shock of the next bar, behind one door.

Parametric, filtered historical (also weighted by age, in `aging`), filtered historical with
generalised Pareto tails (GARCH-EVT), and the unconditional history. A law knows the shock's
quantiles and probabilities; location and scale come from the volatility model (0 and 1 for the
unconditional history).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.tail.extremes import DEFAULT_RULE, ParetoTail, ThresholdRule, fit_tail
from riskkit.tail.methods import TailMethod as TailMethod
from riskkit.volatility import innovations
from riskkit.volatility.spec import Innovation

Array = npt.NDArray[np.float64]


class ShockLaw(Protocol):
    """Law of one bar's shock."""

    @property
    def power_law(self) -> bool:
        """Whether the tails are power laws, so that E[exp(shock)] is infinite."""

    @property
    def smallest_probability(self) -> float:
        """Smallest tail probability at which the law can place a quantile."""

    def quantile(self, p: npt.ArrayLike) -> Array:
        """Shock below which the probability is ``p`` (any shape)."""

    def distribution(self, z: npt.ArrayLike) -> Array:
        """Probability of a shock at most ``z`` (any shape)."""


@dataclass(frozen=True)
class ParametricShocks:
    """The fitted innovation law."""

    law: Innovation
    shape: pd.Series = field(default_factory=lambda: pd.Series(dtype=np.float64))

    @property
    def power_law(self) -> bool:
        """True for t and skew-t."""
        return self.law is not Innovation.NORMAL

    @property
    def smallest_probability(self) -> float:
        """None: any tail can be computed."""
        return 0.0

    def quantile(self, p: npt.ArrayLike) -> Array:
        """Quantile of the standardised law."""
        return innovations.quantile(self.law, p, self.shape)

    def distribution(self, z: npt.ArrayLike) -> Array:
        """Distribution function of the standardised law."""
        return innovations.distribution(self.law, z, self.shape)


@dataclass(frozen=True)
class EmpiricalShocks:
    """Past shocks, equally likely; build it with `empirical_shocks`.

    The k-th smallest of n sits at probability k/(n + 1): the next shock of an exchangeable
    sequence falls below it with just that probability, so coverage is right at any n.

    Attributes
    ----------
    ordered : ndarray, shape (n,)
        Shocks in ascending order.
    """

    ordered: Array = field(repr=False)

    @property
    def power_law(self) -> bool:
        """False: nothing lies beyond the worst shock seen."""
        return False

    @property
    def smallest_probability(self) -> float:
        """1/(n + 1): beyond the data there is no quantile."""
        return 1.0 / (self.ordered.size + 1)

    def quantile(self, p: npt.ArrayLike) -> Array:
        """Interpolated between order statistics; the worst shock stands for what lies beyond."""
        n = self.ordered.size
        return np.interp(
            np.asarray(p, dtype=np.float64), np.arange(1, n + 1) / (n + 1), self.ordered
        )

    def distribution(self, z: npt.ArrayLike) -> Array:
        """Inverse of `quantile`; half of 1/(n + 1) for a shock beyond the worst."""
        n = self.ordered.size
        levels = np.arange(1, n + 1) / (n + 1)
        half = 0.5 / (n + 1)
        at = np.asarray(z, dtype=np.float64)
        return np.interp(at, self.ordered, levels, left=half, right=1.0 - half)


@dataclass(frozen=True)
class ExtremeShocks:
    """Past shocks in the middle, generalised Pareto tails at both ends (GARCH-EVT).

    Attributes
    ----------
    middle : EmpiricalShocks
    lower, upper : ParetoTail
        Tails of minus the shocks, and of the shocks.
    """

    middle: EmpiricalShocks
    lower: ParetoTail
    upper: ParetoTail

    @property
    def power_law(self) -> bool:
        """Whether either tail has a positive shape."""
        return self.lower.xi > 0.0 or self.upper.xi > 0.0

    @property
    def smallest_probability(self) -> float:
        """None: the fitted tails reach beyond the data."""
        return 0.0

    def quantile(self, p: npt.ArrayLike) -> Array:
        """Pareto below the lower and above the upper threshold, empirical between."""
        p = np.asarray(p, dtype=np.float64)
        low, high = p < self.lower.mass, 1.0 - p < self.upper.mass
        left = -self.lower.value_at_risk(np.where(low, p, self.lower.mass))
        right = self.upper.value_at_risk(np.where(high, 1.0 - p, self.upper.mass))
        return np.where(low, left, np.where(high, right, self._between(p)))

    def distribution(self, z: npt.ArrayLike) -> Array:
        """Inverse of `quantile`."""
        z = np.asarray(z, dtype=np.float64)
        low, high = -z > self.lower.threshold, z > self.upper.threshold
        left = self.lower.exceedance_probability(np.where(low, -z, self.lower.threshold))
        right = 1.0 - self.upper.exceedance_probability(np.where(high, z, self.upper.threshold))
        inner = np.clip(self.middle.distribution(z), self.lower.mass, 1.0 - self.upper.mass)
        return np.where(low, left, np.where(high, right, inner))

    def _between(self, p: Array) -> Array:
        return np.clip(self.middle.quantile(p), -self.lower.threshold, self.upper.threshold)


def empirical_shocks(values: npt.ArrayLike) -> EmpiricalShocks:
    """Law of past shocks (standardised residuals, or plain returns), shape (n,).

    Raises
    ------
    InputError
        If there are none, or not all are finite.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.size == 0 or not np.isfinite(x).all():
        raise InputError(
            "values", f"shape {x.shape}", "must be a sequence of finite shocks", "Check the fit"
        )
    return EmpiricalShocks(np.sort(x))


def extreme_shocks(values: npt.ArrayLike, rule: ThresholdRule = DEFAULT_RULE) -> ExtremeShocks:
    """Law of past shocks with fitted tails at both ends.

    Raises
    ------
    InputError
        If a tail holds too few shocks.
    """
    middle = empirical_shocks(values)
    return ExtremeShocks(
        middle=middle,
        lower=fit_tail(-middle.ordered, rule),
        upper=fit_tail(middle.ordered, rule),
    )
