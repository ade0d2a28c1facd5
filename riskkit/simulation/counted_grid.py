"""The compiled grid where every path counts one: all margins and lags from one walk down it.

Positions are sorted by trigger, highest first, so that a path crosses them in order. Only its new
lows can cross one: they are marked for all lanes at once, and each is turned into the number of
positions crossed by a table. Then all lags of a crossed position are compared at once, since lag d
reads the price d bars after the crossing. What is left of branches is one loop over the lows of a
path and one over its crossings: a mispredicted branch costs as much as the arithmetic of a lag.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from riskkit.paths.draws import LANES, ROW, SAMPLER_TYPES, STATE_SIZE
from riskkit.paths.kernel import simulate_block

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

CHUNK = 16  # lags compared at once
TILE = 8  # paths turned at once: the prices of a bar in one cache line
WORD = 64  # bars whose lows are marked in one integer
CELLS = 1024  # of the table from a price to the positions crossed at it
FILL = 8  # crossings written at once
COUNTS = 4  # columns of the counts of triggers: paths, bars, squares, and one to fill a register

RUN_TYPES = (
    f"uint64, int64, int64, int64, int64, int64, float64[::1], float64[::1], {SAMPLER_TYPES}, "
)

# Position of an isolated bit: its product with this sequence has another upper six bits for each.
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_POSITION = np.zeros(WORD, dtype=np.int64)
_POSITION[[((int(_DE_BRUIJN) << i) % (1 << 64)) >> 58 for i in range(WORD)]] = np.arange(WORD)


@numba.njit(
    "void(float64[::1], int64, float64, float64[::1], int64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _mark_lows(prices, horizon, first, lowest, marks):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Set bit t of a lane where bar t is a new low at or below the first trigger."""
    for j in range(LANES):
        lowest[j] = first
    for w in range(marks.size // LANES):
        word = marks[w * LANES : (w + 1) * LANES]
        for j in range(LANES):
            word[j] = 0
        for t in range(w * WORD, min(horizon, (w + 1) * WORD)):
            bit = np.int64(1) << np.int64(t - w * WORD)
            row = prices[t * ROW : t * ROW + LANES]
            for j in range(LANES):
                below = row[j] < lowest[j]
                word[j] |= bit * np.int64(below)
                lowest[j] = row[j] if below else lowest[j]


@numba.njit(
    "void(float64[::1], int64, float64[:, ::1])", cache=True, nogil=True, error_model="numpy"
)
def _turn(prices, j, tile):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Lay the prices of lanes j … j + TILE - 1 out path by path."""
    for t in range(prices.size // ROW):
        row = prices[t * ROW + j : t * ROW + j + TILE]
        for i in range(TILE):
            tile[i, t] = row[i]


@numba.njit(inline="always", error_model="numpy")
def _cross(path, marks, lane, triggers, scale, crossed_at, when):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """How many positions a path crosses; ``when[k]`` becomes the bar in which it crosses k."""
    k = 0
    for w in range(marks.size // LANES):
        left = np.uint64(marks[w * LANES + lane])
        while left:
            bit = left & (~left + np.uint64(1))
            left ^= bit
            t = w * WORD + _POSITION[(bit * _DE_BRUIJN) >> np.uint64(58)]
            x, first = path[t], k
            cell = min(max((scale[0] - x) * scale[1], 0.0), CELLS - 1.0)
            k = crossed_at[np.int64(cell)]
            while x <= triggers[k]:
                k += 1
            # Written FILL at a time without a test: the next low writes over what is too much.
            for i in range(FILL):
                when[first + i] = t
            for i in range(first + FILL, k):
                when[i] = t
    return k


@numba.njit(
    "int64(float64[::1], int64, float64[::1], float64[::1], float64[::1], int64[::1], "
    "int64[::1], int32[:, :, ::1], int64[:, ::1], int64[:, ::1], float64[:, ::1], float64[::1], "
    "int64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _count_block(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    prices,
    lanes,
    triggers,
    defaults,
    scale,
    crossed_at,
    when,
    hits,
    times,
    steps,
    tile,
    lowest,
    marks,
):
    """Count crossings and defaults of a block; returns the number of failed paths.

    Lags come in chunks of a known length, ``hits`` (chunks, K, CHUNK), since loops of a known
    length are what is vectorised. Paths are padded to it, and the cells that compare the padding
    are thrown away. ``steps`` (horizon, COUNTS) holds what a crossing in a bar adds to ``times``.
    """
    bars = prices.size // ROW
    _mark_lows(prices, steps.shape[0], np.nextafter(triggers[0], np.inf), lowest, marks)
    failed, crossing = 0, np.int64(0)
    for lane in range(lanes):
        i = lane % TILE
        if i == 0:
            crossing = np.int64(0)
            for w in range(marks.size // LANES):
                for j in range(w * LANES + lane, w * LANES + lane + TILE):
                    crossing |= marks[j]
            if crossing != 0:
                _turn(prices, lane, tile)
        if not math.isfinite(prices[(bars - 1) * ROW + lane]):
            failed += 1
            continue
        if crossing == 0:
            continue
        path = tile[i]
        crossings = _cross(path, marks, lane, triggers, scale, crossed_at, when)
        for k in range(crossings):
            t, default = when[k], defaults[k]
            for c in range(COUNTS):
                times[k, c] += steps[t, c]
            for chunk in range(hits.shape[0]):
                cells = hits[chunk, k]
                ahead = path[t + chunk * CHUNK : t + chunk * CHUNK + CHUNK]
                for d in range(CHUNK):
                    cells[d] += np.int32(ahead[d] < default)
    return failed


@numba.njit(
    f"int64({RUN_TYPES} float64[::1], float64[::1], float64[::1], int64[::1], "
    "int32[:, :, ::1], int64[:, ::1])",
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
    scale,
    crossed_at,
    hits,
    times,
):
    bars = horizon + lags - 1
    state = np.empty(STATE_SIZE)
    bits = state.view(np.int64)
    prices = np.empty(bars * ROW)
    tile = np.zeros((TILE, horizon + hits.shape[0] * CHUNK))
    lowest, marks = np.empty(LANES), np.empty(-(-horizon // WORD) * LANES, np.int64)
    when = np.empty(defaults.size + FILL, np.int64)
    steps = np.zeros((horizon, COUNTS), np.int64)
    for t in range(horizon):
        steps[t, 0], steps[t, 1], steps[t, 2] = 1, t + 1, (t + 1) * (t + 1)
    block_start = np.empty(LANES)
    failed = 0
    for i in range(begin, end, LANES):
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
        failed += _count_block(
            prices,
            min(LANES, end - i),
            triggers,
            defaults,
            scale,
            crossed_at,
            when,
            hits,
            times,
            steps,
            tile,
            lowest,
            marks,
        )
    return failed


def count_grid(
    where: tuple[Any, ...],
    arguments: tuple[Any, ...],
    triggers: Array,
    defaults: Array,
) -> tuple[int, Counts, Counts]:
    """Failed paths, defaults (K, lags), and crossings (K, 3): paths, bars and their squares.

    Parameters
    ----------
    where : tuple
        Key, first path, begin, end, horizon and lags.
    arguments : tuple
        The recursion, the start volatilities and the sampler, as the kernels take them.
    triggers, defaults : ndarray (K,)
        Log prices times the sign of the side; triggers from the highest down.
    """
    lags = where[-1]
    hits = np.zeros((-(-lags // CHUNK), triggers.size, CHUNK), dtype=np.int32)
    times = np.zeros((triggers.size, COUNTS), dtype=np.int64)
    scale, crossed_at = _table(triggers)
    ends = np.append(triggers, -np.inf)
    failed = _count(*(*where, *arguments, ends, defaults, scale, crossed_at, hits, times))
    counted = np.concatenate(list(hits), axis=1)[:, :lags].astype(np.int64)
    return failed, counted, times[:, :3]


def _table(triggers: Array) -> tuple[Array, Counts]:
    """Top and cells per unit of price, and the positions crossed for certain in each cell.

    The cell of a price does not grow with it, roundings included: a price in a later cell than
    that of a trigger is below the trigger.
    """
    reach = max(float(triggers[0] - triggers[-1]), 1e-6)
    scale = np.array([triggers[0], (CELLS - 1) / reach])
    cell = np.clip((scale[0] - triggers) * scale[1], 0.0, CELLS - 1.0).astype(np.int64)
    return scale, np.searchsorted(cell, np.arange(CELLS), side="left").astype(np.int64)
