"""The margin as a published rule, and the accounts that it is judged over: `riskkit replay`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from riskkit.errors import InputError
from riskkit.study.fact import DefaultSource, Fact, StudyUnit
from riskkit.study.tables import Fraction, Positive, Seconds, Share, Table
from riskkit.venue.account_mix import AAVE_V3_STETH, AccountMix, check_mix
from riskkit.venue.rule import Raises


class RuleSection(Table):
    """A maintenance margin that moves with the forecast of volatility, as a venue publishes it."""

    multiple: Annotated[
        Positive,
        Fact(
            "multiple of sigma",
            StudyUnit.RATIO,
            brief="multiple",
            why="Margin over the forecast volatility of the time to execution; the cost of closing "
            "out comes on top. docs/replay.md says where 12 is from.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = 12.0
    interval_seconds: Annotated[
        Seconds,
        Fact("published every", StudyUnit.SECONDS, why="Rounds up to whole bars.", assumption=True),
    ] = 3_600.0
    notice_seconds: Annotated[
        Seconds,
        Fact(
            "notice of a raise",
            StudyUnit.SECONDS,
            brief="notice",
            why="From publication until a raise binds positions that are open; new ones it binds "
            "at once.",
            assumption=True,
        ),
    ] = 3_600.0
    raises: Annotated[
        Raises,
        Fact("raises bind open positions", why="After the notice, at once, or never."),
    ] = Raises.AFTER_NOTICE
    greatest_change_fraction: Annotated[
        Positive | None,
        Fact(
            "greatest change",
            StudyUnit.FRACTION,
            why="Of the published margin, up or down, from one publication to the next. Left out: "
            "no limit.",
            assumption=True,
        ),
    ] = None
    staleness_seconds: Annotated[
        Annotated[float, Field(strict=True, gt=0.0, le=86_400 * 366)],
        Fact(
            "feed may be silent for",
            StudyUnit.SECONDS,
            why="After a longer silence the fallback holds for as long again.",
            assumption=True,
        ),
    ] = 3_600.0
    fallback_fraction: Annotated[
        Fraction,
        Fact(
            "fallback",
            StudyUnit.FRACTION,
            why="Least margin while the feed counts as stale; 0 leaves the rule's own.",
            assumption=True,
        ),
    ] = 0.0
    cap_fraction: Annotated[
        Annotated[float, Field(strict=True, gt=0.0, lt=1.0)],
        Fact(
            "cap",
            StudyUnit.FRACTION,
            why="Highest margin. It bounds the users' burden, and the fund bears the rest.",
            assumption=True,
        ),
    ] = 0.5
    floor_fraction: Annotated[
        Fraction,
        Fact(
            "floor",
            StudyUnit.FRACTION,
            why="Least margin that is published: what it does not give back in calm times need not "
            "be raised in the next crash. 0 for none.",
            assumption=True,
        ),
    ] = 0.0
    smoothing_seconds: Annotated[
        Seconds,
        Fact(
            "smoothed over",
            StudyUnit.SECONDS,
            why="Half-life of the average of squared forecasts that the formula reads; 0 reads the "
            "last one.",
            assumption=True,
        ),
    ] = 0.0
    memory_weight_fraction: Annotated[
        Annotated[float, Field(strict=True, ge=0.0, lt=1.0)],
        Fact(
            "memory of blows",
            StudyUnit.FRACTION,
            why="Share of the next bar's variance that follows what the side hit harder remembers "
            "of its own losses; 0 for none.",
            assumption=True,
        ),
    ] = 0.0


Shares = Annotated[tuple[Share, ...], Field(min_length=1)]


class AccountsSection(Table):
    """Who holds positions: the distribution of accounts that a margin is judged over."""

    name: Annotated[str, Fact("accounts", why="What the mix is called.")] = AAVE_V3_STETH.name
    origin: Annotated[str, Fact("source", why="Where its numbers are from.")] = AAVE_V3_STETH.source
    distance_fraction: Annotated[
        Annotated[tuple[Positive, ...], Field(min_length=1)],
        Fact(
            "distance IM - MM",
            StudyUnit.FRACTION,
            why="Of each group of accounts, increasing: how far a position is opened from its "
            "trigger.",
            source=DefaultSource.MEASURED,
            assumption=True,
        ),
    ] = AAVE_V3_STETH.distance
    account_share: Annotated[
        Shares,
        Fact(
            "share of accounts",
            StudyUnit.FRACTION,
            why="Of each group; they sum to 1.",
            source=DefaultSource.MEASURED,
        ),
    ] = AAVE_V3_STETH.account_share
    interest_share: Annotated[
        Shares,
        Fact(
            "share of open interest",
            StudyUnit.FRACTION,
            why="Of each group; they sum to 1. Over the share of accounts it is their size.",
            source=DefaultSource.MEASURED,
        ),
    ] = AAVE_V3_STETH.interest_share
    holding_days: Annotated[
        Annotated[float, Field(strict=True, gt=0.0, le=366.0)],
        Fact(
            "held for",
            StudyUnit.DAYS,
            why="A position that is not liquidated is closed then.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = AAVE_V3_STETH.holding_days
    long_share: Annotated[
        Share,
        Fact(
            "share of longs",
            StudyUnit.FRACTION,
            why="Of accounts and of open interest, where both sides are margined.",
            source=DefaultSource.DECLARED,
            assumption=True,
        ),
    ] = AAVE_V3_STETH.long_share

    @model_validator(mode="after")
    def _a_distribution(self) -> Self:
        try:
            check_mix(self.mix())
        except InputError as error:
            raise ValueError(f"{error.argument} {error.rule}: {error.remedy}") from None
        return self

    def mix(self) -> AccountMix:
        """The mix as the judge takes it."""
        return AccountMix(
            name=self.name,
            source=self.origin,
            distance=self.distance_fraction,
            account_share=self.account_share,
            interest_share=self.interest_share,
            holding_days=self.holding_days,
            long_share=self.long_share,
        )
