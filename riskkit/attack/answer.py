"""The attacks on a study's venue: the best of each kind, its cap, and what a stale price costs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from riskkit.attack.found import BEARABLE, AttackKind, StalePrice, VenueAttacks, least_interest
from riskkit.attack.gain import (
    AttackedMark,
    Prey,
    best_attack,
    interest_without_profit,
    takeover_pays_from,
)
from riskkit.attack.guards import (
    Guard,
    GuardedVenue,
    confidence_rejects,
    fallbacks,
    graces,
    price_bands,
    staleness_cut_offs,
)
from riskkit.attack.marks import index_mark, index_sources, own_book_mark, pool_loss_per_year
from riskkit.attack.owners import owners_in_book
from riskkit.attack.raids import Hunt, LendingPrey, Raid, borrowing_raid, hunting_raid
from riskkit.attack.sizes import margins_by_size
from riskkit.attack.stale import (
    closing_fee,
    deviation_feed,
    stale_option,
)
from riskkit.attack.strategic import StrategicCost, StrategicPosition, strategic_costs
from riskkit.errors import InputError
from riskkit.position import Side
from riskkit.stress.open import PosedVenue, pose_venue
from riskkit.stress.paths import return_blocks
from riskkit.stress.terms import StressedVenue, stressed_venue
from riskkit.study.attack import AttackSection
from riskkit.study.book import BookTable, SyntheticTable
from riskkit.study.case import Case
from riskkit.study.depth import ConstantProductTable
from riskkit.study.suited import FEWEST_BARS
from riskkit.study.terms import deviation_of
from riskkit.units import count_bars

#: Share of the maintenance margin that the slippage of the largest position may reach.
DISTANCE = 2.0 / 3.0
#: Paths on which an owner's conduct is tried.
CONDUCT_PATHS = 2_000
#: What is moved: the market that the venue closes into, or those that its index is made of.
OWN, INDEX = "own book", "index"
#: Price bands looked at for a remedy, as factors.
BANDS = (1.02, 1.05, 1.1, 1.2, 1.3, 1.5, 2.0, 3.0, 5.0, 10.0)


def attack_venue(case: Case, folder: str | Path, *, threads: int = 1) -> VenueAttacks:
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

    Examples
    --------
    >>> import riskkit
    >>> from pathlib import Path
    >>> path = Path("studies/thin-listing-hourly.toml")
    >>> found = riskkit.attack_venue(riskkit.Case.read(path), path.parent)
    >>> found.cap > 0.0
    True
    """
    study, history = case.study, case.history
    young = len(history) <= FEWEST_BARS
    # the one fit of it all; a history of a few bars has none
    posed = None if young else pose_venue(case, folder, threads=threads)
    if posed is None:
        venue = stressed_venue(study, history.bar, float(history.close.iloc[-1]), folder)
    else:
        venue = posed.venue
    maintenance = float(venue.book.maintenance.mean())
    curves = (venue.depth.bids, venue.depth.offers)
    prey, margin, kinds, raids = attacks_on(study.attack, study.book, venue)
    stale = None if posed is None else _stale(case, posed)
    return VenueAttacks(
        study,
        venue,
        prey,
        margin,
        kinds,
        raids,
        margins_by_size(venue.depth.bids, venue.book.open_interest, DISTANCE),
        _guards(case, venue, prey, None if stale is None else stale.sigma_per_year),
        stale,
        () if posed is None else _strategic(posed, margin),
        min(takeover_pays_from(curve, maintenance) for curve in curves),
        min(takeover_pays_from(curve, maintenance, DISTANCE) for curve in curves),
        _cap_band(study.attack or AttackSection(), prey, margin, kinds, raids),
        () if posed is None else owners_in_book(posed, margin, study.attack or AttackSection()),
    )


def _cap_band(
    asked: AttackSection,
    prey: Prey,
    margin: float,
    kinds: tuple[AttackKind, ...],
    raids: tuple[Raid, ...],
) -> tuple[float, float]:
    """The cap at other depths.

    A move costs in proportion to depth, so that a cap is ratio times what it is for a prey of one
    over the ratio: what the prey can pay decides which moves are worth their cost.
    """
    ends = []
    for ratio in (asked.depth_low_ratio, asked.depth_high_ratio):
        other = Prey(prey.fund / ratio, prey.backstop / ratio, prey.others / ratio)
        safe = [
            interest_without_profit(
                kind.mark,
                other,
                margin=margin,
                realisable=asked.realisable_fraction,
                largest=asked.largest_multiple,
            )[0]
            for kind in kinds
        ]
        safe += [raid.safe for raid in raids if raid.limits == "open interest"]
        ends.append(ratio * min(safe))
    return ends[0], ends[1]


def attacks_on(
    section: AttackSection | None, table: BookTable | None, venue: StressedVenue
) -> tuple[Prey, float, tuple[AttackKind, ...], tuple[Raid, ...]]:
    """Who would pay, an attacker's initial margin, and the best attack of each kind.

    Raises
    ------
    InputError
        If the study says no initial margin of new accounts.
    """
    asked = section or AttackSection()
    margin = _margin(asked, table)
    book = venue.book
    others = max(float(book.equity[book.side == sign].clip(min=0.0).sum()) for sign in (-1.0, 1.0))
    vault = venue.fund.backstop
    backstop = max(asked.backstop_notional, 0.0 if vault is None else vault.capital)
    prey = Prey(venue.fund.fund, backstop, others)
    marks = {OWN: own_book_mark(venue, asked)}
    if asked.sources:
        marks[INDEX] = index_mark(venue, asked)
    interest = book.open_interest
    kinds = tuple(_kind(name, mark, prey, asked, interest, margin) for name, mark in marks.items())
    return prey, margin, kinds, _raids(asked, prey, venue, marks)


def attack_cap(
    section: AttackSection | None, table: BookTable | None, venue: StressedVenue
) -> float:
    """Open interest of a side with which no attack on the venue's price pays; may be infinite.

    Raises
    ------
    InputError
        If the study says no initial margin of new accounts.
    """
    _, _, kinds, raids = attacks_on(section, table, venue)
    return least_interest(kinds, raids).safe


def _raids(
    asked: AttackSection, prey: Prey, venue: StressedVenue, marks: dict[str, AttackedMark]
) -> tuple[Raid, ...]:
    """Hunting in the own book; by the index too, where closing others is rewarded; borrowing."""
    hunt = Hunt(venue.book, prey, asked.liquidator_reward_fraction, asked.caught_fraction)
    largest = asked.largest_multiple
    found = [hunting_raid(marks[OWN], hunt, "hunting", largest)]
    if INDEX in marks and hunt.reward > 0.0:
        away = replace(hunt, own=False)
        found.append(hunting_raid(marks[INDEX], away, "hunting by index", largest))
    if asked.lending is not None:
        lender = LendingPrey(
            asked.lending.loan_to_value_fraction,
            asked.lending.collateral_notional,
            asked.lending.borrowable_notional,
        )
        # A pool outside believes all of the index, where the study knows one.
        mark = replace(marks[INDEX], weight=1.0) if INDEX in marks else marks[OWN]
        found.append(borrowing_raid(mark, lender, largest))
    return tuple(found)


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
    """What makes the interest safe: the shortest average, in doubling steps, or the widest band."""
    if safe >= interest:
        return "none needed"

    def is_safe(tried: AttackedMark, largest: float) -> bool:
        found, _ = interest_without_profit(
            tried, prey, margin=margin, realisable=asked.realisable_fraction, largest=largest
        )
        return found >= interest

    ways = ["a cap of that"]
    window = max(mark.window, 1.0)
    for _ in range(12):
        window *= 2.0
        if is_safe(replace(mark, window=window), asked.largest_multiple):
            ways.append(f"an average over {window * asked.traded_back_seconds:,.0f} s")
            break
    bands = [band for band in BANDS if band < asked.largest_multiple and is_safe(mark, band)]
    if bands:
        ways.append(f"a price band of +{max(bands) - 1.0:.0%} and -{1.0 - 1.0 / max(bands):.0%}")
    return ", or ".join(ways)


def _guards(
    case: Case, venue: StressedVenue, prey: Prey, sigma_per_year: float | None
) -> tuple[Guard, ...]:
    history, asked = case.history, case.study.attack or AttackSection()
    guarded = GuardedVenue(
        venue.book, venue.depth, prey, venue.engine.fee, asked.guards.bad_print_fraction
    )
    halted = count_bars(pd.Timedelta(seconds=asked.guards.halt_seconds), history.bar).bars
    return (
        *price_bands(history, guarded, max(halted, 1)),
        *graces(history, guarded, asked.guards.band_fraction),
        *confidence_rejects(history, guarded),
        *(() if sigma_per_year is None else staleness_cut_offs(history, guarded, sigma_per_year)),
        *fallbacks(index_sources(asked)),
    )


def _strategic(posed: PosedVenue, margin: float) -> tuple[StrategicCost, ...]:
    """The largest account's owner, on the worse of the two sides for the fund."""
    venue = posed.venue
    bars = venue.horizon + venue.engine.delay + venue.engine.latency
    run = posed.run.with_paths(min(CONDUCT_PATHS, posed.run.paths))
    returns = np.concatenate([block for _, block in return_blocks(posed.world, run, bars)])
    size = float(venue.book.quantity.max())
    found = []
    for side in Side:
        curve = venue.depth.side(side is Side.LONG)
        position = StrategicPosition(
            side,
            margin,
            float(venue.book.maintenance.mean()),
            venue.engine.fee,
            float(curve.slippage(size)) if size < curve.most else 1.0,
            venue.engine.delay,
            venue.engine.latency,
        )
        found.append(strategic_costs(position, returns))
    return min(found, key=lambda rows: min(row.fund for row in rows))


def _stale(case: Case, posed: PosedVenue) -> StalePrice:
    study, history, venue = case.study, case.history, posed.venue
    sigma = posed.next_sigma * math.sqrt(history.bars_per_year)
    age = study.oracle.latency.longest_seconds
    deviation = deviation_of(study.oracle)
    feed = deviation_feed(sigma, deviation, max(age, 1.0)) if deviation > 0.0 else None
    found = StalePrice(
        sigma,
        age,
        stale_option(sigma, age) if age > 0.0 else 0.0,
        closing_fee(sigma, age, BEARABLE) if age > 0.0 else 0.0,
        feed,
        float(venue.depth.bids.quantity_to(math.log(1.01))),
    )
    if not isinstance(study.depth, ConstantProductTable):
        return found
    lost = pool_loss_per_year(sigma, study.attack or AttackSection())
    return replace(found, pool_per_year=lost)


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
