"""Walk-forward backtest: every forecast made with the information a venue would have had.

At each update the tail is formed from parameters of the last refit (expanding window) and today's
sigma. The margin takes effect ``apply_lag`` bars later and stays in force until the next update
does: governance takes days, and published margins stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.calendar import hole_before
from riskkit.market.history import PriceHistory
from riskkit.market.returns import log_returns
from riskkit.tail.horizon import TailQuestion, horizon_tail
from riskkit.tail.losses import Side
from riskkit.tail.onebar import capped_loss
from riskkit.tail.shocks import TailMethod
from riskkit.validation.overlap import disjoint_buckets
from riskkit.venue.margin import maintenance_margin
from riskkit.venue.procyclicality import Overlay, apply_overlays
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


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
    refit_every: int = 30
    update_every: int = 1
    apply_lag: int = 0
    slippage: float = 0.0
    fee: float = 0.0
    overlays: Sequence[Overlay] = ()


#: Fits of a walk-forward by their origin.
Fits = Mapping[pd.Timestamp, VolatilityFit]


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
        question says), ``var``, ``es``, ``margin``, ``exception`` (loss > VaR),
        ``tail_probability`` (of a larger loss), ``sigma`` (of the bar after origin),
        ``fit_origin``, ``model``, ``tail``, ``health``. Periods of several bars do not overlap.
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
    fits: Fits | None = None,
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
    fits : mapping of Timestamp to VolatilityFit, optional
        Fits of `refit_along` for the same history, spec, ``minimum_bars`` and ``refit_every``, to
        compare tails, lags or horizons without fitting again.

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
    periods, skipped = _periods(history, pd.DatetimeIndex(returns.index), plan, question.bars)
    segments = list(_segments(periods["origin"].to_numpy(), plan))
    parts = []
    for refit, rows in segments:
        fit = _fit_at(returns, spec, refit, fits)
        parts.append(_forecast(returns, fit, method, question, periods.iloc[rows]))
    frames = [frame for part in parts for frame, _ in part]
    beyond = np.concatenate([tails for part in parts for _, tails in part])
    table = pd.concat(frames, ignore_index=True)
    order = table.sort_values(["side", "start"], kind="stable").index
    table, beyond = table.loc[order].reset_index(drop=True), beyond[order.to_numpy()]
    table["margin"] = _margins(table, plan)
    return Backtest(
        asset=history.asset,
        spec=spec,
        method=method,
        question=question,
        plan=plan,
        table=table,
        skipped=skipped,
        beyond=beyond,
        refits=len(segments),
    )


def refit_along(history: PriceHistory, spec: VolatilitySpec, plan: BacktestPlan) -> Fits:
    """The fits a backtest makes along a history, by origin."""
    _check(plan)
    returns = log_returns(history).values
    positions = range(plan.minimum_bars - 1, len(returns), plan.refit_every)
    made = [fit_volatility(returns.iloc[: k + 1], spec) for k in positions]
    return {fit.origin: fit for fit in made}


def _fit_at(
    returns: pd.Series, spec: VolatilitySpec, position: int, fits: Fits | None
) -> VolatilityFit:
    past = returns.iloc[: position + 1]
    if fits is None:
        return fit_volatility(past, spec)
    fit = fits.get(past.index[-1])
    if fit is None or fit.requested != spec or not fit.sigma.index.equals(past.index):
        raise InputError(
            "fits",
            f"none of {spec.name} with origin {past.index[-1]}",
            "must hold every refit of this history, spec and plan",
            "Make them with refit_along, or leave fits out",
        )
    return fit


def _check(plan: BacktestPlan) -> None:
    for name, value, low in (
        ("minimum_bars", plan.minimum_bars, 100),
        ("refit_every", plan.refit_every, 1),
        ("update_every", plan.update_every, 1),
        ("apply_lag", plan.apply_lag, 0),
    ):
        if value < low:
            raise InputError(name, value, f"must be at least {low}", "Give a number of bars")


def _periods(
    history: PriceHistory, targets: pd.DatetimeIndex, plan: BacktestPlan, bars: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Evaluated periods: positions of origin and start among the returns, target, realised move."""
    first = plan.minimum_bars - 1
    start = np.arange(first + plan.apply_lag, len(targets))
    if start.size == 0:
        raise InputError(
            "history",
            f"{len(targets)} returns",
            f"needs more than minimum_bars + apply_lag = {first + 1 + plan.apply_lag}",
            "Load a longer history",
        )
    origin = first + (start - plan.apply_lag - first) // plan.update_every * plan.update_every
    times = pd.DatetimeIndex(history.bars.index)
    logs = np.log(history.close.to_numpy(dtype=np.float64))
    holes = np.cumsum(hole_before(times, history.bar, history.calendar))
    at = times.get_indexer(targets[start])
    inside = at + bars < len(times)
    end = np.where(inside, at + bars, at)
    whole = holes[end] == holes[at]
    skipped = pd.DataFrame(
        {
            "start": targets[start],
            "reason": np.where(inside, "crosses a hole", "history ends first"),
        }
    )[~(inside & whole)].reset_index(drop=True)
    keep = inside & whole
    if not keep.any():
        raise InputError(
            "bars",
            bars,
            "no period of this length fits after the first forecast",
            "Shorten the horizon or load a longer history",
        )
    periods = pd.DataFrame(
        {
            "origin": origin[keep],
            "start": targets[start[keep]],
            "target": times[end[keep]],
            "move": logs[end[keep]] - logs[at[keep]],
        }
    )
    if bars > 1:
        rows = disjoint_buckets(
            pd.DatetimeIndex(periods["start"]), pd.DatetimeIndex(periods["target"])
        )
        periods = periods.iloc[rows]
    return periods.reset_index(drop=True), skipped


def _segments(origins: Indices, plan: BacktestPlan) -> Iterator[tuple[int, Indices]]:
    """Position of each refit that is used, and the rows whose forecasts rest on it."""
    first = plan.minimum_bars - 1
    refit = first + (origins - first) // plan.refit_every * plan.refit_every
    for position in np.unique(refit):
        yield int(position), np.flatnonzero(refit == position)


def _forecast(
    returns: pd.Series,
    fit: VolatilityFit,
    method: TailMethod,
    question: TailQuestion,
    periods: pd.DataFrame,
) -> list[tuple[pd.DataFrame, Array]]:
    """Forecasts that rest on one fit, both sides; nothing after an origin is used for it."""
    origins = periods["origin"].to_numpy()
    filtered = filter_returns(fit, returns.iloc[: origins.max() + 1])
    ahead = np.append(filtered.sigma.to_numpy(dtype=np.float64)[1:], filtered.next_sigma)
    sigma = ahead[origins]
    tail_name, health = method.value, fit.health.statement
    if fit.fallbacks:
        health += "; " + "; ".join(f"{f.spec.name} refused: {f.reason}" for f in fit.fallbacks)
    span = {"low": float(sigma.min()), "high": float(sigma.max())}
    values = returns.loc[: fit.origin].to_numpy(dtype=np.float64)
    try:
        tail = horizon_tail(method, question, fit, values, **span)
    except InputError as error:
        if method is not TailMethod.EXTREMES or error.argument != "losses":
            raise
        tail = horizon_tail(TailMethod.FILTERED, question, fit, values, **span)
        tail_name, health = TailMethod.FILTERED.value, f"{health}; Pareto tail refused: {error}"
    parts = []
    for side in Side:
        var, es = tail.risk(sigma, side)
        loss = capped_loss(periods["move"].to_numpy(), side, question.contract, question.cap)
        frame = pd.DataFrame(
            {
                "side": side.value,
                "origin": returns.index[origins],
                "start": periods["start"].to_numpy(),
                "target": periods["target"].to_numpy(),
                "loss": loss,
                "var": var,
                "es": es,
                "margin": var,
                "exception": loss > var,
                "tail_probability": tail.tail_probability(sigma, loss, side),
                "sigma": sigma,
                "fit_origin": fit.origin,
                "model": fit.spec.name,
                "tail": tail_name,
                "health": health,
            }
        )
        parts.append((frame, tail.beyond(sigma, side)))
    return parts


def _margins(table: pd.DataFrame, plan: BacktestPlan) -> Array:
    margin = np.empty(len(table))
    for side in Side:
        rows = (table["side"] == side.value).to_numpy()
        plain = maintenance_margin(
            table.loc[rows, "var"].to_numpy(), side, slippage=plan.slippage, fee=plan.fee
        )
        series = pd.Series(plain, pd.DatetimeIndex(table.loc[rows, "target"]), name="margin")
        margin[rows] = apply_overlays(series, plan.overlays).to_numpy()
    return margin
