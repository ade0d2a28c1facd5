"""Component GARCH, HEAVY and log-HAR in one forecast: laws, derivatives, no look ahead."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.market.measures import MEASURE
from riskkit.market.returns import LOG_RETURN
from riskkit.paths.model import PathModel
from riskkit.paths.simulate import run_recursion
from riskkit.paths.start import Start
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.har import fit_har, spans_of
from riskkit.volatility.measured import fit_measured, heavy_sums, horizon_of
from riskkit.volatility.measured_kernels import measured_likelihood, variances_of
from riskkit.volatility.running import component_coefficients
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walk import walk_along
from riskkit.volatility.walkforward import walk_forward

SPEC = VolatilitySpec.parse("combined-normal")


@pytest.fixture(scope="module")
def observed():
    """Days of a variance that persists, with a range seven times as precise as a square."""
    rng = np.random.default_rng(11)
    n = 900
    log_h = np.zeros(n)
    for t in range(1, n):
        log_h[t] = 0.97 * log_h[t - 1] + 0.2 * rng.normal()
    h = 4e-4 * np.exp(log_h)
    table = {LOG_RETURN: np.sqrt(h) * rng.normal(size=n), MEASURE: h * rng.gamma(3.7, 1 / 3.7, n)}
    return pd.DataFrame(table, pd.date_range("2020-01-01", periods=n, tz="UTC", name="target")), h


@pytest.fixture(scope="module")
def fit(observed):
    return fit_volatility(observed[0].iloc[:700], SPEC)


def test_derivatives_of_the_likelihood_are_those_of_its_differences(observed):
    table, _ = observed
    y, m = (np.array(part / 4e-4) for part in (table[LOG_RETURN] ** 2, table[MEASURE]))
    g, x, step = np.empty(2), np.array([0.3, 0.6]), 1e-6
    measured_likelihood(x, y, m, 1.1, g)
    for j in range(2):
        ends = []
        for sign in (1.0, -1.0):
            moved = x.copy()
            moved[j] += sign * step
            ends.append(measured_likelihood(moved, y, m, 1.1, np.empty(2)))
        assert g[j] == pytest.approx((ends[0] - ends[1]) / (2.0 * step), rel=1e-6)


def test_of_squares_it_is_targeted_garch(observed):
    squares = (observed[0][LOG_RETURN] ** 2).to_numpy()
    h, target = [squares.mean()], squares.mean()
    for s in squares:
        h.append(0.05 * target + 0.1 * s + 0.85 * h[-1])
    np.testing.assert_allclose(variances_of(0.1, 0.85, squares, target), h, rtol=1e-12)


def test_a_horizon_of_heavy_is_its_recursion_run_on():
    c, b, lasting, target, h, m = 0.4, 0.55, 0.93, 1.0, 1.7, 2.3
    total, variance, measure = 0.0, h, m
    for _ in range(30):
        total += variance
        variance = target * (1 - c - b) + c * measure + b * variance
        measure = target + lasting * (measure - target)
    of_h, of_m = heavy_sums(c, b, lasting, 30)
    assert 30 * target + of_h * (h - target) + of_m * (m - target) == pytest.approx(total)


def test_a_regression_finds_the_coefficients_it_was_made_with():
    rng = np.random.default_rng(5)
    n, spans = 6_000, (1, 5, 22)
    logs = np.zeros(n)
    for t in range(22, n):
        past = [np.log(np.mean(np.exp(logs[t - k : t]))) for k in spans]
        logs[t] = 0.4 * past[0] + 0.3 * past[1] + 0.2 * past[2] + 0.3 * rng.normal()
    found = fit_har(np.exp(logs), rng.normal(size=n), spans, (1,))
    np.testing.assert_allclose(found.coefficients[0, 1:], [0.4, 0.3, 0.2, 0, 0], atol=0.06)


def test_it_forecasts_better_than_closes_alone(fit, observed):
    table, h = observed
    ahead = filter_returns(fit, table).sigma.to_numpy()[700:] ** 2
    closes = fit_volatility(table[LOG_RETURN].iloc[:700], VolatilitySpec.parse("component-normal"))
    alone = filter_returns(closes, table[LOG_RETURN]).sigma.to_numpy()[700:] ** 2
    error = [np.mean((np.log(f) - np.log(h[700:])) ** 2) for f in (ahead, alone)]
    assert error[0] < 0.6 * error[1]


def test_nothing_looks_ahead_and_what_follows_continues(fit, observed):
    table, _ = observed
    whole = filter_returns(fit, table)
    short = filter_returns(fit, table.iloc[:650])
    np.testing.assert_array_equal(whole.sigma.iloc[:650], short.sigma)
    assert whole.sigma.iloc[650] == short.next_sigma
    np.testing.assert_allclose(whole.sigma.iloc[:700], fit.sigma, rtol=1e-12)
    on = filter_returns(fit, table.iloc[700:])
    np.testing.assert_allclose(on.sigma, whole.sigma.iloc[700:], rtol=1e-12)
    np.testing.assert_allclose(on.slow, whole.slow[700:], rtol=1e-12)
    step = next(walk_along(table, SPEC, 700, 100))
    np.testing.assert_allclose(step.sigma, whole.sigma.iloc[700:800], rtol=1e-12)
    walked = walk_forward(table, SPEC, window=700, refit_every=100)
    np.testing.assert_allclose(walked["sigma"].iloc[:100], step.sigma, rtol=1e-12)
    assert (walked["fitted"] == SPEC.name).all()


def test_paths_start_where_both_horizons_have_their_forecast(fit, observed):
    measured = fit.measured
    coef, model = component_coefficients(fit.params), PathModel.from_fit(fit)
    table = observed[0].iloc[:700]
    e = table[LOG_RETURN].to_numpy() - fit.params["mu"]
    h, q = measured.path(coef, e, table[MEASURE].to_numpy())
    np.testing.assert_allclose(np.sqrt(h[:-1]), fit.sigma, rtol=1e-12)
    levelled = measured.levelled(table[MEASURE].to_numpy())
    from riskkit.volatility.recursion import component_path

    closes, slow = component_path(coef, e, measured.target, measured.target)
    own = model.period_variance(np.sqrt(closes), np.sqrt(slow), 30)
    three = [own, measured.heavy(levelled)[1], measured.har.forecasts(levelled, e)[1]]
    wanted = np.exp(np.mean(np.log(three), axis=0))
    free = (q > slow / 3.99) & (q < slow * 3.99)
    assert free.mean() > 0.8
    got = model.period_variance(np.sqrt(h), np.sqrt(q), 30)
    np.testing.assert_allclose(got[free], wanted[free], rtol=1e-10)


def test_its_own_shocks_run_its_paths(fit):
    """The fixed-shock identity: component GARCH from its start, by the shocks of its own paths."""
    model = PathModel.from_fit(fit)
    start = replace(Start.at(fit.next_sigma), slow=fit.slow[-1:])
    z = np.random.default_rng(2).normal(size=(1, 50))
    x, sigmas = run_recursion(model, start, z)
    e = np.diff(x[0], prepend=0.0) - model.mu
    from riskkit.volatility.recursion import component_path

    h, _ = component_path(
        component_coefficients(fit.params), e, fit.next_sigma**2, fit.slow[-1] ** 2
    )
    np.testing.assert_allclose(sigmas[0], np.sqrt(h[:-1]), rtol=1e-10)


def test_bars_without_a_range_and_a_wrong_print_move_little(observed):
    table, _ = observed
    e, m = table[LOG_RETURN].to_numpy(), table[MEASURE].to_numpy().copy()
    day = pd.Timedelta(days=1)
    usual = fit_measured(e, m, day)
    m[100:140] = 0.0
    m[500] = 40.0  # a low of nothing at all
    odd = fit_measured(e, m, day)
    assert odd.scale == pytest.approx(usual.scale, rel=0.1)
    assert (odd.levelled(m) > 0.0).all()
    assert odd.levelled(m).max() <= odd.scale * np.max(e**2) * (1.0 + 1e-12)


def test_spans_and_horizons_go_with_the_bar():
    assert spans_of(pd.Timedelta("1D")) == (1, 5, 22)
    assert spans_of(pd.Timedelta("4h")) == (1, 2, 6, 42, 180)
    assert spans_of(pd.Timedelta("5min")) == (1, 3, 12, 72, 288, 2016)
    assert [horizon_of(pd.Timedelta(b)) for b in ("1D", "1h", "5min")] == [30, 168, 288]


def test_closes_alone_and_other_laws_are_refused_in_words(observed):
    with pytest.raises(InputError, match="component-normal"):
        fit_volatility(observed[0][LOG_RETURN], SPEC)
    with pytest.raises(InputError, match="combined-normal"):
        VolatilitySpec.parse("combined-t")
