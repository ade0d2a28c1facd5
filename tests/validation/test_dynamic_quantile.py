"""Engle-Manganelli: against ordinary regression, and its power."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from riskkit.errors import InputError
from riskkit.validation.dynamic_quantile import dynamic_quantile


def sample(seed: int, n: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random(n) < 0.05, 0.02 * np.exp(0.3 * rng.standard_normal(n))


def test_equals_the_explained_sum_of_squares_of_a_regression():
    flags, var = sample(1)
    hit = flags - 0.05
    lags = sm.tsa.lagmat(hit, 4, trim="both")
    fit = sm.OLS(hit[4:], np.column_stack([np.ones(hit.size - 4), var[4:], lags])).fit()
    expected = float(fit.fittedvalues @ fit.fittedvalues) / (0.05 * 0.95)
    v = dynamic_quantile(flags, var, 0.05)
    assert v.statistic == pytest.approx(expected, rel=1e-10)
    assert v.p_value == pytest.approx(stats.chi2.sf(expected, 6))
    assert v.note == "6 independent regressors of 6"


def test_size_is_near_nominal_and_power_high_where_var_is_flat():
    rejected = [dynamic_quantile(*sample(s), 0.05).rejected for s in range(300)]
    assert 0.02 < np.mean(rejected) < 0.10
    # A flat VaR against volatility that doubles half of the time: right counts, wrong timing.
    rng = np.random.default_rng(7)
    seen = []
    for _ in range(50):
        sigma = np.where(np.arange(2000) // 100 % 2, 3.0, 1.0)
        loss = sigma * rng.standard_normal(2000)
        level = np.quantile(loss, 0.95)
        seen.append(dynamic_quantile(loss > level, np.full(2000, level), 0.05).rejected)
    assert np.mean(seen) > 0.75


def test_constant_var_and_no_exceptions_drop_their_columns():
    flags, _ = sample(3)
    flat = dynamic_quantile(flags, np.full(2000, 0.02), 0.05)
    assert flat.note == "5 independent regressors of 6"
    _, var = sample(3, 500)
    none = dynamic_quantile(np.zeros(500, dtype=bool), var, 0.01)
    assert none.note == "2 independent regressors of 6"
    # The projection of a constant on a constant: (n - lags) p / (1 - p).
    assert none.statistic == pytest.approx(496 * 0.01 / 0.99)


@pytest.mark.parametrize(
    ("flags", "var", "match"),
    [
        (np.zeros(10, dtype=bool), np.ones(10), "must exceed 10 for a regression on 4 lags"),
        (np.zeros(50, dtype=bool), np.ones(49), r"var: got shape \(49,\)"),
        (np.zeros(50, dtype=bool), np.full(50, np.nan), "50 values not finite; must be finite"),
    ],
)
def test_bad_input(flags, var, match):
    with pytest.raises(InputError, match=match):
        dynamic_quantile(flags, var, 0.01)
