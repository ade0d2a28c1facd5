"""The real ccxt client against a real HTTP server: every bar whole and once, under every fault."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pandas as pd
import pytest

from riskkit.errors import DataError, InputError
from riskkit.market.download import fetch_series, update_series
from riskkit.market.exchange import Patience, StoppedError, connect
from riskkit.market.store import PriceStore, SeriesKey, SeriesKind
from tests.market.downloading import KEY, SYMBOL, client, hours_ago, stamp, truth
from tests.market.exchange_server import (
    BANNED,
    BUSY,
    CUT,
    HOUR,
    LIMITED,
    MUTE,
    NOW,
    PORTAL,
    SILENT,
    TRUNCATED,
    Fault,
    Venue,
    candle,
    funding_rate,
    serve,
)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def venue() -> Venue:
    return Venue()


@pytest.fixture
def url(venue: Venue) -> Iterator[str]:
    with serve(venue) as address:
        yield address


@pytest.fixture
def store(tmp_path) -> PriceStore:
    return PriceStore(tmp_path / "store")


def last_hours(count: int) -> range:
    return range(hours_ago(count), hours_ago(0), HOUR)


def held(store: PriceStore, key: SeriesKey = KEY) -> pd.DataFrame:
    assert store.verify(key) == ()
    return store.rows(key)


def once(fault: Fault, every: int):
    """The fault on every so-many-th page, gone when asked again."""
    seen = set()

    def faults(path, q, number):
        if "klines" not in path or q["startTime"] in seen:
            return None
        seen.add(q["startTime"])
        return fault if len(seen) % every == 0 else None

    return faults


def test_fifty_thousand_bars_arrive_whole_and_once_through_every_fault_at_once(venue, url, store):
    kinds = [LIMITED, BUSY, TRUNCATED, CUT, BANNED, PORTAL, SILENT]
    hurt: dict[str, Fault] = {}
    dropped = set()

    def faults(path, q, number):
        if "klines" not in path or q["startTime"] in hurt:
            return None
        hurt[q["startTime"]] = kinds[len(hurt) % len(kinds)] if len(hurt) % 2 else Fault()
        return hurt[q["startTime"]]

    def distort(page, number):
        """Doubled and swapped candles on every page, missing ones (once) on every fifth."""
        gone = {row[0] for row in page[40::400] if number % 5 == 0} - dropped
        dropped.update(gone)
        page = [row for row in page if row[0] not in gone]
        return page[:30] + page[20:25] + page[30:][::-1]

    venue.faults, venue.distort = faults, distort
    sleeps: list[float] = []
    due = last_hours(50_000)
    update = fetch_series(client(url, sleeps), store, SYMBOL, KEY, stamp(due[0]))
    pd.testing.assert_frame_equal(held(store), truth(due))
    assert (update.added, update.bars, update.behind) == (50_000, 50_000, 0)
    assert update.new_holes == ()
    assert update.revisions == ()
    assert all(kind in hurt.values() for kind in kinds)
    assert {7.0, 90.0, 1.0} <= set(sleeps)  # Retry-After of 429 and 418; the first own wait
    assert len(dropped) >= 30
    assert max(int(q["limit"]) for p, q in venue.pages()) == 1_000


@pytest.mark.parametrize(
    "fault",
    [LIMITED, BANNED, BUSY, TRUNCATED, CUT, PORTAL, SILENT],
    ids=["429", "418", "503", "truncated", "cut", "portal", "time-out"],
)
def test_each_fault_alone_costs_one_more_request_and_no_bar(venue, url, store, fault):
    venue.faults = once(fault, every=2)
    sleeps: list[float] = []
    due = last_hours(3_000)
    fetch_series(client(url, sleeps), store, SYMBOL, KEY, stamp(due[0]))
    pd.testing.assert_frame_equal(held(store), truth(due))
    assert len(venue.pages()) == 4
    assert sleeps == [float(fault.headers.get("Retry-After", 1.0))]


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (BUSY, "ExchangeNotAvailable"),
        (TRUNCATED, "not whole JSON"),
        (CUT, "NetworkError"),
        (LIMITED, "asks to wait 7 s"),
        (SILENT, "RequestTimeout"),
    ],
)
def test_a_fault_that_stays_is_named_with_every_missing_bar(venue, url, store, fault, word):
    due = last_hours(3_000)
    venue.faults = lambda path, q, number: fault if number >= 2 and "klines" in path else None
    sleeps: list[float] = []
    patience = Patience(
        attempts=3, pause_seconds=0.0, timeout_seconds=600.0, longest_wait_seconds=1.5
    )
    with pytest.raises(StoppedError, match="1,000 of 3,000 bars missing") as caught:
        fetch_series(client(url, sleeps, patience), store, SYMBOL, KEY, stamp(due[0]))
    assert caught.value.rows == (
        f"{stamp(due[2_000]).isoformat()} to {stamp(due[-1]).isoformat()} (1,000 bars)",
    )
    assert word in str(caught.value)
    assert "riskkit prices update binance/ETH-USDT/1h" in str(caught.value)
    assert sleeps == ([7.0, 7.0] if fault is LIMITED else [1.0, 1.5])
    pd.testing.assert_frame_equal(held(store), truth(due[:2_000]))
    assert store.manifest(KEY).seal is None
    # The next update asks only for what is missing, and the overlap.
    venue.faults = lambda *_: None
    venue.log.clear()
    assert update_series(client(url), store, KEY).added == 1_000
    pd.testing.assert_frame_equal(held(store), truth(due))
    assert int(venue.pages()[0][1]["startTime"]) == due[1_900]


def test_an_exchange_that_does_not_answer_is_given_up_after_the_time_allowed(venue, url):
    exchange = client(url, patience=Patience(attempts=2, pause_seconds=0.0, timeout_seconds=600.0))
    exchange.check_offered(SYMBOL, KEY)  # answered in its own time
    venue.faults = lambda *_: MUTE
    exchange._api.timeout = 50  # ms; however slow the machine, no answer comes
    with pytest.raises(StoppedError, match=r"RequestTimeout: .*must answer \(2 tries\)"):
        exchange.candles(SYMBOL, KEY, stamp(hours_ago(5)), 5)


def test_a_ban_longer_than_patience_stops_at_once(venue, url, store):
    long_ban = Fault(status=418, headers={"Retry-After": "7200"}, body=BANNED.body)
    venue.faults = lambda path, q, number: long_ban if "klines" in path else None
    sleeps: list[float] = []
    with pytest.raises(StoppedError, match="asks to wait 7200 s"):
        fetch_series(client(url, sleeps), store, SYMBOL, KEY, stamp(hours_ago(10)))
    assert sleeps == []


def test_the_bar_still_moving_is_never_stored_whatever_this_machine_thinks(venue, url, store):
    fetch_series(client(url), store, SYMBOL, KEY, stamp(hours_ago(5)))
    assert held(store)["time"].iloc[-1] == stamp(hours_ago(1))
    venue.now = hours_ago(0) + HOUR - 1  # a millisecond before it closes
    assert update_series(client(url), store, KEY).added == 0
    venue.now += 1
    update = update_series(client(url), store, KEY)
    assert (update.added, update.last) == (1, stamp(hours_ago(0)))


def test_update_asks_only_for_what_is_new_and_an_overlap(venue, url, store):
    fetch_series(client(url), store, SYMBOL, KEY, stamp(hours_ago(3_000)))
    venue.now += 30 * HOUR
    venue.log.clear()
    assert update_series(client(url), store, KEY).added == 30
    assert [int(q["startTime"]) for _, q in venue.pages()] == [hours_ago(100)]
    pd.testing.assert_frame_equal(held(store), truth(range(hours_ago(3_000), hours_ago(-30), HOUR)))


def test_an_earlier_since_fetches_the_front_alone(venue, url, store):
    fetch_series(client(url), store, SYMBOL, KEY, stamp(hours_ago(500)))
    update = fetch_series(client(url), store, SYMBOL, KEY, stamp(hours_ago(1_400)))
    assert update.added == 900
    pd.testing.assert_frame_equal(held(store), truth(last_hours(1_400)))
    # A later since narrows nothing.
    assert fetch_series(client(url), store, SYMBOL, KEY, stamp(hours_ago(3))).bars == 1_400


def test_a_revision_is_reported_and_kept_out_until_accepted(venue, url, store):
    fetch_series(client(url), store, SYMBOL, KEY, stamp(hours_ago(200)))
    when = hours_ago(7)
    venue.changed[when] = [when, "1.5", "3.0", "1.0", "2.0", "8.0", 0, "0", 0, "0", "0", "0"]
    old = truth([when]).iloc[0]
    for _ in range(2):  # said every time, recorded once
        update = update_series(client(url), store, KEY)
        assert {r.column for r in update.revisions} == {"open", "high", "low", "close", "volume"}
        close = next(r for r in update.revisions if r.column == "close")
        assert (close.time, close.stored, close.offered) == (stamp(when), old["close"], 2.0)
        assert len(store.manifest(KEY).revisions) == 5
    pd.testing.assert_frame_equal(held(store), truth(last_hours(200)))
    update_series(client(url), store, KEY, accept_revisions=True)
    rows = held(store).set_index("time")
    assert rows.loc[stamp(when), "close"] == 2.0
    assert len(rows) == 200
    assert [r.accepted for r in store.manifest(KEY).revisions] == [False] * 5 + [True] * 5
    assert update_series(client(url), store, KEY).revisions == ()


def test_holes_are_asked_for_twice_then_recorded_and_never_again(venue, url, store):
    venue.holes = {hours_ago(h) for h in (50, 51, 52, 800)}
    update = fetch_series(client(url), store, SYMBOL, KEY, stamp(hours_ago(2_500)))
    assert [(h.first, h.last, h.bars) for h in update.new_holes] == [
        (stamp(hours_ago(800)), stamp(hours_ago(800)), 1),
        (stamp(hours_ago(52)), stamp(hours_ago(50)), 3),
    ]
    seal = store.manifest(KEY).seal
    assert (seal.missing_bars, seal.counts["hole"]) == (4, 2)
    asked = [int(q["startTime"]) for _, q in venue.pages()]
    assert asked[3:] == [hours_ago(800)]  # one page answers for both
    venue.log.clear()
    assert update_series(client(url), store, KEY).new_holes == ()
    assert [int(q["startTime"]) for _, q in venue.pages()] == [hours_ago(103)]
    # Filled later by the exchange, a hole inside the overlap closes by itself.
    venue.holes.clear()
    assert update_series(client(url), store, KEY).added == 3
    assert [h.bars for h in store.manifest(KEY).exchange_holes] == [1]


def test_bars_before_the_listing_are_one_hole_found_with_one_more_request(venue, url, store):
    venue.listed = hours_ago(300)
    update = fetch_series(client(url), store, SYMBOL, KEY, stamp(hours_ago(20_000)))
    assert (update.first, update.bars) == (stamp(hours_ago(300)), 300)
    assert [(h.first, h.bars) for h in update.new_holes] == [(stamp(hours_ago(20_000)), 19_700)]
    assert len(venue.pages()) == 2


def test_a_market_that_stopped_trading_is_behind_and_not_full_of_holes(venue, url, store):
    venue.distort = lambda page, _: [row for row in page if row[0] < hours_ago(40)]
    update = fetch_series(client(url), store, SYMBOL, KEY, stamp(hours_ago(100)))
    assert (update.bars, update.behind, update.new_holes) == (60, 40, ())


def test_no_bar_at_all_is_an_error(venue, url, store):
    venue.distort = lambda page, _: []
    with pytest.raises(DataError, match="none of the 10 bars asked for"):
        fetch_series(client(url), store, SYMBOL, KEY, stamp(hours_ago(10)))


def test_candles_that_contradict_each_other_or_cannot_be_are_not_chosen_between(venue, url, store):
    """One contradiction is resolved when asked again; the others stay, and are stated as holes."""
    first, second, zero, none, off = (hours_ago(h) for h in (90, 80, 70, 60, 50))

    def distort(page, number):
        out = []
        for row in page:
            wrong = [row[0], "9.0", "9.0", "9.0", "9.0", "9.0", *row[6:]]
            if row[0] == second or (row[0] == first and number == 0):
                out.append(wrong)
            if row[0] == zero:
                row = [zero, "0", *row[2:]]
            if row[0] == none:
                row = [none, None, *row[2:]]
            if row[0] == off:
                row = [off + 1, *row[1:]]
            out.append(row)
        return out

    venue.distort = distort
    update = fetch_series(client(url), store, SYMBOL, KEY, stamp(hours_ago(100)))
    bad = [second, zero, none, off]
    assert [h.first for h in update.new_holes] == [stamp(t) for t in bad]
    pd.testing.assert_frame_equal(held(store), truth([t for t in last_hours(100) if t not in bad]))


def test_perpetual_mark_and_funding(venue, url, store):
    symbol = "ETH/USDT:USDT"
    mark = SeriesKey.of("binance", symbol, "1h", SeriesKind.MARK)
    paid = SeriesKey.of("binance", symbol, kind=SeriesKind.FUNDING)
    assert (str(mark), str(paid)) == (
        "binance/ETH-USDT-USDT/1h-mark",
        "binance/ETH-USDT-USDT/funding",
    )
    since = stamp(hours_ago(24 * 60))
    fetch_series(client(url), store, symbol, mark, since)
    row = held(store, mark).iloc[5]
    assert [float(v) for v in row.iloc[1:]] == [
        float(v) for v in candle(int(row["time"].timestamp() * 1_000), HOUR, mark=True)[1:5]
    ]
    assert "/fapi/v1/markPriceKlines" in {p for p, _ in venue.pages()}
    assert "volume" not in store.load(mark).bars.columns

    update = fetch_series(client(url), store, symbol, paid, since)
    rates = store.funding(paid)
    assert store.verify(paid) == ()
    due = [t for t in range(0, NOW, 8 * HOUR) if t >= since.timestamp() * 1_000]
    assert rates.to_numpy().tolist() == [float(funding_rate(t)) for t in due]
    assert (update.bars, update.last) == (len(due), stamp(due[-1] + due[-1] // HOUR % 5))
    assert len([p for p, _ in venue.pages() if "funding" in p]) == 3
    venue.now += 24 * HOUR
    assert update_series(client(url), store, paid).added == 3
    # An earlier since begins again from there.
    assert fetch_series(client(url), store, symbol, paid, since - pd.Timedelta("10D")).added == 30


@pytest.mark.parametrize(
    ("symbol", "key", "message"),
    [
        ("DOGE/USDT", SeriesKey.of("binance", "DOGE/USDT", "1h"), "found no market of DOGE"),
        ("ETH/BTC", SeriesKey.of("binance", "ETH/BTC", "1h"), "found ETH/USDT, ETH/USDT:USDT"),
        ("ETH/USDT", SeriesKey.of("binance", "ETH/USDT", "20m"), "offers 1s, 1m"),
        (
            "ETH/USDT",
            SeriesKey.of("binance", "ETH/USDT", kind=SeriesKind.FUNDING),
            "gives no funding rates of ETH/USDT",
        ),
    ],
)
def test_what_the_exchange_does_not_offer_is_refused_with_words(url, store, symbol, key, message):
    with pytest.raises(InputError, match=message):
        fetch_series(client(url), store, symbol, key, stamp(hours_ago(5)))
    assert store.series() == ()


def test_a_since_in_the_future_is_refused(url, store):
    with pytest.raises(InputError, match="must lie in the past"):
        fetch_series(client(url), store, SYMBOL, KEY, stamp(NOW + HOUR))


@pytest.mark.parametrize(
    ("mirror", "message"),
    [
        ("ftp://host", "http or https"),
        ("https://", "http or https"),
        ("https://name:hunter2@host", "must not carry a login"),
        ("https://host?token=1", "http or https"),
    ],
)
def test_a_mirror_is_an_address_without_a_login(mirror, message):
    with pytest.raises(InputError, match=message) as caught:
        connect("binance", mirror=mirror)
    assert "hunter2" not in str(caught.value)


def test_an_unknown_exchange_names_near_ones():
    with pytest.raises(InputError, match="binance"):
        connect("binanse")


def test_no_key_or_secret_is_sent_stored_or_logged(
    venue, url, store, tmp_path, monkeypatch, caplog
):
    secret = "s3cr3t-0f-th3-t3st"
    for name in ("BINANCE_APIKEY", "BINANCE_API_KEY", "BINANCE_SECRET", "CCXT_APIKEY"):
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login me password {secret}\n")
    (tmp_path / ".netrc").chmod(0o600)
    with caplog.at_level(logging.DEBUG):
        fetch_series(client(url), store, SYMBOL, KEY, stamp(hours_ago(50)))
    headers = {name.lower() for _, _, sent in venue.log for name in sent}
    assert headers <= {"host", "user-agent", "accept-encoding", "accept", "connection"}
    assert all({"signature", "timestamp", "apiKey"}.isdisjoint(q) for _, q, _ in venue.log)
    assert secret not in caplog.text
    assert all(secret.encode() not in f.read_bytes() for f in store.root.rglob("*") if f.is_file())


def test_progress_counts_up_to_what_is_due(url, store):
    seen: list[tuple[int, int]] = []
    key, since = KEY, stamp(hours_ago(2_500))
    fetch_series(client(url), store, SYMBOL, key, since, progress=lambda *n: seen.append(n))
    assert seen == [(1_000, 2_500), (2_000, 2_500), (2_500, 2_500)]
