"""The paths: identities, laws of the random numbers, and the faults seen in other tools."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit.errors import InputError
from riskkit.market.returns import log_returns
from riskkit.paths.bits import Use, random_bits, stream_key, uniforms
from riskkit.paths.draws import LANES, SIGMA, STATE_SIZE, VARIANCE
from riskkit.paths.kernel import exponential_lanes
from riskkit.paths.model import (
    PathModel,
    ResidualTail,
    Shocks,
)
from riskkit.paths.sampler import parametric_table_error, tilted_sampler
from riskkit.paths.simulate import run_recursion, simulate_paths
from riskkit.paths.start import Start
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.innovations import quantile
from riskkit.volatility.result import FitHealth, VolatilityFit
from riskkit.volatility.spec import Innovation, Variance, VolatilitySpec
from tests.support import simulated

RESIDUALS = np.random.default_rng(3).standard_t(5, 999) * math.sqrt(3 / 5)
GJR_T = PathModel(Variance.GJR, 2e-4, 2e-6, 0.06, 0.05, 0.89, Innovation.STUDENT_T, {"nu": 6.0})
FLAT = PathModel(Variance.GARCH, 0.0, 4e-4, 0.0, 0.0, 0.0)
SKEW = {"nu": 4.0, "lambda": -0.3}
MODELS = {
    "garch-normal": PathModel(Variance.GARCH, 1e-4, 2e-6, 0.08, 0.0, 0.91),
    "gjr-t": GJR_T,
    "igarch-skewt": PathModel(Variance.GARCH, 0, 1e-6, 0.1, 0, 0.9, Innovation.SKEW_T, SKEW),
    "egarch-t": PathModel(
        Variance.EGARCH, 1e-4, -0.2, 0.15, -0.06, 0.97, Innovation.STUDENT_T, {"nu": 5.0}
    ),
    "ewma-residuals": PathModel(Variance.EWMA, 0, 0, 0.06, 0, 0.94, residuals=RESIDUALS),
}


def shocks_in_numpy(model, seed, paths, bars):
    """The shocks of the kernel from its description: exact quantiles, 32-bit residual indices."""
    key = stream_key(seed, Use.SHOCKS)
    if model.residuals is None:
        return quantile(model.law, uniforms(key, 0, paths, np.arange(bars)), model.shape)
    bits = random_bits(key, 0, paths, np.arange(bars) // 2)
    halves = np.where(np.arange(bars) % 2 == 0, bits & np.uint64(2**32 - 1), bits >> np.uint64(32))
    return model.residuals[(halves.astype(float) * model.residuals.size / 2**32).astype(int)]


@pytest.mark.parametrize("name", MODELS)
def test_the_kernel_agrees_with_the_recursion_in_numpy(name):
    model = MODELS[name]
    sigma = np.linspace(0.01, 0.05, 600)
    compiled = simulated(simulate_paths, model, start_sigma=sigma, bars=25, paths=600, seed=11)
    plain, _ = run_recursion(model, Start.measured(sigma), shocks_in_numpy(model, 11, 600, 25))
    # The quantile table is exact to 2e-5 of a shock; resampling uses no table.
    assert np.allclose(compiled, plain, rtol=0, atol=1e-12 if model.beyond_data else 2e-5)


@pytest.mark.usefixtures("shared_by_threads")
@pytest.mark.parametrize("name", MODELS)
def test_a_path_depends_on_seed_path_and_bar_alone(name):
    model = MODELS[name]
    run = {"start_sigma": 0.02, "seed": 5}
    whole = simulated(simulate_paths, model, bars=31, paths=5 * LANES + 7, threads=3, **run)
    one_thread = simulated(simulate_paths, model, bars=31, paths=5 * LANES + 7, **run)
    part = simulated(simulate_paths, model, bars=12, paths=300, first_path=400, **run)
    assert np.array_equal(whole, one_thread)
    assert np.array_equal(whole[400:700, :12], part)


def test_seeds_give_different_draws_not_the_same_ones_reordered():
    a = uniforms(stream_key(0, Use.SHOCKS), 0, 1_024, np.arange(64))
    b = uniforms(stream_key(1, Use.SHOCKS), 0, 1_024, np.arange(64))
    assert np.intersect1d(a, b).size == 0


def test_uniforms_are_uniform_and_independent_across_bars_paths_and_seeds():
    u = uniforms(stream_key(0, Use.SHOCKS), 0, 20_000, np.arange(10))
    v = uniforms(stream_key(1, Use.SHOCKS), 0, 20_000, np.arange(10))
    counts = np.histogram(u, bins=100, range=(0, 1))[0]
    assert stats.chisquare(counts).pvalue > 1e-4
    bound = 4.5 / math.sqrt(u.size)
    pairs = [(u[:, 1:], u[:, :-1]), (u[1:], u[:-1]), (u, v)]
    assert all(abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < bound for a, b in pairs)


def test_residuals_are_drawn_with_equal_weights():
    # 16-bit indices would give some residuals of 999 a weight 1.5 % above others.
    model = replace(FLAT, residuals=np.arange(999.0))
    drawn = (
        simulated(simulate_paths, model, start_sigma=0.02, bars=1, paths=2_000_000, seed=2)[:, 0]
        / 0.02
    )
    counts = np.bincount(np.rint(drawn).astype(int), minlength=999)
    assert stats.chisquare(counts).pvalue > 1e-4


def test_fitted_residuals_return_the_fitted_sigma_and_the_prices():
    rng = np.random.default_rng(1)
    returns, h = rng.normal(0, 0.02, 300), 4e-4
    sigma = []
    for r in returns:
        sigma.append(math.sqrt(h))
        h = 2e-6 + (0.06 + 0.05 * (r < 2e-4)) * (r - 2e-4) ** 2 + 0.89 * h
    residuals = (returns - 2e-4) / np.array(sigma)
    x, sigmas = run_recursion(GJR_T, Start.measured(0.02), residuals[None, :])
    assert np.allclose(sigmas[0], sigma, rtol=1e-13)
    assert np.allclose(x[0], np.cumsum(returns), rtol=0, atol=1e-14)


@pytest.mark.parametrize("spec", ["garch-normal", "gjr-skewt", "egarch-t"])
def test_a_real_fit_run_on_its_own_residuals_is_the_fit(eth_daily, spec):
    returns = log_returns(eth_daily).values.iloc[:1_200]
    fit = fit_volatility(returns, VolatilitySpec.parse(spec))
    assert not fit.fallbacks
    shocks = np.append(fit.residuals.to_numpy(), 0.0)[None, :]
    start = Start.at(float(fit.sigma.iloc[0]))
    x, sigmas = run_recursion(PathModel.from_fit(fit), start, shocks)
    expected = np.append(fit.sigma.to_numpy(), fit.next_sigma)
    np.testing.assert_allclose(sigmas[0], expected, rtol=1e-12)
    np.testing.assert_allclose(np.diff(x[0, :-1], prepend=0.0), returns, rtol=0, atol=1e-12)


def test_the_recursion_starts_from_the_start_state_and_not_from_the_long_run():
    first = simulated(simulate_paths, GJR_T, start_sigma=0.07, bars=1, paths=200_000, seed=1)[:, 0]
    assert first.std() == pytest.approx(0.07, rel=0.02)  # its long-run sigma is 0.0089


@pytest.mark.parametrize(
    ("law", "shape"),
    [
        (Innovation.NORMAL, {}),
        (Innovation.STUDENT_T, {"nu": 6.0}),
        (Innovation.STUDENT_T, {"nu": 3.0}),
        (Innovation.SKEW_T, SKEW),
    ],
)
def test_the_quantile_table_is_exact_to_five_digits(law, shape):
    u = np.concatenate([np.geomspace(1e-12, 0.5, 4_001), 1 - np.geomspace(1e-9, 0.5, 4_001)])
    scale = np.maximum(1.0, np.abs(quantile(law, u, shape)))
    assert np.abs(parametric_table_error(law, shape, u) / scale).max() < 1e-5


def test_powers_of_two_in_vectors_are_those_of_the_library():
    state = np.zeros(STATE_SIZE)
    bits, power = state.view(np.int64), state[SIGMA * LANES : (SIGMA + 1) * LANES]
    worst = 0.0
    for low in np.linspace(-1022.0, 1023.0 - 1.0 / 3.0, 500):
        v = np.linspace(low, low + 1.0 / 3.0, LANES)
        state[VARIANCE * LANES : (VARIANCE + 1) * LANES] = v
        exponential_lanes(state, bits)
        worst = max(worst, float(np.abs(power / np.exp2(v) - 1.0).max()))
    assert worst < 2.5 * np.finfo(float).eps
    state[VARIANCE * LANES : VARIANCE * LANES + 4] = [-2000.0, -1022.0, 1024.0, 1e300]
    exponential_lanes(state, bits)
    assert power[:4].tolist() == [2.0**-1022, 2.0**-1022, math.inf, math.inf]


def test_t_shocks_have_unit_variance():
    # The fault elsewhere: unscaled t shocks, realised volatility 1.2247 times too large at nu = 6.
    model = replace(FLAT, law=Innovation.STUDENT_T, shape={"nu": 6.0})
    x = simulated(simulate_paths, model, start_sigma=0.02, bars=1, paths=1_000_000, seed=4)
    assert x.std() == pytest.approx(0.02, rel=0.005)


def test_mean_of_the_simulated_price_is_the_martingale_one():
    x = simulated(simulate_paths, FLAT, start_sigma=0.02, bars=10, paths=400_000, seed=9)[:, -1]
    price = np.exp(x)
    expected = math.exp(10 * 0.02**2 / 2)
    assert abs(price.mean() - expected) < 4 * price.std() / math.sqrt(price.size)


def test_variance_of_a_garch_path_follows_its_closed_form():
    model = PathModel(Variance.GARCH, 0.0, 2e-6, 0.05, 0.0, 0.9)
    x = simulated(simulate_paths, model, start_sigma=0.03, bars=20, paths=400_000, seed=8)
    squares = np.diff(x, axis=1, prepend=0.0) ** 2
    long_run = 2e-6 / 0.05
    expected = long_run + 0.95 ** np.arange(20) * (9e-4 - long_run)
    error = squares.std(axis=0) / math.sqrt(len(x))
    assert (np.abs(squares.mean(axis=0) - expected) < 4.5 * error).all()


TAIL = ResidualTail(threshold=1.3, xi=0.3, beta=0.7, mass=0.05)


def test_extended_tails_go_beyond_the_worst_residual_with_the_stated_law():
    model = replace(FLAT, residuals=RESIDUALS, tails=(TAIL, replace(TAIL, xi=0.2)))
    assert not model.beyond_data
    assert replace(model, tails=None).beyond_data
    z = (
        simulated(simulate_paths, model, start_sigma=0.02, bars=1, paths=2_000_000, seed=3)[:, 0]
        / 0.02
    )
    for side, xi in ((-z, 0.3), (z, 0.2)):
        assert side.max() > np.abs(RESIDUALS).max()
        for x in (1.3, 2.0, 4.0, 6.0):
            p = 0.05 * stats.genpareto.sf(x - 1.3, xi, scale=0.7)
            assert (side > x).mean() == pytest.approx(p, abs=4 * math.sqrt(p / z.size))
    inside = np.abs(z) < 1.3
    kept = RESIDUALS[np.abs(RESIDUALS) < 1.3]
    assert stats.ks_2samp(z[inside][:20_000], kept).pvalue > 1e-3


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", MODELS)
def test_tilted_cells_carry_the_ratio_that_undoes_the_tilt(name, sign):
    model = MODELS[name]
    tilt = tilted_sampler(model, sign, 0.8, 0.5).tilt
    share = np.bincount(tilt.slots) / tilt.slots.size
    kept = tilt.ratio * share
    if model.beyond_data:
        assert np.allclose(kept, 1 / 999, rtol=1e-12)
        losing = sign * model.residuals < 0
    else:
        assert np.allclose(kept, tilt.width, rtol=1e-12)
        assert tilt.width.sum() == pytest.approx(1.0)
        losing = (np.arange(share.size) < share.size // 2) == (sign == 1)
    assert share[losing].sum() > 0.6  # the losing side is drawn more often
    assert tilt.ratio.max() < 2.2


def fit_of(params, spec="gjr-t"):
    index = pd.date_range("2024-01-01", periods=200, name="target")
    sigma = pd.Series(np.linspace(0.01, 0.05, 200), index=index)
    return VolatilityFit(
        spec=VolatilitySpec.parse(spec),
        requested=VolatilitySpec.parse(spec),
        params=pd.Series(params),
        covariance={},
        sigma=sigma,
        residuals=pd.Series(RESIDUALS[:200], index=index),
        next_sigma=0.03,
        origin=index[-1],
        loglikelihood=0.0,
        health=FitHealth(()),
        fallbacks=(),
        evaluations=1,
        engine="arch",
    )


GJR_PARAMS = {
    "mu": 1e-4, "omega": 2e-6, "alpha": 0.05, "gamma": 0.04, "beta": 0.9, "nu": 5.0,
}  # fmt: skip


def test_a_model_takes_every_parameter_of_its_fit():
    model = PathModel.from_fit(fit_of(GJR_PARAMS))
    assert model.shape == {"nu": 5.0}
    assert (model.mu, model.omega, model.alpha) == (1e-4, 2e-6, 0.05)
    assert (model.gamma, model.beta, model.variance) == (0.04, 0.9, Variance.GJR)
    ewma = PathModel.from_fit(
        fit_of({"omega": 0.0, "alpha": 0.06, "beta": 0.94, "nu": 4.0}, "ewma-t-zero")
    )
    assert (ewma.mu, ewma.alpha, ewma.beta) == (0.0, 0.06, 0.94)


@pytest.mark.parametrize("name", ["aparch-t", "figarch-t", "harch-t", "garch-t-har", "garch-ged"])
def test_a_fit_whose_recursion_is_not_ours_is_not_simulated_as_another(name):
    with pytest.raises(InputError, match=rf"fit: got {name}; must be one that can be simulated"):
        PathModel.from_fit(fit_of(GJR_PARAMS, name))


def test_residuals_of_a_ged_fit_can_be_resampled():
    model = PathModel.from_fit(fit_of(GJR_PARAMS, "gjr-ged"), Shocks.FILTERED)
    assert model.residuals.std() == pytest.approx(1.0)


def test_filtered_shocks_are_standardised():
    model = PathModel.from_fit(fit_of(GJR_PARAMS), Shocks.FILTERED)
    assert model.residuals.mean() == pytest.approx(0.0, abs=1e-15)
    assert model.residuals.std() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"bars": 0}, "bars: got 0; must lie in"),
        ({"start_sigma": 0.0}, r"start: got 0.0; must be positive and finite. Start from"),
        ({"start_sigma": np.ones(3)}, "must hold one volatility, or 10 of them"),
        ({"seed": -1}, "seed: got -1; must be an integer"),
    ],
)
def test_bad_input_is_refused_in_four_parts(change, match):
    good = {"start_sigma": 0.02, "bars": 3, "paths": 10, "seed": 1}
    with pytest.raises(InputError, match=match):
        simulated(simulate_paths, FLAT, **{**good, **change})


def test_tilting_more_residuals_than_slots_allow_is_refused():
    with pytest.raises(InputError, match=r"model.residuals: got 20000; must be at most 16384"):
        tilted_sampler(replace(FLAT, residuals=np.zeros(20_000)), 1, 0.8, 0.5)
