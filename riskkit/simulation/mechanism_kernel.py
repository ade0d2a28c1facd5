"""The compiled mechanism: every option of `riskkit.venue.liquidation`, path by path.

It follows the order of events written there line by line, and tests hold it to the reference.
Lags that are distributions draw their uniforms from the path's own counters.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from riskkit.tail.losses import Side
from riskkit.venue.liquidation import LagUniforms
from riskkit.venue.mechanism import (
    CloseOutRule,
    Mechanism,
    Perpetual,
    Position,
    SlippageLaw,
)
from riskkit.venue.oracle import Lag
from riskkit.volatility.random_bits import BAR_BITS, Stream, hash_bits, random_bits, stream_key

Array = npt.NDArray[np.float64]

# Layout of the encoded position and mechanism.
(
    _IS_LOAN, _SIGN, _MARGIN, _TRIGGER, _CHARGE, _ACCRUAL, _NOTIONAL,
    _DEVIATION, _SLIPPAGE, _RATE, _DEPTH, _CLOSE_OUT, _LEVEL,
) = range(13)  # fmt: skip
_LINEAR, _SQUARE_ROOT, _LADDER = 1.0, 2.0, 3.0
_CLOSE_FACTOR, _RESTORE = 1.0, 2.0
# Layout of an encoded lag, followed by the calm and the stressed distribution.
_CONSTANT, _MOVE, _HALT_PROBABILITY, _HALT_BARS, _CALM, _STRESSED, _LAWS = range(7)
# Layout of an outcome.
TRIGGER_BAR, UNFAIR, DEFAULT_BAR, LOSS, LIQUIDATIONS = range(5)


@numba.njit(
    "float64(float64, float64[::1], float64[:, ::1])", cache=True, nogil=True, error_model="numpy"
)
def _cost(value, code, ladder):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    law = code[_SLIPPAGE]
    cost = code[_RATE]
    if law == _LINEAR:
        cost = code[_RATE] * value / code[_DEPTH]
    elif law == _SQUARE_ROOT:
        cost = code[_RATE] * math.sqrt(value / code[_DEPTH])
    elif law == _LADDER:
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
    stressed = abs(move) >= lag[_MOVE]
    calm_size = np.int64(lag[_CALM])
    begin = _LAWS + calm_size if stressed else _LAWS
    size = np.int64(lag[_STRESSED]) if stressed else calm_size
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
    if code[_IS_LOAN] > 0.0:
        return quantity * price * code[_TRIGGER] <= cash
    equity = cash + code[_SIGN] * quantity * (price - 1.0)
    return equity <= code[_TRIGGER] * (quantity * price)


@numba.njit(
    "UniTuple(float64, 3)(float64, float64, float64, float64[::1], float64[:, ::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _close_perpetual(price, cash, quantity, code, ladder):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Bad debt, and the cash and quantity that are left."""
    value = quantity * price
    gain = code[_SIGN] * quantity * (price - 1.0)
    full_cost = _cost(value * code[_NOTIONAL], code, ladder) + code[_CHARGE]
    if cash + gain - value * full_cost < 0.0:
        return value * full_cost - cash - gain, cash, 0.0
    x = 1.0
    if code[_CLOSE_OUT] == _CLOSE_FACTOR:
        x = code[_LEVEL]
    elif code[_CLOSE_OUT] == _RESTORE and code[_LEVEL] > full_cost:
        x = (code[_LEVEL] - (cash + gain) / value) / (code[_LEVEL] - full_cost)
        x = min(max(x, 0.0), 1.0)
    cost = _cost(x * value * code[_NOTIONAL], code, ladder) + code[_CHARGE]
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
    value, paid = collateral * price, 1.0 + code[_CHARGE]
    x = 1.0
    if code[_CLOSE_OUT] == _CLOSE_FACTOR:
        x = code[_LEVEL]
    elif code[_CLOSE_OUT] == _RESTORE:
        relief = code[_LEVEL] - paid * code[_TRIGGER]
        if relief > 0.0:
            x = (code[_LEVEL] * debt - value * code[_TRIGGER]) / (debt * relief)
            x = min(max(x, 0.0), 1.0)
    taken = min(x * debt * paid, value)
    if paid * (1.0 - _cost(taken * code[_NOTIONAL], code, ladder)) < 1.0:
        proceeds = value * (1.0 - _cost(value * code[_NOTIONAL], code, ladder))
        return max(debt - proceeds, 0.0), 0.0, 0.0
    if value < debt * paid:
        return debt - value / paid, 0.0, 0.0
    if x >= 1.0:
        return 0.0, 0.0, 0.0
    return 0.0, debt * (1.0 - x), collateral - taken / price


RUN_TYPES = (
    "int64, float64[::1], float64[:, ::1], float64[::1], float64[::1], uint64, uint64, int64"
)


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
    loan, sign = code[_IS_LOAN] > 0.0, code[_SIGN]
    cash, quantity = code[_MARGIN], 1.0
    published, source, stalled_until, due = 1.0, 0, 0, 0
    for t in range(1, closes.size):
        price = closes[t]
        if loan:
            cash *= 1.0 + code[_ACCRUAL]
        else:
            cash -= sign * code[_ACCRUAL] * (quantity * price)
        # The oracle.
        newest = source
        if latency[_CONSTANT] >= 0.0:
            newest = max(source, t - int(latency[_CONSTANT]))
        else:
            move = math.log(price / closes[t - 1])
            u, v = _two_uniforms(latency_key, number, t)
            halts = abs(move) >= latency[_MOVE] and v < latency[_HALT_PROBABILITY]
            if t >= stalled_until and halts:
                stalled_until = t + int(latency[_HALT_BARS])
            if t >= stalled_until:
                newest = max(source, t - _draw(latency, move, u))
        seen = published
        if newest > source:
            source = newest
            news = False
            if abs(extremes[source] / published - 1.0) >= code[_DEVIATION]:
                published = seen = extremes[source]
                news = True
            if abs(closes[source] / published - 1.0) >= code[_DEVIATION]:
                published = closes[source]
                worse = (seen - published) * sign > 0.0
                seen = published if worse or not news else seen
        # The trigger.
        if due == 0 and source <= horizon and _triggered(seen, cash, quantity, code):
            lag = int(delay[_CONSTANT])
            if lag < 0:
                move = math.log(price / closes[t - 1])
                u, v = _two_uniforms(delay_key, number, t)
                lag = _draw(delay, move, u)
                if abs(move) >= delay[_MOVE] and v < delay[_HALT_PROBABILITY]:
                    lag += int(delay[_HALT_BARS])
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
    for stream in (Stream.LATENCY, Stream.DELAY):
        z = random_bits(stream_key(seed, stream), path, 1, np.arange(bars + 1))[0]
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


def encode(
    position: Position, mechanism: Mechanism, horizon: int, seed: int, first_path: int
) -> tuple[int, Array, Array, Array, Array, np.uint64, np.uint64, int]:
    """A position and its mechanism as the kernel takes them, in the order of RUN_TYPES."""
    slippage, close_out = mechanism.slippage, mechanism.close_out
    code = np.zeros(13)
    code[_NOTIONAL] = position.notional
    if isinstance(position, Perpetual):
        code[_SIGN] = position.side.sign
        code[_MARGIN], code[_TRIGGER] = position.initial_margin, position.maintenance_margin
        code[_CHARGE], code[_ACCRUAL] = position.penalty, position.funding
    else:
        code[_IS_LOAN], code[_SIGN] = 1.0, Side.LONG.sign
        code[_MARGIN], code[_TRIGGER] = position.loan_to_value, position.liquidation_threshold
        code[_CHARGE], code[_ACCRUAL] = position.bonus, position.interest
    code[_DEVIATION] = mechanism.oracle.deviation
    code[_SLIPPAGE] = {
        SlippageLaw.FLAT: 0.0,
        SlippageLaw.LINEAR: _LINEAR,
        SlippageLaw.SQUARE_ROOT: _SQUARE_ROOT,
        SlippageLaw.LADDER: _LADDER,
    }[slippage.law]
    code[_RATE], code[_DEPTH] = slippage.rate, slippage.depth
    code[_CLOSE_OUT] = {
        CloseOutRule.FULL: 0.0,
        CloseOutRule.CLOSE_FACTOR: _CLOSE_FACTOR,
        CloseOutRule.RESTORE: _RESTORE,
    }[close_out.rule]
    code[_LEVEL] = close_out.level
    return (
        horizon,
        code,
        np.array(slippage.ladder, dtype=np.float64).reshape(-1, 2),
        _encode_lag(mechanism.oracle.latency),
        _encode_lag(mechanism.delay),
        np.uint64(stream_key(seed, Stream.LATENCY)),
        np.uint64(stream_key(seed, Stream.DELAY)),
        first_path,
    )


def _encode_lag(lag: Lag) -> Array:
    if isinstance(lag, int):
        return np.array([lag, 0, 0, 0, 0, 0], dtype=np.float64)
    head = [-1.0, lag.move, lag.halt_probability, lag.halt_bars, len(lag.calm), len(lag.stressed)]
    return np.array([*head, *lag.calm, *lag.stressed])
