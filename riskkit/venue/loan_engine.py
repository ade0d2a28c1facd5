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

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.venue.cascade_values import LoanRules

Array = npt.NDArray[np.float64]


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
    absent_move : float
        Absolute log return of a bar in which no keeper comes: chains congest in crashes.
    halts : bool
        Whether nothing is taken beyond the toxic line, debt (1 + bonus) >= collateral.
    two_steps : bool
        Whether liquidators repay just so much first that the loan stays liquidatable, and the close
        factor of the rest then (`two_steps`).
    """

    close_factor: float = 0.5
    whole_below: float = 0.95
    target: float = 0.0
    bonus: float = 0.05
    bonus_slope: float = 0.0
    most_bonus: float = 1.0
    dust: float = 0.0
    gas: float = 0.0
    absent_move: float = math.inf
    halts: bool = False
    two_steps: bool = False


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


def gas_to_cover(gas: float, keepers: int, failed: float, bid: float) -> float:
    """What a liquidation must earn before a keeper comes who competes for it.

    Each of ``keepers`` is first as often as any other: a liquidation won pays for those lost, whose
    gas is the share ``failed`` of a whole one's, and the share ``bid`` of what it earns is paid to
    be first: ``gas (1 + (keepers - 1) failed) / (1 - bid)``.

    Raises
    ------
    InputError
        For no keeper at all, or a share that is none.
    """
    if keepers < 1:
        rule = "must be at least 1: without a keeper nothing is liquidated"
        raise InputError("keepers.competing", keepers, rule, "Give 1 for no competition")
    for name, value in (("failed_gas", failed), ("bid", bid)):
        if not 0.0 <= value <= 1.0 or (name == "bid" and value == 1.0):
            rule = "must lie in [0, 1], a bid below 1"
            raise InputError(f"keepers.{name}", value, rule, "It is a share")
    return gas * (1.0 + (keepers - 1) * failed) / (1.0 - bid)


def check_loan_engine(engine: LoanEngine) -> None:
    """Refuse rules that cannot be.

    Raises
    ------
    InputError
    """
    if not engine.gas >= 0.0:
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
        float(engine.absent_move),
        engine.halts,
        engine.two_steps,
    )


def repayment(
    collateral: npt.ArrayLike, debt: npt.ArrayLike, threshold: npt.ArrayLike, engine: LoanEngine
) -> tuple[Array, Array]:
    """What one liquidation repays of each loan, and the value it takes: 0 of a healthy one.

    Parameters
    ----------
    collateral, debt : array_like
        Values, in money.
    threshold : array_like
        LT.

    Returns
    -------
    repaid, taken : ndarray
        In money; never more than the collateral.
    """
    c, d, lt = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (collateral, debt, threshold))
    )
    health = c * lt / d
    bonus = np.minimum(
        engine.bonus + engine.bonus_slope * np.maximum(1.0 - health, 0.0), engine.most_bonus
    )
    if engine.target > 0.0:
        counts = (1.0 + bonus) * lt
        with np.errstate(divide="ignore", invalid="ignore"):
            back = np.where(
                engine.target > counts, d * (engine.target - health) / (engine.target - counts), d
            )
        repaid = np.minimum(back, d)
    else:
        part = engine.close_factor * d
        if engine.two_steps:
            with np.errstate(divide="ignore", invalid="ignore"):
                first = (d - lt * c) / (1.0 - lt * (1.0 + bonus))
            steps = (first >= 0.0) & (first < part)
            part = np.where(steps, first + engine.close_factor * (d - first), part)
        repaid = np.where(health >= engine.whole_below, part, d)
    repaid = np.where(d <= engine.dust, d, repaid)
    repaid = np.minimum(repaid, c / (1.0 + bonus))
    left = (health >= 1.0) | (is_toxic(c, d, bonus) if engine.halts else False)
    repaid = np.where(left, 0.0, repaid)
    return repaid, np.asarray(repaid * (1.0 + bonus))


def is_toxic(
    collateral: npt.ArrayLike, debt: npt.ArrayLike, bonus: npt.ArrayLike
) -> npt.NDArray[np.bool_]:
    """Whether repaying raises debt over collateral: debt (1 + bonus) >= collateral.

    With several collaterals the line is that of the one a liquidator takes.
    """
    d, b = np.asarray(debt, dtype=np.float64), np.asarray(bonus, dtype=np.float64)
    return np.asarray(d * (1.0 + b) >= np.asarray(collateral, dtype=np.float64))


def two_steps(
    collateral: float, debt: float, threshold: float, bonus: float, close_factor: float
) -> tuple[float, float]:
    """What a liquidator repays who first brings a loan to its threshold, and then takes the rest.

    The first step leaves the loan just liquidatable, so that the second may take the close factor
    of what is left: together more than in one step (Qin et al. 2021).
    """
    first = (debt - threshold * collateral) / (1.0 - threshold * (1.0 + bonus))
    first = max(first, 0.0)
    return first, close_factor * (debt - first)


def taken_first(values: npt.ArrayLike, bonuses: npt.ArrayLike, depth_cost: npt.ArrayLike) -> int:
    """Which of several collaterals a liquidator takes: that which leaves him most.

    Parameters
    ----------
    values : array_like (k,)
        Value that may be taken of each.
    bonuses, depth_cost : array_like (k,)
        Bonus of each, and its average slippage at that size.
    """
    v, b, s = (np.asarray(x, dtype=np.float64) for x in (values, bonuses, depth_cost))
    return int(np.argmax(v * (1.0 - s) - v / (1.0 + b)))
