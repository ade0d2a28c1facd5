"""Positions reduced to barriers: what a full close-out at flat slippage needs of the price.

A position is triggered at one price and has bad debt ``a + b P`` at the execution price P, where
that is positive. Prices are relative to the opening, in logs and times the sign of the side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.venue.lending import smallest_bonus
from riskkit.venue.mechanism import Loan, Position, check_position

Array = npt.NDArray[np.float64]


def exposure(position: Position) -> int:
    """+1 if the position loses when the price falls, -1 if when it rises."""
    return 1 if isinstance(position, Loan) else position.side.sign


def loses_without_bound(position: Position) -> bool:
    """Whether bad debt can exceed what was opened: a short's, or a long's who pays funding."""
    if isinstance(position, Loan):
        return False
    return position.side.sign < 0 or position.funding > 0.0


def screen_level(position: Position) -> float:
    """Signed log price above which a path cannot trigger; infinite where equity also accrues."""
    accrual = position.interest if isinstance(position, Loan) else position.funding
    return math.inf if accrual != 0.0 else _trigger(position) + 1e-12


def check_alike(positions: Sequence[Position]) -> None:
    """Refuse no position, and positions that lose when the price moves different ways.

    Raises
    ------
    InputError
    """
    if not positions or len({(isinstance(p, Loan), exposure(p)) for p in positions}) != 1:
        raise InputError(
            "positions",
            tuple(positions),
            "must be one or more, all of one kind and exposure",
            "Simulate longs, shorts and loans apart",
        )


def barrier_rows(
    positions: Sequence[Position], slippage: float
) -> tuple[Array, npt.NDArray[np.int64], int]:
    """Rows (K, 4) of trigger, default, a and b, highest trigger first; their order; the sign.

    Raises
    ------
    InputError
        If a position breaks a rule, pays funding or interest, or longs and shorts are mixed.
    """
    if not positions or len({exposure(p) for p in positions}) != 1:
        raise InputError(
            "positions",
            tuple(positions),
            "must be one or more, all of one exposure",
            "Simulate longs (and loans) apart from shorts",
        )
    rows = np.empty((len(positions), 4))
    rows[:, 1:] = default_rows(positions, slippage)
    for row, position in zip(rows, positions, strict=True):
        if screen_level(position) == math.inf:
            raise InputError(
                "positions",
                position,
                "must not accrue funding or interest on a grid",
                "Use simulate_default for this position",
            )
        row[0] = _trigger(position)
    order = np.argsort(-rows[:, 0], kind="stable")
    return np.ascontiguousarray(rows[order]), order, exposure(positions[0])


def default_levels(positions: Sequence[Position], slippage: float) -> Array:
    """Log prices (K,) times the sign of the side, below which a position has bad debt if closed.

    Raises
    ------
    InputError
        If a position breaks a rule.
    """
    return default_rows(positions, slippage)[:, 0]


def default_rows(positions: Sequence[Position], slippage: float) -> Array:
    """Rows (K, 3) of default level, a and b: bad debt is ``a + b P``, of notional at opening.

    Raises
    ------
    InputError
        If a position breaks a rule.
    """
    needed, rows = smallest_bonus(slippage), np.empty((len(positions), 3))
    for row, position in zip(rows, positions, strict=True):
        check_position(position)
        row[1:] = _bad_debt(position, slippage, needed)
        row[0] = _default(row[1], row[2])
    return rows


def _trigger(position: Position) -> float:
    if isinstance(position, Loan):
        return math.log(position.loan_to_value / position.liquidation_threshold)
    s = position.side.sign
    im, mm = position.initial_margin, position.maintenance_margin
    return s * math.log((1.0 - s * im) / (1.0 - s * mm))


def _bad_debt(position: Position, slippage: float, needed_bonus: float) -> tuple[float, float]:
    """Bad debt a + b P at execution price P, positive where the position defaults."""
    if isinstance(position, Loan):
        if position.bonus < needed_bonus:  # no liquidator comes: the protocol sells
            return position.loan_to_value, slippage - 1.0
        return position.loan_to_value, -1.0 / (1.0 + position.bonus)
    s, cost = position.side.sign, slippage + position.penalty
    return s - position.initial_margin, cost - s


def _default(a: float, b: float) -> float:
    """Signed log price below which a + b P is positive."""
    if b < 0.0:
        return math.log(a / -b) if a > 0.0 else -math.inf
    return -math.log(-a / b) if b > 0.0 and a < 0.0 else math.inf
