"""A large order worked over time: how long is best, and what it then costs and risks.

Two closed forms for linear impact. Obizhaeva & Wang (2013): a book that refills at a rate is sold
into best by a block at each end and a steady rate between. Almgren & Chriss (2001), restricted to a
uniform sale: temporary impact eta times the speed against the risk of what is still open, whose
standard deviation is ``sigma sqrt(T / 3)``. At the best time the risk is twice the cost, and both
grow as the cube root of the size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from riskkit.errors import InputError


@dataclass(frozen=True)
class WorkedOrder:
    """An order worked off.

    Attributes
    ----------
    time : float
        From the first sale to the last.
    cost : float
        Expected, a fraction of the value.
    risk : float
        At the stated number of standard deviations, a fraction of the value.
    """

    time: float
    cost: float
    risk: float

    @property
    def margin(self) -> float:
        """Cost and risk together."""
        return self.cost + self.risk


@dataclass(frozen=True)
class BlockSchedule:
    """The best sale into a book that refills: two blocks, and a rate between.

    Attributes
    ----------
    block : float
        Sold at once at either end.
    rate : float
        Sold per unit of time between them.
    cost : float
        Money lost, against the price before.
    """

    block: float
    rate: float
    cost: float


def refilling_schedule(quantity: float, slope: float, refill: float, time: float) -> BlockSchedule:
    """Sell ``quantity`` within ``time`` into a linear book that refills.

    Parameters
    ----------
    slope : float
        Log price moved by a unit sold.
    refill : float
        Rate at which what was eaten comes back, per unit of time.
    time : float
        0 sells all at once, at ``slope quantity^2 / 2``.

    Raises
    ------
    InputError
    """
    _check({"quantity": quantity, "slope": slope, "refill": refill})
    if time < 0.0:
        raise InputError("time", time, "must not be negative", "Give 0 to sell at once")
    parts = refill * time + 2.0
    return BlockSchedule(quantity / parts, refill * quantity / parts, slope * quantity**2 / parts)


def uniform_sale(
    quantity: float, volatility: float, impact: float, deviations: float
) -> WorkedOrder:
    """The uniform sale of the least cost and risk together.

    Parameters
    ----------
    volatility : float
        Of the price over a unit of time.
    impact : float
        Average cost, a fraction, of selling a unit in a unit of time (eta).
    deviations : float
        Standard deviations of risk that count: 2.326 for 99 %.

    Raises
    ------
    InputError
    """
    _check(
        {
            "quantity": quantity,
            "volatility": volatility,
            "impact": impact,
            "deviations": deviations,
        }
    )
    feared = deviations * volatility
    time = (2.0 * math.sqrt(3.0) * impact * quantity / feared) ** (2.0 / 3.0)
    return WorkedOrder(time, impact * quantity / time, feared * math.sqrt(time / 3.0))


def _check(numbers: dict[str, float]) -> None:
    for name, value in numbers.items():
        if not 0.0 < value < math.inf:
            raise InputError(name, value, "must be positive and finite", "Correct it")
