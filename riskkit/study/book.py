"""The accounts of a venue, and the stress that is asked of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Tag

from riskkit.study.fact import DefaultSource, Fact, StudyUnit
from riskkit.study.kinds import by_kind
from riskkit.study.tables import SEED_LIMIT, Fraction, Positive, Seconds, Share, Table

MAINTENANCE = Fact(
    "accounts' maintenance margin",
    StudyUnit.FRACTION,
    brief="MM",
    why="Of accounts for which the file says none.",
    assumption=True,
)
FILE = Fact("file", why="CSV or parquet, relative to the study; its columns: docs/venue.md.")
BALANCED = Fact(
    "balanced",
    why="Scale the smaller side up to the larger. Longs and shorts that differ are said, and "
    "nothing is made up unless this asks for it.",
)


class PositionsTable(Table):
    """Positions as a venue has them."""

    kind: Annotated[Literal["positions"], Fact("book")] = "positions"
    file: Annotated[str, FILE] = Field(min_length=1)
    price: Annotated[
        Positive | None,
        Fact("price", StudyUnit.MONEY, why="Of the positions' moment; left out: the last close."),
    ] = None
    maintenance_fraction: Annotated[Fraction | None, MAINTENANCE] = None
    balanced: Annotated[bool, BALANCED] = False


class LevelsTable(Table):
    """A map of liquidation levels: value per price and side."""

    kind: Annotated[Literal["levels"], Fact("book")] = "levels"
    file: Annotated[str, FILE] = Field(min_length=1)
    price: Annotated[
        Positive | None,
        Fact("price", StudyUnit.MONEY, why="Of the map's moment; left out: the last close."),
    ] = None
    maintenance_fraction: Annotated[Fraction, MAINTENANCE]
    balanced: Annotated[bool, BALANCED] = False


class LoansTable(Table):
    """Loans as a lending venue has them."""

    kind: Annotated[Literal["loans"], Fact("book")] = "loans"
    file: Annotated[str, FILE] = Field(min_length=1)
    price: Annotated[
        Positive | None,
        Fact("price", StudyUnit.MONEY, why="Of the loans' moment; left out: the last close."),
    ] = None
    threshold_fraction: Annotated[
        Fraction | None,
        Fact(
            "loans' liquidation threshold",
            StudyUnit.FRACTION,
            brief="LT",
            why="Of loans for which the file says none.",
            assumption=True,
        ),
    ] = None


class SyntheticTable(Table):
    """A book of a declared shape, where no positions are at hand."""

    kind: Annotated[Literal["synthetic"], Fact("book")] = "synthetic"
    open_interest_notional: Annotated[
        Positive,
        Fact("open interest", StudyUnit.MONEY, brief="OI", why="Of each side.", assumption=True),
    ]
    accounts: Annotated[
        int,
        Field(strict=True, ge=2, le=2_000_000),
        Fact("accounts", StudyUnit.COUNT, why="Of both sides."),
    ] = 10_000
    median_leverage: Annotated[
        float,
        Field(strict=True, gt=1.0, le=500.0),
        Fact(
            "median leverage",
            StudyUnit.RATIO,
            brief="leverage",
            why="Of a lognormal law.",
            source=DefaultSource.DECLARED,
            assumption=True,
            stops=(2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0),
        ),
    ] = 5.0
    leverage_spread: Annotated[
        Positive,
        Fact(
            "spread of leverage",
            StudyUnit.RATIO,
            why="Standard deviation of its log.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.8
    most_leverage: Annotated[
        float,
        Field(strict=True, gt=1.32, le=1_000.0),
        Fact(
            "highest leverage",
            StudyUnit.RATIO,
            why="That the venue allows; drawn up to .8 of it.",
            assumption=True,
        ),
    ] = 40.0
    maintenance_fraction: Annotated[Fraction, MAINTENANCE] = 0.0125
    size_tail: Annotated[
        Positive,
        Fact(
            "size tail",
            StudyUnit.RATIO,
            why="Pareto index of sizes. Real books have .6 to .97: their mean is their largest.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 1.1
    largest_share_fraction: Annotated[
        Share | None,
        Fact(
            "largest account",
            StudyUnit.FRACTION,
            why="Most of a side's interest that one account holds; needed for a size tail of 1 or "
            "less.",
            assumption=True,
        ),
    ] = 0.05
    rank_correlation: Annotated[
        float,
        Field(strict=True, ge=-1.0, le=1.0),
        Fact(
            "size with leverage",
            StudyUnit.RATIO,
            why="Rank correlation: above 0, whales sit nearer their triggers, as in real books.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.5
    hedger_fraction: Annotated[
        Share, Fact("hedgers", StudyUnit.FRACTION, why="Share of accounts that hold another leg.")
    ] = 0.0
    maker_fraction: Annotated[
        Share, Fact("makers", StudyUnit.FRACTION, why="Share of accounts that quote in the book.")
    ] = 0.0
    seed: Annotated[
        int,
        Field(strict=True, ge=0, lt=SEED_LIMIT),
        Fact("book's seed", StudyUnit.COUNT, why="The same seed draws the same accounts."),
    ] = 1


class AccountsTable(Table):
    """Accounts of several assets, a row for each position: perpetuals, or collateral of loans."""

    kind: Annotated[Literal["accounts"], Fact("book")] = "accounts"
    file: Annotated[
        str,
        Fact(
            "file",
            why="CSV or parquet: account, asset, quantity, and the account's equity; of loans its "
            "debt.",
        ),
    ] = Field(min_length=1)
    at_one_percent_notional: Annotated[
        dict[str, Positive],
        Fact(
            "depth at 1 %, by asset",
            StudyUnit.MONEY,
            why="Value whose sale moves each price by 1 %; the study's own asset: [depth].",
            assumption=True,
        ),
    ] = Field(default_factory=dict)
    maintenance_fraction: Annotated[
        dict[str, Fraction],
        Fact(
            "maintenance margin, by asset",
            StudyUnit.FRACTION,
            why="Of perpetuals, of their notional.",
            assumption=True,
        ),
    ] = Field(default_factory=dict)
    threshold_fraction: Annotated[
        dict[str, Fraction],
        Fact(
            "liquidation threshold, by asset",
            StudyUnit.FRACTION,
            why="Of loans, of each collateral's value.",
            assumption=True,
        ),
    ] = Field(default_factory=dict)
    bonus_fraction: Annotated[
        dict[str, Fraction],
        Fact(
            "bonus, by asset",
            StudyUnit.FRACTION,
            why="Of loans; left out of an asset: the position's own.",
            assumption=True,
        ),
    ] = Field(default_factory=dict)


BookTable = Annotated[
    Annotated[PositionsTable, Tag("positions")]
    | Annotated[LevelsTable, Tag("levels")]
    | Annotated[LoansTable, Tag("loans")]
    | Annotated[SyntheticTable, Tag("synthetic")]
    | Annotated[AccountsTable, Tag("accounts")],
    by_kind("positions"),
]


class StressSection(Table):
    """The stress that a book is held to."""

    move_fraction: Annotated[
        float,
        Field(strict=True, gt=0.0, lt=1.0),
        Fact(
            "stress move",
            StudyUnit.FRACTION,
            brief="stress move",
            why="Fall (and rise) up to which the branching ratio must stay below a half.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.3
    paths: Annotated[
        int,
        Field(strict=True, ge=100, le=1_000_000),
        Fact("stress paths", StudyUnit.COUNT, why="Runs of the whole book."),
    ] = 10_000
    throughput_notional_per_bar: Annotated[
        Positive | None,
        Fact(
            "throughput per bar",
            StudyUnit.MONEY,
            why="Most that the venue closes of all accounts in a bar; the rest waits its turn. "
            "Left out: no cap.",
            assumption=True,
        ),
    ] = None
    clip_fraction: Annotated[
        Share | None,
        Fact(
            "first clip",
            StudyUnit.FRACTION,
            why="Of an account above clip_above_notional; the rest follows if it is still below "
            "its requirement then. Left out: the close-out of `liquidation`.",
            assumption=True,
        ),
    ] = None
    clip_above_notional: Annotated[
        float,
        Field(strict=True, ge=0.0),
        Fact("clipped above", StudyUnit.MONEY, why="Notional from which an account is clipped."),
    ] = 0.0
    clip_rest_seconds: Annotated[
        Seconds, Fact("rest after the clip", StudyUnit.SECONDS, why="Rounds up to whole bars.")
    ] = 30.0
    margin_multiple: Annotated[
        Positive | None,
        Fact(
            "margin follows volatility",
            StudyUnit.RATIO,
            why="The maintenance margin in force is this multiple of the mark's volatility of a "
            "bar, at least the accounts' own, and binds open positions. Left out: it is constant.",
            assumption=True,
        ),
    ] = None
    margin_half_life_seconds: Annotated[
        Seconds,
        Fact(
            "volatility that the margin follows",
            StudyUnit.SECONDS,
            why="Half-life of the average of squared moves of the mark.",
        ),
    ] = 86_400.0
    margin_most_fraction: Annotated[
        Fraction,
        Fact("highest margin", StudyUnit.FRACTION, why="The rule's cap.", assumption=True),
    ] = 0.5
    margin_notice_seconds: Annotated[
        Seconds,
        Fact(
            "notice of the margin",
            StudyUnit.SECONDS,
            why="From the mark's move to the margin that binds.",
        ),
    ] = 0.0
    slices: Annotated[
        int,
        Field(strict=True, ge=1, le=100),
        Fact(
            "slices of a bar",
            StudyUnit.COUNT,
            why="Steps in which a bar's move is made. 1, a jump, is the safe reading: smooth steps "
            "delete bad debt.",
        ),
    ] = 1
