"""Write a stored series as a CSV or parquet file of its own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from riskkit.errors import InputError
from riskkit.market.resample import resample
from riskkit.market.store.files import encode, write_whole
from riskkit.market.store.key import SeriesKey
from riskkit.market.store.store import PriceStore


def export_series(
    store: PriceStore, key: SeriesKey, path: str | Path, *, bar: str | None = None
) -> int:
    """Write a series to ``.csv`` or ``.parquet``, whole or not at all; returns the rows written.

    Stamps are bar opens in UTC. `riskkit.market.load_prices` reads the file back to the same bars.

    Parameters
    ----------
    bar : str, optional
        Resample to this longer bar first.

    Raises
    ------
    InputError
        For another ending, a bar asked of funding, or a place that cannot be written.
    """
    path = Path(path)
    if path.suffix not in (".csv", ".parquet"):
        raise InputError("out", path.name, "must end in .csv or .parquet", "Rename it")
    if bar is not None:
        if key.bar is None:
            raise InputError("bar", bar, "funding rates have no bars", "Leave it out")
        rows = resample(store.load(key), bar).bars.reset_index()
    else:
        rows = store.rows(key)
    if path.suffix == ".parquet":
        content = encode(rows)
    else:
        stamps = pd.DatetimeIndex(rows["time"])
        whole = bool((stamps == stamps.floor("s")).all())
        form = "%Y-%m-%dT%H:%M:%SZ" if whole else "%Y-%m-%dT%H:%M:%S.%fZ"
        content = rows.to_csv(index=False, date_format=form, lineterminator="\n").encode()
    write_whole(path, content)
    return len(rows)
