"""Margin while a market is closed: the last close to the next open as a bar of its own.

A perpetual on an equity trades when the equity does not. What its price does over a night, a
weekend or an earnings report is told by the opens that came, each kind of closure apart: a weekend
is not three nights, a single name is not its index, and an earnings night is another law.

    gap = scale of its kind x volatility of gaps (moving average of squares) x shock

Tails are those of the shocks of the same kind, or of all kinds where too few have been seen.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

NIGHT, WEEKEND, EVENT = "night", "weekend", "event"
FEWEST_BARS = 500
FEWEST_SHOCKS = 150


@dataclass(frozen=True)
class ClosedSpec:
    """How closures are forecast.

    Attributes
    ----------
    decay : float
        Weight of a gap's square against the one after it.
    confidence : float
    """

    decay: float = 0.97
    confidence: float = 0.99

    def __post_init__(self) -> None:
        for name in ("decay", "confidence"):
            value = getattr(self, name)
            if not 0.0 < value < 1.0:
                raise InputError(name, value, "must lie strictly between 0 and 1", "Use 0.97, 0.99")


def closures(open_: pd.Series, close: pd.Series, events: Collection[str] = ()) -> pd.DataFrame:
    """Log gaps from each close to the next open, with their kind.

    Parameters
    ----------
    open_, close : Series
        Of sessions, indexed by date.
    events : collection of str
        Dates (YYYY-MM-DD) whose opening follows an event, such as an earnings report.

    Returns
    -------
    DataFrame
        Indexed by the date of the opening: ``gap, kind, days`` (between the sessions).

    Raises
    ------
    InputError
        If prices are not positive numbers, dates are not in order, or every open is the close
        before it.
    """
    opens, closes = open_.to_numpy(dtype=np.float64), close.to_numpy(dtype=np.float64)
    good = len(opens) > 2 and np.isfinite(opens).all() and np.isfinite(closes).all()
    if not good or (opens <= 0.0).any() or (closes <= 0.0).any():
        raise InputError(
            "prices",
            f"{len(opens)} sessions",
            "must have an open and a close above 0 in each",
            "Leave out sessions without an opening price",
        )
    dates = pd.DatetimeIndex(open_.index)
    if not (dates.is_monotonic_increasing and dates.is_unique):
        raise InputError("dates", len(dates), "must be in order, each once", "Sort them")
    gap = np.log(opens[1:] / closes[:-1])
    if not gap.any():
        rule = "must open elsewhere than the session before closed, at least once"
        raise InputError("prices", "no gap at all", rule, "Use prices with real opens")
    days = np.diff(dates.normalize().as_unit("ns").asi8) // (24 * 3600 * 10**9)
    kind = np.where(days >= 2, WEEKEND, NIGHT).astype(object)
    named = pd.DatetimeIndex(pd.to_datetime(sorted(events), utc=True)).normalize()
    kind[dates[1:].normalize().tz_localize(None).isin(named.tz_localize(None))] = EVENT
    return pd.DataFrame({"gap": gap, "kind": kind, "days": days}, index=dates[1:])


@dataclass(frozen=True)
class ClosedMargins:
    """Margins of closed hours along history and now, fractions of notional.

    Attributes
    ----------
    walk : DataFrame
        Indexed by opening: ``kind, gap, long, short`` (margins known before it), ``lost_long``,
        ``lost_short`` (simple losses that came). Only what came before is in a row.
    now : DataFrame
        By kind: ``kind, seen`` (closures), ``scale`` (against all), ``long, short``, ``pooled``
        (whether its tail is that of all kinds).
    """

    spec: ClosedSpec
    walk: pd.DataFrame = field(repr=False)
    now: pd.DataFrame = field(repr=False)


class _Kind:
    """Shocks and scale of a kind of closure, as they are known so far."""

    def __init__(self) -> None:
        self.shocks: list[float] = []
        self.squares = 0.0
        self.count = 0

    def scale(self, every: _Kind) -> float:
        """Root mean square against all closures, drawn to 1 while few have been seen."""
        if self.count == 0 or every.squares == 0.0:
            return 1.0
        own, all_ = self.squares / self.count, every.squares / every.count
        share = self.count / (self.count + 50.0)
        return math.exp(0.5 * share * math.log(max(own, 1e-12) / all_))

    def tail(self, confidence: float) -> tuple[float, float]:
        """Largest fall and rise at the confidence, as positive shocks."""
        beyond = max(1, math.floor(len(self.shocks) * (1.0 - confidence)))
        return -self.shocks[beyond - 1], self.shocks[-beyond]


def closed_margins(gaps: pd.DataFrame, spec: ClosedSpec | None = None) -> ClosedMargins:
    """Walk closures through history; each margin rests on what came before it.

    Parameters
    ----------
    gaps : DataFrame
        As `closures` gives them.

    Raises
    ------
    InputError
        For fewer than 500 closures.
    """
    spec = spec or ClosedSpec()
    if len(gaps) <= FEWEST_BARS:
        rule = f"must be more than {FEWEST_BARS}"
        raise InputError("closures", len(gaps), rule, "Load a longer history of sessions")
    values, kinds = gaps["gap"].to_numpy(), gaps["kind"].tolist()
    known: dict[str, _Kind] = {name: _Kind() for name in dict.fromkeys(kinds)}
    every = _Kind()
    variance = float(np.mean(values[:60] ** 2))
    rows: list[tuple[float, float]] = []
    for t, (gap, kind) in enumerate(zip(values.tolist(), kinds, strict=True)):
        own = known[kind]
        sigma = own.scale(every) * math.sqrt(variance)
        if t >= FEWEST_BARS:
            rows.append(_margins(own, every, sigma, spec))
        if t >= 60:
            insort(own.shocks, gap / sigma)
            insort(every.shocks, gap / sigma)
        level = variance if variance > 0.0 else 1e-12
        relative = gap * gap / level
        for each in (own, every):
            each.squares, each.count = each.squares + relative, each.count + 1
        variance = spec.decay * variance + (1.0 - spec.decay) * (gap / own.scale(every)) ** 2
    walk = gaps.iloc[FEWEST_BARS:].copy()
    walk["long"], walk["short"] = np.array(rows).T
    walk["lost_long"], walk["lost_short"] = -np.expm1(walk["gap"]), np.expm1(walk["gap"])
    now = []
    for kind, own in known.items():
        scale = own.scale(every)
        long, short = _margins(own, every, scale * math.sqrt(variance), spec)
        now.append((kind, own.count, scale, long, short, len(own.shocks) < FEWEST_SHOCKS))
    columns = ["kind", "seen", "scale", "long", "short", "pooled"]
    return ClosedMargins(spec, walk, pd.DataFrame(now, columns=columns))


def _margins(own: _Kind, every: _Kind, sigma: float, spec: ClosedSpec) -> tuple[float, float]:
    source = own if len(own.shocks) >= FEWEST_SHOCKS else every
    fall, rise = source.tail(spec.confidence)
    return -math.expm1(-fall * sigma), math.expm1(rise * sigma)


def exceptions(walk: pd.DataFrame, kind: str | None = None) -> dict[str, tuple[int, int]]:
    """Closures, and those that lost more than the margin, by side."""
    rows = walk if kind is None else walk[walk["kind"] == kind]
    return {
        side: (len(rows), int((rows[f"lost_{side}"] > rows[side]).sum()))
        for side in ("long", "short")
    }
