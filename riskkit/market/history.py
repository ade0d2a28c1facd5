"""Price history as a value: bars, where they came from, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pandas as pd

from riskkit.market.calendar import Calendar
from riskkit.market.quality import QualityReport, inspect_quality


@dataclass(frozen=True)
class Provenance:
    """Where a history came from, and which rows were left out of it.

    Attributes
    ----------
    source : str
        What the reader was given: a file name (never a machine's path) or ``"arch.data:sp500"``.
    sha256 : str
        Digest of the bytes read (files), or of the canonical table (series made in memory).
    rows_read : int
    dropped : tuple of (str, str)
        Stamp or line of each row left out, and the reason; empty unless a policy asked for it.
    reordered : int
        Rows that stood before an earlier one and were sorted; 0 unless a policy asked for it.
    closed_by : Timestamp or None
        When the last bar kept by the loader closed: a load with this bound gives the same bars.
    notes : tuple of str
        What was guessed or noticed while reading, in words for the user.
    """

    source: str
    sha256: str
    rows_read: int
    dropped: tuple[tuple[str, str], ...] = ()
    reordered: int = 0
    closed_by: pd.Timestamp | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PriceHistory:
    """Validated prices of one asset.

    Attributes
    ----------
    asset : str
    bars : DataFrame
        Index ``time``: the bar's **open**, ``datetime64[us, UTC]``, strictly increasing. Columns
        ``close``, and where the source has them ``open``, ``high``, ``low``, ``volume``; floats,
        prices finite and positive. Treat as read-only.
    bar : Timedelta
        Length of a bar.
    calendar : Calendar
    bars_per_year : float
        Explicit: 8,760 for hourly bars around the clock, 252 for daily sessions.
    provenance : Provenance
    quality : QualityReport

    Examples
    --------
    >>> import riskkit
    >>> history = riskkit.load_prices("data/eth_usd_daily.csv")
    >>> len(history) == len(history.close)
    True
    """

    asset: str
    bars: pd.DataFrame = field(repr=False)
    bar: pd.Timedelta
    calendar: Calendar
    bars_per_year: float
    provenance: Provenance
    quality: QualityReport = field(repr=False)

    @property
    def close(self) -> pd.Series:
        """Closing prices, indexed by the bar's open."""
        return self.bars["close"]

    @property
    def first(self) -> pd.Timestamp:
        """Open of the first bar."""
        return pd.DatetimeIndex(self.bars.index)[0]

    @property
    def last(self) -> pd.Timestamp:
        """Open of the last bar; its close is known one bar later."""
        return pd.DatetimeIndex(self.bars.index)[-1]

    @property
    def has_extremes(self) -> bool:
        """Whether every bar has a high and a low (a close-only series hides intrabar moves)."""
        return {"high", "low"} <= set(self.bars.columns)

    def __len__(self) -> int:
        return len(self.bars)

    def between(
        self, start: pd.Timestamp | str | None = None, end: pd.Timestamp | str | None = None
    ) -> PriceHistory:
        """The bars opening in ``[start, end]``, with the quality report of that part.

        Provenance (source, digest, dropped rows) stays that of the whole source.
        """
        part = self.bars.loc[start:end]
        return replace(self, bars=part, quality=inspect_quality(part, self.bar, self.calendar))
