"""What stands behind a venue's accounts: fund, backstop, tranche, and how rarely they may fail."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from riskkit.study.fact import DefaultSource, Fact, StudyUnit
from riskkit.study.tables import Fraction, Positive, Seconds, Share, Table


class BackstopTable(Table):
    """A vault with ring-fenced capital: it takes over at the bankruptcy price, and sells."""

    notional: Annotated[
        Positive,
        Fact(
            "capital",
            StudyUnit.MONEY,
            why="Its own: shared with other vaults, deleveraging does not begin where it must.",
            assumption=True,
        ),
    ]
    leverage: Annotated[
        Positive,
        Fact(
            "leverage",
            StudyUnit.RATIO,
            why="Most that it holds, of its equity.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 5.0
    sold_seconds: Annotated[
        Seconds,
        Fact(
            "half-life of its inventory",
            StudyUnit.SECONDS,
            why="It sells into the same depth, with impact.",
            source=DefaultSource.DECLARED,
        ),
    ] = 3_600.0


class TrancheTable(Table):
    """Capital staked behind the fund, which may leave after a cooldown."""

    notional: Annotated[
        Positive, Fact("capital", StudyUnit.MONEY, why="Staked at the start.", assumption=True)
    ]
    leaving_fraction: Annotated[
        Share,
        Fact(
            "share that leaves",
            StudyUnit.FRACTION,
            why="Of those staked: they ask at the first crash, and are gone after the cooldown.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.5
    cooldown_days: Annotated[
        float,
        Field(strict=True, ge=0.0, le=366.0),
        Fact("cooldown", StudyUnit.DAYS, why="Aave's Umbrella has 20 days."),
    ] = 20.0


class WallTable(Table):
    """What another protocol liquidates in the same market when the price has moved so far."""

    name: Annotated[str, Fact("protocol", why="As it stands in tables.")] = Field(min_length=1)
    move_fraction: Annotated[
        float,
        Field(strict=True, gt=-1.0, lt=10.0),
        Fact("move", StudyUnit.FRACTION, why="Of the price: below 0 sells, above 0 buys."),
    ]
    notional: Annotated[
        Positive, Fact("liquidated", StudyUnit.MONEY, why="There, at today's price.")
    ]

    @model_validator(mode="after")
    def _moves(self) -> Self:
        if self.move_fraction == 0.0:
            raise ValueError("move_fraction must not be 0: that is liquidated already")
        return self


class PoolTable(Table):
    """A pool that holds receipts of others, or whose receipts others hold."""

    name: Annotated[str, Fact("pool", why="As it stands in tables.")] = Field(min_length=1)
    own_notional: Annotated[
        float,
        Field(strict=True, ge=0.0),
        Fact("own means", StudyUnit.MONEY, why="After its losses, outside the other pools."),
    ]
    owes_notional: Annotated[
        dict[str, float], Fact("owes", StudyUnit.MONEY, why="To other pools, by name.")
    ] = Field(default_factory=dict)


class FundSection(Table):
    """What stands behind the accounts, and how rarely it may be used up."""

    notional: Annotated[
        float,
        Field(strict=True, ge=0.0),
        Fact(
            "fund",
            StudyUnit.MONEY,
            brief="fund",
            why="Money ring-fenced for the losses of this book.",
            assumption=True,
        ),
    ] = 0.0
    deleverages: Annotated[
        bool,
        Fact(
            "deleveraging",
            why="Winners take over, at the bankruptcy price, what the fund cannot carry.",
        ),
    ] = True
    deleveraging_rule: Annotated[
        Literal["return-times-leverage", "mark-over-entry", "return-over-equity", "pro-rata"],
        Fact(
            "deleveraging in order of",
            why="Whose rank winners are taken by: BitMEX's family, Hyperliquid's, profit over "
            "wallet, or everybody in proportion to profit.",
        ),
        Field(exclude_if=lambda value: value == "return-times-leverage"),
    ] = "return-times-leverage"
    maker_depth_fraction: Annotated[
        Share,
        Fact(
            "makers' depth",
            StudyUnit.FRACTION,
            why="Share of the depth that the book's makers post and withdraw when deleveraged.",
        ),
    ] = 0.0
    depletion_years: Annotated[
        Positive,
        Fact(
            "used up once in",
            StudyUnit.RATIO,
            why="Years in which losses may exceed the fund once: the loss budget.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 20.0
    asset: Annotated[
        str | None,
        Fact(
            "fund's asset",
            why="Left out: money. The study's own asset: the fund falls as the losses come.",
        ),
    ] = None
    asset_fraction: Annotated[
        Share, Fact("share in that asset", StudyUnit.FRACTION, why="The rest is money.")
    ] = 1.0
    haircut_fraction: Annotated[
        Fraction,
        Fact(
            "cost of selling the fund",
            StudyUnit.FRACTION,
            why="Of its asset's value, in the crash in which it is needed.",
            assumption=True,
        ),
    ] = 0.0
    withdrawn_fraction_per_year: Annotated[
        Fraction,
        Fact(
            "withdrawn from the fund",
            StudyUnit.YEARLY,
            why="By stakers or the treasury.",
            assumption=True,
        ),
    ] = 0.0
    trading_fee_fraction: Annotated[
        Fraction,
        Fact(
            "trading fee",
            StudyUnit.FRACTION,
            why="Of a trade, both sides together: what leverage earns.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.0005
    turnover_per_day: Annotated[
        Positive,
        Fact(
            "turnover a day",
            StudyUnit.RATIO,
            why="Trading volume of a day over open interest.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 1.0
    fee_share_fraction: Annotated[
        Share,
        Fact(
            "trading fees to the fund",
            StudyUnit.FRACTION,
            why="Share of the trading fees that feeds it; what close-outs pay goes to it whole.",
            assumption=True,
        ),
    ] = 0.0
    capital_cost_fraction_per_year: Annotated[
        Fraction,
        Fact(
            "cost of the fund's capital",
            StudyUnit.YEARLY,
            why="What its owners ask for it: a cost of leverage.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.1
    backstop: Annotated[
        BackstopTable | None,
        Fact("backstop", why="A vault that takes over what the fund cannot carry."),
        Field(exclude_if=lambda table: table is None),
    ] = None
    tranche: Annotated[
        TrancheTable | None,
        Fact("junior tranche", why="Staked capital that pays after fund and backstop."),
        Field(exclude_if=lambda table: table is None),
    ] = None
    walls: Annotated[
        tuple[WallTable, ...],
        Fact("walls", why="Liquidations of other protocols in the same market, summed before n."),
        Field(exclude_if=lambda walls: not walls),
    ] = ()
    pools: Annotated[
        tuple[PoolTable, ...],
        Fact("pools", why="Who holds whose receipts: what they can pay each other."),
        Field(exclude_if=lambda pools: not pools),
    ] = ()
    paths: Annotated[
        int,
        Field(strict=True, ge=100, le=100_000),
        Fact("years", StudyUnit.COUNT, why="Runs of a whole year: `riskkit fund`."),
    ] = 1_000
