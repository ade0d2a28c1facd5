"""Tables of one width, moments of one order of day and month, TOML that costs its parser little."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from riskkit.cli.depth import read_depth
from riskkit.errors import InputError
from riskkit.options.legs import OptionBook
from riskkit.portfolio.accounts import Accounts
from riskkit.reading import parse_toml, read_csv, read_parquet
from riskkit.stress.book_file import read_levels_book, read_positions_book
from riskkit.study.coins import read_coins
from tests.fuzz import tables

CASES: list[tuple[Callable[[Path], Any], str, str, str, str]] = [
    # A decimal comma: the quantity 1,5 would be 1 and the volatility 5.
    (
        lambda p: OptionBook.read(p, tables.MOMENT, ("BTC", "ETH")),
        tables.LEGS,
        "2.5,0.71",
        "2,5,0.71",
        "line 3",
    ),
    (
        lambda p: OptionBook.read(p, tables.MOMENT, ("BTC", "ETH")),
        tables.LEGS,
        "2024-06-28,-10",
        "05/07/2024,-10",
        "line 2: expiry",
    ),
    # A cell is lost: the equity would be the quantity.
    (
        lambda p: Accounts.read(p, tables.PRICES),
        tables.ACCOUNTS,
        "b,ETH/USD,3.75,9000",
        "b,ETH/USD,9000",
        "line 4",
    ),
    (
        lambda p: read_positions_book(p, price=64_000.0),
        tables.CASH,
        "1.5,-91000.25",
        "1,5,-91000,25",
        "line 2 holds",
    ),
    (
        lambda p: read_levels_book(p, price=64_000.0, maintenance=0.01),
        tables.LEVELS,
        "price,notional",
        "price,price",
        "there twice",
    ),
    (read_depth, tables.snapshots(), "-0.005", "-0,005", "line 4 holds"),
    (read_depth, tables.snapshots(), "-0.005", "-50", "fraction of the price"),
    (read_depth, tables.quotes(), "2024-06-20T00:00:00+00:00", "05/06/2024", "hold moments"),
    (read_depth, tables.quotes(), ",1000,", ",,", "value: got nan; must be a number"),
]


@pytest.mark.parametrize(("read", "text", "old", "new", "said"), CASES)
def test_a_shifted_or_ambiguous_value_is_refused_and_named(
    tmp_path: Path, read: Callable[[Path], Any], text: str, old: str, new: str, said: str
) -> None:
    path = tmp_path / "file.csv"
    path.write_text(text, encoding="utf-8")
    read(path)
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read(path)


def test_true_is_no_number_and_few_bytes_may_not_unpack_to_many_rows() -> None:
    table = read_csv(io.BytesIO(b"side,size\nlong,true\nshort,True\n"))
    assert pd.to_numeric(table["size"], errors="coerce").isna().all()
    sink = io.BytesIO()
    pd.DataFrame({"size": [1.0] * 2_000}).to_parquet(sink)
    with pytest.raises(ValueError, match="2,000 rows"):
        read_parquet(sink, ["size"], most_rows=1_000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a" + ".a" * 400_000 + " = 1", "dots in one part of line 1"),
        ("a = " + "[" * 50_000, "nests too deeply"),
        ("a = " + "9" * 5_000, "limit"),
    ],
)
def test_a_toml_file_that_would_cost_a_parser_dear_is_refused_at_once(text: str, said: str) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match=said):
        parse_toml(text.encode())
    assert time.process_time() - began < 5.0


def test_a_byte_order_mark_before_a_coins_file_is_passed_over(tmp_path: Path) -> None:
    for name, clean in (("coin-a.csv", 4), ("coin-b.csv", 5)):
        (tmp_path / name).write_text(tables.bars(clean), encoding="utf-8")
    path = tmp_path / "coins.toml"
    path.write_text("\ufeff" + tables.COINS, encoding="utf-8")
    assert [coin.name for coin in read_coins(path)[1]] == ["A", "B"]
    assert (
        parse_toml(b"# ......................................................................")
        == {}
    )


def test_an_expiry_as_venues_write_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "legs.csv"
    path.write_text(tables.LEGS.replace("2024-06-28,-10", "28JUN24,-10"), encoding="utf-8")
    legs = OptionBook.read(path, tables.MOMENT, ("BTC", "ETH")).legs
    assert legs[0].expiry == legs[2].expiry == pd.Timestamp("2024-06-28T00:00Z")
