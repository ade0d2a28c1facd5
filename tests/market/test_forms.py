"""The forms in which vendors and people keep prices are read without a study, to the same bars."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import DataError
from riskkit.market import Calendar, load_prices
from riskkit.market.names import CLOSE_NAMES, TIME_NAMES, known_name
from riskkit.market.tables import Columns
from tests.fuzz.price_forms import FORMS, calm, parquet

DAYS = [f"2023-01-{d:02d}" for d in range(1, 29)]


def write(tmp_path, text, name="prices.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def rows(days, head="time,close", price=lambda i: f"{100 + i}.5", sign=","):
    return "\n".join([head, *(f"{d}{sign}{price(i)}" for i, d in enumerate(days))]) + "\n"


@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.name)
@pytest.mark.parametrize("freq", ["D", "h", "5min"])
def test_every_form_gives_the_bars_that_were_written(tmp_path, form, freq):
    bars = calm(7, 120, freq)
    path = tmp_path / form.file
    path.write_bytes(form.write(form.cells(bars)))
    history = load_prices(path)
    assert pd.DatetimeIndex(history.bars.index).equals(bars.index.as_unit("us"))
    for column in history.bars.columns.intersection(["open", "high", "low", "close"]):
        np.testing.assert_array_equal(history.bars[column], bars[column])
    assert {"open", "high", "low"} <= set(form.columns) or not history.has_extremes


@pytest.mark.parametrize("name", ["prices.PARQUET", "prices.parquet"])
def test_upper_case_suffixes_are_suffixes(tmp_path, name):
    bars = calm(3, 60, "D")
    path = tmp_path / name
    path.write_bytes(parquet(bars))
    np.testing.assert_array_equal(load_prices(path).close, bars["close"])


def test_candles_in_another_order_are_told_by_what_they_hold(tmp_path):
    """Bitfinex lists open, close, high, low; Coinbase low, high, open, close."""
    bars = calm(5, 90, "h")
    for order in (["open", "close", "high", "low"], ["low", "high", "open", "close"]):
        lines = [
            f"{int(t.timestamp() * 1000)}," + ",".join(repr(getattr(b, c)) for c in order) + ",7"
            for t, b in zip(bars.index, bars.itertuples(), strict=True)
        ]
        history = load_prices(write(tmp_path, "\n".join(lines) + "\n"))
        np.testing.assert_array_equal(history.bars["close"], bars["close"])
        np.testing.assert_array_equal(history.bars["low"], bars["low"])
        assert "no header line" in history.provenance.notes[0]


def test_columns_that_say_nothing_are_asked_about(tmp_path):
    text = "\n".join(
        f"{d},{i % 3 + 1},{i % 5 + 1},{i % 7 + 1},{i % 2 + 1}" for i, d in enumerate(DAYS)
    )
    path = write(tmp_path, text + "\n")
    with pytest.raises(DataError, match=r"5 columns without a header.*--price-column"):
        load_prices(path)
    history = load_prices(path, columns=Columns(price="3"))
    assert history.close.iloc[4] == 5.0
    with pytest.raises(DataError, match=r"price column: got 9; must be a column's number, 1 to 5"):
        load_prices(path, columns=Columns(price="9"))


def test_columns_of_any_name_are_named_by_the_user(tmp_path):
    path = write(tmp_path, rows(DAYS, head="when,mark"))
    with pytest.raises(DataError, match=r"time column: got when, mark; .*--time-column"):
        load_prices(path)
    with pytest.raises(DataError, match=r"price column: got when, mark; .*--price-column"):
        load_prices(path, columns=Columns(time="when"))
    assert load_prices(path, columns=Columns(time="WHEN", price="mark")).close.iloc[3] == 103.5
    with pytest.raises(DataError, match=r"must have the column 'nope'"):
        load_prices(path, columns=Columns(time="nope", price="mark"))


@pytest.mark.parametrize("word", [";", "semicolon"])
def test_a_delimiter_can_be_given(tmp_path, word):
    path = write(tmp_path, rows(DAYS, head="time;close", sign=";"))
    assert len(load_prices(path, columns=Columns(delimiter=word))) == len(DAYS)
    with pytest.raises(DataError, match="delimiter: got pipe; must separate at least two columns"):
        load_prices(path, columns=Columns(delimiter="|"))
    with pytest.raises(DataError, match="delimiter: got ab; must be one character"):
        load_prices(path, columns=Columns(delimiter="ab"))


DECIMALS = {
    "decimal comma": (lambda i: f"{3 + i},1641", 3.1641),
    "grouped by points": (lambda i: f"1.{200 + i},5", 1200.5),
    "quoted, grouped by commas": (lambda i: f'"1,{200 + i}.5"', 1200.5),
    "millions in groups": (lambda i: f"1,{200 + i},000", 1_200_000.0),
    "a comma after a zero": (lambda i: f"0,{100 + i}", 0.1),
}


@pytest.mark.parametrize("name", DECIMALS)
def test_the_sign_before_the_decimals_is_told_by_evidence(tmp_path, name):
    price, first = DECIMALS[name]
    path = write(tmp_path, rows(DAYS, head="time;close", price=price, sign=";"))
    assert load_prices(path).close.iloc[0] == first


def test_what_both_signs_could_have_written_is_asked_about(tmp_path):
    path = write(tmp_path, rows(DAYS, "time;close", lambda i: f"1,{200 + i}", ";"))
    with pytest.raises(DataError, match=r"close = '1,200'; a comma may .* --decimal"):
        load_prices(path)
    assert load_prices(path, columns=Columns(decimal=",")).close.iloc[0] == 1.2
    assert load_prices(path, columns=Columns(decimal=".")).close.iloc[0] == 1200.0
    with pytest.raises(DataError, match=r"decimal: got x; must be '\.' or ','"):
        load_prices(path, columns=Columns(decimal="x"))


def test_two_signs_in_one_file_are_refused(tmp_path):
    price = lambda i: f"{3 + i},1641" if i % 2 else f"{3 + i}.1641"  # noqa: E731
    path = write(tmp_path, rows(DAYS, "time;close", price, ";"))
    with pytest.raises(DataError, match=r"one sign must stand before the decimals throughout"):
        load_prices(path)


STAMPS = {
    "month first": ([f"{m:02d}/{d:02d}/2023" for m in (1, 2) for d in range(1, 29)], "2023-01-02"),
    "day first": ([f"{d:02d}/{m:02d}/2023" for m in (1, 2) for d in range(1, 29)], "2023-01-02"),
    "points": ([f"{d:02d}.{m:02d}.2023" for m in (1, 2) for d in range(1, 12)], "2023-01-02"),
    "named month": ([f'"Jan {d}, 2023"' for d in range(1, 29)], "2023-01-02"),
    "long month": ([f"{d} January 2023" for d in range(1, 29)], "2023-01-02"),
    "half days": ([f"2023-01-{d:02d} 12-AM" for d in range(1, 29)], "2023-01-02"),
    "slashes": ([f"2023/01/{d:02d}" for d in range(1, 29)], "2023-01-02"),
}


@pytest.mark.parametrize("name", STAMPS)
def test_dates_in_words_and_figures_are_read(tmp_path, name):
    stamps, second = STAMPS[name]
    history = load_prices(write(tmp_path, rows(stamps)), bar="1d")
    assert history.bars.index[1] == pd.Timestamp(second, tz="UTC")


def test_days_and_months_that_cannot_be_told_apart_are_refused(tmp_path):
    path = write(tmp_path, rows([f"01/{d:02d}/2023" for d in range(1, 12)]))
    with pytest.raises(DataError, match=r"time: got 01/01/2023; day and month must be told apart"):
        load_prices(path)


def test_milli_and_microseconds_in_one_file_are_each_read_by_size(tmp_path):
    """Binance's spot klines changed from milli- to microseconds at the turn of 2025."""
    days = pd.date_range("2024-12-20", periods=24, freq="D", tz="UTC")
    stamps = [str(int(t.timestamp()) * (1_000 if t.year < 2025 else 1_000_000)) for t in days]
    history = load_prices(write(tmp_path, rows(stamps)))
    assert pd.DatetimeIndex(history.bars.index).equals(days.as_unit("us"))


def test_names_are_matched_without_case_spaces_and_underscores():
    for role, names in (("time", TIME_NAMES), ("close", CLOSE_NAMES)):
        for name in names:
            assert known_name(name.upper().replace("_", " "), role)
    assert known_name("Adj Close**", "close")
    assert not known_name("market", "close")


def test_several_tickers_in_one_table_are_refused(tmp_path):
    head = "Price,Close,Close\nTicker,AAPL,NVDA\nDate,,"
    path = write(tmp_path, rows(DAYS, head, lambda i: f"{100 + i}.5,{200 + i}.5"))
    with pytest.raises(
        DataError, match=r"column: got Close; a name may stand over one column only"
    ):
        load_prices(path)


def test_a_file_newest_first_is_read_in_reverse_and_says_so(tmp_path):
    path = write(tmp_path, rows(DAYS[::-1], price=lambda i: str(200 - i)))
    history = load_prices(path)
    assert list(history.close) == [float(173 + i) for i in range(28)]
    assert history.provenance.notes == ("newest bar first: read in reverse",)
    assert history.provenance.reordered == 0
    broken = rows(DAYS[::-1], price=lambda i: "-1" if i == 4 else str(200 - i))
    with pytest.raises(DataError, match=r"line 6 \(2023-01-24\): close = -1"):
        load_prices(write(tmp_path, broken))


def test_a_file_of_weekdays_is_of_sessions(tmp_path):
    days = [f"{t:%Y-%m-%d}" for t in pd.bdate_range("2023-01-02", periods=60)]
    history = load_prices(write(tmp_path, rows(days)))
    assert history.calendar is Calendar.SESSIONS
    assert history.provenance.notes == ()


def test_a_header_in_other_words_is_shown_by_its_own_columns(tmp_path):
    path = tmp_path / "kurse.csv"
    rows = (f"{day:02d}.01.2022;15{day:02d},25" for day in range(1, 29))
    path.write_text("Datum;Schluss\n" + "\n".join(rows) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="got Datum, Schluss;"):
        load_prices(path)
