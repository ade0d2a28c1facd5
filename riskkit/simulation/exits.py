"""The prices at which paths are closed that cross one trigger: what a sweep of buffers needs.

Buffers that differ only in the loss they cover are triggered at one price, and closed out together.
One walk down the paths finds where each path is some bars after that; who has defaulted there is
then counted for any number of default prices, costs and bonuses, without simulating again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Matrix, Real, Vector, Whole, compiled
from riskkit.errors import InputError
from riskkit.paths.draws import LANES, ROW
from riskkit.paths.kernel import Source, new_block, simulate_block
from riskkit.paths.pieces import in_pieces
from riskkit.paths.run import Run, check_run
from riskkit.paths.simulate import path_source
from riskkit.paths.world import World
from riskkit.simulation.tally import Tally

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

NEVER = -1.0


@dataclass(frozen=True)
class Exits:
    """Paths that cross a trigger within a horizon, and where they are some bars after that.

    Attributes
    ----------
    lags : range
        Bars from the market's crossing to execution, consecutive.
    prices : ndarray (lags, n)
        Log prices at execution times the sign of the side, so that losses are downwards; a column
        for each path that crosses.
    times : ndarray (3,) of int
        Paths that cross, and the sums of their trigger bars (the first is 1) and of the squares.
    paths, failed : int
        Paths simulated, and those whose price did not stay finite, which count nowhere.
    """

    lags: range
    prices: Array = field(repr=False)
    times: Counts
    paths: int
    failed: int

    def tally(self, defaults: Array, lag: int) -> Tally:
        """Count the paths that are below each default price when they are closed.

        Parameters
        ----------
        defaults : ndarray (K,)
            Log prices times the sign of the side.
        lag : int
            One of ``lags``.
        """
        prices = self.prices[self.lags.index(lag)]
        hits = [np.count_nonzero(prices < default) for default in defaults]
        times = np.tile(self.times, (defaults.size, 1))
        return Tally(self.paths, self.failed, False, np.array(hits)[:, None], times)


def simulate_exits(
    world: World, run: Run, *, sign: int, trigger: float, lags: range, horizon: int
) -> Exits:
    """Simulate the paths of `riskkit.simulation.default.simulate_grid`, and close out at some lags.

    Parameters
    ----------
    sign : int
        +1 where a falling price loses, -1 where a rising one does.
    trigger : float
        Log price times the sign at or below which a bar's worst known price is a trigger.
    lags : range
        Bars from the market's crossing to execution, oracle latency and liquidation delay together:
        consecutive.
    horizon : int
        Bars in which a path may cross.

    Raises
    ------
    InputError
        If a count or the start breaks a rule.
    """
    if horizon < 1:
        raise InputError("horizon", horizon, "must be at least 1 bar", "Give bars, rounded up")
    if len(lags) == 0 or lags.start < 0 or lags.step != 1:
        rule = "must be consecutive bars, none of them negative"
        raise InputError("lags", lags, rule, "Give range(lag, lag + 1) for one")
    bars = horizon + lags.stop - 1
    check_run(run, bars)
    source, paths = path_source(world, run, sign=sign), run.paths
    crossed, executed = np.empty(paths), np.empty((len(lags), paths))

    def piece(begin: int, end: int) -> int:
        return _close_out(source, begin, end, horizon, lags.start, trigger, crossed, executed)

    failed = sum(in_pieces(piece, paths, run.threads, bars=bars))
    hit = crossed != NEVER
    bar = crossed[hit].astype(np.int64) + 1
    times = np.array([bar.size, bar.sum(), (bar * bar).sum()])
    return Exits(lags, executed[:, hit], times, paths, failed)


@compiled()
def _close_out(  # pragma: no cover - compiled
    source: Source,
    begin: Whole,
    end: Whole,
    horizon: Whole,
    first_lag: Whole,
    trigger: Real,
    crossed: Vector,
    executed: Matrix,
) -> Whole:
    """First bar at or below the trigger, and prices from ``first_lag`` bars later on, path by path.

    ``crossed`` is NEVER where a path does not cross, or fails; returns how many fail.
    """
    lags = executed.shape[0]
    bars = horizon + first_lag + lags - 1
    block = new_block(source, bars, False)
    prices, touched, fills = block.prices, block.touched, block.fills
    first = np.empty(LANES)
    failed = 0
    for i in range(begin, end, LANES):
        for j in range(LANES):
            first[j] = NEVER
        simulate_block(source, i, block)
        # Backwards and without a branch, so that every lane is looked at at once.
        for t in range(horizon - 1, -1, -1):
            row = touched[t * ROW : t * ROW + LANES]
            for j in range(LANES):
                first[j] = t if row[j] <= trigger else first[j]
        last = prices[(bars - 1) * ROW : (bars - 1) * ROW + LANES]
        for j in range(min(LANES, end - i)):
            if not math.isfinite(last[j]):
                failed += 1
                first[j] = NEVER
            crossed[i + j] = first[j]
            if first[j] != NEVER:
                for d in range(lags):
                    executed[d, i + j] = fills[(np.int64(first[j]) + first_lag + d) * ROW + j]
    return failed
