"""Recommended buffers, and what they predict, as a function of today's volatility.

For given parameters both depend on the state only through sigma, and smoothly: solving a few
states with common random numbers gives the recommendations of a whole history.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from riskkit.calibration.buffers import Tails, solve_buffer
from riskkit.calibration.question import Question
from riskkit.calibration.venue import LARGEST_BUFFER
from riskkit.errors import InputError
from riskkit.paths.run import Stream
from riskkit.paths.start import Start
from riskkit.position import Side
from riskkit.simulation.default import Weighting
from riskkit.tail.sigma_curve import SigmaCurve, sigma_nodes

Array = npt.NDArray[np.float64]

NODES = 5


@dataclass(frozen=True)
class Buffers:
    """Buffers at given volatilities, and their predictions; arrays of one shape.

    Attributes
    ----------
    covered, excursion : ndarray
        Losses that the buffer absorbs after and before the trigger; NaN where no buffer below
        98 % meets the target.
    within_reaction, liquidation, default : ndarray
        Simulated probability of liquidation within the reaction time, of liquidation within the
        holding horizon, of default; per position.
    """

    covered: Array = field(repr=False)
    excursion: Array = field(repr=False)
    within_reaction: Array = field(repr=False)
    liquidation: Array = field(repr=False)
    default: Array = field(repr=False)

    def where(self, rows: npt.NDArray[np.bool_]) -> Buffers:
        """The buffers of some rows."""
        return Buffers(*(getattr(self, f.name)[rows] for f in fields(self)))


@dataclass(frozen=True)
class BufferCurve:
    """Buffers of one side at increasing volatilities ``sigma`` (m,), for targets (k,).

    ``nodes`` holds arrays (k, m).
    """

    side: Side
    targets: tuple[float, ...]
    sigma: Array
    nodes: Buffers = field(repr=False)
    largest: float = LARGEST_BUFFER

    def at(self, sigma: npt.ArrayLike, target: int) -> Buffers:
        """Buffers for target number ``target`` at volatilities of any shape.

        Losses stay proportional to sigma beyond the outer nodes, and probabilities constant. Next
        to an infeasible node, and where a loss would reach 98 %, nothing is recommended: NaN.
        """
        n = self.nodes
        covered, excursion, *chances = (
            SigmaCurve(self.sigma, v[target])
            for v in (n.covered, n.excursion, n.within_reaction, n.liquidation, n.default)
        )
        losses = np.array([covered.proportional(sigma), excursion.proportional(sigma)])
        losses[:, ~(losses.max(axis=0) < self.largest)] = np.nan
        return Buffers(*losses, *(chance.constant(sigma) for chance in chances))


def buffer_curve(
    question: Question,
    side: Side,
    targets: tuple[float, ...],
    *,
    low: float,
    high: float,
    nodes: int = NODES,
    like: BufferCurve | None = None,
) -> BufferCurve:
    """Solve the buffers at ``nodes`` volatilities from ``low`` to ``high``, evenly in logs.

    Predictions are simulated on paths of their own, at the solved buffers: an error of the search
    moves the buffer and its prediction together.

    Parameters
    ----------
    targets : tuple of float
        Each is both P(default | liquidation) and P(liquidation within the reaction time).
    low, high : float
        In the scale of the shocks (`PathModel.volatility`).
    like : BufferCurve, optional
        One of the same targets under other parameters, near which the buffers are looked for.
    """
    sigma = sigma_nodes(low, high, nodes)
    found = np.full((5, len(targets), nodes), np.nan)
    for j, state in enumerate(sigma.tolist()):
        here = question.changed(start=Start.measured(state))
        tails = Tails.of(here)
        for k, target in enumerate(targets):
            try:
                near = _expected(found[0], sigma, j, k, like)
                solution = solve_buffer(here.asking(target), side, tails, near=near)
            except InputError:
                continue  # infeasible: NaN says so
            found[:2, k, j] = solution.covered.value, solution.excursion.value
        feasible = np.flatnonzero(np.isfinite(found[0, :, j]))
        if feasible.size:
            found[2:, feasible, j] = _predictions(here, side, found[:2, feasible, j])
    largest = question.venue.largest_buffer(side)
    return BufferCurve(side, targets, sigma, Buffers(*found), largest)


def _expected(
    covered: Array, sigma: Array, node: int, target: int, like: BufferCurve | None
) -> float | None:
    """Covered loss at a node: another curve's, or the node's before, as losses go with sigma."""
    if like is not None:
        found = float(like.at(sigma[node], target).covered)
    elif node > 0:
        found = float(covered[target, node - 1] * sigma[node] / sigma[node - 1])
    else:
        return None
    return found if np.isfinite(found) else None


def _predictions(question: Question, side: Side, losses: Array) -> Array:
    """P(liquidation within the reaction time), P(liquidation), P(default); shape (3, k)."""
    venue, periods = question.venue, question.periods
    positions = [
        venue.open_position(side, float(covered), float(excursion))
        for covered, excursion in losses.T
    ]
    found = []
    for stream, horizon in (
        (Stream.CURVE_REACTION, periods.reaction_time.bars),
        (Stream.CURVE_HOLDING, periods.holding_horizon.bars),
    ):
        estimates = venue.simulate(
            question.world,
            question.run.stream(stream),
            positions,
            horizon=horizon,
            weighting=Weighting.PLAIN,
        )
        found += [estimates.liquidation.value, estimates.default.value]
    return np.array([found[0], found[2], found[3]])
