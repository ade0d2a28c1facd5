"""What a calibration recommends, per side and start state, with its errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from riskkit.calibration.study import Periods, Study
from riskkit.market.history import PriceHistory
from riskkit.tail.forecast import Estimate, MoveForecast
from riskkit.tail.losses import Side
from riskkit.validation.coverage import TrafficLight
from riskkit.validation.verdict import Verdict
from riskkit.venue.dynamic import DynamicTail
from riskkit.volatility.paths import StartState
from riskkit.volatility.result import VolatilityFit

STALE_AFTER_DAYS = 30


@dataclass(frozen=True)
class PerpetualParameters:
    """Margins of a linear perpetual for one side and start state, fractions of notional.

    ``tail_loss`` and ``excursion`` are simple losses; each estimate carries its Monte-Carlo
    standard error.
    """

    side: Side
    state: StartState
    tail_loss: Estimate
    excursion: Estimate
    maintenance_margin: Estimate
    initial_margin: Estimate

    @property
    def max_leverage(self) -> float:
        """1 / IM."""
        return 1.0 / self.initial_margin.value


@dataclass(frozen=True)
class LoanParameters:
    """Threshold and loan-to-value for one start state, fractions of the collateral's value."""

    side: Side
    state: StartState
    tail_loss: Estimate
    excursion: Estimate
    liquidation_threshold: Estimate
    max_loan_to_value: Estimate


Parameters = PerpetualParameters | LoanParameters


@dataclass(frozen=True)
class CoverageEvidence:
    """How the out-of-sample tail of one side fared, on non-overlapping periods and in all.

    Attributes
    ----------
    evaluated, exceptions : int
        Overlapping periods: every origin; an exception is a loss above the tail loss.
    breaches : int
        Periods whose loss with costs exceeds the published maintenance margin (floor included),
        or, for a loan, whose collateral ends below the debt and bonus.
    mean_requirement : float
        Mean published maintenance margin, or liquidation threshold.
    tests : tuple of Verdict
        On non-overlapping periods.
    """

    side: Side
    first_origin: pd.Timestamp
    last_origin: pd.Timestamp
    evaluated: int
    exceptions: int
    breaches: int
    worst_shortfall: float
    mean_requirement: float
    tests: tuple[Verdict | TrafficLight, ...]


@dataclass(frozen=True)
class WithoutSuspects:
    """The recommendation without the suspected bad ticks: what naming them would change."""

    rows: tuple[str, ...]
    parameters: tuple[Parameters, ...]


@dataclass(frozen=True)
class Calibration:
    """A study's answer, and everything it rests on.

    Attributes
    ----------
    study : Study
    history : PriceHistory
        Bars closed by ``study.as_of``.
    periods : Periods
    fit : VolatilityFit
    by_state : tuple of parameters
        Every side and start state, before the floor.
    floor : tuple of parameters
        Per side, at the volatility of the whole history; empty without a floor.
    recommended : tuple of parameters
        Per side: the study's start state, no less safe than the floor.
    dynamic : DynamicTail
    evidence : tuple of CoverageEvidence
    forecast : MoveForecast
        Moves over the margin period of risk from the study's start state, for the figures.
    without_suspects : WithoutSuspects or None
        Only if the quality report suspects ticks.
    """

    study: Study
    history: PriceHistory = field(repr=False)
    periods: Periods
    fit: VolatilityFit = field(repr=False)
    by_state: tuple[Parameters, ...]
    floor: tuple[Parameters, ...]
    recommended: tuple[Parameters, ...]
    dynamic: DynamicTail = field(repr=False)
    evidence: tuple[CoverageEvidence, ...]
    forecast: MoveForecast = field(repr=False)
    without_suspects: WithoutSuspects | None = None

    @property
    def data_end(self) -> date:
        """Day on which the last bar closed."""
        closed = self.history.last + self.history.bar - pd.Timedelta(seconds=1)
        return closed.date()

    @property
    def data_age_days(self) -> int:
        """Days from the last bar to ``as_of``."""
        return (self.study.as_of - self.data_end).days

    @property
    def is_historical_example(self) -> bool:
        """True if the data ends more than 30 days before ``as_of``: not for use on a venue."""
        return self.data_age_days > STALE_AFTER_DAYS
