"""The compiled inner loops of a simulation: one block of 256 paths, time outer, path inner.

All state of a block lies in flat buffers of 256 lanes, which is what lets the compiler turn every
loop below into vector instructions. A block is always computed whole, so that a path goes through
the same instructions wherever the block begins. The kernels release the interpreter lock and are
run by a thread pool: two Python threads inside parallel kernels would abort the process.

The shocks are counter-based (`random_bits`); their law is a `shock_sampler.Sampler`.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numba
import numpy as np
import numpy.typing as npt

from riskkit.volatility.random_bits import BAR_BITS, hash_bits
from riskkit.volatility.shock_sampler import (
    CELL_BITS,
    CELLS,
    OCTAVES,
    SLOT_BITS,
    Sampler,
    Sampling,
)
from riskkit.volatility.spec import Variance

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskkit.volatility.paths import PathModel

Array = npt.NDArray[np.float64]
T = TypeVar("T")

LANES = 256
# Rows of prices are longer than the lanes: at a stride of 2 KiB, a path read down its column would
# use two sets of the cache only.
ROW = LANES + 8
PIECE = 16 * LANES  # paths to a task of the thread pool
# Layout of the state buffer, in blocks of LANES.
VARIANCE, PRICE, WORST, WEIGHT, SHOCK, UNIFORM, RATIO = range(7)
STATE_SIZE = 7 * LANES
# Layout of the recursion's parameters.
MU, SIGN, OMEGA, ALPHA, GAMMA, BETA, IS_EGARCH = range(7)

_ONE = np.int64(0x3FF0000000000000)  # the bits of 1.0
_MANTISSA = np.int64((1 << 52) - 1)
_FIRST_CELL = np.int64((1023 - OCTAVES - 1) << CELL_BITS)
_TABLE, _RESIDUAL = int(Sampling.TABLE), int(Sampling.RESIDUAL)
_TILTED_TABLE = int(Sampling.TILTED_TABLE)
_HALF_STEP = 2.0**-53  # centres the uniform in its 53-bit step
_MEAN_ABSOLUTE_NORMAL = math.sqrt(2.0 / math.pi)

# Types of `sampler_arguments`, and of all arguments of `simulate_block`.
SAMPLER_TYPES = (
    "int64, float64[::1], float64[::1], uint16[::1], float64[::1], float64[::1], float64[::1]"
)
_BLOCK_TYPES = (
    f"uint64, int64, int64, float64[::1], float64[::1], {SAMPLER_TYPES}, "
    "float64[::1], int64[::1], float64[::1], float64[::1]"
)


# Every step below is a loop of its own: a loop that hashes, folds and looks up at once is not
# vectorised. Table indices are unsigned, which spares the test for a negative index.


@numba.njit("void(uint64, int64, int64, int64[::1])", cache=True, nogil=True, error_model="numpy")
def _hash_lanes(key, first, counter, bits):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """One hash per lane into the RATIO row."""
    origin = (np.uint64(first) << np.uint64(BAR_BITS)) + np.uint64(counter)
    for j in range(LANES):
        bits[RATIO * LANES + j] = np.int64(
            hash_bits((origin + (np.uint64(j) << np.uint64(BAR_BITS))) ^ key)
        )


@numba.njit(
    "void(float64[::1], float64[::1], float64[::1], int64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _look_up(base, slope, state, bits):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Quantile at the folded uniforms; the SHOCK row holds the side, 0 below the median or -1."""
    for j in range(LANES):
        cell = (bits[UNIFORM * LANES + j] >> np.int64(52 - CELL_BITS)) - _FIRST_CELL
        side = bits[SHOCK * LANES + j] * np.int64(CELLS)
        bits[RATIO * LANES + j] = max(cell, np.int64(0)) - side
    for j in range(LANES):
        cell = np.uint64(bits[RATIO * LANES + j])
        state[SHOCK * LANES + j] = base[cell] + slope[cell] * state[UNIFORM * LANES + j]


@numba.njit(
    "void(uint64, int64, int64, float64[::1], float64[::1], float64[::1], int64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _table_shocks(key, first, t, base, slope, state, bits):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
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


@numba.njit(
    "void(uint64, int64, int64, float64[::1], float64[::1], int64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _residual_shocks(key, first, t, residuals, state, bits):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
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


@numba.njit(
    f"void(uint64, int64, int64, {SAMPLER_TYPES}, float64[::1], int64[::1], float64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _tilted_shocks(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    key, first, t, sampling, base, slope, slots, ratio, lower, width, state, bits, weights
):
    """Draw a stretch by its slots, a shock inside it, and carry the product of the ratios."""
    _hash_lanes(key, first, t, bits)
    half = lower.size // 2
    for j in range(LANES):
        z = np.uint64(bits[RATIO * LANES + j])
        bits[RATIO * LANES + j] = np.int64(z >> np.uint64(64 - SLOT_BITS))
        bits[UNIFORM * LANES + j] = (np.int64(z << np.uint64(4)) & _MANTISSA) | _ONE
    if sampling == _TILTED_TABLE:
        for j in range(LANES):
            stretch = np.uint64(slots[np.uint64(bits[RATIO * LANES + j])])
            inside = state[UNIFORM * LANES + j] - 1.0 + _HALF_STEP
            state[UNIFORM * LANES + j] = lower[stretch] + width[stretch] * inside
            bits[SHOCK * LANES + j] = -np.int64(np.int64(stretch) >= half)
            weight = state[WEIGHT * LANES + j] * ratio[stretch]
            state[WEIGHT * LANES + j] = weight
            weights[t * ROW + j] = weight
        _look_up(base, slope, state, bits)
    else:
        for j in range(LANES):
            drawn = np.uint64(slots[np.uint64(bits[RATIO * LANES + j])])
            state[SHOCK * LANES + j] = base[drawn]
            weight = state[WEIGHT * LANES + j] * ratio[drawn]
            state[WEIGHT * LANES + j] = weight
            weights[t * ROW + j] = weight


@numba.njit(
    "void(int64, float64[::1], float64[::1], float64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _advance(t, recursion, state, prices):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Move every lane's price by mu + sigma z, then update its variance."""
    mu, sign = recursion[MU], recursion[SIGN]
    omega, alpha = recursion[OMEGA], recursion[ALPHA]
    gamma, beta = recursion[GAMMA], recursion[BETA]
    drift = sign * mu
    if recursion[IS_EGARCH] > 0.0:
        for j in range(LANES):
            z = state[SHOCK * LANES + j]
            log_h = state[VARIANCE * LANES + j]
            x = state[PRICE * LANES + j] + (drift + sign * math.exp(0.5 * log_h) * z)
            prices[t * ROW + j] = x
            state[PRICE * LANES + j] = x
            state[WORST * LANES + j] = min(state[WORST * LANES + j], x)
            news = alpha * (abs(z) - _MEAN_ABSOLUTE_NORMAL) + gamma * z
            state[VARIANCE * LANES + j] = omega + news + beta * log_h
    else:
        for j in range(LANES):
            z = state[SHOCK * LANES + j]
            h = state[VARIANCE * LANES + j]
            x = state[PRICE * LANES + j] + (drift + sign * math.sqrt(h) * z)
            prices[t * ROW + j] = x
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
    ``start_variance`` (LANES,) is h of the first bar (its log for EGARCH). Fills ``prices``
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
        if sampling == _TABLE:
            _table_shocks(key, first, t, base, slope, state, bits)
        elif sampling == _RESIDUAL:
            _residual_shocks(key, first, t, base, state, bits)
        else:
            _tilted_shocks(
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
        _advance(t, recursion, state, prices)


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


def sampler_arguments(
    sampler: Sampler,
) -> tuple[int, Array, Array, npt.NDArray[np.uint16], Array, Array, Array]:
    """A sampler as the kernels take it, in the order of SAMPLER_TYPES."""
    tilt = sampler.tilt
    return (
        int(sampler.sampling),
        sampler.base,
        sampler.slope,
        tilt.slots,
        tilt.ratio,
        tilt.lower,
        tilt.width,
    )


def recursion_parameters(model: PathModel, sign: int) -> Array:
    """The recursion in the layout of the kernel; sign -1 mirrors the prices, not the shocks."""
    return np.array(
        [
            model.mu,
            sign,
            model.omega,
            model.alpha,
            model.gamma,
            model.beta,
            model.variance is Variance.EGARCH,
        ],
        dtype=np.float64,
    )


def start_variances(model: PathModel, start_sigma: Array) -> Array:
    """The state the kernel starts from: the variance, or its log for EGARCH."""
    h = np.square(start_sigma)
    return np.log(h) if model.variance is Variance.EGARCH else np.ascontiguousarray(h)
