"""Which columns of a price table are its time and prices, by their names or by what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from riskkit.errors import DataError
from riskkit.market.names import CLOSE_NAMES, OPTIONAL_NAMES, TIME_NAMES, plain, plain_names

OHLC = ("open", "high", "low", "close")
AGREE = 0.99
"""Share of rows in which a column must be the highest (lowest) of four to be the high (low)."""
_OPTION = {"time": "--time-column (time_column in a study)",
           "price": "--price-column (price_column in a study)"}  # fmt: skip


def recognise_columns(
    table: pd.DataFrame, price_column: str | None = None, time_column: str | None = None
) -> pd.DataFrame:
    """Rename the columns to ``time, close[, open, high, low, volume]`` and drop the others.

    Names are matched without regard to case, spaces and underscores. With several candidates the
    earlier of `TIME_NAMES` and `CLOSE_NAMES` wins; ``time_column`` and ``price_column`` name
    theirs explicitly.

    Raises
    ------
    DataError
        If no time or no price column is there, or two columns bear the price's name.
    """
    table = indexed(table)
    chosen = choose_columns(table, price_column, time_column)
    taken = {name: table[column] for name, column in chosen.items()}
    twice = [name for name, column in taken.items() if isinstance(column, pd.DataFrame)]
    if twice:
        raise DataError(
            f"{twice[0]} column",
            str(chosen[twice[0]]),
            "a name may stand over one column only",
            "Keep the columns of one market",
        )
    return pd.DataFrame(taken)


def indexed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with an index of times as its first column; other indexes are dropped."""
    if isinstance(table.index, pd.DatetimeIndex):
        return table.reset_index(names=table.index.name or "time")
    return table


def choose_columns(
    table: pd.DataFrame, price_column: str | None = None, time_column: str | None = None
) -> dict[str, Any]:
    """The column of each role that is there; see `recognise_columns`."""
    by_name = {plain(c): c for c in reversed(list(table.columns)) if plain(c)}
    chosen = {
        "time": _named(by_name, time_column, "time", TIME_NAMES, table),
        "close": _named(by_name, price_column, "price", CLOSE_NAMES, table),
    }
    if chosen["time"] == chosen["close"]:
        raise DataError(
            "price column",
            str(chosen["close"]),
            "time and price must be two columns",
            f"Name both: {_OPTION['time']}, {_OPTION['price']}",
        )
    for name in OPTIONAL_NAMES:
        found = next((by_name[c] for c in plain_names(name) if c in by_name), None)
        if found is not None and found not in chosen.values():
            chosen[name] = found
    return chosen


def _named(
    by_name: Mapping[str, Any],
    wanted: str | None,
    what: str,
    accepted: tuple[str, ...],
    table: pd.DataFrame,
) -> Any:
    if wanted is not None:
        exact = [c for c in table.columns if str(c).strip().lower() == wanted.strip().lower()]
        if exact:
            return exact[0]
    else:
        for name in plain_names("time" if what == "time" else "close"):
            if name in by_name:
                return by_name[name]
    rule = (
        f"one column must hold the {what}, under one of the names {', '.join(accepted)}"
        if wanted is None
        else f"must have the column {wanted!r}"
    )
    raise DataError(
        f"{what} column",
        ", ".join(map(str, table.columns)) or "no columns",
        rule,
        f"Name it with {_OPTION[what]}, or check that the first line of the file is its header",
    )


def name_bare_columns(
    table: pd.DataFrame, price_column: str | None = None, time_column: str | None = None
) -> pd.DataFrame:
    """Name the columns of a table without a header, as exchanges hand out candles.

    The first column is the time. With two, the second is the close. With five or more, the next
    four are open, high, low and close in the order in which they behave so: the high is the
    highest of the four in every row, the low the lowest, and a close lies nearest to the next
    open. The sixth is the volume.

    Raises
    ------
    DataError
        If the columns do not say what they are: name them by their number, from 1.
    """
    columns = [str(i + 1) for i in range(table.shape[1])]
    table = table.set_axis(columns, axis=1)
    if price_column is not None or time_column is not None:
        time, price = time_column or "1", price_column or columns[-1]
        for name, what in ((time, "time"), (price, "price")):
            if name not in columns:
                raise DataError(
                    f"{what} column",
                    name,
                    f"must be a column's number, 1 to {len(columns)}: the file has no header",
                    f"Give {_OPTION[what].split(' ')[0]} a number",
                )
        return table.rename(columns={time: "time", price: "close"})[["time", "close"]]
    if len(columns) == 2:
        return table.set_axis(["time", "close"], axis=1)
    roles = _candle_roles(table.iloc[:, 1:5].apply(pd.to_numeric, errors="coerce"))
    if roles is None:
        raise DataError(
            "price column",
            f"{len(columns)} columns without a header",
            "must say which is the price: none is the highest, and none the lowest, of columns 2 "
            "to 5 throughout",
            f"Give its number, counted from 1: {_OPTION['price']}",
        )
    names = {"1": "time", **{str(i + 2): role for i, role in enumerate(roles)}}
    if len(columns) > 5:
        names["6"] = "volume"
    return table[list(names)].rename(columns=names)


def _candle_roles(four: pd.DataFrame) -> tuple[str, ...] | None:
    if four.shape[1] < 4 or len(four) < 2:
        return None
    values = four.to_numpy(dtype=np.float64)
    top, bottom = values.max(axis=1, keepdims=True), values.min(axis=1, keepdims=True)
    highest = np.flatnonzero((values == top).mean(axis=0) >= AGREE)
    lowest = np.flatnonzero((values == bottom).mean(axis=0) >= AGREE)
    if len(highest) != 1 or len(lowest) != 1 or highest[0] == lowest[0]:
        return None
    high, low = int(highest[0]), int(lowest[0])
    a, b = (i for i in range(4) if i not in (high, low))
    # The bar's close is where the next one opens, nearly: which order leaves the smaller gaps?
    first_opens = np.abs(values[1:, a] - values[:-1, b]).sum()
    second_opens = np.abs(values[1:, b] - values[:-1, a]).sum()
    opens, closes = (a, b) if first_opens <= second_opens else (b, a)
    order = {opens: "open", high: "high", low: "low", closes: "close"}
    return tuple(order[i] for i in range(4))
