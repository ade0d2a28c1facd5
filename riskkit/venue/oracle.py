"""The oracle: what the venue believes the price to be, and how late lags become.

Chains congest and oracles stall exactly in crashes, so a lag may be a constant or a distribution
that depends on the bar's own move.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from riskkit.compiled import Integers, Matrix, Real, Truth, Vector, Whole, inlined
from riskkit.errors import InputError


@dataclass(frozen=True)
class ConditionalLag:
    """A lag in bars, drawn afresh in every bar given how far that bar moved.

    Attributes
    ----------
    calm, stressed : tuple of float
        Probability of a lag of 0, 1, 2, … bars, in a calm and in a stressed bar.
    move : float
        A bar is stressed if its absolute log return (close to close) is at least this.
    halt_probability : float
        Probability that a stressed bar starts a halt.
    halt_bars : int
        Length of a halt. An oracle publishes nothing in the bar that halts and in those after it,
        ``halt_bars`` in all; a liquidation triggered in a bar that halts is that much later.
    """

    calm: tuple[float, ...]
    stressed: tuple[float, ...]
    move: float
    halt_probability: float = 0.0
    halt_bars: int = 0


Lag = int | ConditionalLag


@dataclass(frozen=True)
class Oracle:
    """How the market price reaches the venue.

    Attributes
    ----------
    latency : int or ConditionalLag
        At bar t the oracle knows the market up to bar t - latency. It never goes back in time, and
        after a stall it reports the newest bar it knows, not those in between.
    deviation : float
        It publishes only when the price is at least this fraction away from the published one.
    """

    latency: Lag = 0
    deviation: float = 0.0


class LagLaw(NamedTuple):
    """A lag as numbers: ``constant`` bars, or where that is negative a `ConditionalLag`."""

    constant: Whole
    move: Real
    halt_probability: Real
    halt_bars: Whole
    calm: Vector
    stressed: Vector


class OracleLaw(NamedTuple):
    """An `Oracle` as numbers."""

    latency: LagLaw
    deviation: Real


class Sight(NamedTuple):
    """What the venue has been told along one path; changed in place.

    Attributes
    ----------
    published : ndarray (instruments,)
        Price on display.
    seen : ndarray (instruments,)
        The most adverse price of the bar: of what is published in it, else the one on display.
    clock : ndarray (2,) of int
        The newest bar it knows, and the bar from which it is no longer halted.
    """

    published: Vector
    seen: Vector
    clock: Integers


class Tape(NamedTuple):
    """Prices along one path, shape (bars + 1, instruments), the opening first.

    Attributes
    ----------
    closes, touched : ndarray
        Closes, and the extremes of the adverse side; the closes again where there are none.
    adverse : ndarray (instruments,)
        +1 where a low price is adverse, -1 where a high one is.
    fills : ndarray
        Where a close-out of each bar is filled: the closes, or less good.
    """

    closes: Matrix
    touched: Matrix
    adverse: Vector
    fills: Matrix


class LagUniforms(NamedTuple):
    """Uniforms in (0, 1) for lags that are drawn, shape (bars + 1, 2) each.

    Row t serves bar t: column 0 the lag, column 1 the halt.
    """

    latency: Matrix
    delay: Matrix


SOURCE, RESUMES = 0, 1


@inlined
def is_stressed(t: Whole, market: Tape, lag: LagLaw) -> Truth:
    """Whether an instrument's absolute log return of bar t, close to close, is at least the law's.

    A logarithm is taken only where the simple return does not settle it.
    """
    for i in range(market.adverse.size):
        ratio = market.closes[t, i] / market.closes[t - 1, i]
        # |log r| of at least m needs |r - 1| of at least m / (1 + m).
        settled = abs(ratio - 1.0) * (1.0 + lag.move) < lag.move * (1.0 - 1e-12)
        if not settled and abs(math.log(ratio)) >= lag.move:
            return True
    return False


@inlined
def draw_lag(stressed: Truth, u: Real, lag: LagLaw) -> Whole:
    """Bars of lag after a bar, by inversion of a uniform in (0, 1)."""
    law = lag.stressed if stressed else lag.calm
    total = 0.0
    for bars in range(law.size - 1):
        total += law[bars]
        if u < total:
            return bars
    return law.size - 1


@inlined
def halts(stressed: Truth, v: Real, lag: LagLaw) -> Truth:
    """Whether a bar starts a halt, given a uniform in (0, 1)."""
    return stressed and v < lag.halt_probability


@inlined
def bars_of_delay(t: Whole, market: Tape, uniforms: Matrix, lag: LagLaw) -> Whole:
    """Bars from a trigger in bar t to its execution, a halt included."""
    if lag.constant >= 0:
        return lag.constant
    stressed = is_stressed(t, market, lag)
    bars = draw_lag(stressed, uniforms[t, 0], lag)
    return bars + lag.halt_bars if halts(stressed, uniforms[t, 1], lag) else bars


@inlined
def open_eyes(sight: Sight, market: Tape) -> None:
    """The oracle as a path begins: on the opening price."""
    sight.clock[SOURCE], sight.clock[RESUMES] = 0, 0
    for i in range(market.adverse.size):
        sight.published[i] = sight.seen[i] = market.closes[0, i]


@inlined
def newest_bar(t: Whole, market: Tape, uniforms: Matrix, lag: LagLaw, clock: Integers) -> Whole:
    """The newest bar that the oracle knows in bar t, which never goes back."""
    known: int = clock[SOURCE]
    if lag.constant >= 0:
        return max(known, t - lag.constant)
    stressed = is_stressed(t, market, lag)
    if t >= clock[RESUMES] and halts(stressed, uniforms[t, 1], lag):
        clock[RESUMES] = t + lag.halt_bars
    if t < clock[RESUMES]:
        return known
    return max(known, t - draw_lag(stressed, uniforms[t, 0], lag))


@inlined
def publish(t: Whole, market: Tape, uniforms: Matrix, oracle: OracleLaw, sight: Sight) -> None:
    """Advance the oracle to bar t.

    It publishes the newest bar it knows, first that bar's adverse extreme, then its close, each
    only if it deviates enough from the price on display.
    """
    newest = newest_bar(t, market, uniforms, oracle.latency, sight.clock)
    fresh = newest > sight.clock[SOURCE]
    sight.clock[SOURCE] = newest
    for i in range(market.adverse.size):
        shown = sight.published[i]
        seen = shown
        if fresh:
            extreme, close = market.touched[newest, i], market.closes[newest, i]
            news = abs(extreme / shown - 1.0) >= oracle.deviation
            if news:
                shown = seen = extreme
            if abs(close / shown - 1.0) >= oracle.deviation:
                shown = close
                if not news or market.adverse[i] * (seen - close) > 0.0:
                    seen = close
        sight.published[i], sight.seen[i] = shown, seen


def lag_law(lag: Lag) -> LagLaw:
    """A lag as numbers."""
    if isinstance(lag, int):
        return LagLaw(lag, 0.0, 0.0, 0, np.ones(1), np.ones(1))
    return LagLaw(
        -1,
        float(lag.move),
        float(lag.halt_probability),
        lag.halt_bars,
        np.array(lag.calm, dtype=np.float64),
        np.array(lag.stressed, dtype=np.float64),
    )


def drawn(lag: Lag) -> bool:
    """Whether a lag is a distribution."""
    return isinstance(lag, ConditionalLag)


def longest(lag: Lag) -> int:
    """Largest number of bars a lag can take, a halt included."""
    if isinstance(lag, int):
        return lag
    return max(len(lag.calm), len(lag.stressed)) - 1 + lag.halt_bars


def check_lag(lag: Lag, argument: str) -> None:
    """Refuse a lag that is negative or whose probabilities are none.

    Raises
    ------
    InputError
    """
    if isinstance(lag, int):
        if lag < 0:
            raise InputError(argument, lag, "must not be negative", "Give 0 bars for none")
        return
    for name, law in (("calm", lag.calm), ("stressed", lag.stressed)):
        if not law or min(law) < 0.0 or abs(sum(law) - 1.0) > 1e-9:
            raise InputError(
                f"{argument}.{name}",
                law,
                "must be probabilities that sum to 1",
                "List the probability of 0, 1, 2, … bars",
            )
    if not 0.0 <= lag.halt_probability < 1.0:
        raise InputError(
            f"{argument}.halt_probability",
            lag.halt_probability,
            "must lie in [0, 1)",
            "Give the probability that a stressed bar halts",
        )
    if lag.halt_bars < 0 or not lag.move >= 0.0:
        raise InputError(
            f"{argument}.halt_bars, move",
            (lag.halt_bars, lag.move),
            "must not be negative",
            "Give 0 for no halt and for a lag that does not depend on the move",
        )


def check_oracle(oracle: Oracle) -> None:
    """Refuse an oracle that cannot be.

    Raises
    ------
    InputError
    """
    check_lag(oracle.latency, "oracle.latency")
    if not 0.0 <= oracle.deviation < 1.0:
        raise InputError(
            "oracle.deviation",
            oracle.deviation,
            "must be a fraction in [0, 1)",
            "Write 50 bps as 0.005",
        )
