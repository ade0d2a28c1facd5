"""The buffer that meets a target P(default | liquidation), by simulating the mechanism.

A quantile of the loss over the margin period of risk, started today, would be too small: the
liquidations that happen within the holding horizon happen in high volatility, after a bar that
already jumped through the trigger. Simulation conditions on both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from riskkit.calibration.positions import (
    largest_covered_loss,
    late_trigger,
    open_position,
    trigger_level,
)
from riskkit.errors import InputError
from riskkit.estimate import Estimate
from riskkit.paths.run import Run
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.simulation import estimates
from riskkit.simulation.default import Execution, Weighting, simulate_grid
from riskkit.simulation.exits import Exits, simulate_exits
from riskkit.simulation.rows import default_levels
from riskkit.simulation.tally import Tally
from riskkit.study.study import Periods, Study
from riskkit.tail.forecast import Array
from riskkit.venue.mechanism import Loan, Position

CANDIDATES = 24
NEIGHBOURS = 3
PLAIN_HITS = 100

# `simulate_exits`, or whatever answers as it does.
Exiting = Callable[..., Exits]


@dataclass(frozen=True)
class Sweep:
    """P(default | liquidation) over a range of buffers, from one pass over the same paths.

    Attributes
    ----------
    table : DataFrame
        One row per candidate, by increasing ``covered_loss``: ``trigger`` (MM or LT), ``opening``
        (IM or LTV), ``efficiency`` (1/IM, or LTV), and for ``liquidation``, ``default``,
        ``default_given_liquidation`` the probability, its ``_error``, ``_low`` and ``_high``.
    """

    side: Side
    table: pd.DataFrame = field(repr=False)


def sweep_buffers(
    study: Study,
    world: World,
    run: Run,
    side: Side,
    periods: Periods,
    covered: Array,
    excursion: float,
    *,
    exits: Exiting = simulate_exits,
) -> Sweep:
    """Simulate every candidate buffer over the holding horizon.

    Parameters
    ----------
    covered : ndarray (k,)
        Losses that the candidates' buffers absorb, increasing.
    excursion : float
        Adverse move between opening and trigger, the same for all: all are triggered at one price.
    exits : callable
        `simulate_exits`, or one that remembers what it returned.
    """
    deviation = study.mechanism.oracle_deviation_fraction
    positions = [open_position(study, side, float(x), excursion) for x in covered]
    late = [late_trigger(p, deviation) for p in positions]
    horizon = periods.holding_horizon.bars
    if _plain_paths_do(study, run.paths):
        lag = periods.oracle_latency.bars + periods.liquidation_delay.bars
        trigger = trigger_level(side, excursion, deviation)
        lags = range(lag, lag + 1)
        out = exits(world, run, sign=side.sign, trigger=trigger, lags=lags, horizon=horizon)
        tally = out.tally(default_levels(late, study.mechanism.slippage_fraction), lag)
        found = _counted(tally)
    else:
        found = _weighted(study, world, run, periods, late)
    numbers = [
        (p.liquidation_threshold, p.loan_to_value, p.loan_to_value)
        if isinstance(p, Loan)
        else (p.maintenance_margin, p.initial_margin, 1.0 / p.initial_margin)
        for p in positions
    ]
    triggers, openings, efficiency = zip(*numbers, strict=True)
    columns = {
        "covered_loss": covered,
        "trigger": triggers,
        "opening": openings,
        "efficiency": efficiency,
    }
    for name, estimate in found.items():
        columns[name] = estimate.value
        columns[f"{name}_error"] = estimate.error
        columns[f"{name}_low"], columns[f"{name}_high"] = estimate.low, estimate.high
    return Sweep(side, pd.DataFrame(columns))


def _counted(tally: Tally) -> dict[str, Estimate[Array]]:
    """Probabilities of each candidate, shape (k,)."""
    return {
        "liquidation": estimates.liquidation_probability(tally),
        "default": estimates.default_probability(tally)[:, 0],
        "default_given_liquidation": estimates.default_given_liquidation(tally)[:, 0],
    }


def _weighted(
    study: Study, world: World, run: Run, periods: Periods, late: Sequence[Position]
) -> dict[str, Estimate[Array]]:
    """The same for a target so rare that plain paths may not hit it: tilted ones as well."""
    grid = simulate_grid(
        world,
        run,
        late,
        Execution(
            [periods.liquidation_delay.bars],
            [periods.oracle_latency.bars],
            study.mechanism.slippage_fraction,
        ),
        horizon=periods.holding_horizon.bars,
        weighting=Weighting.AUTO,
    )
    names = ("liquidation", "default", "default_given_liquidation")
    return {name: getattr(grid.estimates, name)[:, 0, 0] for name in names}


def solve_covered_loss(
    study: Study,
    world: World,
    run: Run,
    side: Side,
    periods: Periods,
    excursion: float,
    guess: float,
    *,
    exits: Exiting = simulate_exits,
) -> tuple[Estimate[float], Sweep]:
    """The covered loss at which P(default | liquidation) equals its target.

    Solved on a log-probability scale over candidates around ``guess``, all on the same paths; the
    standard error is that of the probability over the slope.

    Raises
    ------
    InputError
        If no margin below 98 % meets the target: the target or the mechanism must change.
    """
    target = study.targets.default_given_liquidation_probability
    top = largest_covered_loss(study, side)
    # Below the oracle's deviation a trigger comes after the default, whatever the buffer.
    least = 1.001 * study.mechanism.oracle_deviation_fraction + 1e-5
    low = max(0.3 * guess, least)
    high = min(max(4.0 * guess, 2.0 * low), top)
    while True:
        covered = np.geomspace(min(low, 0.5 * high), high, CANDIDATES)
        sweep = sweep_buffers(study, world, run, side, periods, covered, excursion, exits=exits)
        too_likely = sweep.table["default_given_liquidation"].to_numpy() > target
        if too_likely[-1]:
            if high >= top:
                raise _infeasible(study, side, sweep)
            low, high = high / 2.0, min(2.5 * high, top)
        elif not too_likely.any() and low > least:
            low, high = max(low / 4.0, least), 2.0 * low
        else:
            return _crossing(sweep.table, target), sweep


def _plain_paths_do(study: Study, paths: int) -> bool:
    """Whether the target leaves plain paths hits enough."""
    return study.targets.default_given_liquidation_probability * paths >= PLAIN_HITS


def _crossing(table: pd.DataFrame, target: float) -> Estimate[float]:
    """Where log P(default | liquidation) crosses the target for the last time."""
    x = table["covered_loss"].to_numpy()
    p = table["default_given_liquidation"].to_numpy()
    above = np.flatnonzero(p > target)
    if above.size == 0:  # the smallest buffer there can be is already safe enough
        return Estimate.normal(float(x[0]), 0.0)
    i = int(above[-1])
    log_p = np.log(np.maximum(p[i : i + 2], 1e-12))
    share = (log_p[0] - math.log(target)) / (log_p[0] - log_p[1])
    value = float(x[i] + share * (x[i + 1] - x[i]))
    near = slice(max(i - NEIGHBOURS + 1, 0), i + 1 + NEIGHBOURS)
    slope = np.polyfit(x[near], np.log(np.maximum(p[near], 1e-12)), 1)[0]
    errors = table["default_given_liquidation_error"].to_numpy()
    relative = float(np.interp(value, x, errors)) / target
    return Estimate.normal(value, relative / abs(float(slope)))


def _infeasible(study: Study, side: Side, sweep: Sweep) -> InputError:
    least = float(sweep.table["default_given_liquidation"].min())
    target = study.targets.default_given_liquidation_probability
    binding = "liquidation delay and oracle latency" if least > 10.0 * target else "the target"
    return InputError(
        "targets.default_given_liquidation_probability",
        target,
        f"no {side.value} buffer below 98 % meets it: at 98 % it is still {least:.2g}, and what "
        f"binds is {binding}",
        "Shorten the delay, start from a calmer state, or accept a higher target",
    )
