"""How models stand against what came, and what forces a review of a decision.

The day is the sample: outcomes of one day are one observation, since markets fall together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from riskkit.fleet.concerns import Concern, Gravity
from riskkit.fleet.ledger import Act, LedgerEntry, in_force
from riskkit.fleet.night import Night, recommended, records
from riskkit.fleet.outcomes import trigger_in_force

#: Days that it takes to say which of two models is better.
FEWEST_DAYS = 30
#: Periods that a market's traffic light looks back on (Basel: 250), and the fewest it needs.
PERIODS_BACK = 250
FEWEST_PERIODS = 50
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class ModelStanding:
    """A model against what came, over every market.

    Attributes
    ----------
    challenger : str
        Empty for the champion, the studies' own.
    periods, exceptions : int
        Margin periods of risk that have ended, by market and side, and those whose loss exceeded
        what was to be covered.
    due : float
        Exceptions that the targets allow.
    days : int
        On which a period ended that champion and challenger were both judged on.
    score_ratio : float
        Mean tick score over that of the champion on those periods; below 1 is better.
    better : float or None
        One-sided p-value of "not better than the champion" (Diebold-Mariano on daily means); None
        with fewer than `FEWEST_DAYS` days, or where the two never differ.
    """

    challenger: str
    periods: int
    exceptions: int
    due: float
    days: int
    score_ratio: float
    better: float | None

    @property
    def wins(self) -> bool:
        """Whether it forces a review of the champion."""
        return self.better is not None and self.better < SIGNIFICANT


def model_standings(outcomes: pd.DataFrame) -> tuple[ModelStanding, ...]:
    """The champion and each challenger; none where nothing has come yet.

    Parameters
    ----------
    outcomes : DataFrame
        As `riskkit.fleet.outcomes.read_outcomes` gives them.
    """
    if outcomes.empty:
        return ()
    # Loaded when something has come: a night that is done needs no statistics.
    from riskkit.validation.scores import diebold_mariano

    place = ["market", "side", "origin_utc"]
    champion = outcomes[outcomes["challenger"] == ""].set_index(place)["score"]
    found = []
    for name, rows in outcomes.groupby("challenger"):
        both = rows.set_index(place).join(champion.rename("score_champion"), how="inner")
        days = both.groupby(both["target_utc"].str[:10])[["score", "score_champion"]].mean()
        totals = both[["score", "score_champion"]].sum()
        better = None
        apart = days["score"] - days["score_champion"]
        if name and len(days) >= FEWEST_DAYS and apart.nunique() > 1:
            better = diebold_mariano(days["score"], days["score_champion"]).better
        found.append(
            ModelStanding(
                challenger=str(name),
                periods=len(rows),
                exceptions=int(rows["exception"].sum()),
                due=float(rows["due_probability"].sum()),
                days=len(days),
                score_ratio=float(totals["score"] / totals["score_champion"]),
                better=better,
            )
        )
    return tuple(found)


def forced_reviews(
    entries: tuple[LedgerEntry, ...],
    night: tuple[Night, pd.DataFrame],
    outcomes: pd.DataFrame,
    day: date,
    triggers: Mapping[tuple[str, str], float],
) -> dict[str, list[Concern]]:
    """What forces a review of each market's decision or model, by market.

    A decision whose day has passed; a number in force that is thinner than the band of what is
    recommended now; more exceptions than the targets allow, of the recommendation or of what is in
    force (Basel's traffic light over non-overlapping periods: yellow to review, red to act on).

    Parameters
    ----------
    entries
        The record; see `riskkit.fleet.ledger.read_ledger`.
    night
        As `riskkit.fleet.night.read_night` gives it.
    day : date
        On which the page is read.
    triggers : mapping
        From (digest, side) to the trigger that a file recommends.
    """
    found: dict[str, list[Concern]] = defaultdict(list)
    decided = in_force(entries)
    for market, entry in decided.items():
        if entry.until is not None and entry.until < day:
            words = f"what is in force lapsed on {entry.until} (decided by {entry.who})"
            found[market].append(Concern(Gravity.ACT, words))
    for row in records(recommended(night[1])):
        decision = decided.get(row["market"])
        if decision is not None and (thin := _thin(decision, row, triggers)):
            found[row["market"]].append(Concern(Gravity.REVIEW, thin))
    judged = {"exception": "what was recommended", "in_force_short": "what was in force"}
    for place, rows in outcomes[outcomes["challenger"] == ""].groupby(["market", "side"]):
        name, side = map(str, place)
        apart = apart_periods(rows.sort_values("origin_utc")).tail(PERIODS_BACK)
        for flags, of in judged.items():
            known = apart[apart[flags].notna()]
            concern = _light(known[flags], known["due_probability"], f"{side}: {of}")
            if concern is not None:
                found[name].append(concern)
    return found


def _thin(
    entry: LedgerEntry, row: Mapping[str, Any], triggers: Mapping[tuple[str, str], float]
) -> str:
    """Words where what is in force is thinner than the band of what is recommended."""
    force = trigger_in_force(entry, row["side"], triggers)
    if force is None or (entry.act is Act.ADOPTED and entry.digest == row["digest"]):
        return ""
    loan = row["instrument"] == "loan"
    if not (force > row["trigger_high_fraction"] if loan else force < row["trigger_low_fraction"]):
        return ""
    return (
        f"{row['side']}: {force:.2%} in force since {entry.day} is thinner than the band of what "
        f"is recommended now ({row['trigger_fraction']:.2%})"
    )


def apart_periods(rows: pd.DataFrame) -> pd.DataFrame:
    """Periods that do not overlap, from the first on; the rows in order of their origins."""
    kept, end = [], ""
    for place, (origin, target) in enumerate(
        zip(rows["origin_utc"], rows["target_utc"], strict=True)
    ):
        if origin >= end:
            kept.append(place)
            end = target
    return rows.iloc[kept]


def _light(flags: pd.Series, due: pd.Series, of: str) -> Concern | None:
    # Basel's zones are read at P(X <= x), which a few periods without any exception would exceed.
    if len(flags) < FEWEST_PERIODS or not flags.any():
        return None
    from riskkit.validation.coverage import Zone, traffic_light

    light = traffic_light(flags.to_numpy(dtype=bool), float(due.mean()))
    if light.zone is Zone.GREEN:
        return None
    gravity = Gravity.ACT if light.zone is Zone.RED else Gravity.REVIEW
    words = (
        f"{of} was exceeded in {light.exceptions} of {light.observations} periods "
        f"({due.sum():.1f} due): {light.zone.value} light"
    )
    return Concern(gravity, words)
