"""The attacks on a study's venue: the best of each kind, its cap, and what a stale price costs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from riskkit.attack.cost import PriceMean, PriceSource, cheapest_majority
from riskkit.attack.gain import (
    Attack,
    AttackedMark,
    Prey,
    best_attack,
    interest_without_profit,
    takeover_pays_from,
)
from riskkit.attack.stale import DeviationFeed, closing_fee, deviation_feed, stale_option
from riskkit.errors import InputError
from riskkit.market.returns import log_returns
from riskkit.stress.terms import StressedVenue, stressed_venue
from riskkit.study.attack import AttackSection
from riskkit.study.book import BookTable, SyntheticTable
from riskkit.study.case import Case
from riskkit.study.study import Study
from riskkit.study.terms import deviation_of
from riskkit.venue.depth import OrderBookDepth
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec

#: What is bearable of a stale price, a fraction of a trade: a tenth of a basis point.
BEARABLE = 1e-5
#: Share of the maintenance margin that the slippage of the largest position may reach.
DISTANCE = 2.0 / 3.0


@dataclass(frozen=True)
class AttackKind:
    """The best attack of one kind.

    Attributes
    ----------
    name : str
    found : Attack
        With a position as large as the venue's present open interest of a side.
    safe : float
        The largest position of a side with which no attack of this kind pays; may be infinite.
    first : float
        The factor that would pay first above it.
    remedy : str
        What would make the present interest safe.
    mark : AttackedMark
    realisable : float
    """

    name: str
    found: Attack
    safe: float
    first: float
    remedy: str
    mark: AttackedMark = field(repr=False)
    realisable: float


@dataclass(frozen=True)
class StalePrice:
    """What a stale price gives away.

    Attributes
    ----------
    sigma_per_year : float
        Of the fit's next bar, annualised.
    age_seconds : float
        The oracle's latency.
    option : float
        Expected gain of a trade at a price of that age, without a fee; 0 without latency.
    fee : float
        That leaves no more than `BEARABLE` of it.
    feed : DeviationFeed or None
        Where the oracle has a deviation.
    """

    sigma_per_year: float
    age_seconds: float
    option: float
    fee: float
    feed: DeviationFeed | None


@dataclass(frozen=True)
class VenueAttacks:
    """What attacks on a venue come to.

    Attributes
    ----------
    study : Study
    venue : StressedVenue
    prey : Prey
    margin : float
        Initial margin asked of an attacker.
    kinds : tuple of AttackKind
    stale : StalePrice
    takeover : float
        Position from which an owner does better to be taken over than to close.
    position_limit : float
        Position whose slippage is two thirds of its maintenance margin.
    """

    study: Study = field(repr=False)
    venue: StressedVenue = field(repr=False)
    prey: Prey
    margin: float
    kinds: tuple[AttackKind, ...]
    stale: StalePrice
    takeover: float
    position_limit: float

    @property
    def cap(self) -> float:
        """Open interest of a side with which no attack of any kind pays."""
        return min(kind.safe for kind in self.kinds)

    @property
    def binding(self) -> AttackKind:
        """The kind of attack that limits it."""
        return min(self.kinds, key=lambda kind: kind.safe)

    def table(self) -> pd.DataFrame:
        """A row for each kind: the factor, what it costs, needs, brings, and its cap.

        Without an attack that pays only the cap is a number.
        """
        rows = []
        for kind in self.kinds:
            found, pays = kind.found, kind.found.profit > 0.0
            rows.append(
                {
                    "attack": kind.name,
                    "mark": found.multiple - 1.0 if pays else math.nan,
                    "held": found.held if pays else math.nan,
                    "capital": found.capital if pays else math.nan,
                    "cost": found.cost.loss if pays else math.nan,
                    "gain": found.gain if pays else math.nan,
                    "profit": found.profit if pays else math.nan,
                    "limited by": found.binds if pays else "none pays",
                    "safe interest": kind.safe,
                }
            )
        return pd.DataFrame(rows).set_index("attack")

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values."""
        return {
            "kind": "venue-attacks",
            "title": self.study.title,
            "asset": self.study.data.asset,
            "as_of_date": self.study.as_of.isoformat(),
            "open_interest": self.venue.book.open_interest,
            "prey": dict(vars(self.prey)),
            "initial_margin_fraction": self.margin,
            "attacks": [
                {
                    "attack": kind.name,
                    "mark_multiple": kind.found.multiple,
                    "blocks_held": kind.found.held,
                    "capital": _finite(kind.found.capital),
                    "cost": _finite(kind.found.cost.loss),
                    "gain": kind.found.gain,
                    "profit": _finite(kind.found.profit),
                    "limited_by": kind.found.binds,
                    "safe_open_interest": _finite(kind.safe),
                    "first_multiple": kind.first,
                    "remedy": kind.remedy,
                }
                for kind in self.kinds
            ],
            "open_interest_cap": _finite(self.cap),
            "binding": self.binding.name,
            "stale_price": {
                "sigma_per_year": self.stale.sigma_per_year,
                "age_seconds": self.stale.age_seconds,
                "option_fraction": self.stale.option,
                "closing_fee_fraction": self.stale.fee,
                "deviation_feed": None if self.stale.feed is None else dict(vars(self.stale.feed)),
            },
            "takeover_pays_from": _finite(self.takeover),
            "position_limit": _finite(self.position_limit),
            "study": self.study.model_dump(mode="json"),
        }


def attack_venue(case: Case, folder: str | Path) -> VenueAttacks:
    """Answer a study on the attacks that its venue invites, at the depth of calm days.

    Parameters
    ----------
    case : Case
        Its study has ``[depth]`` and ``[book]``; ``[attack]`` has defaults.
    folder : str or Path
        In which the study's files have their names.

    Raises
    ------
    InputError
        If the study describes no venue, or no initial margin of new accounts.
    """
    study, history = case.study, case.history
    venue = stressed_venue(study, history.bar, float(history.close.iloc[-1]), folder)
    book = venue.book
    prey, margin, kinds = attack_kinds(study, venue)
    maintenance = float(book.maintenance.mean())
    curves = (venue.depth.bids, venue.depth.offers)
    return VenueAttacks(
        study,
        venue,
        prey,
        margin,
        kinds,
        _stale(case),
        min(takeover_pays_from(curve, maintenance) for curve in curves),
        min(takeover_pays_from(curve, maintenance, DISTANCE) for curve in curves),
    )


def attack_kinds(study: Study, venue: StressedVenue) -> tuple[Prey, float, tuple[AttackKind, ...]]:
    """Who would pay, an attacker's initial margin, and the best attack of each kind.

    Raises
    ------
    InputError
        If the study says no initial margin of new accounts.
    """
    asked = study.attack or AttackSection()
    margin = _margin(asked, study.book)
    book = venue.book
    others = max(float(book.equity[book.side == sign].clip(min=0.0).sum()) for sign in (-1.0, 1.0))
    prey = Prey(venue.fund.fund, asked.backstop_notional, others)
    marks = [("own book", _own_book(venue, asked))]
    if asked.sources:
        marks.append(("index", _index(venue, asked)))
    interest = book.open_interest
    kinds = tuple(_kind(name, mark, prey, asked, interest, margin) for name, mark in marks)
    return prey, margin, kinds


def attack_cap(study: Study, venue: StressedVenue) -> float:
    """Open interest of a side with which no attack on the venue's price pays; may be infinite.

    Raises
    ------
    InputError
        If the study says no initial margin of new accounts.
    """
    return min(kind.safe for kind in attack_kinds(study, venue)[2])


def _kind(
    name: str,
    mark: AttackedMark,
    prey: Prey,
    asked: AttackSection,
    interest: float,
    margin: float,
) -> AttackKind:
    found = best_attack(
        mark,
        prey,
        interest=interest,
        margin=margin,
        realisable=asked.realisable_fraction,
        largest=asked.largest_multiple,
    )
    safe, first = interest_without_profit(
        mark,
        prey,
        margin=margin,
        realisable=asked.realisable_fraction,
        largest=asked.largest_multiple,
    )
    remedy = _remedy(mark, prey, asked, interest, margin, safe)
    return AttackKind(name, found, safe, first, remedy, mark, asked.realisable_fraction)


def _remedy(
    mark: AttackedMark,
    prey: Prey,
    asked: AttackSection,
    interest: float,
    margin: float,
    safe: float,
) -> str:
    """The shortest window of the average, in doubling steps, that makes the interest safe."""
    if safe >= interest:
        return "none needed"
    window = max(mark.window, 1.0)
    for _ in range(12):
        window *= 2.0
        longer = replace(mark, window=window)
        found, _ = interest_without_profit(
            longer,
            prey,
            margin=margin,
            realisable=asked.realisable_fraction,
            largest=asked.largest_multiple,
        )
        if found >= interest:
            seconds = window * asked.traded_back_seconds
            return f"an average over {seconds:,.0f} s, or a cap of that"
    return f"a cap of that; no average up to {window:,.0f} blocks is enough"


def _own_book(venue: StressedVenue, asked: AttackSection) -> AttackedMark:
    return AttackedMark(
        venue.depth.bids,
        venue.depth.offers,
        venue.depth.mark_weight,
        max(asked.averaged_seconds / asked.traded_back_seconds, 1.0),
        PriceMean(asked.mean),
        traded_back=True,
        fee=asked.fee_fraction,
    )


def _index(venue: StressedVenue, asked: AttackSection) -> AttackedMark:
    """The index as one market: the cheapest majority of its sources.

    All books are linear in the log price, so that the set that is cheapest is so for every move,
    fees aside, and its depths add up.
    """
    sources = [
        PriceSource(s.name, s.weight, OrderBookDepth(s.at_one_percent_notional), s.fee_fraction)
        for s in asked.sources
    ]
    names, _ = cheapest_majority(sources, 1.1)
    taken = [s for s in asked.sources if s.name in names]
    depth = sum(s.at_one_percent_notional for s in taken)
    fee = sum(s.fee_fraction * s.at_one_percent_notional for s in taken) / depth
    curve = OrderBookDepth(depth)
    return AttackedMark(
        curve,
        curve,
        1.0 - venue.depth.mark_weight,
        max(asked.averaged_seconds / asked.traded_back_seconds, 1.0),
        PriceMean(asked.mean),
        traded_back=True,
        fee=fee,
    )


def _stale(case: Case) -> StalePrice:
    study, history = case.study, case.history
    fit = fit_volatility(log_returns(history), VolatilitySpec.parse(study.model.spec))
    sigma = fit.next_sigma * math.sqrt(history.bars_per_year)
    age = study.oracle.latency.longest_seconds
    deviation = deviation_of(study.oracle)
    feed = None
    if deviation > 0.0:
        feed = deviation_feed(sigma, deviation, max(age, 1.0))
    if age <= 0.0:
        return StalePrice(sigma, 0.0, 0.0, 0.0, feed)
    return StalePrice(sigma, age, stale_option(sigma, age), closing_fee(sigma, age, BEARABLE), feed)


def _margin(asked: AttackSection, book: BookTable | None) -> float:
    if asked.initial_margin_fraction is not None:
        margin = asked.initial_margin_fraction
    elif isinstance(book, SyntheticTable):
        margin = 1.0 / book.most_leverage
    else:
        margin = 0.0
    if not margin > 0.0:
        raise InputError(
            "attack.initial_margin_fraction",
            margin,
            "must be positive: it is what an attacker's losing wallet gives up",
            "Give the venue's initial margin in the study's [attack] table",
        )
    return margin


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
