"""Tables as a person reads them: units, dates, words, and nothing cut short."""

from __future__ import annotations

import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from riskkit.lab.tables import cell_words, shown


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (2823, "2,823"),
        (np.int64(20_105), "20,105"),
        (0.012345, "0.01235"),
        (0.0, "0"),
        (11_313.801848, "11,314"),
        (2_493.44, "2,493"),
        (4.4e-7, "4.4e-07"),
        (float("inf"), "∞"),
        (float("nan"), "–"),
        (None, "–"),
        (pd.NaT, "–"),
        (np.bool_(True), "yes"),
        (False, "no"),
        (Decimal("0.6287"), "0.6287"),
        (pd.Timestamp("2020-03-12", tz="UTC"), "2020-03-12"),
        (pd.Timestamp("2017-11-12 03:00", tz="UTC"), "2017-11-12 03:00"),
        (pd.Timedelta(hours=1), "1 h"),
        ((), "–"),
        (("LT", "max LTV"), "LT, max LTV"),
    ],
)
def test_a_cell_says_what_it_is(value: object, words: str) -> None:
    assert cell_words(value) == words


def test_digits_that_are_asked_for_are_all_there() -> None:
    assert cell_words(0.8) == "0.8"
    assert cell_words(0.8, digits=3) == "0.800"
    assert cell_words(-1106.60788104, digits=12) == "-1,106.60788104"


def test_fractions_are_percent_by_column_by_row_and_as_the_table_says() -> None:
    table = pd.DataFrame({"rate": [0.0110], "hits": [31], "p": [0.4554]}, index=["long"])
    assert list(shown(table, percent=["rate"]).data.iloc[0]) == ["long", "1.10%", "31", "0.4554"]
    assert list(shown(table.T, percent=["rate"]).data[""]) == ["rate", "hits", "p"]
    assert shown(table.T, percent=["rate"]).data["long"].tolist() == ["1.10%", "31", "0.4554"]
    table.attrs["fractions"] = ["p"]
    assert shown(table).data["p"].tolist() == ["45.54%"]


def test_long_text_is_whole_and_reads_from_the_left() -> None:
    reason = "13 exceptions, not 18 to 39; conditional coverage rejected at p = 0.005"
    page = shown(pd.DataFrame({"p_value": [0.005], "reason": [reason]})).to_html()
    assert reason in page
    assert "p value" in page
    assert re.findall(r"(\.col\d) \{\s*text-align: left", page) == [".col1"]
    assert re.findall(r"td(\.col\d) \{\s*white-space: nowrap", page) == [".col0"]


def test_levels_become_columns_and_counted_rows_none() -> None:
    index = pd.MultiIndex.from_product([["now", "stressed"], ["long"]], names=["state", "side"])
    table = pd.DataFrame({"MM": [0.2, np.nan]}, index=index)
    words = shown(table, percent=["MM"]).data
    assert words.columns.tolist() == ["state", "side", "MM"]
    assert words.iloc[1].tolist() == ["stressed", "long", "–"]
    counted = pd.DataFrame({"a": [1, 2]}, index=[7, 9])
    assert shown(counted).data.columns.tolist() == ["a"]
    wide = pd.concat({"ETH": table, "BTC": table}, axis=1)
    assert shown(wide).data.columns.tolist()[-1] == ("BTC", "MM")


def test_an_empty_table_says_so() -> None:
    words = shown(pd.DataFrame({"kind": [], "start": []})).data
    assert words.iloc[0].tolist() == ["none", ""]
