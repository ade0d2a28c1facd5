"""Stamps as people and vendors write them, parsed to UTC."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pandas as pd

from riskkit.errors import DataError

EARLIEST, LATEST = (pd.Timestamp(f"{year}-01-01", tz="UTC") for year in (1980, 2100))
FIRST_TEXT = pd.Timestamp("1900-01-01", tz="UTC")
_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")
_EPOCH_UNITS: tuple[tuple[float, Literal["s", "ms", "us", "ns"]], ...] = (
    (1e11, "s"),
    (1e14, "ms"),
    (1e17, "us"),
    (np.inf, "ns"),
)
_CLOCK = r"(?P<clock>[ T,]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?)?"
_DAY_MONTH_YEAR = rf"(?P<a>\d{{1,2}})(?P<sep>[./-])(?P<b>\d{{1,2}})[./-](?P<y>\d{{4}}){_CLOCK}"
_NAMED_MONTH = (
    (rf"(?P<m>[A-Za-z]{{3,9}})\.? (?P<d>\d{{1,2}}),? (?P<y>\d{{4}}){_CLOCK}", "%d %b %Y"),
    (rf"(?P<d>\d{{1,2}})[ -](?P<m>[A-Za-z]{{3,9}})\.?[ -](?P<y>\d{{4}}){_CLOCK}", "%d %b %Y"),
)
_HALF_DAYS = r"(?P<day>\d{4}-\d{2}-\d{2}) (?P<hour>\d{2})-(?P<half>[AaPp][Mm])"


def parse_stamps(stamps: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Parse stamps to UTC.

    Accepted: datetimes; ISO 8601 text, also with a trailing ``UTC`` or ``GMT``; days with the
    month's name (``Dec 31, 2020``), and days in figures where the file tells day from month;
    numbers of seconds, milliseconds, microseconds or nanoseconds since 1970, each told by its
    size; dates as numbers, 20200312.

    Returns
    -------
    times : Series of datetime64[us, UTC]
        ``NaT`` where a stamp cannot be read.
    zones : Series of str
        The offset each stamp carries as written (``""`` for none).

    Raises
    ------
    DataError
        If day and month cannot be told apart.
    """
    if isinstance(stamps.dtype, pd.DatetimeTZDtype):
        return _of_our_time(stamps.dt.tz_convert("UTC")), pd.Series("Z", index=stamps.index)
    if pd.api.types.is_datetime64_any_dtype(stamps.dtype):
        return _of_our_time(stamps.dt.tz_localize("UTC")), pd.Series("", index=stamps.index)
    numbers = _as_numbers(stamps)
    if numbers.notna().mean() > 0.5:
        return _from_numbers(numbers), pd.Series("", index=stamps.index)
    text = stamps.astype("str").str.strip()
    named = text.str.contains(r"\d ?(?:UTC|GMT)$", regex=True).fillna(value=False).astype(bool)
    text = text.where(~named, text.str.replace(r" ?(?:UTC|GMT)$", "Z", regex=True))
    # The offset only follows a time of day: "2020-03-12" ends in no "-12" zone.
    has_clock = text.str.contains(":", regex=False).fillna(value=False).astype(bool)
    zulu = (has_clock | named) & text.str.endswith("Z").fillna(value=False).astype(bool)
    zones = pd.Series(np.where(zulu, "Z", ""), index=text.index, dtype="str")
    other = has_clock & ~zulu
    if other.any():
        found = text[other].str.extract(f"({_OFFSET.pattern})", expand=False)
        zones[other] = found.fillna("")
    times = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    if times.notna().mean() < 0.5:
        times = _from_words(text.str.removesuffix("Z"))
    return _of_our_time(times), zones.replace({"+00:00": "Z", "+0000": "Z"})


def _of_our_time(times: pd.Series) -> pd.Series:
    """In microseconds UTC, ``NaT`` outside the years in which there are prices."""
    return _utc(times.where((times >= FIRST_TEXT) & (times < LATEST)))


def _as_numbers(stamps: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(stamps.dtype) or pd.api.types.is_timedelta64_dtype(stamps.dtype):
        return pd.Series(np.nan, index=stamps.index)
    try:
        return pd.to_numeric(stamps, errors="coerce")
    except (TypeError, ValueError, OverflowError):  # cells that are lists or tables
        return pd.Series(np.nan, index=stamps.index)


def _from_numbers(numbers: pd.Series) -> pd.Series:
    readable = numbers.dropna()
    if readable.between(19000101, 21001231).all() and (readable % 1 == 0).all():
        days = pd.to_datetime(
            numbers.astype("Int64").astype("str"), format="%Y%m%d", utc=True, errors="coerce"
        )
        if days.notna().sum() == len(readable):
            return _utc(days)
    times = pd.Series(pd.NaT, index=numbers.index, dtype="datetime64[us, UTC]")
    size, above = numbers.abs(), 0.0
    # Each by its own size: exchanges have gone from milli- to microseconds within one file.
    for limit, unit in _EPOCH_UNITS:
        here = (size >= above) & (size < limit)
        above = limit
        if here.any():
            read = pd.to_datetime(numbers[here], unit=unit, utc=True, errors="coerce")
            times[here] = _utc(read)
    # Outside these years a number is something else: an Excel serial, a row number.
    return times.where((times >= EARLIEST) & (times < LATEST))


def _from_words(text: pd.Series) -> pd.Series:
    """Stamps that are not ISO 8601: a month's name, figures in another order, half days."""
    parts = text.str.extract(rf"^{_DAY_MONTH_YEAR}$")
    if parts["a"].notna().mean() >= 0.5:
        return _from_figures(parts)
    for pattern, form in _NAMED_MONTH:
        parts = text.str.extract(rf"^{pattern}$")
        if parts["y"].notna().mean() >= 0.5:
            day = parts["d"] + " " + parts["m"].str[:3] + " " + parts["y"]
            return _with_clock(pd.to_datetime(day, format=form, errors="coerce"), parts["clock"])
    parts = text.str.extract(rf"^{_HALF_DAYS}$")
    joined = parts["day"] + " " + parts["hour"] + " " + parts["half"].str.upper()
    return _utc(pd.to_datetime(joined, format="%Y-%m-%d %I %p", utc=True, errors="coerce"))


def _from_figures(parts: pd.DataFrame) -> pd.Series:
    """``13/12/2020`` or ``12/13/2020``: one number above 12 tells which is the day."""
    first, second = (pd.to_numeric(parts[c], errors="coerce") for c in ("a", "b"))
    day_first, month_first = bool((first > 12).any()), bool((second > 12).any())
    if (parts["sep"].dropna() == ".").all():  # a point is written by those who put the day first
        day_first = True
    if not day_first and not month_first:
        example = parts.dropna(subset="a").iloc[0]
        raise DataError(
            "time",
            f"{example['a']}{example['sep']}{example['b']}{example['sep']}{example['y']}",
            "day and month must be told apart, and no number in the file is above 12",
            "Write the dates as YYYY-MM-DD",
        )
    form = "%d %m %Y" if day_first else "%m %d %Y"
    joined = parts["a"] + " " + parts["b"] + " " + parts["y"]
    return _with_clock(pd.to_datetime(joined, format=form, errors="coerce"), parts["clock"])


def _with_clock(days: pd.Series, clock: pd.Series) -> pd.Series:
    written = clock.notna()
    if not written.any():
        return _utc(days.dt.tz_localize("UTC"))
    text = clock.fillna("00:00").str.strip(" T,").str.upper()
    moment = pd.to_datetime("2000-01-01 " + text, format="mixed", errors="coerce")
    return _utc((days + (moment - pd.Timestamp("2000-01-01"))).dt.tz_localize("UTC"))


def _utc(times: pd.Series) -> pd.Series:
    return times.astype("datetime64[us, UTC]")
