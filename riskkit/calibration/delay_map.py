"""P(default | liquidation) over buffer and liquidation delay: what waiting costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.question import Question
from riskkit.calibration.solve import weighting_of
from riskkit.calibration.venue import GeneralVenue
from riskkit.errors import InputError
from riskkit.estimate import Array, Estimate
from riskkit.paths.run import Stream
from riskkit.position import Instrument, Side
from riskkit.simulation.default import Execution, simulate_grid


@dataclass(frozen=True)
class DelayMap:
    """Simulated on one set of paths for all cells: those of the frontier.

    Attributes
    ----------
    instrument : Instrument
    side : Side
    triggers : ndarray (k,)
        MM or LT.
    delays : tuple of int, length d
        Bars from the trigger to the close-out.
    horizon : int
        Bars for which positions are held.
    default_given_liquidation : Estimate
        Of shape (k, d).
    """

    instrument: Instrument
    side: Side
    triggers: Array
    delays: tuple[int, ...]
    horizon: int
    default_given_liquidation: Estimate[Array] = field(repr=False)

    def table(self) -> pd.DataFrame:
        """Probabilities; index the trigger, columns the delay in bars."""
        name = self.instrument.names[0]
        index = pd.Index(self.triggers, name=name)
        columns = pd.Index(self.delays, name="delay_bars")
        return pd.DataFrame(self.default_given_liquidation.value, index, columns)


def delay_map(
    question: Question,
    side: Side,
    triggers: npt.ArrayLike,
    *,
    excursion: float,
    delays: Sequence[int],
) -> DelayMap:
    """Simulate positions of every trigger at every delay, from the question's start.

    Parameters
    ----------
    triggers : array_like (k,)
        MM, or LT of a loan.
    excursion : float
        Adverse move between opening and trigger, the same for all.
    delays : sequence of int
        In bars, instead of the question's own.

    Raises
    ------
    InputError
        If a trigger leaves no buffer once costs and the oracle's deviation are paid.
    """
    venue, levels = question.venue, np.asarray(triggers, dtype=np.float64)
    covered = [venue.losses(float(level), float(level), side)[0] for level in levels]
    if not min(covered) > venue.deviation:
        rule = "must leave a buffer once costs and the oracle's deviation are paid"
        worst = float(levels[int(np.argmin(covered))])
        raise InputError("triggers", worst, rule, "Leave out the thinnest")
    if isinstance(venue, GeneralVenue):
        horizon = question.periods.holding_horizon.bars
        first, *rest = (
            at.simulate(
                question.world,
                question.run.stream(Stream.SOLVE),
                [at.open_position(side, loss, excursion) for loss in covered],
                horizon=horizon,
                weighting=weighting_of(question),
            ).default_given_liquidation
            for at in map(venue.delayed, delays)
        )
        side_by_side = first.beside(rest)
        return DelayMap(venue.instrument, side, levels, tuple(delays), horizon, side_by_side)
    grid = simulate_grid(
        question.world,
        question.run.stream(Stream.SOLVE),
        [venue.late(venue.open_position(side, loss, excursion)) for loss in covered],
        Execution(delays, [venue.latency], venue.slippage),
        horizon=question.periods.holding_horizon.bars,
        weighting=weighting_of(question),
    )
    found = grid.estimates.default_given_liquidation[:, 0, :]
    return DelayMap(venue.instrument, side, levels, tuple(delays), grid.estimates.horizon, found)
