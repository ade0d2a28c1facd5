"""The best pace of a sale into a linear book: what impact costs against what is still open.

Selling ``x_k`` in bar k costs, against the price without any sale,

    slope * sum_k x_k (sum_{j<k} [p + (1 - p) kept^(k-j)] x_j + x_k / 2)

with the permanent share p and the share ``kept`` of what was eaten that is still missing a bar
later; what is still open after bar k bears the return of the next. Cost plus aversion times
variance is a quadratic form of the slices, and its least under ``sum x = quantity`` is one linear
system: a discrete propagator (Gatheral, 2010). Two limits are known in closed form, and are met:

- nothing is missing a bar later: Almgren and Chriss (2001), whose holdings fall as
  ``sinh(kappa (N - j)) / sinh(kappa N)`` with ``2 (cosh kappa - 1) = aversion sigma^2 / (slope /
  2)``;
- no aversion, a book that refills at a rate: Obizhaeva and Wang (2013), a block at either end and a
  steady rate between, at ``slope quantity^2 / (refill T + 2)`` (`riskkit.venue.working`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BookPace:
    """A linear book that refills.

    Attributes
    ----------
    slope : float
        Log price moved by a unit sold.
    refill_bars : float
        Half-life of the volume eaten, in bars; 0 refills before the next bar, infinite never.
    permanent : float
        Share of a displacement that stays.
    """

    slope: float
    refill_bars: float
    permanent: float = 0.0

    @property
    def kept(self) -> float:
        """Share of what was eaten that is still missing a bar later."""
        return 0.0 if self.refill_bars == 0.0 else math.exp(-math.log(2.0) / self.refill_bars)


def optimal_pace(
    bars: int,
    book: BookPace,
    *,
    quantity: float,
    volatility: float = 0.0,
    aversion: float | None = None,
) -> Array:
    """Shares of a sale, bar by bar, of the least cost and risk together; they sum to 1.

    Parameters
    ----------
    bars : int
        In which it is sold.
    quantity : float
        In money.
    volatility : float
        Of the price over a bar.
    aversion : float, optional
        Money that a unit of variance of money is worth; by default one over the quantity, at which
        a tenth of the position as standard deviation costs a hundredth of it.

    Raises
    ------
    InputError

    Examples
    --------
    >>> flat = BookPace(1e-9, 0.0)
    >>> optimal_pace(4, flat, quantity=1e6).round(3).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    for name, value, least in (
        ("bars", bars, 1),
        ("quantity", quantity, 0.0),
        ("slope", book.slope, 0.0),
    ):
        if not value >= least or not math.isfinite(value) or value == 0:
            raise InputError(name, value, "must be positive and finite", "Correct it")
    if volatility < 0.0 or (aversion is not None and aversion < 0.0):
        rule = "must not be negative"
        raise InputError("volatility, aversion", (volatility, aversion), rule, "0 counts no risk")
    counts = 1.0 / quantity if aversion is None else aversion
    apart = np.abs(np.subtract.outer(np.arange(bars), np.arange(bars)))
    left = book.permanent + (1.0 - book.permanent) * book.kept**apart
    np.fill_diagonal(left, 1.0)
    # holdings after bar k are 1 less what was sold up to it: R = 1 - L x
    sold = np.tril(np.ones((bars, bars)))[:-1]
    risk = 2.0 * counts * volatility**2 / book.slope
    # cost slope q^2 x'Ax / 2, variance q^2 sigma^2 |1 - Lx|^2
    form = left + risk * sold.T @ sold
    pull = risk * sold.sum(axis=0)
    ones = np.ones(bars)
    by_pull, by_ones = np.linalg.solve(form, pull), np.linalg.solve(form, ones)
    shares = by_pull + by_ones * (1.0 - by_pull.sum()) / by_ones.sum()
    # a sale never buys back: none of the kernels here asks for it, but rounding may
    shares = np.maximum(shares, 0.0)
    return np.asarray(shares / shares.sum())
