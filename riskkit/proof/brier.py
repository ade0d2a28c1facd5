"""The Brier score of probability forecasts, decomposed.

Sources: Brier (1950); Murphy (1973) for reliability - resolution + uncertainty; Stephenson, Coelho
and Jolliffe (2008) for the two terms that bins of unequal forecasts add.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError


@dataclass(frozen=True)
class BrierScore:
    """Mean squared error of probabilities: lower is better.

    ``score = reliability - resolution + uncertainty + within_bins``, exactly.

    Attributes
    ----------
    score : float
    reliability : float
        Mean squared distance of a bin's forecast from its rate; 0 is calibrated.
    resolution : float
        Variance of the bins' rates: what the forecasts tell apart.
    uncertainty : float
        Rate (1 - rate): the score of always forecasting the rate.
    within_bins : float
        Variance of the forecasts inside bins less twice their covariance with the outcomes.
    forecasts : int
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float
    forecasts: int

    @property
    def skill(self) -> float:
        """1 - score / uncertainty: share gained over always forecasting the realised rate."""
        return 1.0 - self.score / self.uncertainty if self.uncertainty > 0.0 else 0.0


def brier_score(probability: npt.ArrayLike, event: npt.ArrayLike, bins: int = 10) -> BrierScore:
    """Score probabilities against what happened, in bins of equally many forecasts.

    Parameters
    ----------
    probability : array_like (n,)
        Forecasts in [0, 1].
    event : array_like (n,)
        Whether it happened.
    bins : int
        Ties share a bin, so there may be fewer.

    Raises
    ------
    InputError
        If shapes differ, nothing is given, or a forecast is no probability.
    """
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(event, dtype=np.float64)
    if p.ndim != 1 or p.shape != y.shape or p.size == 0 or bins < 1:
        raise InputError(
            "probability, event, bins",
            (p.shape, y.shape, bins),
            "must be two vectors of one length, and at least one bin",
            "Give one forecast per event",
        )
    if not ((p >= 0.0) & (p <= 1.0)).all():
        raise InputError(
            "probability", float(p.max()), "must lie in [0, 1]", "Drop rows without a forecast"
        )
    edges = np.unique(np.quantile(p, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
    member = np.searchsorted(edges, p, side="right")
    count = np.bincount(member)
    filled = count > 0
    forecast = np.bincount(member, weights=p)[filled] / count[filled]
    rate = np.bincount(member, weights=y)[filled] / count[filled]
    share, base = count[filled] / p.size, float(y.mean())
    index = np.cumsum(filled)[member] - 1
    apart, off = p - forecast[index], y - rate[index]
    return BrierScore(
        score=float(np.mean((p - y) ** 2)),
        reliability=float(share @ (forecast - rate) ** 2),
        resolution=float(share @ (rate - base) ** 2),
        uncertainty=base * (1.0 - base),
        within_bins=float(np.mean(apart**2) - 2.0 * np.mean(apart * off)),
        forecasts=p.size,
    )
