"""The compiled inner loops of a simulation: one block of 256 paths, time outer, path inner.

All state of a block lies in flat buffers of 256 lanes, which is what lets the compiler turn every
loop below into vector instructions. A block is always computed whole, so that a path goes through
the same instructions wherever the block begins. The kernels release the interpreter lock and are
run by a thread pool: two Python threads inside parallel kernels would abort the process.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Integers, Matrix, Real, Truth, Vector, Whole, Word, compiled
from riskkit.paths.draws import (
    ABOVE,
    ADVERSE,
    BELOW,
    LANES,
    PRICE,
    ROW,
    SHOCK,
    SIGMA,
    SLOW,
    STATE_SIZE,
    UNIFORM,
    VARIANCE,
    WEIGHT,
    WORST,
    Block,
    Draws,
    draw_adverse,
    draw_shocks,
    keep_spare,
)
from riskkit.paths.inside import Fill
from riskkit.paths.pieces import in_pieces

Array = npt.NDArray[np.float64]

# Layout of the recursion's parameters.
CLOSES, TOUCHED, FILLED = range(3)  # what a path is asked for
FILLS = (Fill.CLOSE, Fill.MIDPOINT, Fill.EXTREME)
HALF_WAY, AT_EXTREME = 1, 2
MU, SIGN, OMEGA, ALPHA, GAMMA, BETA, LAW, REMEMBERED, DECAY, CAP, UNIT, RHO = range(12)
SEASONS = 12  # factors of the bars follow, where there are any
IN_SQUARES, IN_LOGS, IN_PARTS = 0.0, 1.0, 2.0  # laws: GARCH and its kin, EGARCH, component GARCH

_MEAN_ABSOLUTE_NORMAL = math.sqrt(2.0 / math.pi)

# Constants of `exponential_lanes`: a shift that rounds a number to an integer k and leaves
# k + 1023, the exponent's bits of 2^k, in its own lowest bits; and the series of 2^f.
_ROUNDING = 1.5 * 2.0**52 + 1023.0
_LEAST, _MOST = -1022.0, 1024.0  # the smallest normal number; infinity
_C1, _C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11, _C12 = (
    math.log(2.0) ** n / math.factorial(n) for n in range(1, 13)
)


class Source(NamedTuple):
    """What paths are made from: see `riskkit.paths.source`.

    Attributes
    ----------
    key : uint64
        Of the stream of shocks.
    first : int
        Number of the first path.
    recursion : ndarray (12 + slots,)
        Parameters of the recursion (gamma is a component model's phi), the sign of the prices, and
        the constants of the memory (a weight of 0 where there is none), in the layout above; then
        the factors of the season, from the first bar on and over again, where there is one.
    start : ndarray (1,) or (paths,)
        State before the first bar: its variance, or for EGARCH log2 of its sigma.
    beside : ndarray (3, 1) or (3, paths)
        What falls and rises have left before it (`riskkit.paths.memory`), and the slow part of a
        component model's variance.
    draws : Draws
    fill : int
        Where a close-out within a bar is filled, in the order of `Fill`.
    """

    key: Word
    first: Whole
    recursion: Vector
    start: Vector
    beside: Matrix
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
    if recursion[LAW] == IN_LOGS:
        for j in range(LANES):
            z = state[SHOCK * LANES + j]
            x = state[PRICE * LANES + j] + (drift + sign * state[SIGMA * LANES + j] * z)
            row[j] = x
            state[PRICE * LANES + j] = x
            state[WORST * LANES + j] = min(state[WORST * LANES + j], x)
            news = alpha * (abs(z) - _MEAN_ABSOLUTE_NORMAL) + gamma * z
            state[VARIANCE * LANES + j] = omega + news + beta * state[VARIANCE * LANES + j]
    elif recursion[LAW] == IN_PARTS:
        rho = recursion[RHO]
        for j in range(LANES):
            z = state[SHOCK * LANES + j]
            h, q = state[VARIANCE * LANES + j], state[SLOW * LANES + j]
            x = state[PRICE * LANES + j] + (drift + sign * math.sqrt(h) * z)
            row[j] = x
            state[PRICE * LANES + j] = x
            state[WORST * LANES + j] = min(state[WORST * LANES + j], x)
            came = h * (z * z)
            slow = omega + rho * q + gamma * (came - h)
            state[SLOW * LANES + j] = slow
            state[VARIANCE * LANES + j] = slow + alpha * (came - q) + beta * (h - q)
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
    if recursion[LAW] == IN_LOGS:
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
def _remind(recursion: Vector, inside: Truth, state: Vector) -> None:  # pragma: no cover
    """Scale every lane's shock by what its own side remembers, and remember the shock.

    What the bar touched is scaled by the side on which it lies: order within the bar is kept.
    """
    weight, decay = recursion[REMEMBERED], recursion[DECAY]
    cap, unit = recursion[CAP], recursion[UNIT]
    rest, fresh = 1.0 - weight, 1.0 - decay
    if inside:
        for j in range(LANES):
            z = state[ADVERSE * LANES + j]
            v = state[BELOW * LANES + j] if z < 0.0 else state[ABOVE * LANES + j]
            state[ADVERSE * LANES + j] = math.sqrt(rest + weight * v) * z
    for j in range(LANES):
        z, below, above = (
            state[SHOCK * LANES + j], state[BELOW * LANES + j], state[ABOVE * LANES + j],
        )  # fmt: skip
        z *= math.sqrt(rest + weight * (below if z < 0.0 else above))
        u = unit * z
        square = min(2.0 * u * u, cap)
        state[SHOCK * LANES + j] = z
        state[BELOW * LANES + j] = decay * below + fresh * (square if z < 0.0 else 0.0)
        state[ABOVE * LANES + j] = decay * above + fresh * (0.0 if z < 0.0 else square)


@compiled()
def _pass_season(factor: Real, following: Real, state: Vector) -> None:  # pragma: no cover
    """Take every lane's variance, both parts, from one bar's season to the next one's."""
    ratio = following / factor
    for j in range(LANES):
        state[VARIANCE * LANES + j] *= ratio
    for j in range(LANES):
        state[SLOW * LANES + j] *= ratio


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
    slots, factor = recursion.size - SEASONS, 1.0
    if slots > 0:
        recursion = recursion.copy()  # its omega is of the season
    omega = recursion[OMEGA]
    state, bits, prices = block.state, block.bits, block.prices
    touched, fills = block.touched, block.fills
    inside = draws.adverse.size > 0
    ranked = inside and (draws.sampling == 0 or draws.sampling == 2)
    egarch = recursion[LAW] == IN_LOGS
    half_way = inside and source.fill == HALF_WAY
    reminded, beside = recursion[REMEMBERED] > 0.0, source.beside
    for j in range(LANES):
        k = min(i + j, beside.shape[1] - 1)
        state[BELOW * LANES + j] = beside[0, k]
        state[ABOVE * LANES + j] = beside[1, k]
        state[SLOW * LANES + j] = beside[2, k]
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
        if reminded:
            _remind(recursion, inside, state)
        if egarch:
            exponential_lanes(state, bits)
        if inside:
            _touch(t, recursion, state, touched)
        if slots > 0:
            factor = recursion[SEASONS + t % slots]
            recursion[OMEGA] = omega * factor
        _advance(t, recursion, state, prices)
        if slots > 0:
            _pass_season(factor, recursion[SEASONS + (t + 1) % slots], state)
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
