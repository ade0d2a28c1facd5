"""A study's table of collateral: what is accepted, and how long it takes to sell."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from riskkit.study.fact import DefaultSource, Fact, StudyUnit
from riskkit.study.tables import Fraction, Table

Hours = Annotated[float, Field(strict=True, gt=0.0, le=24.0 * 366.0)]


class CollateralSection(Table):
    """Assets of the panel that are accepted as collateral, beside money."""

    accepted: Annotated[
        tuple[str, ...],
        Field(min_length=1),
        Fact("accepted", why="Assets of the panel; each is margined jointly with the positions."),
    ]
    liquidation_hours: Annotated[
        tuple[Hours, ...],
        Fact(
            "time to sell",
            StudyUnit.HOURS,
            why="Of each accepted asset in order: by the depth of its market, or the queue of its "
            "redemption; absent, the margin period of risk. Never shorter than that.",
        ),
    ] = ()
    sale_bonus_fraction: Annotated[
        Fraction,
        Fact(
            "liquidation bonus",
            StudyUnit.FRACTION,
            why="Of a loan against the collateral: thresholds leave room for it, and no more is "
            "accepted than can be sold within it at crash depth.",
            source=DefaultSource.DECLARED,
        ),
    ] = 0.05
    crash_depth_fraction: Annotated[
        float,
        Field(strict=True, gt=0.0, le=1.0),
        Fact(
            "depth left in a crash",
            StudyUnit.FRACTION,
            why="Of the depth in [liquidity].",
            source=DefaultSource.DECLARED,
        ),
    ] = 0.2

    @model_validator(mode="after")
    def _one_time_each(self) -> Self:
        if self.liquidation_hours and len(self.liquidation_hours) != len(self.accepted):
            raise ValueError(
                f"liquidation_hours must be one for each accepted asset: {len(self.accepted)}, "
                f"not {len(self.liquidation_hours)}"
            )
        if len(set(self.accepted)) != len(self.accepted):
            raise ValueError("accepted names an asset twice")
        return self
