"""Write to a stored series: add rows, note revisions, seal. Each is one step under its lock.

A part is written under a name of its own and the manifest that names it last, in one step. A file
that no manifest names is the leaving of a writer that was stopped; the next writer removes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from riskkit.errors import DataError, InputError
from riskkit.market.calendar import Calendar
from riskkit.market.quality import inspect_quality
from riskkit.market.store.files import (
    MANIFEST,
    SUFFIX,
    encode,
    locked,
    query_parts,
    rows_digest,
    write_whole,
)
from riskkit.market.store.key import SeriesKey
from riskkit.market.store.manifest import (
    ExchangeHole,
    Manifest,
    Revision,
    Seal,
    StoredFinding,
    StoredPart,
    read_manifest,
    write_manifest,
)

# Beyond this a year's parts are merged: a load opens few files, and a row is rewritten rarely.
MAX_PARTS_PER_YEAR = 8
LISTED_FINDINGS = 200


@dataclass(frozen=True)
class Commit:
    """What became of rows that were offered: added, repeated as stored, or revised."""

    added: int
    repeated: int
    revisions: tuple[Revision, ...]


def create_series(folder: Path, key: SeriesKey, wanted: Manifest) -> Manifest:
    """Start a series, or widen a stored one to an earlier ``since``; its rows stay.

    Raises
    ------
    InputError
        If another market's series has this name.
    """
    with locked(folder):
        if not (folder / MANIFEST).exists():
            write_manifest(folder, wanted)
            return wanted
        stored = read_manifest(folder, key)
        if stored.symbol != wanted.symbol:
            raise InputError(
                "symbol",
                wanted.symbol,
                f"{key} in this store is {stored.symbol}",
                "Keep the two markets in different stores, with --store",
            )
        changed: dict[str, object] = {"source": wanted.source}
        if wanted.since < stored.since:
            # The span asked for is wider than what the last update completed.
            changed |= {"since": wanted.since, "seal": None}
        updated = stored.model_copy(update=changed)
        if updated != stored:
            write_manifest(folder, updated)
        return updated


def append_rows(
    folder: Path,
    key: SeriesKey,
    rows: pd.DataFrame,
    at: pd.Timestamp,
    *,
    accept_revisions: bool = False,
) -> Commit:
    """Add rows that are not stored; compare those that are.

    Parameters
    ----------
    rows : DataFrame
        ``time`` (increasing, UTC) and the columns of the series' kind.
    at : Timestamp
        Now, for the record of revisions.
    accept_revisions : bool
        Replace stored values by the offered ones (both stay on record), instead of keeping them.
    """
    columns = list(key.kind.columns)
    if rows.empty:
        return Commit(0, 0, ())
    if not (rows["time"].is_monotonic_increasing and rows["time"].is_unique):
        doubled = rows["time"][rows["time"].diff() <= pd.Timedelta(0)]
        raise DataError(
            "rows",
            ", ".join(str(t) for t in doubled[:5]),
            "stamps must increase from row to row",
            "Sort the rows and decide between the doubled ones before they are stored",
            rows=tuple(doubled),
        )
    with locked(folder):
        manifest = read_manifest(folder, key)
        _sweep(folder, manifest)
        first, last = rows["time"].iloc[0], rows["time"].iloc[-1]
        near = [p for p in manifest.parts if p.first <= last and p.last >= first]
        stored = query_parts([folder / p.file for p in near], columns, first, last)
        fresh = rows[~rows["time"].isin(stored["time"])]
        revisions = tuple(_revisions(stored, rows, columns, at, accept_revisions))
        revised = rows[rows["time"].isin([r.time for r in revisions])]
        replaced = revised if accept_revisions else revised.iloc[:0]
        repeated = len(rows) - len(fresh) - len(revised)
        known = {_identity(r) for r in manifest.revisions}
        news = tuple(r for r in revisions if _identity(r) not in known)
        if fresh.empty and replaced.empty and not news:
            return Commit(0, repeated, revisions)
        parts = _with_rows(folder, list(manifest.parts), columns, fresh, replaced)
        changed: dict[str, object] = {"parts": parts, "revisions": manifest.revisions + news}
        if not fresh.empty or not replaced.empty:
            changed["seal"] = None
        updated = manifest.model_copy(update=changed)
        write_manifest(folder, updated)
        _sweep(folder, updated)
        return Commit(len(fresh), repeated, revisions)


def seal_series(
    folder: Path, key: SeriesKey, at: pd.Timestamp, asked_twice: Iterable[pd.Timestamp] = ()
) -> Manifest:
    """Record what a complete update found: the rows' digest, their quality, the exchange's holes.

    Parameters
    ----------
    asked_twice : stamps
        Bars that the exchange was asked for twice; those not stored become its holes.
    """
    with locked(folder):
        manifest = read_manifest(folder, key)
        rows = query_parts([folder / p.file for p in manifest.parts], key.kind.columns)
        holes = _holes(manifest, key, rows, pd.DatetimeIndex(list(asked_twice)), at)
        counts: dict[str, int] = {}
        findings: tuple[StoredFinding, ...] = ()
        missing = 0
        if key.bar is not None and len(rows) > 1:
            report = inspect_quality(rows.set_index("time"), key.bar, Calendar.ALWAYS)
            counts, missing = report.counts(), report.missing_bars
            findings = tuple(
                StoredFinding(kind=f.kind, start=f.start, end=f.end, bars=f.bars, detail=f.detail)
                for f in report.findings[:LISTED_FINDINGS]
            )
        seal = Seal(
            at=at.to_pydatetime(),
            sha256=rows_digest(rows),
            counts=counts,
            missing_bars=missing,
            findings=findings,
        )
        sealed = manifest.model_copy(update={"seal": seal, "exchange_holes": holes})
        write_manifest(folder, sealed)
        return sealed


def _with_rows(
    folder: Path,
    parts: list[StoredPart],
    columns: list[str],
    fresh: pd.DataFrame,
    replaced: pd.DataFrame,
) -> tuple[StoredPart, ...]:
    """The parts after writing these rows; a crowded or revised year becomes one part."""
    changed = pd.concat([fresh, replaced])
    for year, offered in changed.groupby(changed["time"].dt.year):
        of_year = [p for p in parts if p.first.year == year]
        rows = offered[["time", *columns]]
        revised = bool(replaced["time"].dt.year.eq(year).any())
        if revised or len(of_year) >= MAX_PARTS_PER_YEAR:
            stored = query_parts([folder / p.file for p in of_year], columns)
            kept = stored[~stored["time"].isin(rows["time"])]
            rows = pd.concat([kept, rows])
            parts = [p for p in parts if p not in of_year]
        parts.append(_write_part(folder, rows.sort_values("time", ignore_index=True)))
    return tuple(sorted(parts, key=lambda p: (p.first, p.file)))


def _write_part(folder: Path, rows: pd.DataFrame) -> StoredPart:
    content = encode(rows)
    sha256 = hashlib.sha256(content).hexdigest()
    first, last = rows["time"].iloc[0], rows["time"].iloc[-1]
    name = f"year={first.year}/{first:%Y%m%dT%H%M%S}-{sha256[:12]}{SUFFIX}"
    write_whole(folder / name, content)
    return StoredPart(file=name, bars=len(rows), first=first, last=last, sha256=sha256)


def _sweep(folder: Path, manifest: Manifest) -> None:
    """Remove files no manifest names; only the lock's holder can tell them from new ones."""
    named = {folder / part.file for part in manifest.parts}
    patterns = (f"year=*/*{SUFFIX}", "year=*/.*.part", ".*.part")
    for path in [p for pattern in patterns for p in folder.glob(pattern)]:
        if path not in named:
            path.unlink(missing_ok=True)


def _revisions(
    stored: pd.DataFrame, rows: pd.DataFrame, columns: list[str], at: pd.Timestamp, accepted: bool
) -> Iterator[Revision]:
    if stored.empty:
        return
    both = stored.merge(rows, on="time", suffixes=("_stored", "_offered"))
    for column in columns:
        old, new = (both[f"{column}_{side}"].to_numpy() for side in ("stored", "offered"))
        for i in np.flatnonzero(old != new).tolist():
            yield Revision(
                time=both["time"].iloc[i],
                column=column,
                stored=float(old[i]),
                offered=float(new[i]),
                seen_at=at.to_pydatetime(),
                accepted=accepted,
            )


def _identity(r: Revision) -> tuple[object, ...]:
    return (r.time, r.column, r.stored, r.offered, r.accepted)


def _holes(
    manifest: Manifest,
    key: SeriesKey,
    rows: pd.DataFrame,
    asked: pd.DatetimeIndex,
    at: pd.Timestamp,
) -> tuple[ExchangeHole, ...]:
    """Holes on record that are still open, and those asked for twice; stretches joined."""
    if key.bar is None:
        return ()
    when = {
        stamp: hole.asked_at
        for hole in manifest.exchange_holes
        for stamp in pd.date_range(hole.first, hole.last, freq=key.bar)
    }
    for stamp in asked:
        when.setdefault(stamp, at.to_pydatetime())
    still = pd.DatetimeIndex(sorted(when)).difference(pd.DatetimeIndex(rows["time"]))
    return tuple(
        ExchangeHole(first=first, last=last, bars=bars, asked_at=when[first])
        for first, last, bars in stretches(still, key.bar)
    )


def stretches(
    stamps: pd.DatetimeIndex, bar: pd.Timedelta
) -> Iterator[tuple[pd.Timestamp, pd.Timestamp, int]]:
    """First and last stamp, and count, of each run of stamps one bar apart."""
    if len(stamps) == 0:
        return
    edges = np.flatnonzero(np.diff(stamps.tz_localize(None).to_numpy()) != bar.to_timedelta64()) + 1
    starts = [0, *edges.tolist()]
    ends = [*edges.tolist(), len(stamps)]
    for a, b in zip(starts, ends, strict=True):
        yield stamps[a], stamps[b - 1], b - a
