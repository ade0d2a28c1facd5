"""The vectorised passes against the plain loops they stand for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskkit.volatility.engine.cold import extremes
from riskkit.volatility.engine.passes import accumulate_back, sum_of_logs, variances

LENGTHS = st.integers(1, 1100)
BETAS = st.sampled_from([0.0, 0.3, 0.93, 1.0])


@given(LENGTHS, BETAS, st.integers(0, 99))
def test_variances_are_those_of_the_recursion(n: int, beta: float, seed: int) -> None:
    y = np.random.default_rng(seed).standard_t(4, n)
    mu, omega, alpha, gamma, first = 0.1, 0.05, 0.07, 0.04, 1.3
    news, h = np.empty(n), np.empty(n + 1)
    variances(y, np.array([mu, omega, alpha, gamma, beta]), first, news, h)
    expected = [first]
    for value in y.tolist():
        e = value - mu
        weight = alpha + (gamma if e < 0.0 else 0.0)
        expected.append(omega + weight * e * e + beta * expected[-1])
    np.testing.assert_allclose(h, expected, rtol=1e-13)


@given(LENGTHS, BETAS, st.integers(0, 99))
def test_slopes_accumulate_from_the_last_bar_to_the_first(n: int, beta: float, seed: int) -> None:
    slope = np.random.default_rng(seed).normal(size=n)
    expected = slope.copy()
    for t in range(n - 2, -1, -1):
        expected[t] += beta * expected[t + 1]
    accumulate_back(slope, beta)
    np.testing.assert_allclose(slope, expected, rtol=1e-12, atol=1e-11)


@given(st.lists(st.floats(2.3e-308, 1.7e308), min_size=1, max_size=60), st.integers(1, 40))
def test_sum_of_logs_takes_any_positive_numbers(values: list[float], repeats: int) -> None:
    many = np.tile(values, repeats)
    expected = math.fsum(math.log(v) for v in many.tolist())
    scale = math.fsum(abs(math.log(v)) for v in many.tolist()) + 1.0
    assert sum_of_logs(many, np.empty(len(many))) == pytest.approx(expected, abs=1e-13 * scale)


@pytest.mark.parametrize("bad", [0.0, -0.0, 5e-324, -1e-12, -1.0, np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 6, 511, 599])
def test_a_number_without_a_log_has_no_sum_of_logs(bad: float, at: int) -> None:
    """Its bits read as a positive number would make a bad trial point look good."""
    values = np.ones(600)
    values[at] = bad
    assert math.isnan(sum_of_logs(values, np.empty(600)))


@given(LENGTHS, st.integers(0, 99))
def test_extremes_are_the_least_and_the_largest(n: int, seed: int) -> None:
    y = np.random.default_rng(seed).normal(size=n)
    assert extremes(y) == (y.min(), y.max())
