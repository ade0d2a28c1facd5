"""What covered writers lock away: coins, money, or both for a whole structure.

A fully covered account locks, for each underlying and expiry, what it can owe at any settlement
price: a coin for each unit that its net calls are short of, and the money that is still missing at
the worst strike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd

from riskkit.options.legs import OptionBook, OptionKind, OptionLeg, Reserve, Settlement


def fully_covered(legs: Iterable[OptionLeg]) -> tuple[float, float]:
    """Coins and money that cover legs of one underlying and expiry at every settlement price.

    The payoff is straight between strikes: what is owed is largest at a strike, at a price of
    nothing, or where net short calls run away, which only coins can cover.
    """
    held = tuple(legs)
    coins = max(0.0, -sum(leg.quantity for leg in held if leg.kind is OptionKind.CALL))
    owed = 0.0
    for price in (0.0, *(leg.strike for leg in held)):
        paid = sum(leg.quantity * max(leg.kind.sign * (price - leg.strike), 0.0) for leg in held)
        owed = max(owed, -(paid + coins * price))
    return coins, owed


def most_lost(legs: Iterable[OptionLeg], value: float) -> float:
    """Most that linear legs can lose at any price and time, from a value now; infinite without end.

    The value of European legs of one expiry is never below the least that they pay.
    """
    groups: dict[tuple[str, pd.Timestamp], list[OptionLeg]] = {}
    for leg in legs:
        if leg.settlement is Settlement.INVERSE:
            return math.inf
        groups.setdefault((leg.underlying, leg.expiry), []).append(leg)
    owed = 0.0
    for held in groups.values():
        if fully_covered(held)[0] > 0.0:
            return math.inf
        owed -= _least_paid(held)
    return value + owed


def _least_paid(legs: Iterable[OptionLeg]) -> float:
    """Least that legs pay at any price, where short calls do not run away."""
    held = tuple(legs)
    return min(
        sum(leg.quantity * max(leg.kind.sign * (price - leg.strike), 0.0) for leg in held)
        for price in (0.0, *(leg.strike for leg in held))
    )


def locked(book: OptionBook) -> pd.DataFrame:
    """What every account has locked: ``account, underlying, expiry, reserve, coins, money``."""
    rows: list[dict[str, object]] = []
    groups: dict[tuple[str, str, pd.Timestamp, Reserve], list[OptionLeg]] = {}
    for leg in book.legs:
        if leg.reserve is not Reserve.NONE:
            key = (leg.account, leg.underlying, leg.expiry, leg.reserve)
            groups.setdefault(key, []).append(leg)
    for (account, underlying, expiry, kind), legs in groups.items():
        if kind is Reserve.FULL:
            coins, money = fully_covered(legs)
        else:
            short = -sum(leg.quantity for leg in legs)
            coins = short if kind is Reserve.COVERED else 0.0
            money = -sum(leg.quantity * leg.strike for leg in legs) if kind is Reserve.CASH else 0.0
        rows.append(
            {
                "account": account,
                "underlying": underlying,
                "expiry": expiry.isoformat(),
                "reserve": kind.value,
                "coins": coins,
                "money": money,
            }
        )
    columns = ["account", "underlying", "expiry", "reserve", "coins", "money"]
    return pd.DataFrame(rows, columns=columns)
