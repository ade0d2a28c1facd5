"""Tests of expected shortfall: whether losses beyond VaR are as large as forecast.

Losses, VaR and ES are positive, shape (n,), of the same observations in time order. A sample
without exceptions says nothing about their size: the decision is then ``NOT_TESTABLE``.

Sources: McNeil and Frey (2000); Acerbi and Szekely (2014); Nolde and Ziegel (2017). The test of Du
and Escanciano is in `cumulative_violations`: it needs tail probabilities, not ES.
"""

from __future__ import annotations

import math
from collections.abc import Callable

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

#: Draws losses from the forecasts themselves: (generator, k) to an array of shape (k, n).
LossSampler = Callable[[np.random.Generator, int], Array]

_CHUNK = 2_000_000  # simulated losses held at once


def mcneil_frey(
    losses: npt.ArrayLike,
    var: npt.ArrayLike,
    es: npt.ArrayLike,
    *,
    scale: npt.ArrayLike | None = None,
    draws: int = 4_000,
    seed: int,
    significance: float = 0.05,
) -> Verdict:
    """Exceedance residuals (loss - ES) / scale average zero; one-sided against too small an ES.

    The statistic is their t statistic, its p-value from a bootstrap of the centred residuals.

    Parameters
    ----------
    scale : array_like, shape (n,), optional
        Volatility forecast that standardises the residuals; ES if not given.
    draws : int
        Bootstrap resamples.
    seed : int
    """
    loss, level, mean = _forecasts(losses, var, es)
    (unit,) = as_sample(loss.size, scale=mean if scale is None else scale)
    hit = loss > level
    residual = (loss[hit] - mean[hit]) / unit[hit]
    x = residual.size
    testable = x >= 2 and bool(np.ptp(residual) > 0.0)
    statistic, p_value = 0.0, 1.0
    note = "fewer than two distinct exceptions: their size cannot be tested"
    if testable:
        statistic = float(_student(residual[None, :])[0])
        rng = np.random.default_rng(seed)
        resampled = (residual - residual.mean())[rng.integers(0, x, size=(draws, x))]
        p_value = _share(_student(resampled) >= statistic)
        note = f"mean residual {residual.mean():.3g}"
    return Verdict(
        name="McNeil-Frey",
        tests="Losses beyond VaR average the expected shortfall (against: they exceed it).",
        statistic=statistic,
        p_value=p_value,
        decision=decide(p_value, significance, testable=testable),
        significance=significance,
        observations=loss.size,
        exceptions=x,
        note=note,
    )


def acerbi_szekely_z1(
    losses: npt.ArrayLike,
    var: npt.ArrayLike,
    es: npt.ArrayLike,
    sampler: LossSampler,
    *,
    draws: int = 2_000,
    seed: int,
    significance: float = 0.05,
) -> Verdict:
    """Z1: ``1 - mean(loss / ES over exceptions)``, negative where ES is too small.

    Blind to the number of exceptions. The p-value is the share of samples drawn from the
    forecasts themselves with a Z1 as low.

    Parameters
    ----------
    sampler : callable
        Draws losses from the forecasts; see `tail_sampler`.
    """
    loss, level, mean = _forecasts(losses, var, es)
    hit = loss > level
    testable = bool(hit.any())
    statistic, p_value = 0.0, 1.0
    if testable:
        statistic = float(_z1(loss[None, :], level, mean)[0])
        null = _simulate(sampler, loss.size, draws, seed, lambda x: _z1(x, level, mean))
        p_value = _share(null[np.isfinite(null)] <= statistic)
    return Verdict(
        name="Acerbi-Szekely Z1",
        tests="Given an exception, losses average ES (against: they exceed it).",
        statistic=statistic,
        p_value=p_value,
        decision=decide(p_value, significance, testable=testable),
        significance=significance,
        observations=loss.size,
        exceptions=int(hit.sum()),
        note="" if testable else "no exceptions: their size cannot be tested",
    )


def acerbi_szekely_z2(
    losses: npt.ArrayLike,
    var: npt.ArrayLike,
    es: npt.ArrayLike,
    probability: float,
    sampler: LossSampler,
    *,
    draws: int = 2_000,
    seed: int,
    significance: float = 0.05,
) -> Verdict:
    """Z2: ``1 - sum(loss / ES over exceptions) / (n p)``; negative for too many or too large.

    Without an exception Z2 is 1, the most lenient value there is.
    """
    loss, level, mean = _forecasts(losses, var, es)
    check_fraction("probability", probability)
    statistic = float(_z2(loss[None, :], level, mean, probability)[0])
    null = _simulate(sampler, loss.size, draws, seed, lambda x: _z2(x, level, mean, probability))
    p_value = _share(null <= statistic)
    return Verdict(
        name="Acerbi-Szekely Z2",
        tests="Losses beyond VaR, in number times size, add up to ES (against: to more).",
        statistic=statistic,
        p_value=p_value,
        decision=decide(p_value, significance),
        significance=significance,
        observations=loss.size,
        exceptions=int((loss > level).sum()),
    )


def nolde_ziegel(
    losses: npt.ArrayLike,
    var: npt.ArrayLike,
    es: npt.ArrayLike,
    probability: float,
    *,
    significance: float = 0.05,
) -> Verdict:
    """Simple conditional calibration of (VaR, ES): a Wald test, chi-squared(2), two-sided.

    The identification functions ``1{loss > VaR} - p`` and
    ``VaR - ES + 1{loss > VaR} (loss - VaR) / p`` average zero under right forecasts.
    """
    loss, level, mean = _forecasts(losses, var, es)
    check_fraction("probability", probability)
    hit = loss > level
    v = np.column_stack(
        [hit - probability, level - mean + np.where(hit, (loss - level) / probability, 0.0)]
    )
    v = v / np.sqrt(np.mean(v**2, axis=0))
    testable = bool(hit.any()) and bool(np.linalg.matrix_rank(v) == 2)
    statistic, p_value = 0.0, 1.0
    if testable:
        average = v.mean(axis=0)
        statistic = float(loss.size * average @ np.linalg.solve(v.T @ v / loss.size, average))
        p_value = float(stats.chi2.sf(statistic, 2))
    return Verdict(
        name="Nolde-Ziegel",
        tests="VaR and ES are right together on average.",
        statistic=statistic,
        p_value=p_value,
        decision=decide(p_value, significance, testable=testable),
        significance=significance,
        observations=loss.size,
        exceptions=int(hit.sum()),
        note="" if testable else "no exceptions: their size cannot be tested",
    )


def tail_sampler(tail: npt.ArrayLike, probability: float) -> LossSampler:
    """Sampler for the Acerbi-Szekely tests from the tails of the forecasts.

    Parameters
    ----------
    tail : array_like, shape (n, k)
        Per observation, k equally likely losses beyond its VaR; their mean is its ES.
    probability : float
        Chance of a loss beyond VaR.

    Notes
    -----
    Losses within VaR enter neither statistic and are drawn as 0.
    """
    table = np.asarray(tail, dtype=np.float64)
    check_fraction("probability", probability)
    if table.ndim != 2 or table.size == 0 or not np.isfinite(table).all():
        raise InputError(
            "tail",
            f"shape {table.shape}",
            "must be a finite table with a row per observation",
            "Give quantiles of each forecast beyond its VaR",
        )
    n, k = table.shape

    def sample(rng: np.random.Generator, draws: int) -> Array:
        losses = np.zeros((draws, n))
        where = np.nonzero(rng.random((draws, n)) < probability)
        losses[where] = table[where[1], rng.integers(0, k, size=where[0].size)]
        return losses

    return sample


def _forecasts(
    losses: npt.ArrayLike, var: npt.ArrayLike, es: npt.ArrayLike
) -> tuple[Array, Array, Array]:
    loss, level, mean = as_sample(losses=losses, var=var, es=es)
    if not (mean > 0.0).all() or not (mean >= level).all():
        raise InputError(
            "es",
            f"{int(((mean <= 0.0) | (mean < level)).sum())} values",
            "must be positive and at least VaR",
            "Losses, VaR and ES are positive numbers; check their signs",
        )
    return loss, level, mean


def _z1(x: Array, level: Array, mean: Array) -> Array:
    hit = x > level
    count = hit.sum(axis=1)
    total = np.where(hit, x / mean, 0.0).sum(axis=1)
    # A sample without exceptions has no Z1; infinity keeps it out of the null distribution.
    return np.asarray(1.0 - np.where(count > 0, total / np.maximum(count, 1), np.inf))


def _z2(x: Array, level: Array, mean: Array, probability: float) -> Array:
    total = np.where(x > level, x / mean, 0.0).sum(axis=1)
    return np.asarray(1.0 - total / (x.shape[1] * probability))


def _simulate(
    sampler: LossSampler, n: int, draws: int, seed: int, statistic: Callable[[Array], Array]
) -> Array:
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // n)
    parts = []
    for start in range(0, draws, step):
        x = sampler(rng, min(step, draws - start))
        if x.shape[1:] != (n,):
            raise InputError(
                "sampler", f"shape {x.shape}", f"must draw shape (k, {n})", "Draw a loss per row"
            )
        parts.append(statistic(x))
    return np.concatenate(parts)


def _student(x: Array) -> Array:
    """T statistics of rows; a row without spread counts as infinitely far on its side."""
    mean, spread = x.mean(axis=1), x.std(axis=1, ddof=1)
    flat = spread <= 1e-14 * np.abs(x).max(axis=1)
    far = np.where(mean > 0.0, np.inf, -np.inf)
    return np.where(flat, far, mean * math.sqrt(x.shape[1]) / np.where(flat, 1.0, spread))


def _share(event: Flags) -> float:
    """Monte Carlo p-value: never 0, since the sample at hand is one of the draws."""
    return float((event.sum() + 1) / (event.size + 1))
