"""The mechanism and its parameters; the venue as a system: depth, books, the cascade.

Examples
--------
>>> import riskkit
>>> riskkit.venue.SyntheticBook(open_interest=1e6, accounts=200).draw().size
200
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskkit.door import door

_HOMES = {
    "BorrowersBook": "riskkit.venue.accounts_loans",
    "SyntheticBook": "riskkit.venue.accounts_made",
    "MarketDepth": "riskkit.venue.depth",
    "CascadeFund": "riskkit.venue.layers",
    "Backstop": "riskkit.venue.layers",
    "Tranche": "riskkit.venue.layers",
    "CascadeEngine": "riskkit.venue.cascade",
    "run_cascade": "riskkit.venue.cascade",
}

__all__ = [
    "Backstop",
    "BorrowersBook",
    "CascadeEngine",
    "CascadeFund",
    "MarketDepth",
    "SyntheticBook",
    "Tranche",
    "run_cascade",
]

__getattr__ = door(__name__, _HOMES)


def __dir__() -> list[str]:
    return list(__all__)


if TYPE_CHECKING:
    from riskkit.venue.accounts_loans import BorrowersBook
    from riskkit.venue.accounts_made import SyntheticBook
    from riskkit.venue.cascade import CascadeEngine, run_cascade
    from riskkit.venue.depth import MarketDepth
    from riskkit.venue.layers import Backstop, CascadeFund, Tranche
