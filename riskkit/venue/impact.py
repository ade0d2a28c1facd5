"""Depth as compiled functions: what a sale does to the price, and what the seller gets for it.

The state of a market is the volume ``u`` taken from its book and not yet refilled, in units of calm
depth: above 0 bids are eaten, below 0 offers. The log price is displaced by ``y(u)``, which is
``-d(u)`` of the bids or ``+d(-u)`` of the offers, with ``d`` linear or a table of knots between
which it is linear. Beyond the last knot it goes on with the last slope. A trade from ``u0`` to
``u1`` is done at the mean of ``exp(y)`` between them: the price of its own impact, exact for every
such curve.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from riskkit.compiled import Matrix, Real, Vector, Whole, inlined

# The series of (exp(x) - 1) / x.
_C1, _C2, _C3, _C4, _C5 = (1.0 / math.factorial(n) for n in range(2, 7))


class ImpactLaw(NamedTuple):
    """What trading does to the price.

    Attributes
    ----------
    slopes : ndarray (2,)
        Log price moved per unit sold (bids), and bought (offers), where both are linear; else
        below 0, and the tables hold.
    bids, offers : ndarray (knots, 3)
        Volume, log displacement, and the integral of the price over the volume; first row zeros.
    room : ndarray (2,)
        Volume that each side can take; infinite where the curve goes on.
    refill : float
        Share of the eaten volume that is still missing a bar later.
    permanent : float
        Share of a displacement that stays for good.
    mark_weight : float
        Share of the displacement that is not permanent which reaches the venue's mark.
    spread : float
        Cost of a close-out beside its impact, a fraction of its value.
    """

    slopes: Vector
    bids: Matrix
    offers: Matrix
    room: Vector
    refill: Real
    permanent: Real
    mark_weight: Real
    spread: Real


@inlined
def knot_before(table: Matrix, column: Whole, value: Real) -> Whole:
    """Row of the last knot at or below a value; the last but one at most."""
    low, high = 0, table.shape[0] - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if table[middle, column] <= value:
            low = middle
        else:
            high = middle
    return low


@inlined
def mean_of_exp(x: Real) -> Real:
    """Mean of exp between 0 and x."""
    if abs(x) < 1e-2:
        return 1.0 + x * (_C1 + x * (_C2 + x * (_C3 + x * (_C4 + x * _C5))))
    return math.expm1(x) / x


@inlined
def table_displacement(table: Matrix, v: Real) -> Real:
    """Log displacement d(v) of a table."""
    k = knot_before(table, 0, v)
    slope = (table[k + 1, 1] - table[k, 1]) / (table[k + 1, 0] - table[k, 0])
    found: float = table[k, 1] + slope * (v - table[k, 0])
    return found


@inlined
def table_volume(table: Matrix, d: Real) -> Real:
    """Volume v at which a table is displaced by d."""
    k = knot_before(table, 1, d)
    slope = (table[k + 1, 0] - table[k, 0]) / (table[k + 1, 1] - table[k, 1])
    found: float = table[k, 0] + slope * (d - table[k, 1])
    return found


@inlined
def table_integral(table: Matrix, v: Real, sign: Real) -> Real:
    """Integral of exp(sign d) from 0 to v."""
    k = knot_before(table, 0, v)
    slope = (table[k + 1, 1] - table[k, 1]) / (table[k + 1, 0] - table[k, 0])
    more = v - table[k, 0]
    mean = mean_of_exp(sign * slope * more)
    found: float = table[k, 2] + math.exp(sign * table[k, 1]) * mean * more
    return found


@inlined
def displaced(u: Real, law: ImpactLaw) -> Real:
    """Log displacement y(u) of the price."""
    if law.slopes[0] >= 0.0:
        slope: float = law.slopes[0] if u >= 0.0 else law.slopes[1]
        return -u * slope
    if u >= 0.0:
        return -table_displacement(law.bids, u)
    return table_displacement(law.offers, -u)


@inlined
def eaten(y: Real, law: ImpactLaw) -> Real:
    """Volume u at which the price is displaced by y; 0 where nothing moves it."""
    if law.slopes[0] >= 0.0:
        slope: float = law.slopes[0] if y <= 0.0 else law.slopes[1]
        return -y / slope if slope > 0.0 else 0.0
    if y <= 0.0:
        return table_volume(law.bids, -y)
    return -table_volume(law.offers, y)


@inlined
def mean_on_side(u0: Real, u1: Real, y0: Real, y1: Real, law: ImpactLaw) -> Real:
    """Mean of exp(y - y0) between two volumes on one side of the book."""
    if law.slopes[0] >= 0.0:
        return mean_of_exp(y1 - y0)
    table = law.bids if u0 + u1 > 0.0 else law.offers
    sign = -1.0 if u0 + u1 > 0.0 else 1.0
    if knot_before(table, 0, abs(u0)) == knot_before(table, 0, abs(u1)):
        return mean_of_exp(y1 - y0)
    whole = table_integral(table, abs(u1), sign) - table_integral(table, abs(u0), sign)
    return whole / (abs(u1) - abs(u0)) * math.exp(-y0)


@inlined
def mean_price(u0: Real, u1: Real, y0: Real, y1: Real, law: ImpactLaw) -> Real:
    """Mean of exp(y - y0) while the volume goes from ``u0`` to ``u1``: the price of a trade."""
    if u0 * u1 >= 0.0:
        return mean_on_side(u0, u1, y0, y1, law)
    first, second = mean_on_side(u0, 0.0, y0, 0.0, law), mean_on_side(0.0, u1, 0.0, y1, law)
    part = abs(u0) / (abs(u0) + abs(u1))
    return part * first + (1.0 - part) * second * math.exp(-y0)


@inlined
def traded(
    volume: Real, u: Real, y: Real, steepness: Real, per_depth: Real, law: ImpactLaw
) -> tuple[Real, Real, Real]:
    """What a trade does to the book; ``volume`` above 0 is sold, below 0 bought.

    Parameters
    ----------
    steepness : float
        Log price per unit where one slope serves both sides, else below 0.
    per_depth : float
        One over the present depth, of the calm one.

    Returns
    -------
    tuple
        Volume eaten after it, the log move that it makes, and the mean of exp along that move.
    """
    if steepness >= 0.0:
        move = -steepness * volume
        return u, move, mean_of_exp(move)
    u1 = u + volume * per_depth
    y1 = displaced(u1, law)
    return u1, y1 - y, mean_price(u, u1, y, y1, law)
