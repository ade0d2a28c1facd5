"""What came after a recommendation: the move over its margin period of risk, when that has ended.

A study's own model and its challengers are held to the same moves, and so is what the record says
was in force. ``outcomes/as_of=NIGHT/outcomes.parquet`` has those that a night saw for the first
time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskkit.fleet.archive import Archive
from riskkit.fleet.ledger import Act, LedgerEntry, in_force
from riskkit.fleet.night import nights, read_recommended, records, write_table
from riskkit.fleet.plan import FleetMarket
from riskkit.position import Side

if TYPE_CHECKING:
    from riskkit.study.case import Case

#: Nights that are looked back on for recommendations whose period had not ended.
NIGHTS_BACK = 60
COLUMNS = (
    "market", "challenger", "side", "digest", "origin_utc", "target_utc",
    "due_probability", "sigma_next_bar_fraction", "covered_loss_fraction",
    "realised_loss_fraction", "exception", "score", "trigger_fraction", "needed_fraction",
    "in_force_fraction", "in_force_short",
)  # fmt: skip
"""Columns of the outcomes, in order.

``exception`` says whether the realised loss exceeded the covered one, ``due_probability`` how often
that may happen; ``score`` is the tick loss over the champion's sigma (lower is better);
``needed_fraction`` is the trigger that the loss called for, and ``in_force_short`` whether the one
in force at the origin, adopted or overridden, was short of it.
"""
_ASKED = ("market", "challenger", "side", "last_bar_utc")
_SEEN = ("market", "challenger", "side", "origin_utc")
_TEXT = ("market", "challenger", "side", "digest", "origin_utc", "target_utc")
_FLAGS = ("exception", "in_force_short")


@dataclass
class AwaitedOutcomes:
    """Recommendations whose outcome is not known yet; each market is looked at when it is read."""

    archive: Archive
    entries: tuple[LedgerEntry, ...]
    open: pd.DataFrame
    places: Mapping[Any, Any]
    triggers: Mapping[tuple[str, str], float]
    found: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path, entries: tuple[LedgerEntry, ...], night: date) -> AwaitedOutcomes:
        """Those of the nights before ``night`` that no night has seen the outcome of."""
        earlier = [day for day in nights(folder) if day < night][-NIGHTS_BACK:]
        every = read_recommended(folder, earlier).drop_duplicates(list(_ASKED))
        known = pd.MultiIndex.from_frame(read_outcomes(folder, before=night)[list(_SEEN)])
        open_ = every[~pd.MultiIndex.from_frame(every[list(_ASKED)]).isin(known)]
        places = open_.groupby("market").indices
        return cls(Archive(folder), entries, open_, places, triggers_of(folder, entries))

    def see(self, market: FleetMarket, case: Case) -> None:
        """Look for the outcomes of a market in its prices."""
        if market.challenger or market.study not in self.places:
            return
        rows = self.open.take(self.places[market.study])
        own = rows[rows["challenger"] == ""]
        sigma = {
            (row["last_bar_utc"], row["side"]): row["sigma_next_bar_fraction"]
            for row in records(own)
        }
        for key, mine in rows.groupby("key"):
            self.found += self._outcomes(str(key), mine, sigma, case)

    def table(self) -> pd.DataFrame:
        """The outcomes found; see `COLUMNS`."""
        rows = sorted(
            self.found,
            key=lambda r: (r["market"], r["challenger"], r["origin_utc"], r["side"]),
        )
        return _typed(pd.DataFrame(rows, columns=list(COLUMNS)))

    def _outcomes(
        self,
        key: str,
        rows: pd.DataFrame,
        sigma: Mapping[tuple[str, str], float],
        case: Case,
    ) -> Iterable[dict[str, Any]]:
        # Loaded when there is something to judge: a night that is done needs none of it.
        from riskkit.calibration.question import venue_of
        from riskkit.study.study import parse_study
        from riskkit.tail.along_history import with_realised_losses
        from riskkit.validation.scores import tick_score

        content = json.loads(self.archive.parameters(key).read_text(encoding="utf-8"))
        study = parse_study(content["study"])
        bar = pd.Timedelta(seconds=content["data"]["bar_seconds"])
        if bar != case.history.bar:  # another question since
            return
        venue = venue_of(study, bar)
        due = study.targets.default_given_liquidation_probability
        frame = rows.assign(origin=pd.to_datetime(rows["last_bar_utc"], utc=True))
        frame = frame[frame["origin"].isin(case.history.bars.index)].reset_index(drop=True)
        bars = content["counted"]["margin_period_of_risk_bars"]
        judged = with_realised_losses(frame, case.history, bars)
        for row in records(judged[judged["not_evaluated"] == ""]):
            side, loss, covered = (
                Side(row["side"]),
                row["realised_loss"],
                row["covered_loss_fraction"],
            )
            needed = float(venue.needed(loss, side))
            scale = sigma.get((row["last_bar_utc"], row["side"]), row["sigma_next_bar_fraction"])
            force = self._in_force(row)
            yield {
                **{name: row[name] for name in ("market", "challenger", "side", "digest")},
                "origin_utc": row["last_bar_utc"],
                "target_utc": row["target"].isoformat(),
                "due_probability": due,
                "sigma_next_bar_fraction": scale,
                "covered_loss_fraction": covered,
                "realised_loss_fraction": loss,
                "exception": loss > covered,
                "score": float(tick_score([loss], [covered], due)[0]) / scale,
                "trigger_fraction": row["trigger_fraction"],
                "needed_fraction": needed,
                "in_force_fraction": np.nan if force is None else force,
                "in_force_short": None
                if force is None
                else bool(venue.requirement(needed) > venue.requirement(force)),
            }

    def _in_force(self, row: Mapping[str, Any]) -> float | None:
        """The trigger in force for a side when its period began, if the record knows one."""
        origin = pd.Timestamp(row["last_bar_utc"]).date()
        before = tuple(entry for entry in self.entries if entry.day <= origin)
        entry = in_force(before).get(row["market"])
        return None if entry is None else trigger_in_force(entry, row["side"], self.triggers)


def trigger_in_force(
    entry: LedgerEntry, side: str, triggers: Mapping[tuple[str, str], float]
) -> float | None:
    """The trigger that a decision put in force for a side; None if its file's is not known.

    Parameters
    ----------
    triggers : mapping
        From (digest, side) to what that file recommends.
    """
    if entry.act is Act.OVERRIDDEN:
        for name in ("maintenance_margin_fraction", "liquidation_threshold_fraction"):
            if f"{side}.{name}" in entry.values:
                return entry.values[f"{side}.{name}"]
    return triggers.get((entry.digest, side))


def triggers_of(folder: Path, entries: tuple[LedgerEntry, ...]) -> dict[tuple[str, str], float]:
    """What the files in force recommend, from (digest, side)."""
    wanted = {entry.digest for entry in in_force(entries).values()}
    found: dict[tuple[str, str], float] = {}
    for day in reversed(nights(folder)):
        if not wanted:
            break
        table = read_recommended(folder, [day])
        for row in records(table[table["digest"].isin(wanted)]):
            found[row["digest"], row["side"]] = row["trigger_fraction"]
        wanted -= {digest for digest, _ in found}
    return found


def write_outcomes(folder: Path, night: date, table: pd.DataFrame) -> Path | None:
    """Write a night's outcomes beside those that it has; nothing where there are none."""
    if table.empty:
        return None
    place = folder / "outcomes" / f"as_of={night}" / "outcomes.parquet"
    if place.is_file():
        table = pd.concat([pd.read_parquet(place), table], ignore_index=True)
        names = ["market", "challenger", "side", "origin_utc"]
        table = table.drop_duplicates(names, keep="first", ignore_index=True)
    write_table(place, table)
    return place


def read_outcomes(folder: Path, *, before: date | None = None) -> pd.DataFrame:
    """Every night's outcomes, the earliest night first; those of nights before ``before``."""
    days = sorted((folder / "outcomes").glob("as_of=*/outcomes.parquet"))
    if before is not None:
        days = [path for path in days if path.parent.name < f"as_of={before}"]
    if not days:
        return _typed(pd.DataFrame(columns=list(COLUMNS)))
    return pd.concat([pd.read_parquet(path) for path in days], ignore_index=True)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    types = dict.fromkeys(COLUMNS, "float64") | dict.fromkeys(_TEXT, "string")
    return frame.astype(types | dict.fromkeys(_FLAGS, "boolean"))
