"""Positions opened one after another along one history, each run by the whole mechanism.

A position whose trigger no price of its bars comes near, at the largest requirement in force in
them, is passed over; of any other every bar is run, since what is required may change in it.
History has one oracle and one chain: a lag that is drawn is drawn once for a bar, and every
position that is open in it meets the same.
What `riskkit.proof.schedule` answers faster where positions are closed in full at one cost after
fixed lags.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Integers, Truth, Vector, Whole, compiled, inlined
from riskkit.errors import InputError
from riskkit.simulation.mechanism_kernel import (
    Opening,
    PathRoom,
    lag_uniforms,
    make_room,
    settle_in,
)
from riskkit.simulation.rows import exposure
from riskkit.simulation.screen import Screen, is_quiet, slope, trigger_level
from riskkit.venue.book import Book, Terms, open_alike
from riskkit.venue.mechanism import Mechanism, Position, bars_needed, check_mechanism
from riskkit.venue.oracle import LagUniforms
from riskkit.venue.run import Events, begin, no_events, run_bar

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Course(NamedTuple):
    """A history as positions meet it, shape (bars,) by bar.

    Attributes
    ----------
    closes, touched : ndarray
        Closes, and lows (long) or highs (short); closes again where there are none.
    filled : ndarray
        Where a close-out of each bar is filled.
    required : ndarray
        What is required in the bar in place of the positions' own terms (the maintenance margin,
        or one less the liquidation threshold); empty for their own.
    uniforms : LagUniforms
    """

    closes: Vector
    touched: Vector
    filled: Vector
    required: Vector
    uniforms: LagUniforms


@dataclass(frozen=True)
class MetPrices:
    """A history's prices as positions meet them, shape (bars,).

    Attributes
    ----------
    closes : ndarray
    extremes : ndarray, optional
        Lows (long) or highs (short); without them triggers between closes go unseen.
    fills : ndarray, optional
        Prices at which a close-out of each bar is filled; the closes if not given.
    required : ndarray, optional
        Requirement in force in each bar (the maintenance margin, or one less the liquidation
        threshold) in place of the positions' own.
    """

    closes: Array = field(repr=False)
    extremes: Array | None = field(default=None, repr=False)
    fills: Array | None = field(default=None, repr=False)
    required: Array | None = field(default=None, repr=False)

    def course(self, uniforms: LagUniforms) -> Course:
        """What the compiled run reads."""
        closes, required = self.closes, self.required
        return Course(
            np.array(closes, dtype=np.float64),
            np.array(closes if self.extremes is None else self.extremes, dtype=np.float64),
            np.array(closes if self.fills is None else self.fills, dtype=np.float64),
            np.empty(0) if required is None else np.array(required, dtype=np.float64),
            uniforms,
        )


@inlined
def _take(
    k: Whole, book: Book, terms: Terms, setting: Opening
) -> None:  # pragma: no cover - compiled
    """Account ``k`` and its terms into a setting of one account."""
    one, own = setting.opening, setting.terms
    one.cash[0], one.quantity[0, 0] = book.cash[k], book.quantity[k, 0]
    one.scale[0] = book.scale[k]
    own.haircut[0, 0], own.maintenance[0, 0] = terms.haircut[k, 0], terms.maintenance[k, 0]


@inlined
def _is_quiet(
    start: Whole, bars: Whole, course: Course, setting: Opening
) -> Truth:  # pragma: no cover - compiled
    """Whether the setting's account, opened at the close of a bar, is never near its trigger."""
    closes, touched, required = course.closes, course.touched, course.required
    one, own, sign = setting.opening, setting.terms, setting.screen.sign
    lowest = highest = closes[start]
    most = required[start + 1] if required.size > 0 else 0.0
    for t in range(start + 1, start + bars + 1):
        lowest = min(lowest, closes[t], touched[t])
        highest = max(highest, closes[t], touched[t])
        if required.size > 0:
            most = max(most, required[t])
    if required.size > 0:
        if own.owned[0, 0] > 0.0:
            own.haircut[0, 0] = most
        else:
            own.maintenance[0, 0] = most
    rate = slope(one, 0, own)
    drift = 0.0 if own.funding[0, 0] == 0.0 else own.funding[0, 0] * one.quantity[0, 0] / rate
    screen = Screen(
        math.inf,
        sign,
        trigger_level(one, own, sign),
        drift,
        1.0 + own.interest[0],
        True,
    )
    adverse, other = (lowest, highest) if sign > 0.0 else (highest, lowest)
    first = closes[start]
    quiet: bool = is_quiet(
        sign * math.log(adverse / first), sign * math.log(other / first), bars, screen
    )
    return quiet and sign * rate > 0.0


@compiled()
def _run(  # pragma: no cover - compiled
    course: Course,
    opened: Integers,
    book: Book,
    terms: Terms,
    setting: Opening,
    room: PathRoom,
    found: Events,
) -> None:
    """Each account by itself, the k-th opened at the close of bar ``opened[k]``."""
    closes, touched, required = course.closes, course.touched, course.required
    late, slow = course.uniforms.latency, course.uniforms.delay
    price, extreme, sold = room.market.closes, room.market.touched, room.market.fills
    filled = course.filled
    latency, delay = room.uniforms.latency, room.uniforms.delay
    haircut, maintenance = setting.terms.haircut, setting.terms.maintenance
    owned = setting.terms.owned[0, 0] > 0.0
    events, bars = room.events, price.shape[0] - 1
    for k in range(opened.size):
        start = opened[k]
        _take(k, book, terms, setting)
        if _is_quiet(start, bars, course, setting):
            continue
        for t in range(bars + 1):
            price[t, 0] = closes[start + t] / closes[start]
            extreme[t, 0] = touched[start + t] / closes[start]
            sold[t, 0] = filled[start + t] / closes[start]
            for j in range(2):
                latency[t, j], delay[t, j] = late[start + t, j], slow[start + t, j]
        _take(k, book, terms, setting)  # its own requirement again
        begin(room.market, room.sight, room.book, setting.opening, events)
        for t in range(1, bars + 1):
            if required.size > 0 and owned:
                haircut[0, 0] = required[start + t]
            elif required.size > 0:
                maintenance[0, 0] = required[start + t]
            if not run_bar(
                t,
                setting.horizon,
                room.market,
                room.uniforms,
                room.sight,
                room.book,
                setting.terms,
                setting.venue,
                events,
            ):
                break
        found.trigger_bar[k], found.default_bar[k] = events.trigger_bar[0], events.default_bar[0]
        found.unfair[k], found.closures[k] = events.unfair[0], events.closures[0]
        found.loss[k] = events.loss[0]


def run_openings(
    prices: MetPrices,
    opened: Ints,
    like: Position,
    limits: tuple[Array, Array],
    mechanism: Mechanism,
    *,
    horizon: int,
    lots: tuple[int, int],
) -> Events:
    """Run positions (k,) opened at the closes of the bars ``opened`` (k,), each on its own.

    Parameters
    ----------
    prices : MetPrices
        Every position needs `riskkit.venue.mechanism.bars_needed` bars after its opening.
    like : Position
        What all are like but for their limits.
    limits : (ndarray (k,), ndarray (k,))
        Trigger and opening of each: MM and IM, or LT and LTV.
    lots : (int, int)
        Seed of the lags that are drawn, and number of the history.

    Returns
    -------
    Events
        Of shape (k,); bars count from each opening.

    Raises
    ------
    InputError
        If the mechanism breaks a rule, or the prices end before a position is closed.
    """
    check_mechanism(mechanism)
    bars = bars_needed(mechanism, horizon, like.notional)
    found = no_events(opened.size)
    if opened.size == 0:
        return found
    if int(opened.min()) < 0 or int(opened.max()) + bars >= prices.closes.size:
        raise InputError(
            "opened",
            (int(opened.min()), int(opened.max())),
            f"must be bars of the history with {bars} bars after them",
            "Open no position that the prices end before",
        )
    book, terms = open_alike(like, *limits)
    setting = settle_in([like], mechanism, horizon, lots[0])
    course = prices.course(lag_uniforms(*lots, prices.closes.size))
    room = make_room(setting, bars, exposure(like), extremes=True)
    _run(course, np.array(opened, dtype=np.int64), book, terms, setting, room, found)
    return found
