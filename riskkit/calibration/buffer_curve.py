"""Recommended buffers, and what they predict, as a function of today's volatility.

For given parameters both depend on the state only through sigma, and smoothly: solving a few
states with common random numbers gives the recommendations of a whole history.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from riskkit.calibration.buffers import history_starts, solve_buffer
from riskkit.calibration.positions import LARGEST_BUFFER, late_trigger, open_position
from riskkit.errors import InputError
from riskkit.paths.run import Run, Stream
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.simulation.default import Execution, Weighting, simulate_grid
from riskkit.study.study import Periods, Study
from riskkit.tail.sigma_curve import SigmaCurve, sigma_nodes
from riskkit.volatility.result import VolatilityFit

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
        losses[:, ~(losses.max(axis=0) < LARGEST_BUFFER)] = np.nan
        return Buffers(*losses, *(chance.constant(sigma) for chance in chances))


def with_target(study: Study, target: float) -> Study:
    """The study with both of its targets at one probability."""
    names = type(study.targets).model_fields
    return study.changed({"targets": dict.fromkeys(names, target)})


def buffer_curve(
    study: Study,
    fit: VolatilityFit,
    side: Side,
    periods: Periods,
    targets: tuple[float, ...],
    *,
    low: float,
    high: float,
    paths: int,
    nodes: int = NODES,
    threads: int = 1,
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
    """
    sigma = sigma_nodes(low, high, nodes)
    found = np.full((5, len(targets), nodes), np.nan)
    for j, state in enumerate(sigma.tolist()):
        for k, target in enumerate(targets):
            try:
                buffer = solve_buffer(
                    with_target(study, target),
                    fit,
                    side,
                    periods,
                    history_starts(state),
                    paths=paths,
                    threads=threads,
                )
            except InputError:
                continue  # infeasible: NaN says so
            found[:2, k, j] = buffer.covered.value, buffer.excursion.value
        feasible = np.flatnonzero(np.isfinite(found[0, :, j]))
        if feasible.size:
            found[2:, feasible, j] = _predictions(
                study, fit, side, periods, found[:2, feasible, j], state, paths, threads
            )
    return BufferCurve(side, targets, sigma, Buffers(*found))


def _predictions(
    study: Study,
    fit: VolatilityFit,
    side: Side,
    periods: Periods,
    losses: Array,
    sigma: float,
    paths: int,
    threads: int,
) -> Array:
    """P(liquidation within the reaction time), P(liquidation), P(default); shape (3, k)."""
    deviation = study.mechanism.oracle_deviation_fraction
    positions = [
        late_trigger(open_position(study, side, float(c), float(e)), deviation) for c, e in losses.T
    ]
    found = []
    start = Start.measured(sigma)
    world = World.of_fit(fit, start, bar=periods.bar, shocks=study.model.shocks)
    run = Run(paths, study.simulation.seed, threads)
    execution = Execution(
        [periods.liquidation_delay.bars],
        [periods.oracle_latency.bars],
        study.mechanism.slippage_fraction,
    )
    for stream, horizon in (
        (Stream.CURVE_REACTION, periods.reaction_time.bars),
        (Stream.CURVE_HOLDING, periods.holding_horizon.bars),
    ):
        grid = simulate_grid(
            world,
            run.stream(stream),
            positions,
            execution,
            horizon=horizon,
            weighting=Weighting.PLAIN,
        ).estimates
        found += [grid.liquidation.value[:, 0, 0], grid.default.value[:, 0, 0]]
    return np.array([found[0], found[2], found[3]])
