"""Volatilities of several underlyings at once: what their laws leave on a day belongs together.

Where files gave the laws, a scenario takes what they leave on its own row's date, the same day for
every underlying; a row of a day that the files do not know takes one of their days at random.
Stated laws share a factor: no history of several volatilities through a crash is public, so the
correlation of their noise is stated too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.options.law import FEWEST_ROWS, VolatilityLaw

Array = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]

CORRELATION = 0.8


@dataclass(frozen=True)
class JointVolatility:
    """Laws of implied volatility of several underlyings.

    Attributes
    ----------
    laws : tuple of VolatilityLaw
        In the order of the scenarios' underlyings.
    correlation : float
        Of the noise of two stated laws; with a file, of a stated law's noise with what the first
        file leaves.
    """

    laws: tuple[VolatilityLaw, ...]
    correlation: float = CORRELATION

    def __post_init__(self) -> None:
        if not self.laws:
            raise InputError("laws", "none", "must hold one for each underlying", "Give laws")
        if not 0.0 <= self.correlation <= 1.0:
            rule = "must lie in [0, 1]"
            raise InputError("correlation", self.correlation, rule, "0.8 is the default")

    def changes(self, returns: Array, days: float, seed: int, dates: Days | None = None) -> Array:
        """Changes of log IV at 30 days, of every underlying: ndarray (M, N).

        Parameters
        ----------
        returns : ndarray (M, N)
            Log returns over ``days`` days.
        days : float
        seed : int
        dates : ndarray (M, bars) of datetime64, optional
            Of the rows that the returns were drawn from, UTC; without them days of the files are
            drawn at random.

        Noise grows with the root of the days.
        """
        count, size = returns.shape
        noise = np.empty((count, size))
        draw = np.random.Generator(np.random.Philox(seed))
        filed = [n for n, law in enumerate(self.laws) if law.residuals.size]
        if filed:
            table = self._table()
            at = _places(table.index, dates, count, draw)
            drawn = table.to_numpy()[at].sum(axis=1) * math.sqrt(days / at.shape[1])
            noise[:, filed] = drawn
        own = draw.standard_normal((count, size))
        # What stated laws share: what the first file leaves, or a draw of its own.
        share = self.correlation if filed else math.sqrt(self.correlation)
        if filed:
            scale = self.laws[filed[0]].noise * math.sqrt(days)
            common = drawn[:, 0] / scale if scale > 0.0 else np.zeros(count)
        else:
            common = draw.standard_normal(count)
        for n, law in enumerate(self.laws):
            if n in filed:
                continue
            left = own[:, n]
            if size > 1:
                left = share * common + math.sqrt(1.0 - share * share) * left
            noise[:, n] = law.noise * math.sqrt(days) * left
        each = [law.answered(returns[:, n], days, noise[:, n]) for n, law in enumerate(self.laws)]
        return np.column_stack(each)

    def matched(self, dates: Days) -> float:
        """Share of rows whose day every file knows; 0 for stated laws."""
        if not any(law.residuals.size for law in self.laws):
            return 0.0
        return float((self._table().index.get_indexer(_days(dates)) >= 0).mean())

    @property
    def evidence(self) -> str:
        """What the laws rest on, in a line."""
        said = list(dict.fromkeys(law.evidence for law in self.laws))
        if len(self.laws) > 1 and not all(law.residuals.size for law in self.laws):
            said.append(f"correlation of their noise {self.correlation:g}, stated")
        return "; ".join(said)

    def _table(self) -> pd.DataFrame:
        """What the files leave, a row for each day that all of them know."""
        columns = {
            n: pd.Series(law.residuals, index=law.dates)
            for n, law in enumerate(self.laws)
            if law.residuals.size
        }
        table = pd.concat(columns, axis=1, join="inner")
        if len(table) < FEWEST_ROWS:
            raise InputError(
                "volatility files",
                f"{len(table)} days in common",
                f"must share at least {FEWEST_ROWS}",
                "Give files of the same days, or one file for all underlyings",
            )
        return table


def _days(dates: Days) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(dates.ravel()).tz_localize("UTC").normalize()


def _places(
    known: pd.Index, dates: Days | None, count: int, draw: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Row of the files behind each scenario and bar: that of its date, or one at random."""
    if dates is None:
        return np.asarray(draw.integers(0, len(known), (count, 1)))
    at = known.get_indexer(_days(dates)).reshape(dates.shape)
    return np.asarray(np.where(at >= 0, at, draw.integers(0, len(known), dates.shape)))
