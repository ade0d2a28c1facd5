"""Several histories on one clock: unequal starts, holes, sessions beside the round-the-clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.calendar import Calendar
from riskkit.market.history import PriceHistory
from riskkit.market.load import load_prices
from riskkit.market.quality import inspect_quality
from riskkit.market.returns import Returns, log_returns
from riskkit.market.store import PriceStore
from riskkit.units import duration

SUFFIXES = (".csv", ".parquet")
ASYNCHRONOUS = (
    "markets with sessions stand beside markets round the clock: closes of one date are taken as "
    "one moment, though a session ends hours before midnight UTC"
)


@dataclass(frozen=True)
class Panel:
    """Histories of several assets on one clock; one asset is a panel of one.

    Every history keeps its own start: what an asset lacks before it began, or in a hole, is
    missing there and nowhere else. Only `joint_returns` asks for bars that all have.

    Attributes
    ----------
    histories : tuple of PriceHistory
        On the clock of the panel: with sessions, only bars on which a market with sessions traded.
    left_out : DataFrame
        ``asset, bars, reason``: bars an asset has which are not on the clock.
    bar : Timedelta
    calendar : Calendar
        Sessions as soon as one asset has them.
    notes : tuple of str
        What a reader of joint numbers must know of the clock.
    """

    histories: tuple[PriceHistory, ...] = field(repr=False)
    left_out: pd.DataFrame = field(repr=False)
    bar: pd.Timedelta
    calendar: Calendar
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, histories: Sequence[PriceHistory]) -> Panel:
        """A panel of histories of equal bars.

        Raises
        ------
        InputError
            For no history, doubled names, bars of different length or phase, or one series under
            two names.
        """
        _check_names(histories)
        bar = _one_bar(histories)
        sessions = [h for h in histories if h.calendar is Calendar.SESSIONS]
        mixed = 0 < len(sessions) < len(histories)
        due = _union(sessions) if mixed else None
        kept, left_out = [], []
        for history in histories:
            on_clock = history if due is None else _on(history, due)
            lost = len(history) - len(on_clock)
            if lost:
                left_out.append((history.asset, lost, "no session on that bar"))
            kept.append(on_clock)
        _check_phase(kept)
        _check_twins(kept)
        table = pd.DataFrame(left_out, columns=["asset", "bars", "reason"])
        calendar = Calendar.SESSIONS if sessions else Calendar.ALWAYS
        return cls(tuple(kept), table, bar, calendar, (ASYNCHRONOUS,) if mixed else ())

    @classmethod
    def of_files(cls, paths: Sequence[str | Path]) -> Panel:
        """A panel of price files, each asset named as its file.

        Raises
        ------
        InputError
            As `of`, and `DataError` for a file that breaks a rule.
        """
        return cls.of([load_prices(path, asset=Path(path).stem) for path in paths])

    @classmethod
    def of_folder(cls, folder: str | Path) -> Panel:
        """A panel of every CSV and parquet file of a folder, in the order of their names.

        Raises
        ------
        InputError
            If the folder holds none, or as `of`.
        """
        place = Path(folder)
        found = sorted(p for p in place.glob("*") if p.suffix in SUFFIXES)
        if not found:
            raise InputError(
                "folder",
                str(folder),
                f"must hold price files ({', '.join(SUFFIXES)})",
                "Check its name, or name the files",
            )
        return cls.of_files(found)

    @classmethod
    def of_store(cls, store: PriceStore, series: Sequence[str]) -> Panel:
        """A panel of stored series (``"binance/ETH-USDT-USDT/1h"``), each named by its symbol.

        Raises
        ------
        InputError
            If a series is not there, or as `of`.
        """
        return cls.of([store.load(key, asset=key.split("/")[1]) for key in series])

    @property
    def names(self) -> tuple[str, ...]:
        """Assets, in the order in which they were given."""
        return tuple(h.asset for h in self.histories)

    def __len__(self) -> int:
        return len(self.histories)

    def asset(self, name: str) -> PriceHistory:
        """The history of one asset.

        Raises
        ------
        InputError
            With the assets that are there.
        """
        for history in self.histories:
            if history.asset == name:
                return history
        rule = f"must be an asset of the panel: {', '.join(self.names)}"
        raise InputError("asset", name, rule, "Correct the name, or add its prices")

    @property
    def closes(self) -> pd.DataFrame:
        """Closes by bar (rows, union of all) and asset; missing where an asset has no bar."""
        return pd.DataFrame({h.asset: h.close for h in self.histories})

    @property
    def last_closes(self) -> pd.Series:
        """The last close of each asset."""
        return pd.Series({h.asset: float(h.close.iloc[-1]) for h in self.histories})

    def returns(self) -> dict[str, Returns]:
        """Log returns of each asset from all of its own history."""
        return {h.asset: log_returns(h) for h in self.histories}

    def joint_returns(self) -> pd.DataFrame:
        """Log returns (rows: targets) where all assets have one from the same bar to the same bar.

        A return over two sessions of one market, on which another traded twice, is none.
        """
        rows = self.joint_rows()
        return rows.reset_index("origin", drop=True).rename_axis("target")

    def joint_rows(self) -> pd.DataFrame:
        """`joint_returns` indexed by both dates of each return: ``origin`` and ``target``."""
        parts = self.returns()
        columns = {}
        for name, part in parts.items():
            index = pd.MultiIndex.from_arrays(
                [part.origin, part.target], names=["origin", "target"]
            )
            columns[name] = pd.Series(part.array, index=index)
        return pd.DataFrame(columns).dropna().sort_index()

    def until(self, end: pd.Timestamp) -> Panel:
        """The bars that open up to ``end``; what has none by then is left out of the panel."""
        kept = tuple(h.between(None, end) for h in self.histories if h.first <= end)
        return replace(self, histories=kept)

    def coverage(self) -> pd.DataFrame:
        """One row per asset: first and last bar, bars, bars lacking between them, left out."""
        outside = self.left_out.set_index("asset")["bars"]
        union = pd.DatetimeIndex(self.closes.index)
        rows = []
        for h in self.histories:
            inside = union[(union >= h.first) & (union <= h.last)]
            out = int(outside.get(h.asset, 0))
            rows.append((h.asset, h.first, h.last, len(h), len(inside) - len(h), out))
        columns = ["asset", "first", "last", "bars", "lacking", "left_out"]
        return pd.DataFrame(rows, columns=columns)

    def lead_lag(self) -> pd.DataFrame:
        """Correlation of each pair's returns on the same bar, and with either one bar later.

        Where a lagged correlation is above that of the same bar, closes of one date are not of one
        moment, and joint rows understate how the two move together.
        """
        table = self.joint_returns()
        rows = []
        for one, other in combinations(self.names, 2):
            x, y = table[one].to_numpy(), table[other].to_numpy()
            same = float(np.corrcoef(x, y)[0, 1])
            leads = float(np.corrcoef(x[:-1], y[1:])[0, 1])
            follows = float(np.corrcoef(x[1:], y[:-1])[0, 1])
            late = max(leads, follows) > same
            rows.append((one, other, same, leads, follows, late))
        columns = ["asset", "other", "same_bar", "asset_first", "other_first", "asynchronous"]
        return pd.DataFrame(rows, columns=columns)


def _check_names(histories: Sequence[PriceHistory]) -> None:
    names = [h.asset for h in histories]
    if not names or len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InputError(
            "assets",
            ", ".join(twice) or "none",
            "must be one or more, each named once",
            "Rename one, or leave it out",
        )
    for history in histories:
        if len(history) < 2:
            rule = "must hold two bars or more"
            raise InputError("assets", history.asset, rule, "Load a longer history of it")


def _one_bar(histories: Sequence[PriceHistory]) -> pd.Timedelta:
    lengths = {duration(h.bar) for h in histories}
    if len(lengths) > 1:
        raise InputError(
            "assets",
            ", ".join(f"{h.asset} {duration(h.bar)}" for h in histories),
            "must have bars of one length",
            "Resample the shorter bars first, with riskkit.market.resample",
        )
    return histories[0].bar


def _union(sessions: Sequence[PriceHistory]) -> pd.DatetimeIndex:
    due = pd.DatetimeIndex(sessions[0].bars.index)
    for history in sessions[1:]:
        due = due.union(pd.DatetimeIndex(history.bars.index))
    return due


def _on(history: PriceHistory, due: pd.DatetimeIndex) -> PriceHistory:
    """A history on the bars of sessions only; its returns then span what the sessions' do."""
    if history.calendar is Calendar.SESSIONS:
        return history
    bars = history.bars.loc[pd.DatetimeIndex(history.bars.index).isin(due)]
    if len(bars) < 2:
        rule = "must have bars that open when those of the markets with sessions do"
        raise InputError("assets", history.asset, rule, "Check the time zone of its stamps")
    calendar = Calendar.SESSIONS
    per_year = history.bars_per_year * calendar.days_per_year / Calendar.ALWAYS.days_per_year
    quality = inspect_quality(bars, history.bar, calendar)
    return replace(history, bars=bars, calendar=calendar, bars_per_year=per_year, quality=quality)


def _check_phase(histories: Sequence[PriceHistory]) -> None:
    """Refuse two histories that overlap in time and share not one bar."""
    for one, other in combinations(histories, 2):
        start, end = max(one.first, other.first), min(one.last, other.last)
        if end - start < 2 * one.bar:
            continue
        if not one.bars.index.intersection(other.bars.index).size:
            raise InputError(
                "assets",
                f"{one.asset}, {other.asset}",
                "must have bars that open at the same moments",
                "Check the time zone of their stamps, or resample them from shorter bars",
            )


def _check_twins(histories: Sequence[PriceHistory]) -> None:
    """Refuse one series under two names: the two would offset each other to nothing."""
    for one, other in combinations(histories, 2):
        common = one.bars.index.intersection(other.bars.index)
        if len(common) < 3:
            continue
        x, y = np.log(one.close.loc[common].to_numpy()), np.log(other.close.loc[common].to_numpy())
        if np.abs(np.diff(x) - np.diff(y)).max() < 1e-12:
            raise InputError(
                "assets",
                f"{one.asset}, {other.asset}",
                f"must be two series: their {len(common):,} common closes move as one",
                "Leave one out, and hold its quantity under the other's name",
            )
