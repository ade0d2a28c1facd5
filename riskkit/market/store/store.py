"""The store: a folder per series, immutable parts, the manifest last."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from riskkit.errors import DataError, InputError
from riskkit.market.calendar import Calendar
from riskkit.market.history import PriceHistory, Provenance
from riskkit.market.load import TableSource, history_from_table
from riskkit.market.quality import inspect_quality
from riskkit.market.store.commit import Commit, append_rows, create_series, seal_series
from riskkit.market.store.files import MANIFEST, file_digest, query_parts, rows_digest
from riskkit.market.store.key import SeriesKey, SeriesKind
from riskkit.market.store.manifest import Manifest, SeriesSource, StoredPart, read_manifest
from riskkit.market.store.verify import verify_series
from riskkit.units import bars_per_year

PROJECT_FOLDER = Path(".riskkit") / "prices"
VARIABLE = "RISKKIT_STORE"


@dataclass(frozen=True)
class PriceStore:
    """Stored series under one folder; nothing is opened or created before it is asked for.

    Readers take no lock: a manifest names files that never change, and where a writer merged some
    away in between, the newer manifest is read. Writers hold a series' lock for one commit.
    """

    root: Path

    def folder(self, key: SeriesKey) -> Path:
        """Where a series lies."""
        return self.root.joinpath(*str(key).split("/"))

    def series(self) -> tuple[SeriesKey, ...]:
        """Every stored series, in alphabetical order."""
        found = (p.parent.relative_to(self.root) for p in self.root.glob(f"*/*/*/{MANIFEST}"))
        return tuple(SeriesKey.parse(name) for name in sorted(p.as_posix() for p in found))

    def manifest(self, key: SeriesKey) -> Manifest:
        """What is known of a series beside its rows."""
        return read_manifest(self.folder(key), key)

    def create(
        self, key: SeriesKey, symbol: str, source: SeriesSource, since: pd.Timestamp
    ) -> Manifest:
        """Start a series; of a stored one, widen the span it is asked for and note the source."""
        seconds = None if key.bar is None else int(key.bar.total_seconds())
        wanted = Manifest(
            exchange=key.exchange,
            symbol=symbol,
            kind=key.kind,
            bar_seconds=seconds,
            source=source,
            since=since.to_pydatetime(),
        )
        return create_series(self.folder(key), key, wanted)

    def append(
        self,
        key: SeriesKey,
        rows: pd.DataFrame,
        at: pd.Timestamp,
        *,
        accept_revisions: bool = False,
    ) -> Commit:
        """Add rows in one step; see `riskkit.market.store.commit.append_rows`."""
        return append_rows(self.folder(key), key, rows, at, accept_revisions=accept_revisions)

    def seal(
        self, key: SeriesKey, at: pd.Timestamp, asked_twice: Iterable[pd.Timestamp] = ()
    ) -> Manifest:
        """End an update; see `riskkit.market.store.commit.seal_series`."""
        return seal_series(self.folder(key), key, at, asked_twice)

    def verify(self, key: SeriesKey) -> tuple[str, ...]:
        """What is wrong with a series' files, in words; empty if nothing is."""
        return verify_series(self.folder(key), key)

    def rows(
        self,
        key: SeriesKey,
        start: pd.Timestamp | None = None,
        end: pd.Timestamp | None = None,
    ) -> pd.DataFrame:
        """Rows with ``start <= time <= end``, in order: ``time`` and the kind's columns.

        Raises
        ------
        InputError
            If the series is not stored, or a part of it is gone or broken.
        """
        return self._snapshot(key, start, end)[1]

    def load(
        self,
        key: SeriesKey | str,
        *,
        asset: str | None = None,
        start: pd.Timestamp | None = None,
        end: pd.Timestamp | None = None,
        exclude_rows: Sequence[str] = (),
    ) -> PriceHistory:
        """Load a series of bars as a history, with its quality report.

        Parameters
        ----------
        asset : str, optional
            The market's symbol by default.
        start, end : Timestamp, optional
            First and last bar open, both included.
        exclude_rows : sequence of str
            As in `riskkit.market.load_prices`.

        Provenance names the series and carries the digest of the rows read (not of files, which
        merge over time): equal rows, equal digest.
        """
        key = SeriesKey.parse(key) if isinstance(key, str) else key
        if key.bar is None:
            raise DataError(
                "series", str(key), "must hold prices", "Read funding rates with PriceStore.rows"
            )
        manifest, rows = self._snapshot(key, start, end)
        sha256 = rows_digest(rows)
        whole = start is None and end is None
        if whole and manifest.seal is not None and manifest.seal.sha256 != sha256:
            raise InputError(
                str(key),
                f"SHA-256 {sha256}",
                f"the rows must be those sealed by the last update ({manifest.seal.sha256})",
                "Run riskkit prices verify, which names the broken part",
            )
        if exclude_rows or len(rows) < 2:
            return history_from_table(
                rows,
                TableSource(asset or manifest.symbol, str(key), sha256),
                bar=key.bar,
                calendar=Calendar.ALWAYS,
                exclude_rows=tuple(exclude_rows),
            )
        # Rows were checked before they were stored; to check them as a file's costs ten loads.
        bars = rows.set_index("time")
        return PriceHistory(
            asset=asset or manifest.symbol,
            bars=bars,
            bar=key.bar,
            calendar=Calendar.ALWAYS,
            bars_per_year=bars_per_year(key.bar, Calendar.ALWAYS.days_per_year),
            provenance=Provenance(str(key), sha256, len(rows)),
            quality=inspect_quality(bars, key.bar, Calendar.ALWAYS),
        )

    def funding(self, key: SeriesKey | str) -> pd.Series:
        """Funding rates as fractions, indexed by the moment each was paid (UTC)."""
        key = SeriesKey.parse(key) if isinstance(key, str) else key
        if key.kind is not SeriesKind.FUNDING:
            raise DataError(
                "series", str(key), "must hold funding rates", "Name exchange/market/funding"
            )
        return self.rows(key).set_index("time")["rate"]

    def _snapshot(
        self, key: SeriesKey, start: pd.Timestamp | None, end: pd.Timestamp | None
    ) -> tuple[Manifest, pd.DataFrame]:
        """Rows of one moment, and the manifest that named them."""
        manifest = self.manifest(key)
        while True:
            parts = [
                part
                for part in manifest.parts
                if (end is None or part.first <= end) and (start is None or part.last >= start)
            ]
            paths = [self.folder(key) / part.file for part in parts]
            try:
                for part, digest in zip(parts, [file_digest(p) for p in paths], strict=True):
                    _check_part(key, part, digest)
                return manifest, query_parts(paths, key.kind.columns, start, end)
            except FileNotFoundError as error:
                newer = self.manifest(key)
                if newer.parts == manifest.parts:
                    raise InputError(
                        str(key),
                        str(error).splitlines()[0],
                        "every part the manifest names must be there",
                        "Restore it from a backup, or move the series' folder away and fetch again",
                    ) from None
                manifest = newer


def _check_part(key: SeriesKey, part: StoredPart, found: str) -> None:
    """Refuse a part that is not as written: a flipped bit may be a price like any other."""
    if found != part.sha256:
        raise InputError(
            str(key),
            f"{part.file} with SHA-256 {found}",
            "every part must be as it was written: its SHA-256 differs from the manifest's",
            "Run riskkit prices verify, which names every broken part; restore it from a backup, "
            "or move the series' folder away and fetch again",
        )


def open_store(path: str | Path | None = None) -> PriceStore:
    """The store in a folder, made when it is first written; without one, that in force.

    Examples
    --------
    >>> import riskkit
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(riskkit.open_store(folder).series())
    0
    """
    return PriceStore(Path(path)) if path else find_store()


def find_store(start: str | Path = ".") -> PriceStore:
    """The store in force: ``$RISKKIT_STORE``, else the project's, else the user's.

    The project's is the nearest ``.riskkit/prices`` in ``start`` or a folder above it; make that
    folder and the project has one. The user's lies in ``$XDG_DATA_HOME`` (``~/.local/share``).
    """
    if os.environ.get(VARIABLE):
        return PriceStore(Path(os.environ[VARIABLE]))
    here = Path(start).resolve()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FOLDER).is_dir():
            return PriceStore(folder / PROJECT_FOLDER)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return PriceStore(Path(data) / "riskkit" / "prices")
