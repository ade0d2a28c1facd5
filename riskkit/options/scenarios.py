"""Joint scenarios of prices and implied volatilities over a margin period."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.options.joint_law import Days, JointVolatility
from riskkit.options.law import VolatilityLaw
from riskkit.options.smile import StrikeRule

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class OptionScenarios:
    """Joint scenarios of prices and volatilities over a margin period.

    Attributes
    ----------
    names : tuple of str
        Underlyings.
    prices : ndarray (N,)
        Now.
    moves : ndarray (M, N)
        Simple returns over the period.
    volatility : ndarray (M, N)
        Changes of log implied volatility at 30 days.
    days : float
        Length of the period.
    law : VolatilityLaw
        Its term structure.
    strikes : StrikeRule
        What keeps its volatility beside the shock.
    path : ndarray (bars, M, N) or None
        Simple returns since now at the end of each bar, for legs that expire inside the period;
        None knows its end only.
    """

    names: tuple[str, ...]
    prices: Array = field(repr=False)
    moves: Array = field(repr=False)
    volatility: Array = field(repr=False)
    days: float
    law: VolatilityLaw = field(repr=False)
    strikes: StrikeRule = StrikeRule.STICKY_STRIKE
    path: Array | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        prices: Mapping[str, float],
        moves: Array,
        days: float,
        law: VolatilityLaw | JointVolatility,
        seed: int,
        *,
        dates: Days | None = None,
        strikes: StrikeRule = StrikeRule.STICKY_STRIKE,
    ) -> OptionScenarios:
        """Scenarios of prices with volatilities that the law gives them.

        One law serves all underlyings; ``dates`` as `JointVolatility.changes`.

        Raises
        ------
        InputError
            For a price that is not positive, a move of -100 % or less, or a period of no length.
        """
        values = np.array([float(price) for price in prices.values()])
        if not (np.isfinite(values) & (values > 0.0)).all():
            raise InputError("prices", values.tolist(), "must be positive", "Give today's prices")
        if not (np.isfinite(moves) & (moves > -1.0)).all():
            raise InputError("moves", float(np.min(moves)), "must be above -1", "Give simple moves")
        if not days > 0.0:
            raise InputError("days", days, "must be positive", "Give the margin period in days")
        if isinstance(law, VolatilityLaw):
            law = JointVolatility((law,) * moves.shape[1])
        changes = law.changes(np.log1p(moves), days, seed, dates)
        return cls(tuple(prices), values, moves, changes, days, law.laws[0], strikes)

    def part(self, chosen: slice | npt.NDArray[np.int64]) -> OptionScenarios:
        """Some of the scenarios."""
        return replace(
            self,
            moves=np.ascontiguousarray(self.moves[chosen]),
            volatility=np.ascontiguousarray(self.volatility[chosen]),
            path=None if self.path is None else self.path[:, chosen],
        )

    def alone(self, name: str, most: int) -> OptionScenarios:
        """The first scenarios of one underlying."""
        n = self.names.index(name)
        return replace(
            self.part(slice(0, most)),
            names=(name,),
            prices=self.prices[n : n + 1],
            moves=np.ascontiguousarray(self.moves[:most, n : n + 1]),
            volatility=np.ascontiguousarray(self.volatility[:most, n : n + 1]),
            path=None if self.path is None else self.path[:, :most, n : n + 1],
        )

    def grown(self, name: str, days: float) -> Array:
        """Factor of an underlying's price when an option of so many days is valued: (M,).

        At the end of the period, or of the bar in which it expires.
        """
        n = self.names.index(name)
        if self.path is None or days >= self.days:
            return np.asarray(1.0 + self.moves[:, n])
        bars = len(self.path)
        bar = min(max(math.ceil(days / self.days * bars - 1e-9), 1), bars)
        return np.asarray(1.0 + self.path[bar - 1, :, n])
