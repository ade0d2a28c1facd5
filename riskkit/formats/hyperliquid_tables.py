"""Hyperliquid's margin tables: values, what they charge, and what the exchange refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from riskkit.errors import InputError

MAX_TIERS, MAX_LEVERAGE, MAX_DEX_NAME = 3, 50, 6
LARGEST_BOUND = 10**18


@dataclass(frozen=True)
class MarginTier:
    """From ``lower_bound`` (position notional, quote currency) on, leverage is at most this."""

    lower_bound: int
    max_leverage: int


@dataclass(frozen=True)
class MarginTable:
    """An ``insertMarginTable`` action: one to three tiers, the first from 0.

    Attributes
    ----------
    dex : str
        Short name of the exchange; empty for the validators' own, and where an answer omits it.
    description : str
    tiers : tuple of MarginTier
    """

    dex: str
    description: str
    tiers: tuple[MarginTier, ...]


@dataclass(frozen=True)
class MarketTables:
    """The exchange's own answer: which table each coin has. It is read to compare, never sent.

    Attributes
    ----------
    markets : tuple of (str, MarginTable)
        Coins in the answer's order; the tables' ``dex`` is empty for the validators' own exchange.
    """

    markets: tuple[tuple[str, MarginTable], ...]


def maintenance_margin(tiers: Sequence[MarginTier], notional: Decimal | int) -> Fraction:
    """Maintenance margin of a position, in quote currency, exactly.

    ``N m - ded`` with ``m = 1 / (2 maxLeverage)`` of the tier of N, and
    ``ded(n) = ded(n-1) + lower_n (m_n - m_{n-1})``.
    """
    deduction, before, size = Fraction(0), Fraction(0), Fraction(notional)
    for tier in tiers:
        if tier.lower_bound > size:
            break
        rate = Fraction(1, 2 * tier.max_leverage)
        deduction += tier.lower_bound * (rate - before)
        before = rate
    return size * before - deduction


def initial_margin(tiers: Sequence[MarginTier], notional: Decimal | int) -> Fraction:
    """Initial margin of a position at the largest leverage of its tier, in quote currency."""
    open_to = [tier.max_leverage for tier in tiers if tier.lower_bound <= notional]
    return Fraction(notional) / open_to[-1]


def tree_of(table: MarginTable) -> dict[str, object]:
    """The table as the exchange writes it, without its exchange's name."""
    tiers = [
        {"lowerBound": tier.lower_bound, "maxLeverage": tier.max_leverage} for tier in table.tiers
    ]
    return {"description": table.description, "marginTiers": tiers}


def check_tables(value: MarginTable | MarketTables) -> None:
    """Refuse tables that the exchange refuses."""
    if isinstance(value, MarketTables):
        coins = [coin for coin, _ in value.markets]
        if not coins or len(set(coins)) < len(coins):
            rule = "must hold coins, each once"
            raise InputError("universe", f"{len(coins)} coins", rule, "Ask the exchange again")
        for _, table in value.markets:
            check_tables(table)
        return
    if len(value.dex) > MAX_DEX_NAME:
        rule = f"must have at most {MAX_DEX_NAME} characters"
        raise InputError("dex", value.dex, rule, "Give the exchange's short name")
    tiers = value.tiers
    if not 1 <= len(tiers) <= MAX_TIERS:
        rule = f"must hold 1 to {MAX_TIERS} tiers"
        raise InputError("marginTiers", f"{len(tiers)} tiers", rule, "Merge tiers")
    if tiers[0].lower_bound != 0:
        rule = "must be 0 in the first tier"
        raise InputError("lowerBound", tiers[0].lower_bound, rule, "Start the table at 0")
    for tier in tiers:
        if not 1 <= tier.max_leverage <= MAX_LEVERAGE:
            rule = f"must lie between 1 and {MAX_LEVERAGE}"
            raise InputError("maxLeverage", tier.max_leverage, rule, "Give a whole leverage")
    for low, high in pairwise(tiers):
        if not low.lower_bound < high.lower_bound <= LARGEST_BOUND:
            rule = f"must be above {low.lower_bound:,}, the bound before it"
            raise InputError("lowerBound", high.lower_bound, rule, "Sort the tiers by size")
        if high.max_leverage >= low.max_leverage:
            rule = f"must be below {low.max_leverage}, the leverage of the tier before it"
            raise InputError("maxLeverage", high.max_leverage, rule, "Merge the two tiers")
