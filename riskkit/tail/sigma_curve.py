"""The one curve in sigma: what is known at a few volatilities, between them and beyond.

For given parameters a tail, a buffer or a ratio depends on the state only through sigma, and
smoothly in its logarithm.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SigmaCurve:
    """Values (m,) at increasing volatilities ``sigma`` (m,), interpolated in log sigma."""

    sigma: Array = field(repr=False)
    values: Array = field(repr=False)

    def constant(self, sigma: npt.ArrayLike) -> Array:
        """The values at volatilities of any shape; beyond the ends those of the ends.

        For ratios and probabilities.
        """
        x = np.log(np.asarray(sigma, dtype=np.float64))
        return np.asarray(np.interp(x, np.log(self.sigma), self.values))

    def proportional(self, sigma: npt.ArrayLike) -> Array:
        """The same, interpolated per unit of sigma: beyond the ends in proportion to it.

        For losses.
        """
        s = np.asarray(sigma, dtype=np.float64)
        return np.asarray(SigmaCurve(self.sigma, self.values / self.sigma).constant(s) * s)


def sigma_nodes(low: float, high: float, nodes: int) -> Array:
    """Volatilities from ``low`` to ``high``, evenly in logs; a range of one is opened a little."""
    return np.geomspace(low, max(high, low * 1.0001), nodes)
