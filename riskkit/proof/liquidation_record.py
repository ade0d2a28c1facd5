"""Forecasts of P(liquidated within h) held to history, account by account, day by day.

At the close of every day the model walked to there is run on, from that day's sigma and, where it
has one, that day's memory of each side's own losses; its shocks are those seen out of sample before
the last refit. An account counts as liquidated if a close within h reaches its trigger: the
market's own move, without what closing adds. The book is the same every day, marked at that day's
price.

Accounts of one day fall together: bands resample blocks of days, and the days of the largest moves,
known only afterwards, are told apart, since a forecast that holds on all days may fail in just
those.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.question import Question, spec_of
from riskkit.closing.accounts import PATHS, AccountForecasts, forecast_accounts
from riskkit.closing.answer import ChosenPolicy
from riskkit.errors import InputError
from riskkit.market.returns import log_returns
from riskkit.paths.memory import OwnSideMemory
from riskkit.paths.model import PathModel
from riskkit.paths.run import Run, Stream
from riskkit.paths.simulate import simulate_paths
from riskkit.paths.start import Start
from riskkit.paths.world import World
from riskkit.proof.brier import BrierScore, brier_score
from riskkit.proof.recalibration import Recalibration, recalibrated
from riskkit.proof.rule_judgement import track_of
from riskkit.proof.track import Track, path_model
from riskkit.units import count_bars
from riskkit.volatility.fit import fit_volatility

Array = npt.NDArray[np.float64]

DAY = pd.Timedelta(days=1)
#: Shocks seen before the first forecast; accounts that are followed; blocks of days of a band.
FEWEST_SHOCKS, MOST_ACCOUNTS, BLOCK_DAYS, DRAWS = 1_000, 200, 7, 1_000
#: Share of the days that are the shocks.
SHOCKS = 0.02
#: Edges of the cells of probability.
EDGES = (0.0, 0.001, 0.01, 0.03, 0.1, 0.3, 1.0)
FEWEST_DAYS = 60
#: Paths behind each day's forecast of the record.
DAILY_PATHS = 1_000
#: Days before a forecast is corrected by its record, and from one correction to the next.
FIRST_CORRECTED, CORRECTED_EVERY = 180, 30


@dataclass(frozen=True)
class LiquidationRecord:
    """What forecasts of liquidations were worth.

    Attributes
    ----------
    bars : int
    bar : Timedelta
    days : DatetimeIndex
        Origins, a day apart.
    probability, event : ndarray (days, accounts)
    shock : ndarray of bool (days,)
        Days whose move within h was among the largest.
    """

    bars: int
    bar: pd.Timedelta
    days: pd.DatetimeIndex = field(repr=False)
    probability: Array = field(repr=False)
    event: Array = field(repr=False)
    shock: npt.NDArray[np.bool_] = field(repr=False)

    @property
    def score(self) -> BrierScore:
        """Of all days and accounts."""
        return brier_score(self.probability.ravel(), self.event.ravel())

    def last(self, days: int) -> LiquidationRecord:
        """The record of its last days."""
        later = slice(len(self.days) - days, None)
        return replace(
            self,
            days=self.days[later],
            probability=self.probability[later],
            event=self.event[later],
            shock=self.shock[later],
        )

    def corrected(self) -> tuple[LiquidationRecord, Recalibration]:
        """The record with each day's forecast corrected as was known then; the correction today.

        Raises
        ------
        InputError
            If too few days are left to judge it.
        """
        first = min(FIRST_CORRECTED, len(self.days) // 3)
        if len(self.days) - first < FEWEST_DAYS // 2:
            rule = f"must leave {FEWEST_DAYS // 2} days after the first correction"
            raise InputError("prices", f"{len(self.days)} days", rule, "Give a longer history")
        step = self.days[1] - self.days[0]
        lag = int(np.ceil(self.bars * self.bar / step)) + 1
        found, last = recalibrated(
            self.probability, self.event, lag=lag, first=first, every=CORRECTED_EVERY
        )
        return replace(self.last(len(found)), probability=found), last

    def rates(self) -> pd.DataFrame:
        """Forecast and realised rate on all days, calm days and shock days, with bands.

        The band is that of the realised less the forecast rate, by blocks of days; ``holds`` says
        whether 0 lies in it. Shocks are chosen by what came: there the forecast falls short by
        construction, and by how much is what is told.
        """
        rows = []
        for name, of in (
            ("all days", np.ones(self.shock.size, dtype=bool)),
            ("calm days", ~self.shock),
            ("shock days", self.shock),
        ):
            p, y = self.probability[of], self.event[of]
            gap = (y - p).mean(axis=1)
            low, high = _band(gap)
            score = brier_score(p.ravel(), y.ravel())
            rows.append(
                {
                    "days": name,
                    "count": int(of.sum()),
                    "forecast": float(p.mean()),
                    "realised": float(y.mean()),
                    "gap_low": low,
                    "gap_high": high,
                    "holds": bool(low <= 0.0 <= high),
                    "brier": score.score,
                    "skill": score.skill,
                }
            )
        return pd.DataFrame(rows).set_index("days")

    def reliability(self) -> pd.DataFrame:
        """Forecast against realised rate by cell of the forecast, with bands by blocks of days."""
        rows = []
        p, y = self.probability, self.event
        for low, high in pairwise(EDGES):
            inside = (p >= low) & ((p < high) | (high == 1.0))
            count = inside.sum(axis=1)
            if not count.any():
                continue
            forecast, came = (p * inside).sum(axis=1), (y * inside).sum(axis=1)
            ends = _ratio_band(came - forecast, count)
            rows.append(
                {
                    "from": low,
                    "to": high,
                    "forecasts": int(count.sum()),
                    "days": int((count > 0).sum()),
                    "forecast": float(forecast.sum() / count.sum()),
                    "realised": float(came.sum() / count.sum()),
                    "gap_low": ends[0],
                    "gap_high": ends[1],
                    "holds": bool(ends[0] <= 0.0 <= ends[1]),
                }
            )
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "bars": self.bars,
            "days": len(self.days),
            "first_day": self.days[0].date().isoformat(),
            "last_day": self.days[-1].date().isoformat(),
            "brier": asdict(self.score),
            "rates": self.rates().reset_index().to_dict(orient="records"),
            "reliability": self.reliability().to_dict(orient="records"),
        }


@dataclass(frozen=True)
class JudgedForecasts:
    """Who is liquidated next, and what such forecasts were worth on history.

    Attributes
    ----------
    hours : float
    forecasts : AccountForecasts
    plain, remembering, corrected : LiquidationRecord
        From sigma alone; with what each side remembers of its own losses; from sigma alone,
        corrected by the record as it was known on each day, from the 180th day on.
    correction : Recalibration
        What the record says today of forecasts from sigma alone.
    """

    hours: float
    forecasts: AccountForecasts
    plain: LiquidationRecord
    remembering: LiquidationRecord
    corrected: LiquidationRecord
    correction: Recalibration

    @property
    def records(self) -> dict[str, LiquidationRecord]:
        """The three by name, and the first on the days of the last."""
        return {
            "sigma alone": self.plain,
            "own-side memory": self.remembering,
            "sigma alone, later days": self.plain.last(len(self.corrected.days)),
            "corrected by its record": self.corrected,
        }

    def words(self) -> list[str]:
        """What there is to say, line by line."""
        lines = [
            f"within {self.hours:g} hours {self.forecasts.expected_sale:,.4g} of the book is "
            "expected to be sold"
        ]
        for name, record in self.records.items():
            rates, score = record.rates(), record.score
            said = [
                f"{days} {rates.loc[days, 'forecast']:.2%} forecast, "
                f"{rates.loc[days, 'realised']:.2%} came"
                for days in rates.index
            ]
            lines.append(
                f"record over {len(record.days):,} days, {name}: Brier {score.score:.5f} "
                f"(skill {score.skill:.1%}); " + "; ".join(said)
            )
        return lines

    def to_dict(self) -> dict[str, object]:
        """As JSON values; the accounts of which nothing is expected to be sold are left out."""
        table = self.forecasts.table
        sold = table[table["expected_sale"] > 0.0]
        rows = sold.astype(object).where(sold.notna(), None).to_dict(orient="records")
        return {
            "hours": self.hours,
            "paths": self.forecasts.paths,
            "expected_sale": self.forecasts.expected_sale,
            "ranked": rows,
            "correction": {"a": self.correction.a, "b": self.correction.b},
            "records": {name: record.to_dict() for name, record in self.records.items()},
        }


def forecast_and_record(chosen: ChosenPolicy, hours: float) -> JudgedForecasts:
    """Forecast a venue's accounts from today, and hold such forecasts to its history.

    Raises
    ------
    InputError
        If the model cannot be walked, or the history is too short to judge one.
    """
    case, bench = chosen.case, chosen.bench
    bars = max(count_bars(pd.Timedelta(hours=hours), case.bar).bars, 1)
    fit = fit_volatility(log_returns(case.history), spec_of(case.study))
    question = Question.of(case.study, fit, case.bar, threads=bench.threads)
    run = question.run.with_paths(PATHS)
    track = track_of(case)
    records = [
        liquidation_record(
            track,
            bench.book.log_trigger,
            bench.book.side,
            bars=bars,
            run=question.run.with_paths(DAILY_PATHS),
            memory=memory,
        )
        for memory in (None, OwnSideMemory())
    ]
    plain, remembering = records
    corrected, correction = plain.corrected()
    found = forecast_accounts(bench, question.world, run, bars=bars)
    table = found.table.assign(corrected=correction.of(found.table["probability"]))
    return JudgedForecasts(
        hours, replace(found, table=table), plain, remembering, corrected, correction
    )


def liquidation_record(
    track: Track,
    triggers: npt.ArrayLike,
    side: npt.ArrayLike,
    *,
    bars: int,
    run: Run,
    memory: OwnSideMemory | None = None,
    start: pd.Timestamp | None = None,
) -> LiquidationRecord:
    """Forecast, each day, who is liquidated within so many bars, and see who was.

    Parameters
    ----------
    triggers : array_like (accounts,)
        Log prices of liquidation, of the day's price.
    side : array_like (accounts,)
        +1 long, -1 short.
    run : Run
        Its paths are those behind each day's forecast.
    memory : OwnSideMemory, optional
        Of each side's own losses.
    start : Timestamp, optional
        First day; by default once a thousand shocks have been seen.

    Raises
    ------
    InputError
        If fewer than sixty days are left to judge, or no account has a trigger in reach.
    """
    keys, sign = np.asarray(triggers, dtype=np.float64), np.asarray(side, dtype=np.float64)
    reach = np.flatnonzero(np.abs(keys) < 3.0)
    if not reach.size:
        rule = "must have an account that some price in reach liquidates"
        raise InputError("book", f"{keys.size} accounts", rule, "Check entries and collateral")
    kept = reach[np.argsort(keys[reach], kind="stable")]
    kept = kept[np.unique(np.linspace(0, kept.size - 1, MOST_ACCOUNTS).round().astype(np.int64))]
    keys, sign = keys[kept], sign[kept]
    logs = np.log(track.close)
    shocks = _shocks(track)
    known = np.flatnonzero(np.isfinite(shocks))
    if known.size <= FEWEST_SHOCKS:
        raise _too_short(track, bars)
    step = max(round(DAY / track.bar), 1)
    first = int(known[FEWEST_SHOCKS]) + 1
    if start is not None:
        first = max(first, int(track.times.searchsorted(start)))
    origins = np.arange(first, len(logs) - bars, step)
    broken = np.concatenate([[0.0], np.cumsum(track.gap > 0.0)])
    origins = origins[broken[origins + bars + 1] == broken[origins + 1]]
    if origins.size < FEWEST_DAYS:
        raise _too_short(track, bars)
    probability, event = np.empty((origins.size, keys.size)), np.empty((origins.size, keys.size))
    moves = np.empty(origins.size)
    longs = sign > 0.0
    held: tuple[float, ...] = ()
    model, states = None, np.empty((0, 2))
    purpose = run.stream(Stream.REPLAY)
    for row, at in enumerate(origins):
        given = tuple(track.coefficients[at].tolist())
        if model is None or given != held:
            held = given
            seen = shocks[: at + 1]
            model, states = _model(track, at, seen[np.isfinite(seen)], memory)
            now = int(np.isfinite(seen).sum())
        begin = Start.at(track.sigma[at])
        if memory is not None:
            left = _states(shocks[: at + 1], memory, states, now)
            begin = replace(begin, remembered=left[None, :])
        world = World.one(model, begin, bar=track.bar)
        paths = simulate_paths(world, purpose, bars=bars, first_path=row * run.paths)
        lows, highs = np.sort(paths.min(axis=1)), np.sort(paths.max(axis=1))
        below = np.searchsorted(lows, keys[longs], side="right")
        above = run.paths - np.searchsorted(highs, keys[~longs], side="left")
        probability[row, longs], probability[row, ~longs] = below / run.paths, above / run.paths
        ahead = logs[at + 1 : at + 1 + bars] - logs[at]
        event[row, longs] = ahead.min() <= keys[longs]
        event[row, ~longs] = ahead.max() >= keys[~longs]
        moves[row] = np.abs(ahead).max()
    largest = moves >= np.quantile(moves, 1.0 - SHOCKS)
    days = track.times[origins]
    return LiquidationRecord(bars, track.bar, days, probability, event, largest)


def _shocks(track: Track) -> Array:
    """Standardised closes by bar, out of sample; NaN where there is no forecast, or after a
    hole.
    """
    found = np.full(len(track.times), np.nan)
    table = track.shocks()["close"]
    found[track.times.get_indexer(pd.DatetimeIndex(table.index))] = table.to_numpy()
    return found


def _model(
    track: Track, at: int, seen: Array, memory: OwnSideMemory | None
) -> tuple[PathModel, Array]:
    """The model of a refit, and what each side remembers after the shocks seen."""
    if memory is None:
        return path_model(track.spec, track.coefficients[at], seen), np.empty((0, 2))
    unit = float(seen.std())
    states = memory.states(seen / unit)
    model = path_model(track.spec, track.coefficients[at], memory.without(seen, states[:-1]))
    return model.remembering(memory, unit), states


def _states(seen: Array, memory: OwnSideMemory, states: Array, now: int) -> Array:
    """What each side remembers after the last shock: those since the refit carry it on."""
    known = seen[np.isfinite(seen)]
    if known.size == now:
        return np.asarray(states[-1])
    return np.asarray(memory.states(known / float(known[:now].std()))[-1])


def _band(gap: Array) -> tuple[float, float]:
    """95 % band of a mean over days, by circular blocks of a week."""
    return _ratio_band(gap, np.ones(gap.size))


def _ratio_band(numerator: Array, denominator: Array) -> tuple[float, float]:
    """95 % band of a ratio of sums over days."""
    days = numerator.size
    block = min(BLOCK_DAYS, days)
    generator = np.random.Generator(np.random.PCG64(1))
    starts = generator.integers(0, days, size=(DRAWS, -(-days // block)))
    rows = ((starts[:, :, None] + np.arange(block)) % days).reshape(DRAWS, -1)[:, :days]
    below = denominator[rows].sum(axis=1)
    found = numerator[rows].sum(axis=1)[below > 0.0] / below[below > 0.0]
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def _too_short(track: Track, bars: int) -> InputError:
    return InputError(
        "prices",
        f"{int(np.isfinite(track.sigma).sum()):,} bars with a forecast",
        f"must leave {FEWEST_SHOCKS:,} before, and {FEWEST_DAYS} days of {bars:,} bars after",
        "Give a longer history, or fewer model.minimum_bars",
    )
