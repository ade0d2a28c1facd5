"""The two numbers that a venue runs, for one side: where it opens, and where it liquidates."""

from __future__ import annotations

from dataclasses import dataclass

from riskkit.estimate import Estimate
from riskkit.paths.start import StartState
from riskkit.position import Instrument, Side
from riskkit.venue import lending, margin


@dataclass(frozen=True)
class Limits:
    """Margins of a perpetual, or thresholds of a loan, for one side and start state.

    Attributes
    ----------
    instrument : Instrument
    side : Side
    state : StartState
        That the losses were simulated from.
    covered_loss : Estimate
        Simple adverse move after a trigger that the buffer absorbs.
    excursion : Estimate
        The one before it that the distance between opening and trigger leaves room for.
    trigger : Estimate
        Where a position is liquidated: MM, a fraction of notional, or LT, of the collateral.
    opening : Estimate
        Where it may be opened: IM, or max LTV.
    """

    instrument: Instrument
    side: Side
    state: StartState
    covered_loss: Estimate[float]
    excursion: Estimate[float]
    trigger: Estimate[float]
    opening: Estimate[float]

    @property
    def max_leverage(self) -> float:
        """Notional over margin at opening: 1 / IM, or for a loan 1 / (1 - LTV)."""
        loan = self.instrument is Instrument.LOAN
        return 1.0 / (1.0 - self.opening.value if loan else self.opening.value)

    def liquidation_price(self, entry: float) -> float:
        """Price at which a position opened at ``entry`` with the opening margin is liquidated."""
        opening, trigger = self.opening.value, self.trigger.value
        if self.instrument is Instrument.LOAN:
            return float(lending.liquidation_price(entry, opening, trigger))
        return float(margin.liquidation_price(entry, opening, trigger, self.side))

    @property
    def requirement(self) -> float:
        """MM, or 1 - LT: larger is safer."""
        loan = self.instrument is Instrument.LOAN
        return 1.0 - self.trigger.value if loan else self.trigger.value

    @property
    def distance(self) -> float:
        """IM - MM, or LT - max LTV."""
        return abs(self.opening.value - self.trigger.value)
