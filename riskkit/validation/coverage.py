"""Coverage tests on a sequence of exceptions: how many, and whether they cluster.

An exception is a loss strictly above VaR; ``probability`` is the tail probability of that VaR
(0.01 at 99 %). All likelihoods are in logs, and an empty cell drops its factor, so the statistics
hold at any sample size.

Sources: Kupiec (1995); Christoffersen (1998); Basel Committee (1996), the supervisory framework
for backtesting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy import special
from scipy.special import xlog1py, xlogy

from riskkit.validation.verdict import (
    Array,
    Decision,
    Verdict,
    as_exceptions,
    check_fraction,
    decide,
)

GREEN_BELOW = 0.95
YELLOW_BELOW = 0.9999


def proportion_of_failures(
    exceptions: npt.ArrayLike, probability: float, *, significance: float = 0.05
) -> Verdict:
    """Kupiec's proportion of failures: likelihood ratio of the exception rate, chi-squared(1).

    Parameters
    ----------
    exceptions : array_like of bool, shape (n,)
        In time order.
    probability : float
        Tail probability of the VaR.
    significance : float
        Level of the decision.

    Raises
    ------
    InputError
        On an empty sequence, or a probability outside (0, 1).
    """
    flags = as_exceptions(exceptions)
    check_fraction("probability", probability)
    n, x = flags.size, int(flags.sum())
    statistic = float(pof_statistic(x, n, probability))
    p_value = float(special.chdtrc(1, statistic))
    return Verdict(
        name="Kupiec POF",
        tests=f"The exception rate is {probability:g}.",
        statistic=statistic,
        p_value=p_value,
        decision=decide(p_value, significance),
        significance=significance,
        observations=n,
        exceptions=x,
        note=rate_bound(x, n),
    )


def binomial(
    exceptions: npt.ArrayLike, probability: float, *, significance: float = 0.05
) -> Verdict:
    """Binomial test: the z score of the count, with the exact two-sided p-value.

    The statistic is the familiar (x - np) / sqrt(np(1 - p)); its p-value comes from the binomial
    law and not from the normal, which misleads at the few exceptions a 99 % VaR leaves.
    """
    flags = as_exceptions(exceptions)
    check_fraction("probability", probability)
    n, x = flags.size, int(flags.sum())
    z = (x - n * probability) / math.sqrt(n * probability * (1.0 - probability))
    from scipy import stats  # half a second, which only this test needs

    p_value = float(stats.binomtest(x, n, probability).pvalue)
    low, high = binomial_interval(n, probability)
    return Verdict(
        name="binomial",
        tests=f"The number of exceptions is binomial at a rate of {probability:g}.",
        statistic=z,
        p_value=p_value,
        decision=decide(p_value, significance),
        significance=significance,
        observations=n,
        exceptions=x,
        note=f"95 % of right forecasts show {low} to {high} exceptions",
    )


class Zone(StrEnum):
    """Zones of the Basel traffic light."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True)
class TrafficLight(Verdict):
    """The Basel traffic light: ``zone``, with the cumulative probability it was read from."""

    zone: Zone = Zone.GREEN


def traffic_light(exceptions: npt.ArrayLike, probability: float) -> TrafficLight:
    """Basel traffic light: green below a cumulative probability of 95 %, yellow below 99.99 %.

    The statistic is P(X <= x) under the right rate, the p-value P(X >= x). One-sided: too few
    exceptions are green. Only the red zone counts as a rejection.

    Examples
    --------
    >>> import riskkit
    >>> riskkit.traffic_light([False] * 248 + [True] * 2, 0.01).zone.value
    'green'
    """
    flags = as_exceptions(exceptions)
    check_fraction("probability", probability)
    n, x = flags.size, int(flags.sum())
    cumulative = float(special.bdtr(x, n, probability))
    zone = Zone.RED
    if cumulative < YELLOW_BELOW:
        zone = Zone.GREEN if cumulative < GREEN_BELOW else Zone.YELLOW
    return TrafficLight(
        name="Basel traffic light",
        tests=f"The exceptions are not too many for a rate of {probability:g}.",
        statistic=cumulative,
        p_value=float(special.bdtrc(x - 1, n, probability) if x > 0 else 1.0),
        decision=Decision.REJECTED if zone is Zone.RED else Decision.NOT_REJECTED,
        significance=1.0 - YELLOW_BELOW,
        observations=n,
        exceptions=x,
        note=f"zone {zone.value}",
        zone=zone,
    )


def independence(exceptions: npt.ArrayLike, *, significance: float = 0.05) -> Verdict:
    """Christoffersen's independence test: an exception must not make the next one likelier.

    Likelihood ratio of a first-order Markov chain against independence, chi-squared(1), over the
    n - 1 transitions.

    Parameters
    ----------
    exceptions : array_like of bool, shape (n,)
        In time order.

    Notes
    -----
    A sequence whose transitions all start alike (no exception, only exceptions, or one in the last
    place) holds no evidence: the decision is ``NOT_TESTABLE``, with p-value 1.
    """
    flags = as_exceptions(exceptions)
    counts = transitions(flags)
    n00, n01, n10, n11 = counts
    statistic = float(independence_statistic(*counts))
    testable = bool(n00 + n01 > 0 and n10 + n11 > 0)
    p_value = float(special.chdtrc(1, statistic))
    note = f"transitions 00/01/10/11: {n00}/{n01}/{n10}/{n11}"
    if not testable:
        note += "; every transition starts alike, so clustering cannot show"
    return Verdict(
        name="Christoffersen independence",
        tests="An exception does not change the probability of one at the next observation.",
        statistic=statistic,
        p_value=p_value,
        decision=decide(p_value, significance, testable=testable),
        significance=significance,
        observations=flags.size,
        exceptions=int(flags.sum()),
        note=note,
    )


def conditional_coverage(
    exceptions: npt.ArrayLike, probability: float, *, significance: float = 0.05
) -> Verdict:
    """Christoffersen's conditional coverage: right rate and no clustering, chi-squared(2).

    The sum of `proportion_of_failures` (over all n) and `independence` (over n - 1 transitions).
    """
    flags = as_exceptions(exceptions)
    rate = proportion_of_failures(flags, probability)
    clustering = independence(flags)
    statistic = rate.statistic + clustering.statistic
    p_value = float(special.chdtrc(2, statistic))
    notes = [rate.note]
    if clustering.decision is Decision.NOT_TESTABLE:
        notes.append("the rate alone is tested: the sample holds no evidence on clustering")
    return Verdict(
        name="Christoffersen conditional coverage",
        tests=f"Exceptions come independently at a rate of {probability:g}.",
        statistic=statistic,
        p_value=p_value,
        decision=decide(p_value, significance),
        significance=significance,
        observations=flags.size,
        exceptions=rate.exceptions,
        note="; ".join(note for note in notes if note),
    )


def binomial_interval(n: int, probability: float, confidence: float = 0.95) -> tuple[int, int]:
    """Smallest and largest count that a right forecast shows with ``confidence``, both included.

    Central: at most ``(1 - confidence) / 2`` lies on either side.
    """
    check_fraction("probability", probability)
    check_fraction("confidence", confidence)
    cumulative = special.bdtr(np.arange(n + 1), n, probability)
    outside = (1.0 - confidence) / 2.0
    low, high = np.searchsorted(cumulative, [outside, 1.0 - outside])
    return int(low), int(high)


def rate_bound(x: int, n: int, confidence: float = 0.95) -> str:
    """In words, what a sample of no exceptions, or of nothing else, says of the rate."""
    reach = 1.0 - (1.0 - confidence) ** (1.0 / n)
    if x == 0:
        return f"no exceptions in {n}: the rate is below {reach:.3g} at {confidence:.0%} confidence"
    if x == n:
        return (
            f"only exceptions in {n}: the rate is above {1.0 - reach:.3g} "
            f"at {confidence:.0%} confidence"
        )
    return ""


def transitions(flags: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Counts of the n - 1 transitions (n00, n01, n10, n11); n01 leads into an exception."""
    before, after = flags[:-1], flags[1:]
    n11 = int(np.sum(before & after))
    n10 = int(np.sum(before)) - n11
    n01 = int(np.sum(after)) - n11
    return flags.size - 1 - n11 - n10 - n01, n01, n10, n11


def pof_statistic(x: npt.ArrayLike, n: int, probability: float) -> Array:
    """Kupiec's likelihood ratio for ``x`` exceptions in ``n`` (any shape)."""
    x = np.asarray(x, dtype=np.float64)
    null = xlogy(x, probability) + xlog1py(n - x, -probability)
    return np.asarray(np.maximum(2.0 * (bernoulli_loglikelihood(x, n - x) - null), 0.0))


def independence_statistic(
    n00: npt.ArrayLike, n01: npt.ArrayLike, n10: npt.ArrayLike, n11: npt.ArrayLike
) -> Array:
    """Christoffersen's likelihood ratio from transition counts (any shape)."""
    a, b, c, d = (np.asarray(v, dtype=np.float64) for v in (n00, n01, n10, n11))
    chain = bernoulli_loglikelihood(b, a) + bernoulli_loglikelihood(d, c)
    return np.asarray(np.maximum(2.0 * (chain - bernoulli_loglikelihood(b + d, a + c)), 0.0))


def bernoulli_loglikelihood(ones: npt.ArrayLike, zeros: npt.ArrayLike) -> Array:
    """Log likelihood of a Bernoulli sample at its own rate; an empty cell counts nothing."""
    k, m = np.asarray(ones, dtype=np.float64), np.asarray(zeros, dtype=np.float64)
    total = np.where(k + m > 0.0, k + m, 1.0)
    return np.asarray(xlogy(k, k / total) + xlogy(m, m / total))
