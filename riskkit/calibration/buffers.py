"""Covered loss, excursion and parameters of one side from one start state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from riskkit.calibration.limits import Limits
from riskkit.calibration.positions import open_position
from riskkit.calibration.result import Frontier
from riskkit.calibration.solve import Exiting, Sweep, solve_covered_loss
from riskkit.estimate import Estimate
from riskkit.paths.run import Run, Stream
from riskkit.paths.start import Start, StartState
from riskkit.paths.world import World
from riskkit.position import Instrument, Side
from riskkit.simulation.estimates import wilson
from riskkit.simulation.exits import simulate_exits
from riskkit.study.study import Periods, Study
from riskkit.tail.forecast import Forecaster, MoveForecast, forecast_moves
from riskkit.venue.mechanism import Loan
from riskkit.volatility.result import VolatilityFit

BAND_LEVEL, BAND_Z = 0.90, 1.6448536269514722  # of a normal, 5 % on either side


# Where the paths of a fit start.
Starts = Callable[[VolatilityFit], Start]


@dataclass(frozen=True)
class Solution:
    """The two losses that make a side's limits, with Monte-Carlo errors.

    ``quantile`` is the plain quantile of the loss over the margin period of risk.
    """

    covered: Estimate[float]
    excursion: Estimate[float]
    quantile: Estimate[float]
    sweep: Sweep = field(repr=False)
    moves: MoveForecast = field(repr=False)
    reaction: MoveForecast = field(repr=False)


def state_starts(state: StartState) -> Starts:
    """Starts of a stated policy."""
    return lambda fit: Start.of(fit, state)


def history_starts(volatility: float) -> Starts:
    """Every path starts from one volatility measured on returns."""
    return lambda _: Start.measured(volatility)


def solve_buffer(
    study: Study,
    fit: VolatilityFit,
    side: Side,
    periods: Periods,
    starts: Starts,
    *,
    paths: int,
    threads: int = 1,
    forecast: Forecaster = forecast_moves,
    exits: Exiting = simulate_exits,
) -> Solution:
    """Meet both targets of a study from one start state.

    The excursion is the quantile of the running maximum adverse move over the reaction time; the
    covered loss is solved by simulating the mechanism over the holding horizon.

    Parameters
    ----------
    forecast, exits : callable
        `forecast_moves` and `simulate_exits`, or ones that remember what they returned.

    Raises
    ------
    InputError
        If no buffer meets the target.
    """
    targets = study.targets
    world = World.of_fit(fit, starts(fit), bar=periods.bar, shocks=study.model.shocks)
    run = Run(paths, study.simulation.seed, threads)
    moves = forecast(world, run.stream(Stream.MARGIN_PERIOD), bars=periods.margin_period_of_risk)
    reaction = forecast(world, run.stream(Stream.REACTION_TIME), bars=periods.reaction_time.bars)
    quantile = moves.value_at_risk(1.0 - targets.default_given_liquidation_probability, side)
    excursion = reaction.excursion_at_risk(
        1.0 - targets.liquidation_within_reaction_time_probability, side
    )
    covered, sweep = solve_covered_loss(
        study,
        world,
        run.stream(Stream.SOLVE),
        side,
        periods,
        excursion.value,
        quantile.value,
        exits=exits,
    )
    return Solution(covered, excursion, quantile, sweep, moves, reaction)


def band(estimate: Estimate[float], refitted: list[float]) -> Estimate[float]:
    """A 90 % band from the Monte-Carlo error and the spread of refitted values."""
    spread = float(np.std(refitted, ddof=1)) if len(refitted) > 1 else 0.0
    half = BAND_Z * float(np.hypot(estimate.error, spread))
    low, high = max(estimate.value - half, 0.0), estimate.value + half
    return replace(estimate, low=low, high=high, level=BAND_LEVEL)


def limits(
    study: Study,
    side: Side,
    state: StartState,
    covered: Estimate[float],
    excursion: Estimate[float],
) -> Limits:
    """Limits from the two losses; errors and bands carry through.

    Both numbers are monotone in the two losses, so the ends of their bands are the limits at
    the ends of the losses' bands; errors take the delta method.
    """
    at = _numbers(study, side, covered.value, excursion.value)
    more_covered = _numbers(study, side, covered.value + covered.error, excursion.value)
    more_excursion = _numbers(study, side, covered.value, excursion.value + excursion.error)
    safe = _numbers(study, side, covered.high, excursion.high)
    lean = _numbers(study, side, covered.low, excursion.low)
    trigger, opening = (
        Estimate(
            at[k],
            float(np.hypot(more_covered[k] - at[k], more_excursion[k] - at[k])),
            min(lean[k], safe[k]),
            max(lean[k], safe[k]),
            BAND_LEVEL,
        )
        for k in (0, 1)
    )
    instrument = Instrument(study.venue.kind)
    return Limits(instrument, side, state, covered, excursion, trigger, opening)


def safe_limits(study: Study, point: Limits, floor: Limits | None) -> Limits:
    """Limits at the safe end of the point's band, and no less safe than the floor's point.

    Each loss carries the band of the row that decided it.
    """
    covered, excursion = (
        replace(loss, value=loss.high) for loss in (point.covered_loss, point.excursion)
    )
    if floor is not None:
        covered = max(covered, floor.covered_loss, key=lambda b: b.value)
        excursion = max(excursion, floor.excursion, key=lambda b: b.value)
    return limits(study, point.side, point.state, covered, excursion)


def frontier(study: Study, buffer: Solution, side: Side, covered: float) -> Frontier:
    """Both panels of the trade-off, from the paths that solved the buffer."""
    worst = buffer.reaction.sorted_excursions(side)
    target = study.targets.liquidation_within_reaction_time_probability
    probability = np.geomspace(max(target / 50.0, 20.0 / worst.size), 0.5, 40)[::-1]
    excursion = np.quantile(worst, 1.0 - probability)
    hits = worst.size - np.searchsorted(worst, excursion, side="left")
    low, high = wilson(hits, worst.size)
    distances = [np.diff(_numbers(study, side, covered, float(e)))[0] for e in excursion]
    panel = pd.DataFrame(
        {
            "excursion": excursion,
            "distance": np.abs(distances),
            "probability": hits / worst.size,
            "low": low,
            "high": high,
        }
    )
    return Frontier(side, buffer.sweep.table, panel)


def _numbers(study: Study, side: Side, covered: float, excursion: float) -> tuple[float, float]:
    position = open_position(study, side, covered, excursion)
    if isinstance(position, Loan):
        return position.liquidation_threshold, position.loan_to_value
    return position.maintenance_margin, position.initial_margin
