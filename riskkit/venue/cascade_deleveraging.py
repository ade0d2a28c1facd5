"""Winners who take over what nobody else can carry, account by account, as compiled functions.

A bankrupt position is handed to accounts of the other side at its bankruptcy price, in the order of
a venue's rank, taken anew in each bar, or pro rata to profit. Only profit is taken: no winner
is closed beyond the price at which he entered, or beyond his own bankruptcy price where he has
withdrawn what he won.
"""

from __future__ import annotations

import numpy as np

from riskkit.compiled import Integers, Matrix, Real, Vector, Whole, compiled, inlined
from riskkit.venue.cascade_accounts import follow, log_trigger, order_heap
from riskkit.venue.cascade_values import (
    CASH,
    CLASSES,
    ENTRY,
    HIT,
    KIND,
    MAINTENANCE,
    MARK_OVER_ENTRY,
    PRO_RATA,
    QUANTITY,
    RETURN_TIMES_LEVERAGE,
    TRIGGER,
)

# What is asked: the winners' side, what is to be taken over and at which price, the market, the
# rule, whether accounts that are gone are followed.
WINNERS, WANTED, BANKRUPTCY, MARKET, RULE, FOLLOWED = range(6)
# What came of it: taken over, the money paid for it, what of it hedgers and makers held, equity of
# those who are gone, how many were hit for the first time, the largest share of a profit.
TAKEN, PAID, OF_HEDGERS, OF_MAKERS, GONE, NEWLY_HIT, MOST, FOLLOWERS = range(8)

HEDGERS, MAKERS = 1, 2


@compiled()
def all_in_heap(  # pragma: no cover - compiled
    rows: Matrix,
    entries: Vector,
    kinds: Vector,
    first: Whole,
    heap: Matrix,
    size: Whole,
    side: Real,
) -> Whole:
    """Put what is left of sorted rows into their side's heap; returns its new size."""
    spare = np.empty(KIND + 1)
    for i in range(first, rows.shape[0]):
        heap[size, TRIGGER] = side * rows[i, TRIGGER]
        heap[size, QUANTITY], heap[size, CASH] = rows[i, QUANTITY], rows[i, CASH]
        heap[size, MAINTENANCE], heap[size, ENTRY] = rows[i, MAINTENANCE], entries[i]
        heap[size, KIND] = kinds[i]
        size += 1
    order_heap(heap, size, spare)
    return size


@inlined
def rank_of(heap: Matrix, i: Whole, side: Real, p: Real, rule: Whole) -> Real:
    """Rank of an account by a venue's rule: the largest goes first."""
    q, c, e = heap[i, QUANTITY], heap[i, CASH], heap[i, ENTRY]
    value = q * p
    equity = max(c + side * value, 1e-12 * value)
    gain = side * q * (p - e)
    if rule == RETURN_TIMES_LEVERAGE:
        found: float = gain / (q * e) * value / equity
        return found
    if rule == MARK_OVER_ENTRY:
        found = (p / e if side > 0.0 else e / p) * value / equity
        return found
    wallet = max(equity - gain, 1e-12 * value)
    found = gain / wallet * heap[i, MAINTENANCE] * value / equity
    return found


@inlined
def bears(heap: Matrix, i: Whole, asked: Vector) -> Real:
    """The price at which a winner is closed: the bankruptcy price, or that which leaves no profit.

    For a short who wins the lowest of the bankruptcy price, his entry, and where his own equity
    ends; at or below the market for one who has nothing to give.
    """
    own = -asked[WINNERS] * heap[i, CASH] / heap[i, QUANTITY]
    if asked[WINNERS] < 0.0:
        found: float = min(asked[BANKRUPTCY], min(heap[i, ENTRY], own))
        return found
    found = max(asked[BANKRUPTCY], max(heap[i, ENTRY], own))
    return found


@inlined
def hand_over(
    heap: Matrix, i: Whole, units: Real, asked: Vector, next_ones: Matrix, told: Vector
) -> None:
    """Close so many units of a winner, and write what that came to."""
    side, p = asked[WINNERS], asked[MARKET]
    q, c, m = heap[i, QUANTITY], heap[i, CASH], heap[i, MAINTENANCE]
    e, kind = heap[i, ENTRY], heap[i, KIND]
    price = bears(heap, i, asked)
    told[TAKEN] += units
    told[PAID] += units * price
    told[MOST] = max(told[MOST], units * (price - p) / (q * (e - p)))
    of = kind if kind < HIT else kind - HIT
    of = of if of < CLASSES else of - CLASSES
    if of == HEDGERS:
        told[OF_HEDGERS] += units
    if of == MAKERS:
        told[OF_MAKERS] += units
    if kind < HIT:
        told[NEWLY_HIT] += 1.0
        heap[i, KIND] = kind + HIT
    cash = c + side * units * price
    if units >= q * (1.0 - 1e-12):
        told[GONE] += cash
        if asked[FOLLOWED] > 0.0:
            many = int(told[FOLLOWERS])
            told[FOLLOWERS] = follow(next_ones, many, side, q, c, m, e, kind)
        heap[i, QUANTITY] = 0.0
        return
    heap[i, QUANTITY], heap[i, CASH] = q - units, cash
    heap[i, TRIGGER] = side * log_trigger(side, q - units, cash, m)


@inlined
def sift(order: Integers, score: Vector, size: Whole, top: Whole) -> None:
    """Let one account of a heap by rank sink to its place; of equal ranks the earlier row leads."""
    i, k = top, order[top]
    while True:
        below = 2 * i + 1
        if below >= size:
            break
        first, other = order[below], 0
        if below + 1 < size:
            other = order[below + 1]
            if score[other] > score[first] or (score[other] == score[first] and other < first):
                below, first = below + 1, other
        if score[first] < score[k] or (score[first] == score[k] and k < first):
            break
        order[i] = first
        i = below
    order[i] = k


@compiled()
def rank_winners(  # pragma: no cover - compiled
    heap: Matrix, size: Whole, asked: Vector, order: Integers, score: Vector
) -> Whole:
    """Put all who have profit into a heap by rank; returns how many."""
    side, p, rule, many = asked[WINNERS], asked[MARKET], int(asked[RULE]), 0
    for i in range(size):
        score[i] = 0.0
        if heap[i, QUANTITY] <= 0.0 or side * (p - bears(heap, i, asked)) <= 0.0:
            continue
        if rule == PRO_RATA:
            score[i] = side * heap[i, QUANTITY] * (p - heap[i, ENTRY])
        else:
            score[i] = rank_of(heap, i, side, p, rule)
        order[many] = i
        many += 1
    if rule != PRO_RATA:
        for top in range(many // 2 - 1, -1, -1):
            sift(order, score, many, top)
    return many


@compiled()
def deleverage(  # pragma: no cover - compiled
    heap: Matrix,
    many: Whole,
    asked: Vector,
    order: Integers,
    score: Vector,
    next_ones: Matrix,
    told: Vector,
) -> Whole:
    """Let ranked winners take over; fills ``told`` and returns how many of them are left.

    The rows that they are in keep their places, those of accounts that are gone with quantity 0:
    `tidied` makes them a heap again.
    """
    side, p, wanted = asked[WINNERS], asked[MARKET], asked[WANTED]
    followers = told[FOLLOWERS]
    told[:] = 0.0
    told[FOLLOWERS] = followers
    if int(asked[RULE]) == PRO_RATA:
        # in proportion to profit; where that is more than an account holds, all of it, and again
        left, whole = wanted, 0.0
        for j in range(many):
            i = order[j]
            free = side * (p - bears(heap, i, asked)) > 0.0 if heap[i, QUANTITY] > 0.0 else False
            score[i] = side * heap[i, QUANTITY] * (p - heap[i, ENTRY]) if free else 0.0
            whole += score[i]
        while left > 1e-12 * wanted and whole > 0.0:
            share, still, done = left / whole, 0.0, 0.0
            for j in range(many):
                i = order[j]
                if score[i] <= 0.0:
                    continue
                units = min(share * score[i], heap[i, QUANTITY])
                if units >= heap[i, QUANTITY]:
                    score[i] = 0.0
                hand_over(heap, i, units, asked, next_ones, told)
                done += units
                still += score[i]
            left -= done
            whole = still
        return many
    while many > 0:
        left = wanted - told[TAKEN]
        if left <= 1e-12 * wanted:
            break
        i = order[0]
        held = heap[i, QUANTITY]
        if side * (p - bears(heap, i, asked)) > 0.0:
            hand_over(heap, i, min(left, held), asked, next_ones, told)
            if left < held:
                break
        many -= 1
        order[0] = order[many]
        if many > 1:
            sift(order, score, many, 0)
    return many


@compiled()
def tidied(heap: Matrix, size: Whole) -> Whole:  # pragma: no cover - compiled
    """Drop the rows of accounts that are gone, and make a heap of the rest; returns its size."""
    kept = 0
    for i in range(size):
        if heap[i, QUANTITY] > 0.0:
            if kept < i:
                for j in range(KIND + 1):
                    heap[kept, j] = heap[i, j]
            kept += 1
    order_heap(heap, kept, np.empty(KIND + 1))
    return kept
