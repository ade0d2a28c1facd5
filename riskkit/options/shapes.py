"""Structures by name: legs around a centre, with wings, bought or sold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import pandas as pd

from riskkit.errors import InputError
from riskkit.options.black import greeks
from riskkit.options.legs import YEAR_DAYS, OptionKind, OptionLeg

CALL, PUT = OptionKind.CALL, OptionKind.PUT
#: Kind, strike over price and units of every leg, of a bought structure.
Shape = Callable[[float, float], tuple[tuple[OptionKind, float, float], ...]]

SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "straddle": lambda c, w: ((CALL, c, 1.0), (PUT, c, 1.0)),
        "strangle": lambda c, w: ((CALL, c * (1.0 + w), 1.0), (PUT, c * (1.0 - w), 1.0)),
        "call": lambda c, w: ((CALL, c, 1.0),),
        "put": lambda c, w: ((PUT, c, 1.0),),
        "call spread": lambda c, w: ((CALL, c, 1.0), (CALL, c * (1.0 + w), -1.0)),
        "put spread": lambda c, w: ((PUT, c, 1.0), (PUT, c * (1.0 - w), -1.0)),
        "reversal": lambda c, w: ((CALL, c * (1.0 + w), 1.0), (PUT, c * (1.0 - w), -1.0)),
        "butterfly": lambda c, w: (
            (CALL, c * (1.0 - w), 1.0),
            (CALL, c, -2.0),
            (CALL, c * (1.0 + w), 1.0),
        ),
        "condor": lambda c, w: (
            (CALL, c * (1.0 - 2.0 * w), 1.0),
            (CALL, c * (1.0 - w), -1.0),
            (CALL, c * (1.0 + w), -1.0),
            (CALL, c * (1.0 + 2.0 * w), 1.0),
        ),
        "ratio 1 : 2": lambda c, w: ((CALL, c, 1.0), (CALL, c * (1.0 + w), -2.0)),
    }
)
"""Each shape by its name."""


def shaped(
    name: str,
    underlying: str,
    price: float,
    expiry: pd.Timestamp,
    *,
    centre: float = 1.0,
    wing: float = 0.1,
    volatility: float = 0.6,
    units: float = 1.0,
) -> tuple[OptionLeg, ...]:
    """Legs of a shape; negative units sell it.

    Parameters
    ----------
    centre : float
        Strike in the middle, over the price.
    wing : float
        Distance of the outer strikes from it, a fraction.

    Raises
    ------
    InputError
        For an unknown shape, or wings that reach a strike of nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> day = pd.Timestamp("2024-06-28", tz="UTC")
    >>> [leg.strike for leg in shaped("butterfly", "BTC", 60_000.0, day, wing=0.01)]
    [59400.0, 60000.0, 60600.0]
    """
    if name not in SHAPES:
        raise InputError("shape", name, f"must be one of {', '.join(SHAPES)}", "Choose one")
    if not 0.0 < wing < 0.5:
        raise InputError("wing", wing, "must lie strictly between 0 and 0.5", "5 % is 0.05")
    return tuple(
        OptionLeg(name, underlying, kind, price * k, expiry, units * q, volatility)
        for kind, k, q in SHAPES[name](centre, wing)
    )


def unit_delta(legs: tuple[OptionLeg, ...], price: float, moment: pd.Timestamp) -> float:
    """Delta of legs of one underlying now, in units of it."""
    return sum(
        leg.quantity
        * greeks(
            leg.forward or price,
            leg.strike,
            max(leg.days(moment), 0.0) / YEAR_DAYS,
            leg.volatility,
            leg.kind is CALL,
        ).delta
        for leg in legs
    )
