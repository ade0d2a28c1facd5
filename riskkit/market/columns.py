"""Recognise the columns and stamps of price tables as people and vendors write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from riskkit.errors import DataError

TIME_NAMES = ("time", "timestamp", "date", "datetime", "ts", "open_time", "open time", "unix")
CLOSE_NAMES = ("close", "price", "last", "adj close", "adj_close", "settle", "value")
OPTIONAL_NAMES = {
    "open": ("open", "open_price"),
    "high": ("high", "high_price", "max"),
    "low": ("low", "low_price", "min"),
    "volume": ("volume", "vol", "base_volume", "volume_btc"),
}
EARLIEST, LATEST = (pd.Timestamp(f"{year}-01-01", tz="UTC") for year in (1980, 2100))
_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")
_EPOCH_UNITS: tuple[tuple[float, Literal["s", "ms", "us", "ns"]], ...] = (
    (1e11, "s"),
    (1e14, "ms"),
    (1e17, "us"),
    (np.inf, "ns"),
)


def recognise_columns(table: pd.DataFrame, price_column: str | None = None) -> pd.DataFrame:
    """Rename the columns to ``time, close[, open, high, low, volume]`` and drop the others.

    Names are matched without regard to case. With several candidates the earlier of
    `TIME_NAMES` and `CLOSE_NAMES` wins; ``price_column`` names the price explicitly.

    Raises
    ------
    DataError
        If no time or no price column is there.
    """
    if isinstance(table.index, pd.DatetimeIndex):
        table = table.reset_index(names=table.index.name or "time")
    by_name = {str(c).strip().lower(): c for c in reversed(list(table.columns))}
    close_names = (price_column.strip().lower(),) if price_column else CLOSE_NAMES
    chosen = {
        "time": _first(by_name, TIME_NAMES, "time", TIME_NAMES, table),
        "close": _first(by_name, close_names, "price", CLOSE_NAMES, table),
    }
    for name, candidates in OPTIONAL_NAMES.items():
        found = next((by_name[c] for c in candidates if c in by_name), None)
        if found is not None and found not in chosen.values():
            chosen[name] = found
    return pd.DataFrame({name: table[column] for name, column in chosen.items()})


def _first(
    by_name: Mapping[str, Any],
    wanted: tuple[str, ...],
    what: str,
    accepted: tuple[str, ...],
    table: pd.DataFrame,
) -> Any:
    for name in wanted:
        if name in by_name:
            return by_name[name]
    if len(table.columns) == 1 and ";" in str(table.columns[0]):
        raise DataError(
            f"{what} column",
            str(table.columns[0]),
            "columns must be separated by commas",
            "Export the file again with commas, and a point in decimals",
        )
    raise DataError(
        f"{what} column",
        ", ".join(map(str, table.columns)) or "no columns",
        f"one column must hold the {what}, under one of the names {', '.join(accepted)}",
        "Rename the column, or check that the first line of the file is its header",
    )


def parse_stamps(stamps: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Parse stamps to UTC.

    Accepted: datetimes; ISO 8601 text; numbers of seconds, milliseconds, microseconds or
    nanoseconds since 1970 (told apart by size); dates as numbers, 20200312.

    Returns
    -------
    times : Series of datetime64[us, UTC]
        ``NaT`` where a stamp cannot be read.
    zones : Series of str
        The offset each stamp carries as written (``""`` for none).
    """
    if isinstance(stamps.dtype, pd.DatetimeTZDtype):
        return _utc(stamps.dt.tz_convert("UTC")), pd.Series("Z", index=stamps.index)
    if pd.api.types.is_datetime64_any_dtype(stamps.dtype):
        return _utc(stamps.dt.tz_localize("UTC")), pd.Series("", index=stamps.index)
    numbers = pd.to_numeric(stamps, errors="coerce")
    if numbers.notna().mean() > 0.5:
        return _from_numbers(numbers), pd.Series("", index=stamps.index)
    text = stamps.astype("str").str.strip()
    # The offset only follows a time of day: "2020-03-12" ends in no "-12" zone.
    has_clock = text.str.contains(":", regex=False)
    zulu = has_clock & text.str.endswith("Z")
    zones = pd.Series(np.where(zulu, "Z", ""), index=text.index, dtype="str")
    other = has_clock & ~zulu
    if other.any():
        found = text[other].str.extract(f"({_OFFSET.pattern})", expand=False)
        zones[other] = found.fillna("")
    times = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    return _utc(times), zones.replace({"+00:00": "Z", "+0000": "Z"})


def _from_numbers(numbers: pd.Series) -> pd.Series:
    readable = numbers.dropna()
    if readable.between(19000101, 21001231).all():
        days = pd.to_datetime(
            numbers.astype("Int64").astype("str"), format="%Y%m%d", utc=True, errors="coerce"
        )
        if days.notna().sum() == len(readable):
            return _utc(days)
    unit = next(u for limit, u in _EPOCH_UNITS if readable.abs().median() < limit)
    times = pd.to_datetime(numbers, unit=unit, utc=True, errors="coerce")
    # Outside these years a number is something else: an Excel serial, a row number.
    return _utc(times.where((times >= EARLIEST) & (times < LATEST)))


def _utc(times: pd.Series) -> pd.Series:
    return times.astype("datetime64[us, UTC]")
