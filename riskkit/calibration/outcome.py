"""What happens to a position opened at given parameters: simulated, over the holding horizon."""

from __future__ import annotations

from riskkit.calibration.buffers import Starts
from riskkit.calibration.positions import late_trigger, open_position
from riskkit.paths.run import Run, Stream
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.simulation.default import Execution, Weighting, simulate_grid
from riskkit.simulation.result import DefaultEstimates
from riskkit.study.study import Periods, Study
from riskkit.volatility.result import VolatilityFit


def simulate_outcome(
    study: Study,
    fit: VolatilityFit,
    side: Side,
    periods: Periods,
    starts: Starts,
    covered: float,
    excursion: float,
    *,
    threads: int = 1,
    weighting: Weighting = Weighting.AUTO,
) -> DefaultEstimates:
    """Estimates of liquidation, default, losses and time for one position; shape ().

    The paths are not those that solved the buffer, so the estimate is not flattered by the search.
    They are those of `riskkit.proof.recheck`: an export that rounds nothing says the same.
    """
    position = open_position(study, side, covered, excursion)
    run = Run(study.simulation.paths, study.simulation.seed, threads)
    grid = simulate_grid(
        World.of_fit(fit, starts(fit), bar=periods.bar, shocks=study.model.shocks),
        run.stream(Stream.OUTCOME),
        [late_trigger(position, study.mechanism.oracle_deviation_fraction)],
        Execution(
            [periods.liquidation_delay.bars],
            [periods.oracle_latency.bars],
            study.mechanism.slippage_fraction,
        ),
        horizon=periods.holding_horizon.bars,
        weighting=weighting,
        detail=True,
    )
    return grid.estimates[0, 0, 0]
