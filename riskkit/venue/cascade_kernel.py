"""The venue as a system, in the order of its events: closing accounts moves the price of the rest.

What is read here is what runs. Prices are relative to the opening, quantities are notional at the
opening, money is money. A path holds ``f``, the log of the price that the market makes plus what
impact has left for good, and ``u``, the volume taken from the book and not yet refilled
(`riskkit.venue.impact`).

**The order of events in bar t = 1, 2, …**

1. The depth of the bar, from the volatility of the bars before it; eaten volume comes back.
2. The market moves: to its close, having touched its low and high. A move of ``crash_move`` or more
   leaves ``crash`` of the depth, which returns slowly.
3. The oracle publishes bar t - latency if it deviates enough from what it shows (as for a
   position, see `riskkit.venue.oracle`). The mark is its price, worst first, with the share
   ``mark_weight`` of the book's own displacement.
4. Trigger: while an account is at or below its requirement at the mark, the one furthest beyond its
   trigger is ordered to be closed, ``delay`` bars later; at once without a delay.
5. Execution of what is due, in the order in which it was ordered, up to ``throughput`` in the bar
   for the whole venue; what is left stays due. Each is done at the mean price of its own impact,
   from the bar's close (``fill`` 0) to its adverse extreme (``fill`` 1). What equity does not cover
   the fund pays; what the fund cannot pay is taken over by winners at the bankruptcy price, which
   sells nothing; those of them who are hedged unwind the other leg, and makers take depth away.
6. Displacement and mark are renewed after every execution, and 4 to 6 are repeated until nobody is
   triggered and nothing is due: the fixed point within the bar.

Only accounts that are touched cost time: triggers are sorted once, and partly closed accounts wait
in a heap.
"""

from __future__ import annotations

import math

import numpy as np

from riskkit.compiled import Matrix, compiled
from riskkit.venue.cascade_accounts import (
    first_account,
    log_trigger,
    ordered_share,
    push,
    take,
    wait,
)
from riskkit.venue.cascade_values import (
    ACCOUNTS_TOTAL,
    BAD_DEBT,
    BOUGHT,
    BY_REQUIREMENT,
    CASH,
    CLIP,
    CLOSING_PRICE,
    CLOSURES,
    DELEVERAGED,
    DELEVERAGING_COST,
    DUE,
    FEES,
    FIRST_DEFAULT,
    FIRST_TRIGGER,
    FULL,
    FUND,
    FUND_LOWEST,
    HIGHEST_MARKET,
    HIGHEST_PRICE,
    LOWEST_MARKET,
    LOWEST_PRICE,
    MAINTENANCE,
    MARKET_TOTAL,
    MOST_IN_A_BAR,
    NEVER,
    ORDERED,
    QUANTITY,
    ROW,
    SHORTFALL,
    SIDE,
    SOLD,
    TRIGGER,
    UNCLOSED,
    WINNERS_TOTAL,
    WORST_SLIPPAGE,
    CascadeRules,
    DepthFall,
    FundLaw,
    MarketMoves,
    MovingMargin,
    SortedBook,
)
from riskkit.venue.impact import ImpactLaw, displaced, eaten, mean_of_exp, mean_price


@compiled()
def run_cascades(  # pragma: no cover - compiled
    moves: MarketMoves,
    book: SortedBook,
    law: ImpactLaw,
    fall: DepthFall,
    rules: CascadeRules,
    behind: FundLaw,
    moving: MovingMargin,
    out: Matrix,
) -> None:
    """Run every path; ``out`` (paths, outcomes) is filled, its totals as `OUTCOMES` says.

    The totals at the end of ``out``'s columns are summed over all accounts only where ``out`` has
    those columns: that costs more than the run.
    """
    returns, longs, shorts = moves.returns, book.longs, book.shorts
    bars, many_l, many_s = returns.shape[1], longs.shape[0], shorts.shape[0]
    extremes = moves.lows.shape[0] > 0
    sees_all = rules.latency == 0 and rules.deviation == 0.0
    heap_l, heap_s = np.empty((many_l + 1, 4)), np.empty((many_s + 1, 4))
    held = many_l + many_s + 1 if rules.delay > 0 or rules.throughput < np.inf else 2
    if law.room[0] < np.inf or law.room[1] < np.inf:
        held = many_l + many_s + 1
    queue = np.empty((held, ROW))
    rests = np.empty((many_l + many_s + 1 if rules.close_out == CLIP else 1, ROW))
    now = np.empty(ROW)
    lows, closes, highs = np.empty(bars + 1), np.empty(bars + 1), np.empty(bars + 1)
    margins = np.empty(bars + 1)
    cost = rules.fee + law.spread
    # one slope on both sides: the commonest market needs no volume, only its displacement
    slope = law.slopes[0]
    straight = slope >= 0.0 and slope == law.slopes[1]
    capped = rules.throughput < np.inf or law.room[0] < np.inf or law.room[1] < np.inf
    moves_margin = moving.multiple > 0.0
    weight, permanent, transient = law.mark_weight, law.permanent, 1.0 - law.permanent
    per_slice = 1.0 / rules.slices
    last_slice = rules.slices - 1
    whole_only = rules.close_out == FULL
    for path in range(returns.shape[0]):
        f = exo = exo_low = exo_high = mark_low = mark_high = 0.0
        u = y = 0.0
        p_l = p_s = 1.0
        i_l = i_s = n_l = n_s = 0
        queue_at = queue_end = rests_at = rests_end = 0
        fund = fund_low = behind.fund
        sold = bought = bad = shortfall = fees = most_bar = worst = 0.0
        adl = adl_cost = 0.0
        market_cash = market_quantity = winners_cash = winners_quantity = closed = 0.0
        closures = by_requirement = first_trigger = first_default = 0
        variance, crashed, withdrawn = fall.variance, 1.0, 1.0
        seen_variance, last_mark, margin = moving.variance, 0.0, moving.base
        shift_l = shift_s = 0.0
        shown_l = shown_s = seen_l = seen_s = 0.0
        lows[0] = closes[0] = highs[0] = 0.0
        margins[0] = margin
        for t in range(1, bars + 1):
            r = returns[path, t - 1]
            # 1, 2: depth, refill, the market's move
            if straight:
                y *= law.refill
            else:
                u *= law.refill
                y = displaced(u, law)
            thick = withdrawn
            if fall.elasticity > 0.0:
                thick *= (variance / fall.variance) ** (-0.5 * fall.elasticity)
                variance = fall.memory * variance + (1.0 - fall.memory) * r * r
            if fall.crash < 1.0:
                if abs(r) >= fall.crash_move:
                    crashed = fall.crash
                thick *= crashed
                crashed = 1.0 - (1.0 - crashed) * fall.returning
            per_depth = 1.0 / thick
            steepness = slope * per_depth
            spent = 0.0
            blocked = False
            if moves_margin:
                wanted = min(moving.multiple * math.sqrt(seen_variance), moving.most)
                margins[t] = max(moving.base, wanted)
                margin = min(margins[max(t - moving.lag, 0)], margin + moving.step)
                shift_l = math.log((1.0 - moving.base) / (1.0 - margin))
                shift_s = math.log((1.0 + margin) / (1.0 + moving.base))
            watched = t - rules.latency <= rules.horizon
            for piece in range(rules.slices):
                f += r * per_slice
                exo += r * per_slice
                gap_l = gap_s = 0.0
                if extremes and piece == last_slice:
                    gap_l, gap_s = moves.lows[path, t - 1], moves.highs[path, t - 1]
                exo_low, exo_high = min(exo_low, exo + gap_l), max(exo_high, exo + gap_s)
                # 3: what the oracle shows
                if not sees_all and piece == last_slice:
                    lows[t], closes[t], highs[t] = f + gap_l, f, f + gap_s
                    new = t - rules.latency
                    seen_l, seen_s = shown_l, shown_s
                    if new > 0:
                        news = abs(math.expm1(lows[new] - shown_l)) >= rules.deviation
                        if news:
                            shown_l = seen_l = lows[new]
                        if abs(math.expm1(closes[new] - shown_l)) >= rules.deviation:
                            shown_l = closes[new]
                            if not news or shown_l < seen_l:
                                seen_l = shown_l
                        news = abs(math.expm1(highs[new] - shown_s)) >= rules.deviation
                        if news:
                            shown_s = seen_s = highs[new]
                        if abs(math.expm1(closes[new] - shown_s)) >= rules.deviation:
                            shown_s = closes[new]
                            if not news or shown_s > seen_s:
                                seen_s = shown_s
                priced = False
                while True:
                    own = weight * y
                    mark_l = (f + gap_l if sees_all else seen_l) + own
                    mark_s = (f + gap_s if sees_all else seen_s) + own
                    # 4: the account furthest beyond its trigger
                    key_l = longs[i_l, TRIGGER] if i_l < many_l else -NEVER
                    if n_l > 0 and heap_l[0, TRIGGER] > key_l:
                        key_l = heap_l[0, TRIGGER]
                    key_s = shorts[i_s, TRIGGER] if i_s < many_s else NEVER
                    if n_s > 0 and -heap_s[0, TRIGGER] < key_s:
                        key_s = -heap_s[0, TRIGGER]
                    over_l, over_s = key_l + shift_l - mark_l, mark_s - key_s + shift_s
                    side, ordered, rested = 0.0, 0.0, False
                    if watched and (over_l >= 0.0 or over_s >= 0.0):
                        if over_l >= over_s:
                            side = 1.0
                            if over_l < shift_l:
                                by_requirement += 1
                            of_heap = n_l > 0 and heap_l[0, TRIGGER] == key_l
                            i_l, n_l, q, c, m = first_account(longs, i_l, heap_l, n_l, of_heap)
                        else:
                            side = -1.0
                            if over_s < shift_s:
                                by_requirement += 1
                            of_heap = n_s > 0 and -heap_s[0, TRIGGER] == key_s
                            i_s, n_s, q, c, m = first_account(shorts, i_s, heap_s, n_s, of_heap)
                        if first_trigger == 0:
                            first_trigger = t
                        if rules.delay > 0 or blocked or queue_at < queue_end:
                            now[QUANTITY], now[CASH], now[MAINTENANCE] = q, c, m
                            now[DUE], now[SIDE], now[ORDERED] = t + rules.delay, side, 0.0
                            wait(queue, queue_end, now)
                            queue_end += 1
                            continue
                    elif not blocked and queue_at < queue_end and queue[queue_at % held, DUE] <= t:
                        take(queue, queue_at, now)
                        queue_at += 1
                        q, c, m = now[QUANTITY], now[CASH], now[MAINTENANCE]
                        side, ordered = now[SIDE], now[ORDERED]
                    elif (
                        not blocked
                        and rests_at < rests_end
                        and rests[rests_at % rests.shape[0], DUE] <= t
                    ):
                        take(rests, rests_at, now)
                        rests_at += 1
                        q, c, m = now[QUANTITY], now[CASH], now[MAINTENANCE]
                        side, rested = now[SIDE], True
                        key = log_trigger(side, q, c, m)
                        healed = (side > 0.0 and mark_l > key + shift_l) or (
                            side < 0.0 and mark_s < key - shift_s
                        )
                        if healed:
                            if side > 0.0:
                                n_l = push(heap_l, n_l, key, q, c, m)
                            else:
                                n_s = push(heap_s, n_s, -key, q, c, m)
                            continue
                        ordered = q
                    else:
                        break
                    # 5: execution at the price of its own impact
                    if not priced:
                        p_l = p_s = math.exp(f + rules.fill * gap_l + y)
                        if gap_l != gap_s:
                            p_s = math.exp(f + rules.fill * gap_s + y)
                        priced = straight
                    p = p_l if side > 0.0 else p_s
                    if ordered == 0.0 and whole_only:
                        ordered = q
                    elif ordered == 0.0:
                        # the margin in force, of which the account's own is the base
                        required = max(m, margin) if moves_margin else m
                        equity = c + side * q * p
                        ordered = q * ordered_share(equity, q * p, required, cost, rules)
                    x = ordered
                    if capped:
                        side_room = law.room[0] - u if side > 0.0 else law.room[1] + u
                        room = min((rules.throughput - spent) / p, side_room * thick)
                        if room < x * (1.0 - 1e-12):
                            x = max(room, 0.0)
                            blocked = True
                    if straight:
                        u1 = u
                        move = -side * steepness * x
                        impact = mean_of_exp(move)
                    else:
                        u1 = u + side * x * per_depth
                        y1 = displaced(u1, law)
                        move = y1 - y
                        impact = mean_price(u, u1, y, y1, law)
                    mean = impact * (1.0 - side * law.spread)
                    px = p * mean
                    whole = x == q
                    left = c + side * x * px
                    if whole and left < 0.0 and -left > fund and behind.deleverages:
                        # winners take it over at its bankruptcy price: nothing is sold
                        bankruptcy = -side * c / q
                        adl += q * p
                        adl_cost += max(side * (bankruptcy - p) * q, 0.0)
                        winners_quantity += side * q
                        winners_cash -= side * q * bankruptcy
                        closures += 1
                        shortfall += max(rules.fee * q * p - (c + side * q * p), 0.0)
                        if first_default == 0:
                            first_default = t
                        which = 0 if side > 0.0 else 1
                        withdrawn *= max(1.0 - behind.withdrawn[which] * q, 0.01)
                        x = behind.hedged[which] * q
                        if x > 0.0:
                            if straight:
                                move = -side * steepness * x
                                impact = mean_of_exp(move)
                            else:
                                u1 = u + side * x * per_depth
                                y1 = displaced(u1, law)
                                move = y1 - y
                                impact = mean_price(u, u1, y, y1, law)
                            px = p * impact * (1.0 - side * law.spread)
                            winners_quantity -= side * x
                            winners_cash += side * x * px
                        else:
                            continue
                        q = 0.0
                    else:
                        worst = max(worst, side * (1.0 - mean))
                        value = x * p
                        fee = rules.fee * value
                        spent += value
                        q -= x
                        c = left
                        if whole:
                            closures += 1
                            if c < fee:
                                shortfall += fee - c
                                if first_default == 0:
                                    first_default = t
                            paid = min(fee, c)
                            bad += max(-c, 0.0)
                            fund += paid
                            fees += max(paid, 0.0)
                            closed += c - paid
                            q = 0.0
                        elif x > 0.0:
                            c -= fee
                            fund += fee
                            fees += fee
                        fund_low = min(fund_low, fund)
                        if side > 0.0:
                            sold += value
                        else:
                            bought += value
                    market_quantity += side * x
                    market_cash -= side * x * px
                    # 6: what stays for good, and what can come back
                    f += permanent * move
                    y += transient * move
                    if straight:
                        # exp of the move, of which `impact` is the mean
                        moved = 1.0 + move * impact
                        p_l *= moved
                        p_s *= moved
                    else:
                        u = eaten(y, law) if permanent > 0.0 else u1
                    if side > 0.0:
                        mark_low = min(mark_low, f + y)
                    else:
                        mark_high = max(mark_high, f + y)
                    if q > 0.0:
                        if x < ordered:
                            now[QUANTITY], now[CASH], now[MAINTENANCE] = q, c, m
                            now[DUE], now[SIDE], now[ORDERED] = t + 1, side, ordered - x
                            if queue_at > 0 and not rested:
                                queue_at -= 1  # it keeps its place
                                wait(queue, queue_at, now)
                            else:
                                wait(queue, queue_end, now)
                                queue_end += 1
                        elif rules.close_out == CLIP and not rested:
                            closures += 1
                            now[QUANTITY], now[CASH], now[MAINTENANCE] = q, c, m
                            now[DUE], now[SIDE], now[ORDERED] = t + rules.rest, side, 0.0
                            wait(rests, rests_end, now)
                            rests_end += 1
                        else:
                            closures += 1
                            key = log_trigger(side, q, c, m)
                            if side > 0.0:
                                n_l = push(heap_l, n_l, key, q, c, m)
                            else:
                                n_s = push(heap_s, n_s, -key, q, c, m)
                mark_low, mark_high = min(mark_low, f + y + gap_l), max(mark_high, f + y + gap_s)
            if not sees_all:
                last = f - closes[t]
                lows[t], closes[t], highs[t] = lows[t] + last, f, highs[t] + last
            if moves_margin:
                move = f + law.mark_weight * y - last_mark
                last_mark = f + law.mark_weight * y
                seen_variance = moving.memory * seen_variance + (1.0 - moving.memory) * move * move
            most_bar = max(most_bar, spent)
        p = math.exp(f + y)
        unclosed = 0.0
        for i in range(queue_at, queue_end):
            row = i % held
            unclosed += queue[row, QUANTITY] * p
        row_out = out[path]
        row_out[LOWEST_PRICE], row_out[LOWEST_MARKET] = mark_low, exo_low
        row_out[HIGHEST_PRICE], row_out[HIGHEST_MARKET] = mark_high, exo_high
        row_out[SOLD], row_out[BOUGHT], row_out[CLOSURES] = sold, bought, closures
        row_out[BAD_DEBT], row_out[SHORTFALL] = bad, shortfall
        row_out[FUND], row_out[FUND_LOWEST] = fund, fund_low
        row_out[DELEVERAGED], row_out[DELEVERAGING_COST] = adl, adl_cost
        row_out[FEES], row_out[MOST_IN_A_BAR], row_out[UNCLOSED] = fees, most_bar, unclosed
        row_out[WORST_SLIPPAGE], row_out[BY_REQUIREMENT] = worst, by_requirement
        row_out[FIRST_TRIGGER], row_out[FIRST_DEFAULT] = first_trigger, first_default
        row_out[CLOSING_PRICE] = p
        if out.shape[1] <= ACCOUNTS_TOTAL:
            continue
        total = closed
        for i in range(i_l, many_l):
            total += longs[i, CASH] + longs[i, QUANTITY] * p
        for i in range(i_s, many_s):
            total += shorts[i, CASH] - shorts[i, QUANTITY] * p
        for i in range(n_l):
            total += heap_l[i, CASH] + heap_l[i, QUANTITY] * p
        for i in range(n_s):
            total += heap_s[i, CASH] - heap_s[i, QUANTITY] * p
        for i in range(queue_at, queue_end):
            row = i % held
            total += queue[row, CASH] + queue[row, SIDE] * queue[row, QUANTITY] * p
        for i in range(rests_at, rests_end):
            row = i % rests.shape[0]
            total += rests[row, CASH] + rests[row, SIDE] * rests[row, QUANTITY] * p
        row_out[ACCOUNTS_TOTAL] = total
        row_out[MARKET_TOTAL] = market_cash + market_quantity * p
        row_out[WINNERS_TOTAL] = winners_cash + winners_quantity * p
