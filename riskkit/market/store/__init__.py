"""Stored price series: partitioned parquet with a manifest each, written whole or not at all."""

from riskkit.market.store.key import SeriesKey, SeriesKind
from riskkit.market.store.store import PriceStore, find_store

__all__ = ["PriceStore", "SeriesKey", "SeriesKind", "find_store"]
