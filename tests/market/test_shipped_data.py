"""The shipped files hold what data/README.md says, and known facts of the markets."""

from __future__ import annotations

import hashlib
import re
import runpy

import pandas as pd
import pytest

from riskkit.market import Calendar, Kind, load_sample, log_returns
from tests.support import DATA

STAMP = r"(\S+(?: \d\d:\d\d)?)"
ROWS = re.findall(
    rf"^\| `(\w+\.(?:csv|parquet))` \|.*\| ([\d,]+) \| {STAMP} → {STAMP} \| `(\w{{64}})`",
    (DATA / "README.md").read_text(),
    flags=re.MULTILINE,
)


def test_every_csv_is_described():
    files = (*DATA.glob("*.csv"), *DATA.glob("*.parquet"))
    # made up, no prices
    accounts = {
        "accounts_example.csv",
        "loans_example.csv",
        "baskets_example.csv",
        "options_example.csv",
        "options_taken_over.csv",
    }
    assert {row[0] for row in ROWS} == {f.name for f in files} - accounts


@pytest.mark.parametrize(
    ("name", "rows", "first", "last", "digest"), ROWS, ids=lambda v: str(v)[:14]
)
def test_the_readme_tells_the_truth(name: str, rows: str, first: str, last: str, digest: str):
    content = (DATA / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest
    table = pd.read_csv(DATA / name) if name.endswith(".csv") else pd.read_parquet(DATA / name)
    table = table.rename(columns={"ts": "time"})
    assert len(table) == int(rows.replace(",", ""))
    if "time" in table:
        stamps = pd.to_datetime(table["time"], utc=True)
        assert stamps.iloc[0] == pd.Timestamp(first, tz="UTC")
        assert stamps.iloc[-1] == pd.Timestamp(last, tz="UTC")


def test_eth_closes_of_the_crash_of_march_2020(eth_daily):
    assert eth_daily.close["2020-03-11"] == 194.57
    assert eth_daily.close["2020-03-12"] == 109.42


def test_eth_has_thirteen_holes_of_eighteen_days(eth_daily):
    assert len(eth_daily.quality.of(Kind.HOLE)) == 13
    assert eth_daily.quality.missing_bars == 18
    returns = log_returns(eth_daily)
    assert len(returns.excluded) == 13
    assert len(returns) == len(eth_daily) - 1 - 13


def test_the_half_reversed_crash_of_november_2022_is_not_called_a_bad_tick(eth_daily):
    closes = eth_daily.close["2022-11-08":"2022-11-10"].to_numpy()
    assert closes[1] / closes[0] - 1 < -0.15
    assert closes[2] > closes[1]
    assert eth_daily.quality.of(Kind.TICK) == ()


def test_btc_fell_by_84_percent_in_2018(btc_hourly):
    close = btc_hourly.close
    top = close.idxmax()
    low = close[top:].min()
    assert top == pd.Timestamp("2017-12-17 11:00", tz="UTC")
    assert low / close[top] - 1 == pytest.approx(-0.842, abs=5e-4)


def test_btc_hourly_has_one_hole_where_the_source_repeats_a_crash(btc_hourly):
    (hole,) = btc_hourly.quality.of(Kind.HOLE)
    assert (hole.start, hole.bars) == (pd.Timestamp("2017-11-12 03:00", tz="UTC"), 5)
    (stale,) = btc_hourly.quality.of(Kind.STALE)
    assert stale.start == pd.Timestamp("2018-08-10 00:00", tz="UTC")
    assert btc_hourly.bars_per_year == 8760


def test_sp500_is_a_market_with_sessions(sp500):
    assert sp500.calendar is Calendar.SESSIONS
    assert sp500.bars_per_year == 252
    assert len(sp500) == 5031
    (hole,) = sp500.quality.of(Kind.HOLE)
    assert hole.start == pd.Timestamp("2001-09-10", tz="UTC")


def test_wti_holidays_are_dropped_by_name():
    wti = load_sample("wti")
    assert wti.provenance.rows_read == 8611
    assert len(wti.provenance.dropped) == 290
    assert {reason for _, reason in wti.provenance.dropped} == {"missing price"}
    assert len(wti) == 8611 - 290


def test_made_up_files_are_what_their_laws_make():
    made = runpy.run_path(str(DATA / "make_examples.py"))["made"]()
    there = {path.name: path.read_text() for path in (DATA / "examples").iterdir()}
    assert there == made
