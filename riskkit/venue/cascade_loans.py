"""How much of a loan a liquidation takes, as compiled functions.

A loan is long its collateral: quantity, and its debt as cash below 0. Its threshold is one less its
maintenance; its health factor is collateral times threshold over debt.
"""

from __future__ import annotations

from riskkit.compiled import Real, inlined
from riskkit.venue.cascade_values import LoanRules


@inlined
def bonus_of(debt: Real, collateral: Real, m: Real, loan: LoanRules) -> Real:
    """Bonus on what is repaid, at a health factor."""
    lacks = max(1.0 - collateral * (1.0 - m) / debt, 0.0) if debt > 0.0 else 0.0
    return min(loan.bonus + loan.bonus_slope * lacks, loan.most_bonus)


@inlined
def taken_units(q: Real, debt: Real, price: Real, m: Real, bonus: Real, loan: LoanRules) -> Real:
    """Units of collateral that a liquidation may take; 0 where it would only make a loan worse."""
    value = q * price
    if debt <= 0.0:
        return 0.0
    if loan.halts and debt * (1.0 + bonus) >= value:
        return 0.0
    health = value * (1.0 - m) / debt
    repaid = debt
    if debt > loan.dust:
        if loan.target > 0.0:
            counts = (1.0 + bonus) * (1.0 - m)
            if loan.target > counts:
                repaid = min(debt * (loan.target - health) / (loan.target - counts), debt)
        elif health >= loan.whole_below:
            repaid = loan.close_factor * debt
            # after a first step that leaves the loan at its threshold, the factor of the rest
            first = (debt - (1.0 - m) * value) / (1.0 - (1.0 - m) * (1.0 + bonus))
            if loan.two_steps and 0.0 <= first < repaid:
                repaid = first + loan.close_factor * (debt - first)
    return min(repaid * (1.0 + bonus) / price, q)
