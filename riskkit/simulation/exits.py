"""The prices at which paths are closed that cross one trigger: what a sweep of buffers needs.

Buffers that differ only in the loss they cover are triggered at one price, and closed out together.
One walk down the paths finds that price for each of them; who has defaulted at it is then counted
for any number of default prices, costs and bonuses, without simulating again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numba
import numpy as np
import numpy.typing as npt

from riskkit.simulation.tally import Tally
from riskkit.volatility.path_kernel import (
    in_pieces,
    recursion_parameters,
    simulate_block,
    start_variances,
)
from riskkit.volatility.paths import PathModel, check_run
from riskkit.volatility.random_bits import Stream, stream_key
from riskkit.volatility.shock_kernel import (
    LANES,
    ROW,
    SAMPLER_TYPES,
    STATE_SIZE,
    sampler_arguments,
)
from riskkit.volatility.shock_sampler import plain_sampler

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

NEVER = -1.0


@dataclass(frozen=True)
class Exits:
    """Paths that cross a trigger within a horizon, and where they are ``lag`` bars after that.

    Attributes
    ----------
    prices : ndarray (n,)
        Log prices at execution times the sign of the side, so that losses are downwards,
        increasing; one for each path that crosses.
    times : ndarray (3,) of int
        Paths that cross, and the sums of their trigger bars (the first is 1) and of the squares.
    paths, failed : int
        Paths simulated, and those whose price did not stay finite, which count nowhere.
    """

    prices: Array = field(repr=False)
    times: Counts
    paths: int
    failed: int

    def tally(self, defaults: Array) -> Tally:
        """Count the paths that are below each default price when they are closed.

        Parameters
        ----------
        defaults : ndarray (K,)
            Log prices times the sign of the side.
        """
        hits = np.searchsorted(self.prices, defaults, side="left")
        times = np.tile(self.times, (defaults.size, 1))
        return Tally(self.paths, self.failed, False, hits[:, None].astype(np.int64), times)


def simulate_exits(
    model: PathModel,
    *,
    sign: int,
    trigger: float,
    lag: int,
    start_sigma: float | Array,
    horizon: int,
    paths: int,
    seed: int,
    threads: int = 1,
) -> Exits:
    """Simulate the paths of `riskkit.simulation.default.simulate_grid`, and close out at one lag.

    Parameters
    ----------
    sign : int
        +1 where a falling price loses, -1 where a rising one does.
    trigger : float
        Log price times the sign at or below which a close is a trigger.
    lag : int
        Bars from the market's crossing to execution: oracle latency plus liquidation delay.
    start_sigma : float or ndarray (paths,)
        Volatility of the first bar, a fraction per bar.
    horizon : int
        Bars in which a path may cross.
    threads : int
        Change the time taken, never a number.

    Raises
    ------
    InputError
        If a count or a start volatility breaks a rule.
    """
    bars = horizon + lag
    sigma = check_run(start_sigma, bars, paths, 0, threads)
    recursion, start = recursion_parameters(model, sign), start_variances(model, sigma)
    arguments = (recursion, start, *sampler_arguments(plain_sampler(model)))
    key = np.uint64(stream_key(seed, Stream.SHOCKS))
    crossed, executed = np.empty(paths), np.empty(paths)

    def run(begin: int, end: int) -> int:
        return int(
            _close_out(key, begin, end, horizon, bars, *arguments, trigger, crossed, executed)
        )

    failed = sum(in_pieces(run, paths, threads))
    hit = crossed != NEVER
    bar = crossed[hit].astype(np.int64) + 1
    times = np.array([bar.size, bar.sum(), (bar * bar).sum()])
    return Exits(np.sort(executed[hit]), times, paths, failed)


@numba.njit(
    f"int64(uint64, int64, int64, int64, int64, float64[::1], float64[::1], {SAMPLER_TYPES}, "
    "float64, float64[::1], float64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _close_out(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    key,
    begin,
    end,
    horizon,
    bars,
    recursion,
    start,
    sampling,
    base,
    slope,
    slots,
    ratio,
    lower,
    width,
    trigger,
    crossed,
    executed,
):
    """First bar at or below the trigger and the price ``bars - horizon`` later, path by path.

    ``crossed`` is NEVER where a path does not cross, or fails; returns how many fail.
    """
    state = np.empty(STATE_SIZE)
    bits = state.view(np.int64)
    prices = np.empty(bars * ROW)
    first, block_start = np.empty(LANES), np.empty(LANES)
    failed = 0
    for i in range(begin, end, LANES):
        for j in range(LANES):
            block_start[j] = start[min(i + j, start.size - 1)]
            first[j] = NEVER
        simulate_block(
            key,
            i,
            bars,
            recursion,
            block_start,
            sampling,
            base,
            slope,
            slots,
            ratio,
            lower,
            width,
            state,
            bits,
            prices,
            prices,
        )
        # Backwards and without a branch, so that every lane is looked at at once.
        for t in range(horizon - 1, -1, -1):
            row = prices[t * ROW : t * ROW + LANES]
            for j in range(LANES):
                first[j] = t if row[j] <= trigger else first[j]
        last = prices[(bars - 1) * ROW : (bars - 1) * ROW + LANES]
        for j in range(min(LANES, end - i)):
            if not math.isfinite(last[j]):
                failed += 1
                first[j] = NEVER
            crossed[i + j] = first[j]
            if first[j] != NEVER:
                executed[i + j] = prices[(np.int64(first[j]) + bars - horizon) * ROW + j]
    return failed
