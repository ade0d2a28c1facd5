"""Owners who act on the venue's rules, one bar late, and what each costs the fund.

One position of a size is run along the paths of the study's world, closed by the venue at its own
impact, under several conducts of its owner. Passive is what a margin is calibrated for. The others:

*withdrawing* takes all equity above a floor out before each print, and lets the venue take the rest
over: worth it where closing costs more than what is left; *topping up* sees the next print, pays
just enough to stand above the limit where the position is worth saving, and leaves it where it is
not: of what is closed, only losses are left to the venue.

Money is conserved on every path: owner, fund, those who trade with the position, and the market
that is paid slippage sum to zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.position import Side

Array = npt.NDArray[np.float64]

#: Above the limit by so little, a fraction of the notional, an account is not closed.
ABOVE = 1e-9


class Conduct(StrEnum):
    """What an owner does."""

    PASSIVE = "passive"
    WITHDRAWING = "withdraws to the limit"
    FLOORED = "withdraws to the initial margin"
    TOPPING_UP = "tops up, seeing the next print"
    LATE_TOP_UP = "tops up, counted a bar later"


@dataclass(frozen=True)
class StrategicPosition:
    """The position, and the venue's rules for it; fractions of its notional at the opening.

    Attributes
    ----------
    side : Side
    initial, maintenance : float
    penalty : float
        Into the fund at a close-out, as far as equity reaches.
    slippage : float
        Of closing all of it at once.
    delay, latency : int
        Bars.
    """

    side: Side
    initial: float
    maintenance: float
    penalty: float
    slippage: float
    delay: int = 0
    latency: int = 0


@dataclass(frozen=True)
class StrategicOutcome:
    """Where the money went, a number a path, of the notional at the opening.

    Attributes
    ----------
    owner, fund, others, market : ndarray (paths,)
        Gain of the owner, of the fund (penalties less bad debt), of those on the other side of the
        position, and of those who were paid slippage.
    closed : ndarray (paths,) of bool
        Whether the venue closed it.
    """

    owner: Array = field(repr=False)
    fund: Array = field(repr=False)
    others: Array = field(repr=False)
    market: Array = field(repr=False)
    closed: npt.NDArray[np.bool_] = field(repr=False)


def run_conduct(position: StrategicPosition, returns: Array, conduct: Conduct) -> StrategicOutcome:
    """One conduct along paths.

    Parameters
    ----------
    returns : ndarray (paths, bars)
        Log returns of the market.

    Raises
    ------
    InputError
        If the initial margin is not above the maintenance margin, or a fraction is negative.
    """
    _check(position)
    prices = np.exp(np.cumsum(returns, axis=1))
    paths, bars = prices.shape
    sign = position.side.sign
    cash = np.full(paths, position.initial - sign)
    paid = np.full(paths, position.initial)
    due = np.full(paths, -1)
    open_now = np.ones(paths, dtype=bool)
    owner, fund, others, market = (np.zeros(paths) for _ in range(4))
    closed = np.zeros(paths, dtype=bool)
    pending = np.zeros(paths)
    for t in range(bars):
        believed = prices[:, t - position.latency] if t >= position.latency else np.ones(paths)
        # Late: what was paid a bar ago counts now, whether or not it came too late.
        cash += np.where(open_now, pending, 0.0)
        owner += np.where(open_now, 0.0, pending)
        pending[:] = 0.0
        acts = open_now & (due < 0)
        _act(position, conduct, t, prices, acts, cash, paid, owner, pending)
        equity = cash + sign * believed
        seen = acts & (equity < position.maintenance * believed)
        due = np.where(seen, t + position.delay, due)
        now = open_now & (due == t)
        _close(position, prices[:, t], now, cash, owner, fund, others, market)
        closed |= now
        open_now &= ~now
    owner += pending
    # What is still open is closed by its owner at the last price, at his own cost.
    _close(position, prices[:, -1], open_now, cash, owner, fund, others, market, by_owner=True)
    return StrategicOutcome(owner - paid, fund, others, market, closed)


def _act(
    position: StrategicPosition,
    conduct: Conduct,
    t: int,
    prices: Array,
    acts: npt.NDArray[np.bool_],
    cash: Array,
    paid: Array,
    owner: Array,
    pending: Array,
) -> None:
    """What the owner does before the print of a bar; changes the money in place."""
    sign, latency = position.side.sign, position.latency
    last = prices[:, t - latency - 1] if t > latency else np.ones(len(prices))
    if conduct in (Conduct.WITHDRAWING, Conduct.FLOORED):
        floor = position.initial if conduct is Conduct.FLOORED else position.maintenance + ABOVE
        out = np.where(acts, np.maximum(cash + sign * last - floor * last, 0.0), 0.0)
        cash -= out
        owner += out
    elif conduct in (Conduct.TOPPING_UP, Conduct.LATE_TOP_UP):
        shown = prices[:, t - latency] if t >= latency else np.ones(len(prices))
        worth = cash + sign * prices[:, t] > 0.0
        short = (position.maintenance + ABOVE) * shown - (cash + sign * shown)
        topped = np.where(acts & worth & (short > 0.0), short, 0.0)
        paid += topped
        if conduct is Conduct.TOPPING_UP:
            cash += topped
        else:
            pending += topped


def _close(
    position: StrategicPosition,
    price: Array,
    now: npt.NDArray[np.bool_],
    cash: Array,
    owner: Array,
    fund: Array,
    others: Array,
    market: Array,
    *,
    by_owner: bool = False,
) -> None:
    """Close at a price; equity below zero is the fund's, whoever closes."""
    sign = position.side.sign
    slipped = np.where(now, position.slippage * price, 0.0)
    left = np.where(now, cash + sign * price, 0.0) - slipped
    penalty = 0.0 if by_owner else position.penalty
    fee = np.clip(np.where(now, penalty * price, 0.0), 0.0, np.maximum(left, 0.0))
    owner += np.maximum(left - fee, 0.0)
    fund += fee + np.minimum(left, 0.0)
    market += slipped
    others += np.where(now, -sign * (price - 1.0), 0.0)


@dataclass(frozen=True)
class StrategicCost:
    """What a conduct costs the fund, beside a passive owner's position.

    Attributes
    ----------
    conduct : Conduct
    fund : float
        Mean change of the fund, of the notional; negative is a cost.
    worst : float
        Mean of the fund's worst hundredth of paths.
    owner : float
        Mean gain of the owner over a passive one, of the notional.
    closed : float
        Share of paths on which the venue closed.
    """

    conduct: Conduct
    fund: float
    worst: float
    owner: float
    closed: float


def strategic_costs(
    position: StrategicPosition, returns: Array, conducts: tuple[Conduct, ...] = tuple(Conduct)
) -> tuple[StrategicCost, ...]:
    """Each conduct beside a passive owner on the same paths."""
    passive = run_conduct(position, returns, Conduct.PASSIVE)
    worst_paths = max(len(returns) // 100, 1)
    rows = []
    for conduct in conducts:
        found = run_conduct(position, returns, conduct)
        worst = float(np.sort(found.fund)[:worst_paths].mean())
        rows.append(
            StrategicCost(
                conduct,
                float((found.fund - passive.fund).mean()),
                worst,
                float((found.owner - passive.owner).mean()),
                float(found.closed.mean()),
            )
        )
    return tuple(rows)


def two_step_repayment(
    debt: float, collateral: float, threshold: float, bonus: float, close_factor: float
) -> tuple[float, float]:
    """Most that a liquidator can repay at a bonus in one step, and in two.

    Around a close factor he repays ``(D - LT C)/(1 - LT (1 + b))`` first, which leaves the loan
    just below its limit, then the close factor of the rest (after Qin, Zhou, Gamito, Jovanovic and
    Gervais, "An empirical study of DeFi liquidations", IMC 2021). A loan repaid to a target health
    factor, or closed whole, has no second step.

    Parameters
    ----------
    debt, collateral : float
        Money.
    threshold, bonus, close_factor : float
        Fractions.

    Examples
    --------
    >>> two_step_repayment(100.0, 124.0, 0.8, 0.05, 0.5)
    (50.0, 52.5)
    """
    for name, value in (("threshold", threshold), ("close_factor", close_factor)):
        if not 0.0 < value <= 1.0:
            raise InputError(name, value, "must lie in (0, 1]", "Write 80 % as 0.8")
    if not threshold * (1.0 + bonus) < 1.0:
        raise InputError(
            "bonus",
            bonus,
            f"must be below {1.0 / threshold - 1.0:.3g}, one over the threshold less one",
            "Above it every repayment worsens the loan",
        )
    if debt <= threshold * collateral:
        return 0.0, 0.0
    one = close_factor * debt
    first = min((debt - threshold * collateral) / (1.0 - threshold * (1.0 + bonus)), one)
    return one, max(one, first + close_factor * (debt - first))


def _check(position: StrategicPosition) -> None:
    if not position.initial > position.maintenance > 0.0:
        raise InputError(
            "initial",
            position.initial,
            f"must be above the maintenance margin, {position.maintenance:g}, and that above 0",
            "Give both as fractions of the notional",
        )
    for name in ("penalty", "slippage", "delay", "latency"):
        value = getattr(position, name)
        if value < 0.0:
            raise InputError(name, value, "must not be negative", "Give a fraction, or bars")
