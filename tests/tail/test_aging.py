"""Shocks weighted by age: a slow form, a published example, limits and laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.tail.aging import aged_shocks

samples = st.lists(st.floats(-9, 9), min_size=2, max_size=60, unique=True)
half_lives = st.floats(2.0, 500.0)


@settings(deadline=None, max_examples=60)
@given(samples, half_lives)
def test_levels_equal_a_slow_form(values, half_life):
    law = aged_shocks(values, half_life)
    n = len(values)
    weight = [0.5 ** ((n - 1 - t) / half_life) for t in range(n)]
    for z, own in zip(values, weight, strict=True):
        smaller = math.fsum(w for x, w in zip(values, weight, strict=True) if x < z)
        level = (smaller + own / 2) / math.fsum(weight)
        assert float(law.distribution(z)) == pytest.approx(level, abs=1e-12)
    assert law.newest == pytest.approx(1 / math.fsum(weight))


def test_the_published_example():
    # Boudoukh, Richardson & Whitelaw (1998), the exhibit on the hybrid approach, initial date: the
    # six lowest of 100 returns, days ago and weights in percent as printed, decay 0.98. Its 5 %
    # VaR of 2.73 % interpolates at the weight up to and including a return; the law here counts
    # half of the own weight, so that the two sides are treated alike.
    ago, printed = [3, 2, 65, 45, 5, 30], [2.21, 2.26, 0.63, 0.95, 2.13, 1.28]
    lowest = np.array([-3.30, -2.90, -2.70, -2.50, -2.40, -2.30])
    returns = np.linspace(0.0, 5.0, 100)
    for days, value in zip(ago, lowest, strict=True):
        returns[100 - days] = value
    law = aged_shocks(returns, math.log(0.5) / math.log(0.98))
    own: list[float] = []
    for level in law.levels[:6]:
        own.append(2 * (level - sum(own)))
    assert 100 * np.array(own) == pytest.approx(printed, abs=0.006)
    assert np.interp(0.05, np.cumsum(own), lowest) == pytest.approx(-2.73, abs=0.005)
    assert float(law.quantile(np.cumsum(own)[1] + own[2] / 2)) == pytest.approx(-2.70)


@settings(deadline=None, max_examples=40)
@given(samples, half_lives, st.floats(0.01, 0.99))
def test_mirroring_the_shocks_mirrors_the_quantiles(values, half_life, p):
    law, mirror = aged_shocks(values, half_life), aged_shocks(-np.array(values), half_life)
    assert float(mirror.quantile(1 - p)) == pytest.approx(-float(law.quantile(p)), abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(samples, half_lives)
def test_the_older_a_worst_shock_the_smaller_the_tail(values, half_life):
    # The worst shock first (oldest) or last (newest); p small enough for it to matter.
    calm = np.sort(values)[1:]
    worst = np.min(values)
    old = aged_shocks([worst, *calm], half_life)
    new = aged_shocks([*calm, worst], half_life)
    for p in (0.01, 0.1, 0.3):
        assert float(new.quantile(p)) <= float(old.quantile(p)) + 1e-12


def test_an_endless_half_life_weighs_all_alike():
    law = aged_shocks(np.array([3.0, -1.0, 0.0, 2.0]), math.inf)
    assert law.levels == pytest.approx([0.125, 0.375, 0.625, 0.875])
    assert law.smallest_probability == pytest.approx(0.125)
    assert law.quantile(0.25) == pytest.approx(-0.5)
    assert law.distribution([-9.0, 9.0]) == pytest.approx([0.0625, 0.9375])


def test_points_are_equally_likely():
    z = np.random.default_rng(2).standard_t(5, 800)
    law = aged_shocks(z, 200.0)
    points = law.points(50_000)
    weight = 0.5 ** (np.arange(z.size)[::-1] / 200.0)
    assert points.mean() == pytest.approx(np.average(z, weights=weight), abs=0.01)
    for p in (0.01, 0.2, 0.99):
        assert np.mean(points <= float(law.quantile(p))) == pytest.approx(p, abs=2e-5)


def test_bad_input():
    with pytest.raises(InputError, match="half_life: got 0; must be a positive number of bars"):
        aged_shocks([1.0, 2.0], 0)
    with pytest.raises(InputError, match="half_life: got nan"):
        aged_shocks([1.0, 2.0], math.nan)
    with pytest.raises(InputError, match="must be a sequence of finite shocks"):
        aged_shocks([], 10.0)
