"""Positions of one trigger counted on the paths that cross it: probabilities, and nothing else.

Where a venue closes positions in full, at one cost, after fixed lags, buffers that differ in the
loss they cover are triggered at one price, and one walk down the paths answers for all of them. A
short's paths are a long's, mirrored, so that one walk also answers for both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from riskkit.calibration.question import Question
from riskkit.estimate import Array, Estimate
from riskkit.paths.run import Run, Stream
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.simulation import estimates
from riskkit.simulation.exits import Exits, simulate_both_exits, simulate_exits
from riskkit.simulation.rows import default_levels
from riskkit.simulation.tally import Tally
from riskkit.venue.mechanism import Position


def counted(
    question: Question,
    side: Side,
    excursion: float,
    positions: Sequence[Position],
    *,
    stream: Stream,
    bars: int,
) -> dict[str, Estimate[Array]]:
    """Probabilities of each position, shape (k,), from plain paths.

    Parameters
    ----------
    question : Question
        At a simple venue.
    excursion : float
        Adverse move between opening and trigger, the same for all.
    positions : sequence of Position
    stream : Stream
        Of the paths.
    bars : int
        For which they are held.

    Returns
    -------
    dict
        ``liquidation``, ``default`` and ``default_given_liquidation``.
    """
    lag, venue = question.lag, question.venue
    out = question.simulator.exits(
        question.world,
        question.run.stream(stream),
        sign=side.sign,
        trigger=venue.trigger_level(side, excursion),
        lags=range(lag, lag + 1),
        horizon=bars,
    )
    late = [venue.late(position) for position in positions]
    tally: Tally = out.tally(default_levels(late, venue.slippage), lag)
    return {
        "liquidation": estimates.liquidation_probability(tally),
        "default": estimates.default_probability(tally)[:, 0],
        "default_given_liquidation": estimates.default_given_liquidation(tally)[:, 0],
    }


def walking_together(question: Question, excursion: Callable[[Side], float]) -> Question:
    """The question with a simulator that walks once for both sides, where the paths allow it.

    Parameters
    ----------
    excursion : callable
        Of each side, as it will be asked for.
    """
    if question.simulator.exits is not simulate_exits or question.world.model.inside is not None:
        return question
    walked: dict[tuple[Run, range, int], tuple[Exits, Exits]] = {}

    def exits(
        world: World, run: Run, *, sign: int, trigger: float, lags: range, horizon: int
    ) -> Exits:
        asked = (run, lags, horizon)
        if asked not in walked:
            long, short = (question.venue.trigger_level(s, excursion(s)) for s in Side)
            walked[asked] = simulate_both_exits(
                world, run, triggers=(long, short), lags=lags, horizon=horizon
            )
        return walked[asked][0 if sign > 0 else 1]

    simulator: Any = replace(question.simulator, exits=exits)
    return question.changed(simulator=simulator)
