"""What is wrong with each market of a night, for those who sign: the worst first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Any

import numpy as np
import pandas as pd

from riskkit.fleet.compare import FleetDifference
from riskkit.fleet.night import Night, recommended, records, table_of_files

#: Modified z-score beyond which a value is an outlier (Iglewicz and Hoaglin, 1993: 3.5).
OUTLIER = 3.5
#: Peers that it takes to say what is usual.
FEWEST_PEERS = 8
#: The median absolute deviation of a normal, in standard deviations.
_MAD = 0.6745


class Gravity(IntEnum):
    """How bad a concern is; the order of the committee's page."""

    NOTE = 1
    REVIEW = 2
    ACT = 3


@dataclass(frozen=True)
class Concern:
    """One thing that is wrong with a market, in words."""

    gravity: Gravity
    words: str


@dataclass(frozen=True)
class MarketReview:
    """A market with what is wrong with it; ``key`` of its files, empty without any."""

    market: str
    key: str
    concerns: tuple[Concern, ...]

    @property
    def gravity(self) -> int:
        """That of its worst concern; 0 if there is none."""
        return max((int(concern.gravity) for concern in self.concerns), default=0)


def review_night(
    night: Night,
    table: pd.DataFrame,
    *,
    day: date,
    difference: FleetDifference | None = None,
    forced: Mapping[str, Sequence[Concern]] | None = None,
) -> tuple[MarketReview, ...]:
    """Every market with its concerns: the worst first, of those the ones without an answer.

    Then those with most concerns, then by name.

    Parameters
    ----------
    night, table
        As `riskkit.fleet.night.read_night` gives them.
    day : date
        On which the files are to be used: a file is expired after its ``valid_until_date``.
    difference : FleetDifference, optional
        To the night before, for moves and findings that are new.
    forced : mapping, optional
        What the record adds, by market; see `riskkit.fleet.standing.forced_reviews`.
    """
    concerns: dict[str, list[Concern]] = defaultdict(list)
    for failed in night.failed:
        concerns[failed.market].append(Concern(Gravity.ACT, f"no answer: {failed.reason}"))
    for market, concern in _prices_not_current(night):
        concerns[market].append(concern)
    for market, concern in _said_by_files(recommended(table), day):
        concerns[market].append(concern)
    if difference is not None:
        for move in difference.moves:
            if move.beyond_band:
                why = f" ({', '.join(move.why)})" if move.why else ""
                words = (
                    f"{move.side}: {move.parameter} moved by {move.change_bps:+.0f} bps, beyond "
                    f"its band{why}"
                )
                concerns[move.market].append(Concern(Gravity.REVIEW, words))
        for market, more in difference.findings:
            words = f"{more} new finding{'s' if more > 1 else ''} in its prices"
            concerns[market].append(Concern(Gravity.REVIEW, words))
    for market, more_of in (forced or {}).items():
        concerns[market] += more_of
    reviews = [MarketReview(r.market, r.key, tuple(concerns[r.market])) for r in night.champions]
    lost = {row.market for row in night.failed}

    def worst_first(review: MarketReview) -> tuple[int, bool, int, str]:
        unanswered = review.market in lost
        return -review.gravity, not unanswered, -len(review.concerns), review.market

    return tuple(sorted(reviews, key=worst_first))


def review_files(
    files: Mapping[str, Mapping[str, Any] | None], *, day: date
) -> tuple[MarketReview, ...]:
    """Markets of no fleet with their concerns, the worst first, then by name.

    Parameters
    ----------
    files : mapping
        The content of each market's parameter file by the market's name; None where none is.
    day : date
        As in `review_night`.
    """
    concerns: dict[str, list[Concern]] = {name: [] for name in files}
    there = {name: content for name, content in files.items() if content is not None}
    for name in files:
        if name not in there:
            concerns[name].append(Concern(Gravity.REVIEW, "not calibrated yet"))
    for name, content in there.items():
        for side in content["parameters"].get("sides_not_served", ()):
            words = f"no margin serves the {side['side']}: {side['reason']}"
            concerns[name].append(Concern(Gravity.ACT, words))
    for market, concern in _said_by_files(recommended(table_of_files(there)), day):
        concerns[market].append(concern)
    reviews = [MarketReview(name, "", tuple(concerns[name])) for name in files]
    return tuple(sorted(reviews, key=lambda r: (-r.gravity, -len(r.concerns), r.market)))


def _said_by_files(chosen: pd.DataFrame, day: date) -> Iterator[tuple[str, Concern]]:
    """What the rows of recommendations say against themselves, and beside their peers."""
    for row in records(chosen.drop_duplicates("market")):
        for concern in _file_concerns(row, day):
            yield row["market"], concern
    for row in records(chosen):
        if row["rejected_tests"]:
            words = (
                f"{row['side']}: evidence rejected by {row['rejected_tests']} "
                f"({row['exceptions']:.0f} exceptions in {row['periods_evaluated']:.0f} periods)"
            )
            yield row["market"], Concern(Gravity.REVIEW, words)
    yield from _against_peers(chosen)


def _prices_not_current(night: Night) -> Iterator[tuple[str, Concern]]:
    """Markets whose stored prices a refresh could not bring up to date, or found revised."""
    for series in night.refreshed:
        if series.reason:
            words = f"{series.series} could not be brought up to date: {series.reason}"
            gravity = Gravity.REVIEW
        elif series.revised:
            words = f"its exchange revised {series.revised} bars that are stored"
            gravity = Gravity.REVIEW
        elif series.behind:
            words = f"its exchange does not show the last {series.behind} bars yet"
            gravity = Gravity.NOTE
        else:
            continue
        for market in series.markets:
            yield market, Concern(gravity, words)


def _file_concerns(row: Mapping[str, Any], day: date) -> list[Concern]:
    found = []
    if date.fromisoformat(row["valid_until_date"]) < day:
        words = f"expired: its data end {row['last_bar_utc'][:10]}"
        found.append(Concern(Gravity.ACT, words))
    elif row["data_status"] != "calibrated":
        found.append(Concern(Gravity.NOTE, f"{row['data_status']}: its data end early"))
    limit = row["expires_above_sigma_next_bar_fraction"]
    if row["sigma_next_bar_fraction"] > limit:
        words = f"sigma {row['sigma_next_bar_fraction']:.2%} a bar is above {limit:.2%}"
        found.append(Concern(Gravity.ACT, f"expired: {words}, where its targets are missed"))
    if not row["healthy"]:
        found.append(Concern(Gravity.REVIEW, f"model: {row['health']}"))
    return found


def _against_peers(chosen: pd.DataFrame) -> list[tuple[str, Concern]]:
    """Markets whose covered loss per sigma is far from that of others of their kind."""
    found = []
    for place, peers in chosen.groupby(["instrument", "side", "bar_seconds"]):
        if len(peers) < FEWEST_PEERS:
            continue
        kind, side, seconds = map(str, place)
        per_sigma = peers["covered_loss_fraction"] / peers["sigma_next_bar_fraction"]
        level = np.log(per_sigma.to_numpy(dtype=np.float64))
        away = level - np.median(level)
        spread = float(np.median(np.abs(away)))
        if spread == 0.0:
            continue
        for market, score in zip(peers["market"], _MAD * away / spread, strict=True):
            if abs(score) > OUTLIER:
                word = "wide" if score > 0.0 else "thin"
                words = (
                    f"{side}: {word} beside {len(peers) - 1} peers ({kind}, "
                    f"{float(seconds) / 3600:g} h bars): covered loss per sigma {score:+.1f} "
                    "deviations from their median"
                )
                found.append((market, Concern(Gravity.REVIEW, words)))
    return found
