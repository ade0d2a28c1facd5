"""Take a file of prices into the store, so that a series of one's own is kept like any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from riskkit.errors import DataError, InputError
from riskkit.market.calendar import Calendar
from riskkit.market.load import load_prices
from riskkit.market.store import PriceStore, Revision, SeriesKey, SeriesKind, SeriesSource
from riskkit.market.store.key import DAY, FILE
from riskkit.market.tables import Columns
from riskkit.market.validation import InvalidRows

SAME_MARKET = 0.05
"""Two sources of one market differ by far less in most bars; two markets by far more."""


@dataclass(frozen=True)
class Import:
    """What became of a file's rows.

    Attributes
    ----------
    key : SeriesKey
        Where they are stored.
    added : int
        Bars new in the store.
    bars : int
        Bars stored now.
    first, last : Timestamp
        First and last stored bar open.
    revisions : tuple of Revision
        Values that the file gives differently from what was stored.
    dropped : tuple of (str, str)
        Rows left out, each with its reason.
    unfinished : int
        Bars that had not closed at the moment of the import: never stored.
    notes : tuple of str
        What was guessed or noticed while reading the file.
    """

    key: SeriesKey
    added: int
    bars: int
    first: pd.Timestamp
    last: pd.Timestamp
    revisions: tuple[Revision, ...]
    dropped: tuple[tuple[str, str], ...]
    unfinished: int
    notes: tuple[str, ...] = ()


def import_prices(
    path: str | Path,
    store: PriceStore | str | Path,
    symbol: str,
    at: pd.Timestamp,
    *,
    bar: str | pd.Timedelta | None = None,
    invalid_rows: InvalidRows | str = InvalidRows.RAISE,
    columns: Columns | None = None,
    accept_revisions: bool = False,
) -> Import:
    """Add a file's bars to the series ``file/SYMBOL/BAR``; import a longer file later to go on.

    Parameters
    ----------
    path : path
        As `riskkit.market.load_prices` reads it. Stored are its open, high, low, close and volume;
        without a volume the series is ``…/1h-ohlc``, with closes only ``…/1h-close``.
    store : PriceStore or path
        See `riskkit.market.store.open_store`.
    symbol : str
        The market, ``SOL/USD``.
    at : Timestamp
        Now, UTC: bars that close later are left out, and revisions carry this moment.
    bar, invalid_rows
        As in `riskkit.market.load_prices`.
    columns : Columns, optional
        What the user says about the file's columns.
    accept_revisions : bool
        Let the store take values that the file has changed; otherwise they are only reported.

    Raises
    ------
    DataError
        If a row cannot be a price, a stamp lies off the grid of bars, or no bar has closed.
    InputError
        If the prices are of trading sessions, most of them are far from what is stored under the
        symbol (another market's file), or the store cannot be written. Nothing is stored then.

    Examples
    --------
    >>> import riskkit
    >>> import pandas as pd, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     day = pd.Timestamp("2024-12-31", tz="UTC")
    ...     done = riskkit.import_prices("data/eth_usd_daily.csv", folder, "ETH/USD", day)
    """
    store = store if isinstance(store, PriceStore) else PriceStore(Path(store))
    try:
        invalid_rows = InvalidRows(invalid_rows)
    except ValueError:
        rule = f"must be one of {', '.join(known.value for known in InvalidRows)}"
        raise InputError("invalid_rows", invalid_rows, rule, "Choose one") from None
    history = load_prices(
        path,
        asset=symbol,
        bar=bar,
        invalid_rows=invalid_rows,
        columns=columns,
    )
    if history.calendar is not Calendar.ALWAYS:
        raise InputError(
            "path",
            Path(path).name,
            "the store keeps markets that are open around the clock; this file has weekdays only",
            "Name the file itself in the study: prices = 'FILE'",
        )
    key = SeriesKey.of(FILE, symbol, history.bar, _kind(history.bars))
    rows = history.bars[list(key.kind.columns)].reset_index()
    _check_grid(rows["time"], history.bar)
    closed = rows[rows["time"] + history.bar <= at]
    if closed.empty:
        raise DataError(
            "prices",
            f"{len(rows):,} bars from {rows['time'].iloc[0].isoformat()}",
            f"at least one bar must have closed by {at.isoformat()}",
            "Check the stamps, and the clock of this machine",
        )
    if not accept_revisions:
        _check_same_market(store, key, closed, Path(path).name)
    source = SeriesSource(client=f"{Path(path).name}, sha256 {history.provenance.sha256}")
    store.create(key, symbol, source, closed["time"].iloc[0])
    commit = store.append(key, closed, at, accept_revisions=accept_revisions)
    manifest = store.seal(key, at)
    parts = manifest.parts  # in order of time
    return Import(
        key,
        commit.added,
        manifest.bars,
        pd.Timestamp(parts[0].first),
        pd.Timestamp(max(part.last for part in parts)),
        commit.revisions,
        history.provenance.dropped,
        len(rows) - len(closed),
        history.provenance.notes,
    )


def _check_same_market(store: PriceStore, key: SeriesKey, rows: pd.DataFrame, name: str) -> None:
    if key not in store.series():
        return
    stored = store.rows(key, rows["time"].iloc[0], rows["time"].iloc[-1])
    shared = rows.merge(stored, on="time", suffixes=("", "_stored"))
    apart = (shared["close"] / shared["close_stored"] - 1.0).abs() > SAME_MARKET
    if apart.sum() * 2 > len(shared):
        raise InputError(
            "symbol",
            f"{key} for {name}",
            f"must be the market stored under that name; {apart.sum():,} of the {len(shared):,} "
            f"bars in both differ by more than {SAME_MARKET:.0%}",
            "Give the file a symbol of its own; if it really replaces the stored series, "
            "accept its revisions",
        )


def _kind(bars: pd.DataFrame) -> SeriesKind:
    if not {"open", "high", "low"} <= set(bars.columns):
        return SeriesKind.CLOSE
    if "volume" not in bars.columns:
        return SeriesKind.OHLC
    missing = bars.index[bars["volume"].isna()]
    if len(missing):
        raise DataError(
            "volume",
            ", ".join(t.isoformat() for t in missing[:5]),
            "must be there in every row of a series that is stored with volume",
            "Fill it in, or remove the column",
            rows=tuple(str(t) for t in missing),
        )
    return SeriesKind.TRADES


def _check_grid(times: pd.Series, bar: pd.Timedelta) -> None:
    off = times[(times - times.dt.normalize()) % bar != DAY * 0]
    if len(off):
        raise DataError(
            "time",
            ", ".join(t.isoformat() for t in off[:5]) + (" and more" if len(off) > 5 else ""),
            "stamps must be bar opens in UTC, counted from midnight",
            "Shift them to the open, or name the file itself in the study: prices = 'FILE'",
            rows=tuple(str(t) for t in off),
        )
