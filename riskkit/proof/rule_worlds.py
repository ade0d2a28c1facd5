"""What a rule is predicted to do: the same accounts on histories that the fitted models make.

At each date the markets' models are run on from the volatility of that day, for as long as they are
kept and positions opened in that time are held. Shocks are resampled as whole rows, one bar of all
markets with its close and extremes, so that markets fall together as they did; the rows are those
seen out of sample before that date, none of what is to be predicted. They are drawn in short
stretches (the stationary bootstrap of Politis and Romano, 1994): after a shock the next losses on
the same side are larger than sigma says, for two or three bars, and a close-out is filled in just
those. The rule reads the volatility that it would filter from the simulated prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.paths.bits import uniforms
from riskkit.paths.run import Run
from riskkit.paths.simulate import run_recursion
from riskkit.paths.start import Start
from riskkit.position import Side
from riskkit.proof.rule_replay import JudgingPlan, as_accounts, joined, run_mix
from riskkit.proof.track import BarSight, Track, path_model
from riskkit.simulation.bar_accounts import AskedMargin, Bars
from riskkit.validation.judging import MEASURES, JudgedAccounts, JudgedDays, judge, pooled
from riskkit.venue.rule import PublishedRule, check_rule, matured, published

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEWEST_ROWS = 1_000
STRETCH = 3.0  # mean bars of a stretch of rows


@dataclass(frozen=True)
class Predicted:
    """The three measures on every simulated history, of the same length as the real one.

    Attributes
    ----------
    pooled : DataFrame
        Columns `MEASURES`, one row per history.
    by_asset : mapping of str to DataFrame
    """

    pooled: pd.DataFrame = field(repr=False)
    by_asset: dict[str, pd.DataFrame] = field(repr=False)

    @property
    def typical(self) -> dict[str, float]:
        """The point prediction: the median over histories, what one of them would show."""
        return {name: float(self.pooled[name].median()) for name in MEASURES}

    def spread(self, level: float = 0.9) -> dict[str, tuple[float, float]]:
        """Where the middle ``level`` of the histories lie.

        No mean is given: on a path whose volatility runs away a short's loss has no bound, and one
        such history makes any mean.
        """
        tail = 0.5 * (1.0 - level)
        ends = self.pooled.quantile([tail, 1.0 - tail])
        return {n: (float(ends[n].iloc[0]), float(ends[n].iloc[1])) for n in MEASURES}

    def typical_of(self, asset: str) -> dict[str, float]:
        """The point prediction for one market."""
        return {name: float(self.by_asset[asset][name].median()) for name in MEASURES}


@dataclass(frozen=True)
class Spell:
    """The bars of one set of parameters, as one market has them.

    Attributes
    ----------
    prices : tuple of ndarray (paths, bars + 1)
        Closes, highs and lows; bar 0 is the last known one.
    sigma : ndarray (paths, bars + 1)
        Forecast at each close for the next bar, in the scale of the fits.
    """

    prices: tuple[Array, Array, Array] = field(repr=False)
    sigma: Array = field(repr=False)


def predict_rule(
    tracks: Sequence[Track],
    rule: PublishedRule,
    plan: JudgingPlan,
    *,
    start: pd.Timestamp,
    end: pd.Timestamp,
    spell: int,
    run: Run,
    stretch: float = STRETCH,
) -> Predicted:
    """Simulate the histories of several markets from ``start`` to ``end``, and judge the rule.

    Parameters
    ----------
    spell : int
        Bars for which parameters and the state of volatility are taken from history, from one
        refit to the next.
    run : Run
        As many histories as it has paths.
    stretch : float
        Mean bars of a stretch of rows, at least 1: 1 draws every bar by itself.

    Raises
    ------
    InputError
        If the rule breaks a rule, or fewer than a thousand rows of shocks came before ``start``.
    """
    bar, horizon = tracks[0].bar, plan.horizon(tracks[0].bar)
    check_rule(rule, horizon)
    bars = round((end - start) / bar)
    accounts: dict[str, list[list[JudgedAccounts]]] = {
        track.asset: [[] for _ in range(run.paths)] for track in tracks
    }
    for first in range(0, bars, spell):
        here, kept = start + first * bar, min(spell, bars - first)
        opened = np.arange(0, kept - 1, plan.every, dtype=np.int64)
        length = min(kept + horizon + plan.delay, bars - first)
        for track, made in zip(
            tracks, simulate_spell(tracks, here, length, run, first, stretch), strict=True
        ):
            clock = (here.value // bar.value + np.arange(length + 1)) % rule.interval == 0
            quiet = np.zeros(length + 1)
            closed = (here.value + np.arange(length + 1) * bar.value) / 86_400e9
            for path in range(run.paths):
                margin = published(rule, made.sigma[path], clock, quiet)
                asked = AskedMargin(margin, matured(rule, margin))
                for side in plan.sides:
                    course = _course(made, path, side, plan.sight)
                    groups, outcomes, at = run_mix(
                        course, asked, opened, side, plan, rule, bar, shadow=False
                    )
                    accounts[track.asset][path].append(
                        as_accounts(outcomes, groups, plan.mix, side, closed[at], closed)
                    )
    judged = {
        asset: [judge(joined(parts)) for parts in histories]
        for asset, histories in accounts.items()
    }
    together = [pooled(parts) for parts in zip(*judged.values(), strict=True)]
    return Predicted(
        _table(together), {asset: _table(histories) for asset, histories in judged.items()}
    )


def simulate_spell(
    tracks: Sequence[Track],
    here: pd.Timestamp,
    bars: int,
    run: Run,
    first_bar: int = 0,
    stretch: float = STRETCH,
) -> Iterator[Spell]:
    """Histories of each market from ``here`` on, all from the same rows of shocks.

    Parameters
    ----------
    first_bar : int
        Number of the first bar, which keeps the draws of spells apart.
    """
    rows = common_rows(tracks, here)
    picked = stretches(run, np.arange(first_bar, first_bar + bars), len(rows), stretch)
    for track in tracks:
        at = int(track.times.searchsorted(here)) - 1
        shocks = rows[track.asset]
        close = shocks["close"].to_numpy(dtype=np.float64)
        model = path_model(track.spec, track.coefficients[at], close)
        centre = float(close.mean())
        moves, sigmas = run_recursion(
            model, Start.at(track.sigma[at]), model.unscaled(close[picked] - centre)
        )
        before = np.concatenate([np.zeros((run.paths, 1)), moves[:, :-1]], axis=1)
        high, low = (
            _from_one(
                before
                + model.mu
                + model.unscaled(
                    sigmas * (shocks[name].to_numpy(dtype=np.float64)[picked] - centre)
                )
            )
            for name in ("high", "low")
        )
        ahead = model.unscaled(np.concatenate([sigmas, sigmas[:, -1:]], axis=1))
        yield Spell((_from_one(moves), high, low), ahead)


def stretches(run: Run, bars: Ints, rows: int, mean: float) -> Ints:
    """Which row each bar of each path takes, shape (paths, bars): stretches of neighbours.

    Lengths are geometric; after the last row comes the first.
    """
    if not mean >= 1.0:
        raise InputError("stretch", mean, "must be at least 1 bar", "Typical is 3")
    picked = (uniforms(run.shocks_key, 0, run.paths, bars) * rows).astype(np.int64)
    begins = uniforms(run.stretch_key, 0, run.paths, bars) < 1.0 / mean
    begins[:, 0] = True
    step = np.arange(bars.size)
    last = np.maximum.accumulate(np.where(begins, step, 0), axis=1)
    return (np.take_along_axis(picked, last, axis=1) + step - last) % rows


def common_rows(tracks: Sequence[Track], before: pd.Timestamp) -> pd.DataFrame:
    """Rows of shocks of the bars that every market has before a date; columns (asset, price)."""
    shocks = {track.asset: track.shocks() for track in tracks}
    rows = pd.concat(shocks, axis=1, join="inner")
    rows = rows[rows.index < before]
    if len(rows) < FEWEST_ROWS:
        raise InputError(
            "start",
            f"{before} with {len(rows):,} rows of shocks before it",
            f"must leave {FEWEST_ROWS:,} bars that every market has, with a forecast",
            "Start later, or give longer histories",
        )
    return rows


def _course(made: Spell, path: int, side: Side, sight: BarSight) -> Bars:
    closes, highs, lows = (np.ascontiguousarray(price[path]) for price in made.prices)
    worst = lows if side is Side.LONG else highs
    seen = sight.seen(closes, worst, side)
    return Bars(closes, seen, worst, np.zeros(closes.size, np.int64))


def _from_one(moves: Array) -> Array:
    return np.concatenate([np.ones((moves.shape[0], 1)), np.exp(moves)], axis=1)


def _table(histories: Sequence[JudgedDays]) -> pd.DataFrame:
    return pd.DataFrame([one.measures() for one in histories], columns=list(MEASURES))
