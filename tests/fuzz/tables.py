"""Files of accounts, legs, books, depth, coins and changes, with the readers of their commands."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskkit.cli.depth import read_depth, table_lines
from riskkit.fleet.challengers import read_challengers
from riskkit.market import load_prices
from riskkit.options.law import law_of_file
from riskkit.options.legs import OptionBook
from riskkit.portfolio.accounts import Accounts
from riskkit.portfolio.scenario_set import ScenarioSet, SetStyle, UnderlyingShock
from riskkit.proof.context import read_context_file
from riskkit.reading import read_text
from riskkit.stress.book_file import read_levels_book, read_loans_book, read_positions_book
from riskkit.study.cap_change import CapChange
from riskkit.study.coins import read_coins
from riskkit.zero_knowledge.build import read_instruments
from riskkit.zero_knowledge.liability_files import read_accounts
from tests.fuzz.price_forms import calm

Reader = Callable[[Path], Any]
PRICES = {"BTC/USD": 64_000.0, "ETH/USD": 3_200.0}
MOMENT = pd.Timestamp("2024-06-20T00:00Z")

ACCOUNTS = """account,asset,quantity,equity
a,BTC/USD,1.5,40000.25
a,ETH/USD,-20,
b,ETH/USD,3.75,9000
c,BTC/USD,-0.125,2500.5
"""
SET = ScenarioSet.of(SetStyle.DERIBIT, {"BTC": UnderlyingShock(0.16, 0.5, 0.25)}).text()
LEGS = """account,underlying,kind,strike,expiry,quantity,volatility,settlement
a,BTC,call,65000.5,2024-06-28,-10,0.62,inverse
a,BTC,put,58000,2024-07-26T08:00Z,2.5,0.71,inverse
b,ETH,put,2900.25,2024-06-28,-30,0.68,linear
"""
LINKED = """account,side,size,entry,collateral,class,cluster
a,long,1.5,61000.5,9000,trader,x
b,short,0.25,65000,2400.75,hedger,y
c,long,12,63000,90000,maker,x
"""
CASH = """side,size,cash,maintenance
long,1.5,-91000.25,0.01
short,2,150000.5,0.0125
"""
LEVELS = """price,notional,side
60000.5,2500000,long
58000,1200000.75,long
71000,900000,short
"""
BOOK_LOANS = """account,collateral,debt,threshold
a,1.5,52000.25,0.8
b,20,800000,0.825
"""
INSTRUMENTS = """instrument,asset,units_per_lot,price
BTC-PERP,BTC,0.001,64000.5
ETH-PERP,ETH,0.01,3200
"""
BALANCES = "account,balance\nalice,1200\nbob,0\ncarol,99\n"
COINS = """title = "Two coins"
threshold_fraction = 0.02
[[coins]]
name = "A"
prices = "coin-a.csv"
stratum = "fiat-backed"
[[coins]]
name = "B"
prices = "coin-b.csv"
base = "coin-a.csv"
stratum = "wrapped"
thin = true
"""
CHANGE = """rate = 1.22914
moment = 2026-03-10T00:00:00Z
growth_per_year_fraction = 0.0968
largest_change_fraction = 0.03
together = true
liquidation_threshold = 0.955
positions = "loans-of-change.csv"
[live]
ratio = 1.1572
time = 2025-07-01T00:00:00Z
[target]
ratio = 1.2272
time = 2026-03-03T00:00:00Z
"""
CHANGE_LOANS = "collateral,debt\n10.5,11.25\n200,210\n"
CHALLENGERS = """[egarch]
"model.spec" = "egarch-t"
[wide]
"simulation.paths" = 50_000
"""
CONTEXT = 'id = 3\nname = "BTC"\nimpact_notional = 5000000000\n'
# Every table that no shipped study has.
RARE = """schema_version = 2
title = "Every rare table"
as_of = 2024-12-31
[data]
asset = "BTC/USD"
prices = "btc_usd_daily.csv"
[memory]
weight_fraction = 0.12
decay_fraction = 0.5
correction_rate = 0.005
[level]
half_life_days = 180.0
[rule]
multiple = 8.0
interval_seconds = 3600.0
notice_seconds = 3600.0
raises = "after-notice"
greatest_change_fraction = 0.5
cap_fraction = 0.5
[accounts]
distance_fraction = [0.04, 0.16]
account_share = [0.4, 0.6]
interest_share = [0.3, 0.7]
holding_days = 7.0
long_share = 0.5
[depth]
kind = "order-book"
at_one_percent_notional = 3e8
mark_weight_fraction = 0.33
[book]
kind = "synthetic"
open_interest_notional = 5e8
median_leverage = 3.0
[fund]
notional = 5e6
depletion_years = 20
[attack]
fee_fraction = 0.0005
mean = "geometric"
largest_multiple = 8.0
[attack.guards]
bad_print_fraction = 0.5
halt_seconds = 3600.0
[options]
short_floor_fraction = 0.01
level = 0.001
"""


def in_folder(files: dict[str, str], read: Reader) -> Reader:
    """A reader of a file that names others beside it."""

    def call(path: Path) -> Any:
        for name, text in files.items():
            place = path.parent / name
            if not place.exists():
                place.write_text(text, encoding="utf-8")
        return read(path)

    return call


@cache
def quotes() -> str:
    """Quotes of two sizes and moments: a file for a depth's fit."""
    rng = np.random.default_rng(1)
    rows = ["time,value,price"]
    for k in range(48):
        value = (1_000, 50_000, 400_000, 2_000_000)[k % 4]
        price = 2000.0 * (1 - 2e-9 * value) + rng.normal(0.0, 0.05)
        rows.append(f"{(MOMENT + pd.Timedelta(minutes=k)).isoformat()},{value},{price:.4f}")
    return "\n".join(rows) + "\n"


@cache
def snapshots() -> str:
    """Cumulative depth of both sides at a few moments."""
    rows = ["time,distance,notional"]
    for k in range(6):
        for distance in (-0.02, -0.01, -0.005, 0.005, 0.01, 0.02):
            notional = 3e6 * abs(distance / 0.01) ** 0.8 * (1 + 0.01 * k)
            rows.append(f"{1_718_000_000 + 60 * k},{distance},{notional:.2f}")
    return "\n".join(rows) + "\n"


def bars(seed: int) -> str:
    """Daily closes of a calm coin."""
    close = calm(seed, 260, "D")["close"]
    return "time,close\n" + "".join(f"{t:%Y-%m-%d},{x:.8g}\n" for t, x in close.items())


@cache
def volatility() -> str:
    """Implied volatility of 150 days."""
    rng = np.random.default_rng(2)
    days = pd.date_range("2021-03-01", periods=150, freq="D")
    level = 0.6 * np.exp(np.cumsum(0.02 * rng.standard_normal(150)))
    rows = (f"{t:%Y-%m-%d},{x:.6f}\n" for t, x in zip(days, level, strict=True))
    return "time,volatility\n" + "".join(rows)


@cache
def _history() -> Any:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "p.csv"
        path.write_text(bars(3), encoding="utf-8")
        return load_prices(path)


def _depth(path: Path) -> Any:
    return table_lines(*read_depth(path))


def texts() -> dict[str, list[tuple[str, str, bytes, Reader]]]:
    """Of each kind: name, suffix, content and reader of its clean files."""
    coins = {"coin-a.csv": bars(4), "coin-b.csv": bars(5)}

    def change(path: Path) -> Any:
        found = CapChange.read(path)
        return found, found.checked(path.parent).to_csv()

    def change_loans(path: Path) -> Any:
        text = CHANGE.replace("loans-of-change.csv", path.name)
        (path.parent / "change.toml").write_text(text, encoding="utf-8")
        return CapChange.read(path.parent / "change.toml").checked(path.parent).to_csv()

    def coin_prices(path: Path) -> Any:
        found, coins = read_coins(path)
        return found, [coin.price.to_csv() for coin in coins]

    found: dict[str, list[tuple[str, str, str, Reader]]] = {
        "accounts": [
            ("accounts", ".csv", ACCOUNTS, lambda p: Accounts.read(p, PRICES)),
            ("legs", ".csv", LEGS, lambda p: OptionBook.read(p, MOMENT, ("BTC", "ETH"))),
            ("a set", ".json", SET, lambda p: ScenarioSet.read(read_text(p, "set", most=1 << 20))),
            ("instruments", ".csv", INSTRUMENTS, read_instruments),
            ("balances", ".csv", BALANCES, read_accounts),
        ],
        "venue book": [
            (
                "linked",
                ".csv",
                LINKED,
                lambda p: read_positions_book(p, price=64_000.0, maintenance=0.01),
            ),
            ("cash", ".csv", CASH, lambda p: read_positions_book(p, price=64_000.0)),
            (
                "levels",
                ".csv",
                LEVELS,
                lambda p: read_levels_book(p, price=64_000.0, maintenance=0.01),
            ),
            ("loans", ".csv", BOOK_LOANS, lambda p: read_loans_book(p, price=64_000.0)),
        ],
        "depth": [
            ("quotes", ".csv", quotes(), _depth),
            ("snapshots", ".csv", snapshots(), _depth),
            ("volatility", ".csv", volatility(), lambda p: law_of_file(p, _history())),
        ],
        "collateral": [
            ("coins", ".toml", COINS, in_folder(coins, coin_prices)),
            (
                "a cap's change",
                ".toml",
                CHANGE,
                in_folder({"loans-of-change.csv": CHANGE_LOANS}, change),
            ),
            ("its loans", ".csv", CHANGE_LOANS, change_loans),
            ("challengers", ".toml", CHALLENGERS, read_challengers),
            ("context", ".toml", CONTEXT, read_context_file),
        ],
    }
    return {
        kind: [(name, suffix, text.encode(), read) for name, suffix, text, read in rows]
        for kind, rows in found.items()
    }
