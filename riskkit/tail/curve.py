"""The tail as a function of today's volatility: one simulation per node, the rest interpolated.

For given parameters the tail over the margin period of risk depends on the state only through
sigma, and smoothly: simulating a few states with common random numbers gives a whole history of
margins at the cost of a few.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.paths.memory import OwnSideMemory
from riskkit.paths.run import Run
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.tail.forecast import Forecaster, forecast_moves
from riskkit.tail.sigma_curve import SigmaCurve, sigma_nodes

Array = npt.NDArray[np.float64]

NODES = 7


@dataclass(frozen=True)
class TailTask:
    """What a margin needs from the tail.

    Attributes
    ----------
    loss_bars : int
        Margin period of risk, in bars; the simple loss at its end is taken at
        ``loss_confidence``.
    excursion_bars : int
        Reaction time, in bars; the running maximum adverse excursion within it is taken at
        ``excursion_confidence``.
    memory : OwnSideMemory or None
        What each side remembers of its own losses.
    correction_rate : float
        At which the tail loss is corrected by its own record along history; 0 leaves it alone.
    horizons : tuple of int
        Bars over which the forecasts of variance are held to what came.
    half_life : float
        Bars after which such a forecast counts half.
    """

    loss_bars: int
    loss_confidence: float
    excursion_bars: int
    excursion_confidence: float
    memory: OwnSideMemory | None = None
    correction_rate: float = 0.0
    horizons: tuple[int, ...] = ()
    half_life: float = math.inf


@dataclass(frozen=True)
class TailCurve:
    """Tail loss and adverse excursion per side, as functions of sigma."""

    losses: Mapping[Side, SigmaCurve] = field(repr=False)
    excursions: Mapping[Side, SigmaCurve] = field(repr=False)

    def loss(self, sigma: npt.ArrayLike, side: Side) -> Array:
        """Simple tail loss at the given volatilities (any shape), interpolated in logs."""
        return self.losses[side].proportional(sigma)

    def excursion(self, sigma: npt.ArrayLike, side: Side) -> Array:
        """Simple adverse excursion at the given volatilities (any shape)."""
        return self.excursions[side].proportional(sigma)


def tail_curve(
    world: World,
    run: Run,
    task: TailTask,
    *,
    low: float,
    high: float,
    nodes: int = NODES,
    forecast: Forecaster | None = None,
) -> TailCurve:
    """Simulate the tail at ``nodes`` volatilities from ``low`` to ``high``, evenly in logs.

    The same seed serves every node, so that the curve is smooth in sigma.

    Parameters
    ----------
    world : World
        Its start plays no part.
    low, high : float
        Volatilities of the first bar, in the scale of the shocks.
    forecast : callable, optional
        As `forecast_moves`, but one that remembers what it returned: it is asked for each period
        by itself. Without it one simulation serves both.
    """
    states = sigma_nodes(low, high, nodes)
    losses: dict[Side, list[float]] = {side: [] for side in Side}
    excursions: dict[Side, list[float]] = {side: [] for side in Side}
    for state in states.tolist():
        from_here = world.starting(Start.measured(state))
        if forecast is None:
            closed = moved = forecast_moves(
                from_here, run, bars=task.loss_bars, within=task.excursion_bars
            )
        else:
            closed = forecast(from_here, run, bars=task.loss_bars)
            moved = forecast(from_here, run, bars=task.excursion_bars)
        for side in Side:
            losses[side].append(closed.value_at_risk(task.loss_confidence, side).value)
            excursions[side].append(moved.excursion_at_risk(task.excursion_confidence, side).value)
    return TailCurve(
        losses={side: SigmaCurve(states, np.array(v)) for side, v in losses.items()},
        excursions={side: SigmaCurve(states, np.array(v)) for side, v in excursions.items()},
    )
