"""What an account needs in a collateral, jointly: the quantile of loss / (1 + r_c).

    the smallest C with P(C (1 + r_c) < loss) <= p  is  the 1 - p quantile of loss / (1 + r_c)

over joint scenarios. For a long position in the collateral itself the worst scenario of one is that
of the other, and C = L/(1 - L) whatever the model; in money r_c is 0, and C is the account's own
tail to the bit. A published schedule charges L/(1 - h) instead, h the collateral's own tail: right
where both fall together, too much where the collateral gains as the position loses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.portfolio.measure import checked, count_beyond

Array = npt.NDArray[np.float64]

MONEY = "USD"
STEP = Decimal("0.005")


@dataclass(frozen=True)
class CollateralNeeds:
    """What each of A accounts needs in each of K collaterals, money at today's prices.

    Attributes
    ----------
    names : tuple of str
    haircuts : ndarray (K,)
        Loss of a unit of each that the schedule charges for, fractions.
    money : ndarray (A,)
        What the account needs in money.
    joint : ndarray (A, K)
        Quantile (or mean beyond it) of loss / (1 + r_c).
    """

    names: tuple[str, ...]
    haircuts: Array = field(repr=False)
    money: Array = field(repr=False)
    joint: Array = field(repr=False)

    @property
    def separate(self) -> Array:
        """What the schedule asks, (A, K): the tail over 1 - haircut."""
        return np.asarray(self.money[:, None] / (1.0 - self.haircuts))

    @property
    def wrong_way(self) -> Array:
        """Share of the schedule's charge for the collateral that is needed, (A, K).

        1 where both fall together, 0 where the collateral moves by itself without harm, below 0
        where it gains as the position loses; 0 for collateral that cannot fall.
        """
        charged = self.separate - self.money[:, None]
        needed = self.joint - self.money[:, None]
        return np.divide(needed, charged, out=np.zeros_like(needed), where=charged > 0.0)


def way(share: float) -> str:
    """A share of `CollateralNeeds.wrong_way` in words."""
    if share > 0.5:
        return "wrong-way"
    return "right-way" if share < 0.0 else "apart"


@dataclass(frozen=True)
class TailRule:
    """Which number of a distribution of losses is its tail."""

    confidence: float
    shortfall: bool = False

    def of(self, losses: Array) -> float:
        """The quantile, an order statistic, or the mean beyond it."""
        beyond = count_beyond(len(losses), self.confidence)
        rank = len(losses) - beyond - 1
        parted = np.partition(losses, rank)
        if self.shortfall:
            return float(np.sort(parted[rank + 1 :]).mean())
        return float(parted[rank])


def collateral_needs(
    exposures: npt.ArrayLike,
    moves: npt.ArrayLike,
    collateral: Mapping[str, Array],
    rule: TailRule,
    *,
    money: npt.ArrayLike | None = None,
    haircuts: npt.ArrayLike | None = None,
) -> CollateralNeeds:
    """What accounts need in each collateral, and each collateral's own haircut.

    Parameters
    ----------
    exposures : array_like (A, N)
        Signed notionals, money.
    moves : array_like (M, N)
        Simple returns over the margin period, joint.
    collateral : mapping of str to ndarray (M,)
        Simple returns of each over its own liquidation horizon, in the same scenarios.
    rule : TailRule
    money : array_like (A,), optional
        Margins in money that scenarios are stretched to; the tails themselves if not given.
    haircuts : array_like (K,), optional
        Of the schedule; the collaterals' own tails if not given.

    Raises
    ------
    InputError
        If shapes do not fit, a number is not finite, a collateral is lost whole in a scenario, or
        too few scenarios lie beyond the confidence.
    """
    weights, scenarios = checked(exposures, moves)
    kept = {name: 1.0 + _returns(name, row, len(scenarios)) for name, row in collateral.items()}
    needed = np.full(len(weights), np.nan) if money is None else np.asarray(money, np.float64)
    joint = np.empty((len(weights), len(kept)))
    for a, row in enumerate(weights):
        tail = rule.of(losses_of(row, scenarios))
        here, power = scenarios, 1.0
        if money is None:
            needed[a] = max(tail, 0.0)
        elif tail > 0.0 and needed[a] > 0.0 and needed[a] != tail:
            power = stretch(row, scenarios, rule, float(needed[a]))
            here = np.expm1(power * np.log1p(scenarios))
        loss = losses_of(row, here)
        tail = rule.of(loss)
        for k, value in enumerate(kept.values()):
            found = rule.of(loss / (value if power == 1.0 else value**power))
            joint[a, k] = needed[a] * (found / tail) if tail > 0.0 else needed[a]
    if haircuts is None:
        haircuts = [max(rule.of(1.0 - value), 0.0) for value in kept.values()]
    return CollateralNeeds(tuple(kept), np.asarray(haircuts, np.float64), needed, joint)


def stretch(weights: Array, moves: Array, rule: TailRule, target: float) -> float:
    """The power of gross returns at which an account's tail is a target.

    Raises
    ------
    InputError
        If no power up to 50 reaches it: a loss has a bound.
    """

    def short(power: float) -> float:
        return rule.of(losses_of(weights, np.expm1(power * logs))) - target

    logs = np.log1p(moves)
    low, high = 0.0, 1.0
    while short(high) < 0.0:
        low, high = high, 2.0 * high
        if high > 50.0:
            words = "must be a loss that the account can make"
            raise InputError("money", target, words, "Margin less than what can be lost")
    from scipy.optimize import brentq  # half a second, which a calibration does without

    return float(brentq(short, low, high, xtol=1e-15, rtol=8.9e-16, maxiter=200))


def losses_of(weights: Array, moves: Array) -> Array:
    """Losses of one account, summed in the order of the assets: those of the portfolio engine."""
    total = np.zeros(len(moves))
    for weight, column in zip(weights.tolist(), moves.T, strict=True):
        total -= weight * column
    return total


def published(haircut: float, step: Decimal = STEP) -> float:
    """A haircut rounded up to whole steps: nobody is asked less."""
    return float((Decimal(repr(haircut)) / step).to_integral_value(ROUND_CEILING) * step)


def _returns(name: str, returns: Array, count: int) -> Array:
    found = np.asarray(returns, dtype=np.float64)
    if found.shape != (count,) or not np.isfinite(found).all() or (found <= -1.0).any():
        raise InputError(
            f"collateral {name}",
            f"shape {found.shape}",
            f"must be {count:,} finite returns above -1, one for each scenario",
            "Simulate it beside the positions; whole losses are the promise's part",
        )
    return found


def largest_accepted(cost: Callable[[float], float], bonus: float, *, most: float = 1e15) -> float:
    """The most collateral, money, whose sale costs no more than the bonus; infinite without end.

    Parameters
    ----------
    cost : callable
        Fraction lost when a value is sold at once, rising with it.
    """
    if cost(most) <= bonus:
        return float("inf")
    low, high = 0.0, most
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if cost(middle) <= bonus else (low, middle)
    return low
