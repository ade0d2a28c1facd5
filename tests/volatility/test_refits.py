"""Fits along a history: the walk's are those of a cold fit, and what it refuses is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.market import log_returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.refits import refit_expanding
from riskkit.volatility.spec import VolatilitySpec


@pytest.fixture(scope="module")
def returns(btc_daily) -> pd.Series:
    return log_returns(btc_daily).values


@pytest.mark.parametrize("name", ["garch-t", "gjr-skewt", "egarch-t"])
def test_the_walk_gives_the_fits_of_a_cold_start(returns, name):
    spec = VolatilitySpec.parse(name)
    refits = refit_expanding(returns, spec, 900, 100)
    assert len(refits) == 6
    for position in (899, 1199):
        warm, cold = refits.at(position), fit_volatility(returns.iloc[: position + 1], spec)
        assert warm.origin == cold.origin == returns.index[position]
        assert warm.loglikelihood == pytest.approx(cold.loglikelihood, abs=1e-3)
        assert warm.next_sigma == pytest.approx(cold.next_sigma, rel=2e-2)
        assert warm.sigma.index.equals(cold.sigma.index)
        assert warm.presample_variance == pytest.approx(cold.presample_variance, rel=1e-4)
        assert warm.health.healthy
        assert list(warm.params.index) == list(cold.params.index)


def test_the_filtered_state_is_that_of_the_walk(returns):
    refits = refit_expanding(returns, VolatilitySpec.parse("gjr-t"), 700, 300)
    assert refits.walked is not None
    fit = refits.at(999)
    residuals = (returns.iloc[:1000] - fit.params["mu"]) / fit.sigma
    assert fit.residuals.to_numpy() == pytest.approx(residuals.to_numpy())
    assert fit.next_sigma**2 == pytest.approx(refits.walked.next_variance[1])
    p, e = fit.params, returns.iloc[999] - fit.params["mu"]
    following = (
        p["omega"]
        + (p["alpha"] + p["gamma"] * (e < 0)) * e**2
        + p["beta"] * (fit.sigma.iloc[-1] ** 2)
    )
    assert fit.next_sigma**2 == pytest.approx(following)


def test_a_finding_carries_the_value_that_was_seen(returns):
    refits = refit_expanding(returns.iloc[:300], VolatilitySpec.parse("garch-normal"), 120, 60)
    cold = fit_volatility(returns.iloc[:120], VolatilitySpec.parse("garch-normal"))
    assert "fewer than 250 observations (120)" in cold.health.statement
    assert "fewer than 250 observations (120)" in refits.at(119).health.statement


def test_what_the_walk_refuses_is_fitted_alone_with_its_reasons():
    # Returns with a stretch of no trading: a t law whose variance hardly exists.
    rng = np.random.default_rng(3)
    values = np.where(rng.random(600) < 0.8, 1e-6, 0.02) * rng.standard_t(1.2, 600)
    returns = pd.Series(values, pd.date_range("2020-01-01", periods=600, tz="UTC"))
    spec = VolatilitySpec.parse("garch-t")
    refits = refit_expanding(returns, spec, 400, 100)
    assert set(refits.alone) == {399, 499, 599}
    fit = refits.at(499)
    assert fit.requested == spec
    assert fit.spec.name == "ewma-t"
    assert fit.fallbacks[0].spec == spec
    assert "nu near 2" in fit.fallbacks[0].reason


def test_a_model_only_arch_knows_is_fitted_one_by_one(returns):
    spec = VolatilitySpec.parse("aparch-t")
    refits = refit_expanding(returns.iloc[:700], spec, 600, 100)
    assert refits.walked is None
    assert refits.at(599).requested == spec
    assert len(refits) == 2


def test_other_returns_are_refused(returns):
    spec = VolatilitySpec.parse("garch-t")
    refits = refit_expanding(returns, spec, 900, 400)
    refits.require(returns, spec, np.array([899, 1299]))
    for series, model, at in (
        (returns * 1.01, spec, [899]),
        (returns, replace(spec, variance=VolatilitySpec.parse("gjr-t").variance), [899]),
        (returns, spec, [899, 1000]),
    ):
        with pytest.raises(InputError, match=r"refits: got none of .* must hold every refit"):
            refits.require(series, model, np.array(at))
