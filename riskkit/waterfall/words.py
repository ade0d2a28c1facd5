"""An answer on what stands behind a venue, in sentences."""

from __future__ import annotations

import pandas as pd

from riskkit.units import money
from riskkit.waterfall.answer import VenueFund
from riskkit.waterfall.deleveraged import Deleveraged
from riskkit.waterfall.lending import LendingAnswer

#: Columns that are money.
MONEY = frozenset(
    {
        *("size", "low", "high", "shortfall", "without_impact", "interest", "trading"),
        *("closing", "bad_debt", "fund", "capital", "net", "socialised", "mean_a_year"),
        *("worst_year_in_hundred", "sold", "keepers", "given_up", "owed", "paid", "missing"),
    }
)
#: Share of open interest from which a fund stands for margins that are missing.
LARGE = 0.05


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose money is said in four digits."""
    columns = {name: table[name].map(money) for name in table.columns if name in MONEY}
    return table.assign(**columns)


def fund_words(found: VenueFund) -> list[str]:
    """What follows for the venue: its fund, what the cascade adds, cover, leverage."""
    size, section, interest = found.size, found.section, found.years.open_interest
    run = f"{found.years.years:,} years run"
    once = f"in none of {run}"
    if found.used_up > 0.0:
        once = f"once in {1.0 / found.used_up:,.3g} years ({run})"
    lines = [
        f"fund used up once in {size.once_in:g} years: {money(size.size)} "
        f"(95 %: {money(size.low)} to {money(size.high)}), {size.size / interest:.2%} of open "
        f"interest; today's {money(section.notional)} is used up {once}"
    ]
    if size.size > LARGE * interest:
        lines.append(
            "a fund of more than a twentieth of open interest says that margins are too small for "
            "the bars of this study, not that the fund is: lower the leverage, or use finer bars"
        )
    if size.years < 10.0:
        lines.append(
            f"it rests on {size.years:.1f} years of {found.years.years:,}: fewer than ten is "
            "rough; raise fund.paths"
        )
    table = found.sizes()
    row = table.iloc[-1]
    if row["without_impact"] > 0.0:
        lines.append(
            f"once in {table.index[-1]:g} years it would be {money(row['without_impact'])} if "
            "closing moved no price: the cascade makes it "
            f"{row['size'] / row['without_impact']:.3g} times as large"
        )
    who = "clusters of wallets" if found.clustered else "owners"
    lines.append(
        f"cover-1 {money(found.cover.one)}, cover-2 {money(found.cover.two)}, EMIR article 42 "
        f"{money(found.cover.emir_42)}, over {found.cover.owners:,} {who} and "
        f"{len(found.scenarios)} scenarios"
    )
    if found.deleveraged is not None:
        lines.append(_steadied(found.deleveraged))
    if found.leverage is not None:
        best = found.leverage["net"].idxmax()
        lines.append(
            f"of the leverages tried, {best:g} times today's earns most after bad debt and the "
            "fund's capital"
        )
    if found.lending is not None:
        lines.extend(lending_words(found.lending))
    return lines


def _steadied(found: Deleveraged) -> str:
    """Whether deleveraging steadies the price, whoever the winners are."""
    moved = found.by_winners["moved"]
    told = ", ".join(f"{moved[name]:+.1%} with {name}" for name in moved.index[1:])
    words = f"deleveraging in {found.scenario}: the price moves by {told}, and by "
    words += f"{moved.iloc[0]:+.1%} with a fund that pays everything: "
    if found.steadies:
        return words + "it steadies the price, whoever wins"
    return words + "it steadies the price only as far as winners have no other leg and no quotes"


def lending_words(found: LendingAnswer) -> list[str]:
    """Bonus, dust and auction, in sentences."""
    if found.bonus is None:
        lines = [
            "no bonus tried brings keepers as often as is asked: depth, gas or the oracle bind"
        ]
    else:
        lines = [f"the smallest bonus that brings keepers as often as is asked: {found.bonus:.3g}"]
    lines[0] += (
        f"; today's is {found.now:.3g}, and a basis point more of it costs borrowers "
        f"{money(found.per_basis_point)} a path"
    )
    if found.one_keeper is not None:
        bonus, size = found.one_keeper
        lines.append(
            f"at crash depth one liquidation pays from a bonus of {bonus:.4%} on, at {money(size)}"
        )
    count, debt = found.dust
    lines.append(f"never worth their gas: {count:,} loans with {money(debt)} of debt")
    if found.auction is None:
        lines.append(f"no auction: {found.auction_words}")
    else:
        a = found.auction
        lines.append(
            f"auction: start {a.auction.start:g} times the oracle, times {a.auction.cut:g} every "
            f"{a.auction.step_seconds:g} s; without a bid {a.no_bid:.2%}, loss {a.loss:.2%} in all "
            f"but one of a hundred, {a.mean_seconds:,.0f} s on average; at most {money(a.most)} at "
            "once"
        )
    return lines
