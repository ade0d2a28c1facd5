"""Hour-of-day and weekday factors: what they find; paths, filter and evidence share them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.paths.model import PathModel, Shocks
from riskkit.paths.run import Run
from riskkit.paths.simulate import run_recursion, simulate_paths
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.tail.ahead import variance_ahead, volatility_ahead
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.season import fit_season
from riskkit.volatility.spec import VolatilitySpec
from tests.paths.test_paths import shocks_in_numpy

SPEC = VolatilitySpec.parse("garch-normal-seasons")
HOURS = pd.date_range("2024-01-03 05:00", periods=4_000, freq="1h", tz="UTC", name="target")


def true_factors(times: pd.DatetimeIndex) -> np.ndarray:
    day = np.where(times.hour < 8, 0.5, 1.3)
    return day * np.where(times.day_of_week >= 5, 0.6, 1.1)


@pytest.fixture(scope="module")
def returns():
    rng = np.random.default_rng(4)
    shocks, h, out = rng.normal(size=len(HOURS)), 1.0, np.empty(len(HOURS))
    for t, z in enumerate(shocks):
        out[t] = np.sqrt(h) * z
        h = 0.1 + 0.1 * out[t] ** 2 + 0.8 * h
    return pd.Series(0.005 * out * np.sqrt(true_factors(HOURS)), HOURS, name="log_return")


@pytest.fixture(scope="module")
def fit(returns):
    return fit_volatility(returns.iloc[:3_500], SPEC)


def test_it_finds_the_factors_it_was_made_with(returns):
    season = fit_season(np.square(returns.to_numpy()), returns.index)
    week = pd.date_range("2024-01-01", periods=168, freq="1h", tz="UTC")
    truth = true_factors(week) / true_factors(week).mean()
    assert season.factors.mean() == pytest.approx(1.0, rel=1e-12)
    assert np.corrcoef(season.at(week), truth)[0, 1] > 0.9
    assert np.abs(np.log(season.at(week) / truth)).mean() < 0.2


def test_slots_follow_the_calendar_across_missing_bars(returns):
    season = fit_season(np.square(returns.to_numpy()), returns.index)
    holed = returns.index[:400].delete([7, 8, 200])
    np.testing.assert_array_equal(season.at(holed), season.factors[season.slots(holed)])
    ahead = season.ahead(holed[-1])
    following = pd.date_range(holed[-1], periods=169, freq="1h")[1:]
    np.testing.assert_array_equal(ahead, season.at(following))
    for bars in (1, 24, 200):
        many = pd.date_range(holed[-1], periods=bars, freq="1h")
        np.testing.assert_allclose(
            season.mean_ahead(holed, bars)[-2], season.at(many).mean(), rtol=1e-12
        )


def test_forecasts_rise_and_fall_with_the_hour_and_nothing_looks_ahead(fit, returns):
    whole = filter_returns(fit, returns)
    short = filter_returns(fit, returns.iloc[:3_000])
    np.testing.assert_array_equal(whole.sigma.iloc[:3_000], short.sigma)
    np.testing.assert_allclose(whole.sigma.iloc[:3_500], fit.sigma, rtol=1e-12)
    on = filter_returns(fit, returns.iloc[3_500:])
    np.testing.assert_allclose(on.sigma, whole.sigma.iloc[3_500:], rtol=1e-12)
    out = whole.residuals.iloc[3_500:]
    quiet = out.index.hour < 8
    assert out[quiet].std() / out[~quiet].std() == pytest.approx(1.0, abs=0.15)


def test_paths_have_the_season_and_kernel_and_numpy_agree(fit):
    world, run = World.of_fit(fit), Run(40_000, 3)
    model = world.model
    paths = simulate_paths(world, run, bars=40)
    few = Run(400, 3)
    plain, _ = run_recursion(model, world.start, shocks_in_numpy(model, 3, 400, 40))
    np.testing.assert_allclose(simulate_paths(world, few, bars=40), plain, rtol=0, atol=1e-12)
    variance = np.square(np.diff(paths, axis=1, prepend=0.0) - model.mu).mean(axis=0)
    following = pd.date_range(fit.origin, periods=41, freq="1h")[1:]
    factors = fit.season.at(following)
    h = [(model.volatility(np.array([fit.next_sigma]))[0] ** 2) / factors[0]]
    for _ in range(39):
        h.append(model.omega + model.persistence * h[-1])
    np.testing.assert_allclose(variance, factors * np.array(h), rtol=0.12)
    expected = (factors * np.array(h)).sum()
    origin = pd.DatetimeIndex([fit.origin])
    said = variance_ahead(model, fit, origin, np.array([fit.next_sigma]), None, 40)
    assert said[0] == pytest.approx(expected, rel=0.02)


def test_its_own_residuals_run_it_again(fit, returns):
    """The fixed-shock identity, from the season of the first bar."""
    seasons = fit.season.at(fit.sigma.index)
    model = replace(PathModel.from_fit(fit), seasons=seasons)
    _, sigmas = run_recursion(model, Start.at(fit.sigma.iloc[0]), fit.residuals.to_numpy()[None])
    np.testing.assert_allclose(sigmas[0], fit.sigma, rtol=1e-9)


def test_every_start_is_at_the_season_of_the_first_bar(fit):
    model = PathModel.from_fit(fit, Shocks.FILTERED)
    first = fit.season.next(fit.sigma.index)[-1]
    plain = fit.sigma.to_numpy() / np.sqrt(fit.season.at(fit.sigma.index))
    drawn = Start.through_the_cycle(fit)
    np.testing.assert_allclose(drawn.levels[:-1], plain * np.sqrt(first), rtol=1e-12)
    measured = Start.measured(0.01).volatilities(model, Run(1, 1))
    assert measured[0] == pytest.approx(0.01 * np.sqrt(first))


def test_a_period_of_one_bar_is_that_bar(fit):
    model = PathModel.from_fit(fit)
    origin = pd.DatetimeIndex(fit.sigma.index[-3:-1])
    sigma = fit.sigma.to_numpy()[-2:]
    np.testing.assert_allclose(volatility_ahead(model, fit, origin, sigma, None, 1), sigma)


@pytest.mark.parametrize(
    ("name", "words"),
    [("egarch-normal-seasons", "no seasons"), ("gjr-skewt-har-seasons", "no seasons")],
)
def test_models_without_seasons_are_refused_in_words(name, words):
    with pytest.raises(InputError, match=words):
        VolatilitySpec.parse(name)


def test_days_and_short_histories_are_refused_in_words(returns):
    daily = pd.Series(returns.to_numpy()[:300], pd.date_range("2020-01-01", periods=300, tz="UTC"))
    with pytest.raises(InputError, match="shorter than a day"):
        fit_volatility(daily, SPEC)
    with pytest.raises(InputError, match="four weeks"):
        fit_volatility(returns.iloc[:500], SPEC)


def test_a_flat_hour_and_a_missing_weekday_leave_factors_finite(returns):
    flat = returns.where(returns.index.hour != 3, 0.0)
    no_sundays = flat[flat.index.day_of_week != 6]
    fit = fit_volatility(no_sundays, SPEC)
    assert fit.health.healthy
    assert np.isfinite(fit.season.factors).all()
    assert (fit.season.factors >= 0.1).all()
