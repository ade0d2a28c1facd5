"""Many series brought up to date: exchanges side by side, against a real server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.market.download import fetch_series
from riskkit.market.exchange import Exchange, Patience, connect
from riskkit.market.refresh import MOST_SILENT, refresh_series
from riskkit.market.store import PriceStore, SeriesKey, SeriesSource
from tests.market.downloading import KEY, SYMBOL, hours_ago, stamp, truth
from tests.market.exchange_server import BUSY, HOUR, NOW, Venue, serve

PERPETUAL = "ETH/USDT:USDT"
OTHER = SeriesKey.of("binanceusdm", PERPETUAL, "1h")
ONCE = Patience(attempts=1, pause_seconds=0.0, timeout_seconds=600.0)


@pytest.fixture
def venue() -> Venue:
    return Venue(now=NOW - 5 * HOUR)


@pytest.fixture
def client(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> Iterator[partial[Exchange]]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve(venue) as url:
        yield partial(connect, mirror=url, patience=ONCE)


def test_two_exchanges_are_asked_at_once_and_each_in_turn(
    venue: Venue, client: partial[Exchange], tmp_path: Path
) -> None:
    store, since = PriceStore(tmp_path), stamp(hours_ago(40))
    fetch_series(client("binance"), store, SYMBOL, KEY, since)
    fetch_series(client("binanceusdm"), store, PERPETUAL, OTHER, since)
    venue.now = NOW
    meet = threading.Barrier(2)  # both connections are made before either goes on

    def together(name: str) -> Exchange:
        meet.wait(timeout=600.0)
        return client(name)

    told: list[tuple[int, int]] = []
    found = refresh_series(
        [(store, KEY), (store, OTHER)], together, lambda done, total: told.append((done, total))
    )
    assert [(r.key, r.reason, r.update and r.update.added) for r in found] == [
        (KEY, "", 5),
        (OTHER, "", 5),
    ]
    pd.testing.assert_frame_equal(store.rows(KEY), truth([hours_ago(h) for h in range(40, 0, -1)]))
    assert sorted(told) == [(1, 2), (2, 2)]


def test_an_exchange_that_is_gone_is_asked_three_times_and_stops_no_other(
    venue: Venue, client: partial[Exchange], tmp_path: Path
) -> None:
    store = PriceStore(tmp_path)
    keys = [SeriesKey.of("binance", SYMBOL, bar) for bar in ("15m", "1d", "1h", "1m", "4h")]
    for key in keys:
        store.create(
            key,
            SYMBOL,
            SeriesSource(client="ccxt", market_type="spot", mirror=None),
            stamp(hours_ago(40)),
        )
    fetch_series(client("binanceusdm"), store, PERPETUAL, OTHER, stamp(hours_ago(40)))
    venue.faults = lambda path, q, number: BUSY if path.startswith("/api/") else None
    venue.log.clear()
    found = refresh_series([(store, key) for key in (*keys, OTHER)], client)
    reasons = [each.reason for each in found]
    assert all("must answer" in reason for reason in reasons[:MOST_SILENT])
    assert all("gave 3 series in a row no answer" in reason for reason in reasons[3:5])
    assert reasons[5] == ""
    asked = [path for path, _, _ in venue.log if path.startswith("/api/")]
    assert len(asked) == MOST_SILENT


def test_what_no_exchange_continues_is_left_as_it_is(tmp_path: Path) -> None:
    def never(name: str) -> Exchange:
        raise InputError("exchange", name, "must not be asked", "")

    key = SeriesKey.of("file", "SOL/USD", "1d")
    (found,) = refresh_series([(PriceStore(tmp_path), key)], never)
    assert (found.update, found.reason) == (None, "")
    unknown = SeriesKey.of("nowhere", "SOL/USD", "1d")
    (found,) = refresh_series([(PriceStore(tmp_path), unknown)], never)
    assert "must not be asked" in found.reason
    assert refresh_series([], never) == ()
