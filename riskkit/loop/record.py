"""Whether the loop may go on: its own record, held to what was due.

The fleet's outcomes are read; periods that overlap are one observation. More exceptions than chance
allows at the loop's level, and the loop proposes nothing until somebody has looked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from scipy.stats import poisson_binom

from riskkit.errors import InputError
from riskkit.fleet.outcomes import read_outcomes
from riskkit.fleet.standing import apart_periods

#: Chance of a record as bad as this, or worse, below which the loop stops.
STOPS_AT = 0.025


@dataclass(frozen=True)
class LoopRecord:
    """What came of a market's recommendations.

    Attributes
    ----------
    periods, exceptions : int
        Margin periods of risk that do not overlap, of both sides, and those whose loss exceeded
        what was covered.
    due : float
        Exceptions that the targets allow.
    chance : float
        Of as many exceptions or more, if the targets hold.
    """

    periods: int
    exceptions: int
    due: float
    chance: float

    @property
    def stops(self) -> bool:
        """Whether the record lies outside its band."""
        return self.exceptions > 0 and self.chance < STOPS_AT

    def words(self) -> str:
        """What it says."""
        if not self.periods:
            return "the record holds no period of this market yet"
        says = "the loop stops itself" if self.stops else "within its band"
        return (
            f"its record: {self.exceptions} exceptions in {self.periods} periods, "
            f"{self.due:.1f} due; chance of as many {self.chance:.3f}: {says}"
        )


def record_of(outcomes: pd.DataFrame) -> LoopRecord:
    """The record of one market's own outcomes, as `riskkit.fleet.outcomes.read_outcomes` has
    them.
    """
    own = outcomes[outcomes["challenger"] == ""]
    parts = [
        apart_periods(rows.sort_values("origin_utc")) for _, rows in own.groupby(["market", "side"])
    ]
    if not parts:
        return LoopRecord(0, 0, 0.0, 1.0)
    rows = pd.concat(parts)
    due = rows["due_probability"].to_numpy(dtype=float)
    count = int(rows["exception"].astype(bool).sum())
    chance = float(poisson_binom(due).sf(count - 1)) if count else 1.0
    return LoopRecord(len(rows), count, float(due.sum()), chance)


def read_record(folder: Path, market: str) -> LoopRecord:
    """The record of a market in a fleet's folder.

    Raises
    ------
    InputError
        If the folder is none.
    """
    if not folder.is_dir():
        rule = "must be a folder that `riskkit fleet run` has written"
        raise InputError("record", str(folder), rule, "Give the fleet's folder of results")
    outcomes = read_outcomes(folder)
    return record_of(outcomes[outcomes["market"] == market])
