"""Check a stored series against its manifest: bytes, rows, stamps, values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.store.files import file_digest, query_parts, rows_digest
from riskkit.market.store.key import DAY, SeriesKey, SeriesKind
from riskkit.market.store.manifest import Manifest, StoredPart, read_manifest


def verify_series(folder: Path, key: SeriesKey) -> tuple[str, ...]:
    """Every fault found, in words; empty if the series is as its manifest says."""
    manifest = read_manifest(folder, key)
    faults = [fault for part in manifest.parts for fault in _part_faults(folder, part)]
    if faults:
        return tuple(faults)
    try:
        rows = query_parts([folder / p.file for p in manifest.parts], key.kind.columns)
    except InputError as error:
        return (str(error),)
    return tuple(_row_faults(manifest, key, rows))


def _part_faults(folder: Path, part: StoredPart) -> Iterator[str]:
    path = folder / part.file
    if not path.is_file():
        yield f"{part.file} is gone ({part.bars} bars from {part.first.isoformat()})"
    elif file_digest(path) != part.sha256:
        yield f"{part.file} is not as written: its SHA-256 differs from the manifest's"


def _row_faults(manifest: Manifest, key: SeriesKey, rows: pd.DataFrame) -> Iterator[str]:
    times = pd.DatetimeIndex(rows["time"])
    if len(rows) != manifest.bars:
        yield f"{len(rows)} rows where the manifest counts {manifest.bars}"
    if not times.is_unique:
        yield f"{int(times.duplicated().sum())} stamps are stored twice"
    if key.bar is not None and bool((((times - times.normalize()) % key.bar) != DAY * 0).any()):
        yield f"stamps lie off the grid of {key.bar_label} bars"
    values = rows[list(key.kind.columns)].to_numpy()
    if not np.isfinite(values).all():
        yield "a value is not a finite number"
    if key.kind is not SeriesKind.FUNDING and (values[:, :4] <= 0.0).any():
        yield "a price is not above zero"
    if manifest.seal is not None and manifest.seal.sha256 != rows_digest(rows):
        yield "the rows' SHA-256 differs from the one sealed by the last update"
