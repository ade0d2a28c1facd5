"""Overlays on a margin series: formulas, laws, bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.venue.procyclicality import (
    Buffer,
    Cap,
    Floor,
    SpeedLimit,
    StressedWeight,
    apply_overlays,
    long_run_level,
)


def series(values) -> pd.Series:
    index = pd.date_range("2020-01-01", periods=len(values), freq="D", tz="UTC")
    return pd.Series(np.asarray(values, dtype=float), index, name="margin")


levels = st.floats(0.02, 0.6)
overlays = st.lists(
    st.one_of(
        st.builds(Buffer, levels, st.floats(0.0, 0.5)),
        st.builds(StressedWeight, levels, st.floats(0.0, 1.0)),
        st.builds(Floor, levels),
        st.builds(Cap, levels),
        st.builds(SpeedLimit, st.floats(1.0, 2.0), st.integers(1, 5)),
    ),
    max_size=4,
)
margins = st.lists(st.floats(0.01, 0.9), min_size=1, max_size=40).map(series)


def test_buffer_by_hand():
    # max(min(1.25 M, release), M): full buffer, half used, used up, beyond (RTS 153/2013, art. 28).
    out = Buffer(release=0.22).apply(series([0.10, 0.20, 0.22, 0.30]))
    assert out.tolist() == pytest.approx([0.125, 0.22, 0.22, 0.30])


def test_stressed_weight_floor_and_cap_by_hand():
    m = series([0.1, 0.3])
    assert StressedWeight(0.5).apply(m).tolist() == pytest.approx([0.2, 0.35])
    assert Floor(0.2).apply(m).tolist() == [0.2, 0.3]
    assert Cap(0.2).apply(m).tolist() == [0.1, 0.2]


def test_speed_limit_refers_to_itself():
    out = SpeedLimit(1.5).apply(series([0.1, 0.4, 0.4, 0.4, 0.2]))
    assert out.tolist() == pytest.approx([0.1, 0.15, 0.225, 0.3375, 0.2])
    two = SpeedLimit(2.0, bars=2).apply(series([0.1, 0.1, 0.9, 0.9, 0.9]))
    assert two.tolist() == pytest.approx([0.1, 0.1, 0.2, 0.2, 0.4])


def test_order_matters_and_the_last_word_counts():
    m = series([0.1])
    assert apply_overlays(m, [Floor(0.5), Cap(0.3)]).tolist() == [0.3]
    assert apply_overlays(m, [Cap(0.3), Floor(0.5)]).tolist() == [0.5]


@settings(deadline=None, max_examples=80)
@given(margins, overlays, st.data())
def test_overlays_keep_the_index_and_know_no_future(margin, tools, data):
    out = apply_overlays(margin, tools)
    assert out.index.equals(margin.index)
    assert out.name == "margin"
    cut = data.draw(st.integers(1, len(margin)))
    assert apply_overlays(margin.iloc[:cut], tools).equals(out.iloc[:cut])


@settings(deadline=None, max_examples=60)
@given(margins, levels, st.floats(0.0, 0.5), st.floats(1.0, 2.0), st.integers(1, 5))
def test_each_overlay_holds_its_promise(margin, level, share, factor, bars):
    buffered = Buffer(level, share).apply(margin)
    assert (buffered >= margin).all()
    assert (buffered <= (1 + share) * margin + 1e-12).all()
    assert (Floor(level).apply(margin) >= level).all()
    assert (Cap(level).apply(margin) <= level).all()
    limited = SpeedLimit(factor, bars).apply(margin)
    assert (limited <= margin).all()
    ratio = limited.to_numpy()[bars:] / limited.to_numpy()[:-bars]
    assert (ratio <= factor * (1 + 1e-12)).all()
    again = SpeedLimit(factor, bars).apply(limited)
    assert np.array_equal(again, limited)


def test_long_run_level_uses_the_past_only():
    r = series(np.random.default_rng(1).standard_normal(400) * 0.02)
    level = long_run_level(r, 2.5)
    assert level.iloc[200] == pytest.approx(2.5 * r.iloc[:200].std())
    changed = r.copy()
    changed.iloc[200:] *= 10
    assert np.array_equal(long_run_level(changed, 2.5).iloc[:201], level.iloc[:201])
    window = long_run_level(r, 2.5, bars=50)
    assert window.iloc[300] == pytest.approx(2.5 * r.iloc[250:300].std())
    assert not level.isna().any()
    assert (Floor(level).apply(series(np.full(400, 1e-9))) >= 0.9 * level).all()


@pytest.mark.parametrize(
    ("overlay", "match"),
    [
        (Buffer(0.2, -0.1), "share: got -0.1"),
        (StressedWeight(0.2, 1.5), "weight: got 1.5"),
        (Floor(0.0), "level: got 0.0; must be positive and finite"),
        (Cap(float("nan")), "level: got nan"),
        (Floor(series([0.1])), "level: got 1 bars without a level"),
        (SpeedLimit(0.9), r"factor, bars: got \(0.9, 1\)"),
    ],
)
def test_bad_overlays(overlay, match):
    with pytest.raises(InputError, match=match):
        overlay.apply(series([0.1, 0.2]))


def test_bad_margins():
    with pytest.raises(InputError, match="margin: got 1 of 2 values"):
        apply_overlays(series([0.1, np.nan]), [])
    with pytest.raises(InputError, match="multiple, returns"):
        long_run_level(series([0.1, 0.2]), 2.0)
