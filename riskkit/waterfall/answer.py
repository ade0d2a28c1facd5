"""The whole answer on what stands behind a venue: sizes of the fund, cover, layers, leverage."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.stress.open import PosedVenue
from riskkit.stress.scenarios import SCENARIOS, Scenario, run_scenario
from riskkit.study.fund import FundSection
from riskkit.venue.cascade import VenueOutcome
from riskkit.venue.depth import OrderBookDepth
from riskkit.waterfall.contagion import pool_table, wall_table
from riskkit.waterfall.cover import Cover, cover, owners_of, stress_losses
from riskkit.waterfall.deleveraged import Deleveraged, deleveraged
from riskkit.waterfall.lending import LendingAnswer, answer_lending
from riskkit.waterfall.size import FundSize, fund_size, size_table
from riskkit.waterfall.year import VenueYears, endless, run_years

#: Factors of leverage, at the same equity.
LEVERAGES = (0.5, 0.75, 1.0, 1.5, 2.0)
#: Runs of all years that an answer takes, as a rule.
RUNS = 4
#: Years of each of them, of those of the fund.
FEWER = 5
#: A depth that nothing moves.
STILL = OrderBookDepth(1e300)


@dataclass(frozen=True)
class VenueFund:
    """What stands behind a venue, and what should.

    Attributes
    ----------
    posed : PosedVenue
    section : FundSection
    years : VenueYears
        With a fund that pays everything: what each year would have needed.
    still : VenueYears
        The same without impact: what the cascade adds.
    layered : VenueYears
        With the layers of the study.
    cover : Cover
        Over owners, where the file names them, and scenarios.
    clustered : bool
        Whether owners are clusters of wallets.
    scenarios : tuple of (Scenario, VenueOutcome)
    leverage : DataFrame or None
        What leverage earns against what it costs, by its factor; None of loans.
    lending : LendingAnswer or None
        Bonus, dust and auction; None where nothing is lent.
    walls, pools : DataFrame or None
        Other protocols in the same market, and receipts held of each other, where the study names
        them.
    deleveraged : Deleveraged or None
        The scenario that deleverages most, by rule and by who the winners are; None if none does.
    """

    posed: PosedVenue = field(repr=False)
    section: FundSection
    years: VenueYears
    still: VenueYears
    layered: VenueYears
    cover: Cover
    clustered: bool
    scenarios: tuple[tuple[Scenario, VenueOutcome], ...]
    leverage: pd.DataFrame | None = field(repr=False)
    lending: LendingAnswer | None = None
    walls: pd.DataFrame | None = None
    pools: pd.DataFrame | None = None
    deleveraged: Deleveraged | None = None

    @property
    def size(self) -> FundSize:
        """The fund that is used up once in the study's years."""
        return fund_size(self.years.of("fund_needed"), self.section.depletion_years)

    @property
    def used_up(self) -> float:
        """Share of years that use today's fund up."""
        return float((self.years.of("fund_needed") > self.section.notional).mean())

    def sizes(self) -> pd.DataFrame:
        """Sizes by how rarely they are used up, and what they would be without impact."""
        interest = self.years.open_interest
        table = size_table(self.years.of("fund_needed"), interest)
        still = size_table(self.still.of("fund_needed"), interest)
        return table.assign(without_impact=still["size"])

    def layer_table(self) -> pd.DataFrame:
        """What each layer paid, a year, and in the worst tenth of a per cent of years."""
        years = self.layered
        lost = years.of("bad_debt")
        tranche = self.posed.venue.fund.tranche
        vault = self.posed.venue.fund.backstop
        staked = 0.0 if tranche is None else tranche.capital
        capital = 0.0 if vault is None else vault.capital
        rows = {
            "bad debt of close-outs": lost,
            "fund below its start": np.maximum(
                self.section.notional - years.of("fund_lowest"), 0.0
            ),
            "backstop below its start": np.maximum(capital - years.of("vault_lowest"), 0.0),
            "tranche paid or left": staked - years.of("tranche"),
            "winners gave up": years.of("deleveraging_cost"),
            "socialised": years.of("socialised"),
        }
        return pd.DataFrame(
            {
                "mean_a_year": {name: float(x.mean()) for name, x in rows.items()},
                "worst_year_in_hundred": {
                    name: float(np.quantile(x, 0.99)) for name, x in rows.items()
                },
                "share_of_years": {name: float((x > 0.0).mean()) for name, x in rows.items()},
            }
        ).rename_axis("layer")

    def deleveraging_table(self) -> pd.DataFrame | None:
        """Who pays in the scenario that deleverages most, by rule; None if none does."""
        return None if self.deleveraged is None else self.deleveraged.by_rule

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values; owners are hashes."""
        size, deleveraged = self.size, self.deleveraging_table()
        study = self.posed.study
        return {
            "kind": "venue-fund",
            "title": study.title,
            "asset": study.data.asset,
            "as_of_date": study.as_of.isoformat(),
            "open_interest": self.years.open_interest,
            "fund": self.section.notional,
            "used_up_share_of_years": self.used_up,
            "size": {
                "once_in_years": size.once_in,
                "notional": size.size,
                "low": size.low,
                "high": size.high,
                "shortfall": size.shortfall,
                "years_expected_beyond": size.years,
            },
            "sizes": _records(self.sizes()),
            "cover": {**vars(self.cover), "clusters": self.clustered},
            "layers": _records(self.layer_table()),
            "deleveraging": None if deleveraged is None else _records(deleveraged),
            "who_wins": None if self.deleveraged is None else _records(self.deleveraged.by_winners),
            "leverage": None if self.leverage is None else _records(self.leverage),
            "lending": None if self.lending is None else self.lending.to_dict(),
            "walls": None if self.walls is None else _records(self.walls),
            "pools": None if self.pools is None else _records(self.pools),
            "years": self.years.years,
            "bars": self.years.bars,
            "seed": self.posed.run.seed,
            "study": study.model_dump(mode="json"),
        }


def answer_fund(posed: PosedVenue, *, scenarios: tuple[Scenario, ...] = SCENARIOS) -> VenueFund:
    """Answer for what stands behind a venue.

    Parameters
    ----------
    posed : PosedVenue
        Of `riskkit.stress.open.pose_venue`.

    Raises
    ------
    InputError
        If fewer years are run than the fund must last.
    """
    section = posed.study.fund or FundSection()
    if section.paths < section.depletion_years:
        raise InputError(
            "fund.paths",
            section.paths,
            f"are fewer years than the {section.depletion_years:g} that the fund must last",
            "Raise them to ten times as many",
        )
    venue = posed.venue
    pools = pool_table(section.pools) if section.pools else None
    pays_all = endless(venue.fund)
    years = run_years(posed, section.paths, fund=pays_all)
    calm = replace(venue.depth, bids=STILL, offers=STILL)
    still = run_years(posed, section.paths, fund=pays_all, depth=calm)
    layered = run_years(posed, section.paths)
    found = tuple((scenario, run_scenario(venue, scenario)) for scenario in scenarios)
    losses = []
    for scenario, outcome in found:
        name = "lowest_price" if scenario.move < 0.0 else "highest_price"
        price = math.exp(float(outcome.of(name)[0]))
        losses.append(stress_losses(venue.book, venue.depth, price, scenario.thickness))
    return VenueFund(
        posed,
        section,
        years,
        still,
        layered,
        cover(np.stack(losses), owners_of(venue.book)),
        bool(venue.book.cluster),
        found,
        None if posed.study.is_loan else leverage_table(posed, section),
        answer_lending(posed) if posed.study.is_loan else None,
        wall_table(venue, section.walls) if section.walls else None,
        pools,
        None if posed.study.is_loan else deleveraged(posed, found),
    )


def leverage_table(posed: PosedVenue, section: FundSection) -> pd.DataFrame:
    """What leverage earns a year against what it costs, at the same equity, by its factor.

    Earned: trading fees and what close-outs pay. Cost: bad debt, and what is asked for the capital
    of the fund that is used up once in the study's years.
    """
    rows = []
    count = max(section.paths // FEWER, math.ceil(section.depletion_years))
    pays_all = endless(posed.venue.fund)
    for factor in LEVERAGES:
        years = run_years(posed, count, fund=pays_all, scale=factor, leverage=factor)
        interest = years.open_interest
        trading = interest * section.turnover_per_day * 365.0 * section.trading_fee_fraction
        size = fund_size(years.of("fund_needed"), section.depletion_years).size
        closing, bad = float(years.of("fees").mean()), float(years.of("bad_debt").mean())
        capital = section.capital_cost_fraction_per_year * size
        rows.append(
            {
                "leverage": factor,
                "interest": interest,
                "trading": trading,
                "closing": closing,
                "bad_debt": bad,
                "fund": size,
                "capital": capital,
                "net": trading + closing - bad - capital,
            }
        )
    return pd.DataFrame(rows).set_index("leverage")


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    flat = table.reset_index()
    return [
        {str(k): v.item() if isinstance(v, np.generic) else v for k, v in row.items()}
        for row in flat.to_dict(orient="records")
    ]
