"""What moved from one night to another: by how much, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from riskkit.fleet.archive import Archive
from riskkit.fleet.night import Night, recommended, records

BPS = 1e4


@dataclass(frozen=True)
class FleetMove:
    """A recommended number of one market and side on two nights.

    Attributes
    ----------
    market, side, parameter : str
        ``parameter`` is ``trigger`` (maintenance margin, liquidation threshold) or ``opening``
        (initial margin, maximal loan to value).
    old, new : float
        Fractions, as published.
    beyond_band : bool
        Whether it moved by more than half the width of the old 90 % band.
    why : tuple of str
        What else differs: ``data to 2024-05-02``, ``sigma x1.31``, ``model``, ``assumptions``,
        ``version``. Empty if nothing of it does, which no two files of one version should show.
    """

    market: str
    side: str
    parameter: str
    old: float
    new: float
    beyond_band: bool
    why: tuple[str, ...]

    @property
    def change_bps(self) -> float:
        """New less old, in basis points."""
        return BPS * (self.new - self.old)


@dataclass(frozen=True)
class FleetDifference:
    """Two nights, compared.

    Attributes
    ----------
    moves : tuple of FleetMove
        The largest first.
    unmoved : int
        Numbers that are the same on both nights.
    appeared, vanished : tuple of str
        Markets with an answer on one of the nights only.
    findings : tuple of (str, int)
        Markets whose prices have more findings on quality than before, and how many more.
    """

    moves: tuple[FleetMove, ...]
    unmoved: int
    appeared: tuple[str, ...]
    vanished: tuple[str, ...]
    findings: tuple[tuple[str, int], ...]


def compare_nights(
    old: tuple[Night, pd.DataFrame], new: tuple[Night, pd.DataFrame], archive: Archive
) -> FleetDifference:
    """Compare two nights of one fleet; see `riskkit.fleet.night.read_night`."""
    before, after = _answers(old[1]), _answers(new[1])
    moves: list[FleetMove] = []
    unmoved = 0
    for place, row in after.items():
        was = before.get(place)
        if was is None:
            continue
        if row["digest"] == was["digest"]:
            unmoved += 2
            continue
        why: tuple[str, ...] | None = None
        for parameter in ("trigger", "opening"):
            a, b = was[f"{parameter}_fraction"], row[f"{parameter}_fraction"]
            if a == b:
                unmoved += 1
                continue
            why = _why(archive, was, row) if why is None else why
            width = was[f"{parameter}_high_fraction"] - was[f"{parameter}_low_fraction"]
            moves.append(FleetMove(*place, parameter, a, b, 2.0 * abs(b - a) > width, why))
    names, known = {place[0] for place in after}, {place[0] for place in before}
    return FleetDifference(
        tuple(sorted(moves, key=lambda move: (-abs(move.change_bps), move.market, move.side))),
        unmoved,
        tuple(sorted(names - known)),
        tuple(sorted(known - names)),
        _more_findings(before, after),
    )


_Answers = Mapping[tuple[str, str], Mapping[str, Any]]


def _answers(table: pd.DataFrame) -> _Answers:
    return {(row["market"], row["side"]): row for row in records(recommended(table))}


def _why(archive: Archive, old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    files = [
        json.loads(archive.parameters(row["key"]).read_text(encoding="utf-8")) for row in (old, new)
    ]
    (a, b), digests = files, [file["header"]["digest"] for file in files]
    found = []
    if digests[0]["data_sha256"] != digests[1]["data_sha256"]:
        found.append(f"data to {b['data']['last_bar_utc'][:10]}")
    ratio = new["sigma_next_bar_fraction"] / old["sigma_next_bar_fraction"]
    if abs(ratio - 1.0) > 0.005:  # below, it would print as x1.00
        found.append(f"sigma x{ratio:.2f}")
    if a["model"]["spec_fitted"] != b["model"]["spec_fitted"]:
        found.append(f"model {a['model']['spec_fitted']} to {b['model']['spec_fitted']}")
    studies = [{k: v for k, v in file["study"].items() if k != "as_of"} for file in files]
    if studies[0] != studies[1]:
        found.append("assumptions")
    if a["header"]["riskkit_version"] != b["header"]["riskkit_version"]:
        found.append("version")
    return tuple(found)


def _more_findings(before: _Answers, after: _Answers) -> tuple[tuple[str, int], ...]:
    found = {}
    for place, row in after.items():
        was = before.get(place)
        if was is not None and row["findings"] > was["findings"]:
            found[place[0]] = int(row["findings"] - was["findings"])
    return tuple(sorted(found.items()))
