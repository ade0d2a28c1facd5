"""EGARCH on short windows: all settle, at the best of a jagged profile, with alpha >= 0."""

import numpy as np
import pandas as pd
import pytest

from riskkit.volatility.engine.cold import MOMENTS, ROUNDS, adapt, describe
from riskkit.volatility.engine.estimator import estimate, estimate_windows, window_spreads
from riskkit.volatility.engine.kernel import SIZE, Domain, Point
from riskkit.volatility.engine.models import model_of
from riskkit.volatility.engine.newton import minimise
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import Engine, VolatilitySpec

SPEC = VolatilitySpec.parse("egarch-t")
BARS = 250
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def calm(sp500: pd.Series) -> pd.Series:
    """Windows of 2016 and 2017 in which, free to be negative, alpha is."""
    return sp500.iloc[-880:-570]


def profile(y: np.ndarray, moments: np.ndarray, x: np.ndarray, mu: float) -> tuple[float, float]:
    """-log likelihood and decrease left with mu held and the other variables at their best."""
    model = model_of(SPEC)
    low, size, x = np.empty(len(model.bounds)), np.empty((2, SIZE)), x.copy()
    adapt(moments, model.log, model.bounds, low, size, x)
    x[0], free = mu, model.free[1:]
    hessian, active = np.zeros((len(free), len(free))), np.zeros(len(low), dtype=np.bool_)
    point = Point(x, hessian, active, np.empty(SIZE + 1))
    value, left, _ = minimise(
        model.likelihood.native, y, moments[:4], Domain(model.constraints, low, free, size),
        point, False, 1e-10, ROUNDS,
    )  # fmt: skip
    return value, left


def test_a_walk_settles_everywhere_and_nowhere_below_a_fit_on_its_own(calm: pd.Series) -> None:
    values = calm.to_numpy(copy=True)
    first = np.arange(len(values) - BARS, dtype=np.int64)
    spread = window_spreads(values, first, first + BARS)[:, 0]
    walk = estimate_windows(values, SPEC, first, first + BARS, spread)
    assert walk.converged.all()
    assert (walk.params[:, 2] < 1e-15).any()
    assert (walk.params[:, 2] > 1e-3).any()
    for i in range(0, len(first), 12):
        alone = estimate(values[i : i + BARS], SPEC)
        assert alone.converged
        assert walk.loglikelihood[i] > alone.loglikelihood - TOLERANCE, i


@pytest.mark.parametrize("begin", [-2675, -2500, -2025, -750, -300])
def test_no_other_mean_nearby_is_likelier(sp500: pd.Series, begin: int) -> None:
    """The profile over the other variables at every return near the estimate, and between.

    In these windows the first optimum with mu held is up to .008 less likely than the best.
    """
    values = sp500.to_numpy(copy=True)[begin : begin + BARS or None]
    fit = estimate(values, SPEC)
    scale = float(values.std())
    y, moments = np.ascontiguousarray(values / scale), np.empty(MOMENTS)
    describe(y, True, True, moments)
    p = fit.params
    omega = p["omega"] - 2.0 * np.log(scale) * (1.0 - p["beta"])
    x = np.array([0.0, omega, p["alpha"], p["gamma"], p["beta"], 1.0 / p["nu"], 0.0])
    mu, ours = p["mu"] / scale, -fit.loglikelihood - BARS * np.log(scale)
    kinks = np.sort(y[np.abs(y - mu) < 0.1])
    assert len(kinks) > 5
    tried = np.unique(np.concatenate([kinks, 0.5 * (kinks[1:] + kinks[:-1])]))
    found = np.array([profile(y, moments, x, m) for m in tried])
    assert found[found[:, 1] < 1e-6, 0].min() > ours - TOLERANCE


def test_an_alpha_held_at_zero_is_told_and_not_punished(sp500: pd.Series) -> None:
    """These 250 bars are likelier the more negative alpha is, up to the edge of the filter."""
    fit = fit_volatility(sp500.iloc[-841:-591], SPEC)
    assert fit.params["alpha"] == pytest.approx(0.0, abs=1e-15)
    assert fit.health.healthy
    assert fit.fallbacks == ()
    assert any("alpha on its bound" in finding.detail for finding in fit.health.findings)


def test_archs_alpha_is_free_and_its_likelihood_the_higher(sp500: pd.Series) -> None:
    """As the specification says: the same bars, through arch, where 0 is no bound."""
    returns = sp500.iloc[-841:-591]
    ours, theirs = fit_volatility(returns, SPEC), fit_volatility(returns, SPEC, Engine.ARCH)
    assert theirs.spec == SPEC
    assert theirs.params["alpha"] < 0.0
    assert theirs.loglikelihood > ours.loglikelihood
    assert not any("alpha on its bound" in finding.detail for finding in theirs.health.findings)
