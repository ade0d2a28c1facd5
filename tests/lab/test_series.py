"""Long series are thinned to their strictest values, stretch by stretch."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.lab.figures.series import SLICES, estimated, extremes, thinned


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 3_000), seed=st.integers(0, 1_000), least=st.booleans())
def test_extremes_are_the_strictest_of_each_stretch(n: int, seed: int, least: bool) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=n).round(1)  # with ties
    values[rng.random(n) < 0.2] = np.nan
    rows = extremes(values, least=least)
    edges = np.unique(np.linspace(0, n, min(SLICES, n) + 1).astype(int))
    assert len(rows) == len(edges) - 1
    for row, low, high in zip(rows, edges[:-1], edges[1:], strict=True):
        part = values[low:high]
        assert low <= row < high
        if np.isnan(part).all():
            assert row == low
        else:
            assert row == low + (np.nanargmin(part) if least else np.nanargmax(part))


@pytest.mark.parametrize("least", [True, False])
def test_rows_that_are_marked_are_kept(least: bool) -> None:
    values = np.arange(10_000.0) % 17
    also = np.array([3, 1234, 9_999])
    rows = thinned(values, also, least=least)
    assert set(also) <= set(rows)
    assert set(extremes(values, least=least)) <= set(rows)
    assert (np.diff(rows) > 0).all()


def test_upper_bounds_are_no_points_of_a_curve() -> None:
    table = pd.DataFrame(
        {"p": [0.02, 0.003, 0.0001, 0.0003], "p_error": [1e-3, 1e-4, 5e-5, np.inf]}
    )
    assert estimated(table, "p")["p"].tolist() == [0.02, 0.003, 0.0001]
    bounds = table.assign(p_error=np.inf)
    assert len(estimated(bounds, "p")) == 4
