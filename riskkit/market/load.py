"""Load price history from CSV or parquet files, or from a table in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
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


def load_prices(
    path: str | Path,
    *,
    asset: str | None = None,
    bar: str | pd.Timedelta | None = None,
    calendar: Calendar | None = None,
    price_column: str | None = None,
    time_column: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
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
    price_column, time_column : str, optional
        Their names, or numbers from 1 in a file without a header.
    delimiter : str, optional
        Between the columns of a text file: one character, or ``"tab"``. Found by default.
    decimal : "." or ",", optional
        The sign before decimals. Found by default.
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
    """
    path = Path(path)
    content = read_content(path)
    said = Columns(time_column, price_column, delimiter, decimal)
    read = read_table(path, content, said, drop=invalid_rows is InvalidRows.DROP)
    return history_from_table(
        read.table,
        asset=asset or path.name.split(".")[0],
        source=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        lines=read.lines,
        bar=bar,
        calendar=calendar,
        price_column=None if read.bare else price_column,
        time_column=None if read.bare else time_column,
        decimal=decimal,
        invalid_rows=invalid_rows,
        exclude_rows=exclude_rows,
        closed_by=closed_by,
        now=now,
        dropped=read.dropped,
        notes=read.notes,
    )


def history_from_table(
    table: pd.DataFrame,
    *,
    asset: str,
    source: str,
    sha256: str | None = None,
    lines: Callable[[], Sequence[int]] | None = None,
    bar: str | pd.Timedelta | None = None,
    calendar: Calendar | None = None,
    price_column: str | None = None,
    time_column: str | None = None,
    decimal: str | None = None,
    invalid_rows: InvalidRows = InvalidRows.RAISE,
    exclude_rows: Sequence[str] = (),
    closed_by: pd.Timestamp | None = None,
    now: pd.Timestamp | None = None,
    dropped: tuple[tuple[str, str], ...] = (),
    notes: tuple[str, ...] = (),
) -> PriceHistory:
    """Validate a table of prices into a `PriceHistory`; parameters as in `load_prices`.

    ``sha256`` defaults to the digest of the table written as CSV; ``lines`` gives the
    file's line numbers of the rows, for messages; it is called only if a row must be named.
    ``dropped`` and ``notes`` are what the reader of the file left out and noticed.
    """
    if table.empty:
        raise DataError(
            "prices", source, "must hold rows of prices", "Check the file: it has a header only"
        )
    columns = recognise_columns(table, price_column, time_column).reset_index(drop=True)
    times, zones = parse_stamps(columns["time"])
    stamps = columns["time"]
    values = plain_numbers(columns.drop(columns="time"), decimal)
    if _newest_first(times):
        notes = (*notes, "newest bar first: read in reverse")
        order = columns.index[::-1]
        stamps, values, times, zones = stamps[order], values.loc[order], times[order], zones[order]
    checked = check_rows(
        values, times, zones, RowLabels(stamps, lines), invalid_rows, tuple(exclude_rows)
    )
    _two_bars(checked.bars)
    length = bar_length(pd.DatetimeIndex(checked.bars.index), bar)
    refuse_close_stamps(pd.DatetimeIndex(checked.bars.index), length)
    checked = _on_grid(checked, length, invalid_rows)
    bars, unfinished = _closed(checked.bars, length, closed_by, now)
    _two_bars(bars)
    index = pd.DatetimeIndex(bars.index)
    due, doubt = (calendar, ()) if calendar is not None else guess_calendar(index, length)
    if sha256 is None:
        sha256 = hashlib.sha256(table.to_csv().encode()).hexdigest()
    return PriceHistory(
        asset=asset,
        bars=bars,
        bar=length,
        calendar=due,
        bars_per_year=bars_per_year(length, due.days_per_year),
        provenance=Provenance(
            source,
            sha256,
            len(table) + len(dropped),
            dropped + checked.dropped,
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
