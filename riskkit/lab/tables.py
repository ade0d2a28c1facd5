"""Any table as a person reads it: units, thousands, dates, words."""

from __future__ import annotations

import math
from collections.abc import Collection
from decimal import Decimal
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskkit.units import duration

if TYPE_CHECKING:  # loaded by the tables that are styled; reports have none
    from pandas.io.formats.style import Styler
    from pandas.io.formats.style_render import CSSDict

#: Key of ``DataFrame.attrs`` under which a table names its fractions for `shown`.
FRACTIONS = "fractions"
ABSENT = "–"
#: Characters of a cell that stay on one line.
UNBROKEN = 24


def shown(
    table: pd.DataFrame, *, percent: Collection[str] = (), digits: int | None = None
) -> Styler:
    """A table as a person reads it: units, thousands, dates, one row of headings.

    Parameters
    ----------
    table : DataFrame
        Left as it is. What its ``attrs`` name as fractions is shown in percent too.
    percent : collection of str
        Columns, or rows by their last label, whose numbers are fractions to show in percent.
    digits : int, optional
        Significant digits of other numbers below 10,000, zeros included; by default at most four.
    """
    fractions = {*percent, *table.attrs.get(FRACTIONS, ())}
    labels = _labels(table)
    body = [
        [
            cell_words(value, percent=column in fractions or row in fractions, digits=digits)
            for row, value in zip(labels[-1][1] or [None] * len(table), values, strict=True)
        ]
        for column, values in ((c, table.iloc[:, i]) for i, c in enumerate(table.columns))
    ]
    heads = [(name, [cell_words(v) for v in values]) for name, values in labels if values]
    cells = [*(values for _, values in heads), *body]
    columns = [*(name for name, _ in heads), *table.columns]
    left = [*range(len(heads)), *(len(heads) + i for i in _texts(table))]
    if table.empty:
        cells = [["none" if i == 0 else ""] for i in range(len(columns))]
    words = pd.DataFrame(dict(enumerate(cells)), dtype=object)
    if table.columns.nlevels == 1:
        words.columns = pd.Index([str(name).replace("_", " ") for name in columns])
    else:
        blank = ("",) * (table.columns.nlevels - 1)
        words.columns = pd.MultiIndex.from_tuples(
            [c if isinstance(c, tuple) else (*blank, c) for c in columns]
        )
    rules: list[CSSDict] = [{"selector": f".col{i}", "props": "text-align: left"} for i in left]
    rules += [
        {"selector": f"td.col{i}", "props": "white-space: nowrap"}
        for i, texts in enumerate(cells)
        if max(map(len, texts)) <= UNBROKEN
    ]
    return words.style.hide(axis="index").set_table_styles(rules)


def cell_words(value: object, *, percent: bool = False, digits: int | None = None) -> str:
    """One cell in words: a number with its unit, a day, a duration, yes or no."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or ABSENT
    if pd.isna(value):  # type: ignore[call-overload]
        return ABSENT
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}" if value == value.normalize() else f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, pd.Timedelta):
        return duration(value)
    if isinstance(value, Integral):
        return f"{int(value):,}"
    if isinstance(value, float | Decimal):
        return _number(float(value), percent, digits)
    return str(value)


def _number(value: float, percent: bool, digits: int | None) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if percent:
        return f"{value:.2%}"
    if value.is_integer() or (abs(value) >= 1e4 and (digits or 4) <= 5):
        return f"{value:,.0f}"
    return f"{value:,.4g}" if digits is None else f"{value:#,.{digits}g}"


def _labels(table: pd.DataFrame) -> list[tuple[str, list[object]]]:
    """Levels of the index as columns; an index that only counts the rows is none."""
    index = table.index
    if index.nlevels == 1 and index.name is None and pd.api.types.is_integer_dtype(index.dtype):
        return [("", [])]
    return [
        (str(name or ""), list(index.get_level_values(i))) for i, name in enumerate(index.names)
    ]


def _texts(table: pd.DataFrame) -> list[int]:
    """Positions of the columns that hold text, which reads from the left."""
    kinds = [pd.api.types.infer_dtype(table.iloc[:, i], skipna=True) for i in range(table.shape[1])]
    return [i for i, kind in enumerate(kinds) if kind in ("string", "empty")]
