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
ONE_WAY_FACTOR = 2.5
"""Below the 3 of the smallest split that is looked for: that day's own move may hide a part."""
BLOCK_BARS = 20
BLOCK_VALUES = 15


class Kind(StrEnum):
    """Kinds of finding."""

    HOLE = "hole"
    STALE = "stale run"
    TICK = "suspected bad tick"
    IMPLAUSIBLE = "implausible tick"
    ONE_WAY = "one-way move"
    REPEATED = "repeated block"
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
    of which the next bar takes back at least 80 %, or such a move at the first or the last bar,
    which has but one neighbour; an *implausible tick* one by a factor of five or more of which the
    next five bars take back at least 90 %; a *one-way move* any other by a factor of 2.5 or more
    within one bar (a split, a redenomination, another asset; or a collapse); a *repeated block* 20
    or more closes that stand in the history once before; an *OHLC violation* is a bar whose high
    or low does not contain its open and close.

    Parameters
    ----------
    bars : DataFrame as in `PriceHistory.bars`
    """
    times = pd.DatetimeIndex(bars.index)
    close = bars["close"].to_numpy(dtype=np.float64)
    findings = [
        *_holes(times, close, bar, calendar),
        *_stale(times, close),
        *_moves(times, close, hole_before(times, bar, calendar)),
        *_repeated(times, close),
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


def _moves(
    times: pd.DatetimeIndex, close: npt.NDArray[np.float64], hole: npt.NDArray[np.bool_]
) -> list[Finding]:
    """Suspected and implausible ticks, and one-way moves; see `inspect_quality` for the rules."""
    r = np.diff(np.log(close))
    ticks = _ticks(times, r, hole) if len(close) >= 20 else []
    covered = {t for f in ticks for t in times[times.slice_indexer(f.start, f.end)]}
    # The bar after a tick holds the move back.
    back = {times[int(times.searchsorted(f.end)) + 1] for f in ticks if f.end < times[-1]}
    one_way = np.flatnonzero((np.abs(r) >= np.log(ONE_WAY_FACTOR)) & ~hole[1:]).tolist()
    return ticks + [
        Finding(
            Kind.ONE_WAY,
            times[i + 1],
            times[i + 1],
            1,
            f"{factor_words(r[i])} in one bar, not taken back: a split, another unit, another "
            "asset, or a true move; kept",
        )
        for i in one_way
        if times[i + 1] not in covered and times[i + 1] not in back
    ]


def factor_words(log_move: float) -> str:
    """A log move as a factor: ``"a rise to 10 times"``, ``"a fall to 1/4"``."""
    factor = float(np.exp(abs(log_move)))
    return f"a rise to {factor:.3g} times" if log_move > 0 else f"a fall to 1/{factor:.3g}"


def _ticks(
    times: pd.DatetimeIndex, r: npt.NDArray[np.float64], hole: npt.NDArray[np.bool_]
) -> list[Finding]:
    scale = 1.4826 * float(np.median(np.abs(r - np.median(r))))
    limit = max(TICK_MADS * scale, 0.02)
    out, back = r[:-1], r[1:]
    contiguous = ~hole[1:-1] & ~hole[2:]
    reversed_ = (out * back < 0) & (np.abs(out + back) <= (1.0 - TICK_REVERSAL) * np.abs(out))
    wild = _implausible(times, r, hole)
    covered = {t for f in wild for t in times[times.slice_indexer(f.start, f.end)]}
    suspects = np.flatnonzero((np.abs(out) > limit) & reversed_ & contiguous).tolist()
    found = [
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
    taken = covered | {f.start for f in found}
    for at, move, beside in ((0, r[0], 1), (len(r), r[-1], len(r) - 1)):
        neighbours = {times[at], times[beside]}
        if abs(move) > limit and not hole[max(at, 1)] and not neighbours & taken:
            found.append(
                Finding(
                    Kind.TICK,
                    times[at],
                    times[at],
                    1,
                    f"log move {move:+.3f} {'out of' if at == 0 else 'into'} the "
                    f"{'first' if at == 0 else 'last'} bar, whose other neighbour is not there: "
                    "kept unless the row is named",
                )
            )
    return wild + found


def _repeated(times: pd.DatetimeIndex, close: npt.NDArray[np.float64]) -> list[Finding]:
    """Runs of closes that stand in the history before, bar by bar."""
    if len(close) < 2 * BLOCK_BARS:
        return []
    # A window as one number: equal windows have equal numbers, and others as good as never.
    bits = close.view(np.uint64)
    weights = np.random.default_rng(1).integers(1, 2**63, BLOCK_BARS, dtype=np.uint64) | 1
    count = len(close) - BLOCK_BARS + 1
    hashed = np.zeros(count, dtype=np.uint64)
    for k in range(BLOCK_BARS):
        hashed += bits[k : k + count] * weights[k]
    _, first, inverse = np.unique(hashed, return_index=True, return_inverse=True)
    before = first[inverse]
    at = np.flatnonzero(before < np.arange(count))
    found: list[Finding] = []
    end = -1
    for i in at.tolist():
        if i < end:
            continue
        window = close[i : i + BLOCK_BARS]
        origin = int(before[i])
        if len(np.unique(window)) < BLOCK_VALUES or origin + BLOCK_BARS > i:
            continue  # a price that hardly moves repeats itself
        end = i + BLOCK_BARS
        while end < len(close) and close[end] == close[origin + end - i]:
            end += 1
        detail = f"the closes from {times[origin].isoformat()} on, again: a block pasted twice?"
        found.append(Finding(Kind.REPEATED, times[i], times[end - 1], end - i, detail))
    return found


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
