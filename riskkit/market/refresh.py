"""Bring many stored series up to date: exchanges side by side, each one's series in turn.

An exchange's limits hold for all that is asked of it, so that its series share one connection; two
exchanges know nothing of each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from riskkit.errors import RiskkitError
from riskkit.market.download import Update, update_series
from riskkit.market.exchange import Exchange, StoppedError
from riskkit.market.store import PriceStore, SeriesKey
from riskkit.market.store.key import FILE

#: Series in a row after whose failure an exchange counts as gone: one alone may be delisted.
MOST_SILENT = 3
#: A series as it lies: the store, and its name there.
Stored = tuple[PriceStore, SeriesKey]


@dataclass(frozen=True)
class Refreshed:
    """A series after a refresh.

    Attributes
    ----------
    key : SeriesKey
    update : Update or None
        What came; None where nothing was asked.
    reason : str
        Why it is not up to date; empty if it is, or came from a file, which no exchange continues.
    """

    key: SeriesKey
    update: Update | None
    reason: str = ""


def refresh_series(
    series: Iterable[Stored],
    connect: Callable[[str], Exchange],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Refreshed, ...]:
    """Update stored series; one that cannot be updated stops no other.

    Parameters
    ----------
    series : iterable of (PriceStore, SeriesKey)
    connect : callable
        From an exchange's name to a connection; asked once an exchange.
    progress : callable, optional
        Called with (series done, series in all), from any thread.

    Returns
    -------
    tuple of Refreshed, in the order given
        An exchange that stops answering is not asked for its other series: each would wait as long.
    """
    asked = list(series)
    by_exchange: dict[str, list[int]] = defaultdict(list)
    for place, (_, key) in enumerate(asked):
        by_exchange[key.exchange].append(place)
    found: dict[int, Refreshed] = {}

    def ask(exchange: str, places: Sequence[int]) -> None:
        for place, done in zip(places, _in_turn(exchange, places, asked, connect), strict=True):
            found[place] = done
            progress(len(found), len(asked))

    if asked:
        with ThreadPoolExecutor(len(by_exchange)) as pool:
            for future in [pool.submit(ask, *each) for each in by_exchange.items()]:
                future.result()
    return tuple(found[place] for place in range(len(asked)))


def _in_turn(
    exchange: str,
    places: Sequence[int],
    asked: Sequence[Stored],
    connect: Callable[[str], Exchange],
) -> Iterable[Refreshed]:
    client, silent = None, 0
    for place in places:
        store, key = asked[place]
        if exchange == FILE:
            yield Refreshed(key, None)
            continue
        if silent == MOST_SILENT:
            reason = f"not asked for: {exchange} gave {MOST_SILENT} series in a row no answer"
            yield Refreshed(key, None, reason)
            continue
        try:
            client = connect(exchange) if client is None else client
            update = update_series(client, store, key)
        except (RiskkitError, OSError) as error:
            silent = silent + 1 if isinstance(error, StoppedError) else 0
            yield Refreshed(key, None, str(error))
        else:
            silent = 0
            yield Refreshed(key, update)
