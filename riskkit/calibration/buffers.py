"""Covered loss, excursion and limits of one side from one start state."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from riskkit.calibration.accounts import Measured, meet_measures
from riskkit.calibration.counted import walking_together
from riskkit.calibration.limits import Limits
from riskkit.calibration.question import Question
from riskkit.calibration.result import Frontier
from riskkit.calibration.solve import Sweep, solve_covered_loss
from riskkit.errors import InputError
from riskkit.estimate import Estimate
from riskkit.paths.run import Stream
from riskkit.paths.start import StartState
from riskkit.position import Side
from riskkit.simulation.estimates import wilson
from riskkit.tail.forecast import MoveForecast

BAND_LEVEL, BAND_Z = 0.90, 1.6448536269514722  # of a normal, 5 % on either side


@dataclass(frozen=True)
class Solution:
    """The two losses that make a side's limits, with Monte-Carlo errors.

    ``quantile`` is the plain quantile of the loss over the margin period of risk. Where a target is
    set on a measure over accounts, ``measured`` says what they are, and ``raised`` by which factor
    they ask for more than P(default | liquidation) does, at least 1.
    """

    covered: Estimate[float]
    excursion: Estimate[float]
    quantile: Estimate[float]
    sweep: Sweep = field(repr=False)
    moves: MoveForecast = field(repr=False)
    reaction: MoveForecast = field(repr=False)
    measured: Measured | None = None
    raised: float = 1.0


@dataclass(frozen=True)
class Tails:
    """What may come from a question's start: both sides are answered from the same paths."""

    moves: MoveForecast = field(repr=False)
    reaction: MoveForecast = field(repr=False)

    @classmethod
    def of(cls, question: Question) -> Tails:
        """Moves over the margin period of risk, and over the reaction time."""
        periods, forecast = question.periods, question.simulator.forecast
        world, run = question.world, question.run
        period, reaction = periods.margin_period_of_risk, periods.reaction_time.bars
        return cls(
            forecast(world, run.stream(Stream.MARGIN_PERIOD), bars=period),
            forecast(world, run.stream(Stream.REACTION_TIME), bars=reaction),
        )


def solve_buffer(
    question: Question, side: Side, tails: Tails | None = None, *, near: float | None = None
) -> Solution:
    """Meet every target of a question from its start.

    The excursion is the quantile of the running maximum adverse move over the reaction time; the
    covered loss is solved by simulating the mechanism over the holding horizon, and raised where
    the declared accounts ask for more.

    Parameters
    ----------
    tails : Tails, optional
        Those of the question, where the other side has simulated them before.
    near : float, optional
        Where the covered loss is expected; see `riskkit.calibration.solve.solve_covered_loss`.

    Raises
    ------
    InputError
        If no buffer meets the target.
    """
    tails = tails or Tails.of(question)
    quantile = tails.moves.value_at_risk(1.0 - question.default_target, side)
    excursion = _excursion(question, side, tails)
    covered, sweep = solve_covered_loss(question, side, excursion.value, quantile.value, near)
    solution = Solution(covered, excursion, quantile, sweep, tails.moves, tails.reaction)
    if not question.targets.measures:
        return solution
    enough, measured = meet_measures(question, side, covered)
    raised = enough.value / covered.value
    return replace(solution, covered=enough, measured=measured, raised=raised)


def solve_sides(question: Question, sides: Iterable[Side]) -> dict[Side, Solution | InputError]:
    """`solve_buffer` for some sides, or why a side has none: from the same moves and paths."""
    wanted, tails = tuple(sides), Tails.of(question)
    asked = question
    if len(wanted) > 1:
        asked = walking_together(question, lambda side: _excursion(question, side, tails).value)
    found: dict[Side, Solution | InputError] = {}
    for side in wanted:
        try:
            found[side] = solve_buffer(asked, side, tails)
        except InputError as error:
            found[side] = error
    return found


def _excursion(question: Question, side: Side, tails: Tails) -> Estimate[float]:
    """The adverse move within the reaction time at the target."""
    return tails.reaction.excursion_at_risk(1.0 - question.liquidation_target, side)


def band(estimate: Estimate[float], refitted: list[float]) -> Estimate[float]:
    """A 90 % band from the Monte-Carlo error and the spread of refitted values."""
    spread = float(np.std(refitted, ddof=1)) if len(refitted) > 1 else 0.0
    half = BAND_Z * float(np.hypot(estimate.error, spread))
    low, high = max(estimate.value - half, 0.0), estimate.value + half
    return replace(estimate, low=low, high=high, level=BAND_LEVEL)


def limits(
    question: Question,
    side: Side,
    covered: Estimate[float],
    excursion: Estimate[float],
    state: StartState | None = None,
) -> Limits:
    """Limits from the two losses; errors and bands carry through.

    Both numbers are monotone in the two losses, so the ends of their bands are the limits at
    the ends of the losses' bands; errors take the delta method.

    Parameters
    ----------
    state : StartState, optional
        That the losses were simulated from; the study's own by default.
    """

    def at(covered_loss: float, moved: float) -> tuple[float, float]:
        # An error that could not be estimated is infinite, and so is what follows from it: the
        # parameter file refuses it in words.
        with np.errstate(invalid="ignore", over="ignore"):
            trigger, opening = question.venue.limits(covered_loss, moved, side)
        return float(trigger), float(opening)

    point = at(covered.value, excursion.value)
    more_covered = at(covered.value + covered.error, excursion.value)
    more_excursion = at(covered.value, excursion.value + excursion.error)
    safe, lean = at(covered.high, excursion.high), at(covered.low, excursion.low)
    trigger, opening = (
        Estimate(
            point[k],
            float(np.hypot(more_covered[k] - point[k], more_excursion[k] - point[k])),
            min(lean[k], safe[k]),
            max(lean[k], safe[k]),
            BAND_LEVEL,
        )
        for k in (0, 1)
    )
    instrument, state = question.venue.instrument, state or question.state
    return Limits(instrument, side, state, covered, excursion, trigger, opening)


def point_limits(question: Question, side: Side, solution: Solution) -> Limits:
    """Limits of a solution whose bands hold the Monte-Carlo error alone."""
    return limits(question, side, band(solution.covered, []), band(solution.excursion, []))


def safe_limits(question: Question, point: Limits, floor: Limits | None) -> Limits:
    """Limits at the safe end of the point's band, and no less safe than the floor's point.

    Each loss carries the band of the row that decided it.

    Raises
    ------
    InputError
        If the paths are too few to say where the band ends.
    """
    if not math.isfinite(point.covered_loss.high):
        raise InputError(
            "simulation.paths",
            question.run.paths,
            f"is too few for the {point.side} side: how far off its buffer is cannot be said, "
            "since hardly any path ends near the target",
            "Raise simulation.paths, or look at the largest moves of the prices",
        )
    covered, excursion = (
        replace(loss, value=loss.high) for loss in (point.covered_loss, point.excursion)
    )
    if floor is not None:
        covered = max(covered, floor.covered_loss, key=lambda b: b.value)
        excursion = max(excursion, floor.excursion, key=lambda b: b.value)
    return limits(question, point.side, covered, excursion, point.state)


def frontier(question: Question, solution: Solution, side: Side) -> Frontier:
    """Both panels of the trade-off, from the paths that solved the buffer."""
    worst = solution.reaction.sorted_excursions(side)
    target = question.liquidation_target
    probability = np.geomspace(max(target / 50.0, 20.0 / worst.size), 0.5, 40)[::-1]
    excursion = np.quantile(worst, 1.0 - probability)
    hits = worst.size - np.searchsorted(worst, excursion, side="left")
    low, high = wilson(hits, worst.size)
    trigger, opening = question.venue.limits(solution.covered.value, excursion, side)
    panel = pd.DataFrame(
        {
            "excursion": excursion,
            "distance": np.abs(opening - trigger),
            "probability": hits / worst.size,
            "low": low,
            "high": high,
        }
    )
    return Frontier(side, solution.sweep.table, panel)
