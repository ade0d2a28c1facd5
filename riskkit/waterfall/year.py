"""Years of a venue's book: what its fund would have needed, with the cascade inside.

An account that is closed is followed by one that posts the same margin, so that open interest
stays. Until a fund is used up its path is that of a fund without an end: one run of the latter says
of every size whether it lasts (`riskkit.venue.cascade_kernel`, outcome ``fund_needed``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.paths.run import Run
from riskkit.stress.open import PosedVenue
from riskkit.stress.paths import return_blocks, usual_volatility
from riskkit.venue.cascade import CascadePaths, run_cascade
from riskkit.venue.cascade_values import OUTCOMES
from riskkit.venue.depth import MarketDepth
from riskkit.venue.layers import CascadeFund

Array = npt.NDArray[np.float64]

#: Bars of all paths that are held at once.
HELD = 2_000_000

#: Outcomes that are kept of every year.
KEPT = (
    "fund_needed",
    "bad_debt",
    "fees",
    "closures",
    "sold",
    "bought",
    "deleveraged",
    "deleveraging_cost",
    "socialised",
    "tranche",
    "vault_lowest",
    "vault_taken",
    "keepers",
    "fund_lowest",
    "lowest_price",
    "closing_price",
)


@dataclass(frozen=True)
class VenueYears:
    """What became of a book, year by year; money in the book's.

    Attributes
    ----------
    table : ndarray (years, kept)
        In the order of `KEPT`.
    open_interest : float
    bars : int
        Of a year.
    fund : CascadeFund
        What stood behind the accounts.
    """

    table: Array = field(repr=False)
    open_interest: float
    bars: int
    fund: CascadeFund

    def of(self, name: str) -> Array:
        """One outcome by name, (years,)."""
        return self.table[:, KEPT.index(name)]

    @property
    def years(self) -> int:
        """Number of years that were run."""
        return int(self.table.shape[0])


def bars_of_year(bar: pd.Timedelta) -> int:
    """Bars of 365 days."""
    return max(round(pd.Timedelta(days=365) / bar), 1)


def run_years(
    posed: PosedVenue,
    years: int,
    *,
    fund: CascadeFund | None = None,
    scale: float = 1.0,
    leverage: float = 1.0,
    depth: MarketDepth | None = None,
    replaces: bool = True,
) -> VenueYears:
    """Run a venue's book through years of its world.

    Parameters
    ----------
    years : int
        The same ones for every fund, scale and leverage.
    fund : CascadeFund, optional
        By default that of the study. Fees of close-outs count from the bar after.
    scale, leverage : float
        Factors of open interest and of leverage.
    depth : MarketDepth, optional
        By default that of the study.
    replaces : bool
        Whether accounts that are closed are followed by others.

    Raises
    ------
    InputError
    """
    venue, world = posed.venue, posed.world
    book = venue.book.geared(leverage).scaled(scale)
    book = book.kept(~book.beyond_trigger)
    behind = replace(venue.fund if fund is None else fund, late_fees=True)
    behind = replace(behind, income=behind.income * scale)
    bars = bars_of_year(venue.bar)
    usual = usual_volatility(world)
    kept = [OUTCOMES.index(name) for name in KEPT]
    table = np.empty((years, len(kept)))
    run: Run = posed.run.with_paths(years)
    block = max(HELD // bars, 1)
    for first, returns in return_blocks(world, run, bars, block):
        found = run_cascade(
            book,
            venue.depth if depth is None else depth,
            venue.engine,
            behind,
            CascadePaths(returns, volatility=usual, replaces=replaces),
            margin=posed.margin,
            threads=run.threads,
        )
        table[first : first + len(returns)] = found.table[:, kept]
    return VenueYears(table, book.open_interest, bars, behind)


def endless(fund: CascadeFund) -> CascadeFund:
    """A fund that pays everything, in the asset and with the flows of another."""
    return replace(fund, fund=0.0, deleverages=False, backstop=None, tranche=None)
