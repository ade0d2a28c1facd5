"""Load price history from CSV or parquet files, or from a table in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from riskkit.errors import DataError
from riskkit.market.calendar import Calendar
from riskkit.market.columns import recognise_columns
from riskkit.market.grid import (
    DAY,
    bar_length,
    guess_calendar,
    off_grid,
    refuse_close_stamps,
)
from riskkit.market.history import PriceHistory, Provenance
from riskkit.market.numbers import plain_numbers
from riskkit.market.quality import inspect_quality
from riskkit.market.stamps import parse_stamps
from riskkit.market.tables import Columns, read_content, read_table
from riskkit.market.validation import Checked, InvalidRows, RowLabels, check_rows
from riskkit.units import bars_per_year, duration


@dataclass(frozen=True)
class TableSource:
    """Where a table of prices comes from.

    Attributes
    ----------
    asset : str
    name : str
        Of the file or the series, as the provenance names it.
    sha256 : str, optional
        Digest of the bytes; by default that of the table written as CSV.
    lines : callable, optional
        Gives the file's line numbers of the rows; called only if a row must be named.
    dropped : tuple of (row, reason)
        What the reader of the file left out.
    notes : tuple of str
        What it noticed.
    """

    asset: str
    name: str
    sha256: str | None = None
    lines: Callable[[], Sequence[int]] | None = None
    dropped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def load_prices(
    path: str | Path,
    *,
    asset: str | None = None,
    bar: str | pd.Timedelta | None = None,
    calendar: Calendar | None = None,
    columns: Columns | None = None,
    invalid_rows: InvalidRows = InvalidRows.RAISE,
    exclude_rows: Sequence[str] = (),
    closed_by: pd.Timestamp | None = None,
    now: pd.Timestamp | None = None,
) -> PriceHistory:
    """Load a CSV (also gzipped) or parquet file of prices.

    Parameters
    ----------
    path : path
        ``.csv``, ``.txt``, ``.tsv``, also with ``.gz``, or ``.parquet``. A time column (bar
        open) and a close are needed; open, high, low and volume are kept. ``docs/prices.md`` says
        which forms are read.
    asset : str, optional
        Name in every output; the file's stem by default.
    bar : str or Timedelta, optional
        Bar length, ``"1h"``; by default the most frequent distance of two stamps.
    calendar : Calendar, optional
        By default sessions if bars are daily or longer and a day of the week has hardly any, else
        24/7; a guess that is not plain stands in the provenance's notes.
    columns : Columns, optional
        Which columns are the time and the price, and the file's delimiter and decimal sign; found
        by default.
    invalid_rows : InvalidRows
        Missing, zero, negative or text prices, unreadable, duplicate, unsorted stamps or mixed
        zones: raise (default), or drop and name in the provenance.
    exclude_rows : sequence of str
        Stamps of rows to leave out by name, such as a proven bad tick.
    closed_by : Timestamp, optional
        Bars that close later are left out: the provenance of an earlier load gives it, to load the
        same bars again from a file that has grown.
    now : Timestamp, optional
        The moment of reading, UTC, from a caller that knows it: bars that close later are not
        finished and left out, and a bar that opens more than a day later is refused.

    Raises
    ------
    DataError
        Naming the offending rows and what to do.

    Examples
    --------
    >>> import riskkit
    >>> history = riskkit.load_prices("data/eth_usd_daily.csv", asset="ETH/USD")
    >>> history.asset, str(history.bar)
    ('ETH/USD', '1 days 00:00:00')
    """
    path = Path(path)
    content = read_content(path)
    said = columns or Columns()
    read = read_table(path, content, said, drop=invalid_rows is InvalidRows.DROP)
    return history_from_table(
        read.table,
        TableSource(
            asset or path.name.split(".")[0],
            path.name,
            hashlib.sha256(content).hexdigest(),
            read.lines,
            read.dropped,
            read.notes,
        ),
        bar=bar,
        calendar=calendar,
        columns=Columns(decimal=said.decimal) if read.bare else said,
        invalid_rows=invalid_rows,
        exclude_rows=exclude_rows,
        closed_by=closed_by,
        now=now,
    )


def history_from_table(
    table: pd.DataFrame,
    source: TableSource,
    *,
    bar: str | pd.Timedelta | None = None,
    calendar: Calendar | None = None,
    columns: Columns | None = None,
    invalid_rows: InvalidRows = InvalidRows.RAISE,
    exclude_rows: Sequence[str] = (),
    closed_by: pd.Timestamp | None = None,
    now: pd.Timestamp | None = None,
) -> PriceHistory:
    """Validate a table of prices into a `PriceHistory`; parameters as in `load_prices`."""
    said, notes = columns or Columns(), source.notes
    if table.empty:
        raise DataError(
            "prices",
            source.name,
            "must hold rows of prices",
            "Check the file: it has a header only",
        )
    found = recognise_columns(table, said.price, said.time).reset_index(drop=True)
    times, zones = parse_stamps(found["time"])
    stamps = found["time"]
    values = plain_numbers(found.drop(columns="time"), said.decimal)
    if _newest_first(times):
        notes = (*notes, "newest bar first: read in reverse")
        order = found.index[::-1]
        stamps, values, times, zones = stamps[order], values.loc[order], times[order], zones[order]
    checked = check_rows(
        values, times, zones, RowLabels(stamps, source.lines), invalid_rows, tuple(exclude_rows)
    )
    _two_bars(checked.bars)
    length = bar_length(pd.DatetimeIndex(checked.bars.index), bar)
    refuse_close_stamps(pd.DatetimeIndex(checked.bars.index), length)
    checked = _on_grid(checked, length, invalid_rows)
    bars, unfinished = _closed(checked.bars, length, closed_by, now)
    _two_bars(bars)
    index = pd.DatetimeIndex(bars.index)
    due, doubt = (calendar, ()) if calendar is not None else guess_calendar(index, length)
    return PriceHistory(
        asset=source.asset,
        bars=bars,
        bar=length,
        calendar=due,
        bars_per_year=bars_per_year(length, due.days_per_year),
        provenance=Provenance(
            source.name,
            source.sha256 or hashlib.sha256(table.to_csv().encode()).hexdigest(),
            len(table) + len(source.dropped),
            source.dropped + checked.dropped,
            checked.reordered,
            closed_by=index[-1] + length,
            notes=(*notes, *unfinished, *doubt),
        ),
        quality=inspect_quality(bars, length, due),
    )


def _newest_first(times: pd.Series) -> bool:
    """Whether every stamp lies before the one above it, as exchanges list their candles."""
    readable = times.dropna()
    return len(readable) > 2 and bool((readable.diff().iloc[1:] < pd.Timedelta(0)).all())


def _two_bars(bars: pd.DataFrame) -> None:
    if len(bars) < 2:
        raise DataError(
            "prices",
            f"{len(bars)} usable rows",
            "a history needs at least two bars",
            "Load more rows",
        )


def _on_grid(checked: Checked, bar: pd.Timedelta, policy: InvalidRows) -> Checked:
    """The rows whose stamps lie on the grid of the others; the rest is refused, or dropped."""
    index = pd.DatetimeIndex(checked.bars.index)
    off = off_grid(index, bar)
    if not off.any():
        return checked
    rows = tuple(t.isoformat() for t in index[off])
    if policy is InvalidRows.RAISE:
        raise DataError(
            "time",
            ", ".join(rows[:5]) + (f" and {len(rows) - 5} more" if len(rows) > 5 else ""),
            f"stamps must lie on one grid of {duration(bar)}",
            "Correct the rows, or load with invalid_rows='drop', which drops and names such rows",
            rows=rows,
        )
    left = tuple((f"row {row}", "stamp off the grid of the others") for row in rows)
    return Checked(checked.bars[~off], checked.dropped + left, checked.reordered)


def _closed(
    bars: pd.DataFrame,
    bar: pd.Timedelta,
    closed_by: pd.Timestamp | None,
    now: pd.Timestamp | None,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The bars that had closed by the earlier moment, and words on those that have not by now."""
    opens = pd.DatetimeIndex(bars.index)
    if now is not None and opens[-1] > now + DAY:
        ahead = opens[opens > now + DAY]
        raise DataError(
            "time",
            f"{ahead[0].isoformat()}" + (f" and {len(ahead) - 1:,} more" if len(ahead) > 1 else ""),
            "no bar may open after now",
            "Check the stamps and their unit, and the clock of this machine",
            rows=tuple(t.isoformat() for t in ahead),
        )
    if closed_by is not None:
        bars = bars[opens + bar <= closed_by]
        opens = pd.DatetimeIndex(bars.index)
    if now is None or not len(opens) or opens[-1] + bar <= now:
        return bars, ()
    late = opens[opens + bar > now]
    which = (
        f"the bar of {late[0].isoformat()} closes"
        if len(late) == 1
        else (f"{len(late):,} bars from {late[0].isoformat()} close")
    )
    return bars[: len(bars) - len(late)], (f"{which} after now: left out",)
