"""A settlement coin that breaks: what it does to who holds it as collateral, and to who owes it.

A coin is on its peg but for episodes, whose rate and depth the peg law tells
(`riskkit.collateral.peg`). Two marks are in use. At its market price the coin's holders are
liquidated as it breaks, and those who borrowed it while it was broken as it heals. At a constant,
nobody is: the venue goes on lending the whole mark against what is worth less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]


class CoinMark(StrEnum):
    """How a venue marks a settlement coin.

    ``MARKET``  at its price
    ``CONSTANT``  at its peg, whatever happens
    """

    MARKET = "market"
    CONSTANT = "constant"


@dataclass(frozen=True)
class BreakingCoin:
    """How a settlement coin leaves its peg.

    Attributes
    ----------
    name : str
    breaks_per_year : float
    threshold, shape, scale : float
        Depth: at least the threshold, beyond it generalised Pareto.
    stay_days : float
        How long it stays broken.
    """

    name: str
    breaks_per_year: float
    threshold: float = 0.01
    shape: float = 0.0
    scale: float = 0.02
    stay_days: float = 3.0

    def __post_init__(self) -> None:
        good = self.breaks_per_year > 0.0 and 0.0 < self.threshold < 1.0 and self.scale > 0.0
        if not (good and -1.0 < self.shape < 1.0 and self.stay_days > 0.0):
            said = (self.breaks_per_year, self.threshold, self.shape, self.scale, self.stay_days)
            rule = (
                "must be breaks a year above 0, a threshold in (0, 1), a shape in (-1, 1), a "
                "scale and a stay above 0"
            )
            raise InputError(f"coin {self.name}", said, rule, "Take rate, xi and beta of peg-laws")

    def probability(self, days: float) -> float:
        """That it breaks within so many days."""
        return -math.expm1(-self.breaks_per_year * days / 365.0)

    def depths(self, uniforms: Array) -> Array:
        """Depths of breaks at uniforms in (0, 1), fractions of the peg, at most .99."""
        left = -np.log1p(-uniforms)
        if abs(self.shape) < 1e-12:
            beyond = self.scale * left
        else:
            beyond = self.scale * np.expm1(self.shape * left) / self.shape
        return np.asarray(np.minimum(self.threshold + beyond, 0.99))


def broken_pegs(
    coin: BreakingCoin, paths: int, bars: int, bars_per_day: float, *, seed: int
) -> Array:
    """Prices of a coin over its peg on paths in each of which it breaks once: (paths, bars + 1).

    It is on its peg in bar 0, breaks in a bar drawn evenly, and is back after its stay.
    """
    uniforms = np.random.default_rng(seed).random((paths, 2))
    start = 1 + np.minimum((uniforms[:, 0] * bars).astype(np.int64), bars - 1)
    stay = max(1, math.ceil(coin.stay_days * bars_per_day - 1e-9))
    at = np.arange(bars + 1)
    broken = (at >= start[:, None]) & (at < start[:, None] + stay)
    return np.where(broken, 1.0 - coin.depths(uniforms[:, 1])[:, None], 1.0)


def healing_pegs(
    coin: BreakingCoin, paths: int, bars: int, bars_per_day: float, *, seed: int
) -> Array:
    """Prices of a coin that is broken in bar 0 and heals in a bar within its stay."""
    uniforms = np.random.default_rng(seed).random((paths, 2))
    stay = min(bars, max(1, math.ceil(coin.stay_days * bars_per_day - 1e-9)))
    healed = 1 + np.minimum((uniforms[:, 0] * stay).astype(np.int64), stay - 1)
    broken = np.arange(bars + 1) < healed[:, None]
    return np.where(broken, 1.0 - coin.depths(uniforms[:, 1])[:, None], 1.0)
