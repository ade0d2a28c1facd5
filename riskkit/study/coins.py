"""A file of pegged coins: their prices, what they are promised at, and what backs them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field, ValidationError

from riskkit.collateral.peg import THRESHOLD, PeggedCoin
from riskkit.errors import InputError
from riskkit.market import load_prices
from riskkit.reading import read_toml
from riskkit.study.explain import explain
from riskkit.study.tables import Table


class CoinTable(Table):
    """One coin: ``prices`` (a file, relative to this one), over ``base`` (another) where given."""

    name: Annotated[str, Field(min_length=1)]
    prices: str
    base: str | None = None
    stratum: Annotated[str, Field(min_length=1)] = "fiat-backed"
    thin: bool = False
    until: date | None = None


class CoinsFile(Table):
    """Coins of a panel, and how far below its peg one has left it."""

    title: str = "Pegged coins"
    threshold_fraction: Annotated[float, Field(strict=True, gt=0.0, lt=1.0)] = THRESHOLD
    coins: Annotated[tuple[CoinTable, ...], Field(min_length=1)]


def read_coins(path: Path, as_of: date | None = None) -> tuple[CoinsFile, list[PeggedCoin]]:
    """The coins of a file with their prices, as they were known at the end of a day.

    Raises
    ------
    InputError
        If the file or its prices break a rule, or nothing was known on that day.
    """
    remedy = "Write [[coins]] with name and prices"
    content = read_toml(path, "COINS", remedy=remedy)
    try:
        found = CoinsFile.model_validate(content)
    except ValidationError as error:
        raise explain(error, CoinsFile) from None
    coins: list[PeggedCoin] = []
    for row in found.coins:
        coin = PeggedCoin(row.name, _ratio(row, path.parent), row.stratum, row.thin)
        days = [day for day in (row.until, as_of) if day is not None]
        if days:
            end = pd.Timestamp(min(days), tz="UTC") + pd.Timedelta(days=1)
            known = coin.until(end)
            if known is None:
                continue
            coin = known
        for other in coins:
            if other.name == coin.name and not _apart(other.price, coin.price):
                rule = "must not overlap: two series of one coin follow each other"
                raise InputError(f"prices of {row.name}", row.prices, rule, "Set until of one")
        coins.append(coin)
    if not coins:
        rule = "must be a day on which prices of a coin were known"
        raise InputError("as-of", as_of, rule, "Choose a later day")
    return found, coins


def _ratio(row: CoinTable, folder: Path) -> pd.Series:
    """Closes over the base's closes of the same bars."""
    price = load_prices(folder / row.prices, asset=row.name).close.dropna()
    if row.base is None:
        return price
    base = load_prices(folder / row.base, asset=f"base of {row.name}").close.dropna()
    both = price.index.intersection(base.index)
    if len(both) < 2:
        rule = f"must share bars with {row.base}"
        raise InputError(f"prices of {row.name}", row.prices, rule, "Give both on the same bars")
    return price.loc[both] / base.loc[both]


def _apart(one: pd.Series, other: pd.Series) -> bool:
    return bool(one.index[-1] < other.index[0] or other.index[-1] < one.index[0])
