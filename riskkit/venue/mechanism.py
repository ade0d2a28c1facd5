"""What is margined and how it is liquidated: positions, slippage, close-outs, the mechanism.

All of these are values; `riskkit.venue.run` runs them along a path.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.venue.liquidity import Slippage as Slippage
from riskkit.venue.liquidity import SlippageLaw as SlippageLaw
from riskkit.venue.liquidity import check_slippage
from riskkit.venue.oracle import Lag, Oracle, check_lag, check_oracle, longest


@dataclass(frozen=True)
class Perpetual:
    """A linear perpetual position opened at its initial margin.

    Attributes
    ----------
    side : Side
    initial_margin : float
        Margin posted at opening, a fraction of the opening notional.
    maintenance_margin : float
        Liquidated when equity falls to this fraction of current notional.
    notional : float
        Opening notional in money: matters only to slippage that grows with size.
    penalty : float
        Fee taken at close-out, a fraction of the notional closed.
    funding : float
        Paid by longs to shorts each bar, a fraction of current notional; negative: by shorts.
    """

    side: Side
    initial_margin: float
    maintenance_margin: float
    notional: float = 1.0
    penalty: float = 0.0
    funding: float = 0.0


@dataclass(frozen=True)
class Loan:
    """A loan against volatile collateral, taken at its loan-to-value.

    Attributes
    ----------
    loan_to_value : float
        Debt at opening over the value of the collateral.
    liquidation_threshold : float
        Liquidated when debt reaches this fraction of the collateral's value.
    bonus : float
        A liquidator who repays D takes collateral worth D (1 + bonus).
    notional : float
        Value of the collateral at opening, in money.
    interest : float
        Growth of the debt each bar, a fraction.
    """

    loan_to_value: float
    liquidation_threshold: float
    bonus: float
    notional: float = 1.0
    interest: float = 0.0


Position = Perpetual | Loan


class CloseOutRule(StrEnum):
    """How much of a position one liquidation closes."""

    FULL = "full"
    CLOSE_FACTOR = "close-factor"
    RESTORE = "restore"


@dataclass(frozen=True)
class CloseOut:
    """How much one liquidation closes; the rest stays open and can be triggered again.

    ``FULL``          everything
    ``CLOSE_FACTOR``  the fraction ``level`` of the open position (of the debt, for a loan)
    ``RESTORE``       as little as brings the margin ratio (perpetual) or the health factor, the
                      threshold times collateral over debt (loan), back to ``level``

    Attributes
    ----------
    largest : float
        Most that one bar closes of a position, in money; the rest of what was ordered stays due in
        the next bar. Infinite without a cap.
    """

    rule: CloseOutRule = CloseOutRule.FULL
    level: float = 1.0
    largest: float = math.inf


@dataclass(frozen=True)
class Mechanism:
    """How a position is watched and closed.

    Attributes
    ----------
    oracle : Oracle
    delay : int or ConditionalLag
        Bars from trigger to execution; 0 executes at the close of the bar that triggers.
    slippage : Slippage
    close_out : CloseOut
    """

    oracle: Oracle = field(default_factory=Oracle)
    delay: Lag = 0
    slippage: Slippage = field(default_factory=Slippage)
    close_out: CloseOut = field(default_factory=CloseOut)


def bars_needed(mechanism: Mechanism, horizon: int, notional: float = 1.0) -> int:
    """Bars a path must run so that every trigger of a bar within the horizon is closed.

    A cap on what one bar closes adds the bars that the opening notional takes; what a short has
    grown by beyond it is closed in the last bar.
    """
    lags = longest(mechanism.oracle.latency) + longest(mechanism.delay)
    slices = math.ceil(notional / mechanism.close_out.largest)
    return horizon + lags + max(slices - 1, 0)


def check_position(position: Position) -> None:
    """Refuse a position that is liquidatable as it opens, or whose numbers mean nothing.

    Raises
    ------
    InputError
    """
    if not (math.isfinite(position.notional) and position.notional > 0.0):
        raise InputError("notional", position.notional, "must be positive", "Give it in money")
    if isinstance(position, Loan):
        _check_loan(position)
        return
    im, mm = position.initial_margin, position.maintenance_margin
    if not (0.0 <= mm < math.inf and (mm < 1.0 or position.side is Side.SHORT)):
        rule = "must lie in [0, 1), of a short from 0 up"  # whose loss no notional bounds
        raise InputError("maintenance_margin", mm, rule, "Write 5 % as 0.05")
    if not im > mm:
        raise InputError(
            "initial_margin",
            im,
            f"must exceed maintenance_margin = {mm}",
            "With IM = MM a position is liquidated on its first tick",
        )
    if not im < 1.0 and position.side is Side.LONG:
        raise InputError(
            "initial_margin",
            im,
            "must be below 1 for a long",
            "A fully paid long has nothing to liquidate",
        )
    _check_rate("penalty", position.penalty, 0.0)
    _check_rate("funding", position.funding, -1.0)


def check_mechanism(mechanism: Mechanism) -> None:
    """Refuse a mechanism with a negative delay, a falling ladder, or a close-out of nothing.

    Raises
    ------
    InputError
    """
    check_oracle(mechanism.oracle)
    check_lag(mechanism.delay, "delay")
    check_slippage(mechanism.slippage)
    rule, level = mechanism.close_out.rule, mechanism.close_out.level
    if rule is CloseOutRule.CLOSE_FACTOR and not 0.0 < level <= 1.0:
        raise InputError(
            "close_out.level", level, "a close factor must lie in (0, 1]", "Write half as 0.5"
        )
    if rule is CloseOutRule.RESTORE and not level > 0.0:
        raise InputError(
            "close_out.level",
            level,
            "a target must be positive",
            "Give a margin ratio above MM (perpetual) or a health factor above 1 (loan)",
        )
    if not mechanism.close_out.largest > 0.0:
        raise InputError(
            "close_out.largest",
            mechanism.close_out.largest,
            "must be positive",
            "Give what one bar closes in money; leave it out for no cap",
        )


def check_target(position: Position, close_out: CloseOut) -> None:
    """Refuse a close-out that would restore a position to no better than its own trigger.

    Raises
    ------
    InputError
    """
    if close_out.rule is not CloseOutRule.RESTORE:
        return
    trigger = position.maintenance_margin if isinstance(position, Perpetual) else 1.0
    if not close_out.level > trigger:
        raise InputError(
            "close_out.level",
            close_out.level,
            f"must exceed the trigger, {trigger}",
            "Restore to a margin ratio above MM, or to a health factor above 1",
        )


def _check_loan(loan: Loan) -> None:
    lt, ltv = loan.liquidation_threshold, loan.loan_to_value
    if not 0.0 < lt < 1.0:
        raise InputError("liquidation_threshold", lt, "must lie in (0, 1)", "Write 80 % as 0.8")
    if not 0.0 < ltv < lt:
        raise InputError(
            "loan_to_value",
            ltv,
            f"must be positive and below liquidation_threshold = {lt}",
            "With LTV = LT a loan is liquidatable on its first tick",
        )
    _check_rate("bonus", loan.bonus, 0.0)
    _check_rate("interest", loan.interest, -1.0)


def _check_rate(name: str, value: float, low: float) -> None:
    if not low <= value < 1.0:
        raise InputError(name, value, f"must lie in [{low:g}, 1)", "Write 30 bps as 0.003")
