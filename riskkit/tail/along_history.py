"""Volatility-adjusted tails over a history, as a venue would have published them.

At every origin only the bars up to it are used: parameters come from the last refit on an
expanding window, today's sigma from filtering on, the floor from the volatility of all bars so
far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.calendar import hole_before
from riskkit.market.history import PriceHistory
from riskkit.market.ranges import moves_to_extremes
from riskkit.market.returns import log_returns
from riskkit.paths.inside import Ranges
from riskkit.paths.model import Shocks
from riskkit.paths.run import Run
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.tail.ahead import variance_ahead, volatility_ahead
from riskkit.tail.curve import TailCurve, TailTask, tail_curve
from riskkit.tail.losses import simple_loss
from riskkit.tail.sides import side_factors
from riskkit.tail.tracker import Tracked, rate_of, track
from riskkit.volatility.level import LevelRecord, level_record
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walk import WalkStep, observed_by, steps_of_walk, walk_along

Array = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]

CURVE_PATHS = 20_000


@dataclass(frozen=True)
class DynamicTail:
    """Tail forecasts along a history.

    Attributes
    ----------
    table : DataFrame
        One row per origin and side: ``origin`` (last bar of information), ``target`` (last bar of
        the margin period of risk, missing where the history ends before it), ``side``, ``sigma``
        (forecast for the bar after origin, in the scale of the shocks), ``tail_loss``,
        ``excursion``, ``floor_sigma``, ``floor_loss``, ``floor_excursion`` (at the volatility of
        all bars so far), ``realised_loss`` (simple, NaN where ``not_evaluated`` says why),
        ``not_evaluated``, ``model`` and ``health`` of the fit; where the task asks for it
        ``correction``, the factor of ``tail_loss`` by its record (`riskkit.tail.tracker`); where
        extremes are watched ``loss_at_extreme`` (to the adverse extreme of the target bar).
    task : TailTask
    refits : int
    levels : tuple of LevelRecord
        What became of the variance forecast over each horizon of the task.
    """

    table: pd.DataFrame
    task: TailTask
    refits: int
    levels: tuple[LevelRecord, ...] = ()

    def side(self, side: Side) -> pd.DataFrame:
        """The rows of one side, in order of origin."""
        return self.table[self.table["side"] == side.value].reset_index(drop=True)


def dynamic_tail(
    history: PriceHistory,
    spec: VolatilitySpec | Sequence[WalkStep],
    task: TailTask,
    run: Run,
    *,
    minimum_bars: int,
    refit_every: int,
    shocks: Shocks = Shocks.FILTERED,
    ranges: Ranges | None = None,
    progress: Progress | None = None,
) -> DynamicTail:
    """Forecast the tail at every origin after ``minimum_bars`` returns, out of sample.

    Parameters
    ----------
    spec : VolatilitySpec, or sequence of WalkStep
        The model that is walked along the history, or a walk of another kind, from
        ``minimum_bars`` on.
    run : Run
        Paths of every tail; `CURVE_PATHS` are enough for most.
    minimum_bars : int
        Returns before the first forecast.
    refit_every : int
        Bars between refits; sigma is filtered on in between.
    ranges : Ranges, optional
        Of the bars: excursions are then those of their extremes.
    progress : callable, optional
        Called with (tails simulated, refits in all).
    """
    returns = log_returns(history)
    values, n = returns.values, len(returns)
    observed: pd.Series | pd.DataFrame = values
    walk: Iterable[WalkStep]
    check_length(n, minimum_bars)
    if isinstance(spec, VolatilitySpec):
        observed = observed_by(returns, spec)
        walk = walk_along(observed, spec, minimum_bars, refit_every)
    else:
        walk = spec
    running = np.sqrt(np.cumsum(values.to_numpy() ** 2) / np.arange(1, n + 1))
    parts, fits = [], steps_of_walk(n, minimum_bars, refit_every)
    periods, memory = (task.loss_bars, task.excursion_bars), task.memory
    expected: dict[int, list[Array]] = {bars: [] for bars in task.horizons}
    for done, step in enumerate(walk):
        fit = step.fit
        at = minimum_bars - 1 + done * refit_every
        floor = running[at : at + len(step.origins)]
        if fit.borrowed is not None:  # a few bars are no history to take a floor from
            floor = np.full(len(step.origins), np.sqrt(fit.presample_variance))
        world = World.of_fit(fit, bar=history.bar, shocks=shocks, ranges=ranges, memory=memory)
        model = world.model
        sigma = model.volatility(step.sigma)
        origins = np.arange(at, at + len(step.origins))
        seen = observed.iloc[: origins[-1] + 1]
        said = (step.origins, step.sigma, step.slow)
        wider = [side_factors(fit, seen, memory, bars) for bars in periods]
        for bars, made in expected.items():
            # Of sigma as it is: shocks without their memory vary a little less.
            made.append(variance_ahead(model, fit, *said, bars) / model.memory_unit**2)
        over = [volatility_ahead(model, fit, *said, bars) for bars in periods]
        scales = [
            {side: s * w[side][origins + 1] for side in Side}
            for s, w in zip(over, wider, strict=True)
        ]
        every = np.concatenate([floor, *(s for scale in scales for s in scale.values())])
        curve = tail_curve(
            world.without_seasons, run, task, low=float(every.min()), high=float(every.max())
        )
        for side in Side:
            scaled = [scale[side] for scale in scales]
            parts.append(_rows(curve, side, origins, sigma, scaled, floor, fit))
        if progress is not None:
            progress(done + 1, fits)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    table = pd.DataFrame(columns)
    table["origin"] = values.index[columns["origin"]]
    table = table.sort_values(["side", "origin"], kind="stable")
    watched = ranges is not None and ranges.watched
    table = with_realised_losses(
        table.reset_index(drop=True), history, task.loss_bars, extremes=watched
    )
    if task.correction_rate > 0.0:
        table = _corrected(table, values.index, task)
    squares = np.square(values.to_numpy(dtype=np.float64)[minimum_bars:])
    levels = tuple(
        level_record(np.concatenate(made), squares, bars=bars, half_life=task.half_life)
        for bars, made in expected.items()
    )
    return DynamicTail(table, task, fits, levels)


def _corrected(table: pd.DataFrame, index: pd.Index, task: TailTask) -> pd.DataFrame:
    """Add ``correction``, the factor of each side's tail loss by its own record so far."""
    probability = 1.0 - task.loss_confidence
    step = rate_of(probability, task.loss_bars, task.correction_rate)
    factor = np.ones(len(table))
    for side in Side:
        at = np.flatnonzero((table["side"] == side.value).to_numpy())
        rows = table.iloc[at]
        origin = index.get_indexer(pd.DatetimeIndex(rows["origin"])).astype(np.int64)
        levels = np.zeros(len(at))
        track(
            rows["realised_loss"].to_numpy(np.float64) / rows["tail_loss"].to_numpy(np.float64),
            origin,
            origin + task.loss_bars,
            levels,
            Tracked(),
            first=0,
            probability=probability,
            step=step,
        )
        factor[at] = np.exp(levels)
    return table.assign(correction=factor)


def check_length(returns: int, minimum_bars: int) -> None:
    """Refuse a history too short for a single forecast.

    Raises
    ------
    InputError
        Unless there are more than ``minimum_bars`` returns.
    """
    if returns <= minimum_bars:
        raise InputError(
            "prices",
            f"{returns} returns",
            f"a forecast needs more than model.minimum_bars = {minimum_bars}",
            "Load a longer history, or lower model.minimum_bars (250 at least)",
        )


def _rows(
    curve: TailCurve,
    side: Side,
    origins: npt.NDArray[np.int64],
    sigma: Array,
    scaled: list[Array],
    floor: Array,
    fit: VolatilityFit,
) -> dict[str, npt.NDArray[Any]]:
    """Columns of the rows between two refits, origins by their position.

    ``scaled`` is sigma as the side's memory widens it: for the loss, for the excursion. A table of
    each would take longer to make than its tails.
    """
    same = {"side": side.value, "model": fit.spec.name, "health": fit.health.statement}
    repeated = {name: np.full(len(origins), text, dtype=object) for name, text in same.items()}
    return {
        "origin": origins,
        "side": repeated["side"],
        "sigma": sigma,
        "tail_loss": curve.loss(scaled[0], side),
        "excursion": curve.excursion(scaled[1], side),
        "floor_sigma": floor,
        "floor_loss": curve.loss(floor, side),
        "floor_excursion": curve.excursion(floor, side),
        "model": repeated["model"],
        "health": repeated["health"],
    }


def with_realised_losses(
    table: pd.DataFrame, history: PriceHistory, bars: int, *, extremes: bool = False
) -> pd.DataFrame:
    """Add ``target``, ``realised_loss`` and ``not_evaluated`` of the ``bars`` bars after an origin.

    Parameters
    ----------
    table : DataFrame
        With columns ``origin`` and ``side``; see `DynamicTail`.
    extremes : bool
        Whether to add ``loss_at_extreme``: to the adverse extreme of the last of these bars.
    """
    times = pd.DatetimeIndex(history.bars.index)
    logs = np.log(history.close.to_numpy(dtype=np.float64))
    holes = np.cumsum(hole_before(times, history.bar, history.calendar))
    position = times.get_indexer(pd.DatetimeIndex(table["origin"]))
    end = position + bars
    inside = end < len(times)
    last = np.where(inside, end, position)
    crosses = holes[last] > holes[position]
    move = np.where(inside & ~crosses, logs[last] - logs[position], np.nan)
    long = (table["side"] == Side.LONG.value).to_numpy()
    loss = np.where(long, simple_loss(move, Side.LONG), simple_loss(move, Side.SHORT))
    reason = np.where(~inside, "history ends first", np.where(crosses, "crosses a hole", ""))
    target = times[last].where(inside)
    if extremes:
        worst = np.full(len(table), np.nan)
        for side in Side:
            mine = np.flatnonzero((long == (side is Side.LONG)) & (reason == ""))
            moved = moves_to_extremes(history, position[mine], last[mine], side)
            worst[mine] = simple_loss(moved, side)
        table = table.assign(loss_at_extreme=worst)
    return table.assign(target=target, realised_loss=loss, not_evaluated=reason)
