"""Prices that lie are found or refused; true collapses stay, and clean files raise no alarm."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import DataError
from riskkit.market import Calendar, InvalidRows, Kind, load_prices, log_returns
from riskkit.market.quality import inspect_quality
from riskkit.market.tables import MAX_ROWS
from tests.fuzz.price_forms import calm, collapse

DAY = pd.Timedelta(days=1)


def series(n: int = 300, seed: int = 2) -> pd.Series:
    return calm(seed, n, "D")["close"]


def write(tmp_path, lines, name="prices.csv", end="\n"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + end)
    return path


def lines_of(close, stamp=lambda t: f"{t:%Y-%m-%d}", head="time,close"):
    return [head, *(f"{stamp(t)},{v!r}" for t, v in close.items())]


def found(close: pd.Series, kind: Kind):
    bars = close.to_frame("close").rename_axis("time")
    return inspect_quality(bars, DAY, Calendar.ALWAYS).of(kind)


def test_rows_with_decimal_commas_are_refused_as_too_wide(tmp_path):
    lines = lines_of(series().round(4))
    lines[1:] = [line.replace(".", ",") for line in lines[1:]]
    with pytest.raises(DataError, match=r"line 2 .*2 fields of the header.*3 fields\. If commas"):
        load_prices(write(tmp_path, lines))


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
@pytest.mark.parametrize("change", [lambda row, s: row + s + "7", lambda row, s: row.split(s)[0]])
def test_a_row_of_another_width_is_refused_whatever_the_delimiter(tmp_path, sign, change):
    lines = [line.replace(",", sign) for line in lines_of(series())]
    lines[40] = change(lines[40], sign)
    path = write(tmp_path, lines)
    with pytest.raises(DataError, match=r"line 41 .*every row must have the 2 fields") as caught:
        load_prices(path)
    assert len(caught.value.rows) == 1
    history = load_prices(path, invalid_rows=InvalidRows.DROP)
    ((row, reason),) = history.provenance.dropped
    assert row.startswith("line 41")
    assert "fields where 2 were due" in reason
    assert len(history) == 299


@given(
    at=st.integers(1, 299),
    factor=st.floats(3.0, 5_000.0),
    up=st.booleans(),
    seed=st.integers(0, 50),
)
@settings(max_examples=60, deadline=None)
def test_a_one_way_move_of_three_or_more_is_a_finding_of_its_day(at, factor, up, seed):
    close = series(seed=seed)
    moved = close.copy()
    moved.iloc[at:] *= factor if up else 1.0 / factor
    days = {f.start for k in (Kind.ONE_WAY, Kind.TICK) for f in found(moved, k)}
    # At the edge it looks like a tick of the first or of the last bar.
    assert days & {close.index[at], close.index[at - 1]}


def test_a_split_names_its_day_and_its_factor():
    close = series()
    close.iloc[150:] /= 4.0
    (move,) = found(close, Kind.ONE_WAY)
    assert move.start == close.index[150]
    factor = close.iloc[149] / close.iloc[150]
    assert move.detail.startswith(f"a fall to 1/{factor:.3g} in one bar")


@pytest.mark.parametrize("factor", [10.0, 0.1, 1.9])
@pytest.mark.parametrize("at", [0, 150, 299])
def test_the_same_tick_is_found_at_the_first_a_middle_and_the_last_bar(factor, at):
    close = series()
    close.iloc[at] *= factor
    kinds = {Kind.TICK, Kind.IMPLAUSIBLE} if at == 150 else {Kind.TICK}
    hits = [f for k in kinds for f in found(close, k)]
    assert [f.start for f in hits] == [close.index[at]]


def test_a_true_collapse_stays_whole(tmp_path):
    for seed in range(6):
        bars = collapse(seed, 300, "h")
        lines = lines_of(bars["close"], stamp=lambda t: f"{t:%Y-%m-%dT%H:%M:%SZ}")
        history = load_prices(write(tmp_path, lines))
        assert len(history) == 300
        assert history.quality.of(Kind.ONE_WAY)  # said, and kept:
        assert log_returns(history).values.min() == np.diff(np.log(bars["close"])).min()


def test_clean_series_have_no_such_finding():
    for seed in range(40):
        close = series(seed=seed)
        for kind in (Kind.ONE_WAY, Kind.IMPLAUSIBLE, Kind.REPEATED):
            assert found(close, kind) == ()


def test_a_block_pasted_twice_is_found():
    close = series()
    close.iloc[200:240] = close.iloc[50:90].to_numpy()
    (block,) = found(close, Kind.REPEATED)
    assert (block.start, block.end, block.bars) == (close.index[200], close.index[239], 40)
    assert close.index[50].isoformat() in block.detail


def test_a_peg_that_hardly_moves_repeats_itself_without_a_finding():
    rng = np.random.default_rng(4)
    close = pd.Series(rng.choice([0.9999, 1.0, 1.0001], 3_000), index=pd.date_range(
        "2020-01-01", periods=3_000, tz="UTC"))  # fmt: skip
    assert found(close, Kind.REPEATED) == ()


LOST = {
    "six figures of milliseconds": lambda t: f"{t.timestamp() * 1000:.5E}",
    "seven figures of seconds": lambda t: f"{t.timestamp():.6e}",
}


@pytest.mark.parametrize("name", LOST)
def test_stamps_that_lost_digits_are_refused(tmp_path, name):
    with pytest.raises(DataError, match=r"time: got .*one grid.*lost digits"):
        load_prices(write(tmp_path, lines_of(series(), stamp=LOST[name])))


def test_stamps_on_no_grid_are_refused_and_one_beside_it_is_named(tmp_path):
    close = series(n=200)
    rng = np.random.default_rng(1)
    jitter = close.set_axis(close.index + pd.to_timedelta(rng.integers(0, 500, 200), unit="s"))
    iso = lambda t: f"{t:%Y-%m-%dT%H:%M:%SZ}"  # noqa: E731
    jitter.index = jitter.index.where(np.arange(200) % 3 > 0, close.index)
    with pytest.raises(DataError, match=r"one grid"):
        load_prices(write(tmp_path, lines_of(jitter, stamp=iso)))
    one = close.rename(index={close.index[7]: close.index[7] + pd.Timedelta(minutes=7)})
    path = write(tmp_path, lines_of(one, stamp=iso))
    with pytest.raises(DataError, match=r"T00:07:00\+00:00; stamps must lie on one grid of 1 d"):
        load_prices(path)
    history = load_prices(path, invalid_rows=InvalidRows.DROP)
    assert history.provenance.dropped[0][1] == "stamp off the grid of the others"
    assert len(history) == 199


def test_a_change_of_clocks_is_no_flaw(tmp_path):
    days = pd.bdate_range("2022-01-03", periods=400)
    local = days.tz_localize("America/New_York").tz_convert("UTC")
    close = pd.Series(series(400).to_numpy(), index=local)
    path = write(tmp_path, lines_of(close, stamp=lambda t: f"{t:%Y-%m-%dT%H:%M:%SZ}"))
    history = load_prices(path)
    assert (len(history), history.calendar) == (400, Calendar.SESSIONS)


def test_one_special_saturday_makes_no_market_open_around_the_clock(tmp_path):
    days = pd.bdate_range("2021-07-01", periods=600).tz_localize("UTC")
    days = days.insert(132, pd.Timestamp("2022-01-01", tz="UTC")).sort_values()[:600]
    close = pd.Series(series(600).to_numpy(), index=days)
    history = load_prices(write(tmp_path, lines_of(close)))
    assert history.calendar is Calendar.SESSIONS
    (note,) = history.provenance.notes
    assert note.startswith("calendar guessed: sessions, with 1 bar on a weekend (first 2022-01-01)")


def test_a_guess_with_many_holes_is_said(tmp_path):
    bars = calm(1, 24 * 60, "h")["close"]
    office = bars[(bars.index.hour >= 14) & (bars.index.hour < 21)]
    lines = lines_of(office, stamp=lambda t: f"{t:%Y-%m-%dT%H:%M:%SZ}")
    (note,) = load_prices(write(tmp_path, lines)).provenance.notes
    assert note.startswith("calendar guessed: 24/7, with a hole before 14% of the bars")


def test_a_bar_that_closes_after_now_is_left_out_at_the_door(tmp_path):
    close = series(n=100)
    path = write(tmp_path, lines_of(close))
    now = close.index[-1] + pd.Timedelta(hours=5)
    history = load_prices(path, now=now)
    assert history.last == close.index[-2]
    assert history.provenance.closed_by == close.index[-1]
    assert history.provenance.notes == (
        f"the bar of {close.index[-1].isoformat()} closes after now: left out",
    )
    later = load_prices(path, now=now + 30 * DAY)
    assert later.provenance.closed_by == close.index[-1] + DAY
    again = load_prices(path, closed_by=history.provenance.closed_by)
    pd.testing.assert_frame_equal(again.bars, history.bars)
    assert again.provenance.closed_by == history.provenance.closed_by
    with pytest.raises(DataError, match=r"no bar may open after now"):
        load_prices(path, now=now - 10 * DAY)


def test_a_file_that_ends_within_a_row_is_noticed(tmp_path):
    lines = lines_of(series())
    lines[-1] = lines[-1][:-3]
    history = load_prices(write(tmp_path, lines, end=""))
    assert history.provenance.notes == (
        "the last line has no line end: check that the file is whole",
    )


@pytest.mark.parametrize("part", [0.3, 0.7, 0.99])
def test_a_packed_file_cut_short_is_named(tmp_path, part):
    whole = gzip.compress("\n".join(lines_of(series())).encode())
    path = tmp_path / "prices.csv.gz"
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(DataError, match=r"prices\.csv\.gz .*the packed file ends before its end"):
        load_prices(path)


def test_a_blank_stamp_is_named_by_its_line(tmp_path):
    lines = lines_of(series())
    lines[150] = "," + lines[150].split(",")[1]
    path = write(tmp_path, lines)
    with pytest.raises(DataError, match=r"time: got line 151 \(blank\); every stamp must be"):
        load_prices(path)
    history = load_prices(path, invalid_rows=InvalidRows.DROP)
    assert history.provenance.dropped == (("line 151 (blank)", "unreadable stamp"),)


def test_more_rows_than_memory_should_hold_are_refused_by_the_footer(tmp_path):
    """The footer alone is read: a constant packs to nothing, and unpacks to gigabytes."""
    path = tmp_path / "bomb.parquet"
    part = pa.table({"time": pa.array(np.zeros(1_000_000, dtype="datetime64[us]")),
                     "close": np.ones(1_000_000)})  # fmt: skip
    with pq.ParquetWriter(path, part.schema, compression="zstd") as writer:
        for _ in range(MAX_ROWS // 1_000_000 + 1):
            writer.write_table(part)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(DataError, match=r"7,000,000 rows; must hold at most 6,000,000 rows"):
        load_prices(path)


def test_one_pound_sign_within_a_row_starts_no_comment(tmp_path):
    lines = lines_of(series())
    lines[30] = lines[30].replace(".", "#", 1)
    with pytest.raises(DataError, match=r"line 31 .*every price must be a number"):
        load_prices(write(tmp_path, lines))


def test_dates_out_of_all_calendars_in_a_parquet_file_are_named(tmp_path):
    stamps = list(pd.date_range("2021-01-01", periods=60, freq="D").to_numpy("datetime64[s]"))
    stamps[30] = np.datetime64("-17809-05-01T00:00:00", "s")
    times = pa.array(stamps).cast(pa.timestamp("s", "UTC"))
    table = pa.table({"time": times, "close": np.arange(60) + 1.0})
    pq.write_table(table, tmp_path / "prices.parquet")
    with pytest.raises(DataError, match="every stamp must be an ISO 8601 time"):
        load_prices(tmp_path / "prices.parquet")
