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
from riskkit.tail.horizon import DEPTHS, TailQuestion, horizon_tail
from riskkit.tail.onebar import capped_loss
from riskkit.tail.shocks import TailMethod
from riskkit.validation.periods import Indices, evaluated_periods, refit_segments, too_short
from riskkit.venue.margin import maintenance_margin
from riskkit.venue.procyclicality import Overlay, apply_overlays
from riskkit.volatility.refits import Refits, refit_expanding
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walk import sigma_ahead

Array = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]


WORDS = ("fit_origin", "model", "tail", "health")
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
    """

    minimum_bars: int = 500
    refit_every: int = 1
    update_every: int = 1
    apply_lag: int = 0
    slippage: float = 0.0
    fee: float = 0.0
    overlays: Sequence[Overlay] = ()


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
    returns = log_returns(history).values
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
    rows = _Rows.empty(len(periods))
    for done, (position, chosen) in enumerate(segments, start=1):
        origins = periods["origin"].to_numpy()[chosen]
        seen = {side: loss[chosen] for side, loss in losses.items()}
        _forecast(rows, chosen, returns, refits.at(position), method, question, origins, seen)
        if progress is not None:
            progress(done, len(segments))
    table = pd.concat(
        [_side_table(side, periods, returns.index, losses[side], rows) for side in Side],
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
        beyond=np.concatenate([rows.beyond[side] for side in Side]),
        refits=len(segments),
    )


def refit_along(history: PriceHistory, spec: VolatilitySpec, plan: BacktestPlan) -> Refits:
    """The fits a backtest makes along a history, to be shared by several backtests."""
    _check(plan)
    returns = log_returns(history).values
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


@dataclass(frozen=True)
class _Rows:
    """Forecasts of one side of every period, filled segment by segment."""

    risk: dict[Side, Array]
    beyond: dict[Side, Array]
    sigma: Array
    words: npt.NDArray[np.object_]

    @classmethod
    def empty(cls, n: int) -> _Rows:
        return cls(
            risk={side: np.empty((n, 3)) for side in Side},
            beyond={side: np.empty((n, DEPTHS)) for side in Side},
            sigma=np.empty(n),
            words=np.empty((n, len(WORDS)), dtype=object),
        )


def _forecast(
    rows: _Rows,
    chosen: Indices,
    returns: pd.Series,
    fit: VolatilityFit,
    method: TailMethod,
    question: TailQuestion,
    origins: Indices,
    losses: dict[Side, Array],
) -> None:
    """Forecasts that rest on one fit, both sides; nothing after an origin is used for it."""
    sigma = _sigma_ahead(fit, returns, origins)
    tail_name, health = method.value, fit.health.statement
    if fit.fallbacks:
        health += "; " + "; ".join(f"{f.spec.name} refused: {f.reason}" for f in fit.fallbacks)
    span = {"low": float(sigma.min()), "high": float(sigma.max())}
    values = returns.iloc[: len(fit.sigma)].to_numpy(dtype=np.float64)
    try:
        tail = horizon_tail(method, question, fit, values, **span)
    except InputError as error:
        if method is not TailMethod.EXTREMES or error.argument != "losses":
            raise
        tail = horizon_tail(TailMethod.FILTERED, question, fit, values, **span)
        tail_name, health = TailMethod.FILTERED.value, f"{health}; Pareto tail refused: {error}"
    rows.sigma[chosen] = sigma
    rows.words[chosen] = [fit.origin, fit.spec.name, tail_name, health]
    for side in Side:
        var, es = tail.risk(sigma, side)
        rows.risk[side][chosen] = np.column_stack(
            [var, es, tail.tail_probability(sigma, losses[side], side)]
        )
        rows.beyond[side][chosen] = tail.beyond(sigma, side, var, es)


def _sigma_ahead(fit: VolatilityFit, returns: pd.Series, origins: Indices) -> Array:
    """Sigma of the bar after each origin, with the parameters of the fit."""
    last = int(origins.max())
    if returns.index[last] == fit.origin:
        return np.full(origins.size, fit.next_sigma)
    return sigma_ahead(fit, returns.iloc[: last + 1])[origins - last - 1]


def _side_table(
    side: Side, periods: pd.DataFrame, index: pd.Index, loss: Array, rows: _Rows
) -> pd.DataFrame:
    var, es, probability = rows.risk[side].T
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
