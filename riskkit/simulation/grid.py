"""Every margin and every lag from one pass over the paths, in pieces for a thread pool.

Close-outs in full at flat slippage reduce a position to two log prices: it is triggered at or below
its trigger and has defaulted if the price at execution is below its default price (prices carry the
sign of the side, so that losses are always downwards). Plain paths are counted, which is fastest;
tilted ones and losses are summed with weights.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from riskkit.paths.pieces import in_pieces
from riskkit.paths.run import Run
from riskkit.paths.sampler import Sampler
from riskkit.paths.simulate import path_source
from riskkit.paths.world import World
from riskkit.simulation.counted_grid import count_grid
from riskkit.simulation.tally import DEFAULT_COLUMNS, TRIGGER_COLUMNS, Tally
from riskkit.simulation.weighted_grid import Reading, Sums, weigh_grid

Array = npt.NDArray[np.float64]


def tally_grid(world: World, run: Run, sampler: Sampler, rows: Array, reading: Reading) -> Tally:
    """Tally the rows at lags 0 … ``reading.lags`` - 1.

    Parameters
    ----------
    rows : ndarray (K, 4)
        Trigger and default log price times the sign, and the loss ``a + b P`` at price P relative
        to the opening; sorted by trigger, highest first.
    """
    count, lags = rows.shape[0], reading.lags
    source = path_source(world, run, sampler, sign=int(reading.sign))
    barriers = rows[:, 0].copy(), rows[:, 1].copy()

    def piece(begin: int, end: int) -> Tally:
        if not (reading.detail or reading.tilted):
            failed, hits, times = count_grid(source, (begin, end), reading.horizon, lags, *barriers)
            return Tally(end - begin, failed, False, hits, times)
        sums = Sums(
            hits=np.zeros(count * lags, dtype=np.int64),
            times=np.zeros(3 * count, dtype=np.int64),
            triggers=np.zeros((count, TRIGGER_COLUMNS)),
            defaults=np.zeros((count, lags, DEFAULT_COLUMNS)),
        )
        failed = weigh_grid(source, begin, end, reading, rows, sums)
        return Tally(
            end - begin,
            failed,
            reading.tilted,
            sums.hits.reshape(count, lags),
            sums.times.reshape(count, 3),
            sums.triggers,
            sums.defaults,
        )

    bars = reading.horizon + lags
    return Tally.total(in_pieces(piece, run.paths, run.threads, bars=bars))
