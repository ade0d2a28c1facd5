"""What happens to a position opened at given parameters: simulated, over the holding horizon."""

from __future__ import annotations

from riskkit.calibration.buffers import Starts, seed_of
from riskkit.calibration.positions import late_trigger, open_position
from riskkit.paths.model import PathModel
from riskkit.position import Side
from riskkit.simulation.default import Weighting, simulate_grid
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
    paths = study.simulation.paths
    grid = simulate_grid(
        PathModel.from_fit(fit, study.model.shocks),
        [late_trigger(position, study.mechanism.oracle_deviation_fraction)],
        delays=[periods.liquidation_delay.bars],
        latencies=[periods.oracle_latency.bars],
        slippage=study.mechanism.slippage_fraction,
        start_sigma=starts(fit, paths),
        horizon=periods.holding_horizon.bars,
        paths=paths,
        seed=seed_of(study, 6),
        threads=threads,
        weighting=weighting,
        detail=True,
    )
    return grid.estimates[0, 0, 0]
