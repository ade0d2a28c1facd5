"""The whole review of a model on one history: coverage, lags, overlays, baselines, crashes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import stats

from riskkit.market.history import PriceHistory
from riskkit.market.ranges import moves_to_extremes
from riskkit.market.returns import log_returns
from riskkit.position import Side
from riskkit.tail.baselines import (
    ewma_normal,
    ewma_volatility,
    fixed_leverage,
    smart_ltv,
    student_margin,
)
from riskkit.tail.horizon import TailQuestion
from riskkit.tail.onebar import capped_loss
from riskkit.tail.shocks import TailMethod
from riskkit.units import count_bars
from riskkit.validation.backtest import Backtest, BacktestPlan, Progress, backtest, refit_along
from riskkit.validation.battery import SideReport, run_battery, side_report
from riskkit.validation.coverage import TrafficLight, traffic_light
from riskkit.validation.crashes import AT_EXTREME, CrashLedger, CrashMarket, crash_ledger
from riskkit.validation.procyclicality import margin_behaviour
from riskkit.validation.scores import ScoreComparison, diebold_mariano, fz0_score
from riskkit.validation.verdict import Verdict
from riskkit.venue.margin import maintenance_margin
from riskkit.venue.procyclicality import (
    Buffer,
    Cap,
    Floor,
    Overlay,
    SpeedLimit,
    StressedWeight,
    apply_overlays,
    long_run_level,
)
from riskkit.volatility.spec import VolatilitySpec

DAYS_OF_LAG = (0, 1, 3, 7)
FIXED_LEVERAGE = 10.0


@dataclass(frozen=True)
class Review:
    """What a model validation asks of a margin model on one history.

    Attributes
    ----------
    one_bar, period : Backtest
        VaR of one bar, and of the margin period of risk (disjoint periods); the same object where
        the margin period is one bar. Margins, overlays, baselines and crashes rest on ``period``.
    lagged : mapping of int to Backtest
        ``period`` with margins in force that many days after their origin; 0 is ``period``.
    reports : tuple of SideReport
        Of one bar, then of the margin period if longer; both sides of each.
    batteries : mapping of Side to list of Verdict
        Every test on one bar.
    lights : mapping of Side to TrafficLight
        Of one bar.
    lags, overlays, baselines : DataFrame
        Rows by (lag in days | overlay | formula) and side.
    against_ewma : ScoreComparison
        FZ0 of ``period``, both sides averaged, less that of EWMA-normal-sqrt(h).
    ledger : CrashLedger
    """

    one_bar: Backtest
    period: Backtest
    lagged: Mapping[int, Backtest] = field(repr=False)
    reports: tuple[SideReport, ...]
    batteries: Mapping[Side, list[Verdict]] = field(repr=False)
    lights: Mapping[Side, TrafficLight]
    lags: pd.DataFrame = field(repr=False)
    overlays: pd.DataFrame = field(repr=False)
    baselines: pd.DataFrame = field(repr=False)
    against_ewma: ScoreComparison
    ledger: CrashLedger

    def table(self) -> pd.DataFrame:
        """Every row of every backtest; ``bars`` and ``lag_days`` tell them apart."""
        parts = [(self.one_bar, 0)] if self.one_bar is not self.period else []
        parts += [(result, days) for days, result in self.lagged.items()]
        tables = [
            result.table.assign(bars=result.question.bars, lag_days=days) for result, days in parts
        ]
        return pd.concat(tables, ignore_index=True)


def review(
    history: PriceHistory,
    spec: VolatilitySpec,
    *,
    method: TailMethod,
    question: TailQuestion,
    plan: BacktestPlan,
    market: CrashMarket,
    days: Sequence[int] = DAYS_OF_LAG,
    seed: int,
    progress: Progress | None = None,
) -> Review:
    """Backtest a model over one bar and over the margin period of risk, and judge it.

    Parameters
    ----------
    question : TailQuestion
        Its ``bars`` are the margin period of risk.
    plan : BacktestPlan
        Without a lag of its own: ``days`` say the lags, and 0 is always among them.
    market : CrashMarket
        Whose crashes are replayed.
    seed : int
        Of the simulated p-values.
    progress : callable, optional
        Called with (backtests done, backtests in all).

    Raises
    ------
    InputError
        If the history is too short for the horizon, the longest lag or the tests.
    """
    lags = list(dict.fromkeys([0, *days]))
    refits = refit_along(history, spec, plan)
    total, done = len(lags) + (question.bars > 1), 0

    def run(bars: int, lag: int) -> Backtest:
        nonlocal done
        result = backtest(
            history,
            spec,
            method=method,
            question=replace(question, bars=bars),
            plan=replace(plan, apply_lag=lag),
            refits=refits,
        )
        done += 1
        if progress is not None:
            progress(done, total)
        return result

    lagged = {day: run(question.bars, lag_in_bars(history, day)) for day in lags}
    period = lagged[0]
    one_bar = run(1, 0) if question.bars > 1 else period
    judged = [one_bar] if one_bar is period else [one_bar, period]
    probability = 1.0 - question.confidence
    return Review(
        one_bar=one_bar,
        period=period,
        lagged=lagged,
        reports=tuple(side_report(result, side) for result in judged for side in Side),
        batteries={side: run_battery(one_bar, side, seed=seed) for side in Side},
        lights={side: traffic_light(one_bar.side(side)["exception"], probability) for side in Side},
        lags=lag_table(lagged),
        overlays=overlay_table(period, history),
        baselines=baseline_table(period, history),
        against_ewma=against_ewma(period, history),
        ledger=crash_ledger(
            _at_extremes(period, history) if plan.extremes else period.table, market
        ),
    )


def _at_extremes(result: Backtest, history: PriceHistory) -> pd.DataFrame:
    """The table with the margin that a close-out at the extreme of each target bar called for."""
    times, table = pd.DatetimeIndex(history.bars.index), result.table
    start, target = (times.get_indexer(pd.DatetimeIndex(table[n])) for n in ("start", "target"))
    needed = np.empty(len(table))
    for side in Side:
        mine = np.flatnonzero((table["side"] == side.value).to_numpy())
        moved = moves_to_extremes(history, start[mine], target[mine], side)
        loss = capped_loss(moved, side, result.question.contract, result.question.cap)
        costs = {"slippage": result.plan.slippage, "fee": result.plan.fee}
        needed[mine] = maintenance_margin(loss, side, **costs)
    return table.assign(**{AT_EXTREME: needed})


def lag_in_bars(history: PriceHistory, days: int) -> int:
    """Days of governance in bars, rounded up; a session calendar's day is one bar or more."""
    return int(count_bars(pd.Timedelta(days=days), history.bar).bars)


def lag_table(lagged: Mapping[int, Backtest]) -> pd.DataFrame:
    """Coverage and breaches of margins that take effect late, by lag in days and side."""
    rows = []
    for days, result in lagged.items():
        for side in Side:
            report, part = side_report(result, side), result.side(side)
            short = (part["needed"] - part["margin"]).clip(lower=0.0)
            rows.append(
                {
                    "lag_days": days,
                    "side": side.value,
                    "observations": report.observations,
                    "exceptions": report.exceptions,
                    "low": report.low,
                    "high": report.high,
                    "conditional_coverage": report.conditional_coverage,
                    "breaches": int((short > 0.0).sum()),
                    "largest_shortfall": float(short.max()),
                }
            )
    return pd.DataFrame(rows).set_index(["lag_days", "side"])


def overlay_table(result: Backtest, history: PriceHistory) -> pd.DataFrame:
    """Behaviour of the margin under each anti-procyclicality tool, by tool and side.

    Levels come from the margins published so far, and the floor from the volatility of all
    returns so far: nothing looks ahead.
    """
    z = float(stats.norm.ppf(result.question.confidence))
    floor = long_run_level(log_returns(history).values, z * math.sqrt(result.question.bars))
    rows = {}
    for side in Side:
        part = result.side(side)
        margin = part["margin"]
        long_run = pd.Series(floor.loc[part["origin"]].to_numpy(), margin.index)
        distances = [n for n in (1, 5, 20) if n < len(margin)]
        for name, overlays in _overlays(margin, long_run).items():
            adjusted = apply_overlays(margin, overlays)
            behaviour = margin_behaviour(adjusted, part["needed"], distances)
            rows[name, side.value] = behaviour.summary()
    table = pd.DataFrame(rows).T.rename_axis(["overlay", "side"])
    return table.sort_index(level=0, sort_remaining=False, key=_as_listed)


def _overlays(margin: pd.Series, long_run: pd.Series) -> dict[str, tuple[Overlay, ...]]:
    past = margin.expanding()
    release, stressed = past.quantile(0.95), past.max()
    buffer, floor, limit = Buffer(release), Floor(long_run), SpeedLimit(1.5, bars=5)
    return dict(
        zip(
            OVERLAYS,
            (
                (),
                (buffer,),
                (StressedWeight(stressed),),
                (floor,),
                (Cap(release),),
                (limit,),
                (buffer, floor, limit),
            ),
            strict=True,
        )
    )


OVERLAYS = (
    "none",
    "25 % buffer",
    "25 % stressed",
    "long-run floor",
    "cap at past 95 %",
    "speed limit 1.5x in 5",
    "buffer, floor, limit",
)


def _as_listed(names: pd.Index) -> pd.Index:
    return pd.Index([OVERLAYS.index(name) for name in names])


def baseline_table(result: Backtest, history: PriceHistory) -> pd.DataFrame:
    """The model beside what a user would pick instead, as margins for the same losses.

    Costs and overlays are left out on both sides: a formula's VaR against the loss. SmartLTV
    stands with liquidity equal to debt, no bonus, and the normal quantile as its factor; the
    Student margin is an ES, so its rate is meant to be below the target.
    """
    rows = {}
    for side in Side:
        part = result.side(side)
        for name, margin in _formulas(result, history, side).items():
            loss = part["loss"]
            behaviour = margin_behaviour(pd.Series(margin, part.index), loss, bars=(1,))
            rows[name, side.value] = {
                "exceptions": behaviour.breaches,
                "rate": behaviour.breach_rate,
                "mean margin": behaviour.mean_margin,
                "peak to trough": behaviour.peak_to_trough,
                "mean shortfall": behaviour.mean_shortfall,
                "largest shortfall": behaviour.largest_shortfall,
            }
    return pd.DataFrame(rows).T.rename_axis(["formula", "side"])


def _formulas(result: Backtest, history: PriceHistory, side: Side) -> dict[str, np.ndarray]:
    part, q = result.side(side), result.question
    p, sigma = 1.0 - q.confidence, _ewma_sigma(part, history)
    formulas = {
        f"riskkit {result.spec.name}, {result.method.value}": part["var"].to_numpy(),
        "EWMA, normal, sqrt(h)": ewma_normal(sigma, p, q.bars, side)[0],
        "ES of a Student t (6)": student_margin(sigma, p, q.bars, side)[1],
        f"fixed leverage {FIXED_LEVERAGE:g}x": fixed_leverage(FIXED_LEVERAGE, len(part)),
    }
    if side is Side.LONG:
        factor = float(stats.norm.ppf(q.confidence))
        one = np.ones(len(part))
        formulas["SmartLTV, 1 - LTV"] = 1.0 - smart_ltv(
            sigma * math.sqrt(q.bars), one, one, 0.0, factor
        )
    return formulas


def against_ewma(result: Backtest, history: PriceHistory) -> ScoreComparison:
    """Diebold-Mariano test on FZ0, both sides averaged: the model less EWMA-normal-sqrt(h)."""
    p, bars = 1.0 - result.question.confidence, result.question.bars
    own, other = [], []
    for side in Side:
        part = result.side(side)
        own.append(fz0_score(part["loss"], part["var"], part["es"], p))
        var, es = ewma_normal(_ewma_sigma(part, history), p, bars, side)
        other.append(fz0_score(part["loss"], var, es, p))
    return diebold_mariano(np.mean(own, axis=0), np.mean(other, axis=0))


def _ewma_sigma(part: pd.DataFrame, history: PriceHistory) -> np.ndarray:
    returns = log_returns(history)
    sigma = pd.Series(ewma_volatility(returns.array)[1:], returns.target)
    return sigma.loc[part["origin"]].to_numpy()
