"""The tail of residuals that age: over one bar and several, and what it forgets."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.market import PriceHistory, log_returns
from riskkit.position import Side
from riskkit.tail.aging import aged_shocks
from riskkit.tail.horizon import TailQuestion, horizon_tail
from riskkit.tail.onebar import one_bar_risk
from riskkit.tail.shocks import TailMethod
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec

SIGMA = np.array([0.03])


@pytest.fixture(scope="module")
def fit(btc_daily: PriceHistory) -> VolatilityFit:
    return fit_volatility(log_returns(btc_daily), VolatilitySpec.parse("gjr-skewt"))


def test_one_bar_is_the_weighted_quantile_of_the_residuals(fit):
    question = TailQuestion(half_life=300.0)
    tail = horizon_tail(TailMethod.AGED, question, fit, fit.residuals, low=0.02, high=0.04)
    z = fit.residuals.to_numpy()
    weight = 0.5 ** (np.arange(z.size)[::-1] / 300.0)
    order = np.argsort(z)
    below = np.cumsum(weight[order]) - weight[order] / 2
    q = np.interp(0.01 * weight.sum(), below, z[order])
    var = tail.risk(SIGMA, Side.LONG)[0]
    assert var == pytest.approx(1 - math.exp(fit.params["mu"] + 0.03 * q))


@pytest.mark.parametrize("bars", [1, 4])
def test_a_tail_forgets_its_wild_beginning(fit, bars):
    # The same residuals, the early ones doubled: all of history sees it, the aged tail hardly.
    wild = fit.residuals.copy()
    wild.iloc[:500] *= 2.0
    wider = {}
    for method in (TailMethod.FILTERED, TailMethod.AGED):
        question = TailQuestion(bars=bars, half_life=60.0)
        var = [
            horizon_tail(method, question, f, fit.residuals, low=0.02, high=0.04).risk(SIGMA, s)[0]
            for f in (fit, replace(fit, residuals=wild))
            for s in Side
        ]
        wider[method] = np.array(var[2:]) / np.array(var[:2])
    assert (wider[TailMethod.FILTERED] > 1.1).all()
    assert wider[TailMethod.AGED] == pytest.approx(1.0, abs=0.02)


def test_several_bars_meet_one_bar_where_shocks_are_alike(fit):
    # Constant volatility: the loss over h bars is that of a random walk of the weighted shocks.
    flat = replace(
        fit, params=pd.Series({"mu": 0.0, "omega": 0.0, "alpha": 0.0, "gamma": 0.0, "beta": 1.0})
    )
    question = TailQuestion(confidence=0.95, bars=3, half_life=250.0, paths=100_000)
    var = horizon_tail(TailMethod.AGED, question, flat, fit.residuals, low=0.02, high=0.04).risk(
        SIGMA, Side.LONG
    )[0]
    z = fit.residuals.to_numpy()
    weight = 0.5 ** (np.arange(z.size)[::-1] / 250.0)
    draws = np.random.default_rng(1).choice(z, (200_000, 3), p=weight / weight.sum())
    exact = 1 - np.exp(
        0.03 * np.quantile((draws - np.average(z, weights=weight)).sum(axis=1), 0.05)
    )
    assert var == pytest.approx(exact, rel=0.01)


def test_beyond_the_weights_there_is_no_quantile(fit):
    with pytest.raises(InputError, match=r"confidence: got 0\.999; exceeds 0\.99"):
        one_bar_risk(aged_shocks(fit.residuals, 50.0), 0.0, 0.03, 0.999, Side.LONG)
