"""Tests on the time between exceptions: the first, each of them, and their hazard.

A right forecast waits geometrically, with mean ``1 / probability``, and forgets how long it has
waited. Durations are counted in observations, starting at 1.

Sources: Kupiec (1995) for the first failure; Haas (2001) for the mixed tests; Christoffersen and
Pelletier (2004) for the Weibull hazard with censored first and last durations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats
from scipy.special import xlog1py, xlogy

from riskkit.validation.coverage import proportion_of_failures, rate_bound
from riskkit.validation.verdict import (
    Array,
    Flags,
    Verdict,
    as_exceptions,
    check_fraction,
    decide,
)


def time_until_first_failure(
    exceptions: npt.ArrayLike, probability: float, *, significance: float = 0.05
) -> Verdict:
    """Kupiec's time until first failure, chi-squared(1).

    Without an exception in n observations the first one comes at n + 1 or later: beyond the
    expected wait the statistic only grows, so its value at n + 1 is a lower bound, and a rejection
    there stands. Short of that the sample holds no evidence and the decision is ``NOT_TESTABLE``.
    """
    flags = as_exceptions(exceptions)
    check_fraction("probability", probability)
    n, x = flags.size, int(flags.sum())
    wait = int(np.argmax(flags)) + 1 if x else n + 1
    statistic = float(waiting_statistic(wait, probability))
    note, testable = f"first exception at {wait}", True
    if x == 0:
        statistic = statistic if wait > 1.0 / probability else 0.0
        testable = bool(stats.chi2.sf(statistic, 1) < significance)
        note = f"no exception in {n}: the statistic is a lower bound, the p-value an upper one"
    p_value = float(stats.chi2.sf(statistic, 1))
    return Verdict(
        name="Kupiec TUFF",
        tests=f"The first exception comes when a rate of {probability:g} makes it likely.",
        statistic=statistic,
        p_value=p_value,
        decision=decide(p_value, significance, testable=testable),
        significance=significance,
        observations=n,
        exceptions=x,
        note=note,
    )


def time_between_failures_independence(
    exceptions: npt.ArrayLike, probability: float, *, significance: float = 0.05
) -> Verdict:
    """Haas's time between failures, independence part: chi-squared(x) for x exceptions.

    The sum of the first-failure statistic over every wait, each counted from the exception before.
    """
    flags = as_exceptions(exceptions)
    check_fraction("probability", probability)
    x = int(flags.sum())
    statistic = float(waiting_statistic(waits(flags), probability).sum())
    p_value = float(stats.chi2.sf(statistic, x)) if x else 1.0
    return Verdict(
        name="Haas TBFI",
        tests=f"Every wait between exceptions is geometric with mean {1.0 / probability:g}.",
        statistic=statistic,
        p_value=p_value,
        decision=decide(p_value, significance, testable=x > 0),
        significance=significance,
        observations=flags.size,
        exceptions=x,
        note=rate_bound(x, flags.size),
    )


def time_between_failures(
    exceptions: npt.ArrayLike, probability: float, *, significance: float = 0.05
) -> Verdict:
    """Haas's mixed test, chi-squared(x + 1): `proportion_of_failures` plus the waits."""
    rate = proportion_of_failures(exceptions, probability)
    between = time_between_failures_independence(exceptions, probability)
    statistic = rate.statistic + between.statistic
    p_value = float(stats.chi2.sf(statistic, rate.exceptions + 1))
    return Verdict(
        name="Haas TBF",
        tests=f"Exceptions come at a rate of {probability:g}, with geometric waits.",
        statistic=statistic,
        p_value=p_value,
        decision=decide(p_value, significance),
        significance=significance,
        observations=rate.observations,
        exceptions=rate.exceptions,
        note=rate.note,
    )


@dataclass(frozen=True)
class DurationVerdict(Verdict):
    """The duration test, with the Weibull ``shape``: 1 forgets, below 1 exceptions cluster."""

    shape: float = 1.0


def duration_independence(
    exceptions: npt.ArrayLike, *, significance: float = 0.05
) -> DurationVerdict:
    """Christoffersen and Pelletier's duration test: Weibull hazard against a constant one.

    Likelihood ratio of shape b = 1, chi-squared(1). The wait before the first exception and the
    one after the last are censored, unless the sample starts or ends with an exception.

    Notes
    -----
    ``NOT_TESTABLE`` with fewer than two exceptions, and where no observed wait is shorter than
    the longest one: the likelihood then grows without bound in the shape.
    """
    flags = as_exceptions(exceptions)
    duration, censored = durations(flags)
    observed = duration[~censored]
    testable = observed.size > 0 and bool(observed.min() < duration.max())
    shape, statistic = 1.0, 0.0
    note = "no wait between exceptions is shorter than the longest: the shape is not identified"
    if testable:
        shape = _weibull_shape(duration, censored)
        gain = _weibull_profile(shape, duration, censored) - _weibull_profile(
            1.0, duration, censored
        )
        statistic = max(2.0 * gain, 0.0)
        note = f"Weibull shape {shape:.3f}"
    p_value = float(stats.chi2.sf(statistic, 1))
    return DurationVerdict(
        name="Christoffersen-Pelletier durations",
        tests="The chance of an exception does not depend on the time since the last one.",
        statistic=statistic,
        p_value=p_value,
        decision=decide(p_value, significance, testable=testable),
        significance=significance,
        observations=flags.size,
        exceptions=int(flags.sum()),
        note=note,
        shape=shape,
    )


def waits(flags: Flags) -> Array:
    """Observations from one exception to the next, the first counted from the start."""
    return np.diff(np.flatnonzero(flags), prepend=-1).astype(np.float64)


def durations(flags: Flags) -> tuple[Array, Flags]:
    """Waits including the unfinished ones at both ends, and which of them are censored."""
    hits = np.flatnonzero(flags)
    if hits.size == 0:
        return np.array([float(flags.size)]), np.array([True])
    values, censored = list(np.diff(hits).astype(np.float64)), [False] * (hits.size - 1)
    if not flags[0]:
        values.insert(0, float(hits[0] + 1))
        censored.insert(0, True)
    if not flags[-1]:
        values.append(float(flags.size - 1 - hits[-1]))
        censored.append(True)
    return np.array(values), np.array(censored, dtype=bool)


def waiting_statistic(wait: npt.ArrayLike, probability: float) -> Array:
    """Likelihood ratio of a geometric wait at ``probability`` against its own mean."""
    v = np.asarray(wait, dtype=np.float64)
    own = xlogy(1.0, 1.0 / v) + xlogy(v - 1.0, 1.0 - 1.0 / v)
    null = np.log(probability) + xlog1py(v - 1.0, -probability)
    return np.asarray(np.maximum(2.0 * (own - null), 0.0))


def _weibull_profile(b: float, duration: Array, censored: Flags) -> float:
    """Log likelihood at shape b, with the scale at its maximum."""
    # Dividing by the longest wait changes no likelihood ratio and keeps the power finite.
    t = duration / duration.max()
    observed = np.log(t[~censored])
    d = observed.size
    return float(
        d * (np.log(d) - np.log(np.sum(t**b)) + np.log(b) - 1.0) + (b - 1.0) * observed.sum()
    )


def _weibull_shape(duration: Array, censored: Flags) -> float:
    """Shape of maximum likelihood: the root of the profile's score, which only falls in b."""
    log_t = np.log(duration / duration.max())
    observed = float(log_t[~censored].mean())

    def score(b: float) -> float:
        weight = np.exp(b * log_t)
        return 1.0 / b + observed - float((weight * log_t).sum() / weight.sum())

    low, high = 0.5, 2.0
    while score(low) <= 0.0:
        low /= 2.0
    while score(high) >= 0.0:
        high *= 2.0
    return float(optimize.brentq(score, low, high, xtol=1e-13, rtol=1e-13))
