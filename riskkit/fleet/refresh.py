"""The prices of a fleet, brought up to date before its night."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.errors import RiskkitError
from riskkit.market.exchange import Exchange
from riskkit.market.refresh import Refreshed, refresh_series
from riskkit.market.store import PriceStore, SeriesKey, find_store
from riskkit.study.name import study_name
from riskkit.study.reading import resolved

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True)
class SeriesRow:
    """A stored series at the start of a night, as the manifest keeps it.

    Attributes
    ----------
    series : str
    markets : tuple of str
        Studies that rest on it.
    added : int
        Bars that came.
    revised, missing, behind : int
        Stored bars that the exchange now gives differently (kept as stored), bars that it was asked
        for twice and did not give, and closed bars that it does not show yet.
    reason : str
        Why it is not up to date; else empty.
    """

    series: str
    markets: tuple[str, ...]
    added: int = 0
    revised: int = 0
    missing: int = 0
    behind: int = 0
    reason: str = ""


def refresh_fleet(
    files: Iterable[Path],
    connect: Callable[[str], Exchange],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[SeriesRow, ...]:
    """Update every stored series that studies name, each once; by exchange, then by name.

    Parameters
    ----------
    files : iterable of Path
        Studies. One that cannot be read is left for the run to name.
    connect, progress
        As in `riskkit.market.refresh.refresh_series`.
    """
    markets: dict[tuple[Path, str], list[str]] = defaultdict(list)
    for path in files:
        for place, key in _named(path):
            markets[place, str(key)].append(study_name(path))
    order = sorted(markets, key=lambda at: (at[1], str(at[0])))
    stored = [(PriceStore(place), SeriesKey.parse(name)) for place, name in order]
    done = refresh_series(stored, connect, progress)
    return tuple(_row(each, markets[at]) for at, each in zip(order, done, strict=True))


def _named(path: Path) -> Iterable[tuple[Path, SeriesKey]]:
    """The stored series of a study, with the store in force there."""
    try:
        content = resolved(path, _studies)
        names = [_table(content, "data").get("stored")]
        more = _table(content, "assets").get("stored", ())
        names += more if isinstance(more, list | tuple) else ()
        keys = [SeriesKey.parse(name) for name in names if isinstance(name, str)]
    except (RiskkitError, OSError):
        return []
    root = find_store(path.parent).root.resolve()
    return [(root, key) for key in dict.fromkeys(keys)]


def _studies() -> type[BaseModel]:
    from riskkit.study.study import Study

    return Study


def _table(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = content.get(name)
    return found if isinstance(found, Mapping) else {}


def _row(done: Refreshed, markets: list[str]) -> SeriesRow:
    name, update = str(done.key), done.update
    if update is None:
        return SeriesRow(name, tuple(markets), reason=done.reason)
    return SeriesRow(
        name,
        tuple(markets),
        added=update.added,
        revised=len({r.time for r in update.revisions if not r.accepted}),
        missing=sum(hole.bars for hole in update.new_holes),
        behind=update.behind,
        reason=done.reason,
    )
