"""Size and power: exact against simulated, and what the sample sizes in use can see."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from riskkit.errors import InputError
from riskkit.validation.coverage import (
    binomial,
    conditional_coverage,
    independence,
    proportion_of_failures,
    traffic_light,
)
from riskkit.validation.power import exact_power, markov_exceptions, simulated_power


@pytest.mark.parametrize("test", [proportion_of_failures, binomial, traffic_light])
def test_exact_power_equals_simulation(test):
    exact = exact_power(test, 1000, 0.01, 0.02)
    simulated = simulated_power(test, 1000, 0.01, 0.02, draws=600, seed=3)
    assert simulated.rejected == pytest.approx(exact.rejected, abs=4 * simulated.standard_error)
    assert exact.standard_error == 0.0


def test_traffic_light_power_is_the_binomial_tail():
    # Red at 250 days and 99 % means ten exceptions or more (Basel Committee 1996).
    expected = stats.binom.sf(9, 250, 0.02)
    assert exact_power(traffic_light, 250, 0.01, 0.02).rejected == pytest.approx(expected)


def test_power_grows_with_the_sample_and_the_size_stays_small():
    powers = [
        exact_power(proportion_of_failures, n, 0.01, 0.02).rejected for n in (250, 1000, 3000)
    ]
    assert powers[0] < 0.4 < powers[1] < powers[2]
    assert powers[2] > 0.99
    for n in (800, 3000):
        assert 0.02 < exact_power(proportion_of_failures, n, 0.01, 0.01).rejected < 0.08


def test_conditional_coverage_rejects_a_wrong_rate_and_clusters():
    wrong = simulated_power(conditional_coverage, 2000, 0.01, 0.02, draws=200, seed=5)
    clustered = simulated_power(
        conditional_coverage, 2000, 0.01, 0.01, repeat=0.3, draws=200, seed=6
    )
    right = simulated_power(conditional_coverage, 2000, 0.01, 0.01, draws=400, seed=7)
    assert wrong.rejected > 0.85
    assert clustered.rejected > 0.85
    assert 0.01 < right.rejected < 0.10


def independence_verdict(flags, _probability):
    return independence(flags)


def test_independence_is_blind_to_a_rate_and_sees_clusters():
    wrong_rate = simulated_power(independence_verdict, 1500, 0.01, 0.04, draws=400, seed=8)
    clustered = simulated_power(
        independence_verdict, 1500, 0.01, 0.04, repeat=0.3, draws=200, seed=9
    )
    assert 0.01 < wrong_rate.rejected < 0.12
    assert clustered.rejected > 0.9


def test_markov_exceptions_keep_rate_and_repeat():
    flags = markov_exceptions((400, 500), 0.05, 0.3, np.random.default_rng(0))
    assert flags.mean() == pytest.approx(0.05, abs=0.003)
    assert flags[:, 1:][flags[:, :-1]].mean() == pytest.approx(0.3, abs=0.02)


def test_same_seed_same_power():
    a = simulated_power(conditional_coverage, 300, 0.05, 0.08, draws=50, seed=1)
    assert a == simulated_power(conditional_coverage, 300, 0.05, 0.08, draws=50, seed=1)


@pytest.mark.parametrize(
    ("n", "rate", "match"), [(0, 0.02, "n: got 0"), (10, 1.5, "true_rate: got 1.5")]
)
def test_bad_input(n, rate, match):
    with pytest.raises(InputError, match=match):
        exact_power(proportion_of_failures, n, 0.01, rate)
