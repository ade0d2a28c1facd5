"""Units: fractions and venue integers, exactly; durations and bars, rounded up.

Fractions are the only unit inside riskkit. Conversions go through exact decimals, so that
0.29 is 2,900 bps and never 2,899 by binary accident.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum

import pandas as pd

from riskkit.errors import InputError


class Scale(StrEnum):
    """Integer units in which venues store fractions."""

    PERCENT = "percent"
    BPS = "bps"
    PPM = "ppm"
    WAD = "1e18"

    @property
    def per_one(self) -> int:
        """Integer that stands for the fraction 1."""
        return {"percent": 100, "bps": 10_000, "ppm": 1_000_000, "1e18": 10**18}[self.value]


class Rounding(StrEnum):
    """Direction of rounding, in terms of the number itself."""

    UP = ROUND_CEILING
    DOWN = ROUND_FLOOR
    NEAREST = ROUND_HALF_EVEN


def to_scale(fraction: float | Decimal, scale: Scale, rounding: Rounding) -> int:
    """Fraction to a venue's integer, e.g. ``to_scale(0.29, Scale.BPS, Rounding.UP) == 2900``.

    A float counts as the shortest decimal that names it (``repr``), not as its binary expansion.
    """
    exact = as_decimal(fraction) * scale.per_one
    return int(exact.to_integral_value(rounding=rounding.value))


def from_scale(value: int | str, scale: Scale) -> Decimal:
    """A venue's integer to the exact fraction."""
    return as_decimal(value) / scale.per_one


def as_decimal(value: float | int | str | Decimal) -> Decimal:
    """The exact decimal a number is written as; refuses NaN and infinities."""
    try:
        exact = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    except (ArithmeticError, ValueError, TypeError):
        raise InputError("value", value, "must be a number", "Write it in digits") from None
    if not exact.is_finite():
        raise InputError("value", value, "must be finite", "Find where it became so")
    return exact


@dataclass(frozen=True)
class BarCount:
    """A duration counted in bars, rounded up, with a sentence that says so.

    Attributes
    ----------
    bars : int
    requested : Timedelta
        The duration that was asked for.
    bar : Timedelta
    """

    bars: int
    requested: pd.Timedelta
    bar: pd.Timedelta

    @property
    def statement(self) -> str:
        """For example ``"1 h = 1 bar of 1 d (rounded up)"``."""
        noun = "bar" if self.bars == 1 else "bars"
        rounded = "" if self.bars * self.bar == self.requested else " (rounded up)"
        return f"{duration(self.requested)} = {self.bars} {noun} of {duration(self.bar)}{rounded}"


def count_bars(requested: pd.Timedelta, bar: pd.Timedelta, argument: str = "duration") -> BarCount:
    """Count a duration in bars, rounding up.

    Raises
    ------
    InputError
        If the duration is negative.
    """
    if requested < pd.Timedelta(0):
        raise InputError(argument, requested, "must not be negative", "Give 0 for none")
    return BarCount(math.ceil(requested / bar - 1e-9), requested, bar)


def duration(value: pd.Timedelta) -> str:
    """A duration in its largest whole unit: ``"1 d"``, ``"90 min"``, ``"30 s"``."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count = value.total_seconds() / length
        if count >= 1 and count == int(count):
            return f"{int(count)} {unit}"
    return f"{value.total_seconds():g} s"


def bars_per_year(bar: pd.Timedelta, days_per_year: float) -> float:
    """Bars in a year of ``days_per_year`` days: 365 around the clock, 252 for daily sessions."""
    return days_per_year * (pd.Timedelta(days=1) / bar)
