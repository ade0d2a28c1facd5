"""What a calibration recommends, per side and start state, with its errors and bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.accounts import Measured
from riskkit.calibration.delay_map import DelayMap, delay_map
from riskkit.calibration.limits import Limits
from riskkit.calibration.question import Question
from riskkit.calibration.solve import sweep_buffers
from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.paths.start import StartState
from riskkit.position import Side
from riskkit.simulation.result import DefaultEstimates
from riskkit.study.study import Periods, Study
from riskkit.tail.along_history import DynamicTail
from riskkit.tail.forecast import MoveForecast
from riskkit.tail.sigma_curve import SigmaCurve
from riskkit.validation.coverage import TrafficLight
from riskkit.validation.verdict import Verdict
from riskkit.volatility.result import VolatilityFit

STALE_AFTER_DAYS = 30


@dataclass(frozen=True)
class Infeasible:
    """A start state from which no buffer meets the target, and why."""

    side: Side
    state: StartState
    reason: str


@dataclass(frozen=True)
class Unserved:
    """A side that no margin serves from the study's start state or at the floor; what would."""

    side: Side
    reason: str
    remedy: str

    @classmethod
    def of(cls, side: Side, error: InputError) -> Unserved:
        """The side that an error says has no margin."""
        return cls(side, f"{error.argument} = {error.value}: {error.rule}", error.remedy)

    @property
    def words(self) -> str:
        """Side, reason and remedy, as one sentence."""
        return f"{self.side.value}: no margin serves this side; {self.reason}. {self.remedy}."


@dataclass(frozen=True)
class Recommendation:
    """What one side should run with.

    Attributes
    ----------
    point : Limits
        Of the study's start state.
    limits : Limits
        At the safe end of the point's band, and no less safe than the floor's point; each
        number's band is that of the row that decided it.
    floored : bool
        Whether the floor decided MM (LT), rather than the safe end of the point's band.
    waterfall : Series
        Parts of the recommended MM (or of 1 - LT), in order, fractions; they sum to it.
    outcome : DefaultEstimates
        Simulated at the recommended numbers, over the holding horizon, from the start state.
    measured : Measured or None
        The measures over the declared accounts there, on paths of their own; None where a study
        sets no target on any, as version 1.
    """

    side: Side
    point: Limits
    limits: Limits
    floored: bool
    waterfall: pd.Series = field(repr=False)
    outcome: DefaultEstimates = field(repr=False)
    measured: Measured | None = None


@dataclass(frozen=True)
class Frontier:
    """The trade-off of one side from the study's start state, in two panels.

    Attributes
    ----------
    default : DataFrame
        P(default | liquidation) against MM or LT; columns of `riskkit.calibration.solve.Sweep`.
    liquidation : DataFrame
        P(liquidation within the reaction time) against the distance between opening and trigger:
        ``excursion``, ``distance`` (IM - MM, or LT - LTV), ``probability``, ``low``, ``high``.
    """

    side: Side
    default: pd.DataFrame = field(repr=False)
    liquidation: pd.DataFrame = field(repr=False)


@dataclass(frozen=True)
class Loading:
    """Covered loss over plain quantile as a function of sigma, known at ``origin``."""

    origin: pd.Timestamp
    ratio: SigmaCurve


@dataclass(frozen=True)
class LoadingHistory:
    """Loadings in order of origin; each serves the origins from its own to the next."""

    loadings: tuple[Loading, ...]

    def at(self, origins: pd.Series, sigma: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The ratio in force at each origin (n,), at its volatility (n,)."""
        known = pd.DatetimeIndex([loading.origin for loading in self.loadings])
        which = np.maximum(known.searchsorted(pd.DatetimeIndex(origins), side="right") - 1, 0)
        by_loading = np.array([loading.ratio.constant(sigma) for loading in self.loadings])
        return np.asarray(by_loading[which, np.arange(len(which))])


@dataclass(frozen=True)
class ExtremeEvidence:
    """The same periods with the loss to the adverse extreme of their last bar.

    Attributes
    ----------
    exceptions : int
        Beyond the tail of closes, which is not a tail of extremes: reported, and not tested.
    breaches : int
        Beyond the published requirement, which was solved with extremes.
    worst_shortfall : float
    """

    exceptions: int
    breaches: int
    worst_shortfall: float


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
    at_extremes : ExtremeEvidence or None
        Where extremes are watched.
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
    at_extremes: ExtremeEvidence | None = None


@dataclass(frozen=True)
class WithoutSuspects:
    """The point estimates without suspected bad ticks and one-way moves: what they change.

    Attributes
    ----------
    rows : tuple of str
        Bars of the suspects.
    limits : tuple
        Per side; one that cannot be solved without them says why.
    """

    rows: tuple[str, ...]
    limits: tuple[Limits | Infeasible, ...]


@dataclass(frozen=True)
class Calibration:
    """A study's answer, and everything it rests on.

    Attributes
    ----------
    question : Question
        That it answers, from the study's start state.
    history : PriceHistory
        Bars closed by ``study.as_of``.
    by_state : tuple
        Every side and start state, before the floor; infeasible ones say why.
    floor : tuple
        Per side, at the volatility of the whole history; empty without a floor.
    recommended : tuple of Recommendation
        Per side that a margin serves, as are ``frontier``, ``loading`` and ``evidence``.
    frontier : tuple of Frontier
    loading : mapping of Side to LoadingHistory
        Scales the tail along history to what a buffer must absorb; solved from past bars only.
    dynamic : DynamicTail
    evidence : tuple of CoverageEvidence
    forecast : MoveForecast
        Moves over the margin period of risk from the study's start state, for the figures.
    refits_failed : int
        Bootstrap refits that were unhealthy and left out of the bands.
    without_holes : tuple of Limits
        Point estimates if returns across holes did not count; empty where there are none.
    for_a_day : tuple of Limits
        The recommendation of each side with a day to react; empty where it gives a day or more.
    without_suspects : WithoutSuspects or None
        Only if the quality report has suspected ticks or one-way moves.
    unserved : tuple of Unserved
        Sides of the study without a recommendation.

    Examples
    --------
    >>> import riskkit
    >>> quick = {"simulation.paths": 10_000, "simulation.bootstrap_refits": 0}
    >>> case = riskkit.Case.read("studies/eth-collateral-daily.toml")
    >>> answer = riskkit.calibrate(case.study.changed(quick), case.history)
    >>> [side.value for side in answer.served]
    ['long']
    """

    question: Question
    history: PriceHistory = field(repr=False)
    by_state: tuple[Limits | Infeasible, ...]
    floor: tuple[Limits, ...]
    recommended: tuple[Recommendation, ...]
    frontier: tuple[Frontier, ...] = field(repr=False)
    loading: Mapping[Side, LoadingHistory]
    dynamic: DynamicTail = field(repr=False)
    evidence: tuple[CoverageEvidence, ...]
    forecast: MoveForecast = field(repr=False)
    refits_failed: int
    without_suspects: WithoutSuspects | None = None
    unserved: tuple[Unserved, ...] = ()
    for_a_day: tuple[Limits, ...] = ()
    without_holes: tuple[Limits | Infeasible, ...] = ()

    @property
    def served(self) -> tuple[Side, ...]:
        """Sides with a recommendation."""
        return tuple(r.side for r in self.recommended)

    def limits(self, side: Side | str) -> Limits:
        """What one side should run with.

        Raises
        ------
        InputError
            If no margin serves the side, with the reason.
        """
        for r in self.recommended:
            if r.side == side:
                return r.limits
        for u in self.unserved:
            if u.side == side:
                raise InputError("side", str(side), u.reason, u.remedy)
        rule = f"must be one of {', '.join(s.value for s in self.served)}"
        raise InputError("side", str(side), rule, "Ask for a side of the study")

    def delay_map(
        self, side: Side | str, triggers: npt.ArrayLike, *, delays: Sequence[int]
    ) -> DelayMap:
        """P(default | liquidation) by trigger and delay, the recommended trigger among them.

        Positions are opened as far from each trigger as recommended. Arguments as in
        `riskkit.calibration.delay_map.delay_map`, whose ``triggers`` need not be in order.
        """
        limits = self.limits(side)
        levels = np.unique(np.append(np.asarray(triggers, dtype=np.float64), limits.trigger.value))
        room = limits.excursion.value
        return delay_map(self.question, limits.side, levels, excursion=room, delays=delays)

    def default_given_liquidation(self, side: Side | str) -> float:
        """P(default | liquidation) at the recommended buffer, by the frontier's own sweep."""
        limits = self.limits(side)
        covered = np.array([limits.covered_loss.value])
        found = sweep_buffers(self.question, limits.side, covered, limits.excursion.value)
        return float(found.columns["default_given_liquidation"][0])

    @property
    def study(self) -> Study:
        """The study that asked."""
        return self.question.study

    @property
    def periods(self) -> Periods:
        """Its times in bars."""
        return self.question.periods

    @property
    def fit(self) -> VolatilityFit:
        """The model, fitted to the whole history."""
        return self.question.fit

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
    def status(self) -> str:
        """What its parameter file says it is."""
        return "HISTORICAL EXAMPLE" if self.is_historical_example else "calibrated"

    @property
    def is_historical_example(self) -> bool:
        """True if the data ends more than 30 days before ``as_of``: not for use on a venue."""
        return self.data_age_days > STALE_AFTER_DAYS
