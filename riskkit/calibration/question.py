"""A calibration's question, bound once: what may come, what a venue does about it, what is asked.

The study's fields are read here and nowhere below: what turns losses into limits asks the
question. `calibrate`, the frontier, the evidence, the proofs and the explorers ask the same one, so
that they cannot differ in what they assume.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from riskkit.calibration.venue import LARGEST_BUFFER, BarrierVenue, GeneralVenue, simulate_at
from riskkit.paths.inside import Ranges
from riskkit.paths.memory import OwnSideMemory
from riskkit.paths.model import Shocks
from riskkit.paths.run import Run
from riskkit.paths.start import Start, StartState
from riskkit.paths.world import World
from riskkit.position import Instrument, Side
from riskkit.simulation.exits import Exits, simulate_exits
from riskkit.simulation.group_exits import GroupExits, simulate_group_exits
from riskkit.simulation.result import DefaultEstimates
from riskkit.study import terms
from riskkit.study.inside import reranged
from riskkit.study.rule import AccountsSection
from riskkit.study.scope import light_paths
from riskkit.study.study import Periods, Study
from riskkit.study.tables import TargetsSection
from riskkit.study.venue import PerpetualPosition, PositionTable
from riskkit.tail.curve import TailTask
from riskkit.tail.forecast import MoveForecast, forecast_moves
from riskkit.units import bars_per_year
from riskkit.venue.account_mix import AccountMix
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec

# Perpetuals and loans accrue around the clock.
DAYS_PER_YEAR = 365.0


@dataclass(frozen=True)
class Simulator:
    """What answers a question: functions that simulate, or ones that remember what they returned.

    Attributes
    ----------
    forecast : callable
        As `riskkit.tail.forecast.forecast_moves`.
    exits : callable
        As `riskkit.simulation.exits.simulate_exits`.
    positions : callable
        As `riskkit.calibration.venue.simulate_at`.
    groups : callable
        As `riskkit.simulation.group_exits.simulate_group_exits`.
    """

    forecast: Callable[..., MoveForecast] = forecast_moves
    exits: Callable[..., Exits] = simulate_exits
    positions: Callable[..., DefaultEstimates] = simulate_at
    groups: Callable[..., GroupExits] = simulate_group_exits


@dataclass(frozen=True)
class Question:
    """Everything that an answer rests on.

    Attributes
    ----------
    study : Study
        Whose question it is; its numbers are in the other fields.
    periods : Periods
        Its times, in bars.
    fit : VolatilityFit
    world : World
        What may come, from the start state of the study unless `changed` says another.
    venue : BarrierVenue
    targets : TargetsSection
        P(default | liquidation), measures over accounts, P(liquidation within the reaction time).
    run : Run
        Paths, seed and threads; each simulation takes its own stream of the seed.
    simulator : Simulator
    ranges : Ranges or None
        Of the bars that the fit has seen, where the study watches their extremes.
    """

    study: Study = field(repr=False)
    periods: Periods
    fit: VolatilityFit = field(repr=False)
    world: World = field(repr=False)
    venue: BarrierVenue
    targets: TargetsSection
    run: Run
    simulator: Simulator = field(default=Simulator(), repr=False)
    ranges: Ranges | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        study: Study,
        fit: VolatilityFit,
        bar: pd.Timedelta,
        *,
        threads: int = 1,
        simulator: Simulator | None = None,
        ranges: Ranges | None = None,
    ) -> Question:
        """The question of a study, under a fit of its model.

        Parameters
        ----------
        bar : Timedelta
            Length of the bars that the fit has seen.
        threads : int
            Changes the time taken, never a number.
        ranges : Ranges, optional
            See `riskkit.study.inside.ranges_of`; without them closes are all that is seen.
        """
        return cls(
            study=study,
            periods=study.periods(bar),
            fit=fit,
            world=_world(study, fit, bar, ranges),
            venue=venue_of(study, bar),
            targets=study.targets,
            run=run_of(study, threads),
            simulator=simulator or Simulator(),
            ranges=ranges,
        )

    def changed(
        self,
        *,
        study: Study | None = None,
        fit: VolatilityFit | None = None,
        start: Start | None = None,
        paths: int | None = None,
        **fields: Any,
    ) -> Question:
        """The question with something else in it, and all else as it is.

        Parameters
        ----------
        study : Study, optional
            Replaces periods, venue, targets, paths, seed and start by its own.
        fit : VolatilityFit, optional
            The world follows it, from the study's start state.
        start : Start, optional
            Where the paths begin.
        paths : int, optional
        fields
            Any other field: ``targets``, ``venue``, ``periods``, ``simulator``.
        """
        found = self
        if study is not None:
            found = Question.of(
                study,
                fit or self.fit,
                self.periods.bar,
                threads=self.run.threads,
                simulator=self.simulator,
                ranges=reranged(study, self.ranges),
            )
        elif fit is not None:
            found = replace(
                found, fit=fit, world=_world(self.study, fit, self.periods.bar, self.ranges)
            )
        if start is not None:
            fields["world"] = found.world.starting(start)
        if paths is not None:
            fields["run"] = found.run.with_paths(paths)
        return replace(found, **fields)

    def starting(self, state: StartState) -> Question:
        """The same question from a stated policy."""
        return self.changed(start=Start.of(self.fit, state, memory_of(self.study)))

    def asking(self, target: float) -> Question:
        """The same question with both targets at one probability, and no measure judged."""
        both = TargetsSection(
            default_given_liquidation_probability=target,
            liquidation_within_reaction_time_probability=target,
        )
        return self.changed(targets=both)

    @property
    def lightly(self) -> Question:
        """The same question on fewer paths, for what is simulated many times over."""
        return self.changed(paths=light_paths(self.study.simulation.paths, self.study.targets))

    @property
    def sides(self) -> tuple[Side, ...]:
        """Sides that are margined."""
        return self.study.sides

    @property
    def state(self) -> StartState:
        """Start state of the recommendation."""
        return self.study.simulation.start_state

    @property
    def shocks(self) -> Shocks:
        """What the simulated shocks are."""
        return self.study.model.shocks

    @property
    def spec(self) -> VolatilitySpec:
        """The volatility model that was asked for."""
        return spec_of(self.study)

    @property
    def minimum_bars(self) -> int:
        """Returns before the first forecast along history."""
        return self.study.pace(self.periods.bar).minimum_bars

    @property
    def refit_every(self) -> int:
        """Bars between refits along history."""
        return self.study.pace(self.periods.bar).refit_every

    @property
    def floored(self) -> bool:
        """Whether the volatility of the whole history is a floor."""
        return self.study.floor.kind == "full-history"

    @property
    def default_target(self) -> float:
        """P(default | liquidation) that must not be exceeded."""
        return self.targets.default_given_liquidation_probability

    @property
    def liquidation_target(self) -> float:
        """P(liquidation within the reaction time) that must not be exceeded."""
        return self.targets.liquidation_within_reaction_time_probability

    @property
    def accounts(self) -> AccountMix:
        """The accounts that the measures are taken over: the study's own, or the shipped ones."""
        return (self.study.accounts or AccountsSection()).mix()

    @property
    def lag(self) -> int:
        """Bars from the market's crossing to execution: oracle latency and liquidation delay."""
        return self.venue.latency + self.venue.delay

    @property
    def task(self) -> TailTask:
        """What a margin needs from the tail."""
        return _task(self.targets, self.periods, self.study)


def venue_of(study: Study, bar: pd.Timedelta) -> BarrierVenue:
    """The venue that a study assumes, its times in bars: `GeneralVenue` where it is not simple."""
    periods, position = study.periods(bar), study.position
    simple = terms.is_simple(position, study.oracle, study.liquidation, study.liquidity)
    closing = terms.slippage(study.liquidity).cost(position.notional)
    numbers = BarrierVenue(
        instrument=Instrument(position.kind),
        slippage=closing,
        fee=terms.penalty_of(position),
        bonus=terms.bonus_of(position),
        deviation=terms.deviation_of(study.oracle),
        delay=periods.liquidation_delay.bars,
        latency=periods.oracle_latency.bars,
        largest_short=_largest_short(position),
    )
    if simple:
        return numbers
    return GeneralVenue(
        **vars(numbers),
        mechanism=terms.mechanism_of(study.oracle, study.liquidation, study.liquidity, bar),
        notional=position.notional,
        carry=terms.carry_per_bar(position, bars_per_year(bar, DAYS_PER_YEAR)),
    )


def _largest_short(position: PositionTable) -> float:
    if isinstance(position, PerpetualPosition):
        return position.largest_short_margin_fraction
    return LARGEST_BUFFER


def run_of(study: Study, threads: int = 1) -> Run:
    """Paths and seed of a study."""
    return Run(study.simulation.paths, study.simulation.seed, threads)


def task_of(study: Study, bar: pd.Timedelta) -> TailTask:
    """What the margins of a study need from the tail."""
    return _task(study.targets, study.periods(bar), study)


def memory_of(study: Study) -> OwnSideMemory | None:
    """What each side's tail remembers under a study."""
    return None if study.memory is None else study.memory.law()


def _task(targets: TargetsSection, periods: Periods, study: Study) -> TailTask:
    return TailTask(
        loss_bars=periods.margin_period_of_risk,
        loss_confidence=1.0 - targets.default_given_liquidation_probability,
        excursion_bars=periods.reaction_time.bars,
        excursion_confidence=1.0 - targets.liquidation_within_reaction_time_probability,
        memory=memory_of(study),
        correction_rate=0.0 if study.memory is None else study.memory.correction_rate,
        **_level_terms(study, periods),
    )


def _level_terms(study: Study, periods: Periods) -> dict[str, Any]:
    """Horizons whose forecasts are held to what came, increasing, and their half-life in bars."""
    if study.level is None:
        return {}
    times = {
        periods.margin_period_of_risk,
        periods.reaction_time.bars,
        periods.holding_horizon.bars,
    }
    half_life = pd.Timedelta(days=study.level.half_life_days) / periods.bar
    return {"horizons": tuple(sorted(times)), "half_life": half_life}


def spec_of(study: Study) -> VolatilitySpec:
    """The volatility model that a study asks for."""
    return VolatilitySpec.parse(study.model.spec)


def _world(study: Study, fit: VolatilityFit, bar: pd.Timedelta, ranges: Ranges | None) -> World:
    memory = memory_of(study)
    start = Start.of(fit, study.simulation.start_state, memory)
    return World.of_fit(
        fit, start, bar=bar, shocks=study.model.shocks, ranges=ranges, memory=memory
    )
