"""Black's formula on the forward, and the kernel that revalues many legs on many scenarios.

Values are undiscounted, in the money of the forward; a coin-settled (inverse) option is worth its
value over the settlement price, in coins. At zero volatility or at expiry a value is the intrinsic
one, to the bit.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from riskkit.compiled import Integers, Matrix, Real, Vector, Whole, compiled
from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

ROOT_HALF = math.sqrt(0.5)


@compiled()
def black_value(
    forward: Real, strike: Real, deviation: Real, call: Real
) -> Real:  # pragma: no cover - compiled
    """Undiscounted value of a call (``call`` 1) or put (-1); ``deviation`` is sigma sqrt(T)."""
    if deviation <= 0.0:
        return max(call * (forward - strike), 0.0)
    d = call * math.log(forward / strike) / deviation
    half = 0.5 * call * deviation
    up: float = 0.5 * math.erfc(-(d + half) * ROOT_HALF)
    down: float = 0.5 * math.erfc(-(d - half) * ROOT_HALF)
    return float(call * (forward * up - strike * down))


class LegTable(NamedTuple):
    """Legs as a kernel reads them; each array has a row a leg.

    ``price`` is the column of the leg's underlying, ``smile`` the row of its volatility's shock,
    ``owner`` its account, by which legs are sorted. ``quantity`` is signed, in units; ``inverse``
    is 1 for a leg that is settled in coins.
    """

    price: Integers
    smile: Integers
    owner: Integers
    forward: Vector
    strike: Vector
    call: Vector
    deviation: Vector
    quantity: Vector
    inverse: Vector


class NormalTable(NamedTuple):
    """The normal distribution at nodes of an even grid from -`REACH` on: its function and density.

    Between nodes a Taylor series of four terms errs by less than 1e-13: steps are 1/`STEPS`.
    """

    function: Vector
    density: Vector


#: Beyond so many standard deviations the distribution is 0 or 1.
REACH, STEPS = 9, 512


@cache
def normal_table() -> NormalTable:
    """The table that the kernel reads."""
    nodes = np.arange(-REACH * STEPS, REACH * STEPS + 1) / STEPS
    function = np.array([0.5 * math.erfc(-x * ROOT_HALF) for x in nodes])
    return NormalTable(function, np.exp(-0.5 * nodes * nodes) / math.sqrt(2.0 * math.pi))


class MovedScenarios(NamedTuple):
    """Scenarios as the kernel reads them: arrays (N, M) of prices and (S, M) of volatilities.

    ``grown`` is the factor of a price, ``less`` one over it, ``log`` its logarithm; ``shock`` the
    factor of a volatility, and ``inverse`` one over it.
    """

    grown: Matrix
    less: Matrix
    log: Matrix
    shock: Matrix
    inverse: Matrix


@compiled()
def _normal(x: Real, function: Vector, density: Vector) -> Real:  # pragma: no cover - compiled
    """The normal distribution function, from the table."""
    place = min(max(x, -9.0), 9.0) * 512.0 + 4608.0
    node = int(place + 0.5)
    h = (place - node) * 0.001953125
    y = (node - 4608) * 0.001953125
    # Derivatives of the density: its Hermite polynomials.
    third = (y * y - 1.0) * 0.16666666666666666
    series = h * (1.0 + h * (-0.5 * y + h * third))
    return float(function[node] + density[node] * series)


@compiled()
def revalue(
    legs: LegTable,
    normal: NormalTable,
    moved: MovedScenarios,
    first: Whole,
    last: Whole,
    out: Matrix,
) -> None:  # pragma: no cover - compiled
    """Value of accounts' legs in scenarios ``first`` to ``last``, added to ``out`` (accounts, M).

    A coin-settled leg is counted at today's price of the coins that it is worth then.
    """
    price, smile, owner = legs.price, legs.smile, legs.owner
    forward, strike, call = legs.forward, legs.strike, legs.call
    deviation, quantity = legs.deviation, legs.quantity
    function, density = normal.function, normal.density
    for i in range(price.shape[0]):
        row = out[owner[i]]
        grown, less, log = moved.grown[price[i]], moved.less[price[i]], moved.log[price[i]]
        shock, inverse = moved.shock[smile[i]], moved.inverse[smile[i]]
        f, k, c, s, q = forward[i], strike[i], call[i], deviation[i], quantity[i]
        coins = legs.inverse[i]
        if s <= 0.0:
            for m in range(first, last):
                worth = q * max(c * (f * grown[m] - k), 0.0)
                row[m] += worth * (1.0 + coins * (less[m] - 1.0))
            continue
        level, over = c * math.log(f / k), 1.0 / s
        for m in range(first, last):
            d = (level + c * log[m]) * over * inverse[m]
            half = 0.5 * c * s * shock[m]
            up = _normal(d + half, function, density)
            down = _normal(d - half, function, density)
            worth = q * c * (f * grown[m] * up - k * down)
            row[m] += worth * (1.0 + coins * (less[m] - 1.0))


def black76(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    volatility: npt.ArrayLike,
    call: bool = True,
) -> Array:
    """Undiscounted value of an option on a forward (Black 1976).

    Parameters
    ----------
    forward, strike : array_like
        Money; positive.
    years : array_like
        To expiry; 0 gives the intrinsic value.
    volatility : array_like
        A year, a fraction; 0 gives the intrinsic value.

    Raises
    ------
    InputError

    Examples
    --------
    >>> round(float(black76(100.0, 100.0, 0.25, 0.6)), 4)
    11.9235
    """
    f, k, t, s = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (forward, strike, years, volatility))
    )
    for name, values, least in (("forward", f, 1e-300), ("strike", k, 1e-300), ("years", t, 0.0),
                                ("volatility", s, 0.0)):  # fmt: skip
        if not (np.isfinite(values) & (values >= least)).all():
            rule = "must be positive" if least else "must not be negative"
            raise InputError(name, float(np.min(values)), rule, "Give volatility as a fraction")
    sign = 1.0 if call else -1.0
    return black_values(f, k, s * np.sqrt(t), sign)


def black_values(
    forward: npt.ArrayLike, strike: npt.ArrayLike, deviation: npt.ArrayLike, call: float
) -> Array:
    """`black_value` of arrays, which broadcast; ``deviation`` is sigma sqrt(T)."""
    f, k, sd = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (forward, strike, deviation))
    )
    live = sd > 0.0
    safe = np.where(live, sd, 1.0)
    d = call * np.log(f / k) / safe
    half = 0.5 * call * safe
    value = call * (f * ndtr(d + half) - k * ndtr(d - half))
    return np.asarray(np.where(live, value, np.maximum(call * (f - k), 0.0)))


def black_deltas(
    forward: npt.ArrayLike, strike: npt.ArrayLike, deviation: npt.ArrayLike, call: float
) -> Array:
    """Slope of `black_values` in the forward; a step at expiry or without volatility."""
    f, k, sd = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (forward, strike, deviation))
    )
    live = sd > 0.0
    safe = np.where(live, sd, 1.0)
    d1 = np.log(f / k) / safe + 0.5 * safe
    step = np.where(call * (f - k) > 0.0, 1.0, 0.0)
    return np.asarray(call * np.where(live, ndtr(call * d1), step))


def inverse_value(
    settlement: float, forward: float, strike: float, years: float, volatility: float,
    call: bool = True,
) -> float:  # fmt: skip
    """Value in coins of a coin-settled option: that in money over the settlement price."""
    return float(black76(forward, strike, years, volatility, call)) / settlement


class Greeks(NamedTuple):
    """Sensitivities of a value in money: delta to the forward, gamma, vega a unit of volatility."""

    delta: float
    gamma: float
    vega: float


def greeks(
    forward: float, strike: float, years: float, volatility: float, call: bool = True
) -> Greeks:
    """Greeks of an undiscounted option on a forward; a step at expiry or without volatility."""
    sd = volatility * math.sqrt(years)
    sign = 1.0 if call else -1.0
    if sd <= 0.0:
        return Greeks(sign if sign * (forward - strike) > 0.0 else 0.0, 0.0, 0.0)
    d1 = math.log(forward / strike) / sd + 0.5 * sd
    density = math.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
    return Greeks(
        sign * 0.5 * math.erfc(-sign * d1 * ROOT_HALF),
        density / (forward * sd),
        forward * density * math.sqrt(years),
    )
