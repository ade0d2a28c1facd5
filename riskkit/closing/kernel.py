"""Accounts closed over time: every account followed from its threshold to the last of it.

The price, the depth and what a trade does to both are those of `riskkit.venue.cascade_kernel`,
whose order of events holds here: depth and refill, the market's move, triggers, executions at the
mean price of their own impact, and again, until nobody is triggered in the bar. What differs is
*how* an account is closed, and what is told of it. The cascade closes at maintenance and tells what
the venue's layers bore; here an account may be closed earlier and in slices, the rate of closing
may follow the depth, and what its owner paid is kept account by account. Where both answer, a test
holds them to one number.

**The order of events in bar t = 1, 2, …**

1. The depth of the bar; eaten volume comes back; the market moves.
2. Whoever is at work and has reached maintenance is closed at once, where the policy says so; then
   whoever reaches the threshold, the one furthest beyond it first: ordered whole, or put to work by
   slices, of which the first is sold now.
3. What is ordered and due, in its order, up to the capacity of the bar; then one slice of each
   account at work, in the order in which they came to work. After every sale 2 comes first again.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from riskkit.compiled import Integers, Matrix, Real, Truth, Vector, Whole, compiled
from riskkit.venue.cascade_accounts import log_trigger
from riskkit.venue.cascade_values import NEVER, DepthFall
from riskkit.venue.impact import ImpactLaw, displaced, eaten, traded

#: What becomes of a path, in the order of the columns of a run.
OUTCOMES = (
    *("lowest_price", "lowest_market", "highest_price", "highest_market"),
    *("sold", "bought", "touched", "closed", "forced"),
    *("bad_debt", "owners_cost", "missed", "unfair", "closed_notional"),
    *(
        "unclosed",
        "most_in_a_bar",
        "fees",
        "money_error",
        "first_trigger",
        "closing_price",
        "received",
    ),
)
(
    LOWEST_PRICE,
    LOWEST_MARKET,
    HIGHEST_PRICE,
    HIGHEST_MARKET,
    SOLD,
    BOUGHT,
    TOUCHED,
    CLOSED,
    FORCED,
    BAD_DEBT,
    OWNERS_COST,
    MISSED,
    UNFAIR,
    CLOSED_NOTIONAL,
    UNCLOSED,
    MOST_IN_A_BAR,
    FEES,
    MONEY_ERROR,
    FIRST_TRIGGER,
    CLOSING_PRICE,
    RECEIVED,
) = range(len(OUTCOMES))

#: Sums over paths that are kept of every account.
KEPT = ("touched", "quantity", "value", "received", "bad_debt", "cost")
OF_TOUCHED, OF_QUANTITY, OF_VALUE, OF_RECEIVED, OF_BAD_DEBT, OF_COST = range(len(KEPT))

# Columns of the accounts as they stand.
SIDE, QUANTITY, CASH, MAINTENANCE, HARD = range(5)
# Columns of the accounts as they are closed.
NOW_QUANTITY, NOW_CASH, NOW_HARD, NOW_SOFT, STATE, SLICES, STARTS, LAST, COST, DUE = range(10)
STATES = 10
# Untouched, at work by slices, ordered whole, gone.
UNTOUCHED, WORKING, QUEUED, GONE = 0.0, 1.0, 2.0, 3.0


class ClosingRules(NamedTuple):
    """How accounts are closed.

    Attributes
    ----------
    early : float
        The threshold is the maintenance margin times ``1 + early``.
    shares : ndarray (n,)
        Of the quantity at the threshold, slice by slice, a slice a bar; the last takes what is
        left.
    finishes : bool
        Whether what is left at maintenance is closed at once.
    stops : bool
        Whether slices wait while the account is above its threshold again.
    capacity : float
        Most that a bar closes, in money; infinite without one.
    follows : bool
        Whether the capacity is multiplied by the depth of the bar, of the calm one.
    delay, horizon : int
        Bars from threshold to the first sale; bars in which a threshold counts.
    fee : float
        Of the notional closed.
    """

    early: Real
    shares: Vector
    finishes: Truth
    stops: Truth
    capacity: Real
    follows: Truth
    delay: Whole
    horizon: Whole
    fee: Real


class ClosingBook(NamedTuple):
    """Accounts (N, 5), and those of each side by their threshold, nearest first, with its log
    price.

    Columns: side, quantity, cash, maintenance, and the log price at which maintenance is reached.
    """

    accounts: Matrix
    longs: Integers
    shorts: Integers
    long_thresholds: Vector
    short_thresholds: Vector


@compiled()
def run_closings(  # pragma: no cover - compiled
    returns: Matrix,
    book: ClosingBook,
    law: ImpactLaw,
    fall: DepthFall,
    rules: ClosingRules,
    out: Matrix,
    kept: Matrix,
) -> None:
    """Run every path of ``returns`` (paths, bars); fill ``out`` (paths, outcomes), add to ``kept``.

    ``kept`` (accounts, sums) grows by what became of each account on these paths; it has no rows
    where that is not asked.
    """
    accounts, longs, shorts = book.accounts, book.longs, book.shorts
    keys_l, keys_s = book.long_thresholds, book.short_thresholds
    shares, slices = rules.shares, rules.shares.size
    bars, many, many_l, many_s = returns.shape[1], accounts.shape[0], longs.size, shorts.size
    now = np.zeros((many, STATES))
    queue, working = np.empty(many + 1, np.int64), np.empty(many, np.int64)
    slope = law.slopes[0]
    straight = slope >= 0.0 and slope == law.slopes[1]
    capped = rules.capacity < np.inf or law.room[0] < np.inf or law.room[1] < np.inf
    weight, permanent, transient = law.mark_weight, law.permanent, 1.0 - law.permanent
    keeps = kept.shape[0] == many
    whole_at_once = slices == 1 and rules.early == 0.0
    for i in range(many):
        now[i, NOW_QUANTITY], now[i, NOW_CASH] = accounts[i, QUANTITY], accounts[i, CASH]
        now[i, NOW_HARD] = accounts[i, HARD]
    for path in range(returns.shape[0]):
        f = exo = u = y = 0.0
        exo_low = exo_high = mark_low = mark_high = 0.0
        end = 0.0
        for t in range(bars):
            end += returns[path, t]
        final = math.exp(end)
        variance, crashed = fall.variance, 1.0
        i_l = i_s = queue_at = queued = at_work = 0
        # maintenance of those at work lies nowhere beyond these
        reach_l, reach_s = -NEVER, NEVER
        sold = bought = bad = owners = missed = unfair = closed_notional = 0.0
        most_bar = fees = market_cash = market_quantity = 0.0
        closed = forced = first_trigger = 0
        for t in range(1, bars + 1):
            r = returns[path, t - 1]
            if straight:
                y *= law.refill
            else:
                u *= law.refill
                y = displaced(u, law)
            thick = 1.0
            if fall.elasticity > 0.0:
                thick *= (variance / fall.variance) ** (-0.5 * fall.elasticity)
                variance = fall.memory * variance + (1.0 - fall.memory) * r * r
            if fall.crash < 1.0:
                if abs(r) >= fall.crash_move:
                    crashed = fall.crash
                thick *= crashed
                crashed = 1.0 - (1.0 - crashed) * fall.returning
            per_depth = 1.0 / thick
            steepness = slope * per_depth if straight else -1.0
            f += r
            exo += r
            exo_low, exo_high = min(exo_low, exo), max(exo_high, exo)
            market = math.exp(exo)
            most = rules.capacity * thick if rules.follows else rules.capacity
            spent, blocked = 0.0, False
            watched = t <= rules.horizon
            # those that are gone, or ordered whole, leave the list of those at work
            left = 0
            for j in range(at_work):
                k = working[j]
                if now[k, STATE] == WORKING:
                    working[left] = k
                    left += 1
            at_work, work_at = left, 0
            while True:
                mark = f + weight * y
                i, ordered, forced_now = -1, 0.0, False
                # whoever is at work and has reached maintenance
                if rules.finishes and watched and (mark <= reach_l or mark >= reach_s):
                    furthest, reach_l, reach_s = 0.0, -NEVER, NEVER
                    for j in range(at_work):
                        k = working[j]
                        over = accounts[k, SIDE] * (now[k, NOW_HARD] - mark)
                        if now[k, STATE] != WORKING:
                            continue
                        if accounts[k, SIDE] > 0.0:
                            reach_l = max(reach_l, now[k, NOW_HARD])
                        else:
                            reach_s = min(reach_s, now[k, NOW_HARD])
                        if over >= furthest:
                            i, furthest = k, over
                    if i >= 0:
                        forced_now, ordered = True, now[i, NOW_QUANTITY]
                if i < 0 and watched:
                    over_l = keys_l[i_l] - mark if i_l < many_l else -1.0
                    over_s = mark - keys_s[i_s] if i_s < many_s else -1.0
                    if over_l >= 0.0 or over_s >= 0.0:
                        if over_l >= over_s:
                            i, key = longs[i_l], keys_l[i_l]
                            i_l += 1
                        else:
                            i, key = shorts[i_s], keys_s[i_s]
                            i_s += 1
                        if first_trigger == 0:
                            first_trigger = t
                        side, q = accounts[i, SIDE], accounts[i, QUANTITY]
                        beyond = side * (now[i, NOW_HARD] - mark) >= 0.0
                        if whole_at_once or (rules.finishes and beyond):
                            ordered, forced_now = q, beyond and rules.early > 0.0
                        else:
                            now[i, STATE], now[i, STARTS] = WORKING, t + rules.delay
                            now[i, NOW_SOFT] = key
                            if side > 0.0:
                                reach_l = max(reach_l, now[i, NOW_HARD])
                            else:
                                reach_s = min(reach_s, now[i, NOW_HARD])
                            working[at_work] = i
                            at_work += 1
                            if rules.delay > 0 or blocked or queue_at < queued:
                                continue
                            ordered = q if slices == 1 else min(q, shares[0] * q)
                            now[i, LAST] = t
                if i >= 0 and (forced_now or now[i, STATE] == UNTOUCHED):
                    # ordered whole: now, or behind those that wait
                    if forced_now:
                        forced += 1
                    if rules.delay > 0 or blocked or queue_at < queued:
                        now[i, STATE], now[i, DUE] = QUEUED, t + rules.delay
                        queue[queued] = i
                        queued += 1
                        continue
                    now[i, STATE] = QUEUED
                elif i < 0 and not blocked and queue_at < queued and now[queue[queue_at], DUE] <= t:
                    i = queue[queue_at]
                    queue_at += 1
                    ordered = now[i, NOW_QUANTITY]
                elif i < 0 and not blocked and work_at < at_work:
                    k = working[work_at]
                    work_at += 1
                    if now[k, STATE] != WORKING or now[k, STARTS] > t or now[k, LAST] == t:
                        continue
                    side, q = accounts[k, SIDE], now[k, NOW_QUANTITY]
                    if rules.stops and side * (now[k, NOW_SOFT] - mark) < 0.0:
                        continue
                    i, which = k, int(now[k, SLICES])
                    last_one = which >= slices - 1
                    ordered = q if last_one else min(q, shares[which] * accounts[k, QUANTITY])
                    now[i, LAST] = t
                elif i < 0:
                    break
                # the sale, at the price of its own impact
                side = accounts[i, SIDE]
                q, c, m = now[i, NOW_QUANTITY], now[i, NOW_CASH], accounts[i, MAINTENANCE]
                p = math.exp(f + y)
                x = ordered
                if capped:
                    side_room = law.room[0] - u if side > 0.0 else law.room[1] + u
                    room = min((most - spent) / p, side_room * thick)
                    if room < x * (1.0 - 1e-12):
                        x = max(room, 0.0)
                        blocked = True
                u1, move, impact = traded(side * x, u, y, steepness, per_depth, law)
                px = p * impact * (1.0 - side * law.spread)
                whole = x == q
                c += side * x * px
                fee = rules.fee * x * p
                if whole:
                    fee = max(min(fee, c), 0.0)
                c -= fee
                now[i, COST] += side * x * (market - px) + fee
                fees += fee
                spent += x * p
                closed_notional += x
                market_quantity += side * x
                market_cash -= side * x * px
                if side * (end - accounts[i, HARD]) > 0.0:
                    unfair += x
                    missed += max(side * x * (final - market), 0.0)
                if keeps:
                    kept[i, OF_QUANTITY] += x
                    kept[i, OF_VALUE] += x * market
                    kept[i, OF_RECEIVED] += x * px
                if side > 0.0:
                    sold += x * p
                else:
                    bought += x * p
                f += permanent * move
                y += transient * move
                if not straight:
                    u = eaten(y, law) if permanent > 0.0 else u1
                if side > 0.0:
                    mark_low = min(mark_low, f + y)
                else:
                    mark_high = max(mark_high, f + y)
                now[i, NOW_CASH] = c
                if whole:
                    closed += 1
                    lost = max(-c, 0.0)
                    bad += lost
                    owners += max(now[i, COST] - lost, 0.0)
                    if keeps:
                        kept[i, OF_BAD_DEBT] += lost
                    now[i, NOW_QUANTITY], now[i, STATE] = 0.0, GONE
                    continue
                now[i, NOW_QUANTITY] = q - x
                now[i, NOW_HARD] = log_trigger(side, q - x, c, m)
                now[i, NOW_SOFT] = log_trigger(side, q - x, c, m * (1.0 + rules.early))
                if side > 0.0:
                    reach_l = max(reach_l, now[i, NOW_HARD])
                else:
                    reach_s = min(reach_s, now[i, NOW_HARD])
                if now[i, STATE] == QUEUED:
                    # it keeps its place, or has the first one
                    if queue_at > 0:
                        queue_at -= 1
                    else:
                        queued += 1
                    queue[queue_at] = i
                    now[i, DUE] = t + 1
                elif x > 0.0:
                    now[i, SLICES] += 1.0
            mark_low, mark_high = min(mark_low, f + y), max(mark_high, f + y)
            most_bar = max(most_bar, spent)
        p = math.exp(f + y)
        unclosed, total = 0.0, fees
        touched = i_l + i_s
        for j in range(touched):
            i = longs[j] if j < i_l else shorts[j - i_l]
            side, q, c = accounts[i, SIDE], now[i, NOW_QUANTITY], now[i, NOW_CASH]
            if keeps:
                kept[i, OF_TOUCHED] += 1.0
                kept[i, OF_COST] += now[i, COST]
            if q > 0.0:
                lost = max(-(c + side * q * p), 0.0)
                bad += lost
                owners += max(now[i, COST] - lost, 0.0)
                if keeps:
                    kept[i, OF_BAD_DEBT] += lost
                if now[i, STATE] == QUEUED:
                    unclosed += q * p
            total += (c + side * q * p) - (accounts[i, CASH] + side * accounts[i, QUANTITY] * p)
            for column in range(STATES):
                now[i, column] = 0.0
            now[i, NOW_QUANTITY], now[i, NOW_CASH] = accounts[i, QUANTITY], accounts[i, CASH]
            now[i, NOW_HARD] = accounts[i, HARD]
        row = out[path]
        row[LOWEST_PRICE], row[LOWEST_MARKET] = mark_low, exo_low
        row[HIGHEST_PRICE], row[HIGHEST_MARKET] = mark_high, exo_high
        row[SOLD], row[BOUGHT], row[TOUCHED] = sold, bought, touched
        row[CLOSED], row[FORCED], row[BAD_DEBT] = closed, forced, bad
        row[OWNERS_COST], row[MISSED], row[UNFAIR] = owners, missed, unfair
        row[CLOSED_NOTIONAL], row[UNCLOSED] = closed_notional, unclosed
        row[MOST_IN_A_BAR], row[FEES] = most_bar, fees
        row[MONEY_ERROR] = abs(total + market_cash + market_quantity * p)
        row[FIRST_TRIGGER], row[CLOSING_PRICE] = first_trigger, p
        row[RECEIVED] = -market_cash
