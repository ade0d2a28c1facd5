"""Margins of a linear perpetual, per side, as fractions of current notional.

Sources: the identities follow from the definition of the margin ratio, equity over current
notional; see ARCHITECTURE.md for the derivation.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.position import Side

Array = npt.NDArray[np.float64]


def loss_with_oracle_gap(
    tail_loss: npt.ArrayLike, side: Side, oracle_deviation: float = 0.0
) -> Array:
    """Tail loss from the market's true price when the oracle may lag it by a threshold.

    The trigger is seen on the oracle price, up to ``oracle_deviation`` (a fraction) better for the
    position than the market's; the gap compounds with the tail loss.
    """
    _fraction("oracle_deviation", oracle_deviation)
    loss, s = np.asarray(tail_loss, dtype=np.float64), side.sign
    return s * (1.0 - (1.0 - s * oracle_deviation) * (1.0 - s * loss))


def maintenance_margin(
    tail_loss: npt.ArrayLike, side: Side, *, slippage: float, fee: float
) -> Array:
    """Maintenance margin that covers the tail loss and the cost of closing out.

    MM = L + (1 - L)(s + f) for a long, L + (1 + L)(s + f) for a short: slippage and fee are paid
    on the notional at close-out, which is larger for a short that has lost.

    Parameters
    ----------
    tail_loss : array_like
        Simple tail loss L over the margin period of risk; positive.
    slippage, fee : float
        Fractions of the notional at close-out.
    """
    _fraction("slippage", slippage)
    _fraction("fee", fee)
    loss = np.asarray(tail_loss, dtype=np.float64)
    return loss + (1.0 - side.sign * loss) * (slippage + fee)


def initial_margin(maintenance: npt.ArrayLike, excursion: npt.ArrayLike, side: Side) -> Array:
    """Initial margin that leaves its user the reaction time before the trigger.

    IM = MM + E (1 - MM) for a long, MM + E (1 + MM) for a short, with E the quantile of the
    running maximum adverse excursion (simple) over the reaction time.
    """
    mm = np.asarray(maintenance, dtype=np.float64)
    return mm + np.asarray(excursion, dtype=np.float64) * (1.0 - side.sign * mm)


def max_leverage(initial: npt.ArrayLike) -> Array:
    """Highest leverage an initial margin allows: its reciprocal."""
    return 1.0 / np.asarray(initial, dtype=np.float64)


def liquidation_price(
    entry: npt.ArrayLike, initial: npt.ArrayLike, maintenance: npt.ArrayLike, side: Side
) -> Array:
    """Price at which a position opened at ``entry`` with margin IM reaches its maintenance margin.

    P0 (1 - IM)/(1 - MM) for a long, P0 (1 + IM)/(1 + MM) for a short.
    """
    im = np.asarray(initial, dtype=np.float64)
    mm = np.asarray(maintenance, dtype=np.float64)
    if np.any(im <= mm):
        raise InputError(
            "initial",
            float(np.min(im - mm)),
            "initial margin must exceed maintenance margin",
            "With IM = MM a position is liquidated on its first tick",
        )
    s = side.sign
    return np.asarray(entry, dtype=np.float64) * (1.0 - s * im) / (1.0 - s * mm)


def _fraction(name: str, value: float) -> None:
    if not 0.0 <= value < 1.0:
        raise InputError(name, value, "must lie in [0, 1)", "Write 30 bps as 0.003")
