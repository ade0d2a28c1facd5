"""A venue's own file of positions, or a map of liquidation levels, as a book of accounts.

Columns of positions: ``side`` (long or short), ``size`` (units), and either ``entry`` and
``collateral`` (margin posted) or ``cash``; optional ``account`` (kept as a hash), ``maintenance``
(fraction), ``class`` (trader, hedger, maker) and ``cluster`` (wallets of one owner, kept as a
hash). Columns of levels: ``price``, ``notional``,
``side``.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyarrow.lib import ArrowException

from riskkit.errors import DataError, InputError
from riskkit.reading import read_bytes, read_csv, read_parquet
from riskkit.venue.accounts import AccountBook, AccountClass, book_of, hashed
from riskkit.venue.accounts_made import book_of_levels

Array = npt.NDArray[np.float64]

#: A file beyond this is another file, or is to be split.
MOST_BYTES = 200_000_000
MOST_ACCOUNTS = 2_000_000
COLUMNS = (
    *("side", "size", "entry", "collateral", "cash", "account", "maintenance", "class", "cluster"),
    *("price", "notional", "debt", "threshold", "asset", "quantity", "equity"),
)


def read_positions_book(
    path: str | Path, *, price: float, maintenance: float | None = None
) -> AccountBook:
    """Positions from CSV or parquet, marked at ``price``.

    Parameters
    ----------
    price : float
        Of the positions' moment, in their money.
    maintenance : float, optional
        Of accounts for which the file says none.

    Raises
    ------
    DataError
        For a column that is missing, or rows that hold no position, by their number.
    InputError
        If the file cannot be read.
    """
    return positions_book(read_frame(path, "book.file"), price=price, maintenance=maintenance)


def positions_book(
    frame: pd.DataFrame, *, price: float, maintenance: float | None = None
) -> AccountBook:
    """A table of positions as a book, marked at ``price``; columns as the module says.

    Raises
    ------
    DataError, InputError
    """
    if not (np.isfinite(price) and price > 0.0):
        raise InputError(
            "book.price",
            price,
            "must be a positive price: an account with no price cannot be marked",
            "Give the price of the positions' moment",
        )
    _need(frame, ["side", "size"])
    with_cash = "cash" in frame.columns
    if not with_cash:
        _need(frame, ["entry", "collateral"])
    if frame.empty:
        raise DataError("book.file", "no rows", "must hold a position", "Export it again")
    sign = _signs(frame)
    size = numbers_of(frame, "size", positive=True)
    if with_cash:
        cash = numbers_of(frame, "cash")
    else:
        entry = numbers_of(frame, "entry", positive=True)
        cash = numbers_of(frame, "collateral") - sign * size * entry
    if "maintenance" in frame.columns:
        rate: Array | float = numbers_of(frame, "maintenance")
    elif maintenance is None:
        raise DataError(
            "book.file",
            "no column maintenance",
            "must say each account's maintenance margin, or book.maintenance_fraction one for all",
            "Add either",
        )
    else:
        rate = maintenance
    kind = None
    if "class" in frame.columns:
        names = frame["class"].astype(str).str.lower()
        known = {item.name.lower(): int(item) for item in AccountClass}
        refuse_rows(frame, "class", ~names.isin(known).to_numpy(bool), f"must be one of {[*known]}")
        kind = names.map(known).to_numpy(np.int64)
    owner = frame["account"].astype(str) if "account" in frame.columns else ()
    book = book_of(sign, size * price, cash, rate, kind=kind, owner=owner)
    if "entry" in frame.columns:
        book = replace(book, entry=numbers_of(frame, "entry", positive=True) / price)
    if "cluster" in frame.columns:
        book = replace(book, cluster=hashed(frame["cluster"].astype(str)))
    return book


def read_levels_book(path: str | Path, *, price: float, maintenance: float) -> AccountBook:
    """A map of liquidation levels from CSV or parquet, around ``price``.

    Raises
    ------
    DataError, InputError
    """
    frame = read_frame(path, "book.file")
    _need(frame, ["price", "notional", "side"])
    return book_of_levels(
        numbers_of(frame, "price", positive=True),
        numbers_of(frame, "notional", positive=True),
        _signs(frame),
        price=price,
        maintenance=maintenance,
    )


def read_loans_book(
    path: str | Path, *, price: float, threshold: float | None = None
) -> AccountBook:
    """Loans from CSV or parquet: ``collateral`` (units), ``debt`` (money), and ``threshold``.

    Parameters
    ----------
    price : float
        Of the loans' moment.
    threshold : float, optional
        Of loans for which the file says none.

    Raises
    ------
    DataError, InputError
    """
    frame = read_frame(path, "book.file")
    _need(frame, ["collateral", "debt"])
    if frame.empty:
        raise DataError("book.file", "no rows", "must hold a loan", "Export it again")
    units = numbers_of(frame, "collateral", positive=True)
    debt = numbers_of(frame, "debt", positive=True)
    if "threshold" in frame.columns:
        lt = numbers_of(frame, "threshold", positive=True)
        refuse_rows(frame, "threshold", lt >= 1.0, "must lie below 1: debt over collateral")
    elif threshold is None:
        raise DataError(
            "book.file",
            "no column threshold",
            "must say each loan's liquidation threshold, or book.threshold_fraction one for all",
            "Add either",
        )
    else:
        lt = np.full(len(frame), threshold)
    owner = frame["account"].astype(str) if "account" in frame.columns else ()
    book = book_of(np.ones(len(frame)), units * price, -debt, 1.0 - lt, owner=owner)
    if "cluster" in frame.columns:
        book = replace(book, cluster=hashed(frame["cluster"].astype(str)))
    return book


def read_frame(path: str | Path, argument: str) -> pd.DataFrame:
    """A table from CSV or parquet.

    Raises
    ------
    InputError
        If it cannot be read, or is another file.
    """
    content = io.BytesIO(read_bytes(path, argument, most=MOST_BYTES))
    try:
        if Path(path).suffix == ".parquet":
            frame = read_parquet(content, COLUMNS, most_rows=MOST_ACCOUNTS)
        else:
            frame = read_csv(content, texts=["account"], most_rows=MOST_ACCOUNTS)
    except (OSError, ValueError, ArrowException) as error:
        reason = str(error).splitlines()[0]
        rule = f"must be a readable CSV or parquet file ({reason})"
        raise InputError(argument, str(path), rule, "Export it again") from None
    if len(frame) > MOST_ACCOUNTS:
        rule = f"must hold at most {MOST_ACCOUNTS:,} accounts"
        raise InputError(argument, f"{len(frame):,} rows", rule, "Merge accounts of one owner")
    return frame.reset_index(drop=True)


def _need(frame: pd.DataFrame, names: list[str]) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise DataError(
            "book.file",
            f"no column {missing[0]}",
            "positions need side, size, and entry with collateral, or cash; levels need price, "
            "notional and side; loans need collateral and debt",
            f"Add {', '.join(missing)}; the file has {', '.join(map(str, frame.columns[:8]))}",
        )


def numbers_of(frame: pd.DataFrame, name: str, *, positive: bool = False) -> Array:
    """A column as numbers.

    Raises
    ------
    DataError
        Naming the rows that are none.
    """
    found = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64)
    bad = ~np.isfinite(found) | ((found <= 0.0) if positive else False)
    rule = "must be a positive number" if positive else "must be a number"
    if name == "entry":
        rule += ": an account with no price cannot be marked"
    refuse_rows(frame, name, bad, rule)
    return found


def _signs(frame: pd.DataFrame) -> Array:
    names = frame["side"].astype(str).str.lower()
    refuse_rows(
        frame, "side", ~names.isin(["long", "short"]).to_numpy(bool), "must be long or short"
    )
    return np.where(names == "long", 1.0, -1.0)


def refuse_rows(frame: pd.DataFrame, name: str, bad: npt.NDArray[np.bool_], rule: str) -> None:
    """Refuse rows of a column, by their number.

    Raises
    ------
    DataError
    """
    rows = [int(i) + 1 for i in np.flatnonzero(bad)]
    if rows:
        shown = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
        value = str(frame[name].iloc[rows[0] - 1])
        raise DataError(f"book.{name}", value, rule, f"Correct row {shown} of the file", rows)
