"""Units: fractions and venue integers, exactly; durations and bars, rounded up.

Fractions are the only unit inside riskkit. Conversions go through exact decimals, so that
0.29 is 2,900 bps and never 2,899 by binary accident.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from enum import StrEnum
from fractions import Fraction

import pandas as pd

from riskkit.errors import InputError

# Python's own decimals round to 28 digits in silence, and 2^256 has 78. Here a lost digit raises.
EXACT = Context(prec=400, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
LONGEST_DAYS = 36_525
SMALLEST_EXPONENT, LARGEST_EXPONENT = -400, 100


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
    exact = EXACT.multiply(as_decimal(fraction), Decimal(scale.per_one))
    return int(exact.to_integral_value(rounding=rounding.value))


def to_scale_exactly(fraction: float | Decimal, scale: Scale, argument: str = "fraction") -> int:
    """Fraction to a venue's integer, refused when the venue cannot store it without rounding."""
    if to_scale(fraction, scale, Rounding.UP) != to_scale(fraction, scale, Rounding.DOWN):
        rule = f"must be a whole number of {scale.value} units (1 / {scale.per_one:,})"
        raise InputError(argument, str(fraction), rule, "Drop the digits the venue cannot store")
    return to_scale(fraction, scale, Rounding.DOWN)


def ratio_to_scale(
    numerator: int | Decimal, denominator: int | Decimal, scale: Scale, rounding: Rounding
) -> int:
    """Ratio of two exact numbers to a venue's integer, rounded once.

    Raises
    ------
    InputError
        If the denominator is zero.
    """
    if denominator == 0:
        raise InputError("denominator", denominator, "must not be zero", "Give a positive number")
    exact = Fraction(numerator) / Fraction(denominator) * scale.per_one
    if rounding is Rounding.NEAREST:
        return round(exact)
    return math.ceil(exact) if rounding is Rounding.UP else math.floor(exact)


def from_scale(value: int | str, scale: Scale) -> Decimal:
    """A venue's integer to the exact fraction."""
    return EXACT.divide(as_decimal(value), Decimal(scale.per_one))


def as_decimal(value: float | int | str | Decimal) -> Decimal:
    """The exact decimal a number is written as; refuses NaN, infinities and 1e400."""
    try:
        exact = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    except (ArithmeticError, ValueError, TypeError):
        raise InputError("value", value, "must be a number", "Write it in digits") from None
    if not exact.is_finite():
        raise InputError("value", value, "must be finite", "Find where it became so")
    if exact and not SMALLEST_EXPONENT < exact.adjusted() < LARGEST_EXPONENT:
        rule = f"must lie between 1e{SMALLEST_EXPONENT} and 1e{LARGEST_EXPONENT}"
        raise InputError("value", str(value), rule, "Check the unit")
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


_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)\s*", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def parse_duration(text: str | pd.Timedelta, argument: str = "duration") -> pd.Timedelta:
    """A duration as people and exchanges write it: ``"15min"``, ``"1m"`` (a minute), ``"1d"``.

    Raises
    ------
    InputError
        If it cannot be read, is not above zero, or is longer than a century.
    """
    if isinstance(text, pd.Timedelta):
        value = text
    else:
        match = _DURATION.fullmatch(text)
        number, unit = match.groups() if match else ("0", "s")
        seconds = float(number) * _SECONDS[unit.lower()]
        if seconds > LONGEST_DAYS * 86_400:
            rule = f"must be at most {LONGEST_DAYS:,} days"
            raise InputError(argument, text, rule, "Check the unit")
        value = pd.Timedelta(seconds=seconds)
    if value <= pd.Timedelta(0):
        raise InputError(
            argument, text, "must be a positive duration", "Write '1h', '15min' or '1d'"
        )
    return value


def money(value: float, digits: int = 4) -> str:
    """An amount of money in so many digits: ``4.082 m``."""
    for size, word in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:,.{digits}g} {word}"
    return f"{value:,.{digits}g}" if abs(value) >= 1e-4 else "0"
