"""An answer on attacks, in sentences."""

from __future__ import annotations

import math

from riskkit.attack.found import BEARABLE, VenueAttacks
from riskkit.attack.raids import Raid
from riskkit.attack.strategic import Conduct, two_step_repayment
from riskkit.units import money

#: Health of the loan at which a liquidator's two steps are shown.
HEALTH = 0.992
#: What keeps an owner's conduct from costing the fund.
REMEDIES = {
    Conduct.PASSIVE: "nothing",
    Conduct.WITHDRAWING: "withdrawals down to the initial margin only, and the position limit",
    Conduct.FLOORED: "the position limit",
    Conduct.TOPPING_UP: "top-ups that count a bar later stop it",
    Conduct.LATE_TOP_UP: "a shorter latency",
}


def attack_words(found: VenueAttacks) -> list[str]:
    """What follows for the venue: the cap, what binds it, positions, the stale price."""
    interest, lines = found.venue.book.open_interest, []
    prey = found.prey
    lines.append(
        f"prey: fund {money(prey.fund)}, backstop {money(prey.backstop)}, margins of others "
        f"{money(prey.others)}; a new account's margin {found.margin:.2%}"
    )
    low, high = found.band
    lines.append(
        f"cap: {money(found.cap)} a side, bound by {found.binding.name}; {money(low)} to "
        f"{money(high)} over what the depth may be"
    )
    for kind in found.kinds:
        if kind.safe == math.inf:
            lines.append(f"{kind.name}: no attack pays, whatever the interest")
        elif kind.safe >= interest:
            lines.append(
                f"{kind.name}: no attack pays up to {money(kind.safe)} a side; "
                f"today {money(interest)}"
            )
        else:
            lines.append(
                f"{kind.name}: an attack pays from {money(kind.safe)} a side on (mark x"
                f"{kind.first:.3g}); today {money(interest)}. Safe with {kind.remedy}"
            )
    for raid in found.raids:
        lines.append(_raid_words(found, raid))
    lending = found.study.attack and found.study.attack.lending
    if lending and lending.threshold_fraction is not None:
        collateral = HEALTH * 100.0 / lending.threshold_fraction
        one, two = two_step_repayment(
            100.0,
            collateral,
            lending.threshold_fraction,
            lending.discount_fraction,
            lending.repaid_at_once_fraction,
        )
        lines.append(
            f"lending pool: at a health of {HEALTH:g} a liquidator repays {one:.4g} % of a debt, "
            f"and {two:.4g} % in two steps; repaying to a target health stops that"
        )
    if math.isfinite(found.takeover):
        lines.append(
            f"positions: from {money(found.takeover)} on an owner does better to withdraw to the "
            f"limit and be taken over than to close; limit {money(found.position_limit)}"
        )
    stale = found.stale
    if stale is None:
        lines.append("the history is too short for a volatility: no stale price, no paths")
        return lines
    dear = [one for one in found.strategic if one.fund < 0.0]
    if dear:
        worst = min(dear, key=lambda one: one.fund)
        lines.append(
            f"owners who act: the largest account, {worst.conduct.value}, costs the fund "
            f"{-worst.fund:.2%} of its notional a run ({-worst.worst:.1%} in the worst hundredth); "
            f"{REMEDIES[worst.conduct]}"
        )
    costly = [one for one in found.owners if one.fund < 0.0]
    if costly:
        most = min(costly, key=lambda one: one.fund)
        lines.append(
            f"in the whole book: {most.accounts} of the largest accounts {most.conduct}, one bar "
            f"late, and cost the fund {-most.fund:.3%} of open interest a run "
            f"({-most.worst:.2%} in its worst hundredth); stopped by {most.stopped_by}"
        )
    if stale.age_seconds > 0.0:
        lines.append(
            f"a price {stale.age_seconds:g} s old gives away {1e4 * stale.option:.3g} bps a trade "
            f"(sigma {stale.sigma_per_year:.0%} a year); a fee of {1e4 * stale.fee:.3g} bps leaves "
            f"{1e4 * BEARABLE:g}"
        )
    if stale.feed is not None:
        lines.append(
            f"the feed's deviation costs {stale.feed.loss_per_year:.3g} times the liquidity that "
            "can be had at once, a year; it is updated every "
            f"{stale.feed.update_seconds / 60:,.0f} minutes. With what moves the market by 1 % "
            f"that is {money(stale.cost_per_year)} a year, drained by arbitrage"
        )
    if math.isfinite(stale.pool_per_year):
        lines.append(
            f"as a pool the market loses {stale.pool_per_year:.2%} of its value a year to arbitrage"
        )
    return lines


def _raid_words(found: VenueAttacks, raid: Raid) -> str:
    if raid.safe == math.inf:
        return f"{raid.name}: no attack pays, whatever the {raid.limits}"
    if raid.limits == "collateral":
        lending = found.study.attack and found.study.attack.lending
        today = lending.collateral_notional if lending else 0.0
        size, rest = f"{money(raid.safe)} of collateral accepted", f"today {money(today)}"
    else:
        size, rest = f"{money(raid.safe)} a side", f"today {money(found.venue.book.open_interest)}"
    if raid.profit > 0.0:
        return f"{raid.name}: an attack pays from {size} on (mark x{raid.first:.3g}); {rest}"
    return f"{raid.name}: no attack pays up to {size}; {rest}"
