"""What happens to a position opened at given limits: simulated, over the holding horizon."""

from __future__ import annotations

from collections.abc import Sequence

from riskkit.calibration.question import Question
from riskkit.paths.run import Stream
from riskkit.position import Side
from riskkit.simulation.default import Weighting
from riskkit.simulation.result import DefaultEstimates
from riskkit.venue.mechanism import Position


def simulate_outcome(
    question: Question,
    side: Side,
    covered: float,
    excursion: float,
    *,
    weighting: Weighting = Weighting.AUTO,
) -> DefaultEstimates:
    """Estimates of liquidation, default, losses and time for one position; shape ().

    The paths are not those that solved the buffer, so the estimate is not flattered by the search.
    They are those of `riskkit.proof.recheck`: an export that rounds nothing says the same.
    """
    position = question.venue.open_position(side, covered, excursion)
    return simulate_positions(question, [position], weighting=weighting)[0]


def simulate_positions(
    question: Question,
    positions: Sequence[Position],
    *,
    bars: int | None = None,
    weighting: Weighting = Weighting.AUTO,
) -> DefaultEstimates:
    """Estimates of positions of one side, on the same paths; shape (k,).

    Parameters
    ----------
    bars : int, optional
        For which they are held; the study's holding horizon by default.
    """
    venue, holding = question.venue, question.periods.holding_horizon.bars
    return venue.simulate(
        question.world,
        question.run.stream(Stream.OUTCOME),
        positions,
        horizon=holding if bars is None else bars,
        weighting=weighting,
        detail=True,
    )
