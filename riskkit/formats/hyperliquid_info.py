"""Hyperliquid's answer to ``meta``: the coins of an exchange, and the margin table of each.

``{"universe": [{"name", "maxLeverage", "marginTableId", …}], "marginTables": [[id, {…}]]}``. An id
of at most 50 that the answer does not list stands for one tier of that leverage. Coins of a
builder-deployed exchange are named ``dex:COIN``.
"""

from __future__ import annotations

from riskkit.errors import InputError
from riskkit.formats.fields import Fields
from riskkit.formats.hyperliquid_tables import (
    LARGEST_BOUND,
    MAX_LEVERAGE,
    MarginTable,
    MarginTier,
    MarketTables,
    tree_of,
)

MOST_COINS, LARGEST_ID = 5_000, 2**31


def read_answer(fields: Fields) -> MarketTables:
    """Every coin with its table; sizes, prices and flags of the answer are left out."""
    tables = _tables(fields.take("marginTables")) if "marginTables" in fields else {}
    return MarketTables(
        tuple(_coin(item, tables) for item in fields.children("universe", MOST_COINS))
    )


def _tables(listed: object) -> dict[int, object]:
    if not isinstance(listed, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is int for pair in listed
    ):
        rule = "must be a list of [id, table]"
        raise InputError("marginTables", listed, rule, "Give the answer as it came")
    if len({pair[0] for pair in listed}) < len(listed):
        ids = [pair[0] for pair in listed]
        raise InputError("marginTables", ids, "must not repeat an id", "Ask the exchange again")
    return {pair[0]: pair[1] for pair in listed}


def _coin(fields: Fields, tables: dict[int, object]) -> tuple[str, MarginTable]:
    coin = fields.text("name", r"\S+", "a coin's name")
    leverage = fields.integer("maxLeverage", 1, LARGEST_BOUND)
    number = leverage
    if "marginTableId" in fields:
        number = fields.integer("marginTableId", 0, LARGEST_ID)
    dex = coin.partition(":")[0] if ":" in coin else ""
    if number in tables:
        table = read_table(Fields(tables[number], f"marginTables.{number}"), dex)
    elif number <= MAX_LEVERAGE:
        table = MarginTable(dex, f"{number}x", (MarginTier(0, number),))
    else:
        rule = "must be one of the answer's marginTables"
        raise InputError(f"{coin}.marginTableId", number, rule, "Give the whole answer")
    return coin, table


def read_table(fields: Fields, dex: str) -> MarginTable:
    """One table, of the action or of an answer."""
    table = MarginTable(
        dex=dex,
        description=fields.text("description"),
        tiers=tuple(_tier(item) for item in fields.children("marginTiers")),
    )
    fields.finish()
    return table


def _tier(fields: Fields) -> MarginTier:
    tier = MarginTier(_bound(fields), fields.integer("maxLeverage", 0, LARGEST_BOUND))
    fields.finish()
    return tier


def _bound(fields: Fields) -> int:
    """A lower bound: an integer in the action, decimals in quotes (``"3000000.0"``) in answers."""
    value = fields.take("lowerBound")
    if isinstance(value, str) and value.endswith(".0"):
        value = value.removesuffix(".0")
    return fields.as_integer("lowerBound", value, 0, LARGEST_BOUND)


def write_answer(value: MarketTables) -> dict[str, object]:
    """The coins and their tables, each table once; ids are counted anew."""
    tables = list(dict.fromkeys((t.description, t.tiers) for _, t in value.markets))
    universe: list[object] = [
        {
            "name": coin,
            "maxLeverage": table.tiers[0].max_leverage,
            "marginTableId": MAX_LEVERAGE + 1 + tables.index((table.description, table.tiers)),
        }
        for coin, table in value.markets
    ]
    listed: list[object] = [
        [MAX_LEVERAGE + 1 + number, tree_of(MarginTable("", description, tiers))]
        for number, (description, tiers) in enumerate(tables)
    ]
    return {"universe": universe, "marginTables": listed}
