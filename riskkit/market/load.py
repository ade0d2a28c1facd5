"""Load price history from CSV or parquet files, or from a table in memory."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import pandas as pd

from riskkit.errors import DataError
from riskkit.market.calendar import Calendar
from riskkit.market.columns import parse_stamps, recognise_columns
from riskkit.market.history import PriceHistory, Provenance
from riskkit.market.quality import inspect_quality
from riskkit.market.validation import InvalidRows, RowLabels, check_rows
from riskkit.units import bars_per_year, duration, parse_duration

SECOND = pd.Timedelta(seconds=1)
SUFFIXES = (".csv", ".txt", ".gz", ".parquet")


def load_prices(
    path: str | Path,
    *,
    asset: str | None = None,
    bar: str | pd.Timedelta | None = None,
    calendar: Calendar | None = None,
    price_column: str | None = None,
    invalid_rows: InvalidRows = InvalidRows.RAISE,
    exclude_rows: Sequence[str] = (),
) -> PriceHistory:
    """Load a CSV (also gzipped) or parquet file of prices.

    Parameters
    ----------
    path : path
        ``.csv``, ``.csv.gz`` or ``.parquet``. A time column (bar open; ISO dates, Unix
        seconds or milliseconds) and a close are needed; open, high, low and volume are kept.
    asset : str, optional
        Name in every output; the file's stem by default.
    bar : str or Timedelta, optional
        Bar length, ``"1h"``; by default the most frequent distance of two stamps.
    calendar : Calendar, optional
        By default sessions if bars are daily or longer and none falls on a weekend, else 24/7.
    invalid_rows : InvalidRows
        Missing, zero, negative or text prices, unreadable, duplicate, unsorted stamps or mixed
        zones: raise (default), or drop and name in the provenance.
    exclude_rows : sequence of str
        Stamps of rows to leave out by name, such as a proven bad tick.

    Raises
    ------
    DataError
        Naming the offending rows and what to do.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            "path",
            str(path),
            f"must be a file that can be read ({error.strerror})",
            "Check the name and the folder you are in",
        ) from None
    return history_from_table(
        _read_table(path, content),
        asset=asset or path.name.split(".")[0],
        source=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        lines=None if path.suffix == ".parquet" else lambda: _data_lines(path, content),
        bar=bar,
        calendar=calendar,
        price_column=price_column,
        invalid_rows=invalid_rows,
        exclude_rows=exclude_rows,
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
    invalid_rows: InvalidRows = InvalidRows.RAISE,
    exclude_rows: Sequence[str] = (),
) -> PriceHistory:
    """Validate a table of prices into a `PriceHistory`; parameters as in `load_prices`.

    ``sha256`` defaults to the digest of the table written as CSV; ``lines`` gives the
    file's line numbers of the rows, for messages; it is called only if a row must be named.
    """
    if table.empty:
        raise DataError(
            "prices", source, "must hold rows of prices", "Check the file: it has a header only"
        )
    columns = recognise_columns(table, price_column).reset_index(drop=True)
    times, zones = parse_stamps(columns["time"])
    checked = check_rows(
        columns.drop(columns="time"),
        times,
        zones,
        RowLabels(columns["time"], lines),
        invalid_rows,
        tuple(exclude_rows),
    )
    if len(checked.bars) < 2:
        raise DataError(
            "prices",
            f"{len(checked.bars)} usable rows",
            "a history needs at least two bars",
            "Load more rows",
        )
    index = pd.DatetimeIndex(checked.bars.index)
    length = _bar_length(index, bar)
    _refuse_close_stamps(index, length)
    due = calendar or _guess_calendar(index, length)
    if sha256 is None:
        sha256 = hashlib.sha256(table.to_csv().encode()).hexdigest()
    return PriceHistory(
        asset=asset,
        bars=checked.bars,
        bar=length,
        calendar=due,
        bars_per_year=bars_per_year(length, due.days_per_year),
        provenance=Provenance(source, sha256, len(table), checked.dropped, checked.reordered),
        quality=inspect_quality(checked.bars, length, due),
    )


def _read_table(path: Path, content: bytes) -> pd.DataFrame:
    what = f"{path.name} ({len(content):,} bytes)"
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(
            "path",
            path.name,
            f"must end in one of {', '.join(SUFFIXES)}",
            "Export the prices as CSV or parquet",
        )
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(BytesIO(content))
        # The index is never taken from the first column in silence; comment lines are allowed.
        return pd.read_csv(
            BytesIO(content),
            comment="#",
            skipinitialspace=True,
            index_col=False,
            compression="gzip" if path.suffix == ".gz" else None,
        )
    except pd.errors.EmptyDataError:
        raise DataError(
            "prices", what, "must hold a header and rows of prices", "The file is empty"
        ) from None
    except (ValueError, OSError, UnicodeDecodeError) as error:
        raise DataError(
            "prices",
            what,
            f"must be readable as {path.suffix}: {str(error).strip()}",
            "Check the format, or export the prices again as CSV",
        ) from None


def _data_lines(path: Path, content: bytes) -> list[int]:
    """Line numbers of the rows as an editor counts them: comments and blank lines count."""
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    lines = text.decode("utf-8", errors="replace").splitlines()
    filled = [i for i, t in enumerate(lines, 1) if t.strip() and not t.lstrip().startswith("#")]
    return filled[1:]  # the first is the header


def _bar_length(index: pd.DatetimeIndex, bar: str | pd.Timedelta | None) -> pd.Timedelta:
    gaps = pd.Series(index[1:] - index[:-1])
    usual = gaps.mode().iloc[0]
    if bar is None:
        return usual
    length = parse_duration(bar, "bar")
    if gaps.min() < length:
        raise DataError(
            "bar",
            duration(length),
            f"no two stamps may be closer than one bar (found {duration(gaps.min())})",
            f"Give the true bar length, most likely '{duration(usual)}'",
        )
    if gaps.min() > length:
        raise DataError(
            "bar",
            duration(length),
            f"some stamps must lie one bar apart; the closest lie {duration(gaps.min())} apart",
            f"Leave it out, or give '{duration(usual)}'",
        )
    return length


def _refuse_close_stamps(index: pd.DatetimeIndex, bar: pd.Timedelta) -> None:
    """Stamps just before the next bar (23:59:59.999) are closes: every date would be a bar late."""
    short = (-(index - index.normalize())) % bar
    late = (short > pd.Timedelta(0)) & (short <= min(SECOND, bar / 60))
    if late.mean() > 0.5:
        example = index[late][0]
        opened = (example + SECOND).floor(bar) - bar
        raise DataError(
            "time",
            example.isoformat(),
            f"stamps must be bar opens; these lie just before the next bar of {duration(bar)}, "
            "as closing times do",
            f"Use the file's open time, or shift the stamps: that bar opened at {opened}",
        )


def _guess_calendar(index: pd.DatetimeIndex, bar: pd.Timedelta) -> Calendar:
    daily = bar >= pd.Timedelta(days=1)
    spans_weekend = index[-1] - index[0] > pd.Timedelta(days=14)
    weekdays_only = bool((index.day_of_week < 5).all())
    return Calendar.SESSIONS if daily and spans_weekend and weekdays_only else Calendar.ALWAYS
