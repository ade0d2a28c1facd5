"""The committee's page: a night's markets, ranked by what is wrong with them."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from riskkit.fleet.archive import Archive
from riskkit.fleet.compare import FleetDifference
from riskkit.fleet.concerns import Concern, Gravity, MarketReview
from riskkit.fleet.ledger import LedgerEntry
from riskkit.fleet.night import Night, recommended, records
from riskkit.fleet.standing import ModelStanding
from riskkit.lab.scheme import STYLE


@dataclass(frozen=True)
class _Listed:
    market: str
    link: str
    concerns: tuple[Concern, ...]
    recommended: tuple[str, ...]
    decision: str


def render_committee(
    night: tuple[Night, pd.DataFrame],
    reviews: tuple[MarketReview, ...],
    archive: Archive,
    *,
    place: Path,
    previous: tuple[str, FleetDifference] | None = None,
    decisions: dict[str, LedgerEntry] | None = None,
    standings: tuple[ModelStanding, ...] = (),
) -> str:
    """The page as HTML, for the file ``place``; the same night gives the same bytes.

    Parameters
    ----------
    night, reviews
        As `riskkit.fleet.night.read_night` and `riskkit.fleet.concerns.review_night` give them.
    archive : Archive
        Where the markets' files lie, which the page links.
    previous : (str, FleetDifference), optional
        The night compared with, and what moved.
    decisions : dict, optional
        What is in force, by market; see `riskkit.fleet.ledger.in_force`.
    standings : tuple of ModelStanding, optional
        The studies' own models and the challengers against what came.
    """
    manifest, table = night
    chosen = recommended(table)
    sides: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in records(chosen):
        sides[row["market"]].append(row)
    rows = [_listed(r, sides[r.market], archive, place.parent, decisions or {}) for r in reviews]
    gravities = [r.gravity for r in reviews]
    difference = None if previous is None else previous[1]
    return _template().render(
        night=manifest,
        markets=manifest.champions,
        standings=standings,
        series=[row for row in manifest.refreshed if row.reason],
        previous=None if previous is None else previous[0],
        difference=difference,
        moved_beyond=0 if difference is None else sum(m.beyond_band for m in difference.moves),
        listed=[row for row in rows if row.concerns],
        fine=[row for row in rows if not row.concerns],
        counts={
            "act": gravities.count(Gravity.ACT),
            "review": gravities.count(Gravity.REVIEW),
            "fine": sum(not row.concerns for row in rows),
        },
        style=STYLE,
    )


def _listed(
    review: MarketReview,
    sides: list[dict[str, Any]],
    archive: Archive,
    folder: Path,
    decisions: dict[str, LedgerEntry],
) -> _Listed:
    link = ""
    if review.key:
        report, parameters = archive.report(review.key), archive.parameters(review.key)
        target = report if report.is_file() else parameters
        link = Path(os.path.relpath(target, folder)).as_posix() if target.is_file() else ""
    words = tuple(
        f"{row['side']} {row['trigger_fraction']:.2%} / {row['opening_fraction']:.2%}"
        for row in sides
    )
    return _Listed(
        review.market,
        link,
        review.concerns,
        words,
        _decision(decisions.get(review.market), sides),
    )


def _decision(entry: LedgerEntry | None, sides: list[dict[str, Any]]) -> str:
    if entry is None:
        return "nothing recorded"
    words = f"{entry.act.value} {entry.day} by {entry.who}"
    if entry.until is not None:
        words += f", until {entry.until}"
    if sides and sides[0]["digest"] != entry.digest:
        words += " (an earlier file)"
    return words


@cache
def _template() -> jinja2.Template:
    source = files("riskkit.lab").joinpath("committee.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)
