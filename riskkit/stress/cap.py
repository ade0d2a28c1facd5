"""How much open interest a venue can carry: the least of the caps, with the one that binds.

1. *Branching*: n stays below a half for every move of the mark up to the stress move, on both
   sides, at crash depth. There a move is amplified at most twice.
2. *Loss budget*: losses exceed the fund no more than once in the years declared.
3. *Attack*: no attack on the venue's price pays. It is found by `riskkit.attack`, which reads this
   room, and is handed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from riskkit.paths.run import Run
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.stress.paths import run_paths
from riskkit.stress.terms import StressedVenue
from riskkit.venue.cascade import FollowingMargin
from riskkit.venue.criticality import SAFE, criticality

#: Multiples of the present interest between which caps are looked for.
LEAST, MOST = 2.0**-10, 2.0**10
#: Runs of all paths that finding the loss budget's cap takes, as a rule.
RUNS = 12
YEAR_HOURS = 365.25 * 24.0


class CapRule(StrEnum):
    """What limits the open interest."""

    BRANCHING = "branching ratio below a half at crash depth"
    LOSS_BUDGET = "loss budget of the fund"
    ATTACK = "attack on the price that pays"


@dataclass(frozen=True)
class InterestCap:
    """Open interest of a side that the depth can carry, in money.

    Attributes
    ----------
    interest : float
        Present open interest, the larger side.
    branching : float
        Cap by the branching ratio; infinite if no interest looked at breaks it.
    loss_budget : float
        Cap by the loss budget; 0 if no interest looked at meets it.
    depleted : float
        Share of paths that use the fund up at the present interest.
    allowed : float
        Share that the budget allows.
    hits : float
        Paths expected to use it up at that share: below ten the loss cap is rough.
    attack : float or None
        Cap by attacks on the price; None where nobody asked, infinite where none pays.
    """

    interest: float
    branching: float
    loss_budget: float
    depleted: float
    allowed: float
    hits: float
    attack: float | None = None

    @property
    def caps(self) -> dict[CapRule, float]:
        """Every cap that was asked for."""
        found = {CapRule.BRANCHING: self.branching, CapRule.LOSS_BUDGET: self.loss_budget}
        return found if self.attack is None else {**found, CapRule.ATTACK: self.attack}

    @property
    def cap(self) -> float:
        """The least of the caps."""
        return min(self.caps.values())

    @property
    def binding(self) -> CapRule:
        """The cap that binds; of equals the first."""
        caps = self.caps
        return min(caps, key=lambda rule: caps[rule])

    @property
    def above(self) -> float:
        """Interest above the cap: it may only shrink, nobody is closed for it."""
        return max(self.interest - self.cap, 0.0)


def interest_cap(
    venue: StressedVenue, world: World, run: Run, margin: FollowingMargin | None = None
) -> InterestCap:
    """The cap of a venue's open interest; leverage and concentration are kept as they are.

    Parameters
    ----------
    run : Run
        Paths of the loss budget, the same ones for every interest.

    Raises
    ------
    InputError
    """
    interest = venue.book.open_interest
    hours = venue.horizon * venue.bar.total_seconds() / 3600.0
    allowed = min(hours / YEAR_HOURS / venue.depletion_years, 1.0)

    def depleted(scale: float) -> float:
        found = run_paths(replace(venue, book=venue.book.scaled(scale)), world, run, margin=margin)
        return float(found.used_up.mean())

    now = depleted(1.0)
    losses = _largest_scale(lambda scale: depleted(scale) <= allowed, starts=now <= allowed)
    peak = _largest_scale(lambda scale: peak_branching(venue, scale, margin) < SAFE)
    return InterestCap(
        interest, peak * interest, losses * interest, now, allowed, allowed * run.paths
    )


def peak_branching(
    venue: StressedVenue, scale: float = 1.0, margin: FollowingMargin | None = None
) -> float:
    """Largest n of either side up to the stress move, at crash depth."""
    book = venue.book.scaled(scale)
    peaks = []
    for side in Side:
        move = stress_displacement(venue.move, side)
        if (book.side == side.sign).any():
            found = criticality(
                book, venue.depth, venue.engine, side, most=max(move, 0.05), margin=margin
            )
            peaks.append(found.peak(move))
    return max(peaks)


def stress_displacement(move: float, side: Side) -> float:
    """The stress move in logs: a fall for longs, a rise for shorts."""
    return -math.log1p(-move) if side is Side.LONG else math.log1p(move)


def _largest_scale(holds: Callable[[float], bool], starts: bool | None = None) -> float:
    """The largest multiple at which a condition holds that fails from there on."""
    low = high = 1.0
    if holds(1.0) if starts is None else starts:
        while high < MOST:
            high *= 4.0
            if not holds(high):
                break
            low = high
        else:
            return math.inf
    else:
        while low > LEAST:
            low /= 4.0
            if holds(low):
                break
            high = low
        else:
            return 0.0
    while high / low > 1.02:
        middle = math.sqrt(low * high)
        if holds(middle):
            low = middle
        else:
            high = middle
    return low
