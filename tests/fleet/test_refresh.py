"""A night that begins with its prices: from the store's exchanges to the committee's page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from riskkit.fleet.concerns import Gravity, review_night
from riskkit.fleet.identity import this_machine
from riskkit.fleet.night import Night, NightRow, night_of, read_night
from riskkit.fleet.plan import plan_markets, read_case, study_files
from riskkit.fleet.refresh import SeriesRow, refresh_fleet
from riskkit.fleet.task import Task, task_key
from riskkit.market.download import fetch_series
from riskkit.market.exchange import Exchange, Patience, connect
from riskkit.market.store import PriceStore, SeriesKey
from tests.fleet.conftest import NOW, light_study
from tests.market.downloading import hours_ago, stamp
from tests.market.exchange_server import HOUR, Venue, candle, serve
from tests.market.exchange_server import NOW as THEN
from tests.support import DATA, riskkit

SERIES = "binance/ETH-USDT/1h"
STORED = f"""
title = "ETH, stored"
as_of = 2024-03-01
[data]
asset = "ETH/USDT"
stored = "{SERIES}"
"""


@pytest.fixture
def venue() -> Venue:
    return Venue(now=THEN - 5 * HOUR)


@pytest.fixture
def url(venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A folder with two studies on one stored series, five bars behind its exchange."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("RISKKIT_STORE", raising=False)
    store = PriceStore(tmp_path / ".riskkit" / "prices")
    store.root.mkdir(parents=True)
    for name in ("eth-a", "eth-b"):
        path = tmp_path / "studies" / f"{name}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(STORED, encoding="utf-8")
    with serve(venue) as address:
        monkeypatch.setenv("RISKKIT_MIRROR", address)
        key = SeriesKey.parse(SERIES)
        fetch_series(_client(address), store, "ETH/USDT", key, stamp(hours_ago(60)))
        venue.now = THEN
        yield address


def _client(url: str) -> Exchange:
    return connect("binance", mirror=url, patience=Patience(pause_seconds=0.0))


def test_a_run_refreshes_what_its_studies_name_once(
    url: str, venue: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sixty bars are too few for a margin: what is looked at here is what came before."""
    venue.log.clear()
    assert riskkit("fleet", "run", "studies", "--refresh", "--pause", "0") == 1
    said = capsys.readouterr().out
    assert "refreshed: 1 series, 5 new bars" in said
    assert "2 markets, 2 failed" in said
    night = read_night(Path("fleet"))[0]
    assert night.refreshed == (SeriesRow(SERIES, ("eth-a", "eth-b"), added=5),)
    assert len(venue.pages()) == 1


def test_revised_bars_and_an_exchange_that_is_gone_are_said(
    url: str, venue: Venue, tmp_path: Path
) -> None:
    files = study_files([tmp_path / "studies"])
    at = hours_ago(20)
    venue.changed[at] = candle(at, HOUR, mark=True)
    (row,) = refresh_fleet(files, lambda name: _client(url))
    assert (row.revised, row.added, row.reason) == (1, 5, "")
    nowhere = partial(connect, mirror="http://127.0.0.1:9", patience=Patience(attempts=1))
    (gone,) = refresh_fleet(files, nowhere)
    assert "must answer (1 try)" in gone.reason
    assert gone.markets == ("eth-a", "eth-b")
    rows = tuple(NightRow(m, "", "kept", "", "", "") for m in gone.markets)
    table = night_of(date(2024, 3, 2), this_machine(), (), None)[1]  # type: ignore[arg-type]
    for series, words in ((row, "revised 1 bars"), (gone, "could not be brought up to date")):
        night = Night(date(2024, 3, 2), {}, rows, (series,))
        reviews = review_night(night, table, day=night.night)
        assert [r.gravity for r in reviews] == [Gravity.REVIEW] * 2
        assert all(words in r.concerns[0].words for r in reviews)


def test_a_day_without_a_new_bar_asks_nothing_new(tmp_path: Path) -> None:
    """As of today is as of the last bar where that is earlier: the answer of before stands."""
    prices = (DATA / "btc_usd_daily.csv").read_bytes()
    (tmp_path / "btc_usd_daily.csv").write_bytes(prices)
    (tmp_path / "one.toml").write_text(light_study(7), encoding="utf-8")
    keys = []
    for day in (date(2024, 11, 3), date(2025, 1, 4), date(2024, 10, 31)):
        (market,) = plan_markets(study_files([tmp_path]), this_machine(), as_of=day)
        case = read_case(market, now=NOW, as_of=day)
        keys.append(task_key(Task.of(market.name, case), this_machine()))
        assert case.study.as_of == min(day, date(2024, 11, 2))
    assert keys[0] == keys[1] != keys[2]
