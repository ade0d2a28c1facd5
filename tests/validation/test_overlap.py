"""Disjoint buckets of overlapping losses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.validation.coverage import proportion_of_failures
from riskkit.validation.overlap import disjoint_buckets


def dates(n: int, h: int, keep: np.ndarray | None = None) -> tuple[pd.DatetimeIndex, ...]:
    bars = pd.date_range("2020-01-01", periods=n + h, freq="h", tz="UTC")
    keep = np.ones(n, dtype=bool) if keep is None else keep
    return bars[:n][keep], bars[h:][keep]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(1, 12), st.data())
def test_buckets_are_disjoint_and_leave_no_room_for_another(n, h, data):
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    keep[0] = True
    origin, target = dates(n, h, keep)
    rows = disjoint_buckets(origin, target)
    assert (origin[rows[1:]] >= target[rows[:-1]]).all()
    for a, b in zip(rows, [*rows[1:], len(origin)], strict=True):
        assert not (origin[a + 1 : b] >= target[a]).any()


def test_without_holes_every_h_th_row_is_taken():
    origin, target = dates(100, 24)
    assert disjoint_buckets(origin, target).tolist() == [0, 24, 48, 72, 96]
    assert disjoint_buckets(origin, target, start=5).tolist() == [5, 29, 53, 77]


def test_overlap_makes_a_right_forecast_fail_and_buckets_cure_it():
    rng = np.random.default_rng(11)
    h, n = 10, 3000
    overlapping, disjoint = [], []
    for _ in range(150):
        total = np.convolve(rng.standard_normal(n + h - 1), np.ones(h), mode="valid")
        flags = total > np.sqrt(h) * 1.6448536
        overlapping.append(proportion_of_failures(flags, 0.05).rejected)
        rows = disjoint_buckets(*dates(n, h))
        disjoint.append(proportion_of_failures(flags[rows], 0.05).rejected)
    assert np.mean(overlapping) > 0.25
    assert np.mean(disjoint) < 0.12


def test_bad_input():
    origin, target = dates(5, 2)
    with pytest.raises(InputError, match="must be in time order"):
        disjoint_buckets(origin[::-1], target[::-1])
    with pytest.raises(InputError, match="start: got 5; must name one of the 5 rows"):
        disjoint_buckets(origin, target, start=5)
    with pytest.raises(InputError, match="start: got 0"):
        disjoint_buckets(origin[:0], target[:0])
