"""Owners who act before a bar, on no more than the bar before has shown, as a compiled function."""

from __future__ import annotations

import math

from riskkit.compiled import Matrix, Real, Vector, Whole, inlined
from riskkit.venue.cascade_accounts import log_trigger, order_heap, push
from riskkit.venue.cascade_values import (
    ACTS,
    CASH,
    ENTRY,
    HIT,
    KIND,
    MAINTENANCE,
    QUANTITY,
    TRIGGER,
    WITHDRAWS,
    OwnerLaw,
)

# Above the requirement by so little, a fraction of the notional, an account is not closed.
ABOVE = 1e-9


@inlined
def put_acting(rows: Matrix, heap: Matrix, side: Real) -> Whole:
    """Put the accounts whose owners act into their side's empty heap; returns how many."""
    size = 0
    for i in range(rows.shape[0]):
        size = push(
            heap,
            size,
            side * rows[i, TRIGGER],
            rows[i, QUANTITY],
            rows[i, CASH],
            rows[i, MAINTENANCE],
            rows[i, ENTRY],
            rows[i, KIND],
        )
    return size


@inlined
def act(
    heap: Matrix, size: Whole, spare: Vector, seen: Vector, margin: Real, law: OwnerLaw
) -> Real:
    """Let the owners of one side act; returns the money that they put in, below 0 if taken out.

    Parameters
    ----------
    seen : ndarray (3,)
        Side; log of the price that will be printed, as far as it is known; of the market.
    margin : float
        Maintenance margin in force, where that is above an account's own.
    """
    side, shown, market = seen[0], math.exp(seen[1]), math.exp(seen[2])
    moved = 0.0
    for i in range(size):
        kind = heap[i, KIND]
        if kind - (HIT if kind >= HIT else 0) < ACTS:
            continue
        q, c, m = heap[i, QUANTITY], heap[i, CASH], max(heap[i, MAINTENANCE], margin)
        value = q * shown
        equity = c + side * value
        change = 0.0
        if law.conduct == WITHDRAWS:
            change = min(max(law.floor, m + ABOVE) * value - equity, 0.0)
        elif c + side * q * market > 0.0:
            change = max((m + ABOVE) * value - equity, 0.0)
        if change != 0.0:
            moved += change
            heap[i, CASH] = c + change
            heap[i, TRIGGER] = side * log_trigger(side, q, c + change, heap[i, MAINTENANCE])
    if moved != 0.0:
        order_heap(heap, size, spare)
    return moved
