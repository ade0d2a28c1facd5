"""Books run along paths that are given, with the uniforms of lags that are drawn.

The mechanism itself is `riskkit.venue.run`. Lags that are distributions draw their uniforms from
the path's own counters: the same for every account, number of threads or of paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from riskkit.compiled import Matrix, Whole, Word, inlined
from riskkit.paths.bits import BAR_BITS, Use, hash_bits, random_bits, stream_key
from riskkit.simulation.rows import exposure
from riskkit.simulation.screen import Screen, is_near, next_due, screen_of, trigger_level
from riskkit.venue.book import CLOSED, OPEN, Book, Terms, accrue, copy_book, open_book
from riskkit.venue.mechanism import Loan, Mechanism, Position
from riskkit.venue.oracle import SOURCE, LagUniforms, Sight, Tape, publish
from riskkit.venue.run import Events, Venue, act, begin, blind, no_events, venue_numbers

Array = npt.NDArray[np.float64]


class PathRoom(NamedTuple):
    """Arrays that one thread writes into while it runs a book along a path."""

    market: Tape
    uniforms: LagUniforms
    sight: Sight
    book: Book
    events: Events


class Opening(NamedTuple):
    """What a run does not change.

    The book as it opens, its terms, the venue, the keys of its lags, and what its triggers are.
    """

    horizon: Whole
    opening: Book
    terms: Terms
    venue: Venue
    latency_key: Word
    delay_key: Word
    screen: Screen


@inlined
def draw_uniforms(
    key: Word, path: Whole, t: Whole, out: Matrix
) -> None:  # pragma: no cover - compiled
    """Two uniforms in (0, 1) for one bar of a path: the halves of one hash."""
    z = hash_bits(((np.uint64(path) << np.uint64(BAR_BITS)) + np.uint64(t)) ^ key)
    out[t, 0] = (np.float64(z >> np.uint64(32)) + 0.5) * 2.0**-32
    out[t, 1] = (np.float64(z & np.uint64(0xFFFFFFFF)) + 0.5) * 2.0**-32


@inlined
def catch_up(
    begin: Whole, end: Whole, closes: Matrix, book: Book, terms: Terms
) -> None:  # pragma: no cover - compiled
    """What accrued in bars begin … end - 1, which were passed over."""
    for t in range(begin, end):
        for k in range(book.cash.size):
            if book.due[k] != CLOSED:
                accrue(book, k, closes[t], terms)


@inlined
def run_one(number: Whole, setting: Opening, room: PathRoom) -> None:  # pragma: no cover - compiled
    """Run the book along the path that lies in the room's market, which is path ``number``.

    As `riskkit.venue.run.run_book` does, but for bars in which nothing can happen.
    """
    horizon, terms, venue, screen = setting.horizon, setting.terms, setting.venue, setting.screen
    market, uniforms, sight, book, events = room
    # Lags are drawn in the bars that ask for them: most paths end early, and few bars close out.
    late, delayed = venue.oracle.latency.constant < 0, venue.rules.delay.constant < 0
    begin(market, sight, book, setting.opening, events)
    level, due, last = screen.level, OPEN, 0
    for t in range(1, market.closes.shape[0]):
        if late:
            draw_uniforms(setting.latency_key, number, t, uniforms.latency)
        publish(t, market, uniforms.latency, venue.oracle, sight)
        level = level * screen.growth + screen.drift * market.closes[t, 0]
        watched = sight.clock[SOURCE] <= horizon
        if due == OPEN and not watched:
            return
        if due != t and not (watched and is_near(sight.seen[0], level, screen.sign)):
            continue
        if screen.accrues:
            catch_up(last + 1, t, market.closes, book, terms)
        if delayed:
            draw_uniforms(setting.delay_key, number, t, uniforms.delay)
        if not act(t, horizon, market, uniforms, sight, book, terms, venue, events):
            return
        level, due, last = trigger_level(book, terms, screen.sign), next_due(book), t


def settle_in(
    positions: Sequence[Position], mechanism: Mechanism, horizon: int, seed: int
) -> Opening:
    """Positions of one kind under one mechanism, as the compiled functions take them."""
    opening, terms = open_book(positions)
    return Opening(
        horizon,
        opening,
        terms,
        venue_numbers(mechanism, isinstance(positions[0], Loan)),
        np.uint64(stream_key(seed, Use.LATENCY)),
        np.uint64(stream_key(seed, Use.DELAY)),
        screen_of(positions, opening, terms),
    )


def make_room(setting: Opening, bars: int, sign: int, *, extremes: bool = False) -> PathRoom:
    """Room for paths of so many bars; without extremes the closes are what the market touched."""
    closes = np.ones((bars + 1, 1))
    touched = np.ones((bars + 1, 1)) if extremes else closes
    uniforms = LagUniforms(np.zeros((bars + 1, 2)), np.zeros((bars + 1, 2)))
    fills = np.ones((bars + 1, 1)) if extremes else closes
    market = Tape(closes, touched, np.array([float(sign)]), fills)
    accounts = setting.opening.cash.size
    return PathRoom(market, uniforms, blind(), copy_book(setting.opening), no_events(accounts))


def lag_uniforms(seed: int, path: int, bars: int) -> LagUniforms:
    """The uniforms that a path's lags are drawn from, for a run along one path."""
    pairs = []
    for use in (Use.LATENCY, Use.DELAY):
        z = random_bits(stream_key(seed, use), path, 1, np.arange(bars + 1))[0]
        halves = np.stack([z >> np.uint64(32), z & np.uint64(0xFFFFFFFF)], axis=1)
        pairs.append((halves.astype(np.float64) + 0.5) * 2.0**-32)
    return LagUniforms(*pairs)


def run_paths(
    closes: Array,
    extremes: Array,
    positions: Sequence[Position],
    mechanism: Mechanism,
    horizon: int,
    seed: int,
    first_path: int = 0,
    fills: Array | None = None,
) -> Events:
    """What becomes of positions on many paths, shape (paths, positions).

    Parameters
    ----------
    closes, extremes : ndarray (paths, bars + 1)
        Prices relative to the opening, which is column 0.
    fills : ndarray (paths, bars + 1), optional
        Where close-outs are filled; at the closes if not given.
    """
    setting = settle_in(positions, mechanism, horizon, seed)
    paths, columns = closes.shape
    room = make_room(setting, columns - 1, exposure(positions[0]), extremes=True)
    shape = (paths, len(positions))
    arrays: list[Any] = [np.zeros(shape, dtype=a.dtype) for a in room.events]
    found = Events(*arrays)
    for i in range(paths):
        room.market.closes[:, 0], room.market.touched[:, 0] = closes[i], extremes[i]
        room.market.fills[:, 0] = closes[i] if fills is None else fills[i]
        run_one(first_path + i, setting, room)
        for rows, row in zip(found, room.events, strict=True):
            rows[i] = row
    return found
