"""The compiled inner loops of a simulation: one block of 256 paths, time outer, path inner.

All state of a block lies in flat buffers of 256 lanes, which is what lets the compiler turn every
loop below into vector instructions. A block is always computed whole, so that a path goes through
the same instructions wherever the block begins. The kernels release the interpreter lock and are
run by a thread pool: two Python threads inside parallel kernels would abort the process.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Integers, Matrix, Truth, Vector, Whole, Word, compiled
from riskkit.paths.draws import (
    ADVERSE,
    LANES,
    PRICE,
    ROW,
    SHOCK,
    SIGMA,
    STATE_SIZE,
    UNIFORM,
    VARIANCE,
    WEIGHT,
    WORST,
    Block,
    Draws,
    draw_adverse,
    draw_shocks,
    draws_of,
    keep_spare,
)
from riskkit.paths.inside import Fill
from riskkit.paths.pieces import in_pieces
from riskkit.paths.sampler import Sampler
from riskkit.volatility.spec import Variance

if TYPE_CHECKING:
    from riskkit.paths.model import PathModel

Array = npt.NDArray[np.float64]

# Layout of the recursion's parameters.
CLOSES, TOUCHED, FILLED = range(3)  # what a path is asked for
FILLS = (Fill.CLOSE, Fill.MIDPOINT, Fill.EXTREME)
HALF_WAY, AT_EXTREME = 1, 2
MU, SIGN, OMEGA, ALPHA, GAMMA, BETA, IS_EGARCH = range(7)

_MEAN_ABSOLUTE_NORMAL = math.sqrt(2.0 / math.pi)

# EGARCH runs in log2 of sigma; this many of them make one of ln h.
_PER_LOG2 = 0.5 / math.log(2.0)

# Constants of `exponential_lanes`: a shift that rounds a number to an integer k and leaves
# k + 1023, the exponent's bits of 2^k, in its own lowest bits; and the series of 2^f.
_ROUNDING = 1.5 * 2.0**52 + 1023.0
_LEAST, _MOST = -1022.0, 1024.0  # the smallest normal number; infinity
_C1, _C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11, _C12 = (
    math.log(2.0) ** n / math.factorial(n) for n in range(1, 13)
)


class Source(NamedTuple):
    """What paths are made from: see `source_of`.

    Attributes
    ----------
    key : uint64
        Of the stream of shocks.
    first : int
        Number of the first path.
    recursion : ndarray (7,)
        Parameters of the recursion and the sign of the prices, in the layout above.
    start : ndarray (1,) or (paths,)
        State before the first bar: its variance, or for EGARCH log2 of its sigma.
    draws : Draws
    fill : int
        Where a close-out within a bar is filled, in the order of `Fill`.
    """

    key: Word
    first: Whole
    recursion: Vector
    start: Vector
    draws: Draws
    fill: Whole


@compiled()
def exponential_lanes(state: Vector, bits: Integers) -> None:  # pragma: no cover - compiled
    """SIGMA row = 2 to the VARIANCE row, to two units in the last place; the UNIFORM row is lost.

    A call of the library's exp per lane would keep the loop from being vectorised. With v = k + f,
    2^k is k in the exponent's bits, and 2^f its Taylor polynomial of degree 12 on |f| <= 1/2.
    Infinite from v = 1023.5 on, never below the smallest normal number. No fused multiply-add is
    asked for: the result is the same on every machine.
    """
    for j in range(LANES):
        v = min(max(state[VARIANCE * LANES + j], _LEAST), _MOST)
        state[UNIFORM * LANES + j] = v + _ROUNDING
    for j in range(LANES):
        v = min(max(state[VARIANCE * LANES + j], _LEAST), _MOST)
        f = v - (state[UNIFORM * LANES + j] - _ROUNDING)
        f2 = f * f
        f4 = f2 * f2
        low = (1.0 + _C1 * f) + f2 * (_C2 + _C3 * f)
        middle = (_C4 + _C5 * f) + f2 * (_C6 + _C7 * f)
        high = (_C8 + _C9 * f) + f2 * (_C10 + _C11 * f)
        state[SIGMA * LANES + j] = low + f4 * (middle + f4 * (high + f4 * _C12))
    for j in range(LANES):
        bits[UNIFORM * LANES + j] = bits[UNIFORM * LANES + j] << np.int64(52)
    for j in range(LANES):
        state[SIGMA * LANES + j] *= state[UNIFORM * LANES + j]


@compiled()
def _advance(  # pragma: no cover - compiled
    t: Whole, recursion: Vector, state: Vector, prices: Vector
) -> None:
    """Move every lane's price by mu + sigma z, then update its variance.

    Of an EGARCH the SIGMA row is known already.
    """
    mu, sign = recursion[MU], recursion[SIGN]
    omega, alpha = recursion[OMEGA], recursion[ALPHA]
    gamma, beta = recursion[GAMMA], recursion[BETA]
    drift = sign * mu
    row = prices[t * ROW : t * ROW + LANES]  # an index t * ROW + j would be a scatter
    if recursion[IS_EGARCH] > 0.0:
        for j in range(LANES):
            z = state[SHOCK * LANES + j]
            x = state[PRICE * LANES + j] + (drift + sign * state[SIGMA * LANES + j] * z)
            row[j] = x
            state[PRICE * LANES + j] = x
            state[WORST * LANES + j] = min(state[WORST * LANES + j], x)
            news = alpha * (abs(z) - _MEAN_ABSOLUTE_NORMAL) + gamma * z
            state[VARIANCE * LANES + j] = omega + news + beta * state[VARIANCE * LANES + j]
    else:
        for j in range(LANES):
            z = state[SHOCK * LANES + j]
            h = state[VARIANCE * LANES + j]
            x = state[PRICE * LANES + j] + (drift + sign * math.sqrt(h) * z)
            row[j] = x
            state[PRICE * LANES + j] = x
            state[WORST * LANES + j] = min(state[WORST * LANES + j], x)
            down = gamma if z < 0.0 else 0.0
            state[VARIANCE * LANES + j] = omega + h * (beta + (alpha + down) * (z * z))


@compiled()
def _touch(
    t: Whole, recursion: Vector, state: Vector, touched: Vector
) -> None:  # pragma: no cover - compiled
    """The adverse extreme of every lane's bar, by the same arithmetic as its close."""
    sign = recursion[SIGN]
    drift = sign * recursion[MU]
    row = touched[t * ROW : t * ROW + LANES]
    if recursion[IS_EGARCH] > 0.0:
        for j in range(LANES):
            z = state[ADVERSE * LANES + j]
            row[j] = state[PRICE * LANES + j] + (drift + sign * state[SIGMA * LANES + j] * z)
    else:
        for j in range(LANES):
            z = state[ADVERSE * LANES + j]
            h = state[VARIANCE * LANES + j]
            row[j] = state[PRICE * LANES + j] + (drift + sign * math.sqrt(h) * z)
    for j in range(LANES):
        state[WORST * LANES + j] = min(state[WORST * LANES + j], row[j])


@compiled()
def _fill_between(
    t: Whole, prices: Vector, touched: Vector, fills: Vector
) -> None:  # pragma: no cover - compiled
    """Half-way, in logs, from the close to the extreme."""
    close, extreme = prices[t * ROW : t * ROW + LANES], touched[t * ROW : t * ROW + LANES]
    row = fills[t * ROW : t * ROW + LANES]
    for j in range(LANES):
        row[j] = close[j] + 0.5 * (extreme[j] - close[j])


@compiled()
def new_block(source: Source, bars: Whole, weighted: Truth) -> Block:  # pragma: no cover - compiled
    """Buffers for paths of so many bars; what a source does not need is no buffer of its own."""
    state, prices = np.empty(STATE_SIZE), np.empty(bars * ROW)
    weights = np.empty(bars * ROW) if weighted else prices
    inside = source.draws.adverse.size > 0
    touched = np.empty(bars * ROW) if inside else prices
    fills = prices
    if inside and source.fill == AT_EXTREME:
        fills = touched
    elif inside and source.fill == HALF_WAY:
        fills = np.empty(bars * ROW)
    return Block(state, state.view(np.int64), prices, weights, touched, fills)


@compiled()
def simulate_block(source: Source, i: Whole, block: Block) -> None:  # pragma: no cover - compiled
    """Simulate LANES paths, from the i-th of the source on, for as many bars as the block has.

    Fills ``block.prices``: the cumulative log return times the recursion's sign, so that losses
    are always downwards; and where tilted ``block.weights``. The lowest price of each lane, at
    most 0, stays in the state.
    """
    key, first, draws = source.key, source.first + i, source.draws
    recursion, start = source.recursion, source.start
    state, bits, prices = block.state, block.bits, block.prices
    touched, fills = block.touched, block.fills
    inside = draws.adverse.size > 0
    ranked = inside and (draws.sampling == 0 or draws.sampling == 2)
    egarch = recursion[IS_EGARCH] > 0.0
    half_way = inside and source.fill == HALF_WAY
    for j in range(LANES):
        state[VARIANCE * LANES + j] = start[min(i + j, start.size - 1)]
        state[PRICE * LANES + j] = 0.0
        state[WORST * LANES + j] = 0.0
        state[WEIGHT * LANES + j] = 1.0
    for t in range(prices.size // ROW):
        if ranked:
            keep_spare(key, first, t, bits)
        draw_shocks(key, first, t, draws, block)
        if inside:
            draw_adverse(draws, state, bits)
        if egarch:
            exponential_lanes(state, bits)
        if inside:
            _touch(t, recursion, state, touched)
        _advance(t, recursion, state, prices)
        if half_way:
            _fill_between(t, prices, touched, fills)


@compiled()
def _fill(
    source: Source, begin: Whole, end: Whole, which: Whole, out: Matrix
) -> None:  # pragma: no cover - compiled
    """Simulate columns ``begin ... end - 1`` of the output (bars, paths)."""
    bars = out.shape[0]
    block = new_block(source, bars, source.draws.slots.size > 0)
    prices = block.prices if which == CLOSES else block.touched
    if which == FILLED:
        prices = block.fills
    for i in range(begin, end, LANES):
        simulate_block(source, i, block)
        for t in range(bars):
            for j in range(min(LANES, end - i)):
                out[t, i + j] = prices[t * ROW + j]


def fill_paths(source: Source, out: Array, threads: int, which: int = CLOSES) -> None:
    """Fill ``out`` (bars, paths) with log prices: closes, what is touched, or what is filled."""
    bars, paths = out.shape

    def piece(begin: int, end: int) -> None:
        _fill(source, begin, end, which, out)

    in_pieces(piece, paths, threads, bars=bars)


def source_of(
    model: PathModel,
    sampler: Sampler,
    key: int,
    volatility: Array,
    sign: int = 1,
    first: int = 0,
    fill: Fill = Fill.EXTREME,
) -> Source:
    """What the kernels make paths from.

    Parameters
    ----------
    key : int
        Of the stream of shocks.
    volatility : ndarray (1,) or (paths,)
    sign : int
        -1 mirrors the prices, not the shocks.
    first : int
        Number of the first path.
    fill : Fill
        Plays no part where the model knows closes only.
    """
    recursion, start = recursion_parameters(model, sign), start_variances(model, volatility)
    return Source(
        np.uint64(key), first, recursion, start, draws_of(sampler, sign), FILLS.index(fill)
    )


def recursion_parameters(model: PathModel, sign: int) -> Array:
    """The recursion in the layout of the kernel; sign -1 mirrors the prices, not the shocks."""
    egarch = model.variance is Variance.EGARCH
    unit = _PER_LOG2 if egarch else 1.0
    return np.array(
        [
            model.mu,
            sign,
            unit * model.omega,
            unit * model.alpha,
            unit * model.gamma,
            model.beta,
            egarch,
        ],
        dtype=np.float64,
    )


def start_variances(model: PathModel, volatility: Array) -> Array:
    """The state the kernel starts from: the variance, or for EGARCH log2 of sigma."""
    if model.variance is Variance.EGARCH:
        return np.log2(volatility)
    return np.square(volatility)
