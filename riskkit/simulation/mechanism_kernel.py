"""The compiled mechanism: every option of `riskkit.venue.liquidation`, path by path.

It follows the order of events written there line by line, and tests hold it to the reference.
Lags that are distributions draw their uniforms from the path's own counters.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from riskkit.paths.bits import BAR_BITS, Use, hash_bits, random_bits, stream_key
from riskkit.simulation.mechanism_code import (
    ACCRUAL,
    CALM,
    CHARGE,
    CLOSE_FACTOR,
    CLOSE_OUT,
    CONSTANT,
    DEPTH,
    DEVIATION,
    HALT_BARS,
    HALT_PROBABILITY,
    IS_LOAN,
    LADDER,
    LAWS,
    LEVEL,
    LINEAR,
    MARGIN,
    MOVE,
    NOTIONAL,
    RATE,
    RESTORE,
    RUN_TYPES,
    SIGN,
    SLIPPAGE,
    SQUARE_ROOT,
    STRESSED,
    TRIGGER,
    encode,
)
from riskkit.venue.liquidation import LagUniforms
from riskkit.venue.mechanism import (
    Mechanism,
    Position,
)

Array = npt.NDArray[np.float64]

# Layout of an outcome.
TRIGGER_BAR, UNFAIR, DEFAULT_BAR, LOSS, LIQUIDATIONS = range(5)


@numba.njit(
    "float64(float64, float64[::1], float64[:, ::1])", cache=True, nogil=True, error_model="numpy"
)
def _cost(value, code, ladder):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    law = code[SLIPPAGE]
    cost = code[RATE]
    if law == LINEAR:
        cost = code[RATE] * value / code[DEPTH]
    elif law == SQUARE_ROOT:
        cost = code[RATE] * math.sqrt(value / code[DEPTH])
    elif law == LADDER:
        levels = ladder.shape[0]
        cost = ladder[0, 1]
        if value > ladder[0, 0] and levels > 1:
            i = 1
            while i < levels - 1 and ladder[i, 0] < value:
                i += 1
            slope = (ladder[i, 1] - ladder[i - 1, 1]) / (ladder[i, 0] - ladder[i - 1, 0])
            cost = ladder[i - 1, 1] + slope * (value - ladder[i - 1, 0])
    return min(cost, 1.0)


@numba.njit("int64(float64[::1], float64, float64)", cache=True, nogil=True, error_model="numpy")
def _draw(lag, move, u):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    stressed = abs(move) >= lag[MOVE]
    calm_size = np.int64(lag[CALM])
    begin = LAWS + calm_size if stressed else LAWS
    size = np.int64(lag[STRESSED]) if stressed else calm_size
    total = 0.0
    for bars in range(size - 1):
        total += lag[begin + bars]
        if u < total:
            return bars
    return size - 1


@numba.njit(
    "UniTuple(float64, 2)(uint64, int64, int64)", cache=True, nogil=True, error_model="numpy"
)
def _two_uniforms(key, path, bar):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    z = hash_bits(((np.uint64(path) << np.uint64(BAR_BITS)) + np.uint64(bar)) ^ key)
    u = (np.float64(z >> np.uint64(32)) + 0.5) * 2.0**-32
    v = (np.float64(z & np.uint64(0xFFFFFFFF)) + 0.5) * 2.0**-32
    return u, v


@numba.njit(
    "boolean(float64, float64, float64, float64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _triggered(price, cash, quantity, code):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """At a price relative to the opening; a loan's cash is its debt, its quantity collateral."""
    if code[IS_LOAN] > 0.0:
        return quantity * price * code[TRIGGER] <= cash
    equity = cash + code[SIGN] * quantity * (price - 1.0)
    return equity <= code[TRIGGER] * (quantity * price)


@numba.njit(
    "UniTuple(float64, 3)(float64, float64, float64, float64[::1], float64[:, ::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _close_perpetual(price, cash, quantity, code, ladder):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Bad debt, and the cash and quantity that are left."""
    value = quantity * price
    gain = code[SIGN] * quantity * (price - 1.0)
    full_cost = _cost(value * code[NOTIONAL], code, ladder) + code[CHARGE]
    if cash + gain - value * full_cost < 0.0:
        return value * full_cost - cash - gain, cash, 0.0
    x = 1.0
    if code[CLOSE_OUT] == CLOSE_FACTOR:
        x = code[LEVEL]
    elif code[CLOSE_OUT] == RESTORE and code[LEVEL] > full_cost:
        x = (code[LEVEL] - (cash + gain) / value) / (code[LEVEL] - full_cost)
        x = min(max(x, 0.0), 1.0)
    cost = _cost(x * value * code[NOTIONAL], code, ladder) + code[CHARGE]
    left = 0.0 if x >= 1.0 else quantity * (1.0 - x)
    return 0.0, cash + x * gain - x * value * cost, left


@numba.njit(
    "UniTuple(float64, 3)(float64, float64, float64, float64[::1], float64[:, ::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _close_loan(price, debt, collateral, code, ladder):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Bad debt, and the debt and collateral that are left (no collateral: closed)."""
    value, paid = collateral * price, 1.0 + code[CHARGE]
    x = 1.0
    if code[CLOSE_OUT] == CLOSE_FACTOR:
        x = code[LEVEL]
    elif code[CLOSE_OUT] == RESTORE:
        relief = code[LEVEL] - paid * code[TRIGGER]
        if relief > 0.0:
            x = (code[LEVEL] * debt - value * code[TRIGGER]) / (debt * relief)
            x = min(max(x, 0.0), 1.0)
    taken = min(x * debt * paid, value)
    if paid * (1.0 - _cost(taken * code[NOTIONAL], code, ladder)) < 1.0:
        proceeds = value * (1.0 - _cost(value * code[NOTIONAL], code, ladder))
        return max(debt - proceeds, 0.0), 0.0, 0.0
    if value < debt * paid:
        return debt - value / paid, 0.0, 0.0
    if x >= 1.0:
        return 0.0, 0.0, 0.0
    return 0.0, debt * (1.0 - x), collateral - taken / price


@numba.njit(
    f"void(float64[::1], float64[::1], {RUN_TYPES}, float64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def run_path(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    closes,
    extremes,
    horizon,
    code,
    ladder,
    latency,
    delay,
    latency_key,
    delay_key,
    number,
    outcome,
):
    """One position along one path of prices relative to the opening, bar 0 first."""
    outcome[:] = 0.0
    loan, sign = code[IS_LOAN] > 0.0, code[SIGN]
    cash, quantity = code[MARGIN], 1.0
    published, source, stalled_until, due = 1.0, 0, 0, 0
    for t in range(1, closes.size):
        price = closes[t]
        if loan:
            cash *= 1.0 + code[ACCRUAL]
        else:
            cash -= sign * code[ACCRUAL] * (quantity * price)
        # The oracle.
        newest = source
        if latency[CONSTANT] >= 0.0:
            newest = max(source, t - int(latency[CONSTANT]))
        else:
            move = math.log(price / closes[t - 1])
            u, v = _two_uniforms(latency_key, number, t)
            halts = abs(move) >= latency[MOVE] and v < latency[HALT_PROBABILITY]
            if t >= stalled_until and halts:
                stalled_until = t + int(latency[HALT_BARS])
            if t >= stalled_until:
                newest = max(source, t - _draw(latency, move, u))
        seen = published
        if newest > source:
            source = newest
            news = False
            if abs(extremes[source] / published - 1.0) >= code[DEVIATION]:
                published = seen = extremes[source]
                news = True
            if abs(closes[source] / published - 1.0) >= code[DEVIATION]:
                published = closes[source]
                worse = (seen - published) * sign > 0.0
                seen = published if worse or not news else seen
        # The trigger.
        if due == 0 and source <= horizon and _triggered(seen, cash, quantity, code):
            lag = int(delay[CONSTANT])
            if lag < 0:
                move = math.log(price / closes[t - 1])
                u, v = _two_uniforms(delay_key, number, t)
                lag = _draw(delay, move, u)
                if abs(move) >= delay[MOVE] and v < delay[HALT_PROBABILITY]:
                    lag += int(delay[HALT_BARS])
            due = t + lag
            if outcome[TRIGGER_BAR] == 0.0:
                outcome[TRIGGER_BAR] = t
                fair = _triggered(extremes[t], cash, quantity, code)
                outcome[UNFAIR] = 0.0 if fair else 1.0
        # Execution.
        if due == t:
            outcome[LIQUIDATIONS] += 1.0
            if loan:
                loss, cash, quantity = _close_loan(price, cash, quantity, code, ladder)
            else:
                loss, cash, quantity = _close_perpetual(price, cash, quantity, code, ladder)
            if loss > 0.0:
                outcome[DEFAULT_BAR], outcome[LOSS] = t, loss
                return
            if quantity <= 0.0 or (loan and cash <= 0.0):
                return
            due = 0


@numba.njit(
    f"void(float64[:, ::1], float64[:, ::1], {RUN_TYPES}, float64[:, ::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _run_all(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    closes,
    extremes,
    horizon,
    code,
    ladder,
    latency,
    delay,
    latency_key,
    delay_key,
    first,
    outcomes,
):
    for i in range(closes.shape[0]):
        run_path(
            closes[i],
            extremes[i],
            horizon,
            code,
            ladder,
            latency,
            delay,
            latency_key,
            delay_key,
            first + i,
            outcomes[i],
        )


def lag_uniforms(seed: int, path: int, bars: int) -> LagUniforms:
    """The uniforms that the compiled mechanism draws for a path's lags, for the reference."""
    pairs = []
    for use in (Use.LATENCY, Use.DELAY):
        z = random_bits(stream_key(seed, use), path, 1, np.arange(bars + 1))[0]
        halves = np.stack([z >> np.uint64(32), z & np.uint64(0xFFFFFFFF)], axis=1)
        pairs.append((halves.astype(np.float64) + 0.5) * 2.0**-32)
    return LagUniforms(*pairs)


def run_paths(
    closes: Array,
    extremes: Array,
    position: Position,
    mechanism: Mechanism,
    horizon: int,
    seed: int,
    first_path: int = 0,
) -> Array:
    """Outcomes (paths, 5) of one position on many paths: TRIGGER_BAR, UNFAIR, DEFAULT_BAR, ….

    Parameters
    ----------
    closes, extremes : ndarray (paths, bars + 1)
        Prices relative to the opening, which is column 0.
    """
    outcomes = np.zeros((closes.shape[0], 5))
    arguments = encode(position, mechanism, horizon, seed, first_path)
    _run_all(np.ascontiguousarray(closes), np.ascontiguousarray(extremes), *arguments, outcomes)
    return outcomes
