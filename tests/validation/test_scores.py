"""Scores, Diebold-Mariano and the model confidence set."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit.errors import InputError
from riskkit.validation.scores import (
    diebold_mariano,
    fz0_score,
    model_confidence_set,
    tick_score,
)

LOSSES = np.random.default_rng(1).standard_normal(200_000)


def test_tick_by_hand():
    assert tick_score([3.0, 1.0], [2.0, 2.0], 0.05) == pytest.approx([0.95, 0.05])


def test_fz0_by_hand():
    # Patton, Ziegel and Chen (2019), equation 6, with v = -VaR, e = -ES, Y = -loss.
    y, v, e, a = -3.0, -2.0, -2.5, 0.05
    expected = -1 / (a * e) * (v - y) + v / e + math.log(-e) - 1
    assert fz0_score([-y], [-v], [-e], a)[0] == pytest.approx(expected)
    calm = v / e + math.log(-e) - 1
    assert fz0_score([0.0], [-v], [-e], a)[0] == pytest.approx(calm)


@pytest.mark.parametrize("p", [0.01, 0.05])
def test_scores_are_best_at_the_truth(p):
    var = stats.norm.isf(p)
    es = stats.norm.pdf(var) / p
    flat = np.ones_like(LOSSES)
    tick = [tick_score(LOSSES, k * var * flat, p).mean() for k in (0.9, 1.0, 1.1)]
    assert np.argmin(tick) == 1
    grid = {
        (k, m): fz0_score(LOSSES, k * var * flat, m * es * flat, p).mean()
        for k in (0.93, 1.0, 1.07)
        for m in (0.9, 1.0, 1.1)
    }
    assert min(grid, key=grid.__getitem__) == (1.0, 1.0)


@settings(deadline=None, max_examples=30)
@given(st.floats(1e-3, 1e3))
def test_fz0_differences_ignore_the_unit(c):
    x, v = LOSSES[:500], np.full(500, 2.0)
    plain = fz0_score(x, v, 1.2 * v, 0.05) - fz0_score(x, v, 1.4 * v, 0.05)
    scaled = fz0_score(c * x, c * v, 1.2 * c * v, 0.05) - fz0_score(c * x, c * v, 1.4 * c * v, 0.05)
    assert scaled == pytest.approx(plain, abs=1e-9)


def newey_west(d: np.ndarray, lags: int) -> float:
    """Bartlett-weighted long-run variance of the mean, by a loop."""
    n, c = d.size, d - d.mean()
    total = c @ c
    for j in range(1, lags + 1):
        total += 2 * (1 - j / (lags + 1)) * (c[j:] @ c[:-j])
    return total / n**2


def test_diebold_mariano_equals_newey_west_by_hand():
    rng = np.random.default_rng(3)
    e = rng.standard_normal(1001)
    a, b = 0.1 + e[1:] + 0.6 * e[:-1], rng.standard_normal(1000)
    c = diebold_mariano(a, b, lags=5)
    t = (a - b).mean() / math.sqrt(newey_west(a - b, 5))
    assert c.statistic == pytest.approx(t, rel=1e-9)
    assert c.p_value == pytest.approx(2 * stats.norm.sf(abs(t)))
    assert c.better == pytest.approx(stats.norm.cdf(t))
    assert diebold_mariano(a, b).lags == 6
    back = diebold_mariano(b, a, lags=5)
    assert back.statistic == pytest.approx(-c.statistic)


def test_diebold_mariano_size_and_power():
    rng = np.random.default_rng(4)
    equal = [diebold_mariano(*rng.standard_normal((2, 400))).p_value < 0.05 for _ in range(300)]
    assert 0.02 < np.mean(equal) < 0.10
    shift = [
        diebold_mariano(rng.standard_normal(400) - 0.3, rng.standard_normal(400)).better < 0.05
        for _ in range(60)
    ]
    assert np.mean(shift) > 0.9


def test_identical_forecasts_differ_by_nothing():
    c = diebold_mariano(LOSSES[:100], LOSSES[:100])
    assert (c.statistic, c.p_value) == (0.0, 1.0)
    with pytest.raises(InputError, match="first, second: got always 1 apart"):
        diebold_mariano(LOSSES[:100] + 1.0, LOSSES[:100])
    with pytest.raises(InputError, match="lags: got 100"):
        diebold_mariano(LOSSES[:100], LOSSES[100:200], lags=100)


def test_model_confidence_set_keeps_equals_and_drops_the_worse():
    rng = np.random.default_rng(7)
    base = rng.standard_normal(600)
    scores = {
        "good": base + 0.3 * rng.standard_normal(600),
        "equal": base + 0.3 * rng.standard_normal(600),
        "bad": base + 0.5 + 0.3 * rng.standard_normal(600),
    }
    table = model_confidence_set(scores, draws=300, seed=1)
    assert table.loc["bad", "p_value"] < 0.1
    assert not table.loc["bad", "included"]
    assert table.loc[["good", "equal"], "included"].all()
    assert list(table.index)[-1] == "bad"
    assert table.equals(model_confidence_set(scores, draws=300, seed=1))
    with pytest.raises(InputError, match="must hold two models or more"):
        model_confidence_set({"only": base}, seed=1)


def test_bad_input():
    with pytest.raises(InputError, match=r"es: got -1\.0; must be positive"):
        fz0_score([1.0], [1.0], [-1.0], 0.05)
    with pytest.raises(InputError, match=r"var: got shape \(1,\)"):
        tick_score([1.0, 2.0], [1.0], 0.05)
