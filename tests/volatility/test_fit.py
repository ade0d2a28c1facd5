"""The fit's contract: units, dates, health, fallbacks, input errors."""

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.fit import fallback_order, fit_volatility
from riskkit.volatility.spec import VolatilitySpec


@pytest.fixture(scope="module")
def recent(sp500: pd.Series) -> pd.Series:
    return sp500.iloc[-1500:]


@pytest.mark.parametrize(
    "name",
    [
        "garch-normal",
        "garch-t",
        "gjr-t",
        "gjr-skewt",
        "egarch-t",
        "ewma-t",
        "garch-t-zero",
        "aparch-t",
        "harch-normal",
        "garch-ged",
        "garch-t-har",
    ],
)
def test_filtering_the_fitted_returns_gives_the_fit_back(recent: pd.Series, name: str) -> None:
    fit = fit_volatility(recent, VolatilitySpec.parse(name))
    assert fit.health.healthy, fit.health.statement
    assert fit.spec.name == name
    again = filter_returns(fit, recent)
    np.testing.assert_array_equal(again.sigma, fit.sigma)
    assert again.next_sigma == fit.next_sigma
    assert again.origin == recent.index[-1]
    assert fit.engine == ("compiled" if fit.spec.compiled else "arch")
    assert fit.nobs == len(recent) - (22 if "har" in name.split("-") else 0)
    assert 0.003 < fit.next_sigma < 0.05
    assert set(fit.params.index) >= set(fit.spec.parameters)


def test_filtering_new_returns_continues_the_fit(recent: pd.Series) -> None:
    fit = fit_volatility(recent.iloc[:1000], VolatilitySpec.parse("gjr-t"))
    whole = filter_returns(fit, recent)
    new = filter_returns(fit, recent.iloc[1000:])
    np.testing.assert_allclose(new.sigma, whole.sigma.iloc[1000:], rtol=1e-12)
    np.testing.assert_array_equal(whole.sigma.iloc[:1000], fit.sigma)


def test_returns_of_another_calendar_are_refused(recent: pd.Series) -> None:
    fit = fit_volatility(recent.iloc[:1000])
    for other in (recent.tz_localize("UTC"), recent.reset_index(drop=True)):
        with pytest.raises(InputError, match=r"must be dated like the fit's, which ends 20"):
            filter_returns(fit, other)


def test_fallback_order_ends_in_ewma_with_t() -> None:
    names = [s.name for s in fallback_order(VolatilitySpec.parse("egarch-skewt-zero"))]
    assert names == ["egarch-skewt-zero", "garch-t-zero", "ewma-t-zero"]
    assert [s.name for s in fallback_order(VolatilitySpec())] == ["garch-t", "ewma-t"]


@pytest.mark.parametrize("name", ["egarch-normal", "egarch-t"])
def test_one_move_in_a_still_market_is_judged_and_warns_of_nothing(name: str) -> None:
    """The likelihood next to the optimum is infinite there: no errors of estimates, no warning."""
    values = np.zeros(700)
    values[-1] = 0.1
    fit = fit_volatility(pd.Series(values), VolatilitySpec.parse(name))
    assert np.isfinite(fit.residuals).all()
    assert fit.next_sigma > 0.0


def test_bad_input_is_named(recent: pd.Series) -> None:
    holed = recent.copy()
    holed.iloc[7] = np.nan
    with pytest.raises(InputError, match=r"returns: got nan at .*must be finite"):
        fit_volatility(holed)
    holed.iloc[7] = np.inf
    with pytest.raises(InputError, match=r"returns: got inf at .*must be finite"):
        fit_volatility(holed)
    with pytest.raises(InputError, match=r"returns: got .*must be finite, and below 1e\+100"):
        fit_volatility(recent * 1e160)
    with pytest.raises(InputError, match=r"returns: got .*must vary"):
        fit_volatility(recent * 1e-160)
    with pytest.raises(InputError, match=r"got 99 returns; must hold at least 100"):
        fit_volatility(recent.iloc[:99])
    with pytest.raises(InputError, match=r"must vary"):
        fit_volatility(recent * 0.0)
    with pytest.raises(InputError, match=r"strictly increasing"):
        fit_volatility(recent.iloc[::-1])
    with pytest.raises(InputError, match=r"strictly increasing"):
        fit_volatility(pd.concat([recent, recent.iloc[-1:]]))
    with pytest.raises(InputError, match=r"returns: got .*must vary"):
        fit_volatility(recent * 0.0 + 0.01)
    with pytest.raises(InputError, match=r"must be riskkit Returns or a pandas Series"):
        fit_volatility(recent.to_numpy())  # type: ignore[arg-type]
