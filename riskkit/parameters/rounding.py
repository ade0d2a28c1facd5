"""How numbers of a parameter file are rounded."""

from __future__ import annotations

from riskkit.units import Rounding, Scale, from_scale, to_scale

DIGITS = 10


def millionth(fraction: float, rounding: Rounding) -> float:
    """A fraction rounded to six decimals in a stated direction, exactly."""
    return float(from_scale(to_scale(fraction, Scale.PPM, rounding), Scale.PPM))


def digits(value: float) -> float:
    """A number with ten significant digits."""
    return float(f"{float(value):.{DIGITS}g}")
