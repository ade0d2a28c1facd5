"""What a user would pick instead: the simple formulas that riskkit is measured against.

Each gives the VaR (and ES where the formula has one) of the simple loss per row, from information
up to its origin. They are kept as people use them, faults included.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.position import Contract, Side
from riskkit.tail.losses import simple_loss
from riskkit.volatility import innovations
from riskkit.volatility.spec import Innovation

Array = npt.NDArray[np.float64]

RISKMETRICS_DECAY = 0.94


def ewma_volatility(returns: npt.ArrayLike, decay: float = RISKMETRICS_DECAY) -> Array:
    """RiskMetrics volatility, shape (n + 1,): entry t uses returns up to t - 1.

    The recursion starts from the mean square of the first 75 returns, so entries before the 75th
    know their future and belong in no evaluation.
    """
    r = np.asarray(returns, dtype=np.float64)
    h = np.empty(r.size + 1)
    h[0] = np.mean(r[:75] ** 2)
    for t in range(r.size):
        h[t + 1] = decay * h[t] + (1.0 - decay) * r[t] ** 2
    return np.sqrt(h)


def ewma_normal(
    sigma: npt.ArrayLike, probability: float, bars: int, side: Side
) -> tuple[Array, Array]:
    """EWMA volatility with the normal quantile and the square root of time: (VaR, ES)."""
    scale = np.asarray(sigma, dtype=np.float64) * math.sqrt(bars)
    return _scaled(scale, Innovation.NORMAL, {}, probability, side)


def student_margin(
    sigma: npt.ArrayLike, probability: float, bars: int, side: Side, nu: float = 6.0
) -> tuple[Array, Array]:
    """Expected shortfall of a unit-variance Student t, scaled by sqrt(h): (VaR, ES)."""
    scale = np.asarray(sigma, dtype=np.float64) * math.sqrt(bars)
    return _scaled(scale, Innovation.STUDENT_T, {"nu": nu}, probability, side)


def smart_ltv(
    volatility: npt.ArrayLike,
    liquidity: npt.ArrayLike,
    debt: npt.ArrayLike,
    bonus: float,
    confidence_factor: float,
) -> Array:
    """SmartLTV's loan-to-value: ``exp(-c sigma / sqrt(l/d)) - beta``, at least 0.

    Parameters
    ----------
    volatility : array_like
        Of the collateral/debt price over the period in which liquidity replenishes.
    liquidity, debt : array_like
        Debt that can be liquidated in that period, and debt outstanding, in one unit.
    bonus : float
        Liquidation bonus beta.
    confidence_factor : float
        The factor c of the formula.

    Source: B.Protocol and RiskDAO, "SmartLTV".
    """
    ratio = np.asarray(liquidity, dtype=np.float64) / np.asarray(debt, dtype=np.float64)
    if not (ratio > 0.0).all():
        raise InputError(
            "liquidity", liquidity, "must be positive, as must debt", "Leave out empty markets"
        )
    ltv = np.exp(-confidence_factor * np.asarray(volatility) / np.sqrt(ratio)) - bonus
    return np.asarray(np.maximum(ltv, 0.0))


def fixed_leverage(leverage: float, rows: int) -> Array:
    """The margin of a fixed maximum leverage, the same in every row, whatever the market does."""
    if not leverage >= 1.0:
        raise InputError("leverage", leverage, "must be at least 1", "Typical values: 5 to 100")
    return np.full(rows, 1.0 / leverage)


def _scaled(
    scale: Array, law: Innovation, shape: dict[str, float], probability: float, side: Side
) -> tuple[Array, Array]:
    if not 0.0 < probability < 1.0:
        raise InputError(
            "probability", probability, "must lie strictly between 0 and 1", "Write 1 % as 0.01"
        )
    quantile = -float(innovations.quantile(law, probability, shape))
    mean = float(innovations.expected_shortfall(law, probability, shape))
    # The usual shortcut: the ES of the log loss becomes a simple loss as if it were one move.
    move = -side.sign * np.stack([quantile * scale, mean * scale])
    var, es = simple_loss(move, side, Contract.LINEAR)
    return var, es
