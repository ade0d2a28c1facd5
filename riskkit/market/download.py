"""Bring a stored series up to date: ask for what is missing, compare what is not, account for all.

The sequence of an update: stamps due − stamps stored − holes already known as the exchange's are
asked for, with an overlap that is compared; what is then still missing before the last bar is asked
for once more, and goes on record as the exchange's hole if it does not come.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from riskkit.errors import DataError, InputError
from riskkit.market.exchange import Exchange, StoppedError
from riskkit.market.store import (
    ExchangeHole,
    PriceStore,
    Revision,
    SeriesKey,
    SeriesKind,
    SeriesSource,
)
from riskkit.market.store.commit import stretches
from riskkit.market.store.key import FILE

OVERLAP_BARS = 100
OVERLAP_FUNDING = pd.Timedelta(days=14)
# Funding is paid every 1 to 8 hours: a page without any covers at least this much per row.
FUNDING_STEP = pd.Timedelta(hours=1)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Update:
    """What an update did.

    Attributes
    ----------
    key : SeriesKey
    added : int
        Rows new in the store.
    bars : int
        Rows stored now.
    first, last : Timestamp or None
        First and last stored stamp.
    revisions : tuple of Revision
        Values that the exchange gave differently from what was stored.
    new_holes : tuple of ExchangeHole
        Stretches asked for twice and not given, new on record.
    behind : int
        Bars closed by now that the exchange does not show yet (or no longer: a delisted market).
    """

    key: SeriesKey
    added: int
    bars: int
    first: pd.Timestamp | None
    last: pd.Timestamp | None
    revisions: tuple[Revision, ...]
    new_holes: tuple[ExchangeHole, ...]
    behind: int


def fetch_series(
    exchange: Exchange,
    store: PriceStore,
    symbol: str,
    key: SeriesKey,
    since: pd.Timestamp,
    *,
    progress: Progress | None = None,
    accept_revisions: bool = False,
) -> Update:
    """Fetch a market's series from ``since`` to its last closed bar; goes on where one stopped.

    Parameters
    ----------
    symbol : str
        As ccxt writes it: ``ETH/USDT`` (spot), ``ETH/USDT:USDT`` (perpetual).
    since : Timestamp
        UTC. Bars stored before stay and are not asked for again.
    progress : callable, optional
        Called with stamps done and stamps due.
    accept_revisions : bool
        Let the store take values the exchange has changed; otherwise they are only reported.

    Raises
    ------
    StoppedError
        If the exchange stops answering: names what is missing (``rows``); the rest is stored.
    InputError
        If the exchange does not offer the series, or the store cannot be written.
    """
    market_type = exchange.market_type(symbol)
    exchange.check_offered(symbol, key)
    now = exchange.now()
    if since >= now:
        raise InputError("since", since.isoformat(), "must lie in the past", "Give an earlier date")
    source = SeriesSource(client=exchange.client, market_type=market_type, mirror=exchange.mirror)
    store.create(key, symbol, source, since)
    walk = _Walk(exchange, store, symbol, key, now, progress, accept_revisions)
    return walk.funding() if key.kind is SeriesKind.FUNDING else walk.candles()


def update_series(
    exchange: Exchange,
    store: PriceStore,
    key: SeriesKey,
    *,
    progress: Progress | None = None,
    accept_revisions: bool = False,
) -> Update:
    """Bring a stored series up to date; parameters and errors as in `fetch_series`."""
    manifest = store.manifest(key)
    if key.exchange == FILE:
        raise InputError(
            "series",
            str(key),
            "came from a file, so that no exchange can be asked for more",
            f"Import a newer file: riskkit prices import FILE --symbol {manifest.symbol}",
        )
    return fetch_series(
        exchange,
        store,
        manifest.symbol,
        key,
        pd.Timestamp(manifest.since),
        progress=progress,
        accept_revisions=accept_revisions,
    )


@dataclass
class _Walk:
    """One update under way: its counts, and the pages it asks for."""

    exchange: Exchange
    store: PriceStore
    symbol: str
    key: SeriesKey
    now: pd.Timestamp
    progress: Progress | None
    accept: bool
    added: int = 0
    revisions: dict[tuple[object, str], Revision] = field(default_factory=dict)

    def candles(self) -> Update:
        """Ask for every closed bar that is due and not stored."""
        bar = self.key.bar
        assert bar is not None  # only funding has no bar
        manifest = self.store.manifest(self.key)
        first = pd.Timestamp(manifest.since).ceil(bar)
        last = self.now.floor(bar) - bar
        due = pd.date_range(first, last, freq=bar, unit="us")
        known = [pd.date_range(h.first, h.last, freq=bar) for h in manifest.exchange_holes]
        for hole in known:
            due = due.difference(hole)
        stored = self._stored_stamps()
        overlap = stored[-OVERLAP_BARS:]
        try:
            self._ask(due.difference(stored).union(overlap), last)
            got = self._stored_stamps()
            missing = due.difference(got)
            asked_twice = missing[missing < got.max()] if len(got) else missing[:0]
            self._ask(asked_twice, last)
        except StoppedError as error:
            raise self._stopped(error, due) from None
        if not len(got):
            raise DataError(
                str(self.key),
                f"none of the {len(due):,} bars asked for",
                f"{self.exchange.name} must give at least one bar that has closed",
                "Check the market's listing date, or the bars that the exchange keeps",
            )
        before = {(h.first, h.last) for h in manifest.exchange_holes}
        manifest = self.store.seal(self.key, self.now, asked_twice)
        holes = tuple(h for h in manifest.exchange_holes if (h.first, h.last) not in before)
        behind = int((due > got.max()).sum())
        return self._update(manifest.bars, manifest.first, manifest.last, holes, behind)

    def funding(self) -> Update:
        """Ask for every funding rate since the last one stored, and two weeks before it again."""
        manifest = self.store.manifest(self.key)
        cursor = pd.Timestamp(manifest.since)
        # Unsealed, the rows may lack their beginning (an earlier since) or middle: begin again.
        if manifest.seal is not None and manifest.last is not None:
            cursor = max(cursor, manifest.last - OVERLAP_FUNDING)
        limit = self.exchange.page_bars(self.symbol, self.key.kind)
        start = cursor
        while cursor < self.now:
            try:
                page = self.exchange.funding(self.symbol, cursor, limit)
            except StoppedError as error:
                raise self._stopped_at(error, cursor) from None
            page = page[page["time"] <= self.now]
            self._keep(page)
            empty = page.empty
            reached = cursor + limit * FUNDING_STEP if empty else page["time"].iloc[-1]
            cursor = reached + pd.Timedelta(milliseconds=1)
            if self.progress is not None:
                done, due = min(cursor, self.now) - start, self.now - start
                self.progress(int(done / FUNDING_STEP), int(due / FUNDING_STEP))
        manifest = self.store.seal(self.key, self.now)
        return self._update(manifest.bars, manifest.first, manifest.last, (), 0)

    def _ask(self, wanted: pd.DatetimeIndex, last: pd.Timestamp) -> None:
        """Ask for stamps page by page; a page that begins later says there is nothing before."""
        bar = self.key.bar
        assert bar is not None
        limit = self.exchange.page_bars(self.symbol, self.key.kind)
        done = 0
        while done < len(wanted):
            since = wanted[done]
            page = self.exchange.candles(self.symbol, self.key, since, limit)
            page = page[(page["time"] >= since) & (page["time"] <= last)]
            self._keep(page)
            reached = since + (limit - 1) * bar if page.empty else page["time"].iloc[-1]
            done = int(wanted.searchsorted(reached, side="right"))
            if self.progress is not None:
                self.progress(done, len(wanted))

    def _keep(self, page: pd.DataFrame) -> None:
        commit = self.store.append(self.key, page, self.now, accept_revisions=self.accept)
        self.added += commit.added
        self.revisions |= {(r.time, r.column): r for r in commit.revisions}

    def _stored_stamps(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(self.store.rows(self.key)["time"])

    def _update(
        self,
        bars: int,
        first: pd.Timestamp | None,
        last: pd.Timestamp | None,
        holes: tuple[ExchangeHole, ...],
        behind: int,
    ) -> Update:
        revisions = tuple(self.revisions.values())
        return Update(self.key, self.added, bars, first, last, revisions, holes, behind)

    def _stopped(self, error: StoppedError, due: pd.DatetimeIndex) -> DataError:
        assert self.key.bar is not None
        missing = due.difference(self._stored_stamps())
        runs = [
            f"{first.isoformat()} to {last.isoformat()} ({bars:,} bars)"
            for first, last, bars in stretches(missing, self.key.bar)
        ]
        shown = "; ".join(runs[:5]) + (f" and {len(runs) - 5} more" if len(runs) > 5 else "")
        return self._explained(
            error, f"{len(missing):,} of {len(due):,} bars missing: {shown}", runs
        )

    def _stopped_at(self, error: StoppedError, cursor: pd.Timestamp) -> DataError:
        span = f"{cursor.isoformat()} to {self.now.isoformat()}"
        return self._explained(error, f"funding missing: {span}", [span])

    def _explained(self, error: StoppedError, missing: str, rows: list[str]) -> DataError:
        return StoppedError(
            str(self.key),
            missing,
            f"{error.argument} {error.rule}: {error.value}",
            f"What came is stored; to ask for the rest run: riskkit prices update {self.key}",
            rows=rows,
        )
