"""How a margin is judged, in one place: three measures over accounts, with the day as the sample.

Over a declared distribution of accounts (`riskkit.venue.account_mix`):

1. defaults per account-day;
2. bad debt per year of open interest, in basis points;
3. expected shortfall of the worst episodes: the mean bad debt of the worst hundredth of the days,
   in per cent of the open interest of the day.

The share of liquidations that default is reported, and is no measure of a margin: a venue meets it
by liquidating more accounts that were harmless. Positions that overlap default together, so that a
band resamples blocks of whole days and counts of days stand beside counts of defaults.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MEASURES = ("account_day", "oi_year_bps", "episode_es")
#: What each is called where it is shown, and by what it is multiplied there.
NAMES = {
    "account_day": "defaults, 1,000 days",
    "oi_year_bps": "bad debt, bps a year",
    "episode_es": "worst days, % of OI",
}
SCALES = {"account_day": 1_000.0, "oi_year_bps": 1.0, "episode_es": 1.0}
WORST = 0.01  # share of the days that are the worst episodes
COLUMNS = ("account_days", "oi_days", "liquidations", "defaults", "bad_debt")
COUNTS = ("liquidated", "defaulted", "caused")


@dataclass(frozen=True)
class JudgedAccounts:
    """Accounts that lived along one history, arrays of shape (k,).

    Attributes
    ----------
    opened, ended : ndarray
        Days since the epoch, with fractions; an account is at risk in between.
    account_share, interest_share : ndarray
        Weight among accounts, and notional among open interest.
    liquidated, defaulted, caused : ndarray of bool
        ``caused``: liquidated by a raised requirement alone.
    bad_debt : ndarray
        Of the account's own notional.
    """

    opened: Array = field(repr=False)
    ended: Array = field(repr=False)
    account_share: Array = field(repr=False)
    interest_share: Array = field(repr=False)
    liquidated: npt.NDArray[np.bool_] = field(repr=False)
    defaulted: npt.NDArray[np.bool_] = field(repr=False)
    caused: npt.NDArray[np.bool_] = field(repr=False)
    bad_debt: Array = field(repr=False)


@dataclass(frozen=True)
class JudgedDays:
    """What a margin did, day by day.

    Attributes
    ----------
    days : DataFrame
        Index: days since the epoch. Weighted: ``account_days``, ``oi_days``, ``liquidations`` and
        ``defaults`` (by accounts), ``bad_debt`` (by open interest). Counted: ``liquidated``,
        ``defaulted``, ``caused``. Days on which nothing was open are left out.
    """

    days: pd.DataFrame = field(repr=False)

    @property
    def account_day(self) -> float:
        """Defaults per account and day."""
        return float(_measures(self._values)[0, 0])

    @property
    def oi_year_bps(self) -> float:
        """Bad debt per year of open interest, bps."""
        return float(_measures(self._values)[0, 1])

    @property
    def episode_es(self) -> float:
        """Mean bad debt of the worst hundredth of the days, per cent of open interest."""
        return float(_measures(self._values)[0, 2])

    @property
    def default_given_liquidation(self) -> float:
        """Share of liquidations that default, by accounts; NaN without any. Reported only."""
        liquidations = float(self.days["liquidations"].sum())
        return float(self.days["defaults"].sum()) / liquidations if liquidations else float("nan")

    @property
    def episodes(self) -> int:
        """Days on which anything defaulted."""
        return int((self.days["defaulted"] > 0).sum())

    @property
    def runs(self) -> int:
        """Runs of such days."""
        on = self.days.index.to_numpy()[self.days["defaulted"].to_numpy() > 0]
        return int((np.diff(on) > 1).sum()) + 1 if on.size else 0

    @property
    def caused_share(self) -> float:
        """Share of the liquidated that the requirement alone liquidated; NaN without any."""
        count = int(self.days["liquidated"].sum())
        return int(self.days["caused"].sum()) / count if count else float("nan")

    def measures(self) -> dict[str, float]:
        """The three, by name."""
        return dict(zip(MEASURES, _measures(self._values)[0].tolist(), strict=True))

    def bands(
        self, *, level: float = 0.95, block: int = 7, draws: int = 2_000, seed: int = 1
    ) -> dict[str, tuple[float, float]]:
        """Bands of the three by a circular bootstrap of blocks of days (Politis and Romano, 1992).

        Parameters
        ----------
        block : int
            Days in a block: what defaults together lies within it. Where there are fewer than
            two blocks of days there is no band, and its ends are NaN.
        """
        if block < 1 or draws < 100 or not 0.0 < level < 1.0:
            raise InputError(
                "block, draws, level",
                (block, draws, level),
                "must be at least 1 day, 100 draws, and a level between 0 and 1",
                "Typical are 7, 2,000 and 0.95",
            )
        values = self._values
        if values.shape[0] < 2 * block:
            return dict.fromkeys(MEASURES, (float("nan"), float("nan")))
        found = np.concatenate(
            [_measures(values[rows]) for rows in _blocks(values.shape[0], block, draws, seed)]
        )
        tail = 0.5 * (1.0 - level)
        low, high = np.quantile(found, [tail, 1.0 - tail], axis=0)
        return {name: (float(a), float(b)) for name, a, b in zip(MEASURES, low, high, strict=True)}

    @property
    def _values(self) -> Array:
        return self.days[list(COLUMNS)].to_numpy(dtype=np.float64)


def judge(accounts: JudgedAccounts) -> JudgedDays:
    """Put accounts into the days they lived in, and their ends into the day they ended on.

    Raises
    ------
    InputError
        Without accounts, or if one ends before it is opened.
    """
    if accounts.opened.size == 0:
        raise InputError("accounts", 0, "must be some: nothing was opened", "Give a longer history")
    if bool((accounts.ended < accounts.opened).any()):
        raise InputError("ended", "before opened", "must not be", "Give the bar it was gone at")
    first = int(np.floor(accounts.opened.min()))
    count = int(np.floor(accounts.ended.max())) + 1 - first
    edges = np.arange(first, first + count + 1, dtype=np.float64)
    found = {
        "account_days": _lived(accounts, accounts.account_share, edges),
        "oi_days": _lived(accounts, accounts.interest_share, edges),
    }
    at = np.floor(accounts.ended).astype(np.int64) - first

    def on(weights: Array) -> Array:
        return np.bincount(at, weights=weights, minlength=count).astype(np.float64)

    found["liquidations"] = on(accounts.account_share * accounts.liquidated)
    found["defaults"] = on(accounts.account_share * accounts.defaulted)
    found["bad_debt"] = on(accounts.interest_share * accounts.bad_debt)
    for name in COUNTS:
        found[name] = on(np.asarray(getattr(accounts, name), dtype=np.float64))
    days = pd.DataFrame(found, index=pd.Index(np.arange(first, first + count), name="day"))
    lived = (days["account_days"] > 1e-12) | (days["oi_days"] > 1e-12) | (days["liquidated"] > 0)
    return JudgedDays(days[lived])


def pooled(parts: Iterable[JudgedDays]) -> JudgedDays:
    """Several markets judged as one, each with the same open interest."""
    frames = [part.days for part in parts]
    return JudgedDays(pd.concat(frames).groupby(level=0).sum().astype(np.float64))


def worst_mean(losses: Array, count: int) -> float:
    """Mean of the worst hundredth of so many days, of which only some lost anything.

    Parameters
    ----------
    losses : ndarray (k,)
        Of the days that lost; the other ``count - k`` lost nothing.
    """
    share = WORST * count
    worst = np.sort(losses)[::-1]
    return float(worst @ np.clip(share - np.arange(worst.size), 0.0, 1.0)) / share


def _lived(accounts: JudgedAccounts, weights: Array, edges: Array) -> Array:
    """Weighted time at risk between consecutive edges."""
    total = _since(accounts.opened, weights, edges) - _since(accounts.ended, weights, edges)
    return np.maximum(np.diff(total), 0.0)


def _since(start: Array, weights: Array, edges: Array) -> Array:
    """Sum of ``weights * max(edge - start, 0)`` at every edge, by one sort and prefix sums."""
    order = np.argsort(start, kind="stable")
    ordered, heavy = start[order] - edges[0], weights[order]
    mass = np.concatenate([[0.0], np.cumsum(heavy)])
    moment = np.concatenate([[0.0], np.cumsum(heavy * ordered)])
    at = np.searchsorted(ordered, edges - edges[0], side="right")
    total: Array = mass[at] * (edges - edges[0]) - moment[at]
    return total


def _measures(days: Array) -> Array:
    """The three measures of samples of days (..., days, columns), shape (samples, 3)."""
    samples = days if days.ndim == 3 else days[None]
    accounts, interest, _, defaults, debt = np.moveaxis(samples, 2, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_day = defaults.sum(axis=1) / accounts.sum(axis=1)
        per_year = 1e4 * 365.0 * debt.sum(axis=1) / interest.sum(axis=1)
        losses = np.where(interest > 0.0, 100.0 * debt / interest, 0.0)
    count = samples.shape[1]
    worst = np.sort(losses, axis=1)[:, ::-1]
    share = WORST * count
    weight = np.clip(share - np.arange(count), 0.0, 1.0)
    return np.stack([per_day, per_year, worst @ weight / share], axis=1)


def _blocks(days: int, block: int, draws: int, seed: int) -> Iterable[Ints]:
    """Rows of resampled days, in pieces of draws: circular blocks, the last one cut."""
    generator = np.random.Generator(np.random.PCG64(seed))
    count = -(-days // block)
    piece = 100
    for first in range(0, draws, piece):
        starts = generator.integers(0, days, size=(min(piece, draws - first), count))
        rows = (starts[:, :, None] + np.arange(block)) % days
        yield rows.reshape(rows.shape[0], -1)[:, :days]
