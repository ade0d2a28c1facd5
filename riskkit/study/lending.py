"""How a lending venue liquidates, what keepers ask, and the auction that may replace them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from riskkit.study.fact import DefaultSource, Fact, StudyUnit
from riskkit.study.tables import Fraction, Positive, Share, Table

Money = Annotated[float, Field(strict=True, ge=0.0)]


class AuctionTable(Table):
    """A Dutch auction of collateral, whose start and cut are solved."""

    seconds: Annotated[
        Positive,
        Fact("longest auction", StudyUnit.SECONDS, why="Then it begins anew: Maker's 8,400 s."),
    ] = 8_400.0
    step_seconds: Annotated[
        Positive, Fact("step", StudyUnit.SECONDS, why="Between two prices: Maker's 90 s.")
    ] = 90.0
    no_bid_fraction: Annotated[
        Fraction,
        Fact(
            "auctions without a bid",
            StudyUnit.PROBABILITY,
            why="At most, in stress.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.01
    loss_fraction: Annotated[
        Fraction,
        Fact(
            "loss of an auction",
            StudyUnit.FRACTION,
            why="At most, in all but one of a hundred, against the oracle's price at its start.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.1
    bid_cost_fraction: Annotated[
        Fraction,
        Fact(
            "what a bidder asks",
            StudyUnit.FRACTION,
            why="Below the market.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.005


class LendingSection(Table):
    """Whose rules a loan is liquidated by, and when a keeper comes."""

    rules: Annotated[
        Literal["aave-v3", "aave-v4", "compound", "euler"],
        Fact("rules", why="What one liquidation repays: docs/fund.md."),
    ] = "aave-v3"
    close_factor_fraction: Annotated[
        Share | None,
        Fact("close factor", StudyUnit.FRACTION, why="Left out: that of the rules."),
    ] = None
    target_health: Annotated[
        float | None,
        Field(strict=True, gt=1.0),
        Fact("health restored", StudyUnit.RATIO, why="Left out: that of the rules."),
    ] = None
    dust_notional: Annotated[
        Money | None,
        Fact("dust", StudyUnit.MONEY, why="Debt that is repaid whole. Left out: the rules' own."),
    ] = None
    halts: Annotated[
        bool,
        Fact(
            "halts at the toxic line",
            why="Nothing is taken where repaying would raise debt over collateral.",
        ),
    ] = False
    gas_notional: Annotated[
        Money,
        Fact(
            "a keeper's gas",
            StudyUnit.MONEY,
            why="Of a liquidation, in stress.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 50.0
    two_steps: Annotated[
        bool,
        Fact(
            "liquidators take two steps",
            why="First just so much that the loan stays liquidatable, then the close factor of the "
            "rest. A health that is restored leaves no second step.",
        ),
        Field(exclude_if=lambda value: not value),
    ] = False
    competing_keepers: Annotated[
        int,
        Field(strict=True, ge=1, le=10_000),
        Fact(
            "keepers who compete",
            StudyUnit.COUNT,
            why="One of them is paid, and the others' transactions fail.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
        Field(exclude_if=lambda value: value == 1),
    ] = 1
    failed_gas_fraction: Annotated[
        Share,
        Fact(
            "gas of a failed liquidation",
            StudyUnit.FRACTION,
            why="Of a whole one's: what a keeper pays who came second.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
        Field(exclude_if=lambda value: value == 0.3),
    ] = 0.3
    bid_fraction: Annotated[
        Fraction,
        Fact(
            "profit bid away",
            StudyUnit.FRACTION,
            why="To whoever orders transactions, so as to come first.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
        Field(exclude_if=lambda value: value == 0.0),
    ] = 0.0
    keepers_notional_per_bar: Annotated[
        Positive | None,
        Fact(
            "keepers' capital a bar",
            StudyUnit.MONEY,
            why="Most that all of them take. Left out: no cap.",
            assumption=True,
        ),
    ] = None
    absent_move_fraction: Annotated[
        Positive | None,
        Fact(
            "keepers are missing from a move of",
            StudyUnit.FRACTION,
            why="Absolute log return of a bar in which none comes: chains congest in crashes. "
            "Left out: they always may.",
            assumption=True,
        ),
    ] = None
    cleared_probability: Annotated[
        Share,
        Fact(
            "loans cleared",
            StudyUnit.PROBABILITY,
            why="Of the paths: the smallest bonus is the least with which keepers leave nothing.",
            source=DefaultSource.DECLARED,
        ),
    ] = 0.99
    auction: Annotated[AuctionTable, Fact(why="Beside the bonus, the auction that would do.")] = (
        AuctionTable()
    )
