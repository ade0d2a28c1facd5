"""Loading: what is accepted, what is refused, and that refusals name the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import DataError, InputError
from riskkit.market import Calendar, InvalidRows, Kind, load_prices, load_sample, log_returns
from tests.support import DATA

ETH = (DATA / "eth_usd_daily.csv").read_text().splitlines()


def write(tmp_path: Path, lines: list[str], name: str = "prices.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_file_is_loaded_with_its_provenance(eth_daily):
    assert eth_daily.provenance.source == "eth_usd_daily.csv"
    assert eth_daily.provenance.rows_read == len(ETH) - 1
    assert eth_daily.provenance.dropped == ()
    assert str(eth_daily.bars.index.dtype) == "datetime64[us, UTC]"
    assert (eth_daily.bar, eth_daily.calendar) == (pd.Timedelta(days=1), Calendar.ALWAYS)


@pytest.mark.parametrize(
    "stamp",
    [
        lambda t: t.strftime("%Y-%m-%d"),
        lambda t: t.strftime("%Y-%m-%dT%H:%M:%SZ"),
        lambda t: t.strftime("%Y-%m-%d %H:%M:%S+00:00"),
        lambda t: str(int(t.timestamp())),
        lambda t: str(int(t.timestamp() * 1000)),
        lambda t: str(int(t.timestamp() * 1_000_000)),
        lambda t: t.strftime("%Y%m%d"),
    ],
    ids=["date", "iso-z", "iso-offset", "seconds", "milliseconds", "microseconds", "yyyymmdd"],
)
@pytest.mark.parametrize("names", [("time", "close"), ("Date", "Adj Close"), ("ts", "Price")])
def test_usual_stamps_and_names_give_the_same_history(tmp_path, eth_daily, stamp, names):
    part = eth_daily.close.iloc[:400]
    lines = [",".join(names)] + [f"{stamp(t)},{v!r}" for t, v in part.items()]
    history = load_prices(write(tmp_path, lines))
    pd.testing.assert_series_equal(history.close, part, check_freq=False)


def test_parquet_with_an_index_of_times(tmp_path, btc_hourly):
    path = tmp_path / "btc.parquet"
    btc_hourly.bars.iloc[:500].to_parquet(path)
    history = load_prices(path)
    pd.testing.assert_frame_equal(history.bars, btc_hourly.bars.iloc[:500])
    assert history.has_extremes


def test_gzipped_csv(tmp_path, eth_daily):
    path = tmp_path / "eth.csv.gz"
    eth_daily.bars.iloc[:300].to_csv(path)
    assert len(load_prices(path)) == 300
    assert load_prices(path).asset == "eth"


def corrupted(change) -> list[str]:
    lines = ETH[:701]
    change(lines)
    return lines


def set_price(text: str):
    return lambda lines: lines.__setitem__(100, f"{lines[100].split(',')[0]},{text}")


def swap(lines: list[str]) -> None:
    lines[100], lines[101] = lines[101], lines[100]


def mix_zones(lines: list[str]) -> None:
    lines[1:] = [line.replace(",", "T00:00:00+00:00,") for line in lines[1:]]
    lines[100] = lines[100].replace("+00:00", "+09:00")


def mix_naive(lines: list[str]) -> None:
    lines[1:] = [line.replace(",", "T00:00:00Z,") for line in lines[1:]]
    lines[100] = lines[100].replace("Z,", ",")


BAD = {
    "NaN": (set_price(""), r"line 101 .*close.*every price must be there"),
    "zero": (set_price("0"), r"line 101 .*every price must be above zero"),
    "negative": (set_price("-3.5"), r"line 101 .*every price must be above zero"),
    "infinite": (set_price("inf"), r"line 101 .*every price must be finite"),
    "text": (set_price("n/a?"), r"line 101 .*'n/a\?'; every price must be a number"),
    "stamp": (lambda s: s.__setitem__(100, "soon,1.0"), r"line 101 \(soon\); every stamp must be"),
    "duplicate": (lambda s: s.insert(101, s[100]), r"line 102 .*every stamp may appear once"),
    "unsorted": (swap, r"line 102 .*stamps must increase"),
    "zones": (mix_zones, r"line 101 .*in one time zone \(found 'Z', '\+09:00'\)"),
    "naive": (mix_naive, r"line 101 .*in one time zone \(found 'Z', ''\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_invalid_rows_are_refused_by_name(tmp_path, name):
    change, message = BAD[name]
    with pytest.raises(DataError, match=message) as caught:
        load_prices(write(tmp_path, corrupted(change)))
    assert len(caught.value.rows) == 1
    assert "drop" in caught.value.remedy


@pytest.mark.parametrize("name", BAD)
def test_the_policy_drops_the_same_rows_and_names_them(tmp_path, name):
    change, _ = BAD[name]
    path = write(tmp_path, corrupted(change))
    history = load_prices(path, invalid_rows=InvalidRows.DROP)
    if name == "unsorted":
        assert (history.provenance.dropped, history.provenance.reordered) == ((), 1)
        assert len(history) == 700
    else:
        ((row, reason),) = history.provenance.dropped
        assert row.startswith(("line 101", "line 102"))
        assert reason
        assert len(history) == (700 if name == "duplicate" else 699)


def test_shuffled_rows_are_refused_and_can_be_sorted(tmp_path, eth_daily):
    order = np.random.default_rng(3).permutation(700)
    path = write(tmp_path, [ETH[0]] + [ETH[1 + i] for i in order])
    with pytest.raises(DataError, match=r"and \d+ more; stamps must increase"):
        load_prices(path)
    history = load_prices(path, invalid_rows=InvalidRows.DROP)
    pd.testing.assert_series_equal(history.close, eth_daily.close.iloc[:700], check_freq=False)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], r"The file is empty"),
        (["time,close"], r"it has a header only"),
        (["time,volume", "2020-01-01,3"], r"price column: got time, volume; .*close, price"),
        (["close,volume", "3,3"], r"time column: got close, volume; .*timestamp"),
        (["time,close", "2020-01-01,3"], r"1 usable rows; a history needs at least two bars"),
    ],
)
def test_files_without_a_history_are_refused(tmp_path, lines, message):
    path = tmp_path / "prices.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=message):
        load_prices(path)


@pytest.mark.parametrize(
    ("name", "content"), [("a.parquet", b"no parquet"), ("a.csv", b"\xff\xfe\x00")]
)
def test_files_of_another_format_are_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"readable as \.(parquet|csv)|column|header"):
        load_prices(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere.csv; must be a file that can be read"):
        load_prices(tmp_path / "nowhere.csv")


def test_a_wrong_bar_length_is_refused(tmp_path):
    path = write(tmp_path, ETH[:100])
    with pytest.raises(DataError, match=r"no two stamps may be closer than one bar .*1 d"):
        load_prices(path, bar="2d")
    with pytest.raises(DataError, match=r"the closest lie 1 d apart"):
        load_prices(path, bar="1h")
    with pytest.raises(InputError, match=r"bar: got soon; must be a positive duration"):
        load_prices(path, bar="soon")


def test_rows_leave_by_name_only(tmp_path):
    path = write(tmp_path, ETH[:100])
    day = ETH[50].split(",")[0]
    history = load_prices(path, exclude_rows=[day])
    assert history.provenance.dropped == ((f"line 51 ({day})", "named in exclude_rows"),)
    with pytest.raises(DataError, match=r"exclude_rows: got 1999-01-01; must name the stamp"):
        load_prices(path, exclude_rows=["1999-01-01"])


def test_an_unknown_sample_is_refused():
    with pytest.raises(InputError, match=r"sample: got gold; must be one of nasdaq, sp500, wti"):
        load_sample("gold")


def test_a_tenfold_tick_is_found_and_kept(tmp_path, eth_daily):
    lines = ETH[:701]
    day, price = lines[400].split(",")
    lines[400] = f"{day},{float(price) * 10}"
    history = load_prices(write(tmp_path, lines))
    (tick,) = history.quality.of(Kind.IMPLAUSIBLE)
    assert tick.start == pd.Timestamp(day, tz="UTC")
    assert len(history) == 700
    returns = log_returns(history)
    reasons = returns.excluded["reason"].value_counts()
    assert reasons["around an implausible tick"] == 2
    assert returns.values.abs().max() < 1.0
    others = [f for f in history.quality.findings if f.kind is not Kind.IMPLAUSIBLE]
    assert tuple(others) == eth_daily.between(None, history.last).quality.findings


def test_a_plausible_tick_is_suspected_and_its_returns_stay(tmp_path):
    lines = ETH[:701]
    day, price = lines[400].split(",")
    lines[400] = f"{day},{float(price) * 0.3}"
    history = load_prices(write(tmp_path, lines))
    (tick,) = history.quality.of(Kind.TICK)
    assert tick.start == pd.Timestamp(day, tz="UTC")
    assert history.quality.of(Kind.IMPLAUSIBLE) == ()
    assert log_returns(history).values.abs().max() > 1.1


def test_an_implausible_tick_of_two_bars_is_found(tmp_path):
    lines = ETH[:701]
    for i in (400, 401):
        day, price = lines[i].split(",")
        lines[i] = f"{day},{float(price) * 10}"
    history = load_prices(write(tmp_path, lines))
    (tick,) = history.quality.of(Kind.IMPLAUSIBLE)
    assert (str(tick.start.date()), str(tick.end.date())) == tuple(
        lines[i].split(",")[0] for i in (400, 401)
    )
    assert log_returns(history).values.abs().max() < 1.0


def test_excel_serial_dates_are_refused(tmp_path):
    lines = ["date,close", *(f"{44696 + i},{100 + i}" for i in range(50))]
    with pytest.raises(DataError, match=r"line 2 \(44696\).*Excel serial dates"):
        load_prices(write(tmp_path, lines))


def test_line_numbers_count_comments_and_blank_lines(tmp_path):
    lines = ["# a", "", "time,close", "2020-01-01,1", "# b", "2020-01-02,-3"]
    with pytest.raises(DataError, match=r"line 6 \(2020-01-02\): close = -3"):
        load_prices(write(tmp_path, lines))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "{}", "must end in one of .csv"),
        ("a.csv", "date:close\n2020-01-01:3\n", "Name it with --time-column"),
    ],
)
def test_other_separators_and_formats_are_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        load_prices(path)


def test_two_tokens_under_one_symbol_leave_no_return(tmp_path):
    first = [f"2022-05-{d:02d},{80 * 0.9**d!r}" for d in range(1, 13)]
    second = [
        f"2022-06-{d:02d},{float(80 * 0.9**12 * np.exp(12) * 1.01**d)!r}" for d in range(1, 13)
    ]
    history = load_prices(write(tmp_path, ["time,close", *first, *second]))
    (jump,) = history.quality.of(Kind.JUMP)
    assert "two assets under one symbol" in jump.detail
    returns = log_returns(history)
    assert len(returns.excluded) == 1
    assert float(returns.excluded["log_return"].iloc[0]) > 11.0
    assert returns.values.abs().max() < 0.11


def test_a_stale_run_and_an_ohlc_violation_are_findings(tmp_path):
    stamps = pd.date_range("2020-01-01", periods=40, freq="h")
    lines = ["time,open,high,low,close"]
    for i, t in enumerate(stamps):
        p = 100.0 if 10 <= i < 16 else 100.0 + i
        high = p - 5 if i == 30 else p + 1
        lines.append(f"{t},{p},{high},{p - 6},{p}")
    history = load_prices(write(tmp_path, lines))
    (stale,) = history.quality.of(Kind.STALE)
    assert (stale.start, stale.bars) == (stamps[10].tz_localize("UTC"), 6)
    (violation,) = history.quality.of(Kind.OHLC)
    assert violation.start == stamps[30].tz_localize("UTC")


@given(scale=st.floats(1e-6, 1e6), start=st.integers(0, 2000), length=st.integers(30, 400))
@settings(max_examples=25, deadline=None)
def test_scaling_prices_changes_no_return_and_no_finding(eth_daily, scale, start, length):
    from dataclasses import replace

    from riskkit.market.quality import inspect_quality

    part = eth_daily.between(eth_daily.bars.index[start], eth_daily.bars.index[start + length])
    scaled_bars = part.bars * scale
    scaled = replace(
        part, bars=scaled_bars, quality=inspect_quality(scaled_bars, part.bar, part.calendar)
    )
    np.testing.assert_allclose(log_returns(scaled).array, log_returns(part).array, atol=1e-12)
    assert scaled.quality.counts() == part.quality.counts()


@pytest.mark.parametrize("shift", ["999ms", "1ms", "1s"])
def test_closing_times_are_refused_and_name_the_open(tmp_path, shift):
    days = pd.date_range("2020-03-10", periods=6, freq="D", tz="UTC")
    closes = days + pd.Timedelta(days=1) - pd.Timedelta(shift)
    path = tmp_path / "closes.csv"
    pd.DataFrame({"time": closes, "close": [1.0, 2.0, 3.0, 2.0, 1.0, 2.0]}).to_csv(path)
    with pytest.raises(DataError, match="as closing times do") as caught:
        load_prices(path)
    assert "opened at 2020-03-10 00:00:00+00:00" in str(caught.value)


def test_bars_that_do_not_begin_at_midnight_are_loaded(tmp_path):
    opens = pd.date_range("2020-03-10T08:30", periods=6, freq="D", tz="UTC")
    path = tmp_path / "opens.csv"
    pd.DataFrame({"time": opens, "close": [1.0, 2.0, 3.0, 2.0, 1.0, 2.0]}).to_csv(path)
    assert load_prices(path).bars.index[0] == opens[0]


def test_offsets_other_than_z_are_read(tmp_path, eth_daily):
    part = eth_daily.bars[["close"]].iloc[:40]
    text = [f"{(t + pd.Timedelta(hours=2)):%Y-%m-%dT%H:%M:%S}+02:00" for t in part.index]
    path = tmp_path / "offset.csv"
    pd.DataFrame({"time": text, "close": part["close"].to_numpy()}).to_csv(path, index=False)
    assert load_prices(path).bars.index.equals(part.index)
    text[7] = text[7].replace("+02:00", "Z")
    pd.DataFrame({"time": text, "close": part["close"].to_numpy()}).to_csv(path, index=False)
    with pytest.raises(DataError, match="all stamps must be in one time zone") as caught:
        load_prices(path)
    assert caught.value.rows == (f"line 9 ({text[7]})",)
