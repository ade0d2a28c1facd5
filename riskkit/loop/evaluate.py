"""One policy on one stretch of history: what it asks for, what it lets through, how fast it rises.

Everything that two policies do not differ in is held: the accounts that are opened, the days, and
the draws of days behind a band. A difference between two of them is the policies' own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.paths.memory import OwnSideMemory
from riskkit.proof.rule_replay import JudgingPlan, Replayed, replay_rule
from riskkit.proof.track import Track, remembering
from riskkit.venue.rule import PublishedRule

Array = npt.NDArray[np.float64]

YEAR_DAYS = 365.0
BLOCK = 7
DRAWS = 400
#: Ends of a band: 2.5 % on either side.
TAIL = 0.025
FEWEST_DAYS = 365
EULER = 0.5772156649015329


@dataclass(frozen=True)
class HeldRule:
    """A rule with the model that it reads.

    Attributes
    ----------
    name : str
    model : str
        Key of the track.
    rule : PublishedRule
    level : float or None
        Of a margin that never moves; None for one that the rule publishes.
    """

    name: str
    model: str
    rule: PublishedRule
    level: float | None = None


@dataclass(frozen=True)
class SpanResult:
    """A policy over a span.

    Attributes
    ----------
    capital : float
        Mean margin published, a fraction of notional.
    bad_debt : float
        Bps of open interest a year.
    bad_debt_high : float
        Upper end of its band.
    rise : float
        Largest rise of the margin in a day, points of notional as a fraction.
    loss : float
        ``carry`` times capital, and bad debt: bps of open interest a year.
    drawn : ndarray (draws,)
        The loss on resampled days.
    year_high : float
        Upper end of the band of a single year's bad debt, drawn from these days.
    days : int
    """

    capital: float
    bad_debt: float
    bad_debt_high: float
    rise: float
    loss: float
    drawn: Array = field(repr=False)
    year_high: float
    days: int


@dataclass(frozen=True)
class LoopBench:
    """What policies are evaluated in.

    Attributes
    ----------
    tracks : mapping of str to Track
        By model.
    plan : JudgingPlan
    today : HeldRule
        What is done where nothing is.
    carry : float
        What capital costs a year, a fraction of it.
    seed : int
    """

    tracks: Mapping[str, Track] = field(repr=False)
    plan: JudgingPlan
    today: HeldRule
    carry: float
    seed: int = 1

    @property
    def bar(self) -> pd.Timedelta:
        """Length of a bar."""
        return self.track.bar

    @property
    def track(self) -> Track:
        """The track of today's model."""
        return self.tracks[self.today.model]

    @cached_property
    def first(self) -> pd.Timestamp:
        """First bar with a forecast of every model."""
        return max(
            t.times[int(np.flatnonzero(np.isfinite(t.sigma))[0])] for t in self.tracks.values()
        )

    @property
    def last(self) -> pd.Timestamp:
        """Where the history ends."""
        return self.track.times[-1] + self.bar

    @property
    def horizon(self) -> int:
        """Bars for which positions are held."""
        return self.plan.horizon(self.bar)

    def long_run(self, model: str, until: pd.Timestamp) -> float:
        """Root mean square of a model's forecasts before a day: what is usual, as known then."""
        track = self.tracks[model]
        sigma = track.sigma[: int(track.times.searchsorted(until))]
        known = sigma[np.isfinite(sigma)]
        return float(np.sqrt(np.mean(np.square(known))))

    def replay(self, held: HeldRule, start: pd.Timestamp, end: pd.Timestamp) -> Replayed:
        """A rule replayed on accounts opened in [start, end); no bar from ``end`` on is looked
        at.
        """
        track, rule = self.tracks[held.model], held.rule
        if held.level is not None:
            from riskkit.proof.rule_judgement import constant_rule

            track, rule = constant_rule(track, rule, held.level)
        elif rule.memory > 0.0:
            track = remembering(track, OwnSideMemory(rule.memory), rule.window)
        return replay_rule(track, rule, self.plan, start=start, end=end)

    def over(self, held: HeldRule, span: LoopSpan) -> SpanResult:
        """A rule over a span."""
        found = self.replay(held, span.start, span.end)
        days = found.judged.days
        debt, interest = np.zeros(span.days), np.zeros(span.days)
        at = days.index.to_numpy(dtype=np.int64) - span.first_day
        inside = (at >= 0) & (at < span.days)
        debt[at[inside]] = days["bad_debt"].to_numpy()[inside]
        interest[at[inside]] = days["oi_days"].to_numpy()[inside]
        margin = _by_day(found.margin, span)
        scale = 1e4 * YEAR_DAYS
        owed = scale * (span.counts @ debt) / np.maximum(span.counts @ interest, 1e-300)
        asked = 1e4 * self.carry * (span.counts @ margin) / span.counts.sum(axis=1)
        years = scale * (span.years @ debt) / np.maximum(span.years @ interest, 1e-300)
        capital = float(margin.mean())
        bad = scale * float(debt.sum()) / max(float(interest.sum()), 1e-300)
        return SpanResult(
            capital=capital,
            bad_debt=bad,
            bad_debt_high=float(np.quantile(owed, 1.0 - TAIL)),
            rise=_rise(found.margin),
            loss=1e4 * self.carry * capital + bad,
            drawn=owed + asked,
            year_high=float(np.quantile(years, 1.0 - TAIL)),
            days=span.days,
        )


@dataclass(frozen=True)
class LoopSpan:
    """A stretch of history, and the draws of its days that every policy meets.

    Attributes
    ----------
    start, end : Timestamp
    first_day, days : int
        Since the epoch; number of days.
    counts : ndarray (draws, days)
        How often each day is drawn: blocks of a week.
    years : ndarray (draws, days)
        The same for draws as long as a year.
    """

    start: pd.Timestamp
    end: pd.Timestamp
    first_day: int
    days: int
    counts: Array = field(repr=False)
    years: Array = field(repr=False)

    @classmethod
    def of(cls, start: pd.Timestamp, end: pd.Timestamp, seed: int) -> LoopSpan:
        """The span from a day to a day.

        Raises
        ------
        InputError
            If it holds fewer than two blocks of days.
        """
        epoch = pd.Timestamp("1970-01-01", tz=start.tz)
        first = int((start - epoch) // pd.Timedelta(days=1))
        days = int(-((epoch - end) // pd.Timedelta(days=1))) - first
        if days < 2 * BLOCK:
            rule = f"must hold {2 * BLOCK} days, two blocks of a week"
            raise InputError("span", f"{days} days", rule, "Give a longer history")
        counts = drawn_days(days, days, seed)
        return cls(start, end, first, days, counts, drawn_days(days, int(YEAR_DAYS), seed + 1))


def drawn_days(days: int, length: int, seed: int) -> Array:
    """How often each day is drawn, (draws, days): circular blocks of a week, ``length`` days in
    all.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    blocks = -(-length // BLOCK)
    starts = generator.integers(0, days, size=(DRAWS, blocks))
    found = np.zeros((DRAWS, days))
    for row, begin in enumerate(starts):
        at = ((begin[:, None] + np.arange(BLOCK)) % days).ravel()[:length]
        found[row] = np.bincount(at, minlength=days)
    return found


def expected_best(trials: int) -> float:
    """Expected maximum of so many standard normals: what luck alone makes of the best of them.

    Bailey & López de Prado (2014), "The deflated Sharpe ratio", from extreme-value theory; trials
    that resemble each other are fewer than they are counted, so that it deflates too much rather
    than too little.

    Examples
    --------
    >>> round(expected_best(1), 2), round(expected_best(200), 2)
    (0.0, 2.77)
    """
    if trials < 2:
        return 0.0
    quantile = NormalDist().inv_cdf
    return (1.0 - EULER) * quantile(1.0 - 1.0 / trials) + EULER * quantile(
        1.0 - 1.0 / (trials * math.e)
    )


def _by_day(margin: pd.Series, span: LoopSpan) -> Array:
    """Mean margin of each day of a span; a day without bars keeps the one before."""
    by_day = margin.groupby(pd.DatetimeIndex(margin.index).floor("D")).mean()
    index = pd.date_range(span.start.floor("D"), periods=span.days, freq="D")
    return by_day.reindex(index).ffill().bfill().to_numpy(dtype=np.float64)


def _rise(margin: pd.Series) -> float:
    """Largest rise over a day."""
    values = margin.to_numpy(dtype=np.float64)
    bar = margin.index[1] - margin.index[0] if len(margin) > 1 else pd.Timedelta(days=1)
    day = max(round(pd.Timedelta(days=1) / bar), 1)
    return float(max((values[day:] - values[:-day]).max(), 0.0)) if values.size > day else 0.0
