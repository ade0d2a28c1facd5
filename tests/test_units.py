"""Units: exact conversions between fractions and venue integers; durations in bars."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.units import (
    Rounding,
    Scale,
    as_decimal,
    count_bars,
    duration,
    from_scale,
    ratio_to_scale,
    to_scale,
    to_scale_exactly,
)

SCALES = st.sampled_from(list(Scale))


@pytest.mark.parametrize("rounding", list(Rounding))
def test_no_binary_surprise_in_any_direction(rounding: Rounding) -> None:
    # In binary floating point 0.29 * 100 is 28.999999999999996.
    assert int(0.29 * 100) == 28
    assert to_scale(0.29, Scale.PERCENT, rounding) == 29
    assert to_scale(0.29, Scale.BPS, rounding) == 2900
    assert [to_scale(bps / 10_000, Scale.BPS, rounding) for bps in range(10_001)] == [
        *range(10_001)
    ]


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (Scale.PERCENT, 58),
        (Scale.BPS, 5_800),
        (Scale.PPM, 580_000),
        (Scale.WAD, 580_000_000_000_000_000),
    ],
)
def test_one_fraction_in_every_unit(scale: Scale, expected: int) -> None:
    assert to_scale(0.58, scale, Rounding.DOWN) == expected
    assert to_scale(0.58, scale, Rounding.UP) == expected


def test_rounding_speaks_of_the_number_itself() -> None:
    assert to_scale(0.12341, Scale.BPS, Rounding.UP) == 1235
    assert to_scale(0.12349, Scale.BPS, Rounding.DOWN) == 1234
    assert to_scale(-0.12341, Scale.BPS, Rounding.UP) == -1234
    assert to_scale(-0.12341, Scale.BPS, Rounding.DOWN) == -1235
    assert to_scale(Decimal("0.12345"), Scale.BPS, Rounding.NEAREST) == 1234


@given(st.integers(0, 10**18), SCALES)
def test_integers_survive_the_round_trip(value: int, scale: Scale) -> None:
    assert to_scale_exactly(from_scale(value, scale), scale) == value


@given(st.floats(0, 10, allow_nan=False), SCALES)
def test_rounding_up_and_down_enclose_the_number_as_written(value: float, scale: Scale) -> None:
    exact = Fraction(repr(value)) * scale.per_one
    down, up = to_scale(value, scale, Rounding.DOWN), to_scale(value, scale, Rounding.UP)
    assert down <= exact <= up
    assert up - down == (0 if exact.denominator == 1 else 1)


def test_78_digits_and_a_narrow_context_lose_nothing() -> None:
    largest = 2**256 - 1
    with localcontext() as context:
        context.prec = 5
        assert Fraction(from_scale(largest, Scale.WAD)) == Fraction(largest, 10**18)
        assert to_scale(from_scale(largest, Scale.WAD), Scale.WAD, Rounding.DOWN) == largest
        assert to_scale(Decimal("0.1234567890123456789"), Scale.WAD, Rounding.UP) == (
            123_456_789_012_345_679
        )


def test_a_value_the_venue_cannot_store_is_refused_with_its_name() -> None:
    with pytest.raises(InputError, match=r"ltv: got 0\.91255; must be a whole number of bps"):
        to_scale_exactly(Decimal("0.91255"), Scale.BPS, "ltv")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**12), st.integers(1, 10**12), SCALES)
def test_a_ratio_is_rounded_once(top: int, bottom: int, scale: Scale) -> None:
    up = ratio_to_scale(top, bottom, scale, Rounding.UP)
    down = ratio_to_scale(top, bottom, scale, Rounding.DOWN)
    assert down == top * scale.per_one // bottom
    assert up == -(-top * scale.per_one // bottom)
    assert down <= ratio_to_scale(top, bottom, scale, Rounding.NEAREST) <= up


def test_a_ratio_over_zero_is_refused() -> None:
    with pytest.raises(InputError, match="denominator: got 0; must not be zero"):
        ratio_to_scale(1, 0, Scale.BPS, Rounding.UP)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "NaN", "-Infinity"])
def test_what_is_not_finite_is_refused(value: float | str) -> None:
    with pytest.raises(InputError, match="must be finite"):
        as_decimal(value)


@pytest.mark.parametrize("value", ["1e400", "1e-401", "1e999999999", Decimal("1e101")])
def test_absurd_magnitudes_are_refused_before_they_become_integers(value: str | Decimal) -> None:
    with pytest.raises(InputError, match="must lie between 1e-400 and 1e100"):
        as_decimal(value)


@pytest.mark.parametrize("value", ["", "12 %", "0x10", None, [1]])
def test_what_is_not_a_number_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="must be a number"):
        as_decimal(value)  # type: ignore[arg-type]


def test_numpy_floats_count_as_written() -> None:
    assert to_scale(np.float64(0.29), Scale.BPS, Rounding.DOWN) == 2900


def test_bars_are_rounded_up_and_say_so() -> None:
    day, hour = pd.Timedelta(days=1), pd.Timedelta(hours=1)
    assert count_bars(hour, day).statement == "1 h = 1 bar of 1 d (rounded up)"
    assert count_bars(2 * day, hour).statement == "2 d = 48 bars of 1 h"
    with pytest.raises(InputError, match="must not be negative"):
        count_bars(-hour, day)


@pytest.mark.parametrize(
    ("text", "expected"), [("2D", "2 d"), ("90min", "90 min"), ("30s", "30 s"), ("36h", "36 h")]
)
def test_durations_in_their_largest_whole_unit(text: str, expected: str) -> None:
    assert duration(pd.Timedelta(text)) == expected
