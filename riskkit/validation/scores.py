"""Which forecast is better: scores that reward honesty, and whether a difference is real.

Sources: Koenker and Bassett (1978) for the tick loss; Fissler and Ziegel (2016) and Patton,
Ziegel and Chen (2019) for FZ0; Diebold and Mariano (1995); Hansen, Lunde and Nason (2011).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import statsmodels.api as sm
from arch.bootstrap import MCS
from scipy import stats

from riskkit.errors import InputError
from riskkit.validation.verdict import Array, as_sample, check_fraction


def tick_score(losses: npt.ArrayLike, var: npt.ArrayLike, probability: float) -> Array:
    """Tick loss of VaR, shape (n,), lower is better: ``(1{loss > VaR} - p)(loss - VaR)``."""
    check_fraction("probability", probability)
    loss, level = as_sample(losses=losses, var=var)
    return np.asarray(((loss > level) - probability) * (loss - level))


def fz0_score(
    losses: npt.ArrayLike, var: npt.ArrayLike, es: npt.ArrayLike, probability: float
) -> Array:
    """FZ0 score of (VaR, ES) together, shape (n,), lower is better.

    ``1{loss > VaR} (loss - VaR) / (p ES) + VaR / ES + ln ES - 1``. Differences do not change when
    losses and forecasts are multiplied by a constant.

    Raises
    ------
    InputError
        If an ES is not positive.
    """
    check_fraction("probability", probability)
    loss, level, mean = as_sample(losses=losses, var=var, es=es)
    if not (mean > 0.0).all():
        raise InputError("es", float(mean.min()), "must be positive", "Give ES as a positive loss")
    excess = np.maximum(loss - level, 0.0)
    return np.asarray(excess / (probability * mean) + level / mean + np.log(mean) - 1.0)


@dataclass(frozen=True)
class ScoreComparison:
    """Diebold-Mariano test of two forecasts on the same observations.

    Attributes
    ----------
    mean_difference : float
        Mean score of the first less that of the second; negative if the first is better.
    statistic : float
        The difference over its HAC standard error.
    p_value : float
        Two-sided, of equal mean scores.
    better : float
        One-sided p-value of "the first is not better"; small where it is.
    lags : int
        Autocovariances in the standard error.
    observations : int
    """

    mean_difference: float
    statistic: float
    p_value: float
    better: float
    lags: int
    observations: int


def diebold_mariano(
    first: npt.ArrayLike, second: npt.ArrayLike, *, lags: int | None = None
) -> ScoreComparison:
    """Compare two series of scores, with Newey-West (HAC) errors.

    Parameters
    ----------
    first, second : array_like, shape (n,)
        Scores of two forecasts of the same observations, in time order; lower is better.
    lags : int, optional
        Autocovariances; ``floor(4 (n / 100)^(2/9))`` if not given.
    """
    a, b = as_sample(first=first, second=second)
    n = a.size
    lags = math.floor(4.0 * (n / 100.0) ** (2.0 / 9.0)) if lags is None else lags
    if n < 2 or not 0 <= lags < n:
        raise InputError(
            "lags", lags, f"must lie between 0 and {n - 1}", "Use fewer lags or a longer sample"
        )
    d = a - b
    mean = float(d.mean())
    if not np.any(d):
        return ScoreComparison(0.0, 0.0, 1.0, 1.0, lags, n)
    if np.ptp(d) <= 1e-12 * abs(mean):
        raise InputError(
            "first, second",
            f"always {mean:g} apart",
            "must differ by a varying amount",
            "Check that the scores belong to different forecasts of the same losses",
        )
    fit = sm.OLS(d, np.ones(n)).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    t = float(fit.tvalues[0])
    return ScoreComparison(
        mean_difference=mean,
        statistic=t,
        p_value=float(2.0 * stats.norm.sf(abs(t))),
        better=float(stats.norm.cdf(t)),
        lags=lags,
        observations=n,
    )


def model_confidence_set(
    scores: Mapping[str, npt.ArrayLike],
    *,
    size: float = 0.10,
    block: int = 20,
    draws: int = 1_000,
    seed: int,
) -> pd.DataFrame:
    """Models that may be the best one, with confidence ``1 - size``.

    Parameters
    ----------
    scores : mapping of model name to array_like (n,)
        Scores of the same observations; lower is better.
    block : int
        Mean block length of the stationary bootstrap.

    Returns
    -------
    DataFrame
        Index ``model``, sorted by mean score; columns ``mean_score``, ``p_value``, ``included``.

    Examples
    --------
    >>> import riskkit
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> good = rng.normal(size=200) ** 2
    >>> table = riskkit.model_confidence_set({"good": good, "poor": good + 1.0}, draws=100, seed=1)
    >>> len(table)
    2
    """
    check_fraction("size", size)
    if len(scores) < 2:
        raise InputError("scores", list(scores), "must hold two models or more", "Add a model")
    names = list(scores)
    length = np.asarray(scores[names[0]]).size
    columns = dict(zip(names, as_sample(length, **scores), strict=True))
    table = pd.DataFrame(columns)
    mcs = MCS(table, size=size, reps=draws, block_size=block, bootstrap="stationary", seed=seed)
    mcs.compute()
    result = pd.DataFrame(
        {
            "mean_score": table.mean(),
            "p_value": mcs.pvalues["Pvalue"].reindex(names),
            "included": [name in set(mcs.included) for name in names],
        }
    )
    return result.rename_axis("model").sort_values("mean_score")
