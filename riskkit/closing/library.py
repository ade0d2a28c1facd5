"""The policies that are compared: a small grid of each kind, made for a venue's depth and bars."""

from __future__ import annotations

from riskkit.closing.pace import BookPace, optimal_pace
from riskkit.closing.policy import ALL_AT_ONCE, ClosingPolicy, slices
from riskkit.venue.depth import MarketDepth

#: Where closing begins, above maintenance, and in how many slices.
EARLY, COUNTS = (0.25, 1.0), (6, 24)
#: Capacity of a bar, in volumes d that move the calm price by 1 %.
CAPACITIES = (0.25, 1.0)
ONE_PERCENT = 0.01
#: Bars over which a pace is worked, and how much its risk counts: in units of what impact costs.
PACED = (6, 24)


def policies_for(
    depth: MarketDepth, quantity: float, volatility: float
) -> tuple[ClosingPolicy, ...]:
    """The policies that a venue of this depth is compared under; the first closes all at once.

    Parameters
    ----------
    quantity : float
        An account that is large for this venue, in money: for whom a pace is best.
    volatility : float
        Of a bar.
    """
    unit = float(min(depth.bids.quantity_to(ONE_PERCENT), depth.offers.quantity_to(ONE_PERCENT)))
    found = [ALL_AT_ONCE]
    for early in EARLY:
        found.append(ClosingPolicy(f"all, {1 + early:g} x", early=early))
        for count in COUNTS:
            name = f"{count} slices, {1 + early:g} x"
            found.append(ClosingPolicy(name, early=early, shares=slices(count)))
    for count in COUNTS:
        name = f"{count} slices at maintenance"
        found.append(ClosingPolicy(name, shares=slices(count), finishes=False))
    for share in CAPACITIES:
        found.append(ClosingPolicy(f"queue, {share:g} d", capacity=share * unit))
        found.append(
            ClosingPolicy(f"with depth, {share:g} d", capacity=share * unit, follows_depth=True)
        )
    slope = ONE_PERCENT / unit
    pace = BookPace(slope, depth.refill_bars, depth.permanent_share)
    for bars in PACED:
        shares = optimal_pace(bars, pace, quantity=quantity, volatility=volatility)
        found.append(
            ClosingPolicy(f"best pace, {bars} bars", shares=tuple(shares.tolist()), finishes=False)
        )
    return tuple(found)
