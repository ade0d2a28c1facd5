"""A margin rule replayed on history: a declared mix of accounts opened every so often, both sides.

Everything a rule is asked for is read off one replay: the three measures with their bands, what
other fills cost, the rule an hour, a day and a week late, and what the requirement did by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.paths.inside import Fill
from riskkit.position import Side
from riskkit.proof.track import BarSight, Track
from riskkit.simulation.bar_accounts import (
    AccountTerms,
    AskedMargin,
    Bars,
    OpenedAccounts,
    Outcomes,
    run_accounts,
)
from riskkit.validation.judging import JudgedAccounts, JudgedDays, judge
from riskkit.venue.account_mix import AccountMix, check_mix
from riskkit.venue.rule import PublishedRule, check_rule, matured, published

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CALM_HOLE = pd.Timedelta(days=1)  # positions leave at longer holes


@dataclass(frozen=True)
class JudgingPlan:
    """How a rule is judged.

    Attributes
    ----------
    mix : AccountMix
    sides : tuple of Side
    every : int
        Bars from one opening to the next.
    delay : int
        Bars from the bar of the trigger to that of execution.
    cost : float
        Of closing out, a fraction of the value closed.
    fill : Fill
    sight : BarSight
    """

    mix: AccountMix
    sides: tuple[Side, ...]
    every: int
    delay: int
    cost: float
    fill: Fill = Fill.EXTREME
    sight: BarSight = field(default_factory=BarSight)

    def horizon(self, bar: pd.Timedelta) -> int:
        """Bars for which positions are held."""
        return max(round(pd.Timedelta(days=self.mix.holding_days) / bar), 1)

    def filled(self, fill: Fill) -> JudgingPlan:
        """The same at another fill."""
        return replace(self, fill=fill)

    def terms(self, rule: PublishedRule, bar: pd.Timedelta) -> AccountTerms:
        """How accounts are watched and closed under a rule."""
        return AccountTerms(self.horizon(bar), self.delay, self.cost, self.fill, rule.binds_after)


@dataclass(frozen=True)
class Replayed:
    """One rule on one market.

    Attributes
    ----------
    asset : str
    rule : PublishedRule
    judged : JudgedDays
        By account, day by day.
    accounts : DataFrame
        One row per account: ``side``, ``distance``, ``opened``, ``ended`` (times), ``margin``
        (maintenance margin at opening), ``liquidated``, ``defaulted``, ``caused``, ``bad_debt``,
        ``account_share``, ``interest_share``.
    margin : Series
        Maintenance margin published at each close in the judged span, by open of the bar.
    """

    asset: str
    rule: PublishedRule
    judged: JudgedDays = field(repr=False)
    accounts: pd.DataFrame = field(repr=False)
    margin: pd.Series = field(repr=False)


def replay_rule(
    track: Track,
    rule: PublishedRule,
    plan: JudgingPlan,
    *,
    start: pd.Timestamp | None = None,
    end: pd.Timestamp | None = None,
) -> Replayed:
    """Replay a rule along a market's history.

    Parameters
    ----------
    start, end : Timestamp, optional
        Positions are opened at closes of bars that open in [start, end), and no bar from ``end``
        on is looked at.

    Raises
    ------
    InputError
        If the mix or the rule breaks a rule, or no position can be opened.
    """
    check_mix(plan.mix)
    horizon = plan.horizon(track.bar)
    check_rule(rule, horizon)
    cut = len(track.times) if end is None else int(track.times.searchsorted(end))
    first = 0 if start is None else int(track.times.searchsorted(start))
    known = np.flatnonzero(np.isfinite(track.sigma[:cut]))
    first = max(first, int(known[0]) if known.size else cut)
    opened = np.arange(first, cut - 1, plan.every, dtype=np.int64)
    if opened.size == 0:
        raise InputError(
            "start, end",
            (str(start), str(end)),
            "must leave bars with a forecast before them, to open positions at",
            "Give a longer history or an earlier end",
        )
    begin = int(known[0])
    margin = published(
        rule,
        track.sigma[begin:cut],
        np.ascontiguousarray(track.due_slot[begin:cut] % rule.interval == 0),
        track.gap[begin:cut],
    )
    asked = AskedMargin(margin, matured(rule, margin))
    most = round(CALM_HOLE / track.bar)
    parts, rows = [], []
    closed = track.closed[begin:cut]
    for side in plan.sides:
        bars = track.between(begin, cut).bars_for(side, plan.sight, most_missing=most)
        lives, outcomes, at = run_mix(bars, asked, opened - begin, side, plan, rule, track.bar)
        parts.append(as_accounts(outcomes, lives, plan.mix, side, closed[at], closed))
        rows.append(_rows(parts[-1], lives, side, plan.mix, margin[at], track, begin, at, outcomes))
    span = slice(first - begin, None)
    series = pd.Series(margin[span], track.times[begin:cut][span], name="margin")
    accounts = pd.concat(rows, ignore_index=True)
    return Replayed(track.asset, rule, judge(joined(parts)), accounts, series)


def run_mix(
    bars: Bars,
    asked: AskedMargin,
    opened: Ints,
    side: Side,
    plan: JudgingPlan,
    rule: PublishedRule,
    bar: pd.Timedelta,
    *,
    shadow: bool = True,
) -> tuple[Ints, Outcomes, Ints]:
    """Run every group of the mix at every opening: group, outcome and bar of opening, each (k,)."""
    groups = np.repeat(np.arange(len(plan.mix.distance)), opened.size)
    at = np.tile(opened, len(plan.mix.distance))
    posted = asked.published[at] + np.asarray(plan.mix.distance)[groups]
    outcomes = run_accounts(
        bars, asked, OpenedAccounts(at, posted), side, plan.terms(rule, bar), shadow=shadow
    )
    return groups, outcomes, at


def as_accounts(
    outcomes: Outcomes,
    groups: Ints,
    mix: AccountMix,
    side: Side,
    opened: Array,
    closed: Array,
) -> JudgedAccounts:
    """What became of accounts, with their weights and times, for the judge."""
    share = mix.long_share if side is Side.LONG else 1.0 - mix.long_share
    return JudgedAccounts(
        opened=opened,
        ended=closed[outcomes.end],
        account_share=share * np.asarray(mix.account_share)[groups],
        interest_share=share * np.asarray(mix.interest_share)[groups],
        liquidated=outcomes.liquidated,
        defaulted=outcomes.defaulted,
        caused=outcomes.caused,
        bad_debt=outcomes.bad_debt,
    )


def joined(parts: list[JudgedAccounts]) -> JudgedAccounts:
    """Accounts of several sides or spells as one."""
    names = list(JudgedAccounts.__dataclass_fields__)
    return JudgedAccounts(
        **{n: np.concatenate([getattr(part, n) for part in parts]) for n in names}
    )


def _rows(
    accounts: JudgedAccounts,
    groups: Ints,
    side: Side,
    mix: AccountMix,
    margin: Array,
    track: Track,
    begin: int,
    at: Ints,
    outcomes: Outcomes,
) -> pd.DataFrame:
    times = track.times + track.bar
    return pd.DataFrame(
        {
            "side": side.value,
            "distance": np.asarray(mix.distance)[groups],
            "opened": times[begin + at],
            "ended": times[begin + outcomes.end],
            "margin": margin,
            "liquidated": accounts.liquidated,
            "defaulted": accounts.defaulted,
            "caused": accounts.caused,
            "bad_debt": accounts.bad_debt,
            "account_share": accounts.account_share,
            "interest_share": accounts.interest_share,
        }
    )
