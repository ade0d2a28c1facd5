"""What an attacker on a venue's price can do, and what keeps him from it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from riskkit.study.fact import DefaultSource, Fact, StudyUnit
from riskkit.study.tables import Fraction, Positive, Seconds, Share, Table


class SourceTable(Table):
    """A source of the venue's index, one of a weighted median."""

    name: Annotated[str, Fact("source")] = Field(min_length=1)
    weight: Annotated[Positive, Fact("weight", StudyUnit.RATIO, why="In the median.")]
    at_one_percent_notional: Annotated[
        Positive,
        Fact("depth at 1 %", StudyUnit.MONEY, why="Of that market: value that moves it by 1 %."),
    ]
    fee_fraction: Annotated[
        Fraction, Fact("fee", StudyUnit.FRACTION, why="Of that market's trades.")
    ] = 0.0005


class LendingPreyTable(Table):
    """A pool that lends against the asset."""

    loan_to_value_fraction: Annotated[
        float,
        Field(strict=True, gt=0.0, lt=1.0),
        Fact("loan to value", StudyUnit.FRACTION, why="Of the collateral's marked value."),
    ]
    collateral_notional: Annotated[
        Positive,
        Fact("collateral accepted", StudyUnit.MONEY, why="The most that the pool takes of it."),
    ]
    borrowable_notional: Annotated[
        Positive,
        Fact("can be borrowed", StudyUnit.MONEY, why="Money that the pool has to lend."),
    ]
    threshold_fraction: Annotated[
        float | None,
        Field(strict=True, gt=0.0, lt=1.0),
        Fact(
            "liquidation threshold",
            StudyUnit.FRACTION,
            why="With bonus and close factor: what a liquidator gains by two steps.",
        ),
    ] = None
    discount_fraction: Annotated[
        Fraction, Fact("bonus", StudyUnit.FRACTION, why="Of the debt repaid, to its liquidator.")
    ] = 0.0
    repaid_at_once_fraction: Annotated[
        float,
        Field(strict=True, gt=0.0, le=1.0),
        Fact("close factor", StudyUnit.FRACTION, why="Of a debt, repaid in one liquidation."),
    ] = 1.0


class GuardsTable(Table):
    """Guards on the price that the venue believes, as they are tried on history."""

    bad_print_fraction: Annotated[
        float,
        Field(strict=True, gt=0.0, lt=1.0),
        Fact(
            "bad print",
            StudyUnit.FRACTION,
            why="Size of a wrong price that guards are to keep out: 0.5 is half the price, or "
            "twice it.",
            source=DefaultSource.DECLARED,
        ),
    ] = 0.5
    halt_seconds: Annotated[
        Positive,
        Fact(
            "halt",
            StudyUnit.SECONDS,
            why="For which a price outside its band stops the venue; at least a bar.",
            source=DefaultSource.DECLARED,
        ),
    ] = 3600.0
    band_fraction: Annotated[
        float,
        Field(strict=True, gt=0.0, lt=1.0),
        Fact(
            "price band",
            StudyUnit.FRACTION,
            why="Change of a bar beyond which the venue stops; the one that graces are tried at.",
            source=DefaultSource.DECLARED,
        ),
    ] = 0.1


class AttackSection(Table):
    """How the price that the venue believes is made, and who would pay for a wrong one."""

    fee_fraction: Annotated[
        Fraction,
        Fact(
            "fee of an attack's trades",
            StudyUnit.FRACTION,
            why="Of every trade that moves the own book, there and back.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.0005
    initial_margin_fraction: Annotated[
        Fraction | None,
        Fact(
            "attacker's initial margin",
            StudyUnit.FRACTION,
            why="Asked of a new account. Left out: one over the book's highest leverage, which "
            "only a synthetic book states.",
            assumption=True,
        ),
    ] = None
    averaged_seconds: Annotated[
        Seconds,
        Fact(
            "mark averaged over",
            StudyUnit.SECONDS,
            why="Window of the mark's average; 0 for none.",
            assumption=True,
        ),
    ] = 0.0
    mean: Annotated[
        Literal["arithmetic", "geometric"], Fact("average", why="Of prices, or of their logs.")
    ] = "arithmetic"
    traded_back_seconds: Annotated[
        Positive,
        Fact(
            "traded back after",
            StudyUnit.SECONDS,
            why="Time in which others undo a wrong price, so that it must be moved anew.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 60.0
    realisable_fraction: Annotated[
        Share,
        Fact(
            "share that can be taken out",
            StudyUnit.FRACTION,
            why="Of a won position: exits move the price back, withdrawals are limited.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 1.0
    backstop_notional: Annotated[
        float,
        Field(strict=True, ge=0.0),
        Fact(
            "backstop vault",
            StudyUnit.MONEY,
            why="Capital of vaults that take positions over: prey beside the fund.",
            assumption=True,
        ),
    ] = 0.0
    liquidator_reward_fraction: Annotated[
        Fraction,
        Fact(
            "liquidator's reward",
            StudyUnit.FRACTION,
            why="Of the notional closed, to whoever closes it; 0 where the venue closes by itself.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 0.0
    caught_fraction: Annotated[
        Share,
        Fact(
            "forced trades that the attacker takes",
            StudyUnit.FRACTION,
            why="Share of what others are made to trade that he is the other side of.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 1.0
    acting_fraction: Annotated[
        Share,
        Fact(
            "owners who act",
            StudyUnit.FRACTION,
            why="Share of each side's interest, held by its largest accounts, whose owners play "
            "the rules, one bar late.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
        Field(exclude_if=lambda value: value == 0.2),
    ] = 0.2
    depth_low_ratio: Annotated[
        float,
        Field(strict=True, gt=0.0, le=1.0),
        Fact(
            "depth, low end",
            StudyUnit.RATIO,
            why="Of the study's depth, for the low end of the caps' band; `riskkit depth` prints "
            "the band of a measured one.",
            source=DefaultSource.DECLARED,
        ),
    ] = 0.5
    depth_high_ratio: Annotated[
        float,
        Field(strict=True, ge=1.0, le=1000.0),
        Fact(
            "depth, high end",
            StudyUnit.RATIO,
            why="Of the study's depth, for the high end of the caps' band.",
            source=DefaultSource.DECLARED,
        ),
    ] = 2.0
    largest_multiple: Annotated[
        float,
        Field(strict=True, gt=1.0, le=10_000.0),
        Fact(
            "largest factor",
            StudyUnit.RATIO,
            why="Of the mark, either way, that is looked at; a price band makes it smaller.",
            source=DefaultSource.DECLARED,
        ),
    ] = 100.0
    sources: Annotated[
        tuple[SourceTable, ...],
        Fact("sources of the index", why="A weighted median of other markets; none: no index."),
    ] = ()

    lending: Annotated[
        LendingPreyTable | None,
        Fact("lending pool", why="That takes the asset as collateral; left out: none does."),
    ] = None

    guards: Annotated[GuardsTable, Fact("guards", why="On the price that the venue believes.")] = (
        GuardsTable()
    )

    @model_validator(mode="after")
    def _several(self) -> Self:
        if len(self.sources) == 1:
            raise ValueError("sources must be at least two: of one source a median is that source")
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("sources must have different names")
        return self
