"""Names under which people and vendors keep the columns of price tables."""

from __future__ import annotations

import re

TIME_NAMES = (
    "time", "timeOpen", "timestamp", "date", "datetime", "ts", "open_time", "start_time",
    "startTimeMs", "openTimeMs", "timestampMs", "unix", "unix_timestamp", "snapped_at",
    "date_time", "time_utc", "datetime_utc", "period_start", "t",
)  # fmt: skip
CLOSE_NAMES = (
    "close", "price", "last", "adj close", "settle", "value", "close_price", "closing_price",
    "close/last", "close price adjusted for splits", "c",
)  # fmt: skip
OPTIONAL_NAMES = {
    "open": ("open", "open_price", "o"),
    "high": ("high", "high_price", "max", "h"),
    "low": ("low", "low_price", "min", "l"),
    "volume": ("volume", "vol", "base_volume", "volume_btc", "total_volume", "v"),
}
_TWICE = re.compile(r"^(close)\s+close price.*$|^(adj close)\s+adjusted.*$")


def plain(name: object) -> str:
    """A column's name in small letters and figures only: ``"Open_Time"`` → ``opentime``.

    A table copied from a page repeats a name's explanation (``Close Close price adjusted …``).
    """
    text = str(name).strip().lower()
    twice = _TWICE.match(text)
    if twice:
        text = twice.group(1) or twice.group(2)
    return re.sub(r"[^a-z0-9]", "", text)


_BY_ROLE = {
    "time": TIME_NAMES,
    "close": CLOSE_NAMES,
    **OPTIONAL_NAMES,
}
_PLAIN = {role: tuple(plain(n) for n in names) for role, names in _BY_ROLE.items()}


def plain_names(role: str) -> tuple[str, ...]:
    """The plain names of a role (``time``, ``close``, ``open`` …), the preferred one first."""
    return _PLAIN[role]


def known_name(name: object, role: str) -> bool:
    """Whether a column's name is one of a role's."""
    return plain(name) in _PLAIN[role]
