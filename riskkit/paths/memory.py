"""What one side remembers of its own blows: a tail that is thicker just after a loss, on that side.

After a 99 % loss the next bar exceeds on the same side two to three times as often as it should,
and on the other no more often than ever: a symmetric sigma serves one side too little and the other
too much. The own-side semivariance of residuals carries the difference on top of any sigma::

    u[t]   = loss[t] / sigma[t]
    v[t+1] = rho v[t] + (1 - rho) min(2 max(u[t], 0)^2, 30),    v[0] = 1
    s[t]   = sigma[t] sqrt(1 - w + w v[t])

The two constants were chosen on nine hourly and eight five-minute series and held on thirteen other
hourly ones (10 to 25 of 26 sides pass count and independence); they sit in a flat region.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Matrix, Real, Vector, compiled
from riskkit.position import Side

Array = npt.NDArray[np.float64]

BELOW, ABOVE = 0, 1
"""Columns of states: what falls have left, and what rises have."""


@dataclass(frozen=True)
class OwnSideMemory:
    """The constants of the memory.

    Attributes
    ----------
    weight : float
        w, the share of the next bar's variance that follows the own side's past; in (0, 1).
    decay : float
        rho, the share of it that a bar leaves; in [0, 1).
    cap : float
        Largest doubled square that counts.
    """

    weight: float = 0.12
    decay: float = 0.5
    cap: float = 30.0

    def factor(self, state: npt.ArrayLike, bars: int = 1) -> Array:
        """Scale of the tail over the next ``bars`` bars, for states v of any shape.

        Over h bars the weight is w (1 + rho + ... + rho^(h-1)) / h: what a blow leaves is gone
        after a few.
        """
        v = np.asarray(state, dtype=np.float64)
        share = self.weight * float(np.mean(self.decay ** np.arange(bars)))
        return np.asarray(np.sqrt(1.0 - share + share * v))

    def states(self, shocks: npt.ArrayLike) -> Array:
        """The memory of both sides before each bar and after the last, shape (n + 1, 2).

        Parameters
        ----------
        shocks : array_like, shape (n,)
            Residuals of variance 1; falls are negative.
        """
        u = np.ascontiguousarray(shocks, dtype=np.float64)
        out = np.empty((u.size + 1, 2))
        _remember(u, self.decay, self.cap, out)
        return out

    def without(self, shocks: Array, states: Array) -> Array:
        """Shocks (n,) over the factor of their own side, from its states (n, 2) before each."""
        return np.asarray(shocks / self.factor(own(shocks, states)))


def own(values: Array, states: Array) -> Array:
    """The state (n,) of the side on which each of n values lies."""
    return np.where(values < 0.0, states[:, BELOW], states[:, ABOVE])


def column_of(side: Side) -> int:
    """The column of states whose blows hurt a side: a long's losses are falls."""
    return BELOW if side is Side.LONG else ABOVE


@compiled()
def _remember(u: Vector, decay: Real, cap: Real, out: Matrix) -> None:  # pragma: no cover
    """Fill ``out`` (n + 1, 2) with the states of `OwnSideMemory.states`."""
    below, above = 1.0, 1.0
    out[0, 0], out[0, 1] = below, above
    for t in range(u.shape[0]):
        square = min(2.0 * u[t] * u[t], cap)
        fell = u[t] < 0.0
        below = decay * below + (1.0 - decay) * (square if fell else 0.0)
        above = decay * above + (1.0 - decay) * (0.0 if fell else square)
        out[t + 1, 0], out[t + 1, 1] = below, above
