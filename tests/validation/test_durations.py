"""Waits between exceptions: TUFF, Haas, Christoffersen-Pelletier."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from riskkit.validation.coverage import proportion_of_failures
from riskkit.validation.durations import (
    duration_independence,
    durations,
    time_between_failures,
    time_between_failures_independence,
    time_until_first_failure,
    waits,
)
from riskkit.validation.power import simulated_power
from riskkit.validation.verdict import Decision

SMALL_RETURNS = [-1, -3, 0.5, -2.5, -2.1, 1, 0, -0.2, -4, 0.3, 0.1, 1.2, -0.7, -1.9, -2.2, 0.4, 0.9]
SMALL = -np.array([*SMALL_RETURNS, -0.1, -0.3, 0.2]) > 2.0


def exceptions_at(n: int, where: list[int]) -> np.ndarray:
    flags = np.zeros(n, dtype=bool)
    flags[where] = True
    return flags


def test_tuff_matches_the_published_example():
    # MathWorks, Risk Management Toolbox, varbacktest `tuff`: p = .05, first exception at 58.
    v = time_until_first_failure(exceptions_at(1043, [57, 100]), 0.05)
    assert v.statistic == pytest.approx(1.7354, abs=5e-5)
    assert v.p_value == pytest.approx(0.18773, abs=5e-6)


def test_tuff_without_exceptions_states_a_bound():
    short = time_until_first_failure(np.zeros(50, dtype=bool), 0.01)
    assert (short.decision, short.statistic, short.p_value) == (Decision.NOT_TESTABLE, 0.0, 1.0)
    longer = time_until_first_failure(np.zeros(300, dtype=bool), 0.01)
    assert longer.decision is Decision.NOT_TESTABLE
    assert 0.0 < longer.statistic < stats.chi2.isf(0.05, 1)
    longest = time_until_first_failure(np.zeros(600, dtype=bool), 0.01)
    assert longest.rejected
    assert "lower bound" in longest.note
    # What the bound claims: the real first failure, whenever it comes, scores at least as much.
    later = [time_until_first_failure(exceptions_at(700 + k, [600 + k]), 0.01) for k in (0, 50)]
    assert longest.statistic <= later[0].statistic < later[1].statistic


def test_waits_count_from_the_start_and_from_the_exception_before():
    flags = exceptions_at(10, [2, 3, 8])
    assert waits(flags).tolist() == [3, 1, 5]
    assert durations(flags)[0].tolist() == [3, 1, 5, 1]
    assert durations(flags)[1].tolist() == [True, False, False, True]
    assert durations(exceptions_at(5, [0, 4]))[0].tolist() == [4]


def test_haas_is_the_sum_of_the_first_failure_tests():
    flags = exceptions_at(400, [57, 60, 199, 399])
    parts = [time_until_first_failure(exceptions_at(400, [int(w) - 1]), 0.01) for w in waits(flags)]
    tbfi = time_between_failures_independence(flags, 0.01)
    assert tbfi.statistic == pytest.approx(sum(p.statistic for p in parts))
    assert tbfi.p_value == pytest.approx(stats.chi2.sf(tbfi.statistic, 4))
    tbf = time_between_failures(flags, 0.01)
    pof = proportion_of_failures(flags, 0.01)
    assert tbf.statistic == pytest.approx(tbfi.statistic + pof.statistic)
    assert tbf.p_value == pytest.approx(stats.chi2.sf(tbf.statistic, 5))


def test_haas_without_exceptions():
    none = np.zeros(400, dtype=bool)
    assert time_between_failures_independence(none, 0.01).decision is Decision.NOT_TESTABLE
    assert time_between_failures(none, 0.01).p_value == pytest.approx(
        proportion_of_failures(none, 0.01).p_value
    )


def test_duration_shape_of_the_small_case():
    # Twenty returns, VaR 2: two maximisers of the likelihood published 1.82296550, which agrees to
    # their tolerance; the exact root of the score, in 40 digits, is 1.82296533149...
    v = duration_independence(SMALL)
    assert v.shape == pytest.approx(1.82296550, abs=5e-7)
    assert v.shape == pytest.approx(1.8229653314953, abs=1e-11)


def weibull_by_hand(flags: np.ndarray) -> tuple[float, float]:
    """Two-parameter maximum likelihood in (log a, log b), straight from density and survival."""
    hits = np.flatnonzero(flags)
    inner = np.diff(hits)
    ends = []
    if not flags[0]:
        ends.append(hits[0] + 1)
    if not flags[-1]:
        ends.append(flags.size - 1 - hits[-1])

    def loglik(theta):
        a, b = np.exp(theta)
        density = stats.weibull_min.logpdf(inner, b, scale=1 / a).sum()
        return density + stats.weibull_min.logsf(ends, b, scale=1 / a).sum()

    start = math.log(inner.size / (inner.sum() + sum(ends)))
    options = {"xatol": 1e-10, "fatol": 1e-12, "maxiter": 4000}
    best = optimize.minimize(
        lambda t: -loglik(t), [start, 0.0], method="Nelder-Mead", options=options
    )
    return math.exp(best.x[1]), 2.0 * (-best.fun - loglik([start, 0.0]))


@pytest.mark.parametrize("seed", range(6))
def test_duration_test_equals_a_direct_maximisation(seed):
    flags = np.random.default_rng(seed).random(300) < 0.05
    v = duration_independence(flags)
    shape, statistic = weibull_by_hand(flags)
    assert v.shape == pytest.approx(shape, rel=1e-5)
    assert v.statistic == pytest.approx(statistic, abs=1e-7)


@settings(deadline=None, max_examples=80)
@given(st.lists(st.booleans(), min_size=1, max_size=120), st.floats(0.001, 0.3))
def test_never_nan(flags, p):
    x = np.array(flags)
    tests = [time_until_first_failure, time_between_failures, time_between_failures_independence]
    for v in [*(t(x, p) for t in tests), duration_independence(x)]:
        assert math.isfinite(v.statistic)
        assert 0.0 <= v.p_value <= 1.0


@pytest.mark.parametrize(
    "flags", [np.zeros(50), np.ones(50), exceptions_at(50, [7]), exceptions_at(9, [0, 4, 8])]
)
def test_durations_that_identify_no_shape(flags):
    v = duration_independence(flags)
    assert (v.decision, v.statistic, v.p_value) == (Decision.NOT_TESTABLE, 0.0, 1.0)
    assert "not identified" in v.note


def duration_verdict(flags, _probability):
    return duration_independence(flags)


def test_duration_test_sees_clusters_and_mostly_spares_independence():
    clustered = simulated_power(duration_verdict, 1000, 0.05, 0.05, repeat=0.4, draws=200, seed=1)
    independent = simulated_power(duration_verdict, 1000, 0.05, 0.05, draws=400, seed=2)
    assert clustered.rejected > 0.9
    # A 5 % test that never rejects sees nothing: its size has a lower bound, too.
    assert 0.02 < independent.rejected < 0.10
