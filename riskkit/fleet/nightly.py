"""A night's own lines in the record: what was recommended, and what came after earlier nights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

import riskkit
from riskkit.fleet.ledger import EVERY_MARKET, Act, LedgerEntry, append_entry, last_of, read_ledger
from riskkit.fleet.merkle import market_leaf, merkle_root
from riskkit.fleet.night import Night


def night_leaves(night: Night) -> list[tuple[str, bytes]]:
    """Every market with an answer, by name, challengers among them; the others have no file."""
    rows = sorted((row for row in night.rows if row.digest), key=lambda row: row.market)
    return [(row.market, market_leaf(row.market, row.digest)) for row in rows]


def record_night(path: Path, night: Night, outcomes: Path | None) -> None:
    """Add to the record the root over a night's files, and the digest of the outcomes it saw.

    A line that would say again what the night's last one says is not added.

    Raises
    ------
    InputError
        If the record was changed by hand.
    """
    counts = {
        "markets": float(len(night.champions)),
        "failed": float(len(night.failed)),
        "challengers": float(len(night.rows) - len(night.champions)),
    }
    root = merkle_root([leaf for _, leaf in night_leaves(night)]).hex()
    _add(path, night, Act.RECOMMENDED, root, counts)
    if outcomes is None:
        return
    table = pd.read_parquet(outcomes)
    champion = table[table["challenger"] == ""]
    counts = {
        "periods": float(len(champion)),
        "exceptions": float(champion["exception"].sum()),
        "due": float(champion["due_probability"].sum()),
        "in_force_short": float(champion["in_force_short"].sum()),
    }
    digest = hashlib.sha256(outcomes.read_bytes()).hexdigest()
    _add(path, night, Act.CAME, digest, counts)


def _add(path: Path, night: Night, act: Act, digest: str, counts: dict[str, float]) -> None:
    last = last_of(read_ledger(path), act, night.night)
    if last is not None and last.digest == digest:
        return
    why = {
        Act.RECOMMENDED: "root over the night's parameter files",
        Act.CAME: "outcomes of earlier nights, seen for the first time",
    }[act]
    who = f"riskkit {riskkit.__version__}"
    append_entry(path, LedgerEntry(night.night, EVERY_MARKET, act, digest, who, why, None, counts))
