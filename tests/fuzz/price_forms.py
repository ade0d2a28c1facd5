"""Clean price files: series of known bars, written in the forms that vendors and people use."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

OHLC = ["open", "high", "low", "close"]


@dataclass(frozen=True)
class Form:
    """How a file is written.

    Attributes
    ----------
    name : str
    file : str
        A file name with the form's suffix.
    stamp : callable
        Text of a stamp.
    columns : tuple of str
        Columns after the stamp, of ``open, high, low, close, volume`` and ``""`` for others.
    head : tuple of str
        Lines above the rows; empty for a file without a header.
    delimiter, decimal : str
    newest_first : bool
    encoding : str
    """

    name: str
    stamp: Callable[[pd.Timestamp], str]
    columns: tuple[str, ...]
    head: tuple[str, ...]
    file: str = "prices.csv"
    delimiter: str = ","
    decimal: str = "."
    newest_first: bool = False
    encoding: str = "utf-8"

    def cells(self, bars: pd.DataFrame) -> list[list[str]]:
        """The rows, a cell a column, in the order of the file."""
        rows = []
        for time, bar in zip(bars.index, bars.itertuples(index=False), strict=True):
            values = [_cell(name, bar, time) for name in self.columns]
            rows.append([self.stamp(time), *(v.replace(".", self.decimal) for v in values)])
        return rows[::-1] if self.newest_first else rows

    def write(self, rows: list[list[str]], head: tuple[str, ...] | None = None) -> bytes:
        """The file's bytes, with these rows."""
        lines = [*(self.head if head is None else head), *map(self.delimiter.join, rows)]
        content = ("\n".join(lines) + "\n").encode(self.encoding)
        return gzip.compress(content, mtime=0) if self.file.lower().endswith(".gz") else content


def _cell(name: str, bar: object, time: pd.Timestamp) -> str:
    if name == "":
        return "0"
    if name == "symbol":
        return "XUSD"
    if name == "close_time":
        return str(int(time.timestamp() * 1000) + 59_999)
    if name == "day":
        return f"{time:%Y-%m-%d %H:%M:%S}"
    return repr(getattr(bar, name))


def _iso(t: pd.Timestamp) -> str:
    return f"{t:%Y-%m-%dT%H:%M:%SZ}"


def _seconds(t: pd.Timestamp) -> str:
    return str(int(t.timestamp()))


def _milliseconds(t: pd.Timestamp) -> str:
    return str(int(t.timestamp()) * 1000)


def _microseconds(t: pd.Timestamp) -> str:
    return str(int(t.timestamp()) * 1_000_000)


_OHLCV = ("open", "high", "low", "close", "volume")
_KLINE = (*_OHLCV, "close_time", "volume", "", "", "", "")
FORMS: tuple[Form, ...] = (
    Form("dates", lambda t: f"{t:%Y-%m-%d %H:%M:%S}", ("close",), ("time,close",)),
    Form("iso", _iso, _OHLCV, ("time,open,high,low,close,volume",)),
    Form("seconds", _seconds, ("close",), ("timestamp,price",)),
    Form("milliseconds", _milliseconds, _OHLCV, ("startTimeMs,o,h,l,c,v",)),
    Form("microseconds", _microseconds, _OHLCV, ("open_time,open,high,low,close,volume",)),
    Form("klines", _milliseconds, _KLINE, ()),
    Form("klines in microseconds", _microseconds, _KLINE, ()),
    Form("closes without a header", _iso, ("close",), ()),
    Form(
        "CryptoDataDownload",
        _milliseconds,
        ("day", "symbol", *_OHLCV, "volume"),
        (
            "https://www.CryptoDataDownload.com",
            "unix,date,symbol,open,high,low,close,Volume X,Volume USD",
        ),
        newest_first=True,
    ),
    Form(
        "yfinance",
        lambda t: f"{t:%Y-%m-%d %H:%M:%S+00:00}",
        ("close", "high", "low", "open", "volume"),
        ("Price,Close,High,Low,Open,Volume", "Ticker,X,X,X,X,X", "Datetime,,,,,"),
    ),
    Form(
        "a page's table",
        lambda t: f"{t:%b %d, %Y %H:%M}",
        (*OHLC, "close", "volume"),
        (
            "Date\tOpen\tHigh\tLow\tClose Close price adjusted for splits.\t"
            "Adj Close Adjusted close price.\tVolume",
        ),
        file="prices.TSV",
        delimiter="\t",
        newest_first=True,
    ),
    Form(
        "CoinGecko",
        lambda t: f"{t:%Y-%m-%d %H:%M:%S} UTC",
        ("close", "volume", "volume"),
        ("snapped_at,price,market_cap,total_volume",),
    ),
    Form(
        "decimal commas",
        lambda t: f"{t:%d.%m.%Y %H:%M}",
        OHLC and tuple(OHLC),
        ("Date;Open;High;Low;Close",),
        delimiter=";",
        decimal=",",
    ),
    Form("tabs", _iso, ("close",), ("time\tclose",), file="prices.txt", delimiter="\t"),
    Form("UTF-16", _iso, ("close",), ("time\tclose",), delimiter="\t", encoding="utf-16"),
    Form("packed", _iso, ("close",), ("time,close",), file="PRICES.CSV.GZ"),
)


def parquet(bars: pd.DataFrame) -> bytes:
    """Bars as a parquet file."""
    sink = io.BytesIO()
    bars.rename_axis("time").reset_index().to_parquet(sink)
    return sink.getvalue()


def bars_of(close: np.ndarray, start: str, freq: str, seed: int) -> pd.DataFrame:
    """Bars around closes: each opens at the close before, and moves a little beyond both."""
    rng = np.random.default_rng(seed)
    opens = np.concatenate((close[:1], close[:-1]))
    span = 1.0 + np.abs(rng.normal(0.0, 0.002, (2, len(close))))
    table = {
        "open": opens,
        "high": np.maximum(opens, close) * span[0],
        "low": np.minimum(opens, close) / span[1],
        "close": close,
    }
    index = pd.date_range(start, periods=len(close), freq=freq, tz="UTC")
    bars = pd.DataFrame(table, index=index).map(lambda x: float(f"{x:.8g}"))
    bars["volume"] = np.round(close[0] * rng.lognormal(12.0, 1.0, len(close)), 2)
    return bars


def calm(seed: int, n: int, freq: str) -> pd.DataFrame:
    """Closes of a coin with clustered volatility and fat tails, somewhere between 1e-4 and 1e5."""
    rng = np.random.default_rng(seed)
    sigma, r = 0.02, np.empty(n)
    for i in range(n):
        r[i] = np.clip(sigma * rng.standard_t(5) / np.sqrt(5 / 3), -0.3, 0.3)
        sigma = np.sqrt(2e-5 + 0.1 * r[i] ** 2 + 0.85 * sigma**2)
    level = 10.0 ** rng.uniform(-4, 5)
    return bars_of(level * np.exp(np.cumsum(r)), "2021-03-01", freq, seed)


def collapse(seed: int, n: int, freq: str) -> pd.DataFrame:
    """A coin that truly dies: falls to a half and a seventh, with half-way bounces, then dust."""
    rng = np.random.default_rng(seed)
    r = rng.normal(0.0, 0.02, n)
    at = int(rng.integers(n // 3, n - 20))
    falls = [-0.8, 1.3, -0.3, -1.1, 1.2, -1.0, -0.2, -1.9, 0.4, -2.0, -1.8, -0.5, -1.5, 0.3]
    r[at : at + len(falls)] = falls
    return bars_of(80.0 * np.exp(np.cumsum(r)), "2021-03-01", freq, seed)
