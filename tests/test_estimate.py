"""The one number with an error, and the one curve in sigma."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from riskkit.estimate import Estimate
from riskkit.tail.sigma_curve import SigmaCurve, sigma_nodes

LOSSES = st.lists(st.floats(0.01, 0.9), min_size=3, max_size=6)


@given(st.floats(-1.0, 1.0), st.floats(0.0, 1.0), st.sampled_from([0.9, 0.95]))
def test_a_normal_estimate_has_the_interval_of_its_level(value, error, level):
    e = Estimate.normal(value, error, level=level)
    half = norm.ppf(0.5 + level / 2) * error
    assert (e.low, e.high) == pytest.approx((value - half, value + half), abs=1e-12)
    assert float(e) == value
    assert e.level == level


def test_cells_of_an_array_keep_their_own_numbers_and_the_run_s_counts():
    rows = np.arange(4.0)
    e = Estimate(rows, rows / 10, rows - 1, rows + 1, hits=np.arange(4), bound=rows > 2,
                 effective=rows, tilted=rows > 1, paths=100, failed=1)  # fmt: skip
    one = e[3]
    assert (float(one), float(one.low), int(one.hits), bool(one.bound)) == (3.0, 2.0, 3, True)
    assert (one.paths, one.failed, one.level) == (100, 1, 0.95)
    assert one.series()["effective"] == 3.0
    other = e.shift(np.full(4, 10))
    both = e.where(rows < 2, other)
    np.testing.assert_array_equal(both.value, [0, 1, 12, 13])
    np.testing.assert_array_equal(both.low, [-1, 0, 11, 12])
    np.testing.assert_array_equal(both.error, rows / 10)


@given(LOSSES, st.floats(0.2, 5.0))
def test_a_curve_passes_its_nodes_and_goes_on_in_proportion(losses, beyond):
    sigma = sigma_nodes(0.01, 0.1, len(losses))
    curve = SigmaCurve(sigma, np.array(losses))
    for read in (curve.constant, curve.proportional):
        np.testing.assert_allclose(read(sigma), losses, rtol=1e-12)
    ends = np.array([sigma[0] / (1 + beyond), sigma[-1] * (1 + beyond)])
    np.testing.assert_array_equal(curve.constant(ends), [losses[0], losses[-1]])
    per_sigma = np.array([losses[0] / sigma[0], losses[-1] / sigma[-1]])
    np.testing.assert_allclose(curve.proportional(ends), per_sigma * ends, rtol=1e-12)
    # Half way in logs is half way in values.
    middle = np.sqrt(sigma[:-1] * sigma[1:])
    half = (np.array(losses[:-1]) + np.array(losses[1:])) / 2
    np.testing.assert_allclose(curve.constant(middle), half, rtol=1e-9)


def test_a_range_of_one_volatility_is_opened_so_that_nodes_increase():
    assert (np.diff(sigma_nodes(0.02, 0.02, 4)) > 0).all()
