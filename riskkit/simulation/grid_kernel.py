"""The compiled grid: every margin and every lag from one pass over the paths.

Close-outs in full at flat slippage reduce a position to two log prices: it is triggered at or below
its trigger and has defaulted if the price at execution is below its default price (prices carry the
sign of the side, so that losses are always downwards). Positions are sorted by trigger, highest
first: a path then crosses them in order, and is walked once. All lags are compared at once, since
lag d reads the price d bars after the crossing.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from riskkit.simulation.tally import DEFAULT_COLUMNS, TRIGGER_COLUMNS, Tally
from riskkit.volatility.path_kernel import (
    in_pieces,
    recursion_parameters,
    simulate_block,
    start_variances,
)
from riskkit.volatility.paths import PathModel
from riskkit.volatility.shock_kernel import (
    LANES,
    ROW,
    SAMPLER_TYPES,
    STATE_SIZE,
    WORST,
    sampler_arguments,
)
from riskkit.volatility.shock_sampler import Sampler

Array = npt.NDArray[np.float64]

CHUNK = 16  # lags compared at once

_WEIGHT, _WEIGHT_2, _CROSS, _LOSS, _LOSS_2, _LOSS_CROSS, _UNFAIR, _UNFAIR_2 = range(DEFAULT_COLUMNS)


@numba.njit(
    "int64(float64[::1], float64[::1], int64, int64, float64[::1], float64[::1], "
    "int32[:, :, ::1], int64[:, ::1], float64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _count_block(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    state, prices, lanes, horizon, triggers, defaults, hits, times, path
):
    """Count crossings and defaults of a block; returns the number of failed paths.

    Lags come in chunks of a known length, ``hits`` (chunks, K, CHUNK), since loops of a known
    length are what is vectorised. The path is padded to it, and the cells that compare the padding
    are thrown away. ``times`` (K + 1, 3) holds the steps between neighbouring positions of the
    counts, the bars and their squares: positions crossed in the same bar cost nothing more.
    ``triggers`` ends with minus infinity.
    """
    bars = prices.size // ROW
    last = (bars - 1) * ROW
    failed = 0
    for j in range(lanes):
        if not math.isfinite(prices[last + j]):
            failed += 1
            continue
        if state[WORST * LANES + j] > triggers[0]:
            continue
        lowest = 0.0
        for t in range(horizon):
            path[t] = prices[t * ROW + j]
            lowest = min(lowest, path[t])
        for t in range(horizon, bars):
            path[t] = prices[t * ROW + j]
        k, trigger = 0, triggers[0]
        for t in range(horizon):
            x = path[t]
            if x > trigger:
                continue
            first = k
            while x <= triggers[k]:
                k += 1
            trigger = triggers[k]
            bar = t + 1
            times[first, 0] += 1
            times[first, 1] += bar
            times[first, 2] += bar * bar
            times[k, 0] -= 1
            times[k, 1] -= bar
            times[k, 2] -= bar * bar
            for chunk in range(hits.shape[0]):
                ahead = path[t + chunk * CHUNK : t + chunk * CHUNK + CHUNK]
                for crossed in range(first, k):
                    cells, default = hits[chunk, crossed], defaults[crossed]
                    for d in range(CHUNK):
                        cells[d] += np.int32(ahead[d] < default)
            if lowest > trigger:
                break
    return failed


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
    """As `_count_block`, with weights, and in detail losses and unfair liquidations."""
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


_RUN_TYPES = (
    f"uint64, int64, int64, int64, int64, int64, float64[::1], float64[::1], {SAMPLER_TYPES}, "
)


@numba.njit(
    f"int64({_RUN_TYPES} float64[::1], float64[::1], int32[:, :, ::1], int64[:, ::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _count(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
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
    triggers,
    defaults,
    hits,
    times,
):
    bars = horizon + lags - 1
    state = np.empty(STATE_SIZE)
    bits = state.view(np.int64)
    prices = np.empty(bars * ROW)
    block_start, path = np.empty(LANES), np.zeros(horizon + hits.shape[0] * CHUNK)
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
            prices,
        )
        failed += _count_block(state, prices, lanes, horizon, triggers, defaults, hits, times, path)
    return failed


@numba.njit(
    f"int64({_RUN_TYPES} boolean, float64, float64[:, ::1], int64[::1], int64[::1], "
    "float64[:, ::1], float64[:, :, ::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _weigh(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
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


def tally_grid(
    model: PathModel,
    sampler: Sampler,
    sign: int,
    rows: Array,
    *,
    key: int,
    start_sigma: Array,
    paths: int,
    horizon: int,
    lags: int,
    threads: int,
    detail: bool,
    loss_cap: float,
) -> Tally:
    """Tally the rows at lags 0 … lags - 1; one start volatility for all paths or one for each.

    Parameters
    ----------
    rows : ndarray (K, 4)
        Trigger and default log price times the sign, and the loss ``a + b P`` at price P relative
        to the opening; sorted by trigger, highest first.
    detail : bool
        Also losses and unfair liquidations.
    """
    count = rows.shape[0]
    recursion, start = recursion_parameters(model, sign), start_variances(model, start_sigma)
    arguments = (recursion, start, *sampler_arguments(sampler))
    barriers = np.append(rows[:, 0], -np.inf), np.ascontiguousarray(rows[:, 1])

    def run(begin: int, end: int) -> Tally:
        where = (np.uint64(key), 0, begin, end, horizon, lags)
        if not (detail or sampler.tilted):
            chunks = np.zeros((-(-lags // CHUNK), count, CHUNK), dtype=np.int32)
            steps = np.zeros((count + 1, 3), dtype=np.int64)
            failed = _count(*where, *arguments, *barriers, chunks, steps)
            counted = np.concatenate(list(chunks), axis=1)[:, :lags].astype(np.int64)
            return Tally(end - begin, failed, False, counted, steps.cumsum(axis=0)[:-1])
        times = np.zeros(3 * count, dtype=np.int64)
        hits = np.zeros(count * lags, dtype=np.int64)
        triggers = np.zeros((count, TRIGGER_COLUMNS))
        defaults = np.zeros((count, lags, DEFAULT_COLUMNS))
        failed = _weigh(*where, *arguments, detail, loss_cap, rows, hits, times, triggers, defaults)
        return Tally(
            end - begin,
            failed,
            sampler.tilted,
            hits.reshape(count, lags),
            times.reshape(count, 3),
            triggers,
            defaults,
        )

    return Tally.total(in_pieces(run, paths, threads))
