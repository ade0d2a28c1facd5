"""Metrics of a margin series."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.validation.procyclicality import margin_behaviour
from riskkit.venue.procyclicality import Floor, SpeedLimit


def series(values) -> pd.Series:
    index = pd.date_range("2020-01-01", periods=len(values), freq="D", tz="UTC")
    return pd.Series(np.asarray(values, dtype=float), index)


def test_by_hand():
    margin = series([0.2, 0.1, 0.3, 0.15, 0.4])
    losses = series([0.1, 0.12, -0.5, 0.25, 0.0])
    m = margin_behaviour(margin, losses, bars=(1, 2))
    assert m.peak_to_trough == pytest.approx(4.0)
    assert dict(m.rise) == pytest.approx({1: 3.0, 2: 1.5})
    assert m.mean_margin == pytest.approx(0.23)
    assert m.mean_leverage == pytest.approx(1 / 0.23)
    assert m.over_foresight == pytest.approx(0.23 / (0.47 / 5))
    assert (m.breaches, m.breach_rate) == (2, 0.4)
    assert m.mean_shortfall == pytest.approx(0.06)
    assert m.largest_shortfall == pytest.approx(0.10)
    assert m.summary()["2-bar rise"] == pytest.approx(1.5)


def slow_peak_to_trough(m):
    return max(m[t] / min(m[: t + 1]) for t in range(len(m)))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0.01, 0.9), min_size=2, max_size=40), st.floats(0.1, 10.0))
def test_ratios_ignore_scale_and_match_the_slow_form(values, c):
    losses = series(np.zeros(len(values)))
    m = margin_behaviour(series(values), losses, bars=(1,))
    scaled = margin_behaviour(series(c * np.array(values)), losses, bars=(1,))
    assert m.peak_to_trough == pytest.approx(slow_peak_to_trough(values))
    assert scaled.peak_to_trough == pytest.approx(m.peak_to_trough)
    assert scaled.rise[0][1] == pytest.approx(m.rise[0][1])
    assert m.over_foresight == np.inf
    assert (m.mean_shortfall, m.largest_shortfall) == (0.0, 0.0)


def test_overlays_buy_calm_with_breaches_or_cost():
    rng = np.random.default_rng(2)
    sigma = 0.03 * np.exp(np.cumsum(0.1 * rng.standard_normal(2000)).clip(-1.5, 1.5))
    margin, losses = series(2.33 * sigma), series(sigma * rng.standard_normal(2000))
    plain = margin_behaviour(margin, losses)
    floored = margin_behaviour(Floor(0.06).apply(margin), losses)
    slowed = margin_behaviour(SpeedLimit(1.02).apply(margin), losses)
    assert floored.peak_to_trough < plain.peak_to_trough
    assert floored.mean_margin > plain.mean_margin
    assert floored.breaches <= plain.breaches
    assert slowed.rise[0][1] <= 1.02 + 1e-12 < plain.rise[0][1]
    assert slowed.breaches > plain.breaches


def test_bad_input():
    with pytest.raises(InputError, match=r"bars: got \(1, 5, 20\); must lie between 1 and 2"):
        margin_behaviour(series([0.1, 0.2, 0.3]), series([0.0, 0.0, 0.0]))
    other = series([0.0, 0.0]).shift(1, freq="D")
    with pytest.raises(InputError, match="losses: got another index"):
        margin_behaviour(series([0.1, 0.2]), other, bars=(1,))
    with pytest.raises(InputError, match="margin: got 0"):
        margin_behaviour(series([0.0, 0.2]), series([0.0, 0.0]), bars=(1,))
