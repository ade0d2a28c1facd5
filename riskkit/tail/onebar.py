"""VaR and ES of one bar's simple loss, without simulation.

The loss is a monotone function of the shock, so its VaR is the loss at the shock's quantile; its
ES is an integral over the tail, done by quadrature.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.position import Contract, Side
from riskkit.tail.losses import log_move, simple_loss
from riskkit.tail.shocks import ShockLaw

Array = npt.NDArray[np.float64]

NODES = 128


@dataclass(frozen=True)
class OneBarRisk:
    """Risk of the next bar at n origins and m confidence levels.

    Attributes
    ----------
    confidence : ndarray, shape (m,)
    var, es : ndarray, shape (n, m)
        Value at risk and expected shortfall of the simple loss; positive is a loss.
    """

    confidence: Array
    var: Array = field(repr=False)
    es: Array = field(repr=False)


def one_bar_risk(
    law: ShockLaw,
    mean: npt.ArrayLike,
    sigma: npt.ArrayLike,
    confidence: npt.ArrayLike,
    side: Side,
    *,
    contract: Contract = Contract.LINEAR,
    cap: float | None = None,
) -> OneBarRisk:
    """VaR and ES of the loss of a bar whose log return is ``mean + sigma * shock``.

    Parameters
    ----------
    law : ShockLaw
    mean, sigma : array_like, shape (n,) or scalars
        Fractions per bar, known at the origin.
    confidence : array_like, shape (m,) or scalar
    cap : float, optional
        Largest loss that counts. Needed where losses are unbounded (a linear short, an inverse
        long) and shocks have power-law tails: the mean is infinite there.

    Raises
    ------
    InputError
        If a confidence lies beyond what the law can show, or the ES is infinite without a cap.
    """
    level = np.atleast_1d(np.asarray(confidence, dtype=np.float64))
    if not ((level > 0.0) & (level < 1.0)).all():
        raise InputError("confidence", confidence, "must lie strictly between 0 and 1", "Try 0.99")
    p = 1.0 - level
    if (p < law.smallest_probability * (1.0 - 1e-9)).any():
        raise InputError(
            "confidence",
            float(level.max()),
            f"exceeds {1.0 - law.smallest_probability:.6g}, the last quantile the sample can show",
            "Lengthen the sample, or use a tail that reaches beyond the data",
        )
    require_finite_mean(law, side, contract, cap)
    shocks = np.stack([_outer_shock(law, q, side) for q in p])
    weights = tail_nodes()[1]
    m, s = np.broadcast_arrays(np.atleast_1d(mean), np.atleast_1d(sigma))

    def loss(z: Array) -> Array:
        return capped_loss(m[:, None] + s[:, None] * z, side, contract, cap)

    es = np.column_stack([loss(z[None, 1:]) @ weights for z in shocks])
    return OneBarRisk(level, loss(shocks[None, :, 0]), es)


def capped_loss(move: Array, side: Side, contract: Contract, cap: float | None) -> Array:
    """Simple loss of log returns (any shape), at most ``cap``.

    The move is cut and not the loss: deep in a heavy tail ``exp(move)`` overflows.
    """
    if cap is not None:
        limit = float(log_move(cap, side, contract))
        move = np.maximum(move, limit) if side is Side.LONG else np.minimum(move, limit)
    return simple_loss(move, side, contract)


def tail_nodes() -> tuple[Array, Array]:
    """Nodes in (0, 1) and weights that average a function of the tail's depth.

    The cube of evenly spaced points: a heavy tail is steep at depth 0, where they crowd.
    """
    v = (np.arange(NODES) + 0.5) / NODES
    weights = v**2
    return v**3, weights / weights.sum()


def require_finite_mean(law: ShockLaw, side: Side, contract: Contract, cap: float | None) -> None:
    """Refuse an expected shortfall that is infinite.

    Raises
    ------
    InputError
        If losses are unbounded, the shocks have power-law tails, and no cap is stated.
    """
    bounded = (side is Side.LONG) == (contract is Contract.LINEAR)
    if not bounded and law.power_law and cap is None:
        raise InputError(
            "side",
            side.value,
            "its expected shortfall is infinite under power-law shocks",
            "Use value at risk, or state the largest loss that counts with cap=",
        )


def _outer_shock(law: ShockLaw, probability: float, side: Side) -> Array:
    """The shock at VaR, then those at the nodes beyond it, on the side that hurts."""
    depth = np.concatenate([[1.0], tail_nodes()[0]]) * probability
    return law.quantile(depth if side is Side.LONG else 1.0 - depth)
