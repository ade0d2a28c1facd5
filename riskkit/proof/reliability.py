"""Does the prediction hold: positions opened at every bar of history, predicted against realised.

At every bar after ``model.minimum_bars`` a position of each side is opened at margins recommended
from the bars up to it, and its probability of liquidation and of default is written down; then the
mechanism runs on the prices that came. The margins are the point recommendation: band and floor
only make it safer, and would hide a wrong prediction.

Prediction and judgement see what the study sees: closes alone, or triggers at a bar's adverse
extreme with the study's fills. Where the history has highs and lows the same positions also run on
the other, to show what closes understate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.buffer_curve import BufferCurve, buffer_curve
from riskkit.calibration.question import Question, spec_of
from riskkit.errors import InputError
from riskkit.market.history import PriceHistory
from riskkit.market.returns import log_returns
from riskkit.paths.start import Start
from riskkit.position import Side
from riskkit.proof.reliability_cells import (
    PREDICTED,
    REALISED,
    brier_scores,
    reliability_cells,
)
from riskkit.proof.replay import lags_of, replay_schedule, run_losses
from riskkit.proof.schedule import Schedule, openings
from riskkit.simulation.bar_accounts import REACH
from riskkit.study.case import Case
from riskkit.study.inside import ranges_of
from riskkit.study.study import Study
from riskkit.tail.ahead import volatility_ahead
from riskkit.tail.along_history import check_length
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.walk import observed_by, steps_of_walk, walk_along

Array = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None]

TARGETS = (0.01, 0.02, 0.03, 0.05)
PATHS, HISTORIES = 20_000, 400
ENDS, HOLE = "history ends first", "crosses a hole"
NO_MARGIN = "no buffer below 98 % meets the target"


@dataclass(frozen=True)
class Reliability:
    """Predictions and what became of them.

    Attributes
    ----------
    study : Study
    positions : DataFrame
        One row per side, target and origin: ``side``, ``target``, ``origin`` (bar at whose close
        the position is opened; the last bar of information), ``sigma`` (forecast, in the scale of
        the shocks), ``covered_loss``, ``excursion``, predicted ``within_reaction``,
        ``liquidation``, ``default``; realised ``liquidated_within_reaction``, ``liquidated``,
        ``defaulted`` (with highs and lows also ``…_intrabar``; where the study itself watches
        them, ``…_closes`` instead), ``default_time`` (bar of the close-out). ``not_evaluated``
        says why a row has no outcome: it is in no count.
    cells : DataFrame
        One row per side, target and event: ``trials`` (positions; liquidations for the conditional
        probability), mean ``predicted`` and ``realised`` rate, ``expected`` count, ``low`` and
        ``high`` end of the 95 % band, ``judged`` (at least ten expected), ``inside``, and
        ``realised_intrabar`` (NaN without highs and lows), or ``realised_closes`` where the study
        watches them itself.
    brier : DataFrame
        Per side and event over all targets: the score and its parts, `riskkit.proof.brier`.
    histories, refits : int
    """

    study: Study
    positions: pd.DataFrame = field(repr=False)
    cells: pd.DataFrame = field(repr=False)
    brier: pd.DataFrame = field(repr=False)
    histories: int
    refits: int

    def episodes(self, side: Side, target: float) -> pd.Series:
        """Defaults of one cell by the bar of their close-out: how few events they come from."""
        p = self.positions
        rows = p[(p["side"] == side.value) & (p["target"] == target) & p["defaulted"]]
        return rows.groupby("default_time").size().rename("defaults")

    def counts(self) -> pd.DataFrame:
        """What became of the origins of every cell: how many are counted, and why others are not.

        One row per side and target: ``origins``, ``counted``, and those left out because
        ``no_margin`` below 98 % meets the target there (the wildest bars), because the life of
        the position crosses a ``hole``, or because ``history_ends`` first.
        """
        reason = self.positions["not_evaluated"]
        names = {"counted": "", "no_margin": NO_MARGIN, "hole": HOLE, "history_ends": ENDS}
        flags = {name: reason == why for name, why in names.items()}
        rows = self.positions[["side", "target"]].assign(origins=True, **flags)
        return rows.groupby(["side", "target"], sort=False).sum().reset_index()

    def by_volatility(self, parts: int = 3) -> pd.DataFrame:
        """Rates in parts of equally many positions, from the calmest on: where predictions fail.

        One row per side, target and part: ``part`` (from 1), mean ``sigma``, and for every
        probability of a position the mean ``…_predicted`` and the rate ``…_realised``.
        """
        p = self.positions[self.positions["not_evaluated"] == ""]
        rank = p.groupby(["side", "target"])["sigma"].rank(method="first", pct=True)
        part = np.ceil(rank * parts).astype(np.int64).clip(1, parts).rename("part")
        columns = {"sigma": ("sigma", "mean")}
        for name, seen in zip(PREDICTED, REALISED, strict=True):
            columns[f"{name}_predicted"] = (name, "mean")
            columns[f"{name}_realised"] = (seen, "mean")
        groups = p.assign(part=part).groupby(["side", "target", "part"], sort=False)
        return groups.agg(**columns).reset_index().sort_values(["side", "target", "part"])

    @property
    def judged_inside(self) -> tuple[int, int]:
        """Judged cells inside their band, and judged cells."""
        judged = self.cells[self.cells["judged"]]
        return int(judged["inside"].sum()), len(judged)


def measure_reliability(
    case: Case,
    *,
    targets: tuple[float, ...] = TARGETS,
    paths: int = PATHS,
    histories: int = HISTORIES,
    threads: int = 1,
    progress: Progress | None = None,
) -> Reliability:
    """Open positions along history, out of sample, and hold their predictions to what happened.

    Parameters
    ----------
    case : Case
    targets : tuple of float
        Each replaces both targets of the study in turn.
    paths : int
        Of every quick calibration; a target needs ten beyond it.
    histories : int
        Simulated histories behind the bands.
    progress : callable, optional
        Called with (stage, done, total).

    Raises
    ------
    InputError
        If a target is no probability, the history is too short, or no position can be evaluated.
    """
    _check(targets, paths, histories)
    study, history = case.study, case.history
    returns = log_returns(history)
    check_length(len(returns), study.pace(history.bar).minimum_bars)
    fit = fit_volatility(returns, spec_of(study))
    ranges = ranges_of(study, history, returns)
    question = Question.of(study, fit, history.bar, threads=threads, ranges=ranges)
    question = question.changed(paths=paths)
    blocks = []
    refits = steps_of_walk(len(returns), question.minimum_bars, question.refit_every)
    for block in _walk(question, observed_by(returns, question.spec), targets):
        blocks.append(block)
        if progress is not None:
            progress("history", len(blocks), refits)
    positions = _with_outcomes(question, history, pd.concat(blocks, ignore_index=True))
    evaluated = positions[positions["not_evaluated"] == ""]
    if evaluated.empty:
        raise InputError(
            "prices",
            f"{len(history)} bars",
            "leave no position with its whole holding horizon",
            "Load a longer history, or shorten the study's holding horizon",
        )
    bars = pd.DatetimeIndex(history.bars.index).get_indexer(
        pd.DatetimeIndex(evaluated["origin"].unique()).sort_values()
    )
    first = Start.measured(float(evaluated["sigma"].iloc[0]))
    band = replay_schedule(
        question.changed(start=first),
        targets,
        np.asarray(bars - bars[0], dtype=np.int64),
        histories=histories,
    )
    return Reliability(
        study,
        positions,
        reliability_cells(evaluated, band),
        brier_scores(evaluated),
        histories,
        refits,
    )


def _walk(
    question: Question, values: pd.Series | pd.DataFrame, targets: tuple[float, ...]
) -> Iterator[pd.DataFrame]:
    """Recommendations and predictions of every origin, a block per refit."""
    every = question.refit_every
    before: dict[Side, BufferCurve] = {}
    # Cold fits: warm ones differ in the ninth digit, and these numbers are published.
    for step in walk_along(values, question.spec, question.minimum_bars, every, warm=False):
        then, origin = question.changed(fit=step.fit), step.origins
        then = then.changed(world=then.world.without_seasons)
        reaction = question.periods.reaction_time.bars
        sigma = volatility_ahead(
            then.world.model, step.fit, origin, step.sigma, step.slow, reaction
        )
        low, high = float(sigma.min()), float(sigma.max())
        parts = []
        for side in question.sides:
            curve = buffer_curve(then, side, targets, low=low, high=high, like=before.get(side))
            before[side] = curve
            for i, target in enumerate(targets):
                at = curve.at(sigma, i)
                parts.append(
                    pd.DataFrame(
                        {
                            "side": side.value,
                            "target": target,
                            "origin": origin,
                            "sigma": sigma,
                            "covered_loss": at.covered,
                            "excursion": at.excursion,
                            "within_reaction": at.within_reaction,
                            "liquidation": at.liquidation,
                            "default": at.default,
                        }
                    )
                )
        yield pd.concat(parts, ignore_index=True)


def _with_outcomes(question: Question, history: PriceHistory, rows: pd.DataFrame) -> pd.DataFrame:
    """Run the mechanism on the prices that came."""
    lags = lags_of(question.periods, question.venue)
    times = pd.DatetimeIndex(history.bars.index)
    bar = np.asarray(times.get_indexer(pd.DatetimeIndex(rows["origin"])), dtype=np.int64)
    inside, whole = openings(history, lags.bars)
    infeasible = rows["covered_loss"].isna().to_numpy()
    reason = np.select(
        [~inside[bar], ~whole[bar], infeasible],
        [ENDS, HOLE, NO_MARGIN],
        default="",
    )
    rows = rows.assign(
        not_evaluated=reason,
        default_time=pd.Series(pd.NaT, index=rows.index, dtype=times.dtype),
    )
    watched = question.ranges is not None and question.ranges.watched
    suffixes: tuple[str, ...] = ("",)
    if history.has_extremes:
        suffixes = ("", "_closes" if watched else "_intrabar")
    rows = rows.assign(**{f"{name}{suffix}": False for suffix in suffixes for name in REALISED})
    reaction = question.periods.reaction_time.bars + lags.latency
    for side in question.sides:
        at = np.flatnonzero((reason == "") & (rows["side"] == side.value).to_numpy())
        index = rows.index[at]
        mine = rows.loc[index]
        losses = tuple(mine[name].to_numpy(np.float64) for name in ("covered_loss", "excursion"))
        for suffix in suffixes:
            outcome = _run(question, history, bar[at], losses, side, watched != bool(suffix))
            seen = (outcome.within(reaction), outcome.liquidated, outcome.defaulted)
            for name, flags in zip(REALISED, seen, strict=True):
                rows.loc[index, f"{name}{suffix}"] = flags
            if not suffix:
                lost = outcome.defaulted
                when = times[bar[at][lost] + outcome.default_bar[lost]]
                rows.loc[index[lost], "default_time"] = when
    return rows


def _run(
    question: Question,
    history: PriceHistory,
    bar: npt.NDArray[np.int64],
    losses: tuple[Array, ...],
    side: Side,
    intrabar: bool,
) -> Schedule:
    """Outcomes of positions opened at some bars, with the losses that they cover."""
    extreme = fill = None
    close = np.log(history.close.to_numpy(dtype=np.float64))
    if intrabar:
        worst = history.bars["low" if side is Side.LONG else "high"]
        extreme = np.log(worst.to_numpy(dtype=np.float64))
        if question.ranges is not None and question.ranges.watched:
            fill = close + REACH[question.ranges.fill] * (extreme - close)
    covered, excursion = losses
    return run_losses(
        question, side, (covered, excursion), bar, close, log_extreme=extreme, log_fill=fill
    )


def _check(targets: tuple[float, ...], paths: int, histories: int) -> None:
    if not targets or not all(0.0 < t < 1.0 for t in targets):
        raise InputError(
            "targets", targets, "must be probabilities in (0, 1), at least one", "Typical is 0.01"
        )
    need = math.ceil(round(10.0 / min(targets), 6))
    if paths < need:
        raise InputError(
            "paths",
            paths,
            f"a target of {min(targets):g} needs at least ten paths beyond it",
            f"Give {need:,} or more",
        )
    if histories < 40:
        raise InputError("histories", histories, "a 95 % band needs at least 40", "Typical is 400")
