"""Deleveraging inside the cascade: whom each rule takes from, and whether it steadies the price.

Who is deleveraged sells nothing himself. Whoever held the position against another leg sells that,
and whoever quoted in the book takes his quotes away: the price is steadied as far as winners are
neither. Both are measured here, with a fund that pays everything beside them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from riskkit.stress.open import PosedVenue
from riskkit.stress.paths import run_paths
from riskkit.stress.scenarios import Scenario, run_scenario
from riskkit.stress.terms import StressedVenue
from riskkit.venue.accounts import AccountClass
from riskkit.venue.cascade import VenueOutcome
from riskkit.venue.deleveraging import DeleveragingRule, profits

#: Paths on which falls are compared.
PATHS = 2_000
#: Depth that winners post who are all makers, where the study says none.
POSTED = 0.5


@dataclass(frozen=True)
class Deleveraged:
    """What deleveraging does in one scenario, and along the study's paths.

    Attributes
    ----------
    scenario : str
    by_rule : DataFrame
        By whose order winners are taken: accounts hit, their share of all who win, the largest
        share of a profit that one gave up, money given up, what was left to socialise.
    by_winners : DataFrame
        By who the winners are: how far the price moved in the scenario, the deepest hundredth of
        falls along the paths, bad debt and what winners gave up, means over paths.
    """

    scenario: str
    by_rule: pd.DataFrame = field(repr=False)
    by_winners: pd.DataFrame = field(repr=False)

    @property
    def steadies(self) -> bool:
        """Whether the price moved less than with a fund that pays everything, whoever wins."""
        moved = self.by_winners["moved"].abs()
        return bool((moved.iloc[1:] < moved.iloc[0] * (1.0 - 1e-3)).all())


def deleveraged(
    posed: PosedVenue, scenarios: Sequence[tuple[Scenario, VenueOutcome]]
) -> Deleveraged | None:
    """The scenario in which winners give up most; None if they give up nothing in any."""
    venue = posed.venue
    scenario, outcome = max(scenarios, key=lambda pair: float(pair[1].of("deleveraging_cost")[0]))
    if float(outcome.of("deleveraging_cost")[0]) <= 0.0:
        return None
    rows = []
    for rule in DeleveragingRule:
        fund = replace(venue.fund, rule=rule)
        ran = run_scenario(replace(venue, fund=fund), scenario, audit=False)
        gain = profits(venue.book, math.exp(_extreme(ran, scenario)))
        rows.append(
            {
                "rule": rule.value,
                "accounts": int(ran.of("winners_hit")[0]),
                "of_winners": float(ran.of("winners_hit")[0] / max(int((gain > 0.0).sum()), 1)),
                "largest_loss_of_profit": float(ran.of("largest_taken")[0]),
                "given_up": float(ran.of("deleveraging_cost")[0]),
                "socialised": float(ran.of("socialised")[0]),
                "moved": math.expm1(_extreme(ran, scenario)),
            }
        )
    by_rule = pd.DataFrame(rows).set_index("rule").assign(scenario=scenario.name)
    return Deleveraged(scenario.name, by_rule, _by_winners(posed, scenario))


def _by_winners(posed: PosedVenue, scenario: Scenario) -> pd.DataFrame:
    venue = posed.venue
    book = venue.book
    posted = venue.fund.maker_depth or POSTED
    endless = replace(
        venue.fund, fund=venue.fund.fund + 1e3 * book.open_interest, deleverages=False
    )
    tried: dict[str, StressedVenue] = {"a fund that pays everything": replace(venue, fund=endless)}
    tried["winners as in the book"] = venue
    for name, kind in (
        ("none hedged, none makers", AccountClass.TRADER),
        ("all hedged", AccountClass.HEDGER),
        ("all makers", AccountClass.MAKER),
    ):
        fund = replace(venue.fund, maker_depth=posted)
        kinds = np.full(book.size, int(kind))
        tried[name] = replace(venue, book=replace(book, kind=kinds), fund=fund)
    run = posed.run.with_paths(min(PATHS, posed.run.paths))
    rows = []
    for name, with_it in tried.items():
        ran = run_scenario(with_it, scenario, audit=False)
        paths = run_paths(with_it, posed.world, run, margin=posed.margin)
        rows.append(
            {
                "winners": name,
                "moved": math.expm1(_extreme(ran, scenario)),
                "deepest_hundredth": math.expm1(float(np.quantile(paths.of("lowest_price"), 0.01))),
                "bad_debt": float(paths.of("bad_debt").mean()),
                "given_up": float(paths.of("deleveraging_cost").mean()),
            }
        )
    return pd.DataFrame(rows).set_index("winners")


def _extreme(ran: VenueOutcome, scenario: Scenario) -> float:
    name = "lowest_price" if scenario.move < 0.0 else "highest_price"
    return float(ran.of(name)[0])
