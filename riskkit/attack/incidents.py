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
    """

    name: str
    day: str
    published: str
    derived: float
    meaning: str
    source: str


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
    ),
    Incident(
        "dYdX, YFI",
        "2023-11-17",
        "open interest .8 to 67 m, price -43 %, 38 m liquidated, fund paid 9 m of 22.5 m",
        9.0 / 22.5,
        "share of the fund that one market used up",
        "dYdX, incident report of 2023-11",
    ),
    Incident(
        "Hyperliquid, ETH whale",
        "2025-03-12",
        "160 k ETH (307 m) taken over at 1,915; the vault lost 4 m",
        4.0 / 307.0,
        "loss of notional at takeover; two thirds of the margin: .67 % at 50x, 1.33 % at 25x",
        "Hyperliquid, statement of 2025-03-12",
    ),
    Incident(
        "Hyperliquid, JELLY",
        "2025-03-26",
        "398 m tokens short fell to the vault at .0095; mark .037555",
        unrealised_profit(398e6, 0.0095, 0.037555),
        "loss of the vault on paper, USD",
        "press, 2025-03-26",
    ),
)


def incident_table() -> pd.DataFrame:
    """The incidents, a row each."""
    rows = [
        {
            "incident": f"{i.name}, {i.day}",
            "published": i.published,
            "derived": f"{i.derived:.2%}" if i.derived < 1.0 else f"{i.derived / 1e6:,.2f} m",
            "what it is": i.meaning,
        }
        for i in INCIDENTS
    ]
    return pd.DataFrame(rows)
