"""What an explorer shows for one setting: the package's own answer, without the slow evidence.

Every number is computed by the functions that `riskkit.calibration.calibrate` uses, on the same
paths: a snapshot equals the calibration of the same study with ``bootstrap_refits = 0``. The
margin along history is the one part that is quicker and coarser, see `Snapshot.history`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from riskkit.calibration import buffers
from riskkit.calibration.buffers import Solution, Starts
from riskkit.calibration.evidence import published
from riskkit.calibration.limits import Limits
from riskkit.calibration.result import Frontier, Loading, LoadingHistory
from riskkit.calibration.waterfall import margin_waterfall
from riskkit.lab.explorers.live import Live, LivePoint, live_point
from riskkit.lab.explorers.market import FittedMarket
from riskkit.paths.model import PathModel, Shocks
from riskkit.paths.run import Run, Stream
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.simulation.exits import Exits, simulate_exits
from riskkit.study.study import Periods, Study
from riskkit.tail.along_history import CURVE_PATHS, DynamicTail, with_realised_losses
from riskkit.tail.curve import TailCurve, TailTask, tail_curve
from riskkit.tail.forecast import forecast_moves
from riskkit.tail.sigma_curve import SigmaCurve
from riskkit.venue.margin import loss_with_oracle_gap
from riskkit.volatility.result import VolatilityFit

T = TypeVar("T")
LAGS = 8
"""Delays in bars whose exits are kept together: a few bars more to simulate, once for all."""


@dataclass(frozen=True)
class Snapshot:
    """One setting of an explorer, computed.

    Attributes
    ----------
    study : Study
        The setting.
    side : Side
    periods : Periods
    fit : VolatilityFit
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

    study: Study
    side: Side
    periods: Periods
    fit: VolatilityFit = field(repr=False)
    point: Limits
    floor: Limits | None
    recommended: Limits
    frontier: Frontier = field(repr=False)
    waterfall: pd.Series = field(repr=False)
    history: pd.DataFrame = field(repr=False)
    live: LivePoint | None

    @property
    def floored(self) -> bool:
        """Whether the floor decided the recommended covered loss."""
        return self.recommended.covered_loss.value > self.point.covered_loss.high

    @property
    def is_loan(self) -> bool:
        """Whether the numbers are thresholds of a loan rather than margins."""
        return self.study.venue.kind == "loan"


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
    fit, periods, paths = (
        fitted.fit,
        study.periods(fitted.market.history.bar),
        study.simulation.paths,
    )
    starts = buffers.state_starts(study.simulation.start_state)
    forecast = _remembering(fitted, study.model.shocks, forecast_moves)
    exits = _remembering_lags(_remembering(fitted, study.model.shocks, simulate_exits))

    def solve(from_: Starts) -> Solution:
        return buffers.solve_buffer(
            study, fit, side, periods, from_, paths=paths, forecast=forecast, exits=exits
        )

    with ThreadPoolExecutor(threads) as pool:
        solving = pool.submit(solve, starts)
        floor_solving = (
            pool.submit(solve, buffers.history_starts(fitted.full_history_sigma))
            if study.venue.floor == "full-history"
            else None
        )
        bending = pool.submit(_tail, fitted, study, side, periods)
        buffer, tail = solving.result(), bending.result()
        floor_buffer = floor_solving.result() if floor_solving else None
    point = _limits(study, side, buffer)
    floor = _limits(study, side, floor_buffer) if floor_buffer else None
    safe = buffers.safe_limits(study, point, floor)
    return Snapshot(
        study=study,
        side=side,
        periods=periods,
        fit=fit,
        point=point,
        floor=floor,
        recommended=safe,
        frontier=buffers.frontier(study, buffer, side, buffer.covered.value),
        waterfall=margin_waterfall(
            study,
            fit,
            side,
            periods,
            starts,
            covered=point.covered_loss.value,
            upper=point.covered_loss.high,
            final=safe.covered_loss.value,
            paths=paths,
            threads=threads,
            forecast=forecast,
        ),
        history=published(study, tail, side, _loading(study, side, buffer, fitted)),
        live=live_point(study, fit, side, periods, live, buffer.reaction, starts(fit), exits)
        if live
        else None,
    )


def _remembering(
    fitted: FittedMarket, shocks: Shocks, simulate: Callable[..., T]
) -> Callable[..., T]:
    """A simulation of one fit that is run once: while costs and targets move, its paths stay."""

    def remembered(world: World, run: Run, **rest: Any) -> T:
        start = world.start.volatilities(world.model, run)
        asked = (start.tobytes(), replace(run, threads=1), tuple(sorted(rest.items())))
        return fitted.memory.of(
            (simulate.__name__, shocks, *asked), lambda: simulate(world, run, **rest)
        )

    return remembered


def _remembering_lags(exits: Callable[..., Exits]) -> Callable[..., Exits]:
    """Asked for the exits of one lag, keep those of its neighbours too: a delay moves by bars."""

    def widened(world: World, run: Run, *, lags: range, **rest: Any) -> Exits:
        first, last = lags.start // LAGS * LAGS, -(-lags.stop // LAGS) * LAGS
        return exits(world, run, lags=range(first, last), **rest)

    return widened


def _limits(study: Study, side: Side, buffer: Solution) -> Limits:
    covered, excursion = (buffers.band(e, []) for e in (buffer.covered, buffer.excursion))
    return buffers.limits(study, side, study.simulation.start_state, covered, excursion)


def _loading(study: Study, side: Side, buffer: Solution, fitted: FittedMarket) -> LoadingHistory:
    """Today's ratio of covered loss to quantile, applied to all of history."""
    deviation = study.mechanism.oracle_deviation_fraction
    plain = float(loss_with_oracle_gap(buffer.quantile.value, side, deviation))
    first = fitted.walk["origin"].iloc[0]
    sigma = np.array([fitted.fit.next_sigma])
    loading = Loading(first, SigmaCurve(sigma, np.array([buffer.covered.value / plain])))
    return LoadingHistory((loading,))


def _task(study: Study, periods: Periods) -> TailTask:
    return TailTask(
        loss_bars=periods.margin_period_of_risk,
        loss_confidence=1.0 - study.targets.default_given_liquidation_probability,
        excursion_bars=periods.reaction_time.bars,
        excursion_confidence=1.0 - study.targets.liquidation_within_reaction_time_probability,
    )


def _tail(fitted: FittedMarket, study: Study, side: Side, periods: Periods) -> DynamicTail:
    """Today's model's tail at every origin of history, and the loss that came."""
    task, shocks, simulation = _task(study, periods), study.model.shocks, study.simulation

    def walk() -> DynamicTail:
        curve = _curve(fitted, study, periods, task)
        known = fitted.memory.of(
            ("realised", shocks, side, task.loss_bars),
            lambda: _realised(fitted, shocks, side, task.loss_bars),
        )
        sigma, floor = known["sigma"].to_numpy(), known["floor_sigma"].to_numpy()
        tails = {
            "tail_loss": curve.loss(sigma, side),
            "excursion": curve.excursion(sigma, side),
            "floor_loss": curve.loss(floor, side),
            "floor_excursion": curve.excursion(floor, side),
        }
        return DynamicTail(known.assign(**tails), task, 1)

    key = ("history", task, shocks, side, simulation.paths, simulation.seed)
    return fitted.memory.of(key, walk)


def _curve(fitted: FittedMarket, study: Study, periods: Periods, task: TailTask) -> TailCurve:
    """The tail of today's model at every volatility that history held."""
    world = World.of_fit(fitted.fit, bar=periods.bar, shocks=study.model.shocks)
    sigma = world.model.volatility(fitted.walk["sigma"].to_numpy())
    floor = fitted.walk["floor"]
    # A rare target needs ten paths beyond it, as everywhere.
    target = min(study.targets.model_dump().values())
    paths = min(max(CURVE_PATHS, round(20.0 / target)), study.simulation.paths)
    return tail_curve(
        world,
        Run(paths, study.simulation.seed).stream(Stream.HISTORY),
        task,
        low=float(min(sigma.min(), floor.min())),
        high=float(max(sigma.max(), floor.max())),
        forecast=_remembering(fitted, study.model.shocks, forecast_moves),
    )


def _realised(fitted: FittedMarket, shocks: Shocks, side: Side, bars: int) -> pd.DataFrame:
    """Columns of `DynamicTail.table` that no target moves: states, and the losses that came."""
    model = PathModel.from_fit(fitted.fit, shocks)
    table = pd.DataFrame(
        {
            "origin": fitted.walk["origin"],
            "side": side.value,
            "sigma": model.volatility(fitted.walk["sigma"].to_numpy()),
            "floor_sigma": fitted.walk["floor"],
            "model": fitted.fit.spec.name,
            "health": fitted.fit.health.statement,
        }
    )
    return with_realised_losses(table, fitted.market.history, bars)
