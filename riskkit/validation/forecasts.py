"""The forecasts of a backtest: rows of both sides, filled refit by refit, corrected as they go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.returns import LOG_RETURN
from riskkit.paths.model import PathModel
from riskkit.position import Side
from riskkit.tail.ahead import volatility_ahead
from riskkit.tail.horizon import DEPTHS, HorizonTail, TailQuestion, horizon_tail
from riskkit.tail.shocks import TailMethod
from riskkit.tail.sides import side_factors
from riskkit.tail.tracker import Ints, Tracked, track
from riskkit.validation.periods import Indices
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.walk import sigma_ahead, slow_ahead

Array = npt.NDArray[np.float64]

WORDS = ("fit_origin", "model", "tail", "health")


@dataclass(frozen=True)
class Rows:
    """Forecasts of both sides of every period, filled segment by segment.

    Attributes
    ----------
    risk : mapping of Side to ndarray (n, 3)
        VaR and ES before correction, and the probability of a larger loss than came.
    beyond : mapping of Side to ndarray (n, 25)
        Equally likely losses beyond VaR, before correction.
    levels : mapping of Side to ndarray (n,)
        Logs of the corrections.
    sigma : ndarray (n,)
    words : ndarray (n, 4)
        As `WORDS` names them.
    """

    risk: dict[Side, Array]
    beyond: dict[Side, Array]
    levels: dict[Side, Array]
    sigma: Array
    words: npt.NDArray[np.object_]

    @classmethod
    def empty(cls, n: int) -> Rows:
        """Rows for n periods, to be filled."""
        return cls(
            risk={side: np.empty((n, 3)) for side in Side},
            beyond={side: np.empty((n, DEPTHS)) for side in Side},
            levels={side: np.zeros(n) for side in Side},
            sigma=np.empty(n),
            words=np.empty((n, len(WORDS)), dtype=object),
        )


@dataclass(frozen=True)
class Record:
    """The losses that came, and the bars at which each forecast was made and its loss ended."""

    losses: dict[Side, Array]
    origin: Ints
    end: Ints


def forecast(
    rows: Rows,
    chosen: Indices,
    returns: pd.Series | pd.DataFrame,
    fit: VolatilityFit,
    method: TailMethod,
    question: TailQuestion,
    origins: Indices,
) -> tuple[HorizonTail, dict[Side, Array]]:
    """Forecasts that rest on one fit, both sides; nothing after an origin is used for it."""
    sigma, wider = _ahead(fit, returns, origins, question)
    tail_name, health = method.value, fit.health.statement
    if fit.fallbacks:
        health += "; " + "; ".join(f"{f.spec.name} refused: {f.reason}" for f in fit.fallbacks)
    every = np.concatenate(list(wider.values()))
    span = {"low": float(every.min()), "high": float(every.max())}
    past = returns.iloc[: len(fit.sigma)]
    values = (past if isinstance(past, pd.Series) else past[LOG_RETURN]).to_numpy(dtype=np.float64)
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
        var, es = tail.risk(wider[side], side)
        rows.risk[side][chosen, 0], rows.risk[side][chosen, 1] = var, es
        rows.beyond[side][chosen] = tail.beyond(wider[side], side, var, es)
    return tail, wider


def correct(
    rows: Rows, side: Side, chosen: Indices, record: Record, begun: Tracked, step: float, p: float
) -> Tracked:
    """The level of each VaR of a segment, from the losses that had ended by its origin."""
    until = int(chosen[-1]) + 1
    return track(
        record.losses[side][:until] / rows.risk[side][:until, 0],
        record.origin,
        record.end,
        rows.levels[side][:until],
        begun,
        first=int(chosen[0]),
        probability=p,
        step=step,
    )


def _ahead(
    fit: VolatilityFit,
    returns: pd.Series | pd.DataFrame,
    origins: Indices,
    question: TailQuestion,
) -> tuple[Array, dict[Side, Array]]:
    """Sigma of the bar after each origin under the fit, and what each side makes of it."""
    last = int(origins.max())
    plain = question.memory is None and fit.slow is None and fit.season is None
    if returns.index[last] == fit.origin and plain:
        sigma = np.full(origins.size, fit.next_sigma)
        return sigma, dict.fromkeys(Side, sigma)
    known, at = returns.iloc[: last + 1], origins - last - 1
    sigma = sigma_ahead(fit, known)[at]
    over = sigma
    if fit.slow is not None or fit.season is not None:
        slow = None if fit.slow is None else slow_ahead(fit, known)[at]
        dated = pd.DatetimeIndex(returns.index[origins])
        model = PathModel.from_fit(fit)
        over = volatility_ahead(model, fit, dated, sigma, slow, question.bars)
    factors = side_factors(fit, known, question.memory, question.bars)
    return sigma, {side: over * factors[side][at] for side in Side}
