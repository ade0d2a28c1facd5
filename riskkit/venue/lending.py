"""Liquidation threshold, loan-to-value and bonus of collateralised debt.

A liquidator repays debt D and takes D (1 + LB) of collateral, paying slippage out of the bonus.
The loan clears without loss iff the collateral is still worth D (1 + LB) at execution, and the
liquidator comes only if the bonus covers the slippage. Charging slippage again in the threshold
would count it twice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]


def smallest_bonus(slippage: float) -> float:
    """Smallest liquidation bonus that pays for slippage: s / (1 - s), a fraction of the debt."""
    if not 0.0 <= slippage < 1.0:
        raise InputError("slippage", slippage, "must lie in [0, 1)", "Write 30 bps as 0.003")
    return slippage / (1.0 - slippage)


def liquidation_threshold(tail_loss: npt.ArrayLike, *, bonus: float, slippage: float) -> Array:
    """Largest debt-to-collateral ratio at which a late liquidation still clears without loss.

    LT = (1 - L) / (1 + LB), with L the tail loss of the collateral/debt price over the margin
    period of risk, oracle gap included.

    Raises
    ------
    InputError
        If the bonus does not pay for the slippage: no liquidator would come.
    """
    needed = smallest_bonus(slippage)
    if bonus < needed:
        raise InputError(
            "bonus",
            bonus,
            f"must be at least slippage / (1 - slippage) = {needed:.6f}",
            "Raise the liquidation bonus, or lower the position size that causes the slippage",
        )
    return (1.0 - np.asarray(tail_loss, dtype=np.float64)) / (1.0 + bonus)


def max_loan_to_value(threshold: npt.ArrayLike, excursion: npt.ArrayLike) -> Array:
    """Largest loan-to-value that leaves the borrower the reaction time: LT (1 - E)."""
    e = np.asarray(excursion, dtype=np.float64)
    return np.asarray(threshold, dtype=np.float64) * (1.0 - e)


def liquidation_price(
    entry: npt.ArrayLike, loan_to_value: npt.ArrayLike, threshold: npt.ArrayLike
) -> Array:
    """Collateral price at which a loan taken at ``entry`` becomes liquidatable: P0 LTV / LT."""
    ltv = np.asarray(loan_to_value, dtype=np.float64)
    lt = np.asarray(threshold, dtype=np.float64)
    if np.any(ltv >= lt):
        raise InputError(
            "loan_to_value",
            float(np.max(ltv - lt)),
            "loan-to-value must be below the liquidation threshold",
            "With LTV = LT a loan is liquidatable on its first tick",
        )
    return np.asarray(entry, dtype=np.float64) * ltv / lt
