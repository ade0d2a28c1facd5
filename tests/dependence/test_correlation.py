"""The scalar DCC: published numbers, its slope, symmetric roots."""

import numpy as np
import pandas as pd
import pytest
from arch import arch_model
from arch.data import nasdaq, sp500

from riskkit.dependence.correlation import (
    check_positive_definite,
    correlation_path,
    dcc_likelihood,
    expected_correlations,
    fit_dcc,
    symmetric_roots,
)
from riskkit.errors import InputError


@pytest.fixture(scope="module")
def indices():
    """S&P 500 and Nasdaq in percent, and arch's own fits of them (constant mean, GARCH(1,1))."""
    closes = pd.concat([sp500.load()["Adj Close"], nasdaq.load()["Adj Close"]], axis=1)
    closes.columns = ["SP", "NQ"]
    returns = 100.0 * np.log(closes).diff().dropna()
    fits = {name: arch_model(returns[name]).fit(disp="off") for name in returns}
    return returns, fits


def test_row_20_dcc_of_two_indices_is_that_of_other_implementations(indices):
    # multiarch 0.2 and pymgarch 0.6 on the same prices: a .042356 to .042364, b .950351 to .950339,
    # log-likelihood -10174.8338 and -10174.8011, DCC over CCC +314.22, least correlation .5425.
    returns, fits = indices
    z = np.stack([fit.std_resid.to_numpy() for fit in fits.values()], axis=1)
    found = fit_dcc(z)
    assert found.converged
    assert found.a == pytest.approx(0.0424, abs=5e-5)
    assert found.b == pytest.approx(0.9503, abs=6e-5)
    whole = sum(fit.loglikelihood for fit in fits.values()) + found.loglikelihood
    assert whole == pytest.approx(-10174.80, abs=0.05)
    assert found.loglikelihood - found.constant == pytest.approx(314.22, abs=0.02)
    path = correlation_path(z, found.a, found.b, found.target)[:, 0, 1]
    assert path[:-1].min() == pytest.approx(0.5425, abs=2e-3)
    assert str(returns.index[path[:-1].argmin()].date()) == "2000-04-04"
    assert path[-2] == pytest.approx(0.96790, abs=2e-4)
    # Next day's covariance, VaR at 1 % with the mean in it.
    sigma = [float(np.sqrt(f.forecast(horizon=1).variance.iloc[-1, 0])) for f in fits.values()]
    covariance = path[-1] * np.outer(sigma, sigma)
    np.fill_diagonal(covariance, np.square(sigma))
    assert covariance[[0, 0, 1], [0, 1, 1]] == pytest.approx([3.54244, 3.93563, 4.66937], rel=2e-3)
    mean = np.array([fit.params["mu"] for fit in fits.values()])
    for weights, var in (((0.5, 0.5), 4.6036), ((0.5, -0.5), 0.68753)):
        w = np.array(weights)
        assert 2.3263478740 * np.sqrt(w @ covariance @ w) - w @ mean == pytest.approx(var, rel=4e-3)


def test_the_slope_is_the_derivative_and_the_value_that_of_plain_algebra():
    rng = np.random.default_rng(5)
    z = rng.standard_normal((60, 9)) @ np.linalg.cholesky(np.full((9, 9), 0.4) + 0.6 * np.eye(9)).T
    target = np.full((9, 9), 0.3) + 0.7 * np.eye(9)
    slope, spare = np.empty(2), np.empty(2)
    value = dcc_likelihood(z, target, 0.05, 0.9, slope)
    plain = 0.0
    for row, r in zip(z, correlation_path(z, 0.05, 0.9, target)[:-1], strict=True):
        plain += 0.5 * (row @ row - np.linalg.slogdet(r)[1] - row @ np.linalg.solve(r, row))
    assert value == pytest.approx(plain, abs=1e-10)
    h = 1e-6
    for k, (da, db) in enumerate(((h, 0.0), (0.0, h))):
        up = dcc_likelihood(z, target, 0.05 + da, 0.9 + db, spare)
        down = dcc_likelihood(z, target, 0.05 - da, 0.9 - db, spare)
        assert slope[k] == pytest.approx((up - down) / (2 * h), rel=1e-6)


def test_the_root_is_symmetric_and_follows_the_assets():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((50, 4))
    r = np.corrcoef(x.T)
    half, inverse, smallest = symmetric_roots(r, 1e-6)
    assert half @ half == pytest.approx(r, abs=1e-12)
    assert half @ inverse == pytest.approx(np.eye(4), abs=1e-12)
    order = [2, 0, 3, 1]
    turned = symmetric_roots(r[np.ix_(order, order)], 1e-6)[0]
    assert turned == pytest.approx(half[np.ix_(order, order)], abs=1e-12)
    assert smallest == pytest.approx(np.linalg.eigvalsh(r)[0])
    twins = np.ones((2, 2))
    assert np.isfinite(symmetric_roots(twins, 1e-6)[1]).all()


def test_expected_correlation_comes_back_to_its_target():
    target = np.array([[1.0, 0.2], [0.2, 1.0]])
    last = np.array([[1.0, 0.8], [0.8, 1.0]])
    path = expected_correlations(last, 0.05, 0.9, target, 400)
    assert path[0] == pytest.approx(last)
    assert path[-1] == pytest.approx(target, abs=1e-8)
    assert (np.diff(path[:, 0, 1]) < 0.0).all()


def test_a_panel_of_one_has_no_correlation_to_fit():
    found = fit_dcc(np.random.default_rng(0).standard_normal((200, 1)))
    assert (found.a, found.b, found.converged) == (0.0, 0.0, True)


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.array([[1.0, 1.0], [1.0, 1.0]]), "positive definite"),
        (np.array([[1.0, 0.5], [0.1, 1.0]]), "symmetric"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), "finite"),
    ],
)
def test_a_matrix_that_is_no_correlation_is_refused(matrix, words):
    with pytest.raises(InputError, match=words):
        check_positive_definite(matrix)


def test_residuals_that_are_not_numbers_are_refused():
    with pytest.raises(InputError, match="finite numbers"):
        fit_dcc(np.array([[0.1, np.nan], [0.2, 0.3]]))
