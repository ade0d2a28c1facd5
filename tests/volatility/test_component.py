"""Component GARCH as a model: fits, walks, what it simulates, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from riskkit.dependence.residuals import restricted
from riskkit.errors import InputError
from riskkit.market.returns import log_returns
from riskkit.paths.model import PathModel, Shocks
from riskkit.paths.run import Run
from riskkit.paths.simulate import run_recursion, simulate_paths
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.news import news_impact
from riskkit.volatility.refits import refit_expanding
from riskkit.volatility.spec import Innovation, Variance, VolatilitySpec
from riskkit.volatility.walk import walk_along
from riskkit.volatility.walkforward import walk_forward
from tests.paths.test_paths import shocks_in_numpy

SPEC = VolatilitySpec.parse("component-normal")


@pytest.fixture(scope="module")
def returns(btc_daily):
    return log_returns(btc_daily).values


@pytest.fixture(scope="module")
def fit(returns):
    return fit_volatility(returns, SPEC)


def test_it_holds_garch_and_its_slow_part_keeps_its_place(fit, returns):
    nested = fit_volatility(returns, VolatilitySpec.parse("garch-normal"))
    assert fit.health.healthy
    assert not fit.fallbacks
    assert fit.loglikelihood > nested.loglikelihood
    p = fit.params
    assert p["beta"] >= p["phi"] >= 1e-3
    assert p["rho"] > p["alpha"] + p["beta"]
    assert fit.persistence == p["rho"]
    assert p["omega"] == pytest.approx(fit.presample_variance * (1 - p["rho"]), rel=1e-12)
    assert fit.presample_variance == pytest.approx(((returns - p["mu"]) ** 2).mean(), rel=1e-12)
    assert set(fit.covariance) == {"hessian", "opg", "qmle"}


def test_a_filter_continues_both_states(fit, returns):
    short = fit_volatility(returns.iloc[:900], SPEC)
    whole = filter_returns(short, returns)
    on = filter_returns(short, returns.iloc[900:])
    np.testing.assert_allclose(on.sigma, whole.sigma.iloc[900:], rtol=1e-12)
    np.testing.assert_allclose(on.slow, whole.slow[900:], rtol=1e-12)
    assert whole.slow.shape == (len(returns) + 1,)


def test_walks_reach_the_optimum_and_forecast_as_the_fit(returns):
    table = walk_forward(returns.iloc[:1_050], SPEC, window=1_000, refit_every=7)
    assert (table["fitted"] == "component-normal").all()
    for k in (0, 3, 6):
        row = table.iloc[7 * k]
        alone = fit_volatility(returns.iloc[7 * k : 1_000 + 7 * k], SPEC)
        assert row["loglikelihood"] == pytest.approx(alone.loglikelihood, abs=1e-5)
        ahead = filter_returns(alone, returns.iloc[7 * k : 1_007 + 7 * k]).sigma.iloc[1_000:]
        held = table["sigma"].iloc[7 * k : 7 * k + 7].to_numpy()
        np.testing.assert_allclose(held, ahead.iloc[: len(held)], rtol=1e-4)
    refits = refit_expanding(returns.iloc[:1_050], SPEC, 900, 100)
    warm = refits.at(999)
    alone = fit_volatility(returns.iloc[:1_000], SPEC)
    assert warm.next_sigma == pytest.approx(alone.next_sigma, rel=1e-5)
    np.testing.assert_allclose(warm.slow, alone.slow, rtol=1e-4)
    step = next(walk_along(returns.iloc[:1_050], SPEC, 900, 100))
    assert step.slow.shape == step.sigma.shape


def test_its_own_residuals_run_it_again(fit, returns):
    start = replace(Start.at(float(fit.sigma.iloc[0])), slow=fit.slow[:1])
    shocks = np.append(fit.residuals.to_numpy(), 0.0)[None, :]
    x, sigmas = run_recursion(PathModel.from_fit(fit), start, shocks)
    np.testing.assert_allclose(sigmas[0], np.append(fit.sigma, fit.next_sigma), rtol=1e-11)
    np.testing.assert_allclose(np.diff(x[0, :-1], prepend=0.0), returns, rtol=0, atol=1e-12)


def test_the_kernel_agrees_with_numpy_and_with_the_expected_variance(fit):
    world = World.of_fit(fit)
    model, run = world.model, Run(60_000, 7)
    compiled = simulate_paths(world, run, bars=40)
    few = Run(500, 7)
    plain, _ = run_recursion(model, world.start, shocks_in_numpy(model, 7, 500, 40))
    np.testing.assert_allclose(simulate_paths(world, few, bars=40), plain, rtol=0, atol=1e-12)
    sigma, slow = (model.volatility(np.array([s])) for s in (fit.next_sigma, fit.slow[-1]))
    expected = float(model.period_variance(sigma, slow, 40)[0])
    squares = (np.diff(compiled, axis=1, prepend=0.0) - model.mu) ** 2
    per_path = squares.sum(axis=1)
    assert abs(per_path.mean() - expected) < 5.0 * per_path.std() / np.sqrt(len(per_path))


def test_an_equivalent_volatility_gives_the_period_its_variance(fit):
    model = PathModel.from_fit(fit, Shocks.FILTERED)
    sigma = model.volatility(fit.sigma.to_numpy()[::40])
    slow = model.volatility(fit.slow[:-1:40])
    for bars in (2, 30):
        same = model.equivalent(sigma, slow, bars)
        np.testing.assert_allclose(
            model.period_variance(same, model.slow_of(same), bars),
            model.period_variance(sigma, slow, bars),
            rtol=2e-4,
        )
    np.testing.assert_array_equal(model.equivalent(sigma, slow, 1), sigma)


def test_what_a_panel_sees_of_it_keeps_its_slow_part(fit):
    seen = restricted(fit, fit.sigma.index[5::3])
    np.testing.assert_array_equal(seen.slow, np.append(fit.slow[5:-1:3], fit.slow[-1]))


def test_news_raises_it_whatever_the_sign(fit):
    curve = news_impact(fit)
    half = len(curve) // 2
    assert (np.diff(curve["next_sigma"].iloc[half:]) > 0.0).all()


@pytest.mark.parametrize(
    "name", ["component-t", "component-normal-backcast", "component-normal-har"]
)
def test_what_it_is_not_is_refused_in_words(name, returns):
    with pytest.raises(InputError, match="component-normal"):
        VolatilitySpec.parse(name)
    with pytest.raises(InputError, match="component-normal"):
        fit_volatility(returns, VolatilitySpec(Variance.COMPONENT, Innovation.STUDENT_T))
