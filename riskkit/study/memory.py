"""What each side's tail remembers of its own losses: the table ``[memory]`` of a study."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from riskkit.paths.memory import OwnSideMemory
from riskkit.study.fact import DefaultSource, Fact, StudyUnit
from riskkit.study.tables import Table
from riskkit.tail.tracker import RATE


class MemorySection(Table):
    """A side that was just hit has the thicker tail for a few bars, whatever sigma says."""

    weight_fraction: Annotated[
        Annotated[float, Field(strict=True, gt=0.0, lt=1.0)],
        Fact(
            "own side's weight",
            StudyUnit.FRACTION,
            why="Share of the next bar's variance that follows the own side's past losses. Chosen "
            "on 17 hourly and five-minute series, held on thirteen others.",
            source=DefaultSource.MEASURED,
            assumption=True,
        ),
    ] = 0.12
    decay_fraction: Annotated[
        Annotated[float, Field(strict=True, ge=0.0, lt=1.0)],
        Fact(
            "left after a bar",
            StudyUnit.FRACTION,
            why="Share of what a loss leaves that is still there a bar later.",
            source=DefaultSource.MEASURED,
            assumption=True,
        ),
    ] = 0.5
    correction_rate: Annotated[
        Annotated[float, Field(strict=True, ge=0.0, le=0.1)],
        Fact(
            "correction rate",
            StudyUnit.RATIO,
            why="At which the tail of the evidence is corrected by its own record, an exception at "
            "1 % at a time; 0 for none. It moves no margin.",
            source=DefaultSource.MEASURED,
        ),
    ] = RATE

    def law(self) -> OwnSideMemory:
        """The memory as paths and tails take it."""
        return OwnSideMemory(self.weight_fraction, self.decay_fraction)
