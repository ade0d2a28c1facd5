"""Open positions, and which of them a change of parameters would make liquidatable.

A row is one position. A loan is liquidatable when its threshold times the collateral's value is
below its debt; a perpetual when its equity is below the maintenance margin times its notional. Both
are marked at a price that the user gives.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyarrow.lib import ArrowException

from riskkit.errors import DataError, InputError
from riskkit.formats.guardrails import ChangePath, round_toward
from riskkit.reading import MOST_ROWS, read_bytes, read_csv, read_parquet
from riskkit.units import Scale


class PositionKind(StrEnum):
    """Kinds of position, and the parameter that decides over them."""

    LOAN = "liquidation_threshold"
    PERPETUAL = "maintenance_margin"


_NUMBERS = {
    PositionKind.LOAN: ("collateral", "debt"),
    PositionKind.PERPETUAL: ("collateral", "size", "entry"),
}
_KNOWN = {"account", "side"}.union(*_NUMBERS.values())

# A file beyond this is another file, or is to be split.
MAX_BYTES = 24_000_000


@dataclass(frozen=True)
class Positions:
    """Open positions.

    Attributes
    ----------
    kind : PositionKind
    table : DataFrame
        Loans: ``account, collateral`` (units of the collateral), ``debt`` (in the currency of the
        price). Perpetuals: ``account, collateral`` (margin posted), ``size`` (units, > 0),
        ``entry`` (price), ``side`` (long or short).
    """

    kind: PositionKind
    table: pd.DataFrame


@dataclass(frozen=True)
class Impact:
    """What a path of changes does to open positions.

    Attributes
    ----------
    table : DataFrame
        One row for the live values (step 0) and one per step: ``step, date, value, accounts,
        notional`` that become liquidatable **at that step**, and their running totals
        ``accounts_total, notional_total``. Step 0 holds what is liquidatable already.
    largest_safe_value : Decimal
        The value nearest to the target at which nobody becomes liquidatable who is not already.
    """

    parameter: str
    table: pd.DataFrame
    largest_safe_value: Decimal


def read_positions(path: str | Path) -> Positions:
    """Positions from a CSV or parquet file; the columns say whether they are loans or perpetuals.

    Raises
    ------
    InputError
        If the file cannot be read.
    DataError
        If columns are missing, or rows hold something else than non-negative numbers; the rows are
        named (1 is the first below the header).
    """
    content = io.BytesIO(read_bytes(path, "positions", most=MAX_BYTES))
    is_parquet = Path(path).suffix == ".parquet"
    try:
        frame = (
            read_parquet(content, _KNOWN, most_rows=MOST_ROWS)
            if is_parquet
            else read_csv(content, texts=["account"])
        )
    except (OSError, ValueError, ArrowException) as error:
        reason = str(error).splitlines()[0]
        rule = f"must be a readable CSV or parquet file ({reason})"
        raise InputError("positions", str(path), rule, "Export it again") from None
    return check_positions(frame)


def check_positions(frame: pd.DataFrame) -> Positions:
    """A table of positions, checked."""
    kind = PositionKind.LOAN if "debt" in frame.columns else PositionKind.PERPETUAL
    texts = ["account"] if kind is PositionKind.LOAN else ["account", "side"]
    wanted = [*texts, *_NUMBERS[kind]]
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        rule = "must hold account, collateral, and either debt, or size, entry and side"
        raise DataError("positions", f"no column {missing}", rule, "Add the columns")
    if frame.empty:
        raise DataError("positions", "no rows", "must hold a position", "Leave positions out")
    table = frame[wanted].reset_index(drop=True)
    for name in _NUMBERS[kind]:
        numbers = pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64)
        lowest = 0.0 if name in ("collateral", "debt") else np.nextafter(0.0, 1.0)
        _refuse_rows(table, name, ~(np.isfinite(numbers) & (numbers >= lowest)))
        table[name] = numbers
    _refuse_rows(table, "account", table["account"].isna().to_numpy(bool))
    if kind is PositionKind.PERPETUAL:
        _refuse_rows(table, "side", ~table["side"].isin(["long", "short"]).to_numpy(bool))
    return Positions(kind, table)


def _refuse_rows(table: pd.DataFrame, column: str, bad: npt.NDArray[np.bool_]) -> None:
    rows = [int(i) + 1 for i in np.flatnonzero(bad)]
    if rows:
        rule = {
            "account": "must name the account",
            "side": "must be long or short",
        }.get(column, "must be a finite number, positive (collateral and debt may be 0)")
        shown = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
        value = table[column].iloc[rows[0] - 1]
        remedy = f"Correct row {shown}"
        raise DataError(f"positions.{column}", str(value), rule, remedy, rows)


def triggers(positions: Positions, price: float) -> npt.NDArray[np.float64]:
    """Value of the parameter beyond which each position is liquidatable, shape (positions,).

    Loans: debt over the collateral's value (liquidatable below it). Perpetuals: equity over
    notional (liquidatable above it); negative when the equity is gone.
    """
    if not (np.isfinite(price) and price > 0):
        raise InputError("price", price, "must be a positive number", "Give the marking price")
    table = positions.table
    collateral = table["collateral"].to_numpy(np.float64)
    if positions.kind is PositionKind.LOAN:
        debt, worth = table["debt"].to_numpy(np.float64), collateral * price
        bare = np.where(debt > 0, np.inf, 0.0)
        with np.errstate(over="ignore"):  # dust: beyond any threshold, as infinity says
            return np.asarray(np.divide(debt, worth, out=bare, where=worth > 0))
    size = table["size"].to_numpy(np.float64)
    sign = np.where(table["side"] == "long", 1.0, -1.0)
    equity = collateral + sign * size * (price - table["entry"].to_numpy(np.float64))
    return np.asarray(equity / (size * price))


def assess_impact(
    path: ChangePath, positions: Positions, price: float, scale: Scale = Scale.BPS
) -> Impact:
    """Accounts and notional that each step makes liquidatable, at one marking price.

    Notional is the debt of a loan, and size times price of a perpetual.

    Raises
    ------
    InputError
        If the path does not hold the parameter that decides over these positions.
    """
    parameter = positions.kind.value
    values = dict(path.live)
    if parameter not in values:
        rule = f"must hold {parameter}, which decides over these positions"
        raise InputError("path", sorted(values), rule, "Plan that parameter")
    at = triggers(positions, price)
    table = positions.table
    notional = (
        table["debt"] if positions.kind is PositionKind.LOAN else table["size"] * price
    ).to_numpy(np.float64)
    rows, gone = [], np.zeros(len(at), dtype=bool)
    dates = [None, *(step.date for step in path.steps)]
    states = [values[parameter], *(step.value(parameter) for step in path.steps)]
    for number, (date, value) in enumerate(zip(dates, states, strict=True)):
        hit = _liquidatable(positions.kind, at, float(value)) & ~gone
        gone |= hit
        accounts = int(table["account"][hit].nunique())
        total = int(table["account"][gone].nunique())
        amounts = (float(notional[hit].sum()), total, float(notional[gone].sum()))
        rows.append((number, date, float(value), accounts, *amounts))
    columns = ["step", "date", "value", "accounts", "notional", "accounts_total", "notional_total"]
    safe = _largest_safe(positions.kind, at, states[0], states[-1], scale)
    return Impact(parameter, pd.DataFrame(rows, columns=columns), safe)


def _liquidatable(
    kind: PositionKind, at: npt.NDArray[np.float64], value: float
) -> npt.NDArray[np.bool_]:
    return np.asarray(at > value) if kind is PositionKind.LOAN else np.asarray(at < value)


def _largest_safe(
    kind: PositionKind, at: npt.NDArray[np.float64], live: Decimal, target: Decimal, scale: Scale
) -> Decimal:
    healthy = at[~_liquidatable(kind, at, float(live))]
    loan = kind is PositionKind.LOAN
    loosens = target >= live if loan else target <= live
    if loosens or not len(healthy):
        return target
    # By its shortest decimals: a trigger of .8 is safe at .8; the float lies a little above it.
    nearest = Decimal(repr(float(healthy.max() if loan else healthy.min())))
    safe = round_toward(nearest, scale, up=loan)
    return max(safe, target) if loan else min(safe, target)
