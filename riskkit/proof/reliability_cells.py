"""Predicted against realised rates, cell by cell: counts, bands, and whether they can be judged."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd

from riskkit.position import Side
from riskkit.proof.brier import brier_score
from riskkit.proof.replay import EVENTS, Rates, event_rates

FEWEST_EXPECTED = 10.0
BAND = 0.95
PREDICTED = ("within_reaction", "liquidation", "default")
REALISED = ("liquidated_within_reaction", "liquidated", "defaulted")


def reliability_cells(rows: pd.DataFrame, band: dict[tuple[Side, float], Rates]) -> pd.DataFrame:
    """One row per side, target and event, as `Reliability.cells`."""
    cells = []
    for (side, target), rates in band.items():
        part = rows[(rows["side"] == side.value) & (rows["target"] == target)]
        if part.empty:
            continue
        predicted = event_rates(*(part[name] for name in PREDICTED))
        realised = event_rates(*(part[name] for name in REALISED))
        low, high = rates.band(BAND)
        trials = [len(part)] * 3 + [int(part["liquidated"].sum())]
        shown, beside = np.full(4, np.nan), "intrabar"
        for other in ("intrabar", "closes"):
            if f"liquidated_{other}" in part:
                beside = other
                shown = event_rates(*(part[f"{name}_{other}"] for name in REALISED))
        for i, event in enumerate(EVENTS):
            ends = predicted[i] + low[i], predicted[i] + high[i]
            cells.append(
                {
                    "side": side.value,
                    "target": target,
                    "event": event,
                    "trials": trials[i],
                    "predicted": predicted[i],
                    "realised": realised[i],
                    "expected": predicted[i] * trials[i],
                    "low": max(ends[0], 0.0),
                    "high": min(ends[1], 1.0),
                    "judged": bool(predicted[i] * trials[i] >= FEWEST_EXPECTED),
                    "inside": bool(ends[0] <= realised[i] <= ends[1]),
                    f"realised_{beside}": shown[i],
                }
            )
    return pd.DataFrame(cells)


def brier_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Score and its parts per side and event, over all targets."""
    scores: list[dict[str, object]] = []
    for side, part in rows.groupby("side", sort=False):
        for event, forecast, seen in zip(EVENTS, PREDICTED, REALISED, strict=False):
            score = brier_score(part[forecast], part[seen])
            scores.append({"side": side, "event": event, **asdict(score), "skill": score.skill})
    return pd.DataFrame(scores)
