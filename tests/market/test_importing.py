"""Files taken into the store: kept whole, compared on the second import, refused in words."""

from __future__ import annotations

import pandas as pd
import pytest

from riskkit.errors import DataError, InputError
from riskkit.market import load_prices, load_sample
from riskkit.market.importing import import_prices
from riskkit.market.store import PriceStore, SeriesKey
from riskkit.market.validation import InvalidRows
from tests.support import ROOT

DAILY = ROOT / "data" / "btc_usd_daily.csv"
HOURLY = ROOT / "data" / "btc_usd_hourly.csv"
AT = pd.Timestamp("2026-01-01", tz="UTC")


@pytest.fixture
def store(tmp_path) -> PriceStore:
    return PriceStore(tmp_path / "store")


def write(folder, table: pd.DataFrame, name: str = "own.csv"):
    path = folder / name
    table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("source", "drop", "series"),
    [
        (HOURLY, [], "file/BTC-USD/1h"),
        (HOURLY, ["volume"], "file/BTC-USD/1h-ohlc"),
        (DAILY, [], "file/BTC-USD/1d-close"),
    ],
)
def test_a_file_comes_back_from_the_store_as_it_was(tmp_path, store, source, drop, series):
    table = pd.read_csv(source, comment="#").drop(columns=drop)
    done = import_prices(write(tmp_path, table), store, "BTC/USD", AT)
    assert (str(done.key), done.added, done.revisions) == (series, len(table), ())
    direct, stored = load_prices(source), store.load(series)
    kept = [c for c in direct.bars if c not in drop]
    assert set(stored.bars.columns) == set(kept)
    pd.testing.assert_frame_equal(stored.bars[kept], direct.bars[kept], check_freq=False)
    assert stored.quality == direct.quality
    assert store.verify(SeriesKey.parse(series)) == ()
    assert str(SeriesKey.parse(series)) == series


def test_a_longer_file_adds_its_bars_and_reports_what_it_changed(tmp_path, store):
    table = pd.read_csv(DAILY, comment="#")
    import_prices(write(tmp_path, table.iloc[:1000]), store, "BTC/USD", AT)
    table.loc[500, "close"] *= 1.01
    done = import_prices(write(tmp_path, table), store, "BTC/USD", AT)
    assert (done.added, done.bars) == (len(table) - 1000, len(table))
    (revision,) = done.revisions
    assert revision.offered == table.loc[500, "close"]
    assert not revision.accepted
    assert store.load(done.key).bars["close"].iloc[500] == revision.stored
    taken = import_prices(write(tmp_path, table), store, "BTC/USD", AT, accept_revisions=True)
    assert taken.revisions[0].accepted
    assert store.load(done.key).bars["close"].iloc[500] == revision.offered
    assert len(store.manifest(done.key).revisions) == 2


def test_a_file_of_another_market_is_refused_and_leaves_the_series_alone(tmp_path, store):
    table = pd.read_csv(DAILY, comment="#")
    done = import_prices(write(tmp_path, table.iloc[:1000]), store, "BTC/USD", AT)
    before = store.rows(done.key)
    other = write(tmp_path, pd.read_csv(ROOT / "data" / "eth_usd_daily.csv", comment="#"))
    table["close"] *= 1.04  # another source of the same market
    with pytest.raises(InputError, match="must be the market stored under that name"):
        import_prices(other, store, "BTC/USD", AT)
    pd.testing.assert_frame_equal(store.rows(done.key), before)
    again = import_prices(write(tmp_path, table), store, "BTC/USD", AT)
    assert len(again.revisions) == 1000


def test_an_earlier_file_fills_the_beginning(tmp_path, store):
    table = pd.read_csv(DAILY, comment="#")
    import_prices(write(tmp_path, table.iloc[700:]), store, "BTC/USD", AT)
    done = import_prices(write(tmp_path, table.iloc[:900]), store, "BTC/USD", AT)
    assert (done.added, done.bars) == (700, len(table))
    assert store.load(done.key).bars["close"].tolist() == table["close"].tolist()


def test_a_bar_that_still_moves_is_not_stored(tmp_path, store):
    table = pd.read_csv(DAILY, comment="#")
    last = pd.Timestamp(table["time"].iloc[-1], tz="UTC")
    path = write(tmp_path, table)
    moving = import_prices(path, store, "BTC/USD", last + pd.Timedelta(hours=23))
    assert (moving.unfinished, moving.last) == (1, last - pd.Timedelta(days=1))
    closed = import_prices(path, store, "BTC/USD", last + pd.Timedelta(days=1))
    assert (closed.unfinished, closed.added, closed.last) == (0, 1, last)
    with pytest.raises(DataError, match="at least one bar must have closed"):
        import_prices(path, store, "NEW/USD", pd.Timestamp("2020-01-01", tz="UTC"))
    assert len(store.series()) == 1


def test_rows_that_cannot_be_prices_are_refused_or_named(tmp_path, store):
    table = pd.read_csv(DAILY, comment="#")
    table.loc[3, "close"] = 0.0
    path = write(tmp_path, table)
    with pytest.raises(DataError, match="every price must be above zero"):
        import_prices(path, store, "BTC/USD", AT)
    assert store.series() == ()
    done = import_prices(path, store, "BTC/USD", AT, invalid_rows=InvalidRows.DROP)
    assert done.dropped == (("line 5 (2021-01-04)", "price not above zero"),)
    assert done.added == len(table) - 1


def test_what_the_store_cannot_hold_is_refused(tmp_path, store):
    shares = load_sample("sp500").bars.reset_index()
    with pytest.raises(InputError, match="open around the clock"):
        import_prices(write(tmp_path, shares), store, "SPX/USD", AT)
    hours = pd.read_csv(HOURLY, comment="#")
    no_volume = hours.assign(volume=hours["volume"].where(hours.index != 7))
    with pytest.raises(DataError, match="volume: got 2017-07-01T18:00:00"):
        import_prices(write(tmp_path, no_volume), store, "BTC/USD", AT)
    times = pd.to_datetime(hours["time"]) + pd.Timedelta(minutes=30)
    with pytest.raises(DataError, match="counted from midnight"):
        import_prices(write(tmp_path, hours.assign(time=times)), store, "BTC/USD", AT)
    assert store.series() == ()
