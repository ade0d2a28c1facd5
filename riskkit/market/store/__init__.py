"""Stored price series: partitioned parquet with a manifest each, written whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskkit.door import door

# A study names a series by its key: no parquet is loaded for that.
_HOMES = {
    "Commit": "riskkit.market.store.commit",
    "ExchangeHole": "riskkit.market.store.manifest",
    "Manifest": "riskkit.market.store.manifest",
    "PriceStore": "riskkit.market.store.store",
    "Revision": "riskkit.market.store.manifest",
    "SeriesKey": "riskkit.market.store.key",
    "SeriesKind": "riskkit.market.store.key",
    "SeriesSource": "riskkit.market.store.manifest",
    "find_store": "riskkit.market.store.store",
    "open_store": "riskkit.market.store.store",
}

__all__ = [
    "Commit",
    "ExchangeHole",
    "Manifest",
    "PriceStore",
    "Revision",
    "SeriesKey",
    "SeriesKind",
    "SeriesSource",
    "find_store",
    "open_store",
]

__getattr__ = door(__name__, _HOMES)


def __dir__() -> list[str]:
    return list(__all__)


if TYPE_CHECKING:
    from riskkit.market.store.commit import Commit
    from riskkit.market.store.key import SeriesKey, SeriesKind
    from riskkit.market.store.manifest import ExchangeHole, Manifest, Revision, SeriesSource
    from riskkit.market.store.store import PriceStore, find_store, open_store
