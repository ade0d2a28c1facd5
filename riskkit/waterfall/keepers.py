"""Keepers come if it pays: the smallest bonus that brings them, and loans that never pay.

One liquidation of value Q costs its gas G and slippage kappa Q into linear depth. It pays at a
bonus from ``2 sqrt(kappa G) / (1 - 2 sqrt(kappa G))`` on, at the size ``sqrt(G / kappa)``.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError


def smallest_paying_bonus(gas: float, slippage_per_unit: float) -> tuple[float, float]:
    """The smallest bonus at which some size pays, and that size.

    Parameters
    ----------
    gas : float
        Of a liquidation, in money, not below 0.
    slippage_per_unit : float
        Average slippage of a sale, per unit of its value.

    Raises
    ------
    InputError
        For negative gas, or gas so high that no bonus brings anybody.
    """
    if not gas >= 0.0:
        rule = "must not be negative: nobody is paid to write a transaction"
        raise InputError("keepers.gas", gas, rule, "Give its cost in money")
    if not slippage_per_unit > 0.0:
        rule = "must be positive: without slippage any size pays"
        raise InputError("slippage_per_unit", slippage_per_unit, rule, "Give that of the depth")
    share = 2.0 * math.sqrt(slippage_per_unit * gas)
    if share >= 1.0:
        raise InputError(
            "keepers.gas",
            gas,
            "eats whatever is taken: no bonus brings a keeper into this depth",
            "Deepen the market, or pay keepers otherwise",
        )
    return share / (1.0 - share), math.sqrt(gas / slippage_per_unit)


def never_worth_it(debt: npt.ArrayLike, bonus: float, gas: float) -> tuple[int, float]:
    """Loans whose whole bonus does not pay their gas: how many, and their debt together."""
    d = np.asarray(debt, dtype=np.float64)
    small = d * bonus <= gas
    return int(small.sum()), float(d[small].sum())
