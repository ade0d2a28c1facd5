"""What a price table must satisfy before it becomes a history, and what a policy may drop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskkit.errors import DataError

if TYPE_CHECKING:
    import pandera.pandas as pa

PRICE_COLUMNS = ("open", "high", "low", "close")


class InvalidRows(StrEnum):
    """What to do with rows that cannot be prices: refuse the file, or drop and name them."""

    RAISE = "raise"
    DROP = "drop"


@dataclass(frozen=True)
class Checked:
    """Rows that passed, sorted by time, and the rows left out with their reasons."""

    bars: pd.DataFrame
    dropped: tuple[tuple[str, str], ...]
    reordered: int


@dataclass(frozen=True)
class RowLabels:
    """How the user finds each row, ``"line 7 (2020-03-12)"``, written only for rows to be named.

    Attributes
    ----------
    stamps : Series
        As read, indexed like the table: by the row's place in the file.
    lines : callable, optional
        Gives the file's line number of each row; without it, rows are named by their stamp.
    """

    stamps: pd.Series
    lines: Callable[[], Sequence[int]] | None = None

    def of(self, rows: pd.Series) -> list[str]:
        """Labels of the rows that are true in ``rows``."""
        if not rows.any():
            return []
        text = self.stamps[rows].astype("object").where(self.stamps[rows].notna(), "blank")
        text = text.map(_words_of)
        numbers = [] if self.lines is None else self.lines()
        if len(numbers) != len(self.stamps):  # a quoted field may hold a line break
            return [f"row {stamp}" for stamp in text]
        # The table may stand in reverse: its index still counts the file's rows.
        return [f"line {numbers[i]} ({stamp})" for i, stamp in text.items()]  # type: ignore[call-overload]


def _words_of(stamp: object) -> str:
    try:
        return str(stamp)
    except (ValueError, NotImplementedError):  # a year that Python's own dates do not know
        return "a date out of all calendars"


@cache
def bars_schema() -> pa.DataFrameSchema:
    """Schema of validated bars: increasing UTC microsecond stamps, finite positive prices."""
    import pandera.pandas as pa  # half a second that `import riskkit` should not pay

    price = pa.Column(float, [pa.Check.gt(0.0), pa.Check.lt(float("inf"))], required=False)
    return pa.DataFrameSchema(
        {
            "open": price,
            "high": price,
            "low": price,
            "close": pa.Column(float, [pa.Check.gt(0.0), pa.Check.lt(float("inf"))]),
            "volume": pa.Column(float, pa.Check.ge(0.0), required=False, nullable=True),
        },
        index=pa.Index(
            "datetime64[us, UTC]",
            pa.Check(lambda s: s.is_monotonic_increasing, error="must increase"),
            unique=True,
            name="time",
        ),
        strict=True,
    )


def fits_schema(bars: pd.DataFrame) -> bool:
    """Whether `bars_schema` accepts the bars, found without loading pandera.

    Rows are checked one by one before, so that this is true of every file that is read: loading
    a validator to be told so took longer than reading a year of hours.
    """
    if bars.index.dtype != "datetime64[us, UTC]" or bars.index.name != "time":
        return False
    if not (bars.index.is_monotonic_increasing and bars.index.is_unique):
        return False
    if "close" not in bars.columns or not set(bars.columns) <= {*PRICE_COLUMNS, "volume"}:
        return False
    if not bars.columns.is_unique or not (bars.dtypes == "float64").all():
        return False
    prices = bars[[c for c in PRICE_COLUMNS if c in bars.columns]].to_numpy()
    volume = bars["volume"].to_numpy() if "volume" in bars.columns else np.empty(0)
    return bool(np.isfinite(prices).all() and (prices > 0.0).all() and not (volume < 0.0).any())


def check_rows(
    table: pd.DataFrame,
    times: pd.Series,
    zones: pd.Series,
    labels: RowLabels,
    policy: InvalidRows,
    exclude_rows: tuple[str, ...] = (),
) -> Checked:
    """Check every row, and raise or drop by ``policy``.

    Parameters
    ----------
    table : DataFrame
        Columns ``close[, open, high, low, volume]`` as read, any dtype.
    times, zones : Series
        As `parse_stamps` returns them.
    labels : RowLabels
        How the user finds each row.
    exclude_rows : tuple of str
        Stamps to leave out by name; each must exist.
    """
    numbers = table.apply(pd.to_numeric, errors="coerce").astype("float64")
    named = _named_rows(times, exclude_rows)
    dropped = [(label, "named in exclude_rows") for label in labels.of(named)]
    keep = ~named
    for reason, rule, remedy, column, bad in _problems(table, numbers, times, zones):
        bad = bad & keep
        if not bad.any():
            continue
        if policy is InvalidRows.RAISE:
            rows = labels.of(bad)
            first = zip(rows[:5], bad[bad].index, strict=False)
            shown = "; ".join(_show(label, column, table, i) for label, i in first)
            more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
            raise DataError(column, shown + more, rule, remedy, rows=tuple(rows))
        dropped += [(label, reason) for label in labels.of(bad)]
        keep &= ~bad
    backwards = times[keep].diff() < pd.Timedelta(0)
    if backwards.any() and policy is InvalidRows.RAISE:
        rows = labels.of(backwards.reindex(keep.index, fill_value=False))
        raise DataError(
            "time",
            "; ".join(rows[:5]) + (f" and {len(rows) - 5} more" if len(rows) > 5 else ""),
            "stamps must increase from row to row",
            "Sort the file by time, or load it with invalid_rows='drop', which sorts it",
            rows=tuple(rows),
        )
    bars = numbers[keep].set_index(pd.DatetimeIndex(times[keep], name="time"))
    bars = bars.sort_index(kind="stable")
    if not fits_schema(bars):
        bars = bars_schema().validate(bars)  # which says what is wrong
    return Checked(bars, tuple(dropped), int(backwards.sum()))


def _problems(
    table: pd.DataFrame, numbers: pd.DataFrame, times: pd.Series, zones: pd.Series
) -> list[tuple[str, str, str, str, pd.Series]]:
    """Reason, rule, remedy, column and offending rows of each check, in the order applied."""
    drop = "or load with invalid_rows='drop', which drops and names such rows"
    found = [
        (
            "unreadable stamp",
            "every stamp must be an ISO 8601 time, or a Unix time of 1980 to 2100",
            f"Correct the rows (Excel serial dates: format them as YYYY-MM-DD), {drop}",
            "time",
            times.isna(),
        )
    ]
    kinds = zones[times.notna()].unique()
    if len(kinds) > 1:
        odd = zones != zones.mode().iloc[0] if "" not in kinds else zones == ""
        found.append(
            (
                "no time zone among rows that carry one"
                if "" in kinds
                else "another offset than most rows",
                f"all stamps must be in one time zone (found {', '.join(map(repr, kinds))})",
                f"Write every stamp in UTC, {drop}",
                "time",
                odd & times.notna(),
            )
        )
    for column in [c for c in PRICE_COLUMNS if c in numbers.columns]:
        value = numbers[column]
        text = value.isna() & table[column].notna()
        text[text] = table.loc[text, column].astype("str") != "nan"
        for reason, rule, bad in (
            ("text where a price was due", "every price must be a number", text),
            ("missing price", "every price must be there", value.isna()),
            ("price not above zero", "every price must be above zero", value <= 0.0),
            ("infinite price", "every price must be finite", value == float("inf")),
        ):
            found.append((reason, rule, f"Correct the rows, {drop}", column, bad))
    if "volume" in numbers.columns:
        negative = numbers["volume"] < 0.0
        rule = "volume must not be negative"
        found.append((rule, rule, f"Correct the rows, {drop}", "volume", negative))
    found.append(
        (
            "stamp seen before",
            "every stamp may appear once",
            f"Remove the duplicates, {drop} (the first row of a stamp stays)",
            "time",
            times.duplicated() & times.notna(),
        )
    )
    return found


def _named_rows(times: pd.Series, exclude_rows: tuple[str, ...]) -> pd.Series:
    named = pd.Series(data=False, index=times.index)
    for text in exclude_rows:
        stamp = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
        hit = times == stamp
        if not hit.any():
            raise DataError(
                "exclude_rows",
                text,
                "must name the stamp of a row that is in the file",
                "Copy the stamp from the quality report, for example '2020-03-12'",
            )
        named |= hit
    return named


def _show(label: str, column: str, table: pd.DataFrame, row: object) -> str:
    if column == "time":
        return label
    value = table.loc[row, column]  # type: ignore[index]
    return f"{label}: {column} = {getattr(value, 'item', lambda: value)()!r}"
