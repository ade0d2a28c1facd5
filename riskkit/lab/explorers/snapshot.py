"""What an explorer shows for one setting: the package's own answer, without the slow evidence.

Every number is computed by the functions that `riskkit.calibration.calibrate` uses, on the same
paths: a snapshot equals the calibration of the same study with ``bootstrap_refits = 0``. The
margin along history is the one part that is quicker and coarser, see `Snapshot.history`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from riskkit.calibration import buffers
from riskkit.calibration.buffers import Solution, solve_buffer
from riskkit.calibration.evidence import published
from riskkit.calibration.limits import Limits
from riskkit.calibration.question import Question, Simulator
from riskkit.calibration.result import Frontier, Loading, LoadingHistory
from riskkit.calibration.venue import BarrierVenue, simulate_at
from riskkit.calibration.waterfall import margin_waterfall
from riskkit.lab.explorers.live import Live, LivePoint, live_point
from riskkit.lab.explorers.market import FittedMarket
from riskkit.market.returns import log_returns
from riskkit.paths.inside import Fill
from riskkit.paths.model import Shocks
from riskkit.paths.run import Run, Stream
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.simulation.exits import Exits, simulate_exits
from riskkit.simulation.group_exits import simulate_group_exits
from riskkit.study.inside import ranges_of
from riskkit.study.study import Periods, Study
from riskkit.tail.along_history import CURVE_PATHS, DynamicTail, with_realised_losses
from riskkit.tail.curve import TailCurve, tail_curve
from riskkit.tail.forecast import forecast_moves
from riskkit.tail.sigma_curve import SigmaCurve
from riskkit.venue.mechanism import Position
from riskkit.volatility.result import VolatilityFit

T = TypeVar("T")
LAGS = 8
"""Delays in bars whose exits are kept together: a few bars more to simulate, once for all."""


@dataclass(frozen=True)
class Snapshot:
    """One setting of an explorer, computed.

    Attributes
    ----------
    question : Question
        The setting.
    side : Side
    point : parameters
        From the study's start state; bands hold the Monte-Carlo error alone.
    floor : parameters or None
        At the volatility of the whole history.
    recommended : parameters
        The safe end of the point's band, floor included.
    frontier : Frontier
        Both panels, with 95 % Monte-Carlo bands.
    waterfall : Series
        Parts of the recommended MM (or of 1 - LT), fractions that sum to it.
    history : DataFrame
        Requirement at every origin; columns of `riskkit.calibration.evidence.published`. Sigma is
        out of sample; the tail at that sigma is that of today's model, which the walk-forward
        evidence of a calibration refits instead.
    live : LivePoint or None
        What today's parameters come to under this setting, if they were given.
    """

    question: Question
    side: Side
    point: Limits
    floor: Limits | None
    recommended: Limits
    frontier: Frontier = field(repr=False)
    waterfall: pd.Series = field(repr=False)
    history: pd.DataFrame = field(repr=False)
    live: LivePoint | None

    @property
    def study(self) -> Study:
        """The setting's study."""
        return self.question.study

    @property
    def periods(self) -> Periods:
        """Its times in bars."""
        return self.question.periods

    @property
    def fit(self) -> VolatilityFit:
        """The model."""
        return self.question.fit

    @property
    def floored(self) -> bool:
        """Whether the floor decided the recommended covered loss."""
        return self.recommended.covered_loss.value > self.point.covered_loss.high

    @property
    def is_loan(self) -> bool:
        """Whether the numbers are thresholds of a loan rather than margins."""
        return self.question.venue.is_loan


def take_snapshot(
    fitted: FittedMarket, study: Study, side: Side, *, live: Live | None = None, threads: int = 1
) -> Snapshot:
    """Compute one setting.

    Parameters
    ----------
    fitted : FittedMarket
        Of the study's model.
    study : Study
        The market's study with the settings to try.
    side : Side
        One of ``study.sides``.
    live : Live, optional
        Today's parameters, to be shown beside the recommended ones.
    threads : int
        Changes the time taken, never a number.

    Raises
    ------
    InputError
        If a setting breaks a rule, or no buffer meets the target.
    """
    forecast = _remembering(fitted, study.model.shocks, forecast_moves)
    exits = _remembering_lags(_remembering(fitted, study.model.shocks, simulate_exits))
    positions = _remembering_positions(fitted, study.model.shocks)
    groups = _remembering(fitted, study.model.shocks, simulate_group_exits)
    simulator, bar = Simulator(forecast, exits, positions, groups), fitted.market.history.bar
    history = fitted.market.history
    returns = fitted.memory.of(("returns",), lambda: log_returns(history))
    ranges = ranges_of(study, history, returns)
    question = Question.of(study, fitted.fit, bar, threads=1, simulator=simulator, ranges=ranges)
    at_floor = question.changed(start=Start.measured(fitted.full_history_sigma))
    with ThreadPoolExecutor(threads) as pool:
        solving = pool.submit(solve_buffer, question, side)
        floor_solving = pool.submit(solve_buffer, at_floor, side) if question.floored else None
        bending = pool.submit(_tail, fitted, question, side)
        solution, tail = solving.result(), bending.result()
        floor_solution = floor_solving.result() if floor_solving else None
    point = buffers.point_limits(question, side, solution)
    floor = buffers.point_limits(question, side, floor_solution) if floor_solution else None
    safe = buffers.safe_limits(question, point, floor)
    return Snapshot(
        question=question,
        side=side,
        point=point,
        floor=floor,
        recommended=safe,
        frontier=buffers.frontier(question, solution, side),
        waterfall=margin_waterfall(
            question.changed(run=replace(question.run, threads=threads)),
            side,
            covered=point.covered_loss.value,
            upper=point.covered_loss.high,
            final=safe.covered_loss.value,
        ),
        history=published(question, tail, side, _loading(question, side, solution, fitted)),
        live=live_point(question, side, live, solution.reaction) if live else None,
    )


def _remembering(
    fitted: FittedMarket, shocks: Shocks, simulate: Callable[..., T]
) -> Callable[..., T]:
    """A simulation of one fit that is run once: while costs and targets move, its paths stay."""

    def remembered(world: World, run: Run, **rest: Any) -> T:
        start = world.start.volatilities(world.model, run)
        asked = (
            start.tobytes(),
            replace(run, threads=1),
            tuple(sorted(rest.items())),
            _seen(world),
        )
        return fitted.memory.of(
            (simulate.__name__, shocks, *asked), lambda: simulate(world, run, **rest)
        )

    return remembered


def _seen(world: World) -> Fill | None:
    """What is seen inside a bar: where that fills, or nothing."""
    return None if world.model.inside is None else world.fill


def _remembering_positions(fitted: FittedMarket, shocks: Shocks) -> Callable[..., Any]:
    """`simulate_at`, run once for the same positions at the same venue."""

    def remembered(
        venue: BarrierVenue, world: World, run: Run, positions: Sequence[Position], **rest: Any
    ) -> Any:
        start = world.start.volatilities(world.model, run)
        asked = (
            start.tobytes(),
            replace(run, threads=1),
            tuple(sorted(rest.items())),
            _seen(world),
        )
        return fitted.memory.of(
            ("positions", venue, tuple(positions), shocks, *asked),
            lambda: simulate_at(venue, world, run, positions, **rest),
        )

    return remembered


def _remembering_lags(exits: Callable[..., Exits]) -> Callable[..., Exits]:
    """Asked for the exits of one lag, keep those of its neighbours too: a delay moves by bars."""

    def widened(world: World, run: Run, *, lags: range, **rest: Any) -> Exits:
        first, last = lags.start // LAGS * LAGS, -(-lags.stop // LAGS) * LAGS
        return exits(world, run, lags=range(first, last), **rest)

    return widened


def _loading(
    question: Question, side: Side, solution: Solution, fitted: FittedMarket
) -> LoadingHistory:
    """Today's ratio of covered loss to quantile, applied to all of history."""
    plain = float(question.venue.seen_late(solution.quantile.value, side))
    first = fitted.walk["origin"].iloc[0]
    ratio = SigmaCurve(
        np.array([fitted.fit.next_sigma]), np.array([solution.covered.value / plain])
    )
    return LoadingHistory((Loading(first, ratio),))


def _tail(fitted: FittedMarket, question: Question, side: Side) -> DynamicTail:
    """Today's model's tail at every origin of history, and the loss that came."""
    task, shocks = question.task, question.shocks

    def walk() -> DynamicTail:
        curve = _curve(fitted, question)
        known = fitted.memory.of(
            ("realised", shocks, side, task.loss_bars),
            lambda: _realised(fitted, question, side),
        )
        sigma, floor = known["sigma"].to_numpy(), known["floor_sigma"].to_numpy()
        tails = {
            "tail_loss": curve.loss(sigma, side),
            "excursion": curve.excursion(sigma, side),
            "floor_loss": curve.loss(floor, side),
            "floor_excursion": curve.excursion(floor, side),
        }
        return DynamicTail(known.assign(**tails), task, 1)

    key = ("history", task, shocks, side, question.run.paths, question.run.seed)
    return fitted.memory.of(key, walk)


def _curve(fitted: FittedMarket, question: Question) -> TailCurve:
    """The tail of today's model at every volatility that history held."""
    sigma = question.world.model.volatility(fitted.walk["sigma"].to_numpy())
    floor = fitted.walk["floor"]
    # A rare target needs ten paths beyond it, as everywhere.
    target = min(question.default_target, question.liquidation_target)
    paths = min(max(CURVE_PATHS, round(20.0 / target)), question.run.paths)
    return tail_curve(
        question.world,
        question.run.with_paths(paths).stream(Stream.HISTORY),
        question.task,
        low=float(min(sigma.min(), floor.min())),
        high=float(max(sigma.max(), floor.max())),
        forecast=question.simulator.forecast,
    )


def _realised(fitted: FittedMarket, question: Question, side: Side) -> pd.DataFrame:
    """Columns of `DynamicTail.table` that no target moves: states, and the losses that came."""
    sigma = question.world.model.volatility(fitted.walk["sigma"].to_numpy())
    table = pd.DataFrame(
        {
            "origin": fitted.walk["origin"],
            "side": side.value,
            "sigma": sigma,
            "floor_sigma": fitted.walk["floor"],
            "model": fitted.fit.spec.name,
            "health": fitted.fit.health.statement,
        }
    )
    return with_realised_losses(table, fitted.market.history, question.task.loss_bars)
