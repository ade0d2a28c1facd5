"""Liquidation along one path, as the venue would do it: the readable reference.

It runs on any single path, history included; `riskkit.simulation` compiles the same mechanism and
must agree with it path by path.

**The order of events in bar t = 1, 2, …** (the position is opened at the price of bar 0):

1. The market closes at ``closes[t]``, having touched ``extremes[t]`` on the adverse side.
2. Funding is paid on the notional at that close; interest is added to the debt.
3. The oracle publishes what it knows, the market up to bar t - latency: first that bar's adverse
   extreme, then its close, each only if it deviates enough from the price on display.
4. Trigger. The position is held for bars 1 to ``horizon``, so a trigger counts while the oracle's
   newest bar lies within it (the late report of the last bar still liquidates). If the position is
   open, not yet scheduled, and at the worst price the oracle showed in this bar its equity is at or
   below the maintenance margin (its debt at or above the liquidation threshold), its liquidation is
   scheduled ``delay`` bars later. The trigger is *unfair* if at the market's own adverse extreme of
   this bar the position would not have been triggered.
5. Execution. A liquidation due in this bar is executed at the market's close, less slippage and
   penalty, even if the price has healed meanwhile. It closes all or part (`CloseOut`); what is left
   can be triggered again from the next bar on. If closing everything would leave equity below zero,
   everything is closed and the position has defaulted.

A loan's liquidator repays debt D and takes collateral worth D (1 + bonus), paying the slippage out
of the bonus. If the collateral is worth less, the liquidator takes all of it for what it is worth
and the rest of the debt is bad. If the bonus does not cover the slippage no liquidator comes: the
protocol sells all the collateral itself, and bears the slippage.

Partial close-outs of a perpetual assume the slippage of closing everything when they choose the
fraction that restores the target, so that the target is reached or exceeded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.venue.mechanism import (
    CloseOut,
    CloseOutRule,
    Loan,
    Mechanism,
    Perpetual,
    Position,
    bars_needed,
    check_mechanism,
    check_position,
    check_target,
)
from riskkit.venue.oracle import ConditionalLag, OracleState

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LagUniforms:
    """Uniforms in (0, 1) for lags that are drawn, shape (bars + 1, 2) each.

    Row t serves bar t: column 0 the lag, column 1 the halt.
    """

    latency: Array
    delay: Array


@dataclass(frozen=True)
class Outcome:
    """What became of one position.

    Attributes
    ----------
    failed : bool
        The path holds a price that is not positive and finite: nothing else is meaningful.
    liquidated : bool
        Triggered at least once (every trigger is executed).
    trigger_bar : int
        Bar of the first trigger; 0 if none.
    unfair : bool
        The first trigger was seen by the oracle only, not by the market.
    defaulted : bool
        Equity was below zero at a close-out.
    default_bar : int
        Bar of that close-out; 0 if none.
    loss : float
        Bad debt, a fraction of the opening notional (collateral value); 0 without default.
    liquidations : int
        Number of close-outs executed.
    """

    failed: bool = False
    liquidated: bool = False
    trigger_bar: int = 0
    unfair: bool = False
    defaulted: bool = False
    default_bar: int = 0
    loss: float = 0.0
    liquidations: int = 0


def run_mechanism(
    closes: npt.ArrayLike,
    position: Position,
    mechanism: Mechanism,
    horizon: int,
    *,
    extremes: npt.ArrayLike | None = None,
    uniforms: LagUniforms | None = None,
) -> Outcome:
    """Run one position along one path; see the module for the order of events.

    Parameters
    ----------
    closes : array_like (bars + 1,)
        Prices, opening price first; at least `bars_needed` bars. For a loan the price of the
        collateral in units of the debt.
    horizon : int
        Bars for which the position is held.
    extremes : array_like (bars + 1,), optional
        Lows for a long or a loan, highs for a short. Without them triggers between closes go
        unseen: closes alone understate liquidation.
    uniforms : LagUniforms, optional
        Required where a lag is a distribution.

    Raises
    ------
    InputError
        If the position, the mechanism or the length of the path breaks a rule.
    """
    check_position(position)
    check_mechanism(mechanism)
    check_target(position, mechanism.close_out)
    price = np.asarray(closes, dtype=np.float64)
    worst = price if extremes is None else np.asarray(extremes, dtype=np.float64)
    bars = bars_needed(mechanism, horizon)
    _check_path(price, worst, bars, horizon, mechanism, uniforms)
    if not (np.isfinite(price[: bars + 1]).all() and (price[: bars + 1] > 0.0).all()):
        return Outcome(failed=True)
    draws = uniforms or LagUniforms(np.zeros((bars + 1, 2)), np.zeros((bars + 1, 2)))

    account = _open(position, float(price[0]))
    oracle = OracleState(mechanism.oracle, float(price[0]))
    sign = position.side.sign if isinstance(position, Perpetual) else 1
    first_trigger, unfair, due, liquidations = 0, False, 0, 0
    for t in range(1, bars + 1):
        account.accrue(float(price[t]))
        seen = oracle.publish(t, price, worst, draws.latency[t], sign)
        if due == 0 and oracle.source <= horizon and account.triggered(seen):
            due = t + _delay(mechanism, price, t, draws.delay[t])
            if first_trigger == 0:
                first_trigger = t
                unfair = not account.triggered(float(worst[t]))
        if due == t:
            liquidations += 1
            bad_debt = account.close(float(price[t]), mechanism)
            if bad_debt > 0.0:
                return Outcome(False, True, first_trigger, unfair, True, t, bad_debt, liquidations)
            if account.closed:
                break
            due = 0
    liquidated = first_trigger > 0
    return Outcome(False, liquidated, first_trigger, unfair, liquidations=liquidations)


class _PerpetualAccount:
    """Cash and quantity of a perpetual, per unit of opening notional."""

    def __init__(self, position: Perpetual, entry: float) -> None:
        self.position, self.entry, self.sign = position, entry, position.side.sign
        self.cash, self.quantity = position.initial_margin, 1.0

    @property
    def closed(self) -> bool:
        return self.quantity <= 0.0

    def equity(self, price: float) -> float:
        return self.cash + self.sign * self.quantity * (price / self.entry - 1.0)

    def value(self, price: float) -> float:
        return self.quantity * price / self.entry

    def accrue(self, price: float) -> None:
        self.cash -= self.sign * self.position.funding * self.value(price)

    def triggered(self, price: float) -> bool:
        return self.equity(price) <= self.position.maintenance_margin * self.value(price)

    def close(self, price: float, mechanism: Mechanism) -> float:
        """Close out at a price; returns the bad debt."""
        value, equity = self.value(price), self.equity(price)
        scale, penalty = self.position.notional, self.position.penalty
        full_cost = mechanism.slippage.cost(value * scale) + penalty
        if equity - value * full_cost < 0.0:
            return value * full_cost - equity
        x = self._fraction(equity / value, full_cost, mechanism.close_out)
        cost = mechanism.slippage.cost(x * value * scale) + penalty
        self.cash += x * self.sign * self.quantity * (price / self.entry - 1.0) - x * value * cost
        self.quantity = 0.0 if x >= 1.0 else self.quantity * (1.0 - x)
        return 0.0

    @staticmethod
    def _fraction(ratio: float, cost: float, close_out: CloseOut) -> float:
        if close_out.rule is CloseOutRule.FULL:
            return 1.0
        if close_out.rule is CloseOutRule.CLOSE_FACTOR:
            return close_out.level
        if close_out.level <= cost:
            return 1.0
        return min(max((close_out.level - ratio) / (close_out.level - cost), 0.0), 1.0)


class _LoanAccount:
    """Debt and collateral of a loan, per unit of the collateral's opening value."""

    def __init__(self, position: Loan, entry: float) -> None:
        self.position, self.entry = position, entry
        self.debt, self.collateral = position.loan_to_value, 1.0

    @property
    def closed(self) -> bool:
        return self.debt <= 0.0

    def value(self, price: float) -> float:
        return self.collateral * price / self.entry

    def accrue(self, price: float) -> None:
        self.debt *= 1.0 + self.position.interest

    def triggered(self, price: float) -> bool:
        return self.value(price) * self.position.liquidation_threshold <= self.debt

    def close(self, price: float, mechanism: Mechanism) -> float:
        """Liquidate at a price; returns the bad debt."""
        value, scale = self.value(price), self.position.notional
        paid = 1.0 + self.position.bonus
        x = self._fraction(value, mechanism.close_out)
        taken = min(x * self.debt * paid, value)
        if paid * (1.0 - mechanism.slippage.cost(taken * scale)) < 1.0:
            proceeds = value * (1.0 - mechanism.slippage.cost(value * scale))
            loss = max(self.debt - proceeds, 0.0)
            self.debt = 0.0
            return loss
        if value < self.debt * paid:
            return self.debt - value / paid
        self.debt = 0.0 if x >= 1.0 else self.debt * (1.0 - x)
        self.collateral -= taken * self.entry / price
        return 0.0

    def _fraction(self, value: float, close_out: CloseOut) -> float:
        if close_out.rule is CloseOutRule.FULL:
            return 1.0
        if close_out.rule is CloseOutRule.CLOSE_FACTOR:
            return close_out.level
        threshold = self.position.liquidation_threshold
        relief = close_out.level - (1.0 + self.position.bonus) * threshold
        if relief <= 0.0:
            return 1.0
        short_of = close_out.level * self.debt - value * threshold
        return min(max(short_of / (self.debt * relief), 0.0), 1.0)


def _open(position: Position, entry: float) -> _PerpetualAccount | _LoanAccount:
    if isinstance(position, Perpetual):
        return _PerpetualAccount(position, entry)
    return _LoanAccount(position, entry)


def _delay(mechanism: Mechanism, price: Array, t: int, uniforms: Array) -> int:
    lag = mechanism.delay
    if isinstance(lag, int):
        return lag
    move = float(np.log(price[t] / price[t - 1]))
    halt = lag.halt_bars if lag.halts(move, float(uniforms[1])) else 0
    return lag.draw(move, float(uniforms[0])) + halt


def _check_path(
    price: Array,
    worst: Array,
    bars: int,
    horizon: int,
    mechanism: Mechanism,
    uniforms: LagUniforms | None,
) -> None:
    if horizon < 1:
        raise InputError("horizon", horizon, "must be at least 1 bar", "Give bars, rounded up")
    if price.ndim != 1 or price.size <= bars or worst.shape != price.shape:
        raise InputError(
            "closes",
            price.shape,
            f"need {bars + 1} prices (horizon + latency + delay bars), and as many extremes",
            "Lengthen the path, or shorten the horizon",
        )
    drawn = isinstance(mechanism.oracle.latency, ConditionalLag) or isinstance(
        mechanism.delay, ConditionalLag
    )
    if drawn and uniforms is None:
        raise InputError(
            "uniforms", None, "are required where a lag is a distribution", "Pass LagUniforms"
        )
