"""Past shocks that count less the older they are: age-weighted historical simulation.

The residuals of a volatility model are not equally good witnesses. Markets deepen, and parameters
estimated on all of history fit its beginning as well as yesterday; the tails of residuals from a
token's first year go on making its margins too large for years. Weights that halve every
``half_life`` bars let the sample forget, without a cliff at the end of a window.
What they leave weighs as much as 1.4 half-lives of bars: enough for a quantile at 99 %, not for
losses rarer by far, and so simulated default keeps all residuals alike.

Source: Boudoukh, Richardson & Whitelaw (1998), "The best of both worlds", for the weights and the
interpolation; here they weigh filtered residuals (Barone-Adesi, Giannopoulos & Vosper 1999) where
they weighed returns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

HALF_LIFE = 500.0
"""Bars. Chosen among 250, 500 and 1,000 on series that the published table does not use."""

AGED_POINTS = 8_192
"""Equally likely shocks that stand for the weighted ones in a simulation."""


@dataclass(frozen=True)
class AgedShocks:
    """Past shocks with weights by age; build it with `aged_shocks`.

    A shock sits at the weight of all smaller ones and half of its own (the paper counts all of its
    own, which treats the two sides differently).

    Attributes
    ----------
    ordered : ndarray, shape (n,)
        Shocks in ascending order.
    levels : ndarray, shape (n,)
        Probability at which each sits, never decreasing.
    newest : float
        Weight of the newest shock, the largest: 1/n for an endless half-life.
    """

    ordered: Array = field(repr=False)
    levels: Array = field(repr=False)
    newest: float

    @property
    def power_law(self) -> bool:
        """False: nothing lies beyond the worst shock seen."""
        return False

    @property
    def smallest_probability(self) -> float:
        """Half the weight of the newest shock: where it sits if it is the worst."""
        return 0.5 * self.newest

    def quantile(self, p: npt.ArrayLike) -> Array:
        """Interpolated between shocks; the worst one stands for what lies beyond."""
        return np.interp(np.asarray(p, dtype=np.float64), self.levels, self.ordered)

    def distribution(self, z: npt.ArrayLike) -> Array:
        """Inverse of `quantile`; half the level of the worst shock for one beyond it."""
        low, high = 0.5 * float(self.levels[0]), 0.5 * (1.0 + float(self.levels[-1]))
        at = np.asarray(z, dtype=np.float64)
        return np.interp(at, self.ordered, self.levels, left=low, right=high)

    def points(self, count: int) -> Array:
        """Quantiles at the middles of ``count`` equal parts: equally likely shocks, ascending."""
        return self.quantile((np.arange(count) + 0.5) / count)


def aged_shocks(values: npt.ArrayLike, half_life: float = HALF_LIFE) -> AgedShocks:
    """Law of past shocks, each weighing half of one that came ``half_life`` bars later.

    Parameters
    ----------
    values : array_like, shape (n,)
        Shocks (standardised residuals) in time order, the newest last.
    half_life : float
        In bars; infinity weighs all alike.

    Raises
    ------
    InputError
        If there are no shocks, not all are finite, or the half-life is not positive.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.size == 0 or not np.isfinite(x).all():
        raise InputError(
            "values", f"shape {x.shape}", "must be a sequence of finite shocks", "Check the fit"
        )
    if not half_life > 0.0:
        raise InputError(
            "half_life",
            half_life,
            "must be a positive number of bars",
            "Typical is 250 to 1,000; infinity weighs all shocks alike",
        )
    age = np.arange(x.size - 1, -1, -1, dtype=np.float64)
    weight = np.exp(-math.log(2.0) / half_life * age)
    weight /= weight.sum()
    order = np.argsort(x, kind="stable")
    w = weight[order]
    levels = np.clip(np.cumsum(w) - 0.5 * w, 0.0, 1.0)
    return AgedShocks(x[order], levels, float(weight[-1]))
