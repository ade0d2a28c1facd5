"""A night run in parts: what an earlier run of it holds is joined, never overwritten."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pandas as pd

from riskkit.errors import InputError
from riskkit.fleet.identity import Identity
from riskkit.fleet.night import Night, nights, read_night
from riskkit.market.store.files import locked


@dataclass(frozen=True)
class JoinedNight:
    """A night's runs as one.

    Attributes
    ----------
    night, table
        As `riskkit.fleet.night.night_of` gives them.
    kept : tuple of str
        Markets of an earlier run that this one did not ask for.
    gone : tuple of str
        Markets of an earlier run whose study is not there any more: left out.
    """

    night: Night
    table: pd.DataFrame
    kept: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def writing(folder: Path) -> AbstractContextManager[None]:
    """Hold the nights' lock: two runs of one night join one after the other."""
    return locked(folder / "nights")


def check_joins(folder: Path, night: date, identity: Identity, markets: Collection[str]) -> None:
    """Refuse, before anything is computed, to put parts of two versions into one night.

    Raises
    ------
    InputError
        If an earlier run of the night was made by other versions or another processor, and holds
        markets that this run does not ask for.
    """
    if night not in nights(folder):
        return
    earlier = read_night(folder, night)[0]
    if _comparable(earlier, identity.to_dict()):
        return
    left = [row.market for row in earlier.rows if row.market not in markets and _there(row.study)]
    if left:
        raise InputError(
            "night",
            str(night),
            f"holds {len(left)} markets made by another riskkit, other packages or another "
            f"processor ({', '.join(left[:3])}{', …' if len(left) > 3 else ''}), which this run "
            "does not ask for",
            "Run all of the night's markets, or choose another --out",
        )


def join_night(folder: Path, night: Night, table: pd.DataFrame) -> JoinedNight:
    """The night with what an earlier run of it holds of other markets."""
    if night.night not in nights(folder):
        return JoinedNight(night, table)
    earlier, rows = read_night(folder, night.night)
    mine = {row.market for row in night.rows}
    others = [row for row in earlier.rows if row.market not in mine]
    kept = [row for row in others if _there(row.study)]
    gone = tuple(row.market for row in others if not _there(row.study))
    if not _comparable(earlier, night.identity):
        kept = []
    names = [row.market for row in kept]
    chosen = rows[_names(rows).isin(names)]
    series = {row.series: row for row in (*earlier.refreshed, *night.refreshed)}
    joined = replace(
        night,
        rows=tuple(sorted((*night.rows, *kept), key=lambda row: row.market)),
        refreshed=tuple(series[name] for name in sorted(series)),
    )
    whole = pd.concat([table, chosen], ignore_index=True) if len(chosen) else table
    return JoinedNight(joined, whole, tuple(names), gone)


def _names(table: pd.DataFrame) -> pd.Series:
    """Each row's market as the manifest names it."""
    shadow = table["challenger"]
    return table["market"].where(shadow == "", table["market"] + "~" + shadow)


def _there(path: str) -> bool:
    return Path(path).is_file()


def _comparable(earlier: Night, identity: object) -> bool:
    return bool(dict(earlier.identity) == identity)
