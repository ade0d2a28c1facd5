"""What keepers cost: the bonus that brings them, what each basis point above it costs borrowers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.stress.open import PosedVenue
from riskkit.stress.paths import StressPaths, run_paths, usual_volatility
from riskkit.stress.terms import StressedVenue
from riskkit.study.lending import LendingSection
from riskkit.venue.depth import OrderBookDepth
from riskkit.venue.loan_engine import LoanEngine, check_bonus, gas_to_cover
from riskkit.waterfall.auction import SolvedAuction, solve_auction
from riskkit.waterfall.keepers import never_worth_it, smallest_paying_bonus

#: Bonuses that are tried, up to 1/LT - 1.
BONUSES = (0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.075, 0.1, 0.125, 0.15)
#: Health that is restored where the study restores none, and keepers who compete.
RESTORED = 1.24
COMPETING = (1, 5, 20)
#: Volatility of the stress in which an auction must do, of today's.
STRESSED = 3.0


@dataclass(frozen=True)
class LendingAnswer:
    """Bonus, dust and auction of a lending venue.

    Attributes
    ----------
    table : DataFrame
        By bonus: paths on which keepers left nothing but dust, what they earned, what borrowers
        gave up beyond their debt, and bad debt; means over paths.
    bonus : float or None
        The least that clears as often as is asked; None if none tried does.
    now : float
        The study's.
    per_basis_point : float
        What borrowers give up a path for one more basis point at the study's bonus.
    one_keeper : tuple of float or None
        Smallest bonus with which a single liquidation pays, and its size, where depth is linear.
    dust : tuple of (int, float)
        Loans whose bonus does not pay the gas, and their debt.
    auction : SolvedAuction or None
    ways : DataFrame
        The same columns as ``table`` at the study's bonus, by how liquidators go about it and by
        how many keepers compete.
    auction_words : str
        Why there is none.
    """

    table: pd.DataFrame = field(repr=False)
    bonus: float | None
    now: float
    per_basis_point: float
    one_keeper: tuple[float, float] | None
    dust: tuple[int, float]
    auction: SolvedAuction | None
    ways: pd.DataFrame = field(repr=False)
    auction_words: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values."""
        found = self.auction
        return {
            "bonuses": self.table.reset_index().to_dict(orient="records"),
            "ways": self.ways.reset_index().to_dict(orient="records"),
            "smallest_bonus": self.bonus,
            "bonus_now_fraction": self.now,
            "given_up_per_basis_point": self.per_basis_point,
            "one_keeper": self.one_keeper,
            "dust": {"loans": self.dust[0], "debt": self.dust[1]},
            "auction": None
            if found is None
            else {
                "start": found.auction.start,
                "cut": found.auction.cut,
                "step_seconds": found.auction.step_seconds,
                "seconds": found.auction.seconds,
                "no_bid": found.no_bid,
                "loss_fraction": found.loss,
                "mean_seconds": found.mean_seconds,
                "most_notional_at_once": found.most,
            },
            "no_auction": self.auction_words,
        }


def answer_lending(posed: PosedVenue) -> LendingAnswer:
    """Bonus, dust and auction of a study's loans.

    Raises
    ------
    InputError
    """
    section = posed.study.lending or LendingSection()
    venue = posed.venue
    most = 1.0 / (1.0 - float(venue.book.maintenance.min())) - 1.0
    tried = [b for b in BONUSES if b < most] or [0.5 * most]
    # what no bonus tried is paid to take: with a smaller one more loans would count as dust
    gas = venue.engine.loan.gas
    dust = _dust(venue, tried[-1], gas)
    rows = [{"bonus": b, **_row(_at(posed, venue, b), dust)} for b in tried]
    table = pd.DataFrame(rows).set_index("bonus")
    enough = table.index[table["cleared"] >= section.cleared_probability]
    now = _bonus_now(venue)
    check_bonus(now, 1.0 / (1.0 + most))
    here, more = (_row(_at(posed, venue, b))["given_up"] for b in (now, now + 1e-4))
    one: tuple[float, float] | None = None
    slope = venue.depth.bids.slope
    if slope is not None and gas > 0.0:
        one = smallest_paying_bonus(gas, 0.5 * slope / venue.depth.crash_fraction)
    asked = section.auction
    seconds = venue.bar.total_seconds()
    sigma = STRESSED * usual_volatility(posed.world) / np.sqrt(seconds)
    solved, words = None, ""
    try:
        solved = solve_auction(
            float(sigma),
            no_bid=asked.no_bid_fraction,
            allowed_loss=asked.loss_fraction,
            seconds=asked.seconds,
            step_seconds=asked.step_seconds,
            cost=asked.bid_cost_fraction,
            depth_at_one_percent=_one_percent(venue),
        )
    except InputError as error:
        words = str(error)
    return LendingAnswer(
        table,
        float(enough[0]) if len(enough) else None,
        now,
        more - here,
        one,
        never_worth_it(-venue.book.cash, now, gas),
        solved,
        _ways(posed, section),
        words,
    )


def _ways(posed: PosedVenue, section: LendingSection) -> pd.DataFrame:
    """One step, two, and a health restored; one keeper, and many who compete."""
    venue = posed.venue
    terms = venue.engine.loan
    plain = replace(terms, target=0.0, two_steps=False)
    asked = (section.gas_notional, section.failed_gas_fraction, section.bid_fraction)

    def of(keepers: int) -> LoanEngine:
        return replace(terms, gas=gas_to_cover(asked[0], keepers, *asked[1:]))

    tried = {
        "in one step": plain,
        "in two steps": replace(plain, two_steps=True),
        "a health restored": replace(plain, target=terms.target or RESTORED),
        **{f"{count} keepers compete": of(count) for count in COMPETING},
    }
    rows = []
    for name, loan in tried.items():
        engine = replace(venue.engine, loan=loan)
        found = run_paths(replace(venue, engine=engine), posed.world, posed.run)
        # never worth it, with this many keepers
        dust = _dust(venue, _bonus_now(venue), loan.gas)
        rows.append({"liquidators": name, **_row(found, dust)})
    return pd.DataFrame(rows).set_index("liquidators")


def _at(posed: PosedVenue, venue: StressedVenue, bonus: float) -> StressPaths:
    terms = venue.engine.loan
    # Euler's bonus is a cap, and the others' one number
    if terms.bonus_slope > 0.0:
        terms = replace(terms, most_bonus=bonus)
    else:
        terms = replace(terms, bonus=bonus)
    engine = replace(venue.engine, loan=terms)
    return run_paths(replace(venue, engine=engine), posed.world, posed.run)


def _bonus_now(venue: StressedVenue) -> float:
    terms = venue.engine.loan
    return terms.most_bonus if terms.bonus_slope > 0.0 else terms.bonus


def _dust(venue: StressedVenue, bonus: float, gas: float) -> float:
    """Collateral of the loans that no keeper is paid to take at a bonus."""
    return float(venue.book.quantity[-venue.book.cash * bonus <= gas].sum())


def _row(found: StressPaths, dust: float = 0.0) -> dict[str, float]:
    return {
        "cleared": float((found.of("unclosed") <= dust).mean()),
        "sold": float(found.of("sold").mean()),
        "keepers": float(found.of("keepers").mean()),
        "given_up": float(found.of("given_up").mean()),
        "bad_debt": float(found.of("bad_debt").mean()),
    }


def _one_percent(venue: StressedVenue) -> float:
    curve = venue.depth.bids
    if isinstance(curve, OrderBookDepth):
        return curve.at_one_percent * venue.depth.crash_fraction
    return float(curve.quantity_to(0.01)) * venue.depth.crash_fraction
