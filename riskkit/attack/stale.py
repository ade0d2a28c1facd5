"""A stale price is an option that the venue gives away.

Whoever trades at a price of some age takes what the market has moved beyond the fee. All rates are
fractions of the liquidity that can be had at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from riskkit.errors import InputError

#: Mean overshoot of a random walk past a level, in standard deviations of a step (Siegmund 1985):
#: -zeta(1/2)/sqrt(2 pi).
OVERSHOOT = 0.5825971579
#: Of the arbitrage against a pool observed in blocks (Nezlobin and Tassy 2025, 2505.05113).
BLOCKS = 1.7164
YEAR_SECONDS = 365.0 * 86_400.0


def stale_option(sigma_per_year: float, age_seconds: float, fee: float = 0.0) -> float:
    """Expected gain of trading at a price of an age, per unit and chance, on the better side.

    ``2 [s phi(f/s) - f Phi(-f/s)]`` with s the standard deviation over the age.
    """
    _positive("sigma_per_year", sigma_per_year)
    _positive("age_seconds", age_seconds)
    s = sigma_per_year * math.sqrt(age_seconds / YEAR_SECONDS)
    z = fee / s
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return 2.0 * (s * density - fee * 0.5 * math.erfc(z / math.sqrt(2.0)))


@dataclass(frozen=True)
class DeviationFeed:
    """A feed that is updated when the price has moved by a deviation, looked at every so often.

    Attributes
    ----------
    overshoot : float
        Mean move beyond the deviation when it is seen.
    update_seconds : float
        Mean time between updates.
    loss_per_year : float
        What those who trade just before each update take, per unit of instant liquidity.
    """

    overshoot: float
    update_seconds: float
    loss_per_year: float


def deviation_feed(
    sigma_per_year: float, deviation: float, observed_seconds: float, fee: float = 0.0
) -> DeviationFeed:
    """Cost of a deviation feed: ``(d* - f) sigma^2 / d*^2`` with d* the deviation and overshoot."""
    _positive("sigma_per_year", sigma_per_year)
    _positive("deviation", deviation)
    _positive("observed_seconds", observed_seconds)
    step = sigma_per_year * math.sqrt(observed_seconds / YEAR_SECONDS)
    overshoot = OVERSHOOT * step
    reached = deviation + overshoot
    seconds = (reached / step) ** 2 * observed_seconds
    lost = max(reached - fee, 0.0) * sigma_per_year**2 / reached**2
    return DeviationFeed(overshoot, seconds, lost)


def pool_loss_per_block(sigma_per_block: float, fee: float) -> float:
    """What arbitrage takes from a constant-product pool a block, per unit of its value.

    ``s^2 / (2 + 1.7164 gamma/s)``. The band gamma is the whole one, twice the fee of one side:
    reading it as the fee is 46 to 85 % off.
    """
    _positive("sigma_per_block", sigma_per_block)
    band = 2.0 * fee
    return sigma_per_block**2 / (2.0 + BLOCKS * band / sigma_per_block)


def closing_fee(sigma_per_year: float, age_seconds: float, bearable: float) -> float:
    """The fee at which a stale price gives away no more than a bearable fraction a trade.

    Bisected; 0 if it gives away no more without any.
    """
    if stale_option(sigma_per_year, age_seconds) <= bearable:
        return 0.0
    low, high = 0.0, 10.0 * sigma_per_year * math.sqrt(age_seconds / YEAR_SECONDS)
    for _ in range(80):
        middle = 0.5 * (low + high)
        if stale_option(sigma_per_year, age_seconds, middle) > bearable:
            low = middle
        else:
            high = middle
    return high


def _positive(name: str, value: float) -> None:
    if not (value > 0.0 and math.isfinite(value)):
        raise InputError(name, value, "must be positive", "Give volatilities as fractions a year")
