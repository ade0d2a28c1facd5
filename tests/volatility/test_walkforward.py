"""The walk-forward table: timing, equality with single fits, no look-ahead, fallbacks, input."""

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.volatility.engine.estimator import estimate
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.persistence import persistence
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walkforward import COLUMNS, PARAMETERS, walk_forward


@pytest.fixture(scope="module")
def recent(sp500: pd.Series) -> pd.Series:
    return sp500.iloc[-900:]


def test_rows_are_dated_and_complete(recent: pd.Series) -> None:
    table = walk_forward(recent, VolatilitySpec.parse("gjr-skewt"), 500)
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 400
    assert not table.isna().any().any()
    np.testing.assert_array_equal(table["target"], recent.index[500:])
    np.testing.assert_array_equal(table["origin"], recent.index[499:-1])
    np.testing.assert_array_equal(table["log_return"], recent.iloc[500:])
    np.testing.assert_array_equal(table["estimated"], table["origin"])
    assert (table["fitted"] == "gjr-skewt").all()
    assert table["healthy"].all()


@pytest.mark.parametrize("name", ["garch-normal", "garch-t", "gjr-skewt", "egarch-t-zero"])
def test_each_row_is_the_single_fit_of_its_window(recent: pd.Series, name: str) -> None:
    spec = VolatilitySpec.parse(name)
    table = walk_forward(recent, spec, 750, 10)
    for i in range(0, 150, 50):
        fit = fit_volatility(recent.iloc[i : i + 750], spec)
        row = table.iloc[i]
        assert row["loglikelihood"] == pytest.approx(fit.loglikelihood, abs=1e-6)
        assert row["sigma"] == pytest.approx(fit.next_sigma, rel=1e-3)


def test_parameters_are_held_and_the_variance_filtered_between_refits(recent: pd.Series) -> None:
    spec = VolatilitySpec.parse("gjr-t")
    table = walk_forward(recent, spec, 500, 20)
    held = table.iloc[20:40]
    assert held["estimated"].nunique() == 1
    assert held["estimated"].iloc[0] == recent.index[519]
    assert (held["evaluations"].iloc[1:] == 0).all()
    fit = fit_volatility(recent.iloc[20:520], spec)
    by_filter = filter_returns(fit, recent.iloc[520:540]).sigma
    np.testing.assert_allclose(held["sigma"], by_filter, rtol=2e-3)


def test_egarch_is_filtered_between_refits_too(recent: pd.Series) -> None:
    spec = VolatilitySpec.parse("egarch-t-zero")
    table = walk_forward(recent, spec, 500, 20)
    fit = fit_volatility(recent.iloc[:500], spec)
    by_filter = filter_returns(fit, recent.iloc[500:520]).sigma
    np.testing.assert_allclose(table["sigma"].iloc[:20], by_filter, rtol=2e-3)


def test_an_expanding_window_uses_all_of_the_past(recent: pd.Series) -> None:
    spec = VolatilitySpec.parse("garch-t")
    table = walk_forward(recent, spec, 500, 100, expanding=True)
    fit = fit_volatility(recent.iloc[:800], spec)
    assert table["loglikelihood"].iloc[300] == pytest.approx(fit.loglikelihood, abs=1e-6)


def test_the_future_does_not_move_a_forecast(recent: pd.Series) -> None:
    spec = VolatilitySpec.parse("gjr-t")
    short, long = walk_forward(recent.iloc[:800], spec, 500), walk_forward(recent, spec, 500)
    np.testing.assert_allclose(long["sigma"].iloc[:300], short["sigma"], rtol=1e-4)
    changed = recent.copy()
    changed.iloc[800:] *= -3.0
    other = walk_forward(changed, spec, 500)
    np.testing.assert_allclose(long["sigma"].iloc[:300], other["sigma"].iloc[:300], rtol=1e-4)


def test_unhealthy_and_empty_windows_are_rows_with_a_reason() -> None:
    rng = np.random.default_rng(3)
    jumps = np.where(rng.random(400) < 0.02, rng.normal(0, 0.2, 400), rng.normal(0, 1e-5, 400))
    values = np.concatenate([jumps, np.zeros(300), rng.normal(0, 0.01, 200)])
    table = walk_forward(pd.Series(values), VolatilitySpec.parse("gjr-t"), 200, 5)
    assert not table.isna().any().any()
    still = table[table["fitted"] == "none"]
    assert len(still) > 50
    assert still["sigma"].iloc[0] == 0.0
    assert not still["healthy"].any()
    assert still["health"].str.contains("all returns of the window are equal").all()
    fallen = table[(table["fitted"] != "gjr-t") & (table["fitted"] != "none")]
    assert len(fallen) > 0
    assert fallen["fallback"].str.startswith("gjr-t refused (unhealthy: ").all()
    assert (table.loc[table["fitted"] == "gjr-t", "fallback"] == "").all()
    assert np.isfinite(table[["sigma", *PARAMETERS[:5]]].to_numpy()).all()


@pytest.mark.parametrize("name", ["ewma-t-zero-backcast", "egarch-t-zero-backcast"])
def test_windows_that_begin_with_a_still_market_are_forecast(name: str) -> None:
    """75 returns of 0 leave a backcast nothing to go by; the window's own variance stands in."""
    moving = np.random.default_rng(3).standard_t(5, 400) * 0.01
    series, spec = pd.Series(np.concatenate([np.zeros(90), moving])), VolatilitySpec.parse(name)
    assert (walk_forward(series, spec, 300, 30)["sigma"] > 1e-4).all()
    fit = fit_volatility(series.iloc[:300], spec)
    assert fit.presample_variance == pytest.approx(np.mean(series.iloc[:300] ** 2))
    assert np.isfinite(fit.residuals).all()
    assert filter_returns(fit, series.iloc[:300]).next_sigma == fit.next_sigma


def test_a_window_whose_squares_vanish_is_one_of_equal_returns() -> None:
    values = np.random.default_rng(3).normal(size=300)
    values[:150] *= 1e-200
    table = walk_forward(pd.Series(values), window=100, refit_every=10)
    assert (table["fitted"].iloc[:50] == "none").all()
    assert not table.isna().any().any()


@pytest.mark.parametrize("name", ["garch-t", "gjr-t", "gjr-skewt", "egarch-skewt"])
def test_persistence_of_many_fits_is_that_of_each(recent: pd.Series, name: str) -> None:
    fit = fit_volatility(recent, VolatilitySpec.parse(name))
    arrays = {str(k): np.array([v]) for k, v in fit.params.items()}
    assert persistence(fit.spec, arrays)[0] == pytest.approx(fit.persistence, rel=1e-12)


@pytest.mark.parametrize("window", [250, 500])
def test_short_windows_find_the_best_known_optimum(sp500: pd.Series, window: int) -> None:
    values = sp500.to_numpy(copy=True)[-(window + 200) :]
    for name in ("garch-t", "gjr-t"):
        spec = VolatilitySpec.parse(name)
        table = walk_forward(pd.Series(values), spec, window)
        cold = [estimate(values[i : i + window], spec).loglikelihood for i in range(200)]
        missed = table["loglikelihood"].to_numpy() < np.array(cold) - 1e-4
        assert missed.mean() <= 0.02, name


def test_bad_arguments_are_named(recent: pd.Series) -> None:
    with pytest.raises(InputError, match=r"window: got 900; must be shorter than the 900 returns"):
        walk_forward(recent, window=900)
    with pytest.raises(InputError, match=r"window: got 99; must be at least 100"):
        walk_forward(recent, window=99)
    with pytest.raises(InputError, match=r"refit_every: got 0; must be at least 1"):
        walk_forward(recent, window=500, refit_every=0)
    with pytest.raises(InputError, match=r"window: got 500\.5; must be a whole number"):
        walk_forward(recent, window=500.5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"refit_every: got 1\.5; must be a whole number"):
        walk_forward(recent, window=500, refit_every=1.5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"spec: got aparch-t; must have a compiled likelihood"):
        walk_forward(recent, VolatilitySpec.parse("aparch-t"), 500)
    broken = recent.copy()
    broken.iloc[3] = np.nan
    with pytest.raises(InputError, match=r"must be finite"):
        walk_forward(broken, window=500)
