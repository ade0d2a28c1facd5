"""From log returns to losses.

Losses are simple, positive, and transformed from log returns *before* any quantile is taken.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from riskkit.position import Contract, Side


def simple_loss(
    log_return: npt.ArrayLike, side: Side, contract: Contract = Contract.LINEAR
) -> npt.NDArray[np.float64]:
    """Loss per unit of opening notional of a log return; positive is a loss.

    A linear long loses ``1 - exp(r)`` (at most 1), a linear short ``exp(r) - 1`` (unbounded);
    an inverse long loses ``exp(-r) - 1`` and an inverse short ``1 - exp(-r)``, in coin.

    Parameters
    ----------
    log_return : array_like, any shape
        Log returns as fractions over the whole period.

    Returns
    -------
    ndarray, same shape
    """
    r = np.asarray(log_return, dtype=np.float64)
    if contract is Contract.LINEAR:
        return -np.expm1(r) if side is Side.LONG else np.expm1(r)
    return np.expm1(-r) if side is Side.LONG else -np.expm1(-r)


def log_move(
    loss: npt.ArrayLike, side: Side, contract: Contract = Contract.LINEAR
) -> npt.NDArray[np.float64]:
    """The log return that causes a simple loss: the inverse of `simple_loss`.

    A loss that no price move can cause (1 or more for a linear long) gives an infinite move.
    """
    x = np.asarray(loss, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        if contract is Contract.LINEAR:
            move = np.log1p(-x) if side is Side.LONG else np.log1p(x)
        else:
            move = -np.log1p(x) if side is Side.LONG else -np.log1p(-x)
    return np.where(np.isnan(move), -side.sign * np.inf, move)
