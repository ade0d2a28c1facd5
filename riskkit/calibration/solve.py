"""The buffer that meets a target P(default | liquidation), by simulating the mechanism.

A quantile of the loss over the margin period of risk, started today, would be too small: the
liquidations that happen within the holding horizon happen in high volatility, after a bar that
already jumped through the trigger. Simulation conditions on both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from riskkit.calibration.counted import counted
from riskkit.calibration.question import Question, Simulator
from riskkit.calibration.venue import LARGEST_BUFFER, GeneralVenue, limits_of
from riskkit.errors import InputError
from riskkit.estimate import Array, Estimate
from riskkit.paths.run import Stream
from riskkit.position import Side
from riskkit.simulation.default import Weighting
from riskkit.simulation.exits import Exits
from riskkit.venue.mechanism import Position

CANDIDATES = 24
NEIGHBOURS = 3
PLAIN_HITS = 100
WINDOW = 4  # candidates that are simulated at once where the solution is expected


@dataclass(frozen=True)
class Sweep:
    """P(default | liquidation) over a range of buffers, from one pass over the same paths.

    Attributes
    ----------
    columns : mapping of str to ndarray (k,)
        A number per candidate, by increasing ``covered_loss``: ``trigger`` (MM or LT), ``opening``
        (IM or LTV), ``efficiency`` (1/IM, or LTV), and for ``liquidation``, ``default``,
        ``default_given_liquidation`` the probability, its ``_error``, ``_low`` and ``_high``.
    """

    side: Side
    columns: Mapping[str, Array] = field(repr=False)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The columns as a table, a row per candidate."""
        return pd.DataFrame(self.columns)


def weighting_of(question: Question) -> Weighting:
    """Plain paths, where the target leaves them hits enough; else tilted ones as well."""
    plain = question.default_target * question.run.paths >= PLAIN_HITS
    return Weighting.PLAIN if plain else Weighting.AUTO


def sweep_buffers(question: Question, side: Side, covered: Array, excursion: float) -> Sweep:
    """Simulate every candidate buffer over the holding horizon.

    Parameters
    ----------
    covered : ndarray (k,)
        Losses that the candidates' buffers absorb, increasing.
    excursion : float
        Adverse move between opening and trigger, the same for all: all are triggered at one price.
    """
    venue = question.venue
    positions = venue.open_positions(side, covered, excursion)
    weighting = weighting_of(question)
    if weighting is Weighting.PLAIN and not isinstance(venue, GeneralVenue):
        found = counted(
            question,
            side,
            excursion,
            positions,
            stream=Stream.SOLVE,
            bars=question.periods.holding_horizon.bars,
        )
    else:
        found = _simulated(question, positions, weighting)
    trigger, opening = np.array([limits_of(p) for p in positions]).T
    columns = {
        "covered_loss": covered,
        "trigger": trigger,
        "opening": opening,
        "efficiency": opening if venue.is_loan else 1.0 / opening,
    }
    for name, estimate in found.items():
        columns[name] = estimate.value
        columns[f"{name}_error"] = estimate.error
        columns[f"{name}_low"], columns[f"{name}_high"] = estimate.low, estimate.high
    return Sweep(side, columns)


def _simulated(
    question: Question, positions: Sequence[Position], weighting: Weighting
) -> dict[str, Estimate[Array]]:
    """The same where one trigger does not serve all, or plain paths may not hit the target."""
    found = question.simulator.positions(
        question.venue,
        question.world,
        question.run.stream(Stream.SOLVE),
        positions,
        horizon=question.periods.holding_horizon.bars,
        weighting=weighting,
    )
    names = ("liquidation", "default", "default_given_liquidation")
    return {name: getattr(found, name) for name in names}


def solve_covered_loss(
    question: Question, side: Side, excursion: float, guess: float, near: float | None = None
) -> tuple[Estimate[float], Sweep]:
    """The covered loss at which P(default | liquidation) equals its target.

    Solved on a log-probability scale over candidates around ``guess``, all on the same paths; the
    standard error is that of the probability over the slope.

    Parameters
    ----------
    guess : float
        Around which candidates lie.
    near : float, optional
        Where the solution is expected. Where every candidate costs a run of its own (any mechanism
        but the simple one), only those next to it are simulated, on the same grid: the same value,
        unless the probability crosses its target more than once. The sweep then holds only them.

    Raises
    ------
    InputError
        If no margin below the largest meets the target: the target or the mechanism must change.
    """
    target = question.default_target
    question = question.changed(simulator=_once(question.simulator))
    top = question.venue.largest_covered_loss(side)
    whole = min(question.venue.covered_below(LARGEST_BUFFER, side), top)
    # Below the oracle's deviation a trigger comes after the default, whatever the buffer.
    least = 1.001 * question.venue.deviation + 1e-5
    low = max(0.3 * guess, least)
    high = min(max(4.0 * guess, 2.0 * low), whole)
    while True:
        covered = np.geomspace(min(low, 0.5 * high), high, CANDIDATES)
        if near is not None and isinstance(question.venue, GeneralVenue):
            sweep = _sweep_near(question, side, covered, excursion, near)
            if sweep is not None:
                return _crossing(sweep.columns, target), sweep
            near = None
        sweep = sweep_buffers(question, side, covered, excursion)
        too_likely = sweep.columns["default_given_liquidation"] > target
        if too_likely[-1]:
            if high >= top:
                raise _infeasible(target, sweep, question.venue.largest_buffer(side))
            # A short's margin above its notional is looked for only where none below is enough.
            low, high = high / 2.0, min(2.5 * high, whole if high < whole else top)
        elif not too_likely.any() and low > least:
            low, high = max(low / 4.0, least), 2.0 * low
        else:
            return _crossing(sweep.columns, target), sweep


def _sweep_near(
    question: Question, side: Side, covered: Array, excursion: float, near: float
) -> Sweep | None:
    """The few candidates between which the target is met, looked for from one; None without any."""
    end, tried = covered.size - WINDOW, set[int]()
    first = min(max(int(np.searchsorted(covered, near)) - WINDOW // 2, 0), end)
    while first not in tried:
        tried.add(first)
        sweep = sweep_buffers(question, side, covered[first : first + WINDOW], excursion)
        too_likely = sweep.columns["default_given_liquidation"] > question.default_target
        if too_likely[0] and not too_likely[-1]:
            return sweep
        step = WINDOW - 1 if too_likely[-1] else 1 - WINDOW
        first = min(max(first + step, 0), end)
    return None


def _once(simulator: Simulator) -> Simulator:
    """One walk down the paths serves every range of candidates: all have the same trigger."""
    kept: list[Exits] = []

    def exits(*asked: Any, **rest: Any) -> Exits:
        if not kept:
            kept.append(simulator.exits(*asked, **rest))
        return kept[0]

    return replace(simulator, exits=exits)


def _crossing(columns: Mapping[str, Array], target: float) -> Estimate[float]:
    """Where log P(default | liquidation) crosses the target for the last time."""
    x = columns["covered_loss"]
    p = columns["default_given_liquidation"]
    above = np.flatnonzero(p > target)
    if above.size == 0:  # the smallest buffer there can be is already safe enough
        return Estimate.normal(float(x[0]), 0.0)
    i = int(above[-1])
    log_p = np.log(np.maximum(p[i : i + 2], 1e-12))
    share = (log_p[0] - math.log(target)) / (log_p[0] - log_p[1])
    value = float(x[i] + share * (x[i + 1] - x[i]))
    near = slice(max(i - NEIGHBOURS + 1, 0), i + 1 + NEIGHBOURS)
    slope = np.polyfit(x[near], np.log(np.maximum(p[near], 1e-12)), 1)[0]
    errors = columns["default_given_liquidation_error"]
    relative = float(np.interp(value, x, errors)) / target
    return Estimate.normal(value, relative / abs(float(slope)))


def _infeasible(target: float, sweep: Sweep, largest: float) -> InputError:
    least = float(sweep.columns["default_given_liquidation"].min())
    binding = "liquidation delay and oracle latency" if least > 10.0 * target else "the target"
    end = f"{100.0 * largest:g} %"
    return InputError(
        "targets.default_given_liquidation_probability",
        target,
        f"no {sweep.side.value} buffer below {end} meets it: at {end} it is still {least:.2g}, and "
        f"what binds is {binding}",
        "Shorten the delay, start from a calmer state, or accept a higher target",
    )
