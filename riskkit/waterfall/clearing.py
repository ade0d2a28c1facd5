"""Losses between pools that hold each other's receipts: Eisenberg and Noe's clearing payments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cleared:
    """What pools pay each other.

    Attributes
    ----------
    paid : ndarray (pools,)
        Of what each owes.
    owed : ndarray (pools,)
    """

    paid: Array
    owed: Array

    @property
    def missing(self) -> Array:
        """What each cannot pay."""
        return np.asarray(self.owed - self.paid)


def clear(liabilities: npt.ArrayLike, own: npt.ArrayLike) -> Cleared:
    """The largest payments with ``p = min(owed, own + what others pay)`` (2001).

    Parameters
    ----------
    liabilities : array_like (pools, pools)
        What each row owes to each column.
    own : array_like (pools,)
        What each has outside.

    Raises
    ------
    InputError
        For negative liabilities, or a table that is not square.
    """
    owes = np.asarray(liabilities, dtype=np.float64)
    has = np.asarray(own, dtype=np.float64)
    if owes.ndim != 2 or owes.shape != (has.size, has.size) or (owes < 0.0).any():
        raise InputError(
            "liabilities",
            owes.shape,
            "must be a square table of amounts not below 0, one row and column a pool",
            "Give what each row owes to each column",
        )
    owed = owes.sum(axis=1)
    share = np.divide(owes, owed[:, None], out=np.zeros_like(owes), where=owed[:, None] > 0.0)
    paid = owed.copy()
    # each round finds at least one more that defaults, so that rounds are no more than pools
    short = np.zeros(has.size, dtype=bool)
    for _ in range(has.size):
        more = has + share.T @ paid < paid - 1e-15 * (1.0 + paid)
        if not (more & ~short).any():
            break
        short |= more
        # those in default pay what they have and get; the others what they owe
        a = np.eye(has.size)[short][:, short] - share.T[short][:, short]
        b = has[short] + share.T[short][:, ~short] @ owed[~short]
        paid[short] = np.minimum(np.maximum(np.linalg.solve(a, b), 0.0), owed[short])
    return Cleared(paid, owed)
