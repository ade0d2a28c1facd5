"""The accounts of a cascade in order: a heap of those partly closed, a queue of what is ordered."""

from __future__ import annotations

import math

from riskkit.compiled import Matrix, Real, Truth, Vector, Whole, inlined
from riskkit.venue.cascade_values import (
    CASH,
    CLIP,
    ENTRY,
    HIT,
    KIND,
    MAINTENANCE,
    NEVER,
    QUANTITY,
    RESTORE,
    ROW,
    SIDE,
    TRIGGER,
    CascadeRules,
)


@inlined
def push(
    heap: Matrix, size: Whole, key: Real, q: Real, c: Real, m: Real, e: Real, kind: Real
) -> Whole:
    """Add an account to a heap whose largest key comes first; returns its new size."""
    i = size
    while i > 0:
        above = (i - 1) >> 1
        if heap[above, TRIGGER] >= key:
            break
        for j in range(KIND + 1):
            heap[i, j] = heap[above, j]
        i = above
    heap[i, TRIGGER], heap[i, QUANTITY], heap[i, CASH] = key, q, c
    heap[i, MAINTENANCE], heap[i, ENTRY], heap[i, KIND] = m, e, kind
    return size + 1


@inlined
def pop(heap: Matrix, size: Whole) -> Whole:
    """Drop the first account of a heap; returns its new size."""
    last = size - 1
    key, i = heap[last, TRIGGER], 0
    while True:
        below = 2 * i + 1
        if below >= last:
            break
        if below + 1 < last and heap[below + 1, TRIGGER] > heap[below, TRIGGER]:
            below += 1
        if heap[below, TRIGGER] <= key:
            break
        for j in range(KIND + 1):
            heap[i, j] = heap[below, j]
        i = below
    for j in range(KIND + 1):
        heap[i, j] = heap[last, j]
    return last


@inlined
def order_heap(heap: Matrix, size: Whole, spare: Vector) -> None:
    """Make the first rows of a table a heap again, whatever their order (Floyd)."""
    for top in range(size // 2 - 1, -1, -1):
        for j in range(KIND + 1):
            spare[j] = heap[top, j]
        i = top
        while True:
            below = 2 * i + 1
            if below >= size:
                break
            if below + 1 < size and heap[below + 1, TRIGGER] > heap[below, TRIGGER]:
                below += 1
            if heap[below, TRIGGER] <= spare[TRIGGER]:
                break
            for j in range(KIND + 1):
                heap[i, j] = heap[below, j]
            i = below
        for j in range(KIND + 1):
            heap[i, j] = spare[j]


@inlined
def first_account(
    rows: Matrix,
    entries: Vector,
    kinds: Vector,
    at: Whole,
    heap: Matrix,
    size: Whole,
    of_heap: Truth,
) -> tuple[Whole, Whole, Real, Real, Real, Real, Real]:
    """Take the first account of a heap, or that of the sorted rows.

    Returns
    -------
    tuple
        The next of the rows, the heap's size; the account's quantity, cash, maintenance, entry and
        kind.
    """
    if of_heap:
        q, c, m, e = heap[0, QUANTITY], heap[0, CASH], heap[0, MAINTENANCE], heap[0, ENTRY]
        kind = heap[0, KIND]
        return at, pop(heap, size), q, c, m, e, kind
    q, c, m = rows[at, QUANTITY], rows[at, CASH], rows[at, MAINTENANCE]
    return at + 1, size, q, c, m, entries[at], kinds[at]


@inlined
def wait(queue: Matrix, at: Whole, account: Vector) -> None:
    """Write an ordered account into row ``at`` of a queue that goes round."""
    row = at % queue.shape[0]
    for j in range(ROW):
        queue[row, j] = account[j]


@inlined
def take(queue: Matrix, at: Whole, account: Vector) -> None:
    """Read row ``at`` of a queue that goes round."""
    row = at % queue.shape[0]
    for j in range(ROW):
        account[j] = queue[row, j]


@inlined
def log_trigger(side: Real, q: Real, c: Real, m: Real) -> Real:
    """Log price at which an account is at its requirement; beyond every price if there is none."""
    if side > 0.0:
        return math.log(-c / (q * (1.0 - m))) if c < 0.0 else -NEVER
    return math.log(c / (q * (1.0 + m))) if c > 0.0 else -NEVER


@inlined
def posted_again(side: Real, q: Real, c: Real, m: Real, e: Real) -> Real:
    """Margin, of the notional, that an account posted at its entry; whoever follows posts as much.

    At least 1.2 times the maintenance: an account that was closed in part has other cash.
    """
    return max((c + side * q * e) / (q * e), 1.2 * m)


@inlined
def follow(
    rows: Matrix, many: Whole, side: Real, q: Real, c: Real, m: Real, e: Real, kind: Real
) -> Whole:
    """Note who follows an account that is closed; returns how many there are now."""
    rows[many, SIDE], rows[many, QUANTITY], rows[many, MAINTENANCE] = side, q, m
    rows[many, CASH] = posted_again(side, q, c, m, e)
    rows[many, KIND] = kind if kind < HIT else kind - HIT
    return many + 1


@inlined
def published(
    shown: Real, extreme: Real, close: Real, side: Real, rules: CascadeRules
) -> tuple[Real, Real]:
    """What an oracle shows after a bar's extreme and close, and the worst it showed on the way.

    Parameters
    ----------
    side : float
        1.0 where lower is worse.
    """
    seen = shown
    news = abs(math.expm1(extreme - shown)) >= rules.deviation
    if news:
        shown = seen = extreme
    if abs(math.expm1(close - shown)) >= rules.deviation:
        shown = close
        if not news or side * shown < side * seen:
            seen = shown
    return shown, seen


@inlined
def worth_of(rows: Matrix, first: Whole, end: Whole, side: Real, p: Real) -> Real:
    """Equity of accounts in some rows of a table that goes round, all of one side."""
    total = 0.0
    for i in range(first, end):
        row = i % rows.shape[0]
        total += rows[row, CASH] + side * rows[row, QUANTITY] * p
    return total


@inlined
def ordered_worth(rows: Matrix, first: Whole, end: Whole, p: Real) -> Real:
    """Equity of ordered accounts, each of its own side."""
    total = 0.0
    for i in range(first, end):
        row = i % rows.shape[0]
        total += rows[row, CASH] + rows[row, SIDE] * rows[row, QUANTITY] * p
    return total


@inlined
def ordered_share(equity: Real, value: Real, m: Real, cost: Real, rules: CascadeRules) -> Real:
    """Share of an account that a close-out orders."""
    if rules.close_out == RESTORE and equity > 0.0 and rules.level > max(m, cost):
        share = (rules.level - equity / value) / (rules.level - cost)
        return min(max(share, 0.0), 1.0)
    if rules.close_out == CLIP and value > rules.clip_above:
        return rules.level
    return 1.0
