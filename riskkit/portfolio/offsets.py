"""An offset table: credits that opposite positions earn, calibrated on what spreads lost.

A credit for long i against short j, at equal margins of the two, is 1 - tail of the spread over the
sum of the legs' tails. The table holds a share (80 %) of its 5 % quantile along history, the
smaller of both directions, so that one number serves either. Credits are taken by priority, the
largest first, and margin that one credit has consumed earns no other.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal

import numpy as np
import numpy.typing as npt

from riskkit.errors import DataError, InputError
from riskkit.reading import split_rows

Array = npt.NDArray[np.float64]

QUANTILE, SHARE = 0.05, 0.8
STEP = Decimal("0.01")
HEADER = ("priority", "asset", "other", "credit")


@dataclass(frozen=True)
class OffsetTable:
    """Credits of pairs of assets, by priority.

    Attributes
    ----------
    names : tuple of str
    credits : ndarray (N, N)
        Symmetric, zeros on the diagonal; fractions of the two margins that are matched.
    evidence : str
        What they were calibrated on.
    """

    names: tuple[str, ...]
    credits: Array = field(repr=False)
    evidence: str = ""

    def __post_init__(self) -> None:
        size = len(self.names)
        good = self.credits.shape == (size, size) and np.isfinite(self.credits).all()
        good = good and ((self.credits >= 0.0) & (self.credits < 1.0)).all()
        if not good or not np.array_equal(self.credits, self.credits.T):
            raise InputError(
                "credits",
                f"shape {self.credits.shape}",
                "must be a symmetric matrix of fractions in [0, 1), one row for each asset",
                "Calibrate them with offset_credits",
            )

    @property
    def order(self) -> tuple[tuple[int, int], ...]:
        """Pairs that earn a credit, the largest first; equal ones in the order of the assets."""
        size = len(self.names)
        pairs = [(i, j) for i in range(size) for j in range(i) if self.credits[i, j] > 0.0]
        return tuple(sorted(pairs, key=lambda p: (-self.credits[p], p)))

    def margins(self, exposures: Array, legs: Array) -> Array:
        """Margins of accounts under the table: ndarray (A,).

        Never above the sum of the legs and never below half of it.

        Parameters
        ----------
        exposures : ndarray (A, N)
        legs : ndarray (A, N)
            What each leg needs alone.
        """
        left, sign = legs.copy(), np.sign(exposures)
        credit = np.zeros(len(legs))
        for i, j in self.order:
            opposite = sign[:, i] * sign[:, j] < 0.0
            matched = np.where(opposite, np.minimum(left[:, i], left[:, j]), 0.0)
            credit += 2.0 * self.credits[i, j] * matched
            left[:, i] -= matched
            left[:, j] -= matched
        return np.asarray(legs.sum(axis=1) - credit)

    def rounded(self, step: Decimal = STEP) -> OffsetTable:
        """Credits rounded down to whole steps: no account is asked less than before."""
        found = np.zeros_like(self.credits)
        for i in range(len(self.names)):
            for j in range(i):
                steps = (Decimal(repr(float(self.credits[i, j]))) / step).to_integral_value(
                    ROUND_FLOOR
                )
                found[i, j] = found[j, i] = float(steps * step)
        return OffsetTable(self.names, found, self.evidence)

    def text(self) -> str:
        """The table as a venue publishes it: CSV by priority."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(HEADER)
        for rank, (i, j) in enumerate(self.order, start=1):
            writer.writerow([rank, self.names[j], self.names[i], repr(float(self.credits[i, j]))])
        return out.getvalue()

    @classmethod
    def read(cls, text: str, names: Sequence[str]) -> OffsetTable:
        """A published table, for assets in an order; pairs that it does not name earn nothing.

        Raises
        ------
        DataError
            For rows that are none, an unknown asset, or a pair named twice.
        """
        try:
            rows = split_rows(text)
        except ValueError as error:
            rule = f"must be a CSV that can be read ({error})"
            raise DataError("offset table", "text", rule, "Export it again") from None
        header = rows[0][1] if rows else []
        if tuple(header) != HEADER:
            rule = f"must begin with {','.join(HEADER)}"
            raise DataError("offset table", header or "nothing", rule, "Export it again")
        found = np.zeros((len(names), len(names)))
        for line, row in rows[1:]:
            try:
                _, one, other, credit = row
                i, j, value = names.index(one), names.index(other), float(credit)
            except ValueError:
                rule = f"must name two of {', '.join(names)} and a credit"
                raise DataError("offset table", f"line {line}", rule, "Correct it") from None
            if i == j or found[i, j] or not 0.0 < value < 1.0:
                rule = "must name two assets, once, with a credit in (0, 1)"
                raise DataError("offset table", f"line {line}", rule, "Correct it")
            found[i, j] = found[j, i] = value
        return cls(tuple(names), found)


def offset_credits(
    names: Sequence[str],
    long: Array,
    short: Array,
    spread: Array,
    *,
    quantile: float = QUANTILE,
    share: float = SHARE,
) -> OffsetTable:
    """Calibrate a table on tails along history.

    Parameters
    ----------
    long, short : ndarray (T, N)
        Tail of one unit of each asset.
    spread : ndarray (T, N, N)
        Tail of a half unit long of the row's asset against a half unit short of the column's.
    quantile, share : float
        Of the credits along history, and of that quantile.
    """
    alone = 0.5 * (long[:, :, None] + short[:, None, :])
    earned = np.quantile(1.0 - spread / alone, quantile, axis=0)
    both = share * np.minimum(earned, earned.T)
    np.fill_diagonal(both, 0.0)
    words = f"{share:.0%} of the {quantile:.0%} quantile over {len(long):,} origins"
    return OffsetTable(tuple(names), np.clip(both, 0.0, 0.99), words)
