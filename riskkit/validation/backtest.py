"""Walk-forward backtest: every forecast made with the information a venue would have had.

At each update the tail is formed from parameters of the last refit (expanding window) and today's
sigma. The margin takes effect ``apply_lag`` bars later and stays in force until the next update
does: governance takes days, and published margins stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.returns import log_returns
from riskkit.position import Side
from riskkit.tail.horizon import TailQuestion
from riskkit.tail.onebar import capped_loss
from riskkit.tail.shocks import TailMethod
from riskkit.tail.tracker import Tracked, rate_of
from riskkit.validation.forecasts import WORDS, Record, Rows, correct, forecast
from riskkit.validation.periods import evaluated_periods, refit_segments, too_short
from riskkit.venue.margin import maintenance_margin
from riskkit.venue.procyclicality import Overlay, apply_overlays
from riskkit.volatility.refits import Refits, refit_expanding
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walk import observed_by

Array = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]


COLUMNS = (
    "side", "origin", "start", "target", "loss", "var", "es", "margin", "needed", "exception",
    "tail_probability", "sigma", *WORDS,
)  # fmt: skip
"""Columns of a backtest's table, in order."""


@dataclass(frozen=True)
class BacktestPlan:
    """How a backtest runs; change one with `dataclasses.replace`.

    Attributes
    ----------
    minimum_bars : int
        Returns before the first forecast.
    refit_every, update_every : int
        Bars between refits of the parameters, and between publications of the margin.
    apply_lag : int
        Bars from the origin of a forecast to the bar at whose close it takes effect.
    slippage, fee : float
        Cost of closing out, fractions of notional; they enter the margin and not VaR.
    overlays : sequence of Overlay
        Applied to the margin of each side, in order.
    correction_rate : float
        At which each side's VaR is corrected by its own record (`riskkit.tail.tracker`); 0 leaves
        it alone.
    extremes : bool
        Whether a crash ledger also judges close-outs at the adverse extremes of their bars.
    """

    minimum_bars: int = 500
    refit_every: int = 1
    update_every: int = 1
    apply_lag: int = 0
    slippage: float = 0.0
    fee: float = 0.0
    overlays: Sequence[Overlay] = ()
    correction_rate: float = 0.0
    extremes: bool = False


@dataclass(frozen=True)
class Backtest:
    """A walk-forward backtest.

    Attributes
    ----------
    asset : str
    spec : VolatilitySpec
    method : TailMethod
    question : TailQuestion
    plan : BacktestPlan
    table : DataFrame
        One row per evaluated period and side, in order of side and start: ``side``; ``origin``
        (last bar of information), ``start`` (bar at whose close the position is exposed),
        ``target`` (bar whose close ends the period); ``loss`` (simple, realised, capped as the
        question says), ``var``, ``es``, ``margin`` (in force, costs and overlays included),
        ``needed`` (the margin that the loss called for, costs included), ``exception``
        (loss > VaR), ``tail_probability`` (of a larger loss), ``sigma`` (of the bar after
        origin), ``fit_origin``, ``model``, ``tail``, ``health``. Periods of several bars do not
        overlap.
    skipped : DataFrame
        ``start`` and ``reason`` of the periods without a realised loss.
    beyond : ndarray, shape (rows, 25)
        Equally likely losses beyond VaR, row by row of ``table``: the null of Acerbi-Szekely.
    refits : int
    """

    asset: str
    spec: VolatilitySpec
    method: TailMethod
    question: TailQuestion
    plan: BacktestPlan
    table: pd.DataFrame = field(repr=False)
    skipped: pd.DataFrame = field(repr=False)
    beyond: Array = field(repr=False)
    refits: int

    def side(self, side: Side) -> pd.DataFrame:
        """Rows of one side, indexed by target."""
        return self.table[self.table["side"] == side.value].set_index("target")

    def beyond_of(self, side: Side) -> Array:
        """Rows of ``beyond`` that belong to `side`, same order."""
        return self.beyond[(self.table["side"] == side.value).to_numpy()]


def backtest(
    history: PriceHistory,
    spec: VolatilitySpec,
    *,
    method: TailMethod = TailMethod.FILTERED,
    question: TailQuestion = TailQuestion(),  # noqa: B008 - a frozen value
    plan: BacktestPlan = BacktestPlan(),
    refits: Refits | None = None,
    progress: Progress | None = None,
) -> Backtest:
    """Backtest a model along a history, both sides, out of sample.

    Parameters
    ----------
    history : PriceHistory
    spec : VolatilitySpec
    method : TailMethod
    question : TailQuestion
        Confidence, horizon, contract, cap.
    plan : BacktestPlan
    refits : Refits, optional
        Those of `refit_along` for the same history, spec, ``minimum_bars`` and ``refit_every``,
        to compare tails, lags or horizons without fitting again.
    progress : callable, optional
        Called with (refits done, refits in all).

    Returns
    -------
    Backtest

    Raises
    ------
    InputError
        If the history is too short for the first forecast, its lag and its horizon.
    """
    _check(plan)
    returns = observed_by(log_returns(history), spec)
    periods, skipped = evaluated_periods(
        history,
        pd.DatetimeIndex(returns.index),
        first=plan.minimum_bars,
        lag=plan.apply_lag,
        every=plan.update_every,
        bars=question.bars,
    )
    segments = list(
        refit_segments(periods["origin"].to_numpy(), plan.minimum_bars, plan.refit_every)
    )
    if refits is None:
        refits = refit_expanding(returns, spec, plan.minimum_bars, plan.refit_every)
    refits.require(returns, spec, np.array([position for position, _ in segments]))
    losses = {
        side: capped_loss(periods["move"].to_numpy(), side, question.contract, question.cap)
        for side in Side
    }
    rows = Rows.empty(len(periods))
    record = Record(
        losses,
        periods["origin"].to_numpy(dtype=np.int64),
        np.searchsorted(returns.index, periods["target"]).astype(np.int64),
    )
    probability, trackers = 1.0 - question.confidence, dict.fromkeys(Side, Tracked())
    step = rate_of(probability, 1, plan.correction_rate)
    for done, (position, chosen) in enumerate(segments, start=1):
        origins = record.origin[chosen]
        fit = refits.at(position)
        tail, wider = forecast(rows, chosen, returns, fit, method, question, origins)
        for side, loss in losses.items():
            if step > 0.0:
                tracked = correct(rows, side, chosen, record, trackers[side], step, probability)
                trackers[side] = tracked
            seen = loss[chosen] / np.exp(rows.levels[side][chosen])
            rows.risk[side][chosen, 2] = tail.tail_probability(wider[side], seen, side)
        if progress is not None:
            progress(done, len(segments))
    table = pd.concat(
        [_side_table(side, periods, returns.index, losses[side], rows, question) for side in Side],
        ignore_index=True,
    )
    table["margin"], table["needed"] = _margins(table, plan)
    return Backtest(
        asset=history.asset,
        spec=spec,
        method=method,
        question=question,
        plan=plan,
        table=table[list(COLUMNS)],
        skipped=skipped,
        beyond=np.concatenate(
            [rows.beyond[side] * np.exp(rows.levels[side])[:, None] for side in Side]
        ),
        refits=len(segments),
    )


def refit_along(history: PriceHistory, spec: VolatilitySpec, plan: BacktestPlan) -> Refits:
    """The fits a backtest makes along a history, to be shared by several backtests."""
    _check(plan)
    returns = observed_by(log_returns(history), spec)
    if len(returns) < plan.minimum_bars:
        raise too_short(len(returns), plan.minimum_bars, 0)
    return refit_expanding(returns, spec, plan.minimum_bars, plan.refit_every)


def _check(plan: BacktestPlan) -> None:
    for name, value, low in (
        ("minimum_bars", plan.minimum_bars, 100),
        ("refit_every", plan.refit_every, 1),
        ("update_every", plan.update_every, 1),
        ("apply_lag", plan.apply_lag, 0),
    ):
        if value < low:
            raise InputError(name, value, f"must be at least {low}", "Give a number of bars")


def _side_table(
    side: Side,
    periods: pd.DataFrame,
    index: pd.Index,
    loss: Array,
    rows: Rows,
    question: TailQuestion,
) -> pd.DataFrame:
    correction = np.exp(rows.levels[side])
    cap = np.inf if question.cap is None else question.cap
    var, es = (
        np.minimum(before * correction, np.maximum(cap, before))
        for before in rows.risk[side][:, :2].T
    )
    probability = rows.risk[side][:, 2]
    table = pd.DataFrame(
        {
            "side": side.value,
            "origin": index[periods["origin"].to_numpy()],
            "start": periods["start"].to_numpy(),
            "target": periods["target"].to_numpy(),
            "loss": loss,
            "var": var,
            "es": es,
            "exception": loss > var,
            "tail_probability": probability,
            "sigma": rows.sigma,
            **{name: rows.words[:, j] for j, name in enumerate(WORDS)},
        }
    )
    return table.assign(
        start=pd.DatetimeIndex(periods["start"]),
        target=pd.DatetimeIndex(periods["target"]),
        fit_origin=pd.DatetimeIndex(table["fit_origin"]),
    )


def _margins(table: pd.DataFrame, plan: BacktestPlan) -> tuple[Array, Array]:
    """Margin in force and margin needed, in the rows of the table."""
    margin, needed = np.empty(len(table)), np.empty(len(table))
    costs = {"slippage": plan.slippage, "fee": plan.fee}
    for side in Side:
        rows = (table["side"] == side.value).to_numpy()
        plain = maintenance_margin(table.loc[rows, "var"].to_numpy(), side, **costs)
        needed[rows] = maintenance_margin(table.loc[rows, "loss"].to_numpy(), side, **costs)
        series = pd.Series(plain, pd.DatetimeIndex(table.loc[rows, "target"]), name="margin")
        margin[rows] = apply_overlays(series, plan.overlays).to_numpy()
    return margin, needed
