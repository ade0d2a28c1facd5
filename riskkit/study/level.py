"""Whether a study's forecasts of variance are held to what came: the table ``[level]``."""

from __future__ import annotations

from typing import Annotated

from riskkit.study.fact import DefaultSource, Fact, StudyUnit
from riskkit.study.tables import Days, Table
from riskkit.volatility.level import HALF_LIFE_DAYS


class LevelSection(Table):
    """The record of the variance forecast over each of the study's times, published in the file."""

    half_life_days: Annotated[
        Days,
        Fact(
            "record's half-life",
            StudyUnit.DAYS,
            why="After so long a forecast counts half in the factor that would correct the next. "
            "90, 180 and 365 days gave the same to .015 of QLIKE. It moves no margin.",
            source=DefaultSource.MEASURED,
        ),
    ] = HALF_LIFE_DAYS
