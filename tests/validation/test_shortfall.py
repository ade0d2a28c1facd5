"""Expected shortfall tests: by hand, published critical values, size, power, bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit.errors import InputError
from riskkit.validation.cumulative_violations import du_escanciano, du_escanciano_independence
from riskkit.validation.shortfall import (
    acerbi_szekely_z1,
    acerbi_szekely_z2,
    mcneil_frey,
    nolde_ziegel,
    tail_sampler,
)
from riskkit.validation.verdict import Decision

P = 0.025
Z = stats.norm.isf(P)
ES = stats.norm.pdf(Z) / P


def normal_tail(n: int, k: int = 400) -> np.ndarray:
    return np.tile(stats.norm.isf(P * (np.arange(k) + 0.5) / k), (n, 1))


def normal_sampler(n: int):
    return lambda rng, draws: rng.standard_normal((draws, n))


def test_z1_and_z2_by_hand():
    losses = np.array([1.0, 3.0, 0.0, 5.0])
    var, es = np.full(4, 2.0), np.full(4, 4.0)
    sampler = tail_sampler(np.full((4, 1), 4.0), 0.25)
    z1 = acerbi_szekely_z1(losses, var, es, sampler, draws=10, seed=0)
    z2 = acerbi_szekely_z2(losses, var, es, 0.25, sampler, draws=10, seed=0)
    assert z1.statistic == pytest.approx(1 - (3 / 4 + 5 / 4) / 2)
    assert z2.statistic == pytest.approx(1 - (3 / 4 + 5 / 4) / (4 * 0.25))


def test_z2_has_the_published_critical_value():
    # Acerbi and Szekely (2014), table 2: at 5 % the critical value of Z2 is -0.70 for 250 days at
    # 97.5 %, nearly the same for every tail. A Z2 of just that must have a p-value near 5 %.
    var, es = np.full(250, Z), np.full(250, ES)
    losses = np.zeros(250)
    losses[:10] = ES * 1.70 * 250 * P / 10
    v = acerbi_szekely_z2(losses, var, es, P, normal_sampler(250), draws=20_000, seed=1)
    assert v.statistic == pytest.approx(-0.70)
    assert v.p_value == pytest.approx(0.05, abs=0.006)


def test_tail_sampler_agrees_with_drawing_whole_losses():
    losses = np.random.default_rng(5).standard_normal(500)
    var, es = np.full(500, Z), np.full(500, ES)
    samplers = (tail_sampler(normal_tail(500), P), normal_sampler(500))
    for test in (
        lambda s: acerbi_szekely_z1(losses, var, es, s, draws=4000, seed=2),
        lambda s: acerbi_szekely_z2(losses, var, es, P, s, draws=4000, seed=2),
    ):
        a, b = (test(s).p_value for s in samplers)
        assert a == pytest.approx(b, abs=0.03)


def all_tests(losses, scale, seed):
    n = losses.size
    var, es = np.full(n, Z * scale), np.full(n, ES * scale)
    tail = tail_sampler(normal_tail(n, 50) * scale, P)
    u = stats.norm.sf(losses / scale)
    return {
        "mf": mcneil_frey(losses, var, es, draws=300, seed=seed),
        "z1": acerbi_szekely_z1(losses, var, es, tail, draws=300, seed=seed),
        "z2": acerbi_szekely_z2(losses, var, es, P, tail, draws=300, seed=seed),
        "nz": nolde_ziegel(losses, var, es, P),
        "de": du_escanciano(u, P),
        "dei": du_escanciano_independence(u, P),
    }


def rejection_rates(draw, scale=1.0, samples=120):
    rng = np.random.default_rng(17)
    rows = [all_tests(draw(rng), scale, s) for s in range(samples)]
    return {k: np.mean([r[k].rejected for r in rows]) for k in rows[0]}


def test_right_forecasts_are_mostly_spared():
    rates = rejection_rates(lambda rng: rng.standard_normal(1000))
    assert all(rate < 0.13 for rate in rates.values()), rates


def test_a_tail_that_is_too_thin_is_found():
    # t with 3 degrees, unit variance: VaR at 97.5 % is nearly that of the normal, ES is not.
    rates = rejection_rates(lambda rng: rng.standard_t(3, 1000) / math.sqrt(3.0))
    assert rates["mf"] > 0.7
    assert rates["z1"] > 0.9
    assert rates["nz"] > 0.4


def test_a_scale_that_is_too_small_is_found():
    rates = rejection_rates(lambda rng: rng.standard_normal(1000), scale=0.75)
    assert all(rates[k] > 0.9 for k in ("z2", "nz", "de")), rates


def test_an_es_that_is_too_large_is_found_by_the_two_sided_tests_alone():
    rates = rejection_rates(lambda rng: rng.standard_normal(1000), scale=1.3)
    assert rates["nz"] > 0.8
    assert rates["de"] > 0.8
    assert rates["z2"] < 0.02


def test_clusters_are_found_by_the_conditional_test():
    def clustered(rng):
        sigma = np.repeat(rng.choice([0.1, 1.9], 50), 20)
        return sigma * rng.standard_normal(1000) / math.sqrt(1.81)

    assert rejection_rates(clustered)["dei"] > 0.5


def test_du_escanciano_by_hand():
    u = np.array([0.5, 0.01, 0.9, 0.02, 0.3])
    h = np.array([0.0, 0.8, 0.0, 0.6, 0.0])
    v = du_escanciano(u, 0.05)
    expected = math.sqrt(5) * (h.mean() - 0.025) / math.sqrt(0.05 * (1 / 3 - 0.05 / 4))
    assert v.statistic == pytest.approx(expected)
    assert v.exceptions == 2
    d = h - 0.025
    rho = (d[1:] @ d[:-1] / 4) / (d @ d / 5)
    assert du_escanciano_independence(u, 0.05, lags=1).statistic == pytest.approx(5 * rho**2)


def test_nolde_ziegel_by_hand():
    losses = np.array([1.0, 3.0, 0.0, 6.0, 0.5, 1.5])
    var, es = np.full(6, 2.0), np.array([3.0, 3.5, 3.0, 3.0, 4.0, 3.0])
    v = np.array(
        [[(x > 2) - 0.2, 2 - e + max(x - 2, 0) / 0.2] for x, e in zip(losses, es, strict=True)]
    )
    mean = v.mean(axis=0)
    expected = 6 * mean @ np.linalg.inv(v.T @ v / 6) @ mean
    assert nolde_ziegel(losses, var, es, 0.2).statistic == pytest.approx(expected)


def test_mcneil_frey_statistic_and_bootstrap():
    rng = np.random.default_rng(0)
    losses = rng.exponential(1.0, 4000) + 1.0
    var, es = np.full(4000, 2.0), np.full(4000, 3.0)
    v = mcneil_frey(losses, var, es, scale=np.full(4000, 0.5), draws=5000, seed=1)
    residual = (losses[losses > 2] - 3.0) / 0.5
    t = stats.ttest_1samp(residual, 0.0, alternative="greater")
    assert v.statistic == pytest.approx(t.statistic)
    assert v.p_value == pytest.approx(t.pvalue, abs=0.03)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-5, 5), min_size=7, max_size=60), st.floats(0.1, 3.0))
def test_never_nan(losses, scale):
    for v in all_tests(np.array(losses), scale, 0).values():
        assert math.isfinite(v.statistic)
        assert 0.0 < v.p_value <= 1.0 or v.statistic > 30.0


def test_no_exceptions_cannot_test_sizes():
    verdicts = all_tests(np.zeros(500), 1.0, 0)
    for key in ("mf", "z1", "nz", "dei"):
        assert verdicts[key].decision is Decision.NOT_TESTABLE
        assert verdicts[key].note
    assert verdicts["z2"].statistic == 1.0
    assert verdicts["z2"].p_value == 1.0
    assert not verdicts["de"].note


def test_seed_decides_the_p_value():
    losses = np.random.default_rng(3).standard_normal(800)
    var, es = np.full(800, Z), np.full(800, ES)
    a = mcneil_frey(losses, var, es, draws=200, seed=4)
    assert a == mcneil_frey(losses, var, es, draws=200, seed=4)


def test_bad_input():
    one = np.ones(10)
    with pytest.raises(InputError, match="es: got 10 values; must be positive and at least VaR"):
        nolde_ziegel(one, one, 0.5 * one, 0.01)
    with pytest.raises(InputError, match=r"tail_probability: got \(1.0, 1.5\)"):
        du_escanciano([1.0, 1.5], 0.01)
    with pytest.raises(InputError, match="lags: got 10; must lie between 1 and 9"):
        du_escanciano_independence(0.5 * one, 0.01, lags=10)
    with pytest.raises(InputError, match=r"tail: got shape \(3,\)"):
        tail_sampler([1.0, 2.0, 3.0], 0.01)
    with pytest.raises(InputError, match=r"sampler: got shape \(5, 3\); must draw shape \(k, 10\)"):
        acerbi_szekely_z2(one, one, one, 0.1, normal_sampler(3), draws=5, seed=0)
