"""What one side remembers: the recursion, its identity on a fit, and the kernel beside numpy."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.market.returns import log_returns
from riskkit.paths.inside import Ranges
from riskkit.paths.memory import ABOVE, BELOW, OwnSideMemory
from riskkit.paths.model import PathModel, Shocks
from riskkit.paths.run import Run
from riskkit.paths.simulate import run_recursion, simulate_bars, simulate_paths
from riskkit.paths.start import Start, StartState
from riskkit.paths.world import World
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec
from tests.paths.test_paths import MODELS, shocks_in_numpy

MEMORY = OwnSideMemory()


@pytest.fixture(scope="module")
def fit(eth_daily):
    returns = log_returns(eth_daily).values.iloc[:900]
    return fit_volatility(returns, VolatilitySpec.parse("gjr-normal"))


def test_states_are_those_of_the_formula():
    u = np.random.default_rng(4).standard_t(3, 200)
    below, above = [1.0], [1.0]
    for x in u:
        below.append(0.5 * below[-1] + 0.5 * min(2 * max(-x, 0) ** 2, 30))
        above.append(0.5 * above[-1] + 0.5 * min(2 * max(x, 0) ** 2, 30))
    states = MEMORY.states(u)
    np.testing.assert_allclose(states[:, BELOW], below, rtol=1e-13)
    np.testing.assert_allclose(states[:, ABOVE], above, rtol=1e-13)


def test_the_factor_over_several_bars_fades_as_the_memory_does():
    v = np.array([0.0, 1.0, 9.0])
    share = 0.12 * (1 + 0.5 + 0.25) / 3
    np.testing.assert_allclose(MEMORY.factor(v, 3), np.sqrt(1 - share + share * v))
    np.testing.assert_allclose(MEMORY.factor(1.0, 40), 1.0, rtol=1e-15)


def test_a_fit_run_on_its_own_shocks_gives_its_sigma_its_prices_and_its_memory_back(fit):
    z = fit.residuals.to_numpy()
    states = MEMORY.states(z / z.std())
    # Resampled shocks are standardised, and drive another sigma than the fit's: here they are not.
    model = replace(PathModel.from_fit(fit), memory=MEMORY, memory_unit=1.0 / float(z.std()))
    shocks = MEMORY.without(z, states[:-1])
    x, sigmas = run_recursion(model, Start.at(float(fit.sigma.iloc[0])), shocks[None, :])
    np.testing.assert_allclose(sigmas[0], fit.sigma, rtol=1e-11)
    expected = np.cumsum(fit.sigma.to_numpy() * z + fit.params["mu"])
    np.testing.assert_allclose(x[0], expected, rtol=0, atol=1e-11)
    now = Start.now(fit, MEMORY)
    np.testing.assert_allclose(now.beside(model, Run(7, 1))[:2, 0], states[-1], rtol=1e-13)


@pytest.mark.parametrize("name", ["egarch-t", "ewma-residuals"])
def test_the_kernel_agrees_with_numpy(name):
    model = replace(MODELS[name], memory=MEMORY, memory_unit=1.1)
    left = np.random.default_rng(1).uniform(0.2, 20.0, (600, 2))
    start = replace(Start.measured(np.full(600, 0.03)), remembered=left)
    paths = simulate_paths(World.one(model, start), Run(600, 11), bars=25)
    plain, _ = run_recursion(model, start, shocks_in_numpy(model, 11, 600, 25))
    np.testing.assert_allclose(paths, plain, rtol=0, atol=1e-12 if model.beyond_data else 4e-5)


def test_a_bar_keeps_its_order_under_a_memory(fit):
    close = fit.sigma * fit.residuals + fit.params["mu"]
    reach = np.abs(np.random.default_rng(6).normal(0.0, 0.02, (2, len(close))))
    ranges = Ranges(pd.DataFrame({"low": close - reach[0], "high": close + reach[1]}))
    world = World.of_fit(fit, ranges=ranges, memory=MEMORY)
    for sign in (1, -1):
        closes, touched, _ = simulate_bars(world, Run(2_000, 3), bars=6, sign=sign)
        assert (sign * (closes - touched) >= -1e-15).all()
        plain = simulate_paths(world, Run(2_000, 3), bars=6)
        np.testing.assert_array_equal(closes, plain)


def test_a_blow_widens_its_own_side_and_leaves_the_other_alone(fit):
    hit = replace(Start.now(fit), remembered=np.array([[16.0, 1.0]]))
    calm = replace(Start.now(fit), remembered=np.array([[1.0, 1.0]]))
    world = World.of_fit(fit, memory=MEMORY)
    after, usual = (
        simulate_paths(world.starting(start), Run(50_000, 5), bars=1)[:, 0] - world.model.mu
        for start in (hit, calm)
    )
    fell = usual < 0.0
    np.testing.assert_allclose(after[fell] / usual[fell], float(MEMORY.factor(16.0)), rtol=1e-11)
    np.testing.assert_array_equal(after[~fell], usual[~fell])


def test_paths_through_the_cycle_draw_sigma_and_memory_of_one_day(fit):
    start = Start.of(fit, StartState.THROUGH_THE_CYCLE, MEMORY)
    run = Run(300, 2)
    drawn = start.volatilities(replace(PathModel.from_fit(fit), sigma_scale=1.0), run)
    history = np.append(fit.sigma.to_numpy(), fit.next_sigma)
    at = np.array([np.flatnonzero(history == sigma)[0] for sigma in drawn])
    z = fit.residuals.to_numpy()
    beside = start.beside(PathModel.from_fit(fit), run)
    np.testing.assert_array_equal(beside[:2], MEMORY.states(z / z.std())[at].T)


def test_a_memory_of_drawn_shocks_is_refused(fit):
    with pytest.raises(InputError, match="resampled"):
        PathModel.from_fit(fit, Shocks.PARAMETRIC, memory=MEMORY)
