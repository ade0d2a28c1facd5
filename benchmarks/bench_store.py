"""Load five years of hourly bars of 20 assets: the store beside pandas reading CSV, in one run.

    python benchmarks/bench_store.py [assets] [--write]

Every way of reading runs in a process of its own, which reads all assets and keeps them; its time
excludes imports, its memory is the peak above what the imports took; the best of three runs. The
bars are the shipped BTC/USD hours, repeated to five years and scaled per asset.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from report import write_section

from riskkit.market import load_prices
from riskkit.market.store import PriceStore, SeriesKey, SeriesSource

HOURS = 5 * 365 * 24
ROOT = Path(__file__).resolve().parents[1]
BEGIN = pd.Timestamp("2019-01-01", tz="UTC")
WAYS = ("pandas.read_csv", "riskkit.load_prices", "store.rows", "store.load", "store.load, 1 year")


def keys(count: int) -> list[SeriesKey]:
    return [SeriesKey.of("bench", f"A{i}/USD", "1h") for i in range(count)]


def prepare(folder: Path, count: int) -> None:
    columns = ["open", "high", "low", "close", "volume"]
    real = load_prices(ROOT / "data" / "btc_usd_hourly.csv").bars[columns]
    rows = np.resize(np.arange(len(real)), HOURS)
    times = pd.date_range(BEGIN, periods=HOURS, freq="h", unit="us")
    store = PriceStore(folder / "store")
    for i, key in enumerate(keys(count)):
        table = real.iloc[rows].assign(time=times).reset_index(drop=True)[["time", *columns]]
        table[columns[:4]] = (table[columns[:4]] * (1.0 + i / 10)).round(2)
        store.create(key, f"A{i}/USD", SeriesSource(client="benchmark"), BEGIN)
        store.append(key, table, BEGIN)
        store.seal(key, BEGIN)
        table.to_csv(folder / f"{i}.csv", index=False, date_format="%Y-%m-%dT%H:%M:%SZ")


def measure(way: str, folder: Path, count: int) -> dict[str, float]:
    # Imports are not what is measured.
    import duckdb  # noqa: F401
    import pandera.pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    store = PriceStore(folder / "store")
    last_year = BEGIN + pd.Timedelta(hours=HOURS - 365 * 24)
    read = {
        WAYS[0]: lambda i, key: pd.read_csv(folder / f"{i}.csv", parse_dates=["time"]),
        WAYS[1]: lambda i, key: load_prices(folder / f"{i}.csv", bar="1h"),
        WAYS[2]: lambda i, key: store.rows(key),
        WAYS[3]: lambda i, key: store.load(key),
        WAYS[4]: lambda i, key: store.load(key, start=last_year),
    }[way]
    before = peak_kib(reset=True)
    clock, cpu = time.perf_counter(), time.process_time()
    kept = [read(i, key) for i, key in enumerate(keys(count))]
    seconds, cpu = time.perf_counter() - clock, time.process_time() - cpu
    mib = (peak_kib() - before) / 1024
    return {"seconds": seconds, "cpu": cpu, "mib": mib, "bars": sum(map(len, kept))}


def peak_kib(*, reset: bool = False) -> int:
    """Peak resident memory since the last reset (Linux; `getrusage` counts the parent's too)."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def main() -> None:
    if len(sys.argv) == 4:
        print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("assets", type=int, nargs="?", default=20)
    parser.add_argument("--write", action="store_true")
    wanted = parser.parse_args()
    count, lines, best = wanted.assets, [], {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, count)
        csv = sum(f.stat().st_size for f in folder.glob("*.csv")) / 2**20
        parquet = sum(f.stat().st_size for f in folder.rglob("*.parquet")) / 2**20
        lines.append(f"{count} assets x {HOURS:,} bars: CSV {csv:.0f} MiB, store {parquet:.0f} MiB")
        lines.append(f"{'':22}{'seconds':>9}{'CPU s':>7}{'MiB':>7}{'bars':>11}")
        runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for way in WAYS * 3:
            command = [sys.executable, __file__, way, name, str(count)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            runs[way].append(json.loads(answer))
    for way in WAYS:
        best[way] = min(runs[way], key=lambda run: run["seconds"])
        seconds, cpu, mib, bars = (best[way][k] for k in ("seconds", "cpu", "mib", "bars"))
        lines.append(f"{way:22}{seconds:9.2f}{cpu:7.2f}{mib:7.0f}{bars:11,.0f}")
    ratios = {
        f"{label}_vs_read_csv": round(best[way][field] / best[WAYS[0]][field], 2)
        for label, way, field in (
            ("load_seconds", "store.load", "seconds"),
            ("load_memory", "store.load", "mib"),
            ("one_year_seconds", "store.load, 1 year", "seconds"),
        )
    }
    text = "\n".join([*lines, json.dumps(ratios)])
    print(text)
    if wanted.write:
        title = "Prices: the store beside CSV"
        write_section(
            "store", title, f"{__doc__.split('[--write]')[1].strip()}\n\n```text\n{text}\n```"
        )


if __name__ == "__main__":
    main()
