"""What the backtest explorer shows for one setting: coverage, and what the margin did to people."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy import stats

from riskkit.errors import InputError
from riskkit.lab.explorers.backtest_model import BacktestModel, Tools
from riskkit.lab.explorers.market import Market, MarketKey
from riskkit.market.returns import log_returns
from riskkit.position import Side
from riskkit.study.study import Study
from riskkit.tail.horizon import TailQuestion
from riskkit.tail.shocks import TailMethod
from riskkit.validation.backtest import Backtest, BacktestPlan, backtest, refit_along
from riskkit.validation.battery import SideReport, side_report
from riskkit.validation.coverage import (
    TrafficLight,
    independence,
    proportion_of_failures,
    traffic_light,
)
from riskkit.validation.procyclicality import MarginBehaviour, margin_behaviour
from riskkit.validation.verdict import Verdict
from riskkit.venue.procyclicality import apply_overlays, long_run_level
from riskkit.volatility.refits import Refits
from riskkit.volatility.spec import VolatilitySpec

#: Fewer periods than this show neither coverage nor behaviour.
FEWEST = 60
RISES = (1, 5, 20)
#: Rows along the window at which exceptions are counted, besides those of the exceptions.
SHOWN = 300


@dataclass(frozen=True)
class BacktestAnswer:
    """One setting of the backtest explorer, computed.

    Attributes
    ----------
    study : Study
        With the model that was tried.
    result : Backtest
        Of the window: rows whose period starts inside it, both sides, margins without overlays.
    side : Side
    tools : Tools
    rows : DataFrame
        Of the side, indexed by target: as `Backtest.table`, and ``adjusted`` (the margin after
        the overlays).
    counts : DataFrame
        Along the window, indexed by target: ``seen`` (exceptions so far), ``expected``, ``low``
        and ``high`` (95 % of right forecasts show that many).
    report : SideReport
        Exceptions, expected range and conditional coverage of the window.
    light : TrafficLight
    tests : tuple of Verdict
        Kupiec's proportion of failures, and Christoffersen's independence.
    plain, adjusted : MarginBehaviour
        Without and with the overlays, against the margin that each loss called for.
    """

    study: Study
    result: Backtest = field(repr=False)
    side: Side
    tools: Tools
    rows: pd.DataFrame = field(repr=False)
    counts: pd.DataFrame = field(repr=False)
    report: SideReport
    light: TrafficLight
    tests: tuple[Verdict, ...]
    plain: MarginBehaviour
    adjusted: MarginBehaviour


def take_answer(model: BacktestModel) -> BacktestAnswer:
    """Compute one setting. Fits and forecasts of the last few settings are kept.

    Raises
    ------
    InputError
        If a setting breaks a rule, or the window holds too few periods.
    """
    study, market = model.study(), model.chosen
    side, tools = model.chosen_side(study.sides), model.tools()
    whole = run_backtest(market, study.model.spec, model.method(), model.question(), model.plan())
    part = whole.side(side)
    long_run = _long_run(market, whole.question.bars, part)
    margin = part["margin"]
    part = part.assign(adjusted=apply_overlays(margin, tools.overlays(margin, long_run)))
    first, last = model.window()
    result = _between(whole, first, last)
    rows = part[(part["start"] >= first) & (part["start"] < last)]
    if len(rows) < FEWEST:
        rule = f"must hold at least {FEWEST} periods to be judged"
        raise InputError("window", f"{len(rows)} periods", rule, "Widen the window")
    p = 1.0 - whole.question.confidence
    flags = rows["exception"].to_numpy(dtype=bool)
    return BacktestAnswer(
        study=study,
        result=result,
        side=side,
        tools=tools,
        rows=rows,
        counts=_counts(rows, p),
        report=side_report(result, side),
        light=traffic_light(flags, p),
        tests=(proportion_of_failures(flags, p), independence(flags)),
        plain=margin_behaviour(rows["margin"], rows["needed"], RISES),
        adjusted=margin_behaviour(rows["adjusted"], rows["needed"], RISES),
    )


def _counts(rows: pd.DataFrame, probability: float) -> pd.DataFrame:
    """Exceptions so far, at every exception and at evenly spaced rows between."""
    flags = rows["exception"].to_numpy(dtype=bool)
    even = np.linspace(0, len(rows) - 1, min(len(rows), SHOWN)).astype(np.int64)
    at = np.union1d(even, np.flatnonzero(flags))
    low, high = stats.binom.interval(0.95, at + 1, probability)
    return pd.DataFrame(
        {
            "seen": np.cumsum(flags)[at],
            "expected": (at + 1) * probability,
            "low": low,
            "high": high,
        },
        index=rows.index[at],
    )


def run_backtest(
    market: Market, spec: str, method: TailMethod, question: TailQuestion, plan: BacktestPlan
) -> Backtest:
    """A walk-forward backtest of the whole history; the last few are kept.

    Raises
    ------
    InputError
        If the history is too short.
    """
    return _run(MarketKey(market), spec, method, question, plan)


@lru_cache(maxsize=6)
def _refits(key: MarketKey, spec: str, minimum_bars: int, refit_every: int) -> Refits:
    plan = BacktestPlan(minimum_bars, refit_every)
    return refit_along(key.market.history, VolatilitySpec.parse(spec), plan)


@lru_cache(maxsize=12)
def _run(
    key: MarketKey, spec: str, method: TailMethod, question: TailQuestion, plan: BacktestPlan
) -> Backtest:
    return backtest(
        key.market.history,
        VolatilitySpec.parse(spec),
        method=method,
        question=question,
        plan=plan,
        refits=_refits(key, spec, plan.minimum_bars, plan.refit_every),
    )


def _between(whole: Backtest, first: pd.Timestamp, last: pd.Timestamp) -> Backtest:
    start = whole.table["start"]
    inside = ((start >= first) & (start < last)).to_numpy()
    table = whole.table[inside].reset_index(drop=True)
    return replace(whole, table=table, beyond=whole.beyond[inside])


def _long_run(market: Market, bars: int, part: pd.DataFrame) -> pd.Series:
    """Standard deviation of all returns up to each origin, over the horizon."""
    level = long_run_level(log_returns(market.history).values, math.sqrt(bars))
    return pd.Series(level.loc[part["origin"]].to_numpy(), part.index)
