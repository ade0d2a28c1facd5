"""Every tail through one interface, over one bar and several."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit.errors import InputError
from riskkit.market import PriceHistory, log_returns
from riskkit.paths.model import PathModel, Shocks
from riskkit.paths.simulate import simulate_paths
from riskkit.position import Side
from riskkit.tail.horizon import SimulatedTail, TailQuestion, horizon_tail
from riskkit.tail.shocks import TailMethod
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec
from tests.support import simulated

SIGMA = np.array([0.015, 0.03, 0.06])
SPAN = {"low": 0.015, "high": 0.06}


@pytest.fixture(scope="module")
def fit(btc_daily: PriceHistory) -> VolatilityFit:
    return fit_volatility(log_returns(btc_daily), VolatilitySpec.parse("gjr-skewt"))


@pytest.fixture(scope="module")
def past(btc_daily: PriceHistory) -> np.ndarray:
    return log_returns(btc_daily).array


def constant_volatility(fit: VolatilityFit) -> VolatilityFit:
    """A normal random walk with drift, as a fit: its h-bar loss is known in closed form."""
    params = pd.Series({"mu": 0.001, "omega": 0.0, "alpha": 0.0, "beta": 1.0})
    return replace(fit, spec=VolatilitySpec.parse("garch-normal"), params=params)


@pytest.mark.parametrize("side", list(Side))
def test_simulation_agrees_with_the_closed_form_of_a_random_walk(fit, past, side):
    q = TailQuestion(confidence=0.95, bars=9, paths=100_000, seed=3)
    tail = horizon_tail(TailMethod.PARAMETRIC, q, constant_volatility(fit), past, **SPAN)
    assert isinstance(tail, SimulatedTail)
    sigma = np.array([0.02, 0.045])  # between the nodes of the simulation
    var, es = tail.risk(sigma, side)
    z, s = stats.norm.isf(0.05), 3 * sigma
    drift = -side.sign * 0.009
    exact = side.sign * (1 - np.exp(-side.sign * (drift + s * z)))
    assert var == pytest.approx(exact, rel=0.01)
    # E[exp(-+ move) | beyond VaR] of a normal move.
    partial = np.exp(-side.sign * drift + s**2 / 2) * stats.norm.sf(z + side.sign * s) / 0.05
    assert es == pytest.approx(side.sign * (1 - partial), rel=0.01)
    assert tail.tail_probability(sigma, exact, side) == pytest.approx(0.05, abs=0.003)
    beyond = tail.beyond(sigma, side, var, es)
    assert beyond.mean(axis=1) == pytest.approx(es)
    assert (beyond >= var[:, None] * 0.999).all()


@pytest.mark.parametrize("method", list(TailMethod))
@pytest.mark.parametrize("bars", [1, 5])
def test_every_tail_answers_the_same_questions(fit, past, method, bars):
    for side in Side:
        answers = {}
        for confidence in (0.95, 0.99):
            q = TailQuestion(confidence=confidence, bars=bars, paths=20_000)
            tail = horizon_tail(method, q, fit, past, **SPAN)
            var, es = tail.risk(SIGMA, side)
            assert var.shape == es.shape == (3,)
            assert (es > var).all()
            assert tail.beyond(SIGMA, side, var, es).mean(axis=1) == pytest.approx(es)
            u = tail.tail_probability(SIGMA, var, side)
            assert u == pytest.approx(1 - confidence, rel=0.15)
            answers[confidence] = var, es
        assert (answers[0.99][0] > answers[0.95][0]).all()
        assert (answers[0.99][1] > answers[0.95][1]).all()
        grows = np.diff(answers[0.99][0])
        assert (grows == 0).all() if method is TailMethod.HISTORICAL else (grows > 0).all()


def test_risk_grows_with_the_horizon_but_not_by_a_rule_of_thumb(fit, past):
    var = {}
    for bars in (1, 4, 9):
        q = TailQuestion(bars=bars, paths=40_000)
        tail = horizon_tail(TailMethod.FILTERED, q, fit, past, **SPAN)
        var[bars] = tail.risk(np.array([0.03]), Side.LONG)[0][0]
    assert var[1] < var[4] < var[9]
    # t-like shocks: multi-bar quantiles lie below the square root of time.
    log_loss = {h: -math.log1p(-v) for h, v in var.items()}
    assert log_loss[9] < 3 * log_loss[1]


def test_history_over_several_bars_is_the_quantile_of_overlapping_sums(fit, past):
    tail = horizon_tail(TailMethod.HISTORICAL, TailQuestion(bars=3), fit, past, **SPAN)
    sums = np.sort([past[i : i + 3].sum() for i in range(past.size - 2)])
    rank = 0.01 * (sums.size + 1)
    k = int(rank)
    q = sums[k - 1] + (rank - k) * (sums[k] - sums[k - 1])
    assert tail.risk(SIGMA, Side.LONG)[0] == pytest.approx(1 - math.exp(q))


@pytest.mark.parametrize(("bars", "seed"), [(1, 1), (5, 2)])
def test_a_simulated_garch_is_covered_by_its_own_model(fit, past, bars, seed):
    # 150 series of the fitted recursion; exceptions of the true model, each series disjoint.
    model = PathModel.from_fit(fit, Shocks.PARAMETRIC)
    paths = simulated(simulate_paths, model, start_sigma=0.03, bars=120, paths=150, seed=seed)
    q = TailQuestion(confidence=0.95, bars=bars, paths=40_000, seed=9)
    exceptions = {side: [] for side in Side}
    tail = horizon_tail(TailMethod.PARAMETRIC, q, fit, past, low=0.005, high=0.3)
    for path in paths:
        r = pd.Series(np.diff(path, prepend=0.0), index=past_index(fit, path.size))
        start = replace(fit, next_sigma=0.03)
        sigma = filter_returns(start, r).sigma.to_numpy()[::bars]
        moves = r.to_numpy().reshape(-1, bars).sum(axis=1)
        for side in Side:
            var = tail.risk(sigma, side)[0]
            exceptions[side].extend(side.sign * (1 - np.exp(moves)) > var)
    for side in Side:
        n = len(exceptions[side])
        assert np.mean(exceptions[side]) == pytest.approx(0.05, abs=3.5 * math.sqrt(0.0475 / n))


def past_index(fit: VolatilityFit, n: int) -> pd.DatetimeIndex:
    return pd.date_range(fit.origin, periods=n + 1, freq="D")[1:]


def test_bad_questions(fit, past):
    with pytest.raises(InputError, match="bars: got 500; must lie between 1 and a tenth"):
        horizon_tail(TailMethod.FILTERED, TailQuestion(bars=500), fit, past, **SPAN)
    with pytest.raises(InputError, match="needs at least ten paths beyond it"):
        horizon_tail(TailMethod.FILTERED, TailQuestion(bars=2, paths=500), fit, past, **SPAN)
    for bars in (1, 2):
        tail = TailQuestion(bars=bars, cap=None)
        with pytest.raises(InputError, match="expected shortfall is infinite"):
            horizon_tail(TailMethod.PARAMETRIC, tail, fit, past, **SPAN).risk(SIGMA, Side.SHORT)
