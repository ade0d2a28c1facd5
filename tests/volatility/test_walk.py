"""The one walk along a history: what it knew, and when."""

import numpy as np
import pandas as pd
import pytest

from riskkit.market.returns import log_returns
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walk import sigma_ahead, steps_of_walk, walk_along

SPEC = VolatilitySpec.parse("garch-t")
FIRST, EVERY = 600, 70


@pytest.fixture(scope="module")
def returns(eth_daily) -> pd.Series:
    return log_returns(eth_daily).values.iloc[:800]


@pytest.mark.parametrize("warm", [True, False])
def test_every_origin_from_the_first_fit_on_is_walked_once(returns, warm):
    steps = list(walk_along(returns, SPEC, FIRST, EVERY, warm=warm))
    assert len(steps) == steps_of_walk(len(returns), FIRST, EVERY) == 3
    origins = [at for step in steps for at in step.origins]
    assert origins == returns.index[FIRST - 1 :].to_list()
    for step in steps:
        assert step.fit.origin == step.origins[0]
        assert step.sigma.shape == (len(step.origins),)


def test_a_forecast_uses_no_later_return(returns):
    whole = list(walk_along(returns, SPEC, FIRST, EVERY))[:1]
    shaken = returns.copy()
    shaken.iloc[FIRST + 20 :] *= -3.0
    other = next(walk_along(shaken.iloc[: FIRST + EVERY], SPEC, FIRST, EVERY, warm=False))
    # Forecast i is made at origin FIRST - 1 + i: those up to the shake are the same.
    np.testing.assert_allclose(whole[0].sigma[:21], other.sigma[:21], rtol=1e-6)
    assert abs(whole[0].sigma[21] / other.sigma[21] - 1.0) > 1e-3


def test_a_cold_walk_is_fits_made_on_their_own_and_filtered_on(returns):
    step = next(walk_along(returns, SPEC, FIRST, EVERY, warm=False))
    fit = fit_volatility(returns.iloc[:FIRST], SPEC)
    assert step.fit.params.equals(fit.params)
    assert step.sigma[0] == pytest.approx(fit.next_sigma, rel=1e-12)
    filtered = filter_returns(fit, returns.iloc[: FIRST + EVERY])
    assert step.sigma.tolist() == filtered.sigma.iloc[FIRST:].tolist()


def test_warm_fits_maximise_the_same_likelihood(returns):
    warm, cold = (list(walk_along(returns, SPEC, FIRST, EVERY, warm=w)) for w in (True, False))
    for one, other in zip(warm, cold, strict=True):
        assert one.fit.loglikelihood == pytest.approx(other.fit.loglikelihood, abs=1e-6)
        np.testing.assert_allclose(one.sigma, other.sigma, rtol=1e-4)


def test_sigma_ahead_ends_with_the_forecast(returns):
    fit = fit_volatility(returns, SPEC)
    ahead = sigma_ahead(fit, returns)
    assert ahead.shape == (len(returns) + 1,)
    assert ahead[:-1].tolist() == fit.sigma.tolist()
    assert ahead[-1] == pytest.approx(fit.next_sigma, rel=1e-12)
