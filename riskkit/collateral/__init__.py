"""What a venue accepts: haircuts with the position, pools, pegs, two prices of one token, promises.

Examples
--------
>>> import riskkit
>>> round(riskkit.collateral.pair_threshold(0.03, 0.01), 4)
0.9604
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskkit.door import door

_HOMES = {
    "BasisSpec": "riskkit.collateral.basis",
    "BreakingCoin": "riskkit.collateral.settlement",
    "PeggedCoin": "riskkit.collateral.peg",
    "CollateralPool": "riskkit.collateral.pool",
    "Promise": "riskkit.collateral.promise",
    "MarkedBy": "riskkit.collateral.promise",
    "RateCap": "riskkit.collateral.capped_oracle",
    "Seizure": "riskkit.collateral.pool",
    "accrual_per_year": "riskkit.collateral.redemption",
    "answer_collateral": "riskkit.calibration.collateral",
    "answer_pool": "riskkit.calibration.pool",
    "basis_aftermath": "riskkit.collateral.aftermath",
    "basis_margins": "riskkit.collateral.basis",
    "basis_of": "riskkit.collateral.basis",
    "check_states": "riskkit.collateral.capped_oracle",
    "closed_margins": "riskkit.collateral.closed_hours",
    "closures": "riskkit.collateral.closed_hours",
    "common_jump": "riskkit.collateral.peg_record",
    "exceptions": "riskkit.collateral.closed_hours",
    "fit_pegs": "riskkit.collateral.peg",
    "leave_one_out": "riskkit.collateral.peg_record",
    "pair_threshold": "riskkit.collateral.basis",
    "peg_aftermath": "riskkit.collateral.aftermath",
    "read_coins": "riskkit.study.coins",
    "redemption_floor": "riskkit.collateral.redemption",
    "reported_value": "riskkit.collateral.promise",
    "states_of_change": "riskkit.collateral.capped_oracle",
    "walk_baskets": "riskkit.collateral.baskets",
}

__all__ = [
    "BasisSpec",
    "BreakingCoin",
    "CollateralPool",
    "MarkedBy",
    "PeggedCoin",
    "Promise",
    "RateCap",
    "Seizure",
    "accrual_per_year",
    "answer_collateral",
    "answer_pool",
    "basis_aftermath",
    "basis_margins",
    "basis_of",
    "check_states",
    "closed_margins",
    "closures",
    "common_jump",
    "exceptions",
    "fit_pegs",
    "leave_one_out",
    "pair_threshold",
    "peg_aftermath",
    "read_coins",
    "redemption_floor",
    "reported_value",
    "states_of_change",
    "walk_baskets",
]

__getattr__ = door(__name__, _HOMES)


def __dir__() -> list[str]:
    return list(__all__)


if TYPE_CHECKING:
    # Names of rooms above are not typed here: an import would lead from this room up into theirs.
    from riskkit.collateral.aftermath import basis_aftermath, peg_aftermath
    from riskkit.collateral.basis import BasisSpec, basis_margins, basis_of, pair_threshold
    from riskkit.collateral.baskets import walk_baskets
    from riskkit.collateral.capped_oracle import RateCap, check_states, states_of_change
    from riskkit.collateral.closed_hours import closed_margins, closures, exceptions
    from riskkit.collateral.peg import PeggedCoin, fit_pegs
    from riskkit.collateral.peg_record import common_jump, leave_one_out
    from riskkit.collateral.pool import CollateralPool, Seizure
    from riskkit.collateral.promise import MarkedBy, Promise, reported_value
    from riskkit.collateral.redemption import accrual_per_year, redemption_floor
    from riskkit.collateral.settlement import BreakingCoin
