"""The markets whose crashes are on record, apart from the record."""

from __future__ import annotations

from enum import StrEnum


class CrashMarket(StrEnum):
    """Where an event struck."""

    CRYPTO = "crypto"
    EQUITY = "equity"
    OIL = "oil"
