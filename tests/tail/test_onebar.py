"""One door, several laws: quantiles, probabilities, VaR and ES of one bar's loss."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from riskkit.errors import InputError
from riskkit.position import Contract, Side
from riskkit.tail.aging import aged_shocks
from riskkit.tail.losses import simple_loss
from riskkit.tail.onebar import one_bar_risk
from riskkit.tail.shocks import ParametricShocks, empirical_shocks, extreme_shocks
from riskkit.volatility.innovations import expected_shortfall
from riskkit.volatility.spec import Innovation

RESIDUALS = np.random.default_rng(1).standard_t(5, 1500) * math.sqrt(3 / 5)
SKEW = pd.Series({"nu": 5.0, "lambda": -0.2})
LAWS = {
    "normal": ParametricShocks(Innovation.NORMAL),
    "skewt": ParametricShocks(Innovation.SKEW_T, SKEW),
    "filtered": empirical_shocks(RESIDUALS),
    "aged": aged_shocks(RESIDUALS),
    "extremes": extreme_shocks(RESIDUALS),
}
laws = st.sampled_from(sorted(LAWS))
sides = st.sampled_from(list(Side))


@settings(deadline=None, max_examples=60)
@given(laws, st.floats(0.002, 0.998))
def test_distribution_inverts_quantile(name, p):
    law = LAWS[name]
    assert float(law.distribution(law.quantile(p))) == pytest.approx(p, abs=2e-3)


@settings(deadline=None, max_examples=60)
@given(laws, sides, st.floats(0.001, 0.2), st.floats(-0.01, 0.01), st.floats(0.9, 0.995))
def test_var_and_es_grow_with_confidence_and_es_exceeds_var(name, side, sigma, mean, c):
    risk = one_bar_risk(LAWS[name], mean, sigma, [c, c + 0.004], side, cap=1.0)
    assert risk.var[0, 1] >= risk.var[0, 0]
    assert risk.es[0, 1] >= risk.es[0, 0]
    assert (risk.es >= risk.var).all()


@settings(deadline=None, max_examples=40)
@given(laws, st.floats(0.001, 0.2), st.floats(0.9, 0.995))
def test_mirroring_the_shocks_swaps_the_sides(name, sigma, c):
    law = LAWS[name]
    if name == "skewt":
        mirror = ParametricShocks(Innovation.SKEW_T, pd.Series({"nu": 5.0, "lambda": 0.2}))
    elif name == "normal":
        mirror = law
    else:
        make = {"filtered": empirical_shocks, "aged": aged_shocks, "extremes": extreme_shocks}
        mirror = make[name](-RESIDUALS)
    long = one_bar_risk(law, 0.0, sigma, c, Side.LONG).var[0, 0]
    short = one_bar_risk(mirror, 0.0, sigma, c, Side.SHORT, cap=100.0).var[0, 0]
    assert -math.log1p(-long) == pytest.approx(math.log1p(short), rel=1e-7)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("p", [0.05, 0.01, 0.001])
def test_es_is_the_integral_of_the_loss_over_the_tail(side, p):
    mean, sigma = 0.001, 0.05
    lower = side is Side.LONG
    q = stats.norm.ppf(p) if lower else stats.norm.isf(p)

    def integrand(z):
        return stats.norm.pdf(z) * float(simple_loss(mean + sigma * z, side))

    bounds = (-12.0, q) if lower else (q, 12.0)
    exact = integrate.quad(integrand, *bounds, epsabs=1e-14)[0] / p
    risk = one_bar_risk(LAWS["normal"], mean, sigma, 1 - p, side)
    assert risk.es[0, 0] == pytest.approx(exact, rel=1e-5)
    assert risk.var[0, 0] == pytest.approx(float(simple_loss(mean + sigma * q, side)))


def test_es_of_a_t_tail_has_the_closed_form():
    # Small sigma makes the simple loss linear; then ES is that of the log return in closed form.
    law = ParametricShocks(Innovation.STUDENT_T, pd.Series({"nu": 4.0}))
    es = one_bar_risk(law, 0.0, 1e-7, 0.99, Side.LONG).es[0, 0] / 1e-7
    assert es == pytest.approx(
        float(expected_shortfall(Innovation.STUDENT_T, 0.01, {"nu": 4.0})), rel=1e-4
    )
    assert es == pytest.approx(3.69, abs=0.005)


def test_rows_and_levels_are_independent_of_each_other():
    law = LAWS["extremes"]
    sigma, levels = np.array([0.01, 0.03, 0.08]), [0.95, 0.99, 0.999]
    table = one_bar_risk(law, 0.001, sigma, levels, Side.LONG)
    assert table.var.shape == table.es.shape == (3, 3)
    for i, s in enumerate(sigma):
        for j, c in enumerate(levels):
            one = one_bar_risk(law, 0.001, s, c, Side.LONG)
            assert (table.var[i, j], table.es[i, j]) == pytest.approx((one.var[0, 0], one.es[0, 0]))


@settings(deadline=None, max_examples=20)
@given(st.integers(120, 400))
def test_empirical_quantile_has_exact_coverage(n):
    # The next of n + 1 exchangeable draws falls below the k-th smallest with probability k/(n+1).
    u = np.random.default_rng(n).random((4000, n + 1))
    k = 3
    levels = [float(empirical_shocks(row[:-1]).quantile(k / (n + 1))) for row in u[:200]]
    assert levels == pytest.approx([np.sort(row[:-1])[k - 1] for row in u[:200]])
    hits = u[:, -1] < np.partition(u[:, :-1], k - 1, axis=1)[:, k - 1]
    expected = k / (n + 1)
    assert hits.mean() == pytest.approx(expected, abs=4 * math.sqrt(expected / 4000))


def test_the_extremes_join_the_data_and_reach_beyond_it():
    law = LAWS["extremes"]
    p = np.linspace(1e-4, 1 - 1e-4, 4001)
    q = law.quantile(p)
    assert (np.diff(q) >= 0).all()
    assert law.quantile(1e-6) < RESIDUALS.min()
    assert float(law.distribution(2 * RESIDUALS.min())) < 1 / RESIDUALS.size
    middle = (p > 0.12) & (p < 0.88)
    assert q[middle] == pytest.approx(LAWS["filtered"].quantile(p[middle]))


def test_a_shock_beyond_the_worst_has_a_stated_probability():
    law = empirical_shocks([-1.0, 0.0, 2.0])
    assert law.distribution([-9.0, -1.0, 9.0]) == pytest.approx([0.125, 0.25, 0.875])


def test_inverse_contracts_swap_the_bounded_side():
    law = LAWS["normal"]
    linear = one_bar_risk(law, 0.0, 0.1, 0.99, Side.SHORT).es
    inverse = one_bar_risk(law, 0.0, 0.1, 0.99, Side.LONG, contract=Contract.INVERSE).es
    assert linear == pytest.approx(inverse)


def test_infinite_means_are_refused_or_capped():
    for law in (LAWS["skewt"], LAWS["extremes"]):
        for side, contract in ((Side.SHORT, Contract.LINEAR), (Side.LONG, Contract.INVERSE)):
            with pytest.raises(InputError, match="expected shortfall is infinite"):
                one_bar_risk(law, 0.0, 0.05, 0.99, side, contract=contract)
            capped = one_bar_risk(law, 0.0, 0.05, 0.99, side, contract=contract, cap=0.3)
            assert capped.var[0, 0] < capped.es[0, 0] <= 0.3
    assert one_bar_risk(LAWS["filtered"], 0.0, 0.05, 0.99, Side.SHORT).es[0, 0] > 0


def test_a_tail_so_heavy_that_it_overflows_is_capped_without_a_warning():
    law = ParametricShocks(Innovation.STUDENT_T, pd.Series({"nu": 2.05}))
    for side in Side:
        risk = one_bar_risk(law, 0.0, 3.0, 0.999, side, cap=1.0)
        assert risk.var[0, 0] <= risk.es[0, 0] <= 1.0


def test_bad_input():
    short = empirical_shocks(RESIDUALS[:50])
    with pytest.raises(InputError, match=r"confidence: got 0\.99; exceeds 0\.980392"):
        one_bar_risk(short, 0.0, 0.02, 0.99, Side.LONG)
    with pytest.raises(InputError, match="confidence: got 99; must lie strictly between 0 and 1"):
        one_bar_risk(LAWS["normal"], 0.0, 0.02, 99, Side.LONG)
    with pytest.raises(InputError, match="must be a sequence of finite shocks"):
        empirical_shocks([1.0, np.inf])
