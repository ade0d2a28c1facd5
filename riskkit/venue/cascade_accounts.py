"""The accounts of a cascade in order: a heap of those partly closed, a queue of what is ordered."""

from __future__ import annotations

import math

from riskkit.compiled import Matrix, Real, Truth, Vector, Whole, inlined
from riskkit.venue.cascade_values import (
    CASH,
    CLIP,
    MAINTENANCE,
    NEVER,
    QUANTITY,
    RESTORE,
    ROW,
    TRIGGER,
    CascadeRules,
)


@inlined
def push(heap: Matrix, size: Whole, key: Real, q: Real, c: Real, m: Real) -> Whole:
    """Add an account to a heap whose largest key comes first; returns its new size."""
    i = size
    while i > 0:
        above = (i - 1) >> 1
        if heap[above, TRIGGER] >= key:
            break
        for j in range(4):
            heap[i, j] = heap[above, j]
        i = above
    heap[i, TRIGGER], heap[i, QUANTITY], heap[i, CASH], heap[i, MAINTENANCE] = key, q, c, m
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
        for j in range(4):
            heap[i, j] = heap[below, j]
        i = below
    for j in range(4):
        heap[i, j] = heap[last, j]
    return last


@inlined
def first_account(
    rows: Matrix, at: Whole, heap: Matrix, size: Whole, of_heap: Truth
) -> tuple[Whole, Whole, Real, Real, Real]:
    """Take the first account of a heap, or that of the sorted rows.

    Returns
    -------
    tuple
        The next of the rows, the heap's size, and the account's quantity, cash and maintenance.
    """
    if of_heap:
        q, c, m = heap[0, QUANTITY], heap[0, CASH], heap[0, MAINTENANCE]
        return at, pop(heap, size), q, c, m
    return at + 1, size, rows[at, QUANTITY], rows[at, CASH], rows[at, MAINTENANCE]


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
def ordered_share(equity: Real, value: Real, m: Real, cost: Real, rules: CascadeRules) -> Real:
    """Share of an account that a close-out orders."""
    if rules.close_out == RESTORE and equity > 0.0 and rules.level > max(m, cost):
        share = (rules.level - equity / value) / (rules.level - cost)
        return min(max(share, 0.0), 1.0)
    if rules.close_out == CLIP and value > rules.clip_above:
        return rules.level
    return 1.0
