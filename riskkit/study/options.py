"""How implied volatility moves, and what short options are asked at least."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from riskkit.study.fact import DefaultSource, Fact, StudyUnit
from riskkit.study.tables import Fraction, Share, Table


class OptionsSection(Table):
    """Legs of options in accounts: `riskkit portfolio --legs`."""

    volatility_file: Annotated[
        str | None,
        Fact(
            "implied volatility",
            why="CSV of time, volatility (30 days, daily) of the first asset, whose law all "
            "underlyings take; left out, the stated law.",
        ),
    ] = None
    volatility_files: Annotated[
        tuple[str, ...],
        Fact(
            "implied volatilities",
            why="Such a file for each asset, in the panel's order: what their laws leave on a day "
            "is drawn for all of them together.",
        ),
    ] = ()
    noise_correlation_fraction: Annotated[
        Share,
        Fact(
            "correlation of noises",
            StudyUnit.FRACTION,
            why="Of what the laws of two underlyings leave, where they are stated.",
            source=DefaultSource.DECLARED,
        ),
    ] = 0.8
    strikes: Annotated[
        Literal["sticky-strike", "sticky-delta"],
        Fact(
            "strikes",
            why="What keeps its volatility as the price moves: a strike, or a moneyness on the "
            "smile of the legs' own expiry.",
        ),
    ] = "sticky-strike"
    level: Annotated[
        float,
        Field(strict=True, ge=-1.0, le=1.0),
        Fact(
            "drift of log IV",
            StudyUnit.FRACTION,
            why="A day, of the stated law.",
            source=DefaultSource.DECLARED,
        ),
    ] = -0.018
    response: Annotated[
        float,
        Field(strict=True, ge=-20.0, le=20.0),
        Fact(
            "log IV per absolute return",
            StudyUnit.RATIO,
            why="Of the stated law: BTC's volatility index, 2022-11 to 2024-06.",
            source=DefaultSource.DECLARED,
        ),
    ] = 1.05
    slope: Annotated[
        float,
        Field(strict=True, ge=-20.0, le=20.0),
        Fact(
            "log IV per return",
            StudyUnit.RATIO,
            why="Of the stated law.",
            source=DefaultSource.DECLARED,
        ),
    ] = -0.015
    noise: Annotated[
        float,
        Field(strict=True, ge=0.0, le=2.0),
        Fact(
            "noise of log IV",
            StudyUnit.FRACTION,
            why="Standard deviation a day, of the stated law.",
            source=DefaultSource.DECLARED,
        ),
    ] = 0.047
    short_floor_fraction: Annotated[
        Fraction,
        Fact(
            "floor of short options",
            StudyUnit.FRACTION,
            why="Of a short leg's notional: rows cannot be worse than what they hold.",
            source=DefaultSource.DECLARED,
        ),
    ] = 0.01

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if self.volatility_file is not None and self.volatility_files:
            raise ValueError(
                "volatility_file and volatility_files must not both be given: leave one out"
            )
        return self
