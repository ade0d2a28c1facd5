"""Probabilities corrected by their own record: logit p' = a + b logit p, as it was known on each
day.

The two numbers are fitted on days whose outcome had come, each day counting once however many
accounts it has, with a prior at "no correction" (a 0, b 1, standard deviation one half each): sixty
days that say nothing leave the forecast as it is. Platt (1999); Cox (1958) for the two numbers as a
test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: Probabilities of 0 and 1 are brought inside by so much: paths show no impossibility.
EDGE = 2.5e-4
PRIOR = 0.5
STEPS = 50


@dataclass(frozen=True)
class Recalibration:
    """The correction: no correction is ``a`` 0 and ``b`` 1."""

    a: float = 0.0
    b: float = 1.0

    def of(self, probability: npt.ArrayLike) -> Array:
        """Corrected probabilities, of any shape."""
        return np.asarray(1.0 / (1.0 + np.exp(-(self.a + self.b * logit(probability)))))


def logit(probability: npt.ArrayLike) -> Array:
    """Log odds; 0 and 1 brought inside."""
    p = np.clip(np.asarray(probability, dtype=np.float64), EDGE, 1.0 - EDGE)
    return np.asarray(np.log(p / (1.0 - p)))


def fit_recalibration(probability: Array, event: Array) -> Recalibration:
    """The correction of a record, (days, accounts), by Newton's method.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> p = rng.uniform(0.05, 0.3, (2_000, 5))
    >>> found = fit_recalibration(p, (rng.random(p.shape) < 0.5 * p).astype(float))
    >>> bool(abs(float(found.of(0.2)) - 0.1) < 0.01)
    True
    """
    x, y = logit(probability).ravel(), event.ravel()
    weight = 1.0 / probability.shape[1]
    a, b = 0.0, 1.0
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-(a + b * x)))
        miss, curve = weight * (y - p), weight * p * (1.0 - p)
        slope = np.array([miss.sum() - a / PRIOR**2, miss @ x - (b - 1.0) / PRIOR**2])
        form = np.array(
            [
                [curve.sum() + PRIOR**-2, curve @ x],
                [curve @ x, curve @ (x * x) + PRIOR**-2],
            ]
        )
        step = np.linalg.solve(form, slope)
        a, b = a + float(step[0]), b + float(step[1])
        if float(np.abs(step).max()) < 1e-10:
            break
    return Recalibration(a, b)


def recalibrated(
    probability: Array, event: Array, *, lag: int, first: int, every: int
) -> tuple[Array, Recalibration]:
    """Each day's probabilities by the correction known then, and the one known at the end.

    Parameters
    ----------
    probability, event : ndarray (days, accounts)
    lag : int
        Days until an outcome is known.
    first, every : int
        Days before the first correction, and from one to the next.

    Returns
    -------
    tuple
        Probabilities (days - first, accounts) of the days from ``first`` on; the last correction.
    """
    out = np.empty((probability.shape[0] - first, probability.shape[1]))
    for begin in range(first, probability.shape[0], every):
        known = max(begin - lag, 0)
        found = fit_recalibration(probability[:known], event[:known])
        end = min(begin + every, probability.shape[0])
        out[begin - first : end - first] = found.of(probability[begin:end])
    return out, fit_recalibration(probability, event)
