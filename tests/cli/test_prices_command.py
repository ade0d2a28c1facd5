"""`riskkit prices` as a user types it, against a real server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.market import load_prices
from riskkit.market.store import PriceStore, SeriesKey
from riskkit.study.prices import load_study_prices
from riskkit.study.study import read_study
from tests.market.downloading import hours_ago, stamp, truth
from tests.market.exchange_server import BUSY, HOUR, Venue, candle, serve
from tests.support import ROOT, riskkit

SERIES = "binance/ETH-USDT-USDT/1h"
FETCH = ("fetch", "binance", "ETH/USDT:USDT", "--since", "2024-01-01", "--pause", "0")


def prices(*words: str | Path) -> int:
    return riskkit("prices", *words)


@pytest.fixture
def venue() -> Venue:
    return Venue()


@pytest.fixture
def folder(venue, tmp_path, monkeypatch) -> Iterator[Path]:
    """A project with a store of its own, and an exchange behind a mirror."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("RISKKIT_STORE", raising=False)
    (tmp_path / ".riskkit" / "prices").mkdir(parents=True)
    with serve(venue) as url:
        monkeypatch.setenv("RISKKIT_MIRROR", url)
        yield tmp_path


def test_from_an_exchange_to_a_study(folder, venue, capsys, monkeypatch):
    venue.holes = {hours_ago(h) for h in (30, 31)}
    assert prices(*FETCH, "--mark", "--funding") == 0
    out = capsys.readouterr().out
    assert f"{SERIES}: 1,450 new, 1,450 stored, 2024-01-01 00:00 UTC to 2024-03-01 11:00 UTC" in out
    assert "2 bars were asked for twice and not given, in 1 stretches" in out
    assert "binance/ETH-USDT-USDT/funding: 182 new" in out

    assert prices("list") == 0
    out = capsys.readouterr().out
    assert "binance/ETH-USDT-USDT/1h-mark" in out
    assert "complete" in out
    assert str(folder / ".riskkit" / "prices") in out

    when = hours_ago(5)
    venue.changed[when] = [when, "1.5", *candle(when, HOUR)[2:]]
    venue.now += 2 * HOUR
    assert prices("update", SERIES, "--pause", "0") == 0
    out = capsys.readouterr().out
    assert "2 new, 1,452 stored" in out
    assert "revised by the exchange: 2024-03-01 07:00 (stored values stay" in out
    assert prices("show", SERIES) == 0
    out = capsys.readouterr().out
    assert "ETH/USDT:USDT, swap market, by ccxt" in out
    assert "not given by binance: 2024-02-29 05:00 to 2024-02-29 06:00 (2 bars" in out
    assert "revised: 2024-03-01 07:00 open" in out
    assert "1 x hole" in out
    assert "sha256" in out

    assert prices("verify") == 0
    assert capsys.readouterr().out.count("as written") == 3

    assert prices("export", SERIES, "--out", "eth.csv") == 0
    assert "eth.csv: 1,452 rows" in capsys.readouterr().out
    stored = PriceStore(folder / ".riskkit" / "prices").load(SERIES)
    pd.testing.assert_frame_equal(
        load_prices("eth.csv").bars[stored.bars.columns], stored.bars, check_freq=False
    )
    assert prices("export", SERIES, "--bar", "1d", "--out", "eth.parquet") == 0
    daily = load_prices("eth.parquet")
    assert (daily.bar, len(daily)) == (pd.Timedelta(days=1), 59)  # 29 February lacks two hours
    assert prices("export", "binance/ETH-USDT-USDT/funding", "--out", "funding.csv") == 0
    assert (folder / "funding.csv").read_text().splitlines()[2].startswith("2024-01-01T08:00:00.0")

    (folder / "studies").mkdir()
    (folder / "studies" / "eth.toml").write_text(
        'title = "From the store"\nas_of = 2024-03-01\n'
        f'[data]\nasset = "ETH"\nstored = "{SERIES}"\nbar = "4h"\n'
        'exclude_rows = ["2024-01-01T00:00Z"]\n'
    )
    study = read_study(folder / "studies" / "eth.toml")
    history = load_study_prices(study, folder / "studies")
    assert (history.asset, history.bar) == ("ETH", pd.Timedelta(hours=4))
    assert history.provenance.source == SERIES
    assert history.provenance.sha256 == stored.provenance.sha256
    assert history.provenance.dropped[1] == ("2024-01-01T00:00:00+00:00", "1 of 4 bars missing")
    monkeypatch.setenv("RISKKIT_STORE", str(folder / "other"))
    with pytest.raises(InputError, match="must be in the store"):
        load_study_prices(study, folder / "studies")


def test_a_fetch_that_stops_says_what_is_missing_and_update_goes_on(folder, venue, capsys):
    venue.faults = lambda path, q, number: BUSY if number >= 2 else None
    assert prices(*FETCH, "--attempts", "1") == 2
    captured = capsys.readouterr()
    assert "452 of 1,452 bars missing: 2024-02-11T16:00:00+00:00 to" in captured.err
    assert "riskkit prices update" in captured.err
    assert "Traceback" not in captured.err
    assert prices("list") == 0
    assert "update interrupted" in capsys.readouterr().out
    assert prices("show", SERIES) == 0
    assert "an update was interrupted" in capsys.readouterr().out
    venue.faults = lambda *_: None
    assert prices("update", "--pause", "0") == 0
    store = PriceStore(folder / ".riskkit" / "prices")
    first = int(pd.Timestamp("2024-01-01", tz="UTC").timestamp() * 1_000)
    expected = truth(range(first, hours_ago(0), HOUR))
    pd.testing.assert_frame_equal(store.rows(SeriesKey.parse(SERIES)), expected)


def test_one_series_that_fails_stops_no_other(folder, venue, capsys):
    assert prices(*FETCH, "--mark") == 0
    venue.now += HOUR
    capsys.readouterr()
    venue.faults = lambda path, q, number: BUSY if path.endswith("/klines") else None
    assert prices("update", "--pause", "0", "--attempts", "1") == 2
    captured = capsys.readouterr()
    assert f"{SERIES}: failed" in captured.out
    assert f"{SERIES}-mark: 1 new" in captured.out
    assert "1 of 1,453 bars missing" in captured.err


def test_a_broken_file_is_named(folder, capsys):
    assert prices(*FETCH) == 0
    part = next((folder / ".riskkit").rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    assert prices("verify") == 2
    captured = capsys.readouterr()
    assert part.name in captured.out
    assert "must be as it was written" in captured.err


def test_another_store_and_an_empty_one(folder, capsys):
    assert prices(*FETCH, "--store", "elsewhere") == 0
    assert PriceStore(folder / "elsewhere").series() == (SeriesKey.parse(SERIES),)
    assert PriceStore(folder / "elsewhere").rows(SeriesKey.parse(SERIES))["time"].iloc[-1] == stamp(
        hours_ago(1)
    )
    capsys.readouterr()
    assert prices("list") == 0
    assert "The store is empty" in capsys.readouterr().out
    for command in ("update", "verify"):
        assert prices(command) == 2
        assert "must hold at least one series" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("fetch", "binance", "ETH/USDT", "--since", "last year"), "must be a year, month or day"),
        (("fetch", "binance", "ETH/USDT", "--since", "2020-02-31"), "a day of the calendar"),
        (("fetch", "binance", "ETH/USDT", "--since", "2099"), "must lie in the past"),
        (("fetch", "binance", "ETH/USDT", "--bar", "1w"), "divide a day"),
        (("fetch", "binance", "ETH/USDT", "--mark"), "gives no mark prices of ETH/USDT"),
        (("show", "binance/ETH-USDT/1h"), "must be in the store"),
        (("export", "binance/ETH-USDT/1h", "--out", "x.xlsx"), "must end in .csv or .parquet"),
    ],
)
def test_mistakes_are_answered_in_words(folder, capsys, words, message):
    pause = ("--pause", "0", "--attempts", "1") if words[0] == "fetch" else ()
    assert prices(*words, *pause) == 2
    assert message in capsys.readouterr().err


def test_a_file_of_ones_own_is_kept_like_any_other(folder, capsys):
    own = ROOT / "data" / "btc_usd_daily.csv"
    assert prices("import", own, "--symbol", "BTC/USD") == 0
    out = capsys.readouterr().out
    assert "file/BTC-USD/1d-close: 1,402 new, 1,402 stored, 2021-01-01 00:00 UTC" in out
    changed = pd.read_csv(own, comment="#")
    changed.loc[10, "close"] += 1.0
    changed.loc[11, "close"] = -1.0
    changed.to_csv(folder / "own.csv", index=False)
    assert prices("import", "own.csv", "--symbol", "BTC/USD") == 2
    assert "every price must be above zero" in capsys.readouterr().err
    assert prices("import", "own.csv", "--symbol", "BTC/USD", "--invalid-rows", "drop") == 0
    out = capsys.readouterr().out
    assert "left out: line 13 (2021-01-12), price not above zero" in out
    assert "revised by the file: 2021-01-11 00:00 (stored values stay" in out
    assert prices("update") == 0  # an exchange named "file" is not asked
    assert "riskkit prices import adds a newer one" in capsys.readouterr().out
    assert prices("show", "file/BTC-USD/1d-close") == 0
    assert "BTC/USD, by own.csv, sha256 " in capsys.readouterr().out
