"""The paths: identities, laws of the random numbers, and the faults seen in other tools."""

import math

import numpy as np
import pytest

from riskkit.errors import InputError
from riskkit.volatility.paths import (
    PathModel,
    run_recursion,
    simulate_paths,
)
from riskkit.volatility.random_bits import Stream, stream_key, uniforms
from riskkit.volatility.spec import Innovation, Variance

GJR_T = PathModel(Variance.GJR, 2e-4, 2e-6, 0.06, 0.05, 0.89, Innovation.STUDENT_T, {"nu": 6.0})
FLAT = PathModel(Variance.GARCH, 0.0, 4e-4, 0.0, 0.0, 0.0)


def test_a_path_depends_on_seed_path_and_bar_alone():
    whole = simulate_paths(GJR_T, start_sigma=0.02, bars=31, paths=700, seed=5)
    part = simulate_paths(GJR_T, start_sigma=0.02, bars=12, paths=300, seed=5, first_path=400)
    assert np.array_equal(whole[400:, :12], part)
    other = simulate_paths(GJR_T, start_sigma=0.02, bars=31, paths=700, seed=6)
    assert not np.isin(np.diff(other, axis=1), np.diff(whole, axis=1)).any()


def test_uniforms_are_uniform_and_independent_across_bars_paths_and_seeds():
    u = uniforms(stream_key(0, Stream.SHOCKS), 0, 20_000, np.arange(10))
    v = uniforms(stream_key(1, Stream.SHOCKS), 0, 20_000, np.arange(10))
    counts = np.histogram(u, bins=100, range=(0, 1))[0]
    assert ((counts - 2_000) ** 2 / 2_000).sum() < 160  # chi2(99): 0.9999 quantile is 160
    bound = 4.5 / math.sqrt(u.size)
    pairs = [(u[:, 1:], u[:, :-1]), (u[1:], u[:-1]), (u, v)]
    assert all(abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < bound for a, b in pairs)


def test_the_recursion_starts_from_the_start_state_and_not_from_the_long_run():
    x, sigmas = run_recursion(GJR_T, 0.07, np.array([[1.0, -2.0]]))
    assert sigmas[0, 0] == pytest.approx(0.07, rel=1e-15)
    assert x[0, 0] == pytest.approx(2e-4 + 0.07)
    h = 2e-6 + 0.06 * 0.07**2 + 0.89 * 0.07**2
    assert sigmas[0, 1] ** 2 == pytest.approx(h, rel=1e-14)
    assert x[0, 1] == pytest.approx(2 * 2e-4 + 0.07 - 2 * math.sqrt(h), rel=1e-14)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"bars": 0}, "bars: got 0"),
        ({"start_sigma": 0.0}, "start_sigma: got 0.0; must be positive"),
        ({"seed": -1}, "seed: got -1"),
    ],
)
def test_bad_input_is_refused_in_four_parts(change, match):
    good = {"start_sigma": 0.02, "bars": 3, "paths": 10, "seed": 1}
    with pytest.raises(InputError, match=match):
        simulate_paths(FLAT, **{**good, **change})
