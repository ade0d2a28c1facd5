"""How implied volatility moves, and what short options are asked at least."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from riskkit.study.fact import DefaultSource, Fact, StudyUnit
from riskkit.study.tables import Fraction, Table


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
