"""What a test can see: its size at the right rate and its power against a wrong one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from riskkit.errors import InputError
from riskkit.validation.verdict import Flags, Verdict, check_fraction

#: A test of an exception sequence against a tail probability.
RateTest = Callable[[Flags, float], Verdict]


@dataclass(frozen=True)
class Power:
    """Probability of rejection.

    Attributes
    ----------
    observations : int
    probability : float
        Tail probability claimed.
    true_rate : float
        Rate at which exceptions really come.
    rejected : float
        Probability that the test rejects.
    standard_error : float
        Monte Carlo error of ``rejected``; 0 where it is exact.
    """

    observations: int
    probability: float
    true_rate: float
    rejected: float
    standard_error: float


def exact_power(test: RateTest, n: int, probability: float, true_rate: float) -> Power:
    """Power of a test that depends on the count alone (POF, binomial, traffic light).

    Sums the binomial law at ``true_rate`` over the counts the test rejects. With ``true_rate``
    equal to ``probability`` this is the test's true size.

    Notes
    -----
    Counts of total probability below 1e-9 are left out.
    """
    _check(n, probability, true_rate)
    low, high = (int(v) for v in stats.binom.interval(1.0 - 1e-9, n, true_rate))
    counts = np.arange(low, high + 1)
    flags = np.zeros(n, dtype=np.bool_)
    rejected = []
    for x in counts:
        flags[:] = False
        flags[:x] = True
        rejected.append(test(flags, probability).rejected)
    mass = stats.binom.pmf(counts, n, true_rate)
    return Power(n, probability, true_rate, float(mass[np.array(rejected)].sum()), 0.0)


def simulated_power(
    test: RateTest,
    n: int,
    probability: float,
    true_rate: float,
    *,
    repeat: float | None = None,
    draws: int = 1_000,
    seed: int,
) -> Power:
    """Power of any test on exception sequences, by simulation.

    Parameters
    ----------
    repeat : float, optional
        Probability of an exception right after one; ``true_rate`` (independence) if not given.
        The unconditional rate stays ``true_rate``.
    draws : int
    seed : int
    """
    _check(n, probability, true_rate)
    rng = np.random.default_rng(seed)
    sequences = markov_exceptions((draws, n), true_rate, repeat, rng)
    share = float(np.mean([test(row, probability).rejected for row in sequences]))
    return Power(n, probability, true_rate, share, math.sqrt(share * (1.0 - share) / draws))


def markov_exceptions(
    shape: tuple[int, int], rate: float, repeat: float | None, rng: np.random.Generator
) -> Flags:
    """Stationary first-order Markov exceptions, shape (draws, n), with mean ``rate``."""
    again = check_fraction("repeat", rate if repeat is None else repeat)
    fresh = rate * (1.0 - again) / (1.0 - rate)
    uniform = rng.random(shape)
    flags = np.empty(shape, dtype=np.bool_)
    flags[:, 0] = uniform[:, 0] < rate
    for t in range(1, shape[1]):
        flags[:, t] = uniform[:, t] < np.where(flags[:, t - 1], again, fresh)
    return flags


def _check(n: int, probability: float, true_rate: float) -> None:
    check_fraction("probability", probability)
    check_fraction("true_rate", true_rate)
    if n < 1:
        raise InputError("n", n, "must be at least 1", "Give the number of observations")
