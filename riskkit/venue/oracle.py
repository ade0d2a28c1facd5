"""The oracle: what the venue believes the price to be, and how late lags become.

Chains congest and oracles stall exactly in crashes, so a lag may be a constant or a distribution
that depends on the bar's own move.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]


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

    def draw(self, log_move: float, u: float) -> int:
        """Bars of lag after a move, by inversion of a uniform in (0, 1)."""
        law = self.stressed if abs(log_move) >= self.move else self.calm
        total = 0.0
        for bars, probability in enumerate(law[:-1]):
            total += probability
            if u < total:
                return bars
        return len(law) - 1

    def halts(self, log_move: float, v: float) -> bool:
        """Whether a bar halts, given a second uniform."""
        return abs(log_move) >= self.move and v < self.halt_probability


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


@dataclass
class OracleState:
    """The oracle along one path, opened at the price of bar 0."""

    oracle: Oracle
    published: float
    source: int = field(default=0, init=False)
    stalled_until: int = field(default=0, init=False)

    def publish(self, t: int, closes: Array, extremes: Array, uniforms: Array, sign: int) -> float:
        """Advance to bar t; returns the most adverse price that the venue sees in it.

        That is the worst of what is published in bar t, else the price still on display.

        Parameters
        ----------
        closes, extremes : ndarray (bars + 1,)
            Market closes, and the lows (long) or highs (short); closes again where there are none.
        uniforms : ndarray (2,)
            For the lag and the halt of this bar.
        sign : int
            +1 if a low price is adverse, -1 if a high one is.
        """
        source = self._newest_bar(t, closes, uniforms)
        seen = []
        if source > self.source:
            self.source = source
            for price in (float(extremes[source]), float(closes[source])):
                if abs(price / self.published - 1.0) >= self.oracle.deviation:
                    self.published = price
                    seen.append(price)
        if not seen:
            return self.published
        return min(seen) if sign > 0 else max(seen)

    def _newest_bar(self, t: int, closes: Array, uniforms: Array) -> int:
        latency = self.oracle.latency
        if isinstance(latency, int):
            return max(self.source, t - latency)
        move = math.log(closes[t] / closes[t - 1])
        if t >= self.stalled_until and latency.halts(move, float(uniforms[1])):
            self.stalled_until = t + latency.halt_bars
        if t < self.stalled_until:
            return self.source
        return max(self.source, t - latency.draw(move, float(uniforms[0])))


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
