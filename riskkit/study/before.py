"""Version 1's names of what a study holds, for readers that still ask by them; read-only."""

from __future__ import annotations

from dataclasses import dataclass

from riskkit.study import terms
from riskkit.study.venue import (
    LiquidationTable,
    LiquidityTable,
    LoanPosition,
    OracleSection,
    PerpetualPosition,
    PositionTable,
)


@dataclass(frozen=True)
class SimpleMechanism:
    """A mechanism without options: one delay, one latency, one cost, all at once.

    Asking for what this study's mechanism has no single number for raises in words, so that no
    reader takes a part of a mechanism for the whole.
    """

    position: PositionTable
    oracle: OracleSection
    liquidation: LiquidationTable
    liquidity: LiquidityTable

    def __post_init__(self) -> None:
        terms.check_simple(self.position, self.liquidation)

    @property
    def oracle_latency_seconds(self) -> float:
        """Constant latency."""
        return terms.constant_seconds(self.oracle.latency, "oracle.latency")

    @property
    def oracle_deviation_fraction(self) -> float:
        """Deviation threshold."""
        return self.oracle.deviation_fraction

    @property
    def liquidation_delay_hours(self) -> float:
        """Constant delay."""
        return terms.constant_seconds(self.liquidation.delay, "liquidation.delay") / 3600.0

    @property
    def reaction_time_hours(self) -> float:
        """Reaction time."""
        return self.position.reaction_time_hours

    @property
    def holding_horizon_hours(self) -> float:
        """Holding horizon."""
        return self.position.holding_horizon_hours

    @property
    def slippage_fraction(self) -> float:
        """Flat cost of a close-out."""
        return terms.flat_cost(self.liquidity)

    @property
    def fee_fraction(self) -> float:
        """Penalty; 0 for a loan."""
        p = self.position
        return p.penalty_fraction if isinstance(p, PerpetualPosition) else 0.0


@dataclass(frozen=True)
class SimpleVenue:
    """Kind, bonus and floor of a study's position."""

    position: PositionTable
    floor: str

    @property
    def kind(self) -> str:
        """Perpetual or loan."""
        return self.position.kind

    @property
    def liquidation_bonus_fraction(self) -> float:
        """Bonus; 0 for a perpetual."""
        p = self.position
        return p.bonus_fraction if isinstance(p, LoanPosition) else 0.0
