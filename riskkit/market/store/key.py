"""The name of a stored series: exchange, market, and what is recorded at which bar length."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import pandas as pd

from riskkit.errors import InputError
from riskkit.units import parse_duration

DAY = pd.Timedelta(days=1)
# Letters of any script (exchanges list tokens under such names), but nothing a path could abuse.
_WORD = re.compile(r"[\w][\w.\-]*")
_LEAF = re.compile(r"(?P<bar>\d+[smhd])(-(?P<kind>mark|ohlc|close))?|funding")
# Stands where other series name their exchange.
FILE = "file"


class SeriesKind(StrEnum):
    """What a series records.

    ``TRADES``   open, high, low, close, volume of trades
    ``MARK``     open, high, low, close of the mark price (what a venue liquidates against)
    ``FUNDING``  funding rates as fractions, at the moments they were paid
    ``OHLC``     open, high, low, close of a file that has no volume
    ``CLOSE``    closes, of a file that has nothing else
    """

    TRADES = "trades"
    MARK = "mark"
    FUNDING = "funding"
    OHLC = "ohlc"
    CLOSE = "close"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns beside ``time``, all floats."""
        ohlc = ("open", "high", "low", "close")
        return {
            SeriesKind.TRADES: (*ohlc, "volume"),
            SeriesKind.FUNDING: ("rate",),
            SeriesKind.CLOSE: ("close",),
        }.get(self, ohlc)


@dataclass(frozen=True)
class SeriesKey:
    """Name of a stored series, written ``binance/ETH-USDT-USDT/1h``.

    Attributes
    ----------
    exchange : str
        The exchange as ccxt names it; ``file`` for prices imported from one.
    market : str
        The market's unified symbol with ``-`` for ``/`` and ``:``.
    kind : SeriesKind
    bar : Timedelta or None
        None for funding, which has no bars.
    """

    exchange: str
    market: str
    kind: SeriesKind
    bar: pd.Timedelta | None

    @classmethod
    def of(
        cls,
        exchange: str,
        symbol: str,
        bar: str | pd.Timedelta | None = None,
        kind: SeriesKind = SeriesKind.TRADES,
    ) -> Self:
        """The key of a market's series; ``symbol`` as ccxt writes it, ``ETH/USDT:USDT``.

        Raises
        ------
        InputError
            For a name that cannot be a folder, or a bar that does not divide a day.
        """
        market = symbol.replace("/", "-").replace(":", "-")
        for argument, text in (("exchange", exchange), ("symbol", market)):
            if not _WORD.fullmatch(text):
                rule = "must be letters, digits, '.' and '-' (a symbol also '/' and ':')"
                raise InputError(argument, text, rule, "Write it as ccxt does: ETH/USDT:USDT")
        if kind is SeriesKind.FUNDING:
            return cls(exchange, market, kind, None)
        length = parse_duration(bar or "", "bar")
        if length > DAY or DAY % length != pd.Timedelta(0) or length % pd.Timedelta(seconds=1):
            rule = "must be whole seconds that divide a day: 1m, 15m, 1h, 4h, 1d"
            raise InputError("bar", bar, rule, "Fetch 1d and resample for weeks")
        return cls(exchange, market, kind, length)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key as `str` writes it.

        Raises
        ------
        InputError
            If it is not ``exchange/market/bar``, ``…/bar-mark`` (``-ohlc``, ``-close``) or
            ``…/funding``.
        """
        parts = text.split("/")
        match = _LEAF.fullmatch(parts[-1])
        if len(parts) != 3 or match is None:
            rule = "must name a stored series: exchange/market/bar, or /bar-mark or /funding"
            remedy = "List them with: riskkit prices list (such as binance/ETH-USDT-USDT/1h)"
            raise InputError("series", text, rule, remedy)
        kind = SeriesKind(match["kind"] or "trades")
        if match["bar"] is None:
            kind = SeriesKind.FUNDING
        return cls.of(parts[0], parts[1], match["bar"], kind)

    @property
    def bar_label(self) -> str:
        """The bar as exchanges write it: ``1h``, ``15m``, ``1d``; empty for funding."""
        if self.bar is None:
            return ""
        seconds = int(self.bar.total_seconds())
        for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
            if seconds % length == 0:
                return f"{seconds // length}{unit}"
        return f"{seconds}s"

    def __str__(self) -> str:
        leaf = {
            SeriesKind.TRADES: self.bar_label,
            SeriesKind.FUNDING: "funding",
        }.get(self.kind, f"{self.bar_label}-{self.kind}")
        return f"{self.exchange}/{self.market}/{leaf}"
