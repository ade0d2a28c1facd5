"""Fit rolling windows over every price file in a folder; count healthy fits and fallbacks.

    python benchmarks/sweep_windows.py FOLDER [--windows 10000] [--window 500] [--model gjr-skewt]

FOLDER holds parquet files with a time column (or index) and a ``close`` column, in subfolders or
not. Every warning of numpy's is an error here. Returns across holes are left out, as everywhere.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from riskkit.market.calendar import Calendar, hole_before
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walkforward import fit_all


def closes(path: Path) -> pd.Series:
    """Closing prices of a file by time; empty if it holds none."""
    table = pd.read_parquet(path)
    table.columns = [str(name).lower() for name in table.columns]
    if "close" not in table.columns:
        return pd.Series(dtype=np.float64)
    stamps = [c for c in table.columns if pd.api.types.is_datetime64_any_dtype(table[c])]
    close = table.set_index(stamps[0])["close"] if stamps else table["close"]
    close = pd.to_numeric(close, errors="coerce").dropna()
    return close[close > 0.0].sort_index()


def returns_without_holes(close: pd.Series) -> np.ndarray:
    """Log returns, those across holes left out by the market room's rule."""
    times = pd.DatetimeIndex(close.index)
    bar = pd.Timedelta(np.median(np.diff(times.to_numpy())))
    weekends = bool((times.day_of_week >= 5).mean() > 0.1)
    hole = hole_before(times, bar, Calendar.ALWAYS if weekends else Calendar.SESSIONS)
    r = np.diff(np.log(close.to_numpy(dtype=np.float64)))
    return np.ascontiguousarray(r[~hole[1:]])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--windows", type=int, default=10_000, help="at most, per series")
    parser.add_argument("--window", type=int, default=500)
    parser.add_argument("--model", default="gjr-skewt")
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    spec, totals = VolatilitySpec.parse(arguments.model), dict.fromkeys(("windows", "bad"), 0)
    fitted: dict[str, int] = {}
    for path in sorted(arguments.folder.rglob("*.parquet")):
        r = returns_without_holes(closes(path))
        if len(r) <= arguments.window:
            print(f"{path.stem:18} only {len(r)} returns")
            continue
        count = min(arguments.windows, len(r) - arguments.window)
        stop = np.unique(np.linspace(arguments.window, len(r), count).astype(np.int64))
        began = time.perf_counter()
        fits = fit_all(r, spec, stop - arguments.window, stop)
        seconds = time.perf_counter() - began
        kinds = {str(k): int(v) for k, v in pd.Series(fits.fitted).value_counts().items()}
        numbers = np.column_stack([fits.params[:, :5], fits.next_variance, fits.loglikelihood])
        bad = int((~np.isfinite(numbers).all(axis=1)).sum())
        unhealthy = int((~fits.healthy).sum())
        print(
            f"{path.stem:18} {len(stop):6} windows {seconds:6.1f} s  {kinds}"
            f"  unhealthy {unhealthy}  not finite {bad}"
        )
        totals["windows"] += len(stop)
        totals["bad"] += bad + unhealthy
        for kind, v in kinds.items():
            fitted[kind] = fitted.get(kind, 0) + v
    print(f"total {totals['windows']} windows: {fitted}; unhealthy or not finite {totals['bad']}")
    return int(totals["bad"] > 0)


if __name__ == "__main__":
    sys.exit(main())
