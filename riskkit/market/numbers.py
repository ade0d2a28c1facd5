"""Numbers as files write them: which sign stands before the decimals is told by evidence."""

from __future__ import annotations

import pandas as pd

from riskkit.errors import DataError

_THREE = r"\d{1,3}"
# What only one convention can have written.
_POINT_ONLY = (
    rf"[+-]?{_THREE}(?:,\d{{3}})+\.\d+|[+-]?{_THREE}(?:,\d{{3}}){{2,}}"
    r"|[+-]?\d*\.(?:\d{1,2}|\d{4,})|[+-]?\d{4,}\.\d+|[+-]?0?\.\d+"
)
_COMMA_ONLY = (
    rf"[+-]?{_THREE}(?:\.\d{{3}})+,\d+|[+-]?{_THREE}(?:\.\d{{3}}){{2,}}"
    r"|[+-]?\d*,(?:\d{1,2}|\d{4,})|[+-]?\d{4,},\d+|[+-]?0?,\d+"
)
_GROUPED = {
    ".": rf"[+-]?(?:{_THREE}(?:,\d{{3}})*|\d+)(?:\.\d*)?(?:[eE][+-]?\d+)?",
    ",": rf"[+-]?(?:{_THREE}(?:\.\d{{3}})*|\d+)(?:,\d*)?(?:[eE][+-]?\d+)?",
}


def plain_numbers(table: pd.DataFrame, decimal: str | None = None) -> pd.DataFrame:
    """Rewrite text columns that hold commas as numbers with a decimal point.

    A comma is the decimal sign, or groups thousands: one convention for the whole table, by what
    only one of them can have written (``3,16``, ``1.234,5``; ``1,234.5``, ``1,234,567``). Numbers
    that both could have written, and only such, are asked about.

    Parameters
    ----------
    table : DataFrame
        Columns of prices and volume as read.
    decimal : "." or ",", optional
        The sign, where the user says it.

    Raises
    ------
    DataError
        If both conventions are there, or nothing tells them apart.
    """
    if decimal not in (None, ".", ","):
        raise DataError("decimal", decimal, "must be '.' or ','", "Give one of the two")
    texts = {
        name: table[name].astype("str").str.strip()
        for name in table.columns
        if not pd.api.types.is_numeric_dtype(table[name].dtype)
    }
    if not any(text.str.contains(",", regex=False).any() for text in texts.values()):
        return table
    sign = decimal or _sign(table, texts)
    out = table.copy()
    for name, text in texts.items():
        good = text.str.fullmatch(_GROUPED[sign]).fillna(value=False).astype(bool)
        group = "," if sign == "." else "."
        clean = text.str.replace(group, "", regex=False).str.replace(sign, ".", regex=False)
        # Read as read_csv reads it; what is no number stays as it stands, to be named.
        out[name] = clean.where(good, table[name].astype("object"))
    return out


def _sign(table: pd.DataFrame, texts: dict[str, pd.Series]) -> str:
    seen: dict[str, str] = {}
    for name, text in texts.items():
        for sign, pattern in ((".", _POINT_ONLY), (",", _COMMA_ONLY)):
            hit = text[text.str.fullmatch(pattern).fillna(value=False).astype(bool)]
            if len(hit) and sign not in seen:
                seen[sign] = f"{name} = {hit.iloc[0]!r}"
    for name in table.columns.difference(list(texts)):
        value = pd.to_numeric(table[name], errors="coerce").dropna()
        if "." not in seen and (value % 1 != 0).any():
            seen["."] = f"{name} = {value[value % 1 != 0].iloc[0]!r}"
    if len(seen) == 1:
        return next(iter(seen))
    found = " and ".join(seen.values())
    if not seen:
        name, text = next((n, t) for n, t in texts.items() if t.str.contains(",").any())
        found = f"{name} = {text[text.str.contains(',')].iloc[0]!r}"
    raise DataError(
        "prices",
        found,
        "one sign must stand before the decimals throughout"
        if seen
        else "a comma may stand before decimals or between thousands; nothing in the file tells",
        "Correct the rows"
        if seen
        else "Say it with --decimal , or --decimal . (decimal in a study), or export with a "
        "decimal point and no groups",
    )
