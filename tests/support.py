"""Folders, and a study small enough for a test."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from riskkit.calibration.study import Study, parse_study

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"


def small_study(**sections: dict[str, object]) -> Study:
    """A study on BTC's daily closes that runs in a second or two."""
    content: dict[str, object] = {
        "title": "BTC perpetual, a small study",
        "as_of": date(2024, 12, 31),
        "data": {"asset": "BTC/USD", "prices": "btc_usd_daily.csv"},
        "model": {"spec": "gjr-t", "refit_every_bars": 300},
        "mechanism": {"oracle_latency_seconds": 0.0},
        "simulation": {"paths": 40_000, "seed": 7, "bootstrap_refits": 4},
    }
    for name, values in sections.items():
        base = content.get(name)
        content[name] = {**base, **values} if isinstance(base, dict) else values
    return parse_study(content)
