"""The compiled grid with weights: tilted paths, losses and unfair liquidations.

As `counted_grid`, with sums in place of counts: a path's likelihood ratio is read at the trigger
and again at the execution, where the event is, and not at the end of the path.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from riskkit.paths.draws import LANES, ROW, STATE_SIZE, WORST
from riskkit.paths.kernel import simulate_block
from riskkit.simulation.counted_grid import RUN_TYPES
from riskkit.simulation.tally import DEFAULT_COLUMNS

_WEIGHT, _WEIGHT_2, _CROSS, _LOSS, _LOSS_2, _LOSS_CROSS, _UNFAIR, _UNFAIR_2 = range(DEFAULT_COLUMNS)


@numba.njit(
    "int64(float64[::1], float64[::1], float64[::1], boolean, boolean, int64, int64, int64, "
    "float64, float64, float64[:, ::1], int64[::1], int64[::1], float64[:, ::1], "
    "float64[:, :, ::1], float64[::1], float64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _weigh_block(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    state,
    prices,
    weights,
    tilted,
    detail,
    lanes,
    horizon,
    lags,
    sign,
    loss_cap,
    rows,
    hits,
    times,
    triggers,
    defaults,
    path,
    weight,
):
    """Add a block's crossings and defaults to the sums; returns the number of failed paths."""
    last = (horizon + lags - 2) * ROW
    failed = 0
    for t in range(horizon + lags - 1):
        weight[t] = 1.0
    for j in range(lanes):
        if not math.isfinite(prices[last + j]):
            failed += 1
            continue
        if state[WORST * LANES + j] > rows[0, 0]:
            continue
        lowest = 0.0
        for t in range(horizon + lags - 1):
            path[t] = prices[t * ROW + j]
            if tilted:
                weight[t] = weights[t * ROW + j]
            if t < horizon:
                lowest = min(lowest, path[t])
        t = 0
        for k in range(rows.shape[0]):
            trigger, default = rows[k, 0], rows[k, 1]
            if lowest > trigger:
                break
            while path[t] > trigger:
                t += 1
            at_trigger, bar = weight[t], t + 1
            square = at_trigger * at_trigger
            times[3 * k] += 1
            times[3 * k + 1] += bar
            times[3 * k + 2] += bar * bar
            triggers[k, 0] += at_trigger
            triggers[k, 1] += square
            triggers[k, 2] += at_trigger * bar
            triggers[k, 3] += square * bar
            triggers[k, 4] += square * bar * bar
            for d in range(lags):
                x, w = path[t + d], weight[t + d]
                if x < default:
                    hits[k * lags + d] += 1
                    defaults[k, d, _WEIGHT] += w
                    defaults[k, d, _WEIGHT_2] += w * w
                    defaults[k, d, _CROSS] += w * at_trigger
                    if detail:
                        loss = min(rows[k, 2] + rows[k, 3] * math.exp(sign * x), loss_cap)
                        defaults[k, d, _LOSS] += w * loss
                        defaults[k, d, _LOSS_2] += w * w * loss * loss
                        defaults[k, d, _LOSS_CROSS] += w * w * loss
                if detail and x > trigger:
                    defaults[k, d, _UNFAIR] += w
                    defaults[k, d, _UNFAIR_2] += w * w
    return failed


@numba.njit(
    f"int64({RUN_TYPES} boolean, float64, float64[:, ::1], int64[::1], int64[::1], "
    "float64[:, ::1], float64[:, :, ::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def weigh_grid(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    key,
    first_path,
    begin,
    end,
    horizon,
    lags,
    recursion,
    start,
    sampling,
    base,
    slope,
    slots,
    ratio,
    lower,
    width,
    detail,
    loss_cap,
    rows,
    hits,
    times,
    triggers,
    defaults,
):
    """Simulate paths begin … end - 1 and add them to the sums; returns the failed."""
    bars = horizon + lags - 1
    state = np.empty(STATE_SIZE)
    bits = state.view(np.int64)
    prices, weights = np.empty(bars * ROW), np.empty(bars * ROW)
    block_start, path, weight = np.empty(LANES), np.empty(bars), np.empty(bars)
    tilted = slots.size > 0
    failed = 0
    for i in range(begin, end, LANES):
        lanes = min(LANES, end - i)
        for j in range(LANES):
            block_start[j] = start[min(i + j, start.size - 1)]
        simulate_block(
            key,
            first_path + i,
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
        failed += _weigh_block(
            state,
            prices,
            weights,
            tilted,
            detail,
            lanes,
            horizon,
            lags,
            recursion[1],
            loss_cap,
            rows,
            hits,
            times,
            triggers,
            defaults,
            path,
            weight,
        )
    return failed
