"""What a strike's volatility does when the price moves: it stays, or it goes with moneyness.

*Sticky strike*: a strike keeps its own volatility. *Sticky delta*: a strike takes the volatility
that its new moneyness has today, on the smile of its expiry. The smile is that of the legs of the
file themselves, linear in log moneyness between their strikes and flat beyond; an expiry with one
strike has none, and both rules say the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.options.legs import OptionLeg

Array = npt.NDArray[np.float64]
Expiry = tuple[str, pd.Timestamp]


class StrikeRule(StrEnum):
    """What keeps its volatility when the price moves: a strike, or a moneyness."""

    STICKY_STRIKE = "sticky-strike"
    STICKY_DELTA = "sticky-delta"

    @property
    def other(self) -> StrikeRule:
        """The rule that this one is not."""
        strike = StrikeRule.STICKY_STRIKE
        return StrikeRule.STICKY_DELTA if self is strike else strike


@dataclass(frozen=True)
class Smile:
    """Implied volatility of one expiry by log moneyness, ln(strike / forward).

    Attributes
    ----------
    moneyness, volatility : ndarray (k,)
        Moneyness increasing.
    """

    moneyness: Array = field(repr=False)
    volatility: Array = field(repr=False)

    def ratio(self, moneyness: float, log_moves: Array) -> Array:
        """Factor on a strike's volatility after log moves of the forward, at sticky delta."""
        now = float(np.interp(moneyness, self.moneyness, self.volatility))
        if now <= 0.0:
            return np.ones_like(log_moves)
        return np.asarray(np.interp(moneyness - log_moves, self.moneyness, self.volatility) / now)


def smiles_of(
    legs: Iterable[OptionLeg], forward: Callable[[OptionLeg], float]
) -> Mapping[Expiry, Smile]:
    """Smiles of the expiries of which the legs hold two strikes or more.

    Two volatilities at one strike count as their mean.
    """
    found: dict[Expiry, dict[float, list[float]]] = {}
    for leg in legs:
        at = math.log(leg.strike / forward(leg))
        found.setdefault((leg.underlying, leg.expiry), {}).setdefault(at, []).append(leg.volatility)
    return {
        expiry: Smile(
            np.array(sorted(points)),
            np.array([float(np.mean(points[at])) for at in sorted(points)]),
        )
        for expiry, points in found.items()
        if len(points) > 1
    }
