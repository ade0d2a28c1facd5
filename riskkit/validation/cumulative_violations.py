"""Tests of expected shortfall by cumulative violations: how deep in its forecast tail a loss fell.

Where ES tests ask for the size of a loss, these ask for the forecast probability of a larger one,
so they need the whole tail of the forecast and no ES.

Source: Du and Escanciano (2017).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import stats

from riskkit.errors import InputError
from riskkit.validation.verdict import (
    Array,
    Flags,
    Verdict,
    as_sample,
    check_fraction,
    decide,
)


def du_escanciano(
    tail_probability: npt.ArrayLike, probability: float, *, significance: float = 0.05
) -> Verdict:
    """Unconditional test on cumulative violations, a two-sided z test.

    Parameters
    ----------
    tail_probability : array_like, shape (n,)
        Forecast probability of a loss larger than the realised one; uniform if forecasts are
        right.
    probability : float
        Tail probability of the ES.

    Notes
    -----
    The cumulative violation is ``max(p - u, 0) / p``, of mean p/2 and variance p (1/3 - p/4).
    """
    h, u = _cumulative_violations(tail_probability, probability)
    variance = probability * (1.0 / 3.0 - probability / 4.0)
    statistic = float((h.mean() - probability / 2.0) / math.sqrt(variance / h.size))
    p_value = float(2.0 * stats.norm.sf(abs(statistic)))
    return Verdict(
        name="Du-Escanciano",
        tests="Losses in the tail, weighted by their depth, are as many as forecast.",
        statistic=statistic,
        p_value=p_value,
        decision=decide(p_value, significance),
        significance=significance,
        observations=h.size,
        exceptions=int(u.sum()),
    )


def du_escanciano_independence(
    tail_probability: npt.ArrayLike,
    probability: float,
    *,
    lags: int = 5,
    significance: float = 0.05,
) -> Verdict:
    """Conditional test: cumulative violations are not autocorrelated, chi-squared(lags).

    A Box-Pierce statistic around the mean p/2 that right forecasts have.
    """
    h, u = _cumulative_violations(tail_probability, probability)
    if not 1 <= lags < h.size:
        raise InputError("lags", lags, f"must lie between 1 and {h.size - 1}", "Typical is 5")
    testable = bool(u.any())
    statistic, p_value = 0.0, 1.0
    if testable:
        d = h - probability / 2.0
        own = float(np.mean(d * d))
        rho = np.array([np.mean(d[j:] * d[:-j]) for j in range(1, lags + 1)]) / own
        statistic = float(h.size * rho @ rho)
        p_value = float(stats.chi2.sf(statistic, lags))
    return Verdict(
        name="Du-Escanciano independence",
        tests=f"Tail losses do not follow one another within {lags} observations.",
        statistic=statistic,
        p_value=p_value,
        decision=decide(p_value, significance, testable=testable),
        significance=significance,
        observations=h.size,
        exceptions=int(u.sum()),
        note="" if testable else "no exceptions: clustering cannot show",
    )


def _cumulative_violations(
    tail_probability: npt.ArrayLike, probability: float
) -> tuple[Array, Flags]:
    (u,) = as_sample(tail_probability=tail_probability)
    check_fraction("probability", probability)
    if (u < 0.0).any() or (u > 1.0).any():
        raise InputError(
            "tail_probability",
            (float(u.min()), float(u.max())),
            "must lie in [0, 1]",
            "Give the forecast probability of a larger loss",
        )
    return np.maximum(probability - u, 0.0) / probability, u < probability
