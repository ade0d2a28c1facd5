"""The compiled draws of the path kernel: one shock for each lane of a block, bar by bar.

The shocks are counter-based (`random_bits`); their law is a `Sampler`. Every step is
a loop of its own over the lanes of one flat buffer, seen as floats and as integers: a loop that
hashes, folds and looks up at once is not vectorised. Table indices are unsigned, which spares the
test for a negative index.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from riskkit.compiled import Integers, Slots, Vector, Whole, Word, compiled
from riskkit.paths.bits import BAR_BITS, hash_bits
from riskkit.paths.sampler import (
    CELL_BITS,
    CELLS,
    OCTAVES,
    SLOT_BITS,
    Sampler,
    Sampling,
)

LANES = 256
# Rows of prices are longer than the lanes: at a stride of 2 KiB, a path read down its column would
# use two sets of the cache only.
ROW = LANES + 8
# Layout of the state buffer, in blocks of LANES. Once the shocks are drawn, UNIFORM is free.
(
    VARIANCE, PRICE, WORST, WEIGHT, SHOCK, UNIFORM, RATIO, SIGMA, ADVERSE, BELOW, ABOVE, SLOW,
) = range(12)  # fmt: skip
STATE_SIZE = 12 * LANES

_ONE = np.int64(0x3FF0000000000000)  # the bits of 1.0
_MANTISSA = np.int64((1 << 52) - 1)
_FIRST_CELL = np.int64((1023 - OCTAVES - 1) << CELL_BITS)
_TABLE, _RESIDUAL = int(Sampling.TABLE), int(Sampling.RESIDUAL)
_TILTED_TABLE = int(Sampling.TILTED_TABLE)
_HALF_STEP = 2.0**-53  # centres the uniform in its 53-bit step
# A shock of a table takes the range of one of so many rows about its own rank, by bits of the hash
# that the uniform has no room for.
_NEIGHBOURS = 16
_SPARE = np.int64(_NEIGHBOURS - 1)


class Draws(NamedTuple):
    """How shocks are drawn: a `riskkit.paths.sampler.Sampler`, laid out flat.

    ``adverse`` is what the bar of a shock touched on the losing side, in the units of the shock: of
    resampled residuals row by row; for a table by the rank of the row, as its distance from the
    row's own shock, which ``closes`` holds. Both are empty where only closes are known.
    """

    sampling: Whole
    base: Vector
    slope: Vector
    slots: Slots
    ratio: Vector
    lower: Vector
    width: Vector
    closes: Vector
    adverse: Vector


class Block(NamedTuple):
    """The buffers of one block of LANES paths.

    Attributes
    ----------
    state, bits : ndarray (STATE_SIZE,)
        One buffer, seen as floats and as integers.
    prices : ndarray (bars x ROW,)
        Cumulative log returns times the sign of the recursion, bar by bar.
    weights : ndarray (bars x ROW,)
        Tilted, the likelihood ratio of each path up to and including the bar; else any buffer.
    touched : ndarray (bars x ROW,)
        The adverse extreme of each bar, as ``prices``; where only closes are known, ``prices``.
    fills : ndarray (bars x ROW,)
        Where a close-out of each bar is filled: ``prices``, ``touched``, or half-way in between.
    """

    state: Vector
    bits: Integers
    prices: Vector
    weights: Vector
    touched: Vector
    fills: Vector


@compiled()
def _hash_lanes(
    key: Word, first: Whole, counter: Whole, bits: Integers
) -> None:  # pragma: no cover - compiled
    """One hash per lane into the RATIO row."""
    origin = (np.uint64(first) << np.uint64(BAR_BITS)) + np.uint64(counter)
    for j in range(LANES):
        bits[RATIO * LANES + j] = np.int64(
            hash_bits((origin + (np.uint64(j) << np.uint64(BAR_BITS))) ^ key)
        )


@compiled()
def _look_up(
    base: Vector, slope: Vector, state: Vector, bits: Integers
) -> None:  # pragma: no cover - compiled
    """Quantile at the folded uniforms; the SHOCK row holds the side, 0 below the median or -1."""
    for j in range(LANES):
        cell = (bits[UNIFORM * LANES + j] >> np.int64(52 - CELL_BITS)) - _FIRST_CELL
        side = bits[SHOCK * LANES + j] * np.int64(CELLS)
        bits[RATIO * LANES + j] = max(cell, np.int64(0)) - side
    for j in range(LANES):
        cell = np.uint64(bits[RATIO * LANES + j])
        state[SHOCK * LANES + j] = base[cell] + slope[cell] * state[UNIFORM * LANES + j]


@compiled()
def _table_shocks(  # pragma: no cover - compiled
    key: Word,
    first: Whole,
    t: Whole,
    base: Vector,
    slope: Vector,
    state: Vector,
    bits: Integers,
) -> None:
    """Invert the quantile table at one uniform per lane."""
    _hash_lanes(key, first, t, bits)
    for j in range(LANES):
        z = bits[RATIO * LANES + j]
        upper = z >> np.int64(63)  # 0 below the median, -1 above: fold by flipping the bits
        bits[SHOCK * LANES + j] = upper
        bits[UNIFORM * LANES + j] = (((z ^ upper) >> np.int64(11)) & _MANTISSA) | _ONE
    for j in range(LANES):
        state[UNIFORM * LANES + j] = (state[UNIFORM * LANES + j] - 1.0 + _HALF_STEP) * 0.5
    _look_up(base, slope, state, bits)


@compiled()
def _residual_shocks(  # pragma: no cover - compiled
    key: Word, first: Whole, t: Whole, residuals: Vector, state: Vector, bits: Integers
) -> None:
    """Resample one residual per lane; a hash serves two bars, 32 bits each."""
    count = np.uint64(residuals.size)
    if t & 1 == 0:
        _hash_lanes(key, first, t >> 1, bits)
    shift = np.uint64(32 * (t & 1))
    for j in range(LANES):
        half = (np.uint64(bits[RATIO * LANES + j]) >> shift) & np.uint64(0xFFFFFFFF)
        bits[UNIFORM * LANES + j] = np.int64((half * count) >> np.uint64(32))
    for j in range(LANES):
        state[SHOCK * LANES + j] = residuals[np.uint64(bits[UNIFORM * LANES + j])]


@compiled()
def _tilted_shocks(
    key: Word, first: Whole, t: Whole, draws: Draws, block: Block
) -> None:  # pragma: no cover - compiled
    """Draw a stretch by its slots, a shock inside it, and carry the product of the ratios."""
    base, slots, ratio = draws.base, draws.slots, draws.ratio
    lower, width = draws.lower, draws.width
    state, bits, weights = block.state, block.bits, block.weights
    _hash_lanes(key, first, t, bits)
    half = lower.size // 2
    row = weights[t * ROW : t * ROW + LANES]  # an index t * ROW + j would be a scatter
    for j in range(LANES):
        z = np.uint64(bits[RATIO * LANES + j])
        bits[RATIO * LANES + j] = np.int64(z >> np.uint64(64 - SLOT_BITS))
        bits[UNIFORM * LANES + j] = (np.int64(z << np.uint64(4)) & _MANTISSA) | _ONE
    if draws.sampling == _TILTED_TABLE:
        for j in range(LANES):
            stretch = np.uint64(slots[np.uint64(bits[RATIO * LANES + j])])
            inside = state[UNIFORM * LANES + j] - 1.0 + _HALF_STEP
            state[UNIFORM * LANES + j] = lower[stretch] + width[stretch] * inside
            bits[SHOCK * LANES + j] = -np.int64(np.int64(stretch) >= half)
            weight = state[WEIGHT * LANES + j] * ratio[stretch]
            state[WEIGHT * LANES + j] = weight
            row[j] = weight
        _look_up(base, draws.slope, state, bits)
    else:
        for j in range(LANES):
            drawn = np.uint64(slots[np.uint64(bits[RATIO * LANES + j])])
            state[SHOCK * LANES + j] = base[drawn]
            weight = state[WEIGHT * LANES + j] * ratio[drawn]
            state[WEIGHT * LANES + j] = weight
            row[j] = weight


@compiled()
def draw_shocks(
    key: Word, first: Whole, t: Whole, draws: Draws, block: Block
) -> None:  # pragma: no cover - compiled
    """Fill the SHOCK row for bar t of paths ``first`` on; tilted, also the bar's weights."""
    if draws.sampling == _TABLE:
        _table_shocks(key, first, t, draws.base, draws.slope, block.state, block.bits)
    elif draws.sampling == _RESIDUAL:
        _residual_shocks(key, first, t, draws.base, block.state, block.bits)
    else:
        _tilted_shocks(key, first, t, draws, block)


@compiled()
def keep_spare(
    key: Word, first: Whole, t: Whole, bits: Integers
) -> None:  # pragma: no cover - compiled
    """The bits of a bar's hash that no table uses, into the ADVERSE row; RATIO is lost."""
    _hash_lanes(key, first, t, bits)
    for j in range(LANES):
        bits[ADVERSE * LANES + j] = bits[RATIO * LANES + j] & _SPARE


@compiled()
def _adverse_rows(draws: Draws, state: Vector, bits: Integers) -> None:  # pragma: no cover
    """What the rows that were resampled touched."""
    adverse, slots = draws.adverse, draws.slots
    if draws.sampling == _RESIDUAL:
        for j in range(LANES):
            state[ADVERSE * LANES + j] = adverse[np.uint64(bits[UNIFORM * LANES + j])]
    else:
        for j in range(LANES):
            state[ADVERSE * LANES + j] = adverse[slots[np.uint64(bits[RATIO * LANES + j])]]


@compiled()
def _adverse_ranks(draws: Draws, upper: Whole, state: Vector, bits: Integers) -> None:
    """What a row touched whose rank is about that of a table's shock, scaled to the shock."""
    closes, adverse = draws.closes, draws.adverse
    count = closes.size
    for j in range(LANES):
        rank = np.int64(state[UNIFORM * LANES + j] * count)
        near = min((rank // _NEIGHBOURS) * _NEIGHBOURS + bits[ADVERSE * LANES + j], count - 1)
        # The table's upper side is at cells from CELLS on.
        row = count - 1 - near if bits[RATIO * LANES + j] >= upper else near
        z, own = state[SHOCK * LANES + j], closes[row]
        scale = abs(z) / abs(own) if abs(own) > 1.0 else 1.0
        state[ADVERSE * LANES + j] = z + scale * adverse[row]


@compiled()
def draw_adverse(draws: Draws, state: Vector, bits: Integers) -> None:  # pragma: no cover
    """Fill the ADVERSE row for the shocks just drawn, before anything else is done with them."""
    if draws.sampling == _RESIDUAL or draws.sampling > _TILTED_TABLE:
        _adverse_rows(draws, state, bits)
    else:
        _adverse_ranks(draws, CELLS, state, bits)


def draws_of(sampler: Sampler, sign: int = 1) -> Draws:
    """A sampler as the kernels take it; ``sign`` says on which side of a bar it hurts."""
    tilt = sampler.tilt
    closes, adverse = sampler.adverse(sign)
    return Draws(
        int(sampler.sampling),
        sampler.base,
        sampler.slope,
        tilt.slots,
        tilt.ratio,
        tilt.lower,
        tilt.width,
        closes,
        adverse,
    )
