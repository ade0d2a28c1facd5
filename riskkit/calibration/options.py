"""Legs of options answered beside a study's accounts: margins, sets of scenarios, hedging."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from riskkit.calibration.option_market import OptionMarket
from riskkit.calibration.portfolio import JointAnswer
from riskkit.calibration.scenario_set import calibrate_set
from riskkit.options.grid import Structure, VerifiedSet, hole_sweep, merged_set
from riskkit.options.hedging import hedging_need, rehedging_costs
from riskkit.options.legs import OptionBook
from riskkit.options.margin import OptionMargins, margin_options
from riskkit.portfolio.accounts import Accounts
from riskkit.portfolio.scenario_set import ScenarioSet, SetStyle
from riskkit.study import terms
from riskkit.validation.coverage import binomial_interval
from riskkit.venue.depth import OrderBookDepth

#: Slippage at which a linear book is laid through a study's law: half of a move of 1 %.
HALF_PERCENT = 0.005
#: Depth left in a crash, unless measured.
CRASH = 0.1


@dataclass(frozen=True)
class OptionAnswer:
    """What accounts with options must hold, and what follows for the venue.

    Attributes
    ----------
    market : OptionMarket
    book : OptionBook
    margins : OptionMargins
    sets : mapping of str to VerifiedSet
        For each underlying a set of scenarios that covers the library of structures; or the given
        set held to it.
    fresh : mapping of str to VerifiedSet
        The same sets on paths that calibrated nothing.
    published : ScenarioSet
        All of them as one set, rounded.
    holes : DataFrame
        A row an account and underlying: what the set asks, what is lost between its points beyond
        that without decayed scenarios, and where.
    hedging : DataFrame
        A row an underlying and move: delta, trade, cost and impact at crash depth.
    rehedging : DataFrame
        A row an underlying: cost of hedging again at every bar of the reaction time, mean and
        worst hundredth.
    """

    market: OptionMarket = field(repr=False)
    book: OptionBook = field(repr=False)
    margins: OptionMargins
    sets: Mapping[str, VerifiedSet]
    fresh: Mapping[str, VerifiedSet]
    published: ScenarioSet = field(repr=False)
    holes: pd.DataFrame = field(repr=False)
    hedging: pd.DataFrame = field(repr=False)
    rehedging: pd.DataFrame = field(repr=False)

    @property
    def structures(self) -> pd.DataFrame:
        """A row an underlying and structure: as `VerifiedSet.table`, with a second look.

        ``again`` is the probability of a larger loss on paths that calibrated nothing, ``high`` the
        upper end of the 95 % band of a structure at the target.
        """
        parts = []
        for name, found in self.sets.items():
            again = self.fresh[name]
            count = again.scenarios
            target = 1.0 - self.market.answer.requirement.rule.confidence
            high = binomial_interval(count, target)[1] / count
            parts.append(
                found.table.assign(
                    underlying=name, again=again.table["exceeded"].to_numpy(), high=high
                )
            )
        return pd.concat(parts, ignore_index=True)


def answer_options(
    answer: JointAnswer,
    legs: str | Path,
    *,
    folder: str | Path = ".",
    accounts: Accounts | None = None,
    given: ScenarioSet | None = None,
    threads: int = 1,
) -> OptionAnswer:
    """Margin legs of options on the scenarios of the study's accounts.

    Parameters
    ----------
    legs : path
        CSV, `OptionBook.read`.
    folder : path
        In which the study's files have their names.
    accounts : Accounts, optional
        Linear positions of the same accounts.
    given : ScenarioSet, optional
        A published set that is held to the structures as it is; without it one is calibrated, from
        the set of the study's accounts: its ranges, with shocks of volatility of their own.

    Raises
    ------
    InputError
        If a leg cannot be margined, or no set covers the library.

    Examples
    --------
    >>> import riskkit
    >>> answer = riskkit.answer_panel("studies/btc-eth-options-daily.toml")
    >>> found = riskkit.answer_options(answer, "data/options_example.csv", folder="studies")
    >>> "account" in found.margins.table.columns
    True
    """
    market = OptionMarket.of(answer, folder)
    book = OptionBook.read(legs, market.moment, answer.panel.names)
    linear = {}
    if accounts is not None:
        linear = dict(zip(accounts.names, accounts.exposures, strict=True))
    margins = margin_options(
        book,
        market.scenarios_for(book),
        linear=linear,
        confidence=answer.requirement.rule.confidence,
        loading=market.loading,
        short_floor=market.asked.short_floor_fraction,
        threads=threads,
    )
    held = tuple(n for n in answer.panel.names if any(leg.underlying == n for leg in book.legs))
    if given is None:
        base = calibrate_set(answer, SetStyle.DERIBIT)
        sets = {name: market.calibrated(base, name) for name in held}
        published = merged_set(base, sets)
    else:
        sets, published = {name: market.verified(given, name) for name in held}, given
    fresh = {name: market.verified(published, name) for name in held}
    hedging, again = _hedging(market, book, held)
    holes = _holes(book, sets, market)
    return OptionAnswer(market, book, margins, sets, fresh, published, holes, hedging, again)


def _hedging(
    market: OptionMarket, book: OptionBook, held: tuple[str, ...]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is to be traded after moves, and the cost of hedging again along the reaction time."""
    answer = market.answer
    depth = answer.study.depth
    crash = CRASH if depth is None else depth.crash_depth_fraction
    deep = _depth(answer)
    curves = None if deep is None else (OrderBookDepth(deep), OrderBookDepth(deep))
    rate = terms.slippage(answer.study.liquidity).cost(answer.study.position.notional)
    hedging, again = [], []
    for name in held:
        price = market.prices[name]
        for need in hedging_need(book, name, price, curves, crash, rate=rate):
            hedging.append({"underlying": name, **vars(need)})
        paths = answer.requirement.reaction[:, :, answer.panel.names.index(name)]
        bar_days = answer.panel.bar / pd.Timedelta(days=1)
        costs = rehedging_costs(book, name, price, paths, bar_days, rate)
        worst = np.sort(costs)[::-1][: max(len(costs) // 100, 1)]
        again.append(
            {"underlying": name, "mean": float(costs.mean()), "worst": float(worst.mean())}
        )
    return pd.DataFrame(hedging), pd.DataFrame(again)


def _holes(book: OptionBook, sets: Mapping[str, VerifiedSet], market: OptionMarket) -> pd.DataFrame:
    prices, days = market.prices, market.scenarios.days
    rows = []
    for account in book.accounts:
        for name, found in sets.items():
            legs = tuple(
                leg for leg in book.legs if leg.account == account and leg.underlying == name
            )
            if not legs:
                continue
            structure = Structure(account, legs)
            (row,) = hole_sweep(
                found.scenario_set, [structure], book.moment, prices[name], days
            ).to_dict(orient="records")
            rows.append({"account": account, "underlying": name, **row})
    return pd.DataFrame(rows)


def _depth(answer: JointAnswer) -> float | None:
    """Value that moves a linear book by 1 %: where the study's law of slippage costs half of it.

    None where slippage does not grow with size: a constant rate says nothing of depth.
    """
    law = terms.slippage(answer.study.liquidity)
    low, high = 1.0, 1e15
    if law.cost(low) >= HALF_PERCENT or law.cost(high) <= HALF_PERCENT:
        return None
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if law.cost(middle) < HALF_PERCENT else (low, middle)
    return high
