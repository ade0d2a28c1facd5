"""A margin judged over a declared mix of accounts, on simulated paths: the targets on measures.

Every group of the mix is opened its distance away from its trigger, as a move of the price, on the
same paths, and held as the mix says. Triggers do not hang on what the margin covers, so that one
simulation judges every covered loss. The measures are those of `riskkit.validation.judging`, with
the paths' days in place of history's: open interest is what such a day of an account's life holds
on average, since a venue's accounts do not all open at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.question import Question
from riskkit.calibration.venue import GeneralVenue
from riskkit.errors import InputError
from riskkit.estimate import Estimate
from riskkit.paths.run import Stream
from riskkit.position import Side
from riskkit.simulation.group_exits import GroupExits
from riskkit.simulation.rows import default_rows
from riskkit.units import count_bars
from riskkit.validation.judging import MEASURES, worst_mean

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHARE, FEWEST_PATHS = 5, 4_000  # every account of a mix lives on a path: a share of them is enough
MOST_STEPS = 40_000_000  # bars of all paths together, from which there are fewer
#: The key of a study's targets that sets each measure, and how much of the measure's unit is one.
KEYS = {
    "account_day": ("default_per_account_day_probability", 1.0),
    "oi_year_bps": ("bad_debt_per_year_fraction", 1e4),
    "episode_es": ("worst_days_loss_fraction", 100.0),
}
BATCHES = 20  # of paths, for the error of a measure
CLOSE = 1e-4  # relative width at which a search ends; of the general run, whose every step is paths
CLOSE_GENERAL = 0.01


@dataclass(frozen=True)
class Measured:
    """The three measures at one covered loss, beside their targets.

    Attributes
    ----------
    values : mapping of str to float
        By the names and in the units of `riskkit.validation.judging`; without the shortfall of the
        worst days at a venue that closes out in parts, at a cost that grows, or after drawn lags.
    targets : mapping of str to float
        Those that are set.
    decided : bool
        Whether a measure, and not P(default | liquidation), made the margin as large as it is.
    """

    values: Mapping[str, float]
    targets: Mapping[str, float]
    decided: bool

    @property
    def binding(self) -> str:
        """The measure nearest to its target, or farthest beyond it."""
        return max(self.targets, key=lambda name: self.values[name] / self.targets[name])


@dataclass(frozen=True)
class SimulatedAccounts:
    """A mix of accounts of one side on simulated paths, closed in full at one cost.

    Arrays of shape (k,) hold one row per account that was liquidated; paths and days count from 0.

    Attributes
    ----------
    group, path, day : ndarray of int
    price : ndarray
        Log price at execution times the sign of the side.
    lived : ndarray (paths,)
        Account-days of each path, by share of accounts.
    interest : ndarray (paths,)
        Days of open interest of each path.
    daily_interest : ndarray (days,)
        Mean open interest of each day of an account's life.
    """

    question: Question = field(repr=False)
    side: Side
    group: Ints = field(repr=False)
    path: Ints = field(repr=False)
    day: Ints = field(repr=False)
    price: Array = field(repr=False)
    lived: Array = field(repr=False)
    interest: Array = field(repr=False)
    daily_interest: Array = field(repr=False)

    @classmethod
    def of(cls, question: Question, side: Side, stream: Stream) -> SimulatedAccounts:
        """Simulate the accounts of a question's study from its start."""
        mix, bar = question.accounts, question.periods.bar
        horizon = count_bars(_days(mix.holding_days), bar).bars
        found: GroupExits = question.simulator.groups(
            question.world,
            question.run.with_paths(paths_of(question.run.paths, horizon)).stream(stream),
            sign=side.sign,
            triggers=tuple(_trigger(question, side, d) for d in mix.distance),
            lag=question.lag,
            horizon=horizon,
        )
        per_bar = bar / _days(1.0)
        hit = found.bars > 0
        ended = np.where(hit, found.bars + question.lag, horizon) * per_bar
        days = max(math.ceil(horizon * per_bar - 1e-9), 1)
        interest = np.asarray(mix.interest_share)
        alive = np.clip(ended[:, :, None] - np.arange(days), 0.0, 1.0).mean(axis=1)
        group, path = np.nonzero(hit)
        return cls(
            question,
            side,
            group,
            path,
            np.minimum(ended[hit].astype(np.int64), days - 1),
            found.prices[hit],
            np.asarray(mix.account_share) @ ended,
            interest @ ended,
            interest @ alive,
        )

    def measures(self, covered: float) -> dict[str, float]:
        """The three at a covered loss."""
        return self._measured(*self._lost(covered), self.lived, self.interest)

    def error(self, covered: float, name: str) -> float:
        """Relative standard error of one measure, over batches of paths."""
        defaulted, debt = self._lost(covered)
        paths = self.lived.size
        batch = self.path * BATCHES // paths
        whole = np.arange(paths) * BATCHES // paths
        found = [
            self._measured(
                np.where(batch == b, defaulted, 0.0),
                np.where(batch == b, debt, 0.0),
                self.lived[whole == b],
                self.interest[whole == b],
            )[name]
            for b in range(BATCHES)
        ]
        mean = float(np.mean(found))
        return float(np.std(found, ddof=1)) / math.sqrt(BATCHES) / mean if mean else math.inf

    def _lost(self, covered: float) -> tuple[Array, Array]:
        """Weighted defaults and bad debt of the liquidated accounts, each (k,)."""
        venue, mix = self.question.venue, self.question.accounts
        positions = [
            venue.late(venue.open_position(self.side, covered, min(d, _most(self.side))))
            for d in mix.distance
        ]
        level, a, b = default_rows(positions, venue.slippage).T
        defaulted = self.price < level[self.group]
        debt = a[self.group] + b[self.group] * np.exp(self.side.sign * self.price)
        weights, interest = np.asarray(mix.account_share), np.asarray(mix.interest_share)
        return (
            np.where(defaulted, weights[self.group], 0.0),
            np.where(defaulted, interest[self.group] * np.maximum(debt, 0.0), 0.0),
        )

    def _measured(
        self, defaulted: Array, debt: Array, lived: Array, interest: Array
    ) -> dict[str, float]:
        days = self.daily_interest.size
        lost = debt > 0.0
        where, of = np.unique(self.path[lost] * days + self.day[lost], return_inverse=True)
        losses = np.bincount(of, weights=debt[lost], minlength=where.size)
        shares = 100.0 * losses / np.maximum(self.daily_interest[where % days], 1e-12)
        return {
            "account_day": float(defaulted.sum() / lived.sum()),
            "oi_year_bps": 1e4 * 365.0 * float(debt.sum() / interest.sum()),
            "episode_es": worst_mean(shares, lived.size * days),
        }


@dataclass(frozen=True)
class GeneralAccounts:
    """The mix at a venue with any mechanism: two measures, from means over its paths."""

    question: Question = field(repr=False)
    side: Side
    stream: Stream

    def measures(self, covered: float) -> dict[str, float]:
        """Defaults per account-day and bad debt per year of open interest, at a covered loss."""
        question, mix = self.question, self.question.accounts
        bar = question.periods.bar
        horizon = count_bars(_days(mix.holding_days), bar).bars
        venue = question.venue
        found = question.simulator.positions(
            venue,
            question.world,
            question.run.with_paths(paths_of(question.run.paths, horizon)).stream(self.stream),
            [
                venue.open_position(self.side, covered, min(d, _most(self.side)))
                for d in mix.distance
            ],
            horizon=horizon,
            detail=True,
        )

        def seen(estimate: Estimate[Array]) -> Array:
            return np.where(estimate.bound, 0.0, estimate.value)

        gone = seen(found.liquidation)
        ended = np.where(gone > 0.0, found.time_to_liquidation.value + question.lag, horizon)
        lived = (gone * ended + (1.0 - gone) * horizon) * (bar / _days(1.0))
        if found.expected_bad_debt is None:
            raise InputError(
                "targets.bad_debt_per_year_fraction",
                found.refused,
                "needs a mean of the bad debt, which these shocks do not have",
                "Resample residuals, or set targets.default_per_account_day_probability instead",
            )
        weights, interest = np.asarray(mix.account_share), np.asarray(mix.interest_share)
        debt = interest @ seen(found.expected_bad_debt)
        return {
            "account_day": float(weights @ seen(found.default) / (weights @ lived)),
            "oi_year_bps": 1e4 * 365.0 * float(debt / (interest @ lived)),
        }


def meet_measures(
    question: Question, side: Side, covered: Estimate[float]
) -> tuple[Estimate[float], Measured]:
    """The least covered loss, no less than a given one, at which every measure meets its target.

    Parameters
    ----------
    covered : Estimate
        That meets P(default | liquidation).

    Raises
    ------
    InputError
        If no margin below the largest meets a target, or a venue of another kind is asked for the
        shortfall of the worst days.
    """
    targets = question.targets.measures
    accounts = accounts_of(question, side, Stream.ACCOUNTS)

    def excess(x: float) -> float:
        values = accounts.measures(x)
        return max(values[name] / target for name, target in targets.items()) - 1.0

    values = accounts.measures(covered.value)
    if all(values[name] <= target for name, target in targets.items()):
        return covered, Measured(values, targets, decided=False)
    low = covered.value
    high, top = low, question.venue.largest_covered_loss(side)
    while excess(high) > 0.0:
        if high >= top:
            raise _infeasible(question, side, accounts.measures(top))
        low, high = high, min(1.3 * high, top)
    close = CLOSE_GENERAL if isinstance(accounts, GeneralAccounts) else CLOSE
    while high > low * (1.0 + close):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if excess(middle) > 0.0 else (low, middle)
    found = Measured(accounts.measures(high), targets, decided=True)
    error = _error(accounts, high, found.binding) if close == CLOSE else covered.error
    return replace(Estimate.normal(high, error), paths=covered.paths), found


def accounts_of(
    question: Question, side: Side, stream: Stream
) -> SimulatedAccounts | GeneralAccounts:
    """The accounts of a question's study on one of its streams of paths.

    Raises
    ------
    InputError
        If the worst days are a target at a venue whose mechanism is not simple.
    """
    if not isinstance(question.venue, GeneralVenue):
        return SimulatedAccounts.of(question, side, stream)
    if MEASURES[2] in question.targets.measures:
        raise InputError(
            "targets.worst_days_loss_fraction",
            question.targets.worst_days_loss_fraction,
            "needs a venue that closes out in full, at one cost and after fixed lags: other "
            "mechanisms are simulated account by account, without a day in common",
            "Set targets.bad_debt_per_year_fraction instead",
        )
    return GeneralAccounts(question, side, stream)


def measured_at(question: Question, side: Side, covered: float, found: Measured) -> Measured:
    """The measures at another covered loss than the one found, on paths of their own."""
    values = accounts_of(question, side, Stream.OUTCOME).measures(covered)
    return replace(found, values=values)


def paths_of(paths: int, horizon: int) -> int:
    """Paths that accounts are judged on: a fifth, and fewer where they are held for many bars."""
    return min(paths, max(min(paths // SHARE, MOST_STEPS // horizon), FEWEST_PATHS))


def _error(accounts: SimulatedAccounts | GeneralAccounts, covered: float, name: str) -> float:
    """Standard error of the covered loss: that of the measure, over its slope."""
    assert isinstance(accounts, SimulatedAccounts)
    step = 1.05
    more, less = (accounts.measures(x)[name] for x in (covered * step, covered / step))
    if not 0.0 < more < less:
        return math.inf
    slope = math.log(less / more) / (covered * (step - 1.0 / step))
    return accounts.error(covered, name) / slope


def _trigger(question: Question, side: Side, distance: float) -> float:
    if side is Side.LONG and distance >= 1.0:
        return -math.inf  # owned outright: no fall reaches its trigger
    return question.venue.trigger_level(side, distance)


def _most(side: Side) -> float:
    return 1.0 - 1e-9 if side is Side.LONG else math.inf


def _days(count: float) -> pd.Timedelta:
    return pd.Timedelta(days=count)


def _infeasible(question: Question, side: Side, values: Mapping[str, float]) -> InputError:
    targets = question.targets.measures
    name = max(targets, key=lambda n: values[n] / targets[n])
    end = f"{100.0 * question.venue.largest_buffer(side):g} %"
    key, unit = KEYS[name]
    return InputError(
        f"targets.{key}",
        targets[name] / unit,
        f"no {side.value} buffer below {end} meets it: at {end} it is still "
        f"{values[name] / unit:.2g}",
        "Shorten the delay, start from a calmer state, or accept a higher target",
    )
