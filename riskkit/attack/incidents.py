"""Incidents from their published numbers, and the inequality that each broke."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Incident:
    """An incident: what was published, and one number that follows from it.

    Attributes
    ----------
    name, day, published : str
    derived : float
        Computed from the published numbers; see ``meaning``.
    meaning, source : str
    broke : str
        The inequality that nobody had computed.
    """

    name: str
    day: str
    published: str
    derived: float
    meaning: str
    source: str
    broke: str


def unrealised_profit(tokens: float, first: float, last: float) -> float:
    """Profit of a position of so many tokens between two prices."""
    return tokens * (last - first)


#: Published by the venues, researchers and the press, as each source names.
INCIDENTS = (
    Incident(
        "Mango Markets",
        "2022-10-11",
        "483 m MNGO-PERP at .038, spot driven to .91, 116 m withdrawn",
        unrealised_profit(483e6, 0.038, 0.91),
        "profit on paper that the venue lent against, USD",
        "CFTC v. Eisenberg, complaint of 2023-01-09",
        "interest within the cost of the move: 18.35 m open where 4.04 m at x24 bears .176 m",
    ),
    Incident(
        "dYdX, YFI",
        "2023-11-17",
        "open interest .8 to 67 m, price -43 %, 38 m liquidated, fund paid 9 m of 22.5 m",
        9.0 / 22.5,
        "share of the fund that one market used up",
        "dYdX, incident report of 2023-11",
        "interest grown 84-fold in a market whose depth had not",
    ),
    Incident(
        "Hyperliquid, ETH whale",
        "2025-03-12",
        "160 k ETH (307 m) taken over at 1,915; the vault lost 4 m",
        4.0 / 307.0,
        "loss of notional at takeover; two thirds of the margin: .67 % at 50x, 1.33 % at 25x",
        "Hyperliquid, statement of 2025-03-12",
        "slippage of a position within two thirds of its maintenance margin",
    ),
    Incident(
        "Hyperliquid, JELLY",
        "2025-03-26",
        "398 m tokens short fell to the vault at .0095; mark .037555",
        unrealised_profit(398e6, 0.0095, 0.037555),
        "loss of the vault on paper, USD",
        "press, 2025-03-26",
        "a short handed to the vault within what the market can close: the move cost less",
    ),
    Incident(
        "Hyperliquid, XPL",
        "2025-08-26",
        "16 m in, price .60 to 1.80 in two minutes (.55 elsewhere), interest 160 to 30 m",
        130e6 * (1.0 - 0.60 / 1.80),
        "most that shorts of 130 m could be made to lose between the two prices, USD; 38 to 46 m "
        "were taken",
        "press and CoinGlass, 2025-08-27",
        "a mark of the own book in a branching ratio above one half: shorts were hunted",
    ),
    Incident(
        "Hyperliquid, POPCAT",
        "2025-11-12",
        "3 m over 19 wallets, about 26 m long at 5x, a wall at .21 withdrawn, price to .13",
        26e6 * (1.0 - 0.13 / 0.21) - 3e6,
        "loss beyond the margins, USD; the vault lost 4.9 m",
        "press, 2025-11-13",
        "positions of many wallets counted as one, within the depth without their own wall",
    ),
)


def incident_table() -> pd.DataFrame:
    """The incidents, a row each.

    Examples
    --------
    >>> import riskkit
    >>> table = riskkit.incident_table()
    >>> "incident" in table.columns
    True
    """
    rows = [
        {
            "incident": f"{i.name}, {i.day}",
            "published": i.published,
            "derived": f"{i.derived:.2%}" if i.derived < 1.0 else f"{i.derived / 1e6:,.2f} m",
            "what it is": i.meaning,
            "what broke": i.broke,
        }
        for i in INCIDENTS
    ]
    return pd.DataFrame(rows)
