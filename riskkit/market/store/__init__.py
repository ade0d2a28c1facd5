"""Stored price series: partitioned parquet with a manifest each, written whole or not at all."""

from riskkit.market.store.commit import Commit
from riskkit.market.store.key import SeriesKey, SeriesKind
from riskkit.market.store.manifest import ExchangeHole, Manifest, Revision, SeriesSource
from riskkit.market.store.store import PriceStore, find_store, open_store

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
