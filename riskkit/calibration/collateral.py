"""Haircuts of a study's collateral, joint with the positions and by schedule."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.portfolio import JointAnswer
from riskkit.calibration.question import run_of
from riskkit.collateral.haircut import (
    MONEY,
    CollateralNeeds,
    TailRule,
    collateral_needs,
    published,
    way,
)
from riskkit.collateral.pool import KindLimit, in_a_crash, limit_of
from riskkit.errors import InputError
from riskkit.paths.joint import simulate_joint_moves
from riskkit.paths.run import Stream
from riskkit.portfolio.accounts import Accounts
from riskkit.portfolio.margin import margin_accounts, running_maximum
from riskkit.study import terms
from riskkit.venue.liquidity import Slippage

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CollateralAnswer:
    """What a study's collateral is worth as margin.

    Attributes
    ----------
    schedule : DataFrame
        A row for each accepted asset, money first: ``collateral, hours`` (to sell), ``tail``,
        ``haircut`` (stretched as far as the mechanism stretches a long position in it),
        ``published`` (rounded up), ``initial`` (the same with room for the reaction time, rounded
        up), ``threshold`` and ``max_ltv`` of a loan of money against it, ``by_depth`` (money that
        can be sold within the bonus at crash depth; infinite where costs do not grow),
        ``by_volume`` (a share of a day's), ``largest`` and ``decides``: the less, and which it is.
    legs : DataFrame
        A row for each asset, side and collateral: ``asset, side, collateral, money`` (maintenance
        margin of one leg, a fraction of notional), ``joint``, ``separate`` (by the published
        schedule), ``difference`` (joint over separate less 1), ``wrong_way`` (share), ``way``.
    returns : mapping of str to ndarray (M,)
        Of each collateral over its time to sell, joint with the margin scenarios.
    """

    answer: JointAnswer = field(repr=False)
    schedule: pd.DataFrame = field(repr=False)
    legs: pd.DataFrame = field(repr=False)
    returns: dict[str, Array] = field(repr=False)

    def accounts(self, accounts: Accounts) -> pd.DataFrame:
        """What each account of a book must hold in each collateral, money at today's prices.

        Returns
        -------
        DataFrame
            ``account, collateral, money, joint, separate, difference, wrong_way, way``.
        """
        money = margin_accounts(accounts, self.answer.requirement).table["maintenance"]
        rows = self._rows(self.needs(accounts.exposures, money.to_numpy()))
        table = pd.DataFrame(rows, columns=["row", *_NUMBERS])
        table.insert(0, "account", [accounts.names[k] for k in table.pop("row")])
        return table

    def needs(self, exposures: Array, money: Array) -> CollateralNeeds:
        """What exposures (A, N) with margins in money (A,) need in each collateral."""
        return collateral_needs(
            exposures,
            self.answer.requirement.moves,
            self.returns,
            tail_rule(self.answer),
            money=money,
            haircuts=self.schedule["published"].to_numpy(),
        )

    def _rows(self, needs: CollateralNeeds) -> list[tuple[object, ...]]:
        share, separate = needs.wrong_way, needs.separate
        rows: list[tuple[object, ...]] = []
        for a, amount in enumerate(needs.money.tolist()):
            for k, name in enumerate(needs.names):
                joint, by_schedule = float(needs.joint[a, k]), float(separate[a, k])
                apart = joint / by_schedule - 1.0 if by_schedule > 0.0 else 0.0
                says = way(float(share[a, k])) if name != MONEY else ""
                rows.append((a, name, amount, joint, by_schedule, apart, float(share[a, k]), says))
        return rows


def tail_rule(answer: JointAnswer) -> TailRule:
    """The tail that a study's accounts are margined on."""
    rule = answer.requirement.rule
    return TailRule(rule.confidence, rule.measure == "expected-shortfall")


_NUMBERS = ("collateral", "money", "joint", "separate", "difference", "wrong_way", "way")


def answer_collateral(answer: JointAnswer, *, threads: int = 1) -> CollateralAnswer:
    """Haircuts of what a study accepts, from the scenarios that margin its positions.

    Raises
    ------
    InputError
        If the study accepts nothing, or an asset that is none of its panel.
    """
    study, names = answer.study, answer.panel.names
    if study.collateral is None:
        rule = 'must name what is accepted, as accepted = ["ETH"]'
        raise InputError("collateral", "no such table", rule, "Add [collateral] to the study")
    unknown = [name for name in study.collateral.accepted if name not in names]
    if unknown:
        rule = f"must be assets of the study: {', '.join(names)}"
        raise InputError(
            "collateral.accepted", unknown[0], rule, "Correct it, or add its prices to [assets]"
        )
    hours, bars = times_to_sell(answer)
    run = run_of(study, threads).stream(Stream.MARGIN_PERIOD)
    over = {k: simulate_joint_moves(answer.world, run, bars=k).terminal for k in sorted(set(bars))}
    returns = {MONEY: np.zeros(len(answer.requirement.moves))}
    for name, k in zip(study.collateral.accepted, bars, strict=True):
        returns[name] = np.expm1(over[k][names.index(name)])
    schedule = _schedule(answer, returns, hours)
    found = CollateralAnswer(answer, schedule, pd.DataFrame(), returns)
    eye = np.eye(len(names))
    needs = found.needs(np.vstack([eye, -eye]), answer.requirement.legs.maintenance.ravel())
    rows = found._rows(needs)
    legs = pd.DataFrame(rows, columns=["row", *_NUMBERS])
    which = legs.pop("row").to_numpy()
    legs.insert(0, "side", ["long" if k < len(names) else "short" for k in which])
    legs.insert(0, "asset", [names[k % len(names)] for k in which])
    return CollateralAnswer(answer, schedule, legs, returns)


def _schedule(answer: JointAnswer, returns: dict[str, Array], hours: list[float]) -> pd.DataFrame:
    """Haircuts: each collateral's tail, as far beyond as the margin of a long leg is of its own."""
    rule, legs, names = tail_rule(answer), answer.requirement.legs, answer.panel.names
    tails, cuts = [], []
    for name, row in returns.items():
        tail = max(0.0, rule.of(-row))
        power = 1.0
        if name != MONEY:
            own = names.index(name)
            power = math.log1p(-legs.maintenance[0, own]) / math.log1p(-legs.tail[0, own])
        tails.append(tail)
        cuts.append(1.0 - (1.0 - tail) ** power)
    table = pd.DataFrame(
        {
            "collateral": list(returns),
            "hours": [0.0, *hours],
            "tail": tails,
            "haircut": cuts,
            "published": [published(cut) for cut in cuts],
        }
    )
    asked = answer.study.collateral
    assert asked is not None
    eye = np.eye(len(names))
    falls = running_maximum(
        eye, answer.requirement.reaction, answer.requirement.rule.reaction_confidence
    )
    room = [0.0, *(float(falls[names.index(name)]) for name in asked.accepted)]
    table["initial"] = [
        published(1.0 - (1.0 - cut) * (1.0 - fall)) for cut, fall in zip(cuts, room, strict=True)
    ]
    bonus = np.where(table["collateral"] == MONEY, 0.0, asked.sale_bonus_fraction)
    table["threshold"] = (1.0 - table["published"]) / (1.0 + bonus)
    table["max_ltv"] = (1.0 - table["initial"]) / (1.0 + bonus)
    limits = [KindLimit(MONEY, math.inf, math.inf), *limits_of(answer)]
    for name in ("by_depth", "by_volume", "largest", "decides"):
        table[name] = [getattr(limit, name) for limit in limits]
    return table


def crash_slippage(answer: JointAnswer) -> list[Slippage]:
    """What selling each accepted asset costs at the depth that a crash leaves."""
    asked, law = answer.study.collateral, terms.slippage(answer.study.liquidity)
    assert asked is not None
    depths = asked.depth_notionals or (None,) * len(asked.accepted)
    return [in_a_crash(law, depth, asked.crash_depth_fraction) for depth in depths]


def limits_of(answer: JointAnswer) -> list[KindLimit]:
    """The most of each accepted asset: what a crash lets be sold within the bonus, and volume."""
    asked = answer.study.collateral
    assert asked is not None
    volumes = asked.daily_volume_notionals or (math.inf,) * len(asked.accepted)
    return [
        limit_of(name, law, asked.sale_bonus_fraction, volume, asked.volume_share_fraction)
        for name, law, volume in zip(asked.accepted, crash_slippage(answer), volumes, strict=True)
    ]


def times_to_sell(answer: JointAnswer) -> tuple[list[float], list[int]]:
    """Hours and bars that each accepted asset takes to sell, no less than the margin period."""
    study, bar = answer.study, answer.panel.bar
    assert study.collateral is not None
    least = study.periods(bar).margin_period_of_risk
    each = float(bar / pd.Timedelta(hours=1))
    asked = study.collateral.liquidation_hours or (least * each,) * len(study.collateral.accepted)
    bars = [max(least, math.ceil(hours / each - 1e-9)) for hours in asked]
    return [k * each for k in bars], bars
