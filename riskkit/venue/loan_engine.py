"""Lending venues' liquidations: what is repaid, what is taken for it, when it is not worth it.

A loan is an account that is long its collateral, its debt as cash below 0, and its threshold one
less its maintenance (`riskkit.venue.accounts`). The kinds:

``aave-v3``   half the debt while the health factor is .95 or more, all of it below; debts up to the
              dust are repaid whole
``aave-v4``   what restores a target health factor: ``R = D (T - HF) / (T - (1 + b) LT)``
``compound``  all of it: the protocol absorbs the loan and sells its collateral at the discount
``euler``     as v4, at a bonus that grows with what the health factor lacks, up to a cap
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from riskkit.errors import InputError
from riskkit.venue.cascade_values import LoanRules


class LoanKind(StrEnum):
    """Whose rules a lending venue follows."""

    AAVE_V3 = "aave-v3"
    AAVE_V4 = "aave-v4"
    COMPOUND = "compound"
    EULER = "euler"


@dataclass(frozen=True)
class LoanEngine:
    """How a lending venue liquidates.

    Attributes
    ----------
    close_factor : float
        Most of a debt that one liquidation repays at a health factor of ``whole_below`` or more.
    whole_below : float
    target : float
        Health factor that is restored, above 1; 0 for none.
    bonus : float
        On what is repaid, in collateral.
    bonus_slope, most_bonus : float
        The bonus grows by so much a unit that the health factor lacks to 1, up to the most.
    dust : float
        Debt up to which all of it is repaid, in money.
    gas : float
        What a liquidation costs a keeper, in money.
    halts : bool
        Whether nothing is taken beyond the toxic line, debt (1 + bonus) >= collateral.
    """

    close_factor: float = 0.5
    whole_below: float = 0.95
    target: float = 0.0
    bonus: float = 0.05
    bonus_slope: float = 0.0
    most_bonus: float = 1.0
    dust: float = 0.0
    gas: float = 0.0
    halts: bool = False


def loan_engine(kind: LoanKind, bonus: float, **more: float) -> LoanEngine:
    """The engine of a kind at a bonus; ``more`` are fields of `LoanEngine` that differ from it.

    Euler's bonus begins at 0 and ``bonus`` is its cap.
    """
    match kind:
        case LoanKind.AAVE_V3:
            found = {"bonus": bonus, "dust": 2_000.0}
        case LoanKind.AAVE_V4:
            found = {"bonus": bonus, "target": 1.24, "dust": 1_000.0}
        case LoanKind.COMPOUND:
            found = {"bonus": bonus, "close_factor": 1.0}
        case LoanKind.EULER:
            found = {"bonus": 0.0, "bonus_slope": 1.0, "most_bonus": bonus, "target": 1.25}
    return LoanEngine(**{**found, **more})  # type: ignore[arg-type]


def check_loan_engine(engine: LoanEngine) -> None:
    """Refuse rules that cannot be.

    Raises
    ------
    InputError
    """
    if engine.gas < 0.0:
        rule = "must not be negative: nobody is paid to write a transaction"
        raise InputError("keepers.gas", engine.gas, rule, "Give its cost in money")
    if engine.target != 0.0 and not engine.target > 1.0:
        rule = "must lie above 1: a restored loan is healthy"
        raise InputError("loan.target", engine.target, rule, "Leave it 0 for a close factor")
    for name in ("close_factor", "whole_below"):
        value = getattr(engine, name)
        if not 0.0 < value <= 1.0:
            raise InputError(f"loan.{name}", value, "must lie in (0, 1]", "It is a share")
    for name in ("bonus", "bonus_slope", "most_bonus", "dust"):
        value = getattr(engine, name)
        if not value >= 0.0:
            raise InputError(f"loan.{name}", value, "must not be negative", "Give 0 for none")


def check_bonus(bonus: float, threshold: float) -> None:
    """Refuse a bonus with which a liquidation at the threshold only makes the loan worse.

    Parameters
    ----------
    bonus, threshold : float
        At the threshold a debt is LT times its collateral: repaying it takes (1 + b) of it.

    Raises
    ------
    InputError
    """
    most = 1.0 / threshold - 1.0
    if bonus >= most:
        raise InputError(
            "bonus",
            bonus,
            f"must lie below 1/LT - 1 = {most:.6g}: at the threshold {threshold:g} the first "
            "repayment would raise debt over collateral",
            "Lower the bonus or the threshold",
        )


def loan_rules(engine: LoanEngine) -> LoanRules:
    """An engine as the kernel takes it."""
    return LoanRules(
        float(engine.close_factor),
        float(engine.whole_below),
        float(engine.target),
        float(engine.bonus),
        float(engine.bonus_slope),
        float(engine.most_bonus),
        float(engine.dust),
        float(engine.gas),
        engine.halts,
    )
