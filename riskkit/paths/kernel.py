"""The compiled inner loops of a simulation: one block of 256 paths, time outer, path inner.

All state of a block lies in flat buffers of 256 lanes, which is what lets the compiler turn every
loop below into vector instructions. A block is always computed whole, so that a path goes through
the same instructions wherever the block begins. The kernels release the interpreter lock and are
run by a thread pool: two Python threads inside parallel kernels would abort the process.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numba
import numpy as np
import numpy.typing as npt

from riskkit.paths.draws import (
    LANES,
    PRICE,
    ROW,
    SAMPLER_TYPES,
    SHOCK,
    SIGMA,
    STATE_SIZE,
    UNIFORM,
    VARIANCE,
    WEIGHT,
    WORST,
    draw_shocks,
    sampler_arguments,
)
from riskkit.paths.sampler import Sampler
from riskkit.volatility.spec import Variance

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskkit.paths.model import PathModel

Array = npt.NDArray[np.float64]
T = TypeVar("T")

PIECE = 16 * LANES  # paths to a task of the thread pool
# Layout of the recursion's parameters.
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

_BLOCK_TYPES = (
    f"uint64, int64, int64, float64[::1], float64[::1], {SAMPLER_TYPES}, "
    "float64[::1], int64[::1], float64[::1], float64[::1]"
)


@numba.njit("void(float64[::1], int64[::1])", cache=True, nogil=True, error_model="numpy")
def exponential_lanes(state, bits):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
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


@numba.njit(
    "void(int64, float64[::1], float64[::1], int64[::1], float64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _advance(t, recursion, state, bits, prices):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Move every lane's price by mu + sigma z, then update its variance."""
    mu, sign = recursion[MU], recursion[SIGN]
    omega, alpha = recursion[OMEGA], recursion[ALPHA]
    gamma, beta = recursion[GAMMA], recursion[BETA]
    drift = sign * mu
    row = prices[t * ROW : t * ROW + LANES]  # an index t * ROW + j would be a scatter
    if recursion[IS_EGARCH] > 0.0:
        exponential_lanes(state, bits)
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


@numba.njit(f"void({_BLOCK_TYPES})", cache=True, nogil=True, error_model="numpy")
def simulate_block(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    key,
    first,
    bars,
    recursion,
    start_variance,
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
):
    """Simulate LANES paths from number ``first``.

    ``state`` and ``bits`` are one buffer seen as floats and as integers, (STATE_SIZE,);
    ``start_variance`` (LANES,) is h of the first bar (log2 of sigma for EGARCH). Fills ``prices``
    (bars x ROW, flat): the cumulative log return times the recursion's sign, so that losses are
    always downwards; and where tilted ``weights``, the likelihood ratio of each path up to and
    including the bar. The lowest price of each lane stays in the state.
    """
    for j in range(LANES):
        state[VARIANCE * LANES + j] = start_variance[j]
        state[PRICE * LANES + j] = 0.0
        state[WORST * LANES + j] = 0.0
        state[WEIGHT * LANES + j] = 1.0
    for t in range(bars):
        draw_shocks(
            key,
            first,
            t,
            sampling,
            base,
            slope,
            slots,
            ratio,
            lower,
            width,
            state,
            bits,
            weights,
        )
        _advance(t, recursion, state, bits, prices)


@numba.njit(
    f"void(uint64, int64, int64, int64, float64[::1], float64[::1], {SAMPLER_TYPES}, "
    "float64[:, ::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _fill(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    key,
    first_path,
    begin,
    end,
    recursion,
    start,
    sampling,
    base,
    slope,
    slots,
    ratio,
    lower,
    width,
    out,
):
    """Simulate columns ``begin ... end - 1`` of the output (bars, paths)."""
    bars = out.shape[0]
    state = np.empty(STATE_SIZE)
    bits = state.view(np.int64)
    prices, weights = np.empty(bars * ROW), np.empty(bars * ROW)
    block_start = np.empty(LANES)
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
        for t in range(bars):
            for j in range(lanes):
                out[t, i + j] = prices[t * ROW + j]


def fill_paths(
    model: PathModel,
    sampler: Sampler,
    key: int,
    first_path: int,
    start_sigma: Array,
    out: Array,
    threads: int,
) -> None:
    """Fill ``out`` (bars, paths) with log prices from the start volatilities, (1,) or (paths,)."""
    recursion, start = recursion_parameters(model, 1), start_variances(model, start_sigma)
    arguments = sampler_arguments(sampler)

    def run(begin: int, end: int) -> None:
        _fill(
            np.uint64(key),
            first_path,
            begin,
            end,
            recursion,
            start,
            *arguments,
            out,
        )

    in_pieces(run, out.shape[1], threads)


def in_pieces(run: Callable[[int, int], T], paths: int, threads: int) -> list[T]:
    """Call ``run(begin, end)`` on pieces that cover the paths; results in their order.

    The pieces are the same for any number of threads, so that sums over them are, too.
    """
    pieces = [(begin, min(begin + PIECE, paths)) for begin in range(0, paths, PIECE)]
    if threads == 1:
        return [run(*piece) for piece in pieces]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda piece: run(*piece), pieces))


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


def start_variances(model: PathModel, start_sigma: Array) -> Array:
    """The state the kernel starts from: the variance, or for EGARCH log2 of sigma."""
    if model.variance is Variance.EGARCH:
        return np.log2(start_sigma)
    return np.square(start_sigma)
