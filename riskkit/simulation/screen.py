"""In which bars of a path something can happen to any of many accounts, all of one exposure.

Most bars are quiet: nothing is due, and no account has its trigger near. There only the oracle
moves, and what accrues. Each account's trigger is a price, at which its health is zero; the most
exposed one's, moved by funding and interest, says whether a bar may be passed over. The rule
itself is asked in every other bar, so that a bar looked at in vain costs time, never a number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from riskkit.compiled import Real, Truth, Whole, inlined
from riskkit.simulation.rows import exposure, screen_level
from riskkit.venue.book import CLOSED, OPEN, Book, Terms
from riskkit.venue.mechanism import Position

SLACK = 1e-9  # on the safe side of rounding
FAR = 1e300  # a level that no price reaches, or that every price is beyond


class Screen(NamedTuple):
    """What triggers the most exposed of some accounts as they open.

    Attributes
    ----------
    safe : float
        Log price times the sign above which a path triggers nothing; infinite where carry accrues.
    sign : float
        1 where a fall triggers, -1 where a rise does.
    level : float
        Price that triggers.
    drift : float
        By which the level moves in a bar, times the bar's price: funding.
    growth : float
        By which it is multiplied in a bar: a loan's interest.
    accrues : bool
        Whether there is either.
    """

    safe: Real
    sign: Real
    level: Real
    drift: Real
    growth: Real
    accrues: Truth


@inlined
def slope(book: Book, k: Whole, terms: Terms) -> Real:
    """By how much the health of an account in one instrument grows with its price."""
    row = book.terms[k]
    quantity: float = book.quantity[k, 0]
    owned = max(quantity, 0.0) if terms.owned[row, 0] > 0.0 else 0.0
    asked: float = terms.haircut[row, 0] * owned + terms.maintenance[row, 0] * abs(quantity)
    return quantity - asked


@inlined
def trigger_level(book: Book, terms: Terms, sign: Real) -> Real:
    """Price that triggers the most exposed account that is open and not yet scheduled."""
    worst = -FAR
    for k in range(book.cash.size):
        if book.due[k] == OPEN:
            basis = 0.0 if terms.owned[book.terms[k], 0] > 0.0 else book.entry[k, 0]
            rate = sign * slope(book, k, terms)
            fixed: float = book.cash[k] - book.quantity[k, 0] * basis
            level = -fixed / rate if rate > 0.0 else FAR
            worst = max(worst, level)
    return sign * worst


@inlined
def next_due(book: Book) -> Whole:
    """The next bar in which a close-out is due; OPEN if none is."""
    first = OPEN
    for k in range(book.cash.size):
        due = book.due[k]
        if due != OPEN and due != CLOSED and (first == OPEN or due < first):
            first = due
    return first


@inlined
def is_near(seen: Real, level: Real, sign: Real) -> Truth:
    """Whether a price that the oracle showed may trigger an account at ``level``."""
    return sign * (seen - level) <= SLACK * (1.0 + seen + abs(level))


@inlined
def is_quiet(lowest: Real, highest: Real, bars: Whole, screen: Screen) -> Truth:
    """Whether a whole path leaves every account as it opened.

    ``lowest`` and ``highest`` bound its log price times the sign, the opening's 0 included. Where
    carry accrues, the level is bounded by all of its bars at the path's largest price.
    """
    if not screen.accrues:
        return lowest > screen.safe
    sign, growth = screen.sign, screen.growth**bars
    level = sign * screen.level
    if level > 0.0:
        level *= growth
    if sign * screen.drift > 0.0:  # a price that explodes takes the bound with it
        dearest = math.exp(highest if sign > 0.0 else -lowest)
        level += sign * screen.drift * bars * dearest * growth
    return not is_near(math.exp(sign * lowest), sign * level, sign)


def screen_of(positions: Sequence[Position], opening: Book, terms: Terms) -> Screen:
    """The screen of positions of one kind and exposure, and of the book that they open."""
    sign = float(exposure(positions[0]))
    slopes = [slope.py_func(opening, k, terms) for k in range(len(positions))]
    drifts = [
        sign * f * q / b if sign * b > 0.0 else FAR
        for f, q, b in zip(terms.funding[:, 0], opening.quantity[:, 0], slopes, strict=True)
    ]
    return Screen(
        max(screen_level(p) for p in positions),
        sign,
        float(trigger_level.py_func(opening, terms, sign)),
        float(sign * max(drifts)) if terms.funding.any() else 0.0,
        float(1.0 + terms.interest.max()),
        bool(terms.funding.any() or terms.interest.any()),
    )
