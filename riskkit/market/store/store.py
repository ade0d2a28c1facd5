"""The store: a folder per series, an immutable part per commit, the manifest last."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from riskkit.market.store.files import MANIFEST, SUFFIX, encode, locked, write_whole
from riskkit.market.store.key import SeriesKey
from riskkit.market.store.manifest import Manifest, Part


class PriceStore:
    """Stored series under one folder."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def create(self, key: SeriesKey, symbol: str, source: str, since: pd.Timestamp) -> None:
        """Write an empty manifest."""
        folder = self.root / str(key)
        with locked(folder):
            manifest = Manifest(
                exchange=key.exchange, symbol=symbol, bar=key.bar_label, source=source, since=since
            )
            self._write(folder, manifest)

    def append(self, key: SeriesKey, rows: pd.DataFrame) -> None:
        """Add rows, a part per calendar year."""
        folder = self.root / str(key)
        with locked(folder):
            path = folder / MANIFEST
            manifest = Manifest.model_validate_json(path.read_text(encoding="utf-8"))
            parts = list(manifest.parts)
            for year, part in rows.groupby(rows["time"].dt.year):
                content = encode(part)
                sha256 = hashlib.sha256(content).hexdigest()
                name = f"year={year}/{part['time'].iloc[0]:%Y%m%dT%H%M%S}-{sha256[:12]}{SUFFIX}"
                write_whole(folder / name, content)
                first, last = part["time"].iloc[0], part["time"].iloc[-1]
                parts.append(Part(file=name, bars=len(part), first=first, last=last, sha256=sha256))
            self._write(folder, manifest.model_copy(update={"parts": tuple(parts)}))

    @staticmethod
    def _write(folder: Path, manifest: Manifest) -> None:
        write_whole(folder / MANIFEST, (manifest.model_dump_json(indent=2) + "\n").encode())


def find_store(start: Path) -> Path:
    """Nearest ``.riskkit/prices``."""
    return start / ".riskkit" / "prices"
