"""The listing gate: one question a row, passed or failed, with what was asked and what is there."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from riskkit.attack.answer import attack_venue
from riskkit.attack.found import VenueAttacks
from riskkit.attack.gain import interest_without_profit
from riskkit.attack.listing import HourZeroMargin, Peer, hour_zero_margin
from riskkit.attack.marks import index_mark
from riskkit.errors import InputError
from riskkit.market.load import load_prices
from riskkit.market.resample import resample
from riskkit.position import Side
from riskkit.stress.cap import stress_displacement
from riskkit.stress.terms import StressedVenue, cascade_engine
from riskkit.study.attack import AttackSection
from riskkit.study.book import StressSection
from riskkit.study.case import Case
from riskkit.study.listing import ListingSection
from riskkit.study.study import Study
from riskkit.units import money
from riskkit.venue.criticality import SAFE, criticality


@dataclass(frozen=True)
class GateQuestion:
    """One question of the gate.

    Attributes
    ----------
    name : str
    passed : bool
    asked, found : str
        What is required, and what is there, in words.
    """

    name: str
    passed: bool
    asked: str
    found: str


@dataclass(frozen=True)
class ListingGate:
    """Whether an asset may be listed as its study describes it.

    Attributes
    ----------
    study : Study
    margin : HourZeroMargin
        What its peers ask.
    attacks : VenueAttacks
    checks : tuple of GateQuestion
    """

    study: Study = field(repr=False)
    margin: HourZeroMargin
    attacks: VenueAttacks = field(repr=False)
    checks: tuple[GateQuestion, ...]

    @property
    def passed(self) -> bool:
        """Whether every question is answered well."""
        return all(check.passed for check in self.checks)

    def table(self) -> pd.DataFrame:
        """A row for each question."""
        rows = [
            {
                "question": check.name,
                "": "pass" if check.passed else "FAIL",
                "asked": check.asked,
                "found": check.found,
            }
            for check in self.checks
        ]
        return pd.DataFrame(rows).set_index("question")

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values."""
        margin = self.margin
        return {
            "kind": "listing-gate",
            "title": self.study.title,
            "asset": self.study.data.asset,
            "as_of_date": self.study.as_of.isoformat(),
            "passed": self.passed,
            "checks": [dict(vars(check)) for check in self.checks],
            "hour_zero_margin": {
                "probability": margin.probability,
                "bars": margin.bars,
                "long": margin.margin[Side.LONG],
                "short": margin.margin[Side.SHORT],
                "binding": {side.value: margin.binding[side] for side in Side},
                "peers": [
                    {
                        "name": peer.name,
                        "survived": peer.survived,
                        "days": peer.days,
                        "quantile": _by_side(peer.quantile),
                        "beyond_others": _by_side(peer.exceeded),
                    }
                    for peer in margin.peers
                ],
            },
            "open_interest_cap": _finite(self.attacks.cap),
            "position_limit": _finite(self.attacks.position_limit),
            "study": self.study.model_dump(mode="json"),
        }


def listing_gate(case: Case, folder: str | Path, *, now: pd.Timestamp | None = None) -> ListingGate:
    """Ask everything that a venue should ask before it lists the asset of a study.

    Parameters
    ----------
    case : Case
        Its study has ``[depth]``, ``[book]`` (of the interest that is wanted) and ``[listing]``;
        its own history may be as short as two bars.
    folder : str or Path
        In which the study's files have their names.
    now : Timestamp, optional
        The moment of reading, as `load_prices` takes it.

    Raises
    ------
    InputError
        If the study has no listing table, or its peers are too short.
    """
    study = case.study
    if study.listing is None:
        raise InputError(
            "[listing]",
            "not there",
            "a gate needs peers, and what happens at delisting, migration and a missing index",
            "Add a [listing] table to the study; docs/attack.md shows one",
        )
    attacks = attack_venue(case, folder)
    bars = _margin_period(case)
    probability = study.targets.default_given_liquidation_probability
    peers = _peers(case, Path(folder), now)
    margin = hour_zero_margin(peers, bars, probability)
    checks = (
        _history(case, study.listing, margin),
        *_margins(attacks, margin),
        _interest(attacks),
        _position(attacks),
        _branching(attacks.venue),
        *_index(attacks, study.listing),
        _delisting(attacks.venue, study.listing),
        _missing_index(case, study.listing, attacks, peers),
        _migration(study.listing),
    )
    return ListingGate(study, margin, attacks, checks)


def _margin_period(case: Case) -> int:
    """Bars from a trigger to its execution, with the one in which it is seen."""
    engine = cascade_engine(case.study, case.study.stress or StressSection(), case.bar)
    return engine.delay + engine.latency + 1


def _peers(case: Case, folder: Path, now: pd.Timestamp | None) -> list[Peer]:
    assert case.study.listing is not None
    peers = []
    for one in case.study.listing.peers:
        history = load_prices(folder / one.prices, asset=one.name, now=now)
        if history.bar != case.bar:
            history = resample(history, case.bar)
        peers.append(Peer(one.name, history, one.survived))
    return peers


def _history(case: Case, listing: ListingSection, margin: HourZeroMargin) -> GateQuestion:
    days = len(case.history) * case.bar / pd.Timedelta(days=1)
    died = sum(not peer.survived for peer in margin.peers)
    enough = days >= listing.least_history_days
    failed = f"{died} of them failed" if died else "none of them failed: survivors only"
    words = f"{days:,.0f} days; {len(margin.peers)} peers, {failed}"
    return GateQuestion(
        "history",
        enough or (len(margin.peers) > 1 and died > 0),
        f"{listing.least_history_days:,.0f} days of its own, or peers of which one failed",
        words,
    )


def _margins(attacks: VenueAttacks, margin: HourZeroMargin) -> list[GateQuestion]:
    asked = float(attacks.venue.book.maintenance.min())
    rows = []
    for side in Side:
        wanted = margin.margin[side]
        rows.append(
            GateQuestion(
                f"{side.value} margin of hour 0",
                asked >= wanted,
                f"{wanted:.1%} ({margin.binding[side]}, {margin.bars} bars)",
                f"maintenance {asked:.1%}",
            )
        )
    return rows


def _interest(attacks: VenueAttacks) -> GateQuestion:
    interest = attacks.venue.book.open_interest
    return GateQuestion(
        "open interest",
        interest <= attacks.cap,
        f"at most {money(attacks.cap)} a side ({attacks.binding.name})",
        money(interest),
    )


def _position(attacks: VenueAttacks) -> GateQuestion:
    largest = float(attacks.venue.book.quantity.max())
    return GateQuestion(
        "largest position",
        largest <= attacks.position_limit,
        f"at most {money(attacks.position_limit)}",
        money(largest),
    )


def _branching(venue: StressedVenue) -> GateQuestion:
    peaks = [
        criticality(venue.book, venue.depth, venue.engine, side, most=max(0.5, move)).peak(move)
        for side in Side
        if (venue.book.side == side.sign).any()
        for move in [stress_displacement(venue.move, side)]
    ]
    return GateQuestion(
        "cascade at crash depth",
        max(peaks) < SAFE,
        f"n below {SAFE:g} up to a move of {venue.move:.0%}",
        f"n = {max(peaks):.3g}",
    )


def _index(attacks: VenueAttacks, listing: ListingSection) -> list[GateQuestion]:
    asked = attacks.study.attack or AttackSection()
    sources = asked.sources
    total = sum(source.weight for source in sources)
    heavy = max((source.weight for source in sources), default=0.0)
    rows = [
        GateQuestion(
            "sources of the index",
            len(sources) >= listing.least_sources,
            f"{listing.least_sources} or more",
            str(len(sources)),
        ),
        GateQuestion(
            "no source alone",
            bool(sources) and heavy <= 0.5 * total,
            "none above half the weight",
            f"largest {heavy / total:.0%}" if sources else "no index",
        ),
    ]
    if len(sources) > 2:
        cap, without = min(_cap_without(attacks, asked, source.name) for source in sources)
        interest = attacks.venue.book.open_interest
        rows.append(
            GateQuestion(
                "index with a source missing",
                cap >= interest,
                f"no attack pays at {money(interest)} a side",
                f"pays from {money(cap)} on without {without}"
                if math.isfinite(cap)
                else "none pays",
            )
        )
    return rows


def _cap_without(attacks: VenueAttacks, asked: AttackSection, name: str) -> tuple[float, str]:
    left = tuple(source for source in asked.sources if source.name != name)
    mark = index_mark(attacks.venue, asked.model_copy(update={"sources": left}))
    cap, _ = interest_without_profit(
        mark,
        attacks.prey,
        margin=attacks.margin,
        realisable=asked.realisable_fraction,
        largest=asked.largest_multiple,
    )
    return cap, name


def _delisting(venue: StressedVenue, listing: ListingSection) -> GateQuestion:
    name = "delisting"
    asked = "a notice, and what is left closed at crash depth within margins and fund"
    if listing.delisting_notice_hours is None:
        return GateQuestion(name, False, asked, "delisting_notice_hours is not said")
    left = listing.delisting_share * venue.book.open_interest
    curve = venue.depth.bids
    # Depth at a fraction c of calm: a quantity costs what 1/c of it costs.
    quantity = left / venue.depth.crash_fraction
    slippage = float(curve.slippage(quantity)) if quantity < curve.most else 1.0
    maintenance = float(venue.book.maintenance.mean())
    loss = left * max(slippage - maintenance, 0.0)
    return GateQuestion(
        name,
        loss <= venue.fund.fund,
        asked,
        f"{money(left)} after {listing.delisting_notice_hours:g} h: slippage {slippage:.1%}, "
        f"loss {money(loss)} of a fund of {money(venue.fund.fund)}",
    )


def _missing_index(
    case: Case,
    listing: ListingSection,
    attacks: VenueAttacks,
    peers: list[Peer],
) -> GateQuestion:
    name = "missing index"
    asked = "settlement at the last value within margins"
    if listing.missing_index_hours is None:
        return GateQuestion(name, False, asked, "missing_index_hours is not said")
    bars = max(math.ceil(listing.missing_index_hours * 3600.0 / case.bar.total_seconds()), 1)
    probability = case.study.targets.default_given_liquidation_probability
    moved = hour_zero_margin(peers, bars, probability)
    worst = max(moved.margin.values())
    return GateQuestion(
        name,
        worst <= attacks.margin,
        f"a move of {worst:.1%} in {listing.missing_index_hours:g} h within the initial margin",
        f"initial margin {attacks.margin:.1%}",
    )


def _migration(listing: ListingSection) -> GateQuestion:
    return GateQuestion(
        "migration",
        listing.migration is not None,
        "what happens to positions if the token is swapped",
        listing.migration or "migration is not said",
    )


def _by_side(values: dict[Side, float]) -> dict[str, float | None]:
    return {side.value: _finite(values[side]) for side in Side}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
