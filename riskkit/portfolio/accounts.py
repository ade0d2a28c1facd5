"""Accounts of several positions, as a file lists them: a row for each position."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import DataError, InputError
from riskkit.reading import read_rows

Array = npt.NDArray[np.float64]

COLUMNS = ("account", "asset", "quantity")
EQUITY = "equity"
MOST_BYTES = 64_000_000
EXAMPLE = "account,asset,quantity,equity"


@dataclass(frozen=True)
class Accounts:
    """A book: accounts (rows) in the assets of a panel (columns).

    Attributes
    ----------
    names, assets : tuple of str
    quantity : ndarray (A, N)
        Signed units; 0 where an account does not hold the asset.
    prices : ndarray (N,)
        Money per unit.
    equity : ndarray (A,)
        Cash and gains of each account, in money; NaN where it was not said.
    """

    names: tuple[str, ...]
    assets: tuple[str, ...]
    quantity: Array = field(repr=False)
    prices: Array = field(repr=False)
    equity: Array = field(repr=False)

    @classmethod
    def of(
        cls,
        positions: Sequence[tuple[str, str, float]],
        prices: Mapping[str, float] | pd.Series,
        equity: Mapping[str, float] | None = None,
    ) -> Accounts:
        """Accounts of positions (account, asset, quantity); those in one asset are added.

        Raises
        ------
        InputError
            For an unknown asset, a quantity or equity that is no finite number, or no position.
        """
        assets = tuple(str(name) for name in prices.keys())  # noqa: SIM118 - a Series iterates values
        names = tuple(dict.fromkeys(account for account, _, _ in positions))
        if not names:
            raise InputError("accounts", "no position", "must hold one", f"Write {EXAMPLE}")
        quantity = np.zeros((len(names), len(assets)))
        place = {name: k for k, name in enumerate(names)}
        for account, asset, units in positions:
            if asset not in assets:
                rule = f"must be an asset of the study: {', '.join(assets)}"
                remedy = f"Correct account {account}, or add the asset to the study"
                raise InputError("asset", asset, rule, remedy)
            _check_number("quantity", units, account)
            quantity[place[account], assets.index(asset)] += units
        said = equity or {}
        for account, amount in said.items():
            _check_number(EQUITY, amount, account)
        held = np.array([said.get(name, math.nan) for name in names])
        return cls(names, assets, quantity, np.array([prices[a] for a in assets]), held)

    @classmethod
    def read(cls, path: str | Path, prices: Mapping[str, float] | pd.Series) -> Accounts:
        """Accounts from a CSV with a row for each position: account, asset, quantity, equity.

        ``equity`` may be left out; it is the account's, on any of its rows.

        Raises
        ------
        InputError
            If the file cannot be read, or as `of`.
        DataError
            For missing columns, or rows that are not what they should be, by their lines.
        """
        rows = _rows(Path(path))
        positions: list[tuple[str, str, float]] = []
        equity: dict[str, float] = {}
        wrong: list[str] = []
        for line, row in rows:
            account, asset = ((row.get(name) or "").strip() for name in ("account", "asset"))
            units, amount = _number(row.get("quantity")), _number(row.get(EQUITY))
            said = (row.get(EQUITY) or "").strip()
            other = equity.get(account)
            differs = amount is not None and other is not None and other != amount
            if not account or not asset or units is None or (said and amount is None) or differs:
                wrong.append(f"line {line}")
                continue
            positions.append((account, asset, units))
            if amount is not None:
                equity[account] = amount
        if wrong:
            raise DataError(
                "accounts",
                f"{len(wrong)} rows of {Path(path).name}: {', '.join(wrong[:5])}",
                "must each name an account, an asset and a finite quantity, and one equity for "
                "an account",
                "Correct those lines",
                wrong,
            )
        return cls.of(positions, prices, equity)

    @property
    def exposures(self) -> Array:
        """Signed notional of each account in each asset, in money: ndarray (A, N)."""
        return np.asarray(self.quantity * self.prices)

    @property
    def gross(self) -> Array:
        """Gross notional of each account."""
        return np.asarray(np.abs(self.exposures).sum(axis=1))

    def __len__(self) -> int:
        return len(self.names)


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    columns, found = read_rows(path, "accounts", most=MOST_BYTES, remedy=f"Write {EXAMPLE}")
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        rule = f"must have the columns {', '.join(COLUMNS)}, and may have {EQUITY}"
        raise DataError("accounts", f"no column {', '.join(missing)}", rule, f"Write {EXAMPLE}")
    return found


def _number(text: str | None) -> float | None:
    try:
        value = float((text or "").strip())
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _check_number(argument: str, value: float, account: str) -> None:
    if not math.isfinite(value):
        rule = f"must be a finite number (account {account})"
        raise InputError(argument, value, rule, "Correct it, or leave the position out")
