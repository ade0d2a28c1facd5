"""How much leverage a position's size bears, from what closing it costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from riskkit.errors import InputError
from riskkit.venue.depth import DepthCurve

#: Positions looked at, as shares of the open interest of a side.
SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
#: Initial over maintenance margin: at the highest leverage a position opens at twice its limit.
INITIAL = 2.0


@dataclass(frozen=True)
class SizedMargin:
    """What a position of a size must have so that its owner gains nothing by being taken over.

    Attributes
    ----------
    notional : float
    slippage : float
        Of closing it at once, a fraction.
    maintenance : float
        At least; may exceed 1, where no leverage is safe.
    leverage : float
        At most: one over twice the maintenance.
    """

    notional: float
    slippage: float
    maintenance: float
    leverage: float


def margins_by_size(
    curve: DepthCurve, interest: float, distance: float, shares: tuple[float, ...] = SHARES
) -> tuple[SizedMargin, ...]:
    """Maintenance margin and leverage by size: slippage at most ``distance`` of the margin.

    Parameters
    ----------
    curve : DepthCurve
        Into which positions are closed.
    interest : float
        Open interest of a side; positive.
    distance : float
        Share of the maintenance margin that slippage may reach; in (0, 1].

    Raises
    ------
    InputError

    Examples
    --------
    >>> from riskkit.venue.depth import OrderBookDepth
    >>> row = margins_by_size(OrderBookDepth(1e6), 1e7, 2 / 3)[-1]
    >>> round(row.maintenance, 4), round(row.leverage, 2)
    (0.0724, 6.91)
    """
    if not interest > 0.0:
        raise InputError("interest", interest, "must be positive", "Give the open interest")
    if not 0.0 < distance <= 1.0:
        raise InputError("distance", distance, "must lie in (0, 1]", "Write two thirds as 2 / 3")
    found = []
    for share in shares:
        size = share * interest
        slippage = float(curve.slippage(size)) if size < curve.most else math.inf
        maintenance = slippage / distance
        leverage = 1.0 / (INITIAL * maintenance) if maintenance > 0.0 else math.inf
        found.append(SizedMargin(size, slippage, maintenance, leverage))
    return tuple(found)
