"""Laws of the fit: scale, fixed shocks, consistency, and constraints at their limit."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.volatility.engine.estimator import estimate
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.innovations import draw
from riskkit.volatility.result import Gate, VolatilityFit
from riskkit.volatility.spec import Innovation, Variance, VolatilitySpec

MODELS = ["garch-normal", "garch-t", "gjr-t", "gjr-skewt", "egarch-t-zero", "egarch-skewt-zero"]


@given(exponent=st.integers(-40, 40), name=st.sampled_from(MODELS))
@settings(max_examples=25, deadline=None)
def test_scaling_the_returns_scales_sigma_and_nothing_else(
    sp500: pd.Series, exponent: int, name: str
) -> None:
    # Powers of two are exact in floating point, so the optimiser sees the same bits.
    factor, spec, returns = 2.0**exponent, VolatilitySpec.parse(name), sp500.iloc[-600:]
    one, scaled = fit_volatility(returns, spec), fit_volatility(returns * factor, spec)
    np.testing.assert_allclose(scaled.sigma, one.sigma * factor, rtol=1e-9)
    np.testing.assert_allclose(scaled.residuals, one.residuals, rtol=1e-9, atol=1e-12)
    for name_ in ("alpha", "gamma", "beta", "nu", "lambda"):
        if name_ in one.params.index:
            assert scaled.params[name_] == pytest.approx(one.params[name_], rel=1e-9, abs=1e-12)
    shift = len(returns) * math.log(factor)
    assert scaled.loglikelihood == pytest.approx(one.loglikelihood - shift, rel=1e-10)
    errors, same = scaled.standard_errors(), one.standard_errors()
    assert errors["beta"] == pytest.approx(same["beta"], rel=1e-6, nan_ok=True)


@given(factor=st.floats(1e-6, 1e6))
@settings(max_examples=10, deadline=None)
def test_any_scale_finds_the_same_optimum(sp500: pd.Series, factor: float) -> None:
    returns, spec = sp500.iloc[-600:], VolatilitySpec.parse("gjr-t")
    one, scaled = fit_volatility(returns, spec), fit_volatility(returns * factor, spec)
    np.testing.assert_allclose(scaled.sigma, one.sigma * factor, rtol=1e-5)


def simulate_by_hand(fit: VolatilityFit, z: np.ndarray) -> np.ndarray:
    """Volatilities of the recursion driven by given standardised shocks, in plain Python."""
    p = fit.params
    first, gamma = fit.presample_variance, float(p.get("gamma", 0.0))
    sigmas = []
    log = fit.spec.variance is Variance.EGARCH
    for t, shock in enumerate(z):
        if log:
            s = math.log(first if t == 0 else h)  # noqa: F821
            news = 0.0
            if t > 0:
                news = p["alpha"] * (abs(z[t - 1]) - math.sqrt(2 / math.pi)) + gamma * z[t - 1]
            h = math.exp(p["omega"] + news + p["beta"] * s)
        elif t == 0:
            h = p["omega"] + (p["alpha"] + gamma / 2 + p["beta"]) * first
        else:
            e = z[t - 1] * math.sqrt(h)
            h = p["omega"] + (p["alpha"] + gamma * (e < 0)) * e * e + p["beta"] * h
        sigmas.append(math.sqrt(h))
        assert math.isfinite(shock)
    return np.array(sigmas)


@pytest.mark.parametrize("name", [*MODELS, "egarch-t", "ewma-t", "garch-t-backcast"])
def test_simulating_with_the_fitted_residuals_returns_the_fitted_sigma(
    sp500: pd.Series, name: str
) -> None:
    fit = fit_volatility(sp500.iloc[-1000:], VolatilitySpec.parse(name))
    by_hand = simulate_by_hand(fit, fit.residuals.to_numpy())
    np.testing.assert_allclose(by_hand, fit.sigma, rtol=1e-12)


@given(cut=st.integers(150, 900))
@settings(max_examples=15, deadline=None)
def test_appended_bars_change_no_earlier_sigma(sp500: pd.Series, cut: int) -> None:
    returns = sp500.iloc[-1000:]
    fit = fit_volatility(returns.iloc[:600], VolatilitySpec.parse("gjr-t"))
    whole = filter_returns(fit, returns)
    part = filter_returns(fit, returns.iloc[:cut])
    np.testing.assert_array_equal(part.sigma, whole.sigma.iloc[:cut])
    assert part.next_sigma == whole.sigma.iloc[cut]


TRUE = {"mu": 0.05, "omega": 0.05, "alpha": 0.08, "gamma": 0.06, "beta": 0.84, "nu": 7.0}


def simulated(n: int, seed: int) -> np.ndarray:
    z = draw(Innovation.STUDENT_T, TRUE, n + 500, np.random.default_rng(seed))
    rho = TRUE["alpha"] + TRUE["gamma"] / 2 + TRUE["beta"]
    h, out = TRUE["omega"] / (1 - rho), np.empty(n + 500)
    for t, shock in enumerate(z.tolist()):
        e = shock * math.sqrt(h)
        out[t] = TRUE["mu"] + e
        news = TRUE["alpha"] + (TRUE["gamma"] if e < 0 else 0.0)
        h = TRUE["omega"] + news * e * e + TRUE["beta"] * h
    return out[500:]


def test_consistency_over_500_replications() -> None:
    """At 4,000 bars: bias below 0.15 deviations, and 95 % intervals that cover.

    The tail is judged by 1/nu, which the likelihood sees nearly as a parabola: nu itself is
    skewed (the few samples that look normal send it far up), and so is its mean.
    """
    spec, truth = VolatilitySpec.parse("gjr-t"), np.array(list(TRUE.values()))
    points, errors = [], []
    for seed in range(500):
        found = estimate(simulated(4000, seed), spec)
        assert found.converged
        point, error = found.params.to_numpy(copy=True), np.sqrt(np.diag(found.covariance["qmle"]))
        error[-1] /= point[-1] ** 2
        point[-1] = 1.0 / point[-1]
        points.append(point)
        errors.append(error)
    truth[-1] = 1.0 / truth[-1]
    estimates, std = np.array(points), np.array(errors)
    bias = (estimates.mean(axis=0) - truth) / estimates.std(axis=0)
    assert (np.abs(bias) < 0.15).all(), bias
    covered = (np.abs(estimates - truth) < 1.959964 * std).mean(axis=0)
    # 500 replications put +-0.0195 on a coverage of 0.95 (two standard deviations).
    assert ((covered > 0.90) & (covered < 0.98)).all(), covered
    np.testing.assert_allclose(std.mean(axis=0), estimates.std(axis=0), rtol=0.15)


def test_an_integrated_series_is_fitted_at_its_limit_and_says_so() -> None:
    z = draw(Innovation.STUDENT_T, {"nu": 4.0}, 3000, np.random.default_rng(5))
    h, values = 1e-4, np.empty(3000)
    for t, shock in enumerate(z.tolist()):
        values[t] = shock * math.sqrt(h)
        h = 1e-6 + 0.15 * values[t] ** 2 + 0.85 * h
    fit = fit_volatility(pd.Series(values), VolatilitySpec.parse("garch-t"))
    assert fit.health.healthy
    assert fit.persistence <= 1.0 + 1e-12
    assert fit.persistence > 0.99
    if fit.persistence >= 0.9999:
        assert any(f.gate is Gate.PERSISTENCE for f in fit.health.findings)
        assert fit.half_life > 5000
    assert (fit.standard_errors() > 0).all()


def test_a_series_without_arch_is_flagged_as_weakly_identified() -> None:
    flat = pd.Series(np.tile([0.01, -0.01, 0.011, -0.011], 200))
    fit = fit_volatility(flat, VolatilitySpec.parse("garch-normal"))
    assert any(f.gate is Gate.IDENTIFICATION for f in fit.health.findings)


def test_an_unhealthy_fit_falls_back_and_says_why() -> None:
    # Almost always still, with rare jumps: the t law runs to its bound near 2.
    rng = np.random.default_rng(3)
    values = np.where(rng.random(800) < 0.02, rng.normal(0, 0.2, 800), rng.normal(0, 1e-5, 800))
    fit = fit_volatility(pd.Series(values), VolatilitySpec.parse("gjr-skewt"))
    assert fit.requested.name == "gjr-skewt"
    assert fit.spec.name == "ewma-t"
    assert [f.spec.name for f in fit.fallbacks] == ["gjr-skewt", "garch-t"]
    assert "nu near 2" in fit.fallbacks[0].reason
    assert np.isfinite(fit.sigma).all()
