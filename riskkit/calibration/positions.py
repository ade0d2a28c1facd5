"""Positions as the study's venue would open them, from two losses: covered, and reacted to.

The *covered loss* is the adverse move after the trigger that the buffer absorbs; the *excursion*
is the adverse move before it. Perpetuals and loans differ only in how the two become numbers.
"""

from __future__ import annotations

import math
from dataclasses import replace

from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.study.study import Study
from riskkit.venue.lending import liquidation_threshold, max_loan_to_value
from riskkit.venue.margin import initial_margin, maintenance_margin
from riskkit.venue.mechanism import Loan, Perpetual, Position

LARGEST_BUFFER = 0.98


def open_position(study: Study, side: Side, covered: float, excursion: float) -> Position:
    """The position whose buffer absorbs ``covered`` after a trigger ``excursion`` away."""
    m = study.mechanism
    if study.venue.kind == "loan":
        bonus = study.venue.liquidation_bonus_fraction
        lt = float(liquidation_threshold(covered, bonus=bonus, slippage=m.slippage_fraction))
        return Loan(float(max_loan_to_value(lt, excursion)), lt, bonus)
    mm = float(maintenance_margin(covered, side, slippage=m.slippage_fraction, fee=m.fee_fraction))
    im = float(initial_margin(mm, excursion, side))
    return Perpetual(side, im, mm, penalty=m.fee_fraction)


def largest_covered_loss(study: Study, side: Side) -> float:
    """The covered loss at which margin, or the haircut of a loan, reaches 98 %."""
    if study.venue.kind == "loan":
        return LARGEST_BUFFER
    cost = study.mechanism.slippage_fraction + study.mechanism.fee_fraction
    return (LARGEST_BUFFER - cost) / (1.0 - side.sign * cost)


def late_trigger(position: Position, deviation: float) -> Position:
    """The position as if triggered only ``deviation`` beyond its trigger price.

    An oracle that publishes on deviation may show a price up to ``deviation`` better for the
    position than the market's. Its default is unchanged; its trigger moves against it. This is
    the worst case at every trigger, and so an upper bound on the effect.
    """
    if deviation == 0.0:
        return position
    if isinstance(position, Loan):
        late = position.liquidation_threshold / (1.0 - deviation)
        if late >= 1.0:
            raise _too_late(deviation)
        return replace(position, liquidation_threshold=late)
    s, im, mm = position.side.sign, position.initial_margin, position.maintenance_margin
    price = (1.0 - s * im) / (1.0 - s * mm) * (1.0 - s * deviation)
    if price <= 0.0:  # a long that is paid for in full is never liquidated, late or not
        return position
    late = (im + s * (price - 1.0)) / price
    if late < 0.0:
        raise _too_late(deviation)
    return replace(position, maintenance_margin=late)


def trigger_level(side: Side, excursion: float, deviation: float) -> float:
    """Log price times the sign at which `open_position` is triggered, ``deviation`` late.

    The same for every covered loss and every cost: ``log((1 - s excursion)(1 - s deviation))``.
    """
    s = side.sign
    return s * math.log((1.0 - s * excursion) * (1.0 - s * deviation))


def _too_late(deviation: float) -> InputError:
    return InputError(
        "mechanism.oracle_deviation_fraction",
        deviation,
        "must be smaller than the loss that the buffer covers",
        "Lower the oracle's deviation threshold, or raise the margin",
    )
