"""The compiled mechanism fused with the path kernel: sums over simulated paths of one position."""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from riskkit.paths.bits import Stream, stream_key
from riskkit.paths.draws import (
    LANES,
    ROW,
    SAMPLER_TYPES,
    STATE_SIZE,
    sampler_arguments,
)
from riskkit.paths.kernel import (
    in_pieces,
    recursion_parameters,
    simulate_block,
    start_variances,
)
from riskkit.paths.model import PathModel
from riskkit.paths.sampler import Sampler
from riskkit.simulation.mechanism_code import RUN_TYPES, encode
from riskkit.simulation.mechanism_kernel import DEFAULT_BAR, LOSS, TRIGGER_BAR, UNFAIR, run_path
from riskkit.simulation.tally import DEFAULT_COLUMNS, TRIGGER_COLUMNS, Tally
from riskkit.venue.mechanism import Mechanism, Perpetual, Position

Array = npt.NDArray[np.float64]


@numba.njit(
    f"int64(uint64, int64, int64, int64, float64[::1], float64[::1], {SAMPLER_TYPES}, "
    f"{RUN_TYPES}, float64, float64, int64[::1], int64[::1], float64[::1], float64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _tally(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    key,
    begin,
    end,
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
    horizon,
    code,
    ladder,
    latency,
    delay,
    latency_key,
    delay_key,
    first,
    screen,
    loss_cap,
    hits,
    times,
    triggers,
    defaults,
):
    """Simulate paths begin … end - 1 and add their outcomes to the sums; returns the failed."""
    state = np.empty(STATE_SIZE)
    bits = state.view(np.int64)
    prices, weights = np.ones(bars * ROW), np.ones(bars * ROW)
    block_start, closes, outcome = np.empty(LANES), np.ones(bars + 1), np.empty(5)
    sign = recursion[1]
    failed = 0
    for i in range(begin, end, LANES):
        for j in range(LANES):
            block_start[j] = start[min(i + j, start.size - 1)]
        simulate_block(
            key,
            first + i,
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
            weights,
        )
        for j in range(min(LANES, end - i)):
            lowest, finite = 0.0, True
            for t in range(bars):
                x = prices[t * ROW + j]
                finite = finite and math.isfinite(x)
                lowest = min(lowest, x)
            if not finite:
                failed += 1
                continue
            if lowest > screen:
                continue
            for t in range(bars):
                closes[t + 1] = math.exp(sign * prices[t * ROW + j])
            run_path(
                closes,
                closes,
                horizon,
                code,
                ladder,
                latency,
                delay,
                latency_key,
                delay_key,
                first + i + j,
                outcome,
            )
            bar = np.int64(outcome[TRIGGER_BAR])
            if bar == 0:
                continue
            w = weights[(bar - 1) * ROW + j]
            times[0] += 1
            times[1] += bar
            times[2] += bar * bar
            triggers[0] += w
            triggers[1] += w * w
            triggers[2] += w * bar
            triggers[3] += w * w * bar
            triggers[4] += w * w * bar * bar
            if outcome[UNFAIR] > 0.0:
                defaults[6] += w
                defaults[7] += w * w
            if outcome[DEFAULT_BAR] > 0.0:
                at_default = weights[(np.int64(outcome[DEFAULT_BAR]) - 1) * ROW + j]
                loss = min(outcome[LOSS], loss_cap)
                hits[0] += 1
                defaults[0] += at_default
                defaults[1] += at_default * at_default
                defaults[2] += at_default * w
                defaults[3] += at_default * loss
                defaults[4] += at_default * at_default * loss * loss
                defaults[5] += at_default * at_default * loss
    return failed


def tally_mechanism(
    model: PathModel,
    sampler: Sampler,
    position: Position,
    mechanism: Mechanism,
    *,
    seed: int,
    start_sigma: Array,
    paths: int,
    horizon: int,
    bars: int,
    threads: int,
    screen: float,
    loss_cap: float,
) -> Tally:
    """Tally one position; one start volatility for all paths or one for each.

    Parameters
    ----------
    bars : int
        Length of the paths, `riskkit.venue.mechanism.bars_needed`.
    screen : float
        Paths whose log price, times the sign of the side, stays above this cannot be triggered.
    """
    sign = position.side.sign if isinstance(position, Perpetual) else 1
    recursion, start = recursion_parameters(model, sign), start_variances(model, start_sigma)
    path_arguments = (recursion, start, *sampler_arguments(sampler))
    run_arguments = encode(position, mechanism, horizon, seed, 0)
    key = np.uint64(stream_key(seed, Stream.SHOCKS))

    def run(begin: int, end: int) -> Tally:
        hits, times = np.zeros(1, dtype=np.int64), np.zeros(3, dtype=np.int64)
        triggers, defaults = np.zeros(TRIGGER_COLUMNS), np.zeros(DEFAULT_COLUMNS)
        sums = (hits, times, triggers, defaults)
        failed = _tally(
            key, begin, end, bars, *path_arguments, *run_arguments, screen, loss_cap, *sums
        )
        return Tally(
            end - begin,
            failed,
            sampler.tilted,
            hits[None, :],
            times[None, :],
            triggers[None, :],
            defaults[None, None, :],
        )

    return Tally.total(in_pieces(run, paths, threads))
