"""The compiled grid where every path counts one: all margins and lags from one walk down it.

Positions are sorted by trigger, highest first, so that a path crosses them in order. Only its new
lows can cross one: they are marked for all lanes at once, and each is turned into the number of
positions crossed by a table. Then all lags of a crossed position are compared at once, since lag d
reads the price d bars after the crossing. What is left of branches is one loop over the lows of a
path and one over its crossings: a mispredicted branch costs as much as the arithmetic of a lag.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from riskkit.compiled import (
    IntegerMatrix,
    Integers,
    Matrix,
    Real,
    SmallCube,
    Truth,
    Vector,
    Whole,
    compiled,
)
from riskkit.paths.draws import LANES, ROW, Block
from riskkit.paths.kernel import Source, new_block, simulate_block

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CHUNK = 16  # lags compared at once
TILE = 8  # paths turned at once: the prices of a bar in one cache line
WORD = 64  # bars whose lows are marked in one integer
CELLS = 1024  # of the table from a price to the positions crossed at it
FILL = 8  # crossings written at once
COUNTS = 4  # columns of the counts of triggers: paths, bars, squares, and one to fill a register

# Position of an isolated bit: its product with this sequence has another upper six bits for each.
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_POSITION = np.zeros(WORD, dtype=np.int64)
_POSITION[[((int(_DE_BRUIJN) << i) % (1 << 64)) >> 58 for i in range(WORD)]] = np.arange(WORD)


class Barriers(NamedTuple):
    """What positions need of the price.

    Attributes
    ----------
    triggers : ndarray (K + 1,)
        Log prices times the sign of the side from the highest down, and minus infinity.
    defaults : ndarray (K,)
    scale : ndarray (2,)
    crossed_at : ndarray (CELLS,)
        As `_table` makes them.
    """

    triggers: Vector
    defaults: Vector
    scale: Vector
    crossed_at: Integers


class Counts(NamedTuple):
    """Sums over paths: defaults (chunks, K, CHUNK) by lag, and crossings (K, COUNTS)."""

    hits: SmallCube
    times: IntegerMatrix


class Room(NamedTuple):
    """Where a block is worked on.

    Attributes
    ----------
    when : ndarray (K + FILL,)
        The bar in which a path crosses each position.
    steps : ndarray (horizon, COUNTS)
        What a crossing in a bar adds to ``Counts.times``.
    tile : ndarray (TILE, horizon + chunks x CHUNK)
        Prices path by path, padded.
    lowest : ndarray (LANES,)
    marks : ndarray (words x LANES,)
        New lows, a bit for each bar.
    filled : ndarray, shape of ``tile``
        Where close-outs are filled, path by path; ``tile`` itself where that is what is touched.
    apart : bool
        Whether the two differ.
    """

    when: Integers
    steps: IntegerMatrix
    tile: Matrix
    lowest: Vector
    marks: Integers
    filled: Matrix
    apart: Truth


@compiled()
def _mark_lows(  # pragma: no cover - compiled
    prices: Vector, horizon: Whole, first: Real, lowest: Vector, marks: Integers
) -> None:
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


@compiled()
def _turn(prices: Vector, j: Whole, tile: Matrix) -> None:  # pragma: no cover - compiled
    """Lay the prices of lanes j … j + TILE - 1 out path by path."""
    for t in range(prices.size // ROW):
        row = prices[t * ROW + j : t * ROW + j + TILE]
        for i in range(TILE):
            tile[i, t] = row[i]


@compiled(inline="always")
def _cross(  # pragma: no cover - compiled
    path: Vector,
    marks: Integers,
    lane: Whole,
    triggers: Vector,
    scale: Vector,
    crossed_at: Integers,
    when: Integers,
) -> Whole:
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


@compiled()
def _count_block(  # pragma: no cover - compiled
    block: Block, lanes: Whole, barriers: Barriers, counts: Counts, room: Room
) -> Whole:
    """Count crossings and defaults of a block; returns the number of failed paths.

    Loops of a known length are what is vectorised: so lags come in chunks, paths are padded to
    them, and the cells that compare the padding are thrown away.
    """
    triggers, defaults = barriers.triggers, barriers.defaults
    scale, crossed_at = barriers.scale, barriers.crossed_at
    hits, times = counts.hits, counts.times
    prices, touched = block.prices, block.touched
    when, steps, tile = room.when, room.steps, room.tile
    filled, apart = room.filled, room.apart
    lowest, marks = room.lowest, room.marks
    bars = prices.size // ROW
    _mark_lows(touched, steps.shape[0], np.nextafter(triggers[0], np.inf), lowest, marks)
    failed, crossing = 0, np.int64(0)
    for lane in range(lanes):
        i = lane % TILE
        if i == 0:
            crossing = np.int64(0)
            for w in range(marks.size // LANES):
                for j in range(w * LANES + lane, w * LANES + lane + TILE):
                    crossing |= marks[j]
            if crossing != 0:
                _turn(touched, lane, tile)
                if apart:
                    _turn(block.fills, lane, filled)
        if not math.isfinite(prices[(bars - 1) * ROW + lane]):
            failed += 1
            continue
        if crossing == 0:
            continue
        path, exits = tile[i], filled[i]
        crossings = _cross(path, marks, lane, triggers, scale, crossed_at, when)
        for k in range(crossings):
            t, default = when[k], defaults[k]
            for c in range(COUNTS):
                times[k, c] += steps[t, c]
            for chunk in range(hits.shape[0]):
                cells = hits[chunk, k]
                ahead = exits[t + chunk * CHUNK : t + chunk * CHUNK + CHUNK]
                for d in range(CHUNK):
                    cells[d] += np.int32(ahead[d] < default)
    return failed


@compiled()
def _new_room(
    horizon: Whole, positions: Whole, chunks: Whole, apart: Truth
) -> Room:  # pragma: no cover - compiled
    steps = np.zeros((horizon, COUNTS), np.int64)
    for t in range(horizon):
        steps[t, 0], steps[t, 1], steps[t, 2] = 1, t + 1, (t + 1) * (t + 1)
    tile = np.zeros((TILE, horizon + chunks * CHUNK))
    return Room(
        np.empty(positions + FILL, np.int64),
        steps,
        tile,
        np.empty(LANES),
        np.empty(-(-horizon // WORD) * LANES, np.int64),
        np.zeros((TILE, horizon + chunks * CHUNK)) if apart else tile,
        apart,
    )


@compiled()
def _count(  # pragma: no cover - compiled
    source: Source,
    begin: Whole,
    end: Whole,
    horizon: Whole,
    lags: Whole,
    barriers: Barriers,
    counts: Counts,
) -> Whole:
    """Simulate paths begin … end - 1 and count them; returns the failed."""
    block = new_block(source, horizon + lags - 1, False)
    apart = source.draws.adverse.size > 0
    room = _new_room(horizon, barriers.defaults.size, counts.hits.shape[0], apart)
    failed = 0
    for i in range(begin, end, LANES):
        simulate_block(source, i, block)
        failed += _count_block(block, min(LANES, end - i), barriers, counts, room)
    return failed


def count_grid(
    source: Source,
    piece: tuple[int, int],
    horizon: int,
    lags: int,
    triggers: Array,
    defaults: Array,
) -> tuple[int, Ints, Ints]:
    """Failed paths, defaults (K, lags), and crossings (K, 3): paths, bars and their squares.

    Parameters
    ----------
    piece : (int, int)
        Paths of the source, from the first to the one after the last.
    triggers, defaults : ndarray (K,)
        Log prices times the sign of the side; triggers from the highest down.
    """
    hits = np.zeros((-(-lags // CHUNK), triggers.size, CHUNK), dtype=np.int32)
    times = np.zeros((triggers.size, COUNTS), dtype=np.int64)
    barriers = Barriers(np.append(triggers, -np.inf), defaults, *_table(triggers))
    failed = _count(source, *piece, horizon, lags, barriers, Counts(hits, times))
    counted = np.concatenate(list(hits), axis=1)[:, :lags].astype(np.int64)
    return failed, counted, times[:, :3]


def _table(triggers: Array) -> tuple[Array, Ints]:
    """Top and cells per unit of price, and the positions crossed for certain in each cell.

    The cell of a price does not grow with it, roundings included: a price in a later cell than
    that of a trigger is below the trigger.
    """
    reach = max(float(triggers[0] - triggers[-1]), 1e-6)
    scale = np.array([triggers[0], (CELLS - 1) / reach])
    cell = np.clip((scale[0] - triggers) * scale[1], 0.0, CELLS - 1.0).astype(np.int64)
    return scale, np.searchsorted(cell, np.arange(CELLS), side="left").astype(np.int64)
