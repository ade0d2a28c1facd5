"""`fits_schema` says of any table what the schema itself says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pandera.errors
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.market.validation import bars_schema, fits_schema

TIMES = pd.DatetimeIndex(
    pd.date_range("2024-01-01", periods=4, tz="UTC").as_unit("us"), name="time"
)
VALUES = st.sampled_from([1.0, 2.5, 0.0, -1.0, np.nan, np.inf])


def agrees(bars: pd.DataFrame) -> bool:
    """Whether both say the same, and what they say."""
    try:
        bars_schema().validate(bars)
        right = True
    except (pandera.errors.SchemaError, pandera.errors.SchemaErrors):
        right = False
    assert fits_schema(bars) == right
    return right


def table(**columns: object) -> pd.DataFrame:
    base = {"open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": 3.0}
    return pd.DataFrame({**base, **columns}, index=TIMES).astype("float64")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["open", "high", "low", "close", "volume"]), VALUES, st.integers(0, 3))
def test_a_value_is_judged_alike(column, value, row):
    bars = table()
    bars.iloc[row, bars.columns.get_loc(column)] = value
    agrees(bars)


@pytest.mark.parametrize(
    ("change", "right"),
    [
        (lambda b: b, True),
        (lambda b: b[["close"]], True),
        (lambda b: b.drop(columns="close"), False),
        (lambda b: b.assign(funding=1.0), False),
        (lambda b: b.assign(close=b["close"].astype("float32")), False),
        (lambda b: b[::-1], False),
        (lambda b: b.iloc[[0, 1, 1, 2]], False),
        (lambda b: b.rename_axis("stamp"), False),
        (lambda b: b.set_axis(TIMES.as_unit("ns").rename("time")), False),
        (lambda b: b.set_axis(TIMES.tz_localize(None).rename("time")), False),
        (lambda b: b.set_axis(pd.RangeIndex(4, name="time")), False),
    ],
)
def test_a_shape_is_judged_alike(change, right):
    assert agrees(change(table())) == right
