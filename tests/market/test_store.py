"""The store by itself: rows come back as given, and nothing that happens to a file goes unsaid."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import DataError, InputError
from riskkit.market.store import PriceStore, SeriesKey, SeriesKind, SeriesSource, find_store
from riskkit.market.store.export import export_series
from riskkit.market.store.manifest import write_manifest
from tests.support import ROOT

KEY = SeriesKey.of("coinbase", "BTC/USD", "1h")
AT = pd.Timestamp("2024-01-01", tz="UTC")
OLD = ROOT / "tests" / "market" / "stores" / "format-1"


@pytest.fixture(scope="module")
def bars(btc_hourly) -> pd.DataFrame:
    columns = ["open", "high", "low", "close", "volume"]
    return btc_hourly.bars[columns].reset_index()


@pytest.fixture
def store(tmp_path, bars) -> PriceStore:
    store = PriceStore(tmp_path / "data [old] *")  # a name that DuckDB would read as a pattern
    store.create(KEY, "BTC/USD", SeriesSource(client="test"), bars["time"].iloc[0])
    return store


def test_two_years_come_back_as_they_were_given(store, bars, btc_hourly):
    for i in range(0, len(bars), 700):
        assert store.append(KEY, bars.iloc[i : i + 700], AT).added == len(bars.iloc[i : i + 700])
    manifest = store.seal(KEY, AT)
    pd.testing.assert_frame_equal(store.rows(KEY), bars.reset_index(drop=True))
    history = store.load(KEY)
    pd.testing.assert_frame_equal(
        history.bars, btc_hourly.bars[history.bars.columns], check_freq=False
    )
    assert history.quality == btc_hourly.quality
    assert (history.asset, history.bar) == ("BTC/USD", pd.Timedelta(hours=1))
    assert manifest.seal.counts == btc_hourly.quality.counts()
    assert manifest.seal.sha256 == history.provenance.sha256
    # Partitioned by year, and a crowded year was merged.
    years = {p.file.split("/")[0] for p in manifest.parts}
    assert years == {"year=2017", "year=2018", "year=2019"}
    assert len(manifest.parts) <= 3 * 8
    files = {f.relative_to(store.folder(KEY)).as_posix() for f in store.root.rglob("*.parquet")}
    assert files == {p.file for p in manifest.parts}
    assert store.verify(KEY) == ()


def test_a_span_is_read_from_the_parts_it_touches(store, bars):
    store.append(KEY, bars, AT)
    start, end = pd.Timestamp("2017-12-31T22:00Z"), pd.Timestamp("2018-01-01T03:00Z")
    rows = store.rows(KEY, start, end)
    assert (rows["time"].iloc[0], rows["time"].iloc[-1], len(rows)) == (start, end, 6)
    shutil.rmtree(store.folder(KEY) / "year=2019")
    assert len(store.rows(KEY, start, end)) == 6


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 199), st.integers(1, 60)), min_size=1, max_size=8))
def test_any_order_and_overlap_of_commits_gives_the_same_rows(tmp_path_factory, offers):
    at = pd.date_range("2019-12-28", periods=260, freq="h", tz="UTC", unit="us")
    table = pd.DataFrame({"time": at, "rate": np.arange(260.0)})
    key = SeriesKey.of("x", "A/B", kind=SeriesKind.FUNDING)
    store = PriceStore(tmp_path_factory.mktemp("store"))
    store.create(key, "A/B", SeriesSource(client="test"), at[0])
    union: set[int] = set()
    for first, count in offers:
        commit = store.append(key, table.iloc[first : first + count], AT)
        offered = set(range(first, first + count))
        assert (commit.added, commit.repeated) == (len(offered - union), len(offered & union))
        union |= offered
    expected = table.iloc[sorted(union)].reset_index(drop=True)
    pd.testing.assert_frame_equal(store.rows(key), expected)
    assert store.verify(key) == ()


def test_equal_rows_have_an_equal_digest_however_they_were_committed(tmp_path, bars):
    part, digests = bars.iloc[:3_000], set()
    for name, step in (("a", 3_000), ("b", 170)):
        store = PriceStore(tmp_path / name)
        store.create(KEY, "BTC/USD", SeriesSource(client="test"), bars["time"].iloc[0])
        for i in range(0, 3_000, step):
            store.append(KEY, part.iloc[i : i + step], AT)
        digests.add(store.seal(KEY, AT).seal.sha256)
    by_hand = hashlib.sha256()
    for column in part.columns:
        values = part[column]
        if column == "time":
            raw = b"".join(int(t.timestamp() * 1e6).to_bytes(8, "little") for t in values)
        else:
            raw = np.array(values.tolist(), dtype="<f8").tobytes()
        by_hand.update(column.encode() + b"\0" + raw)
    assert digests == {by_hand.hexdigest()}


def test_a_machine_in_another_zone_reads_the_same_instants(tmp_path):
    code = """
from pathlib import Path
import pandas as pd
from riskkit.market.store import PriceStore
store = PriceStore(Path("format-1"))
key = store.series()[0]
rows = store.rows(key, pd.Timestamp("2018-01-01T00:00Z"))
print(rows["time"].dtype, rows["time"].iloc[0].isoformat(), len(rows), store.verify(key), sep="|")
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TZ": "Asia/Kolkata"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=OLD.parent, env=env, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "datetime64[us, UTC]|2018-01-01T00:00:00+00:00|72|()"


def test_rows_changed_since_they_were_sealed_are_not_loaded(store, bars):
    store.append(KEY, bars.iloc[:50], AT)
    store.seal(KEY, AT)
    assert len(store.load(KEY)) == 50
    (part,) = store.manifest(KEY).parts
    path = store.folder(KEY) / part.file
    changed = pd.read_parquet(path)
    changed.loc[7, "close"] *= 1.01
    changed.to_parquet(path)
    with pytest.raises(InputError, match="every part must be as it was written"):
        store.load(KEY)
    manifest = store.manifest(KEY)
    part = part.model_copy(update={"sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    write_manifest(store.folder(KEY), manifest.model_copy(update={"parts": (part,)}))
    with pytest.raises(InputError, match="must be those sealed by the last update"):
        store.load(KEY)


@pytest.mark.parametrize("at", [0.02, 0.3, 0.5, 0.7, 0.98])
def test_a_flipped_bit_is_no_price(store, bars, at):
    """Some bits break the packing, others only change a number: none is read or exported."""
    store.append(KEY, bars.iloc[:600], AT)
    store.seal(KEY, AT)
    (part,) = store.manifest(KEY).parts
    path = store.folder(KEY) / part.file
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 0xFF
    path.write_bytes(content)
    for read in (
        lambda: store.rows(KEY),
        lambda: store.rows(KEY, end=bars["time"].iloc[9]),
        lambda: store.load(KEY),
        lambda: export_series(store, KEY, path.parent / "out.csv"),
    ):
        with pytest.raises(InputError, match=r"SHA-256 differs .*riskkit prices verify"):
            read()


def test_a_row_named_is_left_out_on_load(store, bars):
    store.append(KEY, bars.iloc[:50], AT)
    history = store.load(KEY, exclude_rows=["2017-07-01T12:00Z"])
    assert len(history) == 49
    assert history.provenance.dropped[0][1] == "named in exclude_rows"


def test_rows_out_of_order_or_doubled_are_refused(store, bars):
    for rows in (bars.iloc[[1, 0]], bars.iloc[[0, 0]]):
        with pytest.raises(DataError, match="stamps must increase"):
            store.append(KEY, rows, AT)


def test_verify_names_a_changed_a_lost_and_a_wrong_part(store, bars):
    store.append(KEY, bars.iloc[:10_000], AT)
    store.seal(KEY, AT)
    changed, lost = (store.folder(KEY) / p.file for p in store.manifest(KEY).parts)
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    lost.unlink()
    first, second = store.verify(KEY)
    assert "year=2017" in first
    assert "SHA-256 differs" in first
    assert "is gone" in second
    with pytest.raises(InputError, match="every part the manifest names must be there"):
        store.rows(KEY)


def test_verify_looks_at_rows_and_not_only_at_bytes(store, bars):
    """A manifest that agrees with its files may still name a stamp twice or a price of zero."""
    from riskkit.market.store.commit import _write_part
    from riskkit.market.store.manifest import write_manifest

    store.append(KEY, bars.iloc[:50], AT)
    wrong = bars.iloc[40:60].assign(close=0.0)
    wrong["time"] += pd.to_timedelta((np.arange(20) == 19).astype(int), unit="min")
    part = _write_part(store.folder(KEY), wrong)
    manifest = store.manifest(KEY)
    write_manifest(
        store.folder(KEY), manifest.model_copy(update={"parts": (*manifest.parts, part)})
    )
    faults = " ".join(store.verify(KEY))
    assert "10 stamps are stored twice" in faults
    assert "off the grid" in faults
    assert "not above zero" in faults


def test_a_writer_sweeps_what_a_killed_one_left(store, bars):
    store.append(KEY, bars.iloc[:100], AT)
    folder = store.folder(KEY)
    left = [
        folder / ".x.part",
        folder / "year=2017" / ".y.part",
        folder / "year=2017" / "z.parquet",
    ]
    for path in left:
        path.write_bytes(b"half")
    assert store.verify(KEY) == ()
    store.append(KEY, bars.iloc[100:200], AT)
    assert not any(path.exists() for path in left)
    assert len(store.rows(KEY)) == 200


def test_a_store_of_format_1_is_read_and_goes_on_in_format_2(tmp_path, bars):
    """The fixture was written by riskkit when it knew format 1 only; its rows are Coinbase's."""
    shutil.copytree(OLD, tmp_path / "old")
    store = PriceStore(tmp_path / "old")
    assert store.series() == (KEY,)
    path = store.folder(KEY) / "manifest.json"
    assert json.loads(path.read_text())["format"] == 1
    span = bars["time"].between("2017-12-30T00:00Z", "2018-01-03T23:00Z")
    pd.testing.assert_frame_equal(store.rows(KEY), bars[span].reset_index(drop=True))
    assert store.verify(KEY) == ()
    assert json.loads(path.read_text())["format"] == 1  # reading changes nothing
    start = int(np.flatnonzero(span)[0])
    commit = store.append(KEY, bars.iloc[start + 100 : start + 150], AT)
    assert (commit.added, commit.repeated) == (30, 20)
    store.seal(KEY, AT)
    assert json.loads(path.read_text())["format"] == 2
    manifest = store.manifest(KEY)
    assert (manifest.bars, manifest.source.client) == (150, "data/btc_usd_hourly.csv")
    assert store.verify(KEY) == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace('"format": 2', '"format": 3'), "reads stores up to format 2"),
        (lambda text: text[: len(text) // 2], "must be as riskkit wrote it"),
        (lambda text: text.replace('"symbol"', '"simbol"'), "must be as riskkit wrote it"),
        (lambda text: "[]", "must be as riskkit wrote it"),
    ],
    ids=["newer", "half", "unknown key", "no table"],
)
def test_a_manifest_that_is_newer_or_broken_is_refused_and_left_alone(store, bars, change, message):
    store.append(KEY, bars.iloc[:10], AT)
    path = store.folder(KEY) / "manifest.json"
    path.write_text(change(path.read_text()))
    before = path.read_bytes()
    with pytest.raises(InputError, match=message):
        store.append(KEY, bars.iloc[10:20], AT)
    assert path.read_bytes() == before


def test_two_markets_under_one_name_are_kept_apart(store):
    with pytest.raises(InputError, match="in this store is BTC/USD"):
        store.create(KEY, "BTC:USD", SeriesSource(client="test"), AT)


def test_a_file_size_limit_stops_one_commit_and_keeps_those_before(store, bars):
    store.append(KEY, bars.iloc[:100], AT)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, hard))
    try:
        with pytest.raises(InputError, match="what was stored before stays"):
            store.append(KEY, bars.iloc[100:5_000], AT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(store.root.rglob(".*.part"))
    pd.testing.assert_frame_equal(store.rows(KEY), bars.iloc[:100])
    store.append(KEY, bars.iloc[100:5_000], AT)
    pd.testing.assert_frame_equal(store.rows(KEY), bars.iloc[:5_000])


def test_a_full_disk_stops_one_commit_and_keeps_those_before(tmp_path, bars):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root may mount a small disk")
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this sandbox refuses to mount a small disk")
    try:
        store = PriceStore(disk)
        store.create(KEY, "BTC/USD", SeriesSource(client="test"), bars["time"].iloc[0])
        done = 0

        def fill() -> None:
            nonlocal done
            for done in range(0, 20_000, 500):
                store.append(KEY, bars.iloc[done : done + 500], AT)

        with pytest.raises(InputError, match="No space left on device"):
            fill()
        assert done >= 1_000
        pd.testing.assert_frame_equal(store.rows(KEY), bars.iloc[:done])
        assert store.verify(KEY) == ()
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        store.append(KEY, bars.iloc[done : done + 500], AT)
        pd.testing.assert_frame_equal(store.rows(KEY), bars.iloc[: done + 500])
        assert store.verify(KEY) == ()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(
    "key",
    [
        SeriesKey.of("binance", "ETH/USDT:USDT", "15min"),
        SeriesKey.of("binance", "ETH/USDT:USDT-240628", "1d", SeriesKind.MARK),
        SeriesKey.of("kraken", "币安/USD", kind=SeriesKind.FUNDING),
        SeriesKey.of("x", "A/B", "30s"),
    ],
    ids=str,
)
def test_a_key_reads_back_as_written(key):
    assert SeriesKey.parse(str(key)) == key


@pytest.mark.parametrize(
    "text",
    [
        *("", "binance", "binance/ETH-USDT", "../ETH/1h", "binance/../1h", "binance/ETH/1h/x"),
        *("binance/ETH/7m", "binance/ETH/2d", "binance/ETH/1w", "/ETH/1h", "binance/.git/1h"),
    ],
)
def test_a_key_that_is_no_series_is_refused(text):
    with pytest.raises(InputError, match=r"series|exchange|symbol|bar"):
        SeriesKey.parse(text)


def test_what_is_not_stored_is_named(store):
    with pytest.raises(InputError, match="kraken/ETH-USD/1h; must be in the store"):
        store.load("kraken/ETH-USD/1h")


def test_funding_is_no_price_and_prices_are_no_funding(store):
    with pytest.raises(DataError, match="must hold prices"):
        store.load("coinbase/BTC-USD/funding")
    with pytest.raises(DataError, match="must hold funding rates"):
        store.funding(KEY)


def test_the_store_in_force(tmp_path, monkeypatch):
    monkeypatch.delenv("RISKKIT_STORE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    deep = tmp_path / "project" / "studies"
    deep.mkdir(parents=True)
    assert find_store(deep).root == tmp_path / "home" / "riskkit" / "prices"
    (tmp_path / "project" / ".riskkit" / "prices").mkdir(parents=True)
    assert find_store(deep).root == tmp_path / "project" / ".riskkit" / "prices"
    monkeypatch.setenv("RISKKIT_STORE", str(tmp_path / "named"))
    assert find_store(deep).root == tmp_path / "named"
    assert find_store(deep).series() == ()


def test_the_extra_is_imported_when_needed_and_words_say_how_to_get_it(tmp_path):
    shutil.copytree(OLD, tmp_path / "old")
    code = """
import sys
from pathlib import Path
from riskkit.errors import InputError
from riskkit.market.download import fetch_series
from riskkit.market.exchange import connect
from riskkit.market.store import PriceStore
assert not {"ccxt", "duckdb"} & set(sys.modules)
sys.modules["ccxt"] = sys.modules["duckdb"] = None  # as if they were not installed
store = PriceStore(Path("old"))
for ask in (lambda: store.rows(store.series()[0]), lambda: connect("binance")):
    try:
        ask()
    except InputError as error:
        print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    for word in ("no duckdb", "no ccxt"):
        assert word in run.stdout
    assert run.stdout.count("pip install 'riskkit[market]'") == 2
    assert run.stdout.count("load prices from CSV") == 2
