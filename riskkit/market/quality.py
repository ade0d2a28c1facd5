"""What is wrong with a price history: findings that are shown, and never acted on in silence.

A finding never raises and never removes a row: a filter for bad ticks deletes crashes
(ETH fell 19 % on 2022-11-09 and regained half the next day). Only the two returns around an
*implausible* tick, a move by a factor of five or more soon taken back, are left out
of the returns, counted and named, as returns across holes are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.market.calendar import Calendar, hole_before

STALE_BARS = 5
TICK_MADS = 12.0
TICK_REVERSAL = 0.8
IMPLAUSIBLE_FACTOR = 5.0
IMPLAUSIBLE_REVERSAL = 0.9
IMPLAUSIBLE_BARS = 5


class Kind(StrEnum):
    """Kinds of finding."""

    HOLE = "hole"
    STALE = "stale run"
    TICK = "suspected bad tick"
    IMPLAUSIBLE = "implausible tick"
    OHLC = "OHLC violation"
    JUMP = "jump across a hole"


@dataclass(frozen=True)
class Finding:
    """One finding: what, from which bar to which, how large, in words."""

    kind: Kind
    start: pd.Timestamp
    end: pd.Timestamp
    bars: int
    detail: str


@dataclass(frozen=True)
class QualityReport:
    """Findings of one history, in order of time."""

    findings: tuple[Finding, ...]

    def of(self, kind: Kind) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(f for f in self.findings if f.kind is kind)

    def counts(self) -> dict[str, int]:
        """Number of findings per kind, zero included."""
        return {kind.value: len(self.of(kind)) for kind in Kind}

    @property
    def missing_bars(self) -> int:
        """Bars missing inside holes (around-the-clock calendars)."""
        return sum(f.bars for f in self.of(Kind.HOLE))

    def table(self) -> pd.DataFrame:
        """One row per finding: ``kind, start, end, bars, detail``."""
        return pd.DataFrame(
            [(f.kind.value, f.start, f.end, f.bars, f.detail) for f in self.findings],
            columns=["kind", "start", "end", "bars", "detail"],
        )


def inspect_quality(bars: pd.DataFrame, bar: pd.Timedelta, calendar: Calendar) -> QualityReport:
    """Inspect validated bars.

    Rules: a *hole* is a gap as in `hole_before`; a *jump across a hole* is a log move across one
    of more than 1 (two tokens under one symbol); a *stale run* is five or more equal closes in a
    row; a *suspected bad tick* is a log move above 12 scaled median absolute deviations (and 2 %)
    of which the next bar takes back at least 80 %; an *implausible tick* one by a factor of five
    or more of which the next five bars take back at least 90 %; an *OHLC violation* is a bar
    whose high or low does not contain its open and close.

    Parameters
    ----------
    bars : DataFrame as in `PriceHistory.bars`
    """
    times = pd.DatetimeIndex(bars.index)
    close = bars["close"].to_numpy(dtype=np.float64)
    findings = [
        *_holes(times, close, bar, calendar),
        *_stale(times, close),
        *_ticks(times, close, hole_before(times, bar, calendar)),
        *_ohlc(bars),
    ]
    return QualityReport(tuple(sorted(findings, key=lambda f: (f.start, f.kind.value))))


def _holes(
    times: pd.DatetimeIndex, close: npt.NDArray[np.float64], bar: pd.Timedelta, calendar: Calendar
) -> list[Finding]:
    found = []
    for i in np.flatnonzero(hole_before(times, bar, calendar)).tolist():
        missing = int((times[i] - times[i - 1]) / bar) - 1
        move = float(np.log(close[i] / close[i - 1]))
        found.append(
            Finding(
                Kind.HOLE,
                times[i - 1],
                times[i],
                missing,
                f"{missing} bar{'s' * (missing > 1)} missing; log move across {move:+.3f}",
            )
        )
        if abs(move) > 1.0:
            detail = f"log move {move:+.2f} across the hole: two assets under one symbol?"
            found.append(Finding(Kind.JUMP, times[i - 1], times[i], missing, detail))
    return found


def _stale(times: pd.DatetimeIndex, close: npt.NDArray[np.float64]) -> list[Finding]:
    edges = np.flatnonzero(np.diff(close) != 0.0) + 1
    starts, ends = np.concatenate(([0], edges)), np.concatenate((edges, [len(close)]))
    return [
        Finding(Kind.STALE, times[a], times[b - 1], b - a, f"close stays at {close[a]:g}")
        for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
        if b - a >= STALE_BARS
    ]


def _ticks(
    times: pd.DatetimeIndex, close: npt.NDArray[np.float64], hole: npt.NDArray[np.bool_]
) -> list[Finding]:
    """Suspected and implausible ticks; see `inspect_quality` for the rules."""
    if len(close) < 20:
        return []
    r = np.diff(np.log(close))
    scale = 1.4826 * float(np.median(np.abs(r - np.median(r))))
    limit = max(TICK_MADS * scale, 0.02)
    out, back = r[:-1], r[1:]
    contiguous = ~hole[1:-1] & ~hole[2:]
    reversed_ = (out * back < 0) & (np.abs(out + back) <= (1.0 - TICK_REVERSAL) * np.abs(out))
    wild = _implausible(times, r, hole)
    covered = {t for f in wild for t in times[times.slice_indexer(f.start, f.end)]}
    suspects = np.flatnonzero((np.abs(out) > limit) & reversed_ & contiguous).tolist()
    return wild + [
        Finding(
            Kind.TICK,
            times[i + 1],
            times[i + 1],
            1,
            f"log move {out[i]:+.3f}, then {back[i]:+.3f}: kept unless the row is named",
        )
        for i in suspects
        if times[i + 1] not in covered
    ]


def _implausible(
    times: pd.DatetimeIndex, r: npt.NDArray[np.float64], hole: npt.NDArray[np.bool_]
) -> list[Finding]:
    """Moves by a factor of five or more that are taken back within five bars."""
    found: list[Finding] = []
    last = -1
    for i in np.flatnonzero(np.abs(r) >= np.log(IMPLAUSIBLE_FACTOR)).tolist():
        if i <= last or hole[i + 1]:
            continue
        for j in range(i + 1, min(i + 1 + IMPLAUSIBLE_BARS, len(r))):
            if hole[j + 1]:
                break
            if abs(r[i : j + 1].sum()) <= (1.0 - IMPLAUSIBLE_REVERSAL) * abs(r[i]):
                detail = (
                    f"log move {r[i]:+.3f}, taken back after {j - i} bars: the prices are kept, "
                    "the returns into and out of them are left out"
                )
                found.append(Finding(Kind.IMPLAUSIBLE, times[i + 1], times[j], j - i, detail))
                last = j
                break
    return found


def _ohlc(bars: pd.DataFrame) -> list[Finding]:
    if not {"high", "low"} <= set(bars.columns):
        return []
    body = bars[["open", "close"]] if "open" in bars.columns else bars[["close"]]
    bad = (bars["high"] < body.max(axis=1)) | (bars["low"] > body.min(axis=1))
    times, high, low = pd.DatetimeIndex(bars.index), bars["high"], bars["low"]
    return [
        Finding(
            Kind.OHLC,
            times[i],
            times[i],
            1,
            f"high {high.iloc[i]:g}, low {low.iloc[i]:g} do not contain the bar's prices",
        )
        for i in np.flatnonzero(bad.to_numpy()).tolist()
    ]
