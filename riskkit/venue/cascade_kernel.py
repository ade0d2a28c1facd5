"""The venue as a system, in the order of its events: closing accounts moves the price of the rest.

What is read here is what runs. Prices are relative to the opening, quantities are notional at the
opening, money is money. A path holds ``f``, the log of the price that the market makes plus what
impact has left for good, and ``u``, the volume taken from the book and not yet refilled
(`riskkit.venue.impact`).

**The order of events in bar t = 1, 2, …**

1. The depth of the bar, from the volatility of the bars before it; eaten volume comes back. Owners
   who act do so, knowing what the bar before has shown.
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
   the fund pays; what it cannot pay the backstop takes over at the bankruptcy price, within its own
   capital; then the tranche pays; then winners take over, one by one in the order of the venue's
   rank and no further than their profit, which sells nothing: those of them who are hedged unwind
   the other leg, and makers take depth away. What is left is sold, and missing: socialised.
   Of a loan a keeper repays, and sells the collateral he takes, as far as that pays him; where it
   does not, nobody comes before the next bar.
6. Displacement and mark are renewed after every execution, and 4 to 6 are repeated until nobody is
   triggered and nothing is due: the fixed point within the bar.
7. At the bar's end fees are received, the backstop has sold a share of what it holds (at the next
   bar's opening), and accounts that were closed are followed by others, where that is asked.

Only accounts that are touched cost time: triggers are sorted once, and partly closed accounts wait
in a heap. What is closed in full at once has a loop of its own (`riskkit.venue.cascade_prompt`).
"""

from __future__ import annotations

import math

import numpy as np

from riskkit.compiled import Matrix, compiled
from riskkit.venue.cascade_accounts import (
    first_account,
    follow,
    log_trigger,
    ordered_share,
    ordered_worth,
    published,
    push,
    take,
    wait,
    worth_of,
)
from riskkit.venue.cascade_deleveraging import (
    FOLLOWERS,
    GONE,
    MOST,
    NEWLY_HIT,
    OF_HEDGERS,
    OF_MAKERS,
    PAID,
    TAKEN,
    all_in_heap,
    deleverage,
    rank_winners,
    tidied,
)
from riskkit.venue.cascade_loans import bonus_of, taken_units
from riskkit.venue.cascade_owners import act, put_acting
from riskkit.venue.cascade_prompt import (
    CLOSED,
    COUNTER_CASH,
    COUNTER_UNITS,
    DEFAULTED,
    ENDED,
    HIGHEST,
    IMPACT,
    LOWEST,
    MARKET,
    MONEY,
    NUMBER_BOUGHT,
    NUMBER_SOLD,
    PAID_FEES,
    PRICE,
    PROMPT,
    PUT,
    SHORT_OF_FEES,
    SPENT,
    WORST,
    close_promptly,
)
from riskkit.venue.cascade_prompt import DUE as DUE_LATER
from riskkit.venue.cascade_prompt import FUND_LOW as LEAST
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
    ENTRY,
    FEES,
    FIRST_DEFAULT,
    FIRST_TRIGGER,
    FULL,
    FUND,
    FUND_LOWEST,
    FUND_NEEDED,
    GIVEN_UP,
    HIGHEST_MARKET,
    HIGHEST_PRICE,
    KEEPERS,
    KIND,
    LARGEST_TAKEN,
    LOAN,
    LOWEST_MARKET,
    LOWEST_PRICE,
    MAINTENANCE,
    MARKET_TOTAL,
    MOST_IN_A_BAR,
    NEVER,
    ORDERED,
    PASSIVE,
    PUT_IN,
    QUANTITY,
    RESTORE,
    ROW,
    SHORTFALL,
    SIDE,
    SOCIALISED,
    SOLD,
    TRANCHE,
    TRIGGER,
    UNCLOSED,
    VAULT,
    VAULT_LOWEST,
    VAULT_TAKEN,
    WINNERS_HIT,
    WINNERS_TOTAL,
    WORST_SLIPPAGE,
    CascadeRules,
    DepthFall,
    FundLaw,
    MarketMoves,
    MovingMargin,
    SortedBook,
)
from riskkit.venue.impact import ImpactLaw, displaced, eaten, traded


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
    entries_l, entries_s = book.long_entries, book.short_entries
    kinds_l, kinds_s = book.long_kinds, book.short_kinds
    bars, many_l, many_s = returns.shape[1], longs.shape[0], shorts.shape[0]
    extremes = moves.lows.shape[0] > 0
    sees_all = rules.latency == 0 and rules.deviation == 0.0
    # those whose owners act have their rows apart, and are in the heaps from the start
    all_l = many_l + book.acting_longs.shape[0]
    all_s = many_s + book.acting_shorts.shape[0]
    heap_l, heap_s = np.empty((all_l + 1, KIND + 1)), np.empty((all_s + 1, KIND + 1))
    acting = rules.owners.conduct != PASSIVE
    held = all_l + all_s + 1 if rules.delay > 0 or rules.throughput < np.inf else 2
    if law.room[0] < np.inf or law.room[1] < np.inf:
        held = all_l + all_s + 1
    queue = np.empty((held, ROW))
    rests = np.empty((all_l + all_s + 1 if rules.close_out == CLIP else 1, ROW))
    # those that nobody comes for in this bar, and those that follow who was closed in it
    later = np.empty((all_l + 1 if rules.close_out == LOAN else 1, ROW))
    next_ones = np.empty((all_l + all_s + 1 if behind.replaces else 1, ROW))
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
    is_loan = rules.close_out == LOAN
    loan = rules.loan
    # a unit of loss takes more than a unit of a fund whose sale costs
    per_loss = 1.0 / (1.0 - behind.haircut)
    fund_moves = behind.exposed > 0.0 or behind.drained > 0.0
    # nothing waits, nothing is partly closed, nobody follows: the fast loop serves
    prompt = whole_only and straight and not capped and rules.delay == 0 and sees_all
    prompt = prompt and not extremes and not moves_margin and not behind.replaces and not acting
    at, state = np.empty(2, dtype=np.int64), np.empty(PROMPT)
    terms = np.array([weight, permanent, transient, law.spread, rules.fee, 1.0, 0.0])
    terms[6] = 1.0 if behind.late_fees else 0.0
    # winners by rank, of each side; how many, or below 0 where nobody was ranked in this bar
    order_l, order_s = np.empty(all_l + 1, dtype=np.int64), np.empty(all_s + 1, dtype=np.int64)
    score_l, score_s = np.empty(all_l + 1), np.empty(all_s + 1)
    asked, told, seen_by = np.empty(6), np.empty(FOLLOWERS + 1), np.empty(3)
    for path in range(returns.shape[0]):
        f = exo = exo_low = exo_high = mark_low = mark_high = 0.0
        u = y = 0.0
        p_l = p_s = 1.0
        bonus = given_up = 0.0
        i_l = i_s = n_l = n_s = 0
        queue_at = queue_end = rests_at = rests_end = 0
        fund = fund_low = behind.fund
        sold = bought = bad = shortfall = fees = most_bar = worst = 0.0
        adl = adl_cost = hit = most_taken = 0.0
        market_cash = market_quantity = winners_cash = winners_quantity = closed = 0.0
        closures = by_requirement = first_trigger = first_default = 0
        growth, burned, needed, due_fees = 1.0, 0.0, 0.0, 0.0
        tranche, leave_at, put_in, keepers = behind.tranche, 0, 0.0, 0.0
        vault_cash, vault_low, vault_quantity, vault_taken = behind.vault, behind.vault, 0.0, 0.0
        many_later = many_next = 0
        ranked_l = ranked_s = -1
        bound_l = bound_s = 0.0
        variance, crashed, withdrawn = fall.variance, 1.0, 1.0
        seen_variance, last_mark, margin = moving.variance, 0.0, moving.base
        shift_l = shift_s = 0.0
        shown_l = shown_s = seen_l = seen_s = 0.0
        lows[0] = closes[0] = highs[0] = 0.0
        margins[0] = margin
        n_l = put_acting(book.acting_longs, heap_l, 1.0)
        n_s = put_acting(book.acting_shorts, heap_s, -1.0)
        for t in range(1, bars + 1):
            r = returns[path, t - 1]
            # 1, 2: depth, refill, the market's move
            if straight:
                y *= law.refill
            else:
                u *= law.refill
                y = displaced(u, law)
            if acting:
                # the price that will be printed, as far as it is known by now
                known = max(t - 1 - rules.owners.late, 0)
                own = weight * y
                seen_by[1] = closes[max(min(t - rules.latency, known), 0)] + own
                seen_by[2] = closes[known] + y
                seen_by[0] = 1.0
                put_in += act(heap_l, n_l, now, seen_by, margin, rules.owners)
                seen_by[0] = -1.0
                put_in += act(heap_s, n_s, now, seen_by, margin, rules.owners)
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
            steepness = slope * per_depth if straight else -1.0
            if vault_quantity != 0.0:
                x = behind.vault_share * vault_quantity
                u1, move, impact = traded(x, u, y, steepness, per_depth, law)
                got = x * math.exp(f + y) * impact * (1.0 - math.copysign(law.spread, x))
                vault_quantity -= x
                vault_cash += got
                market_quantity += x
                market_cash -= got
                f += permanent * move
                y += transient * move
                if not straight:
                    u = eaten(y, law) if permanent > 0.0 else u1
            if fund_moves:
                grown = 1.0 + behind.exposed * math.expm1(r) - behind.drained
                growth *= grown
                if fund > 0.0:
                    put_in += fund * (grown - 1.0)
                    fund *= grown
            if behind.income > 0.0:
                put_in += behind.income
                fund += behind.income
                burned -= behind.income / growth
            if tranche > 0.0 and behind.leaving > 0.0:
                if leave_at == 0 and abs(r) >= fall.crash_move:
                    leave_at = t + behind.cooldown
                if leave_at == t:
                    put_in -= behind.leaving * tranche
                    tranche *= 1.0 - behind.leaving
            for i in range(many_later):
                q, c, m = later[i, QUANTITY], later[i, CASH], later[i, MAINTENANCE]
                e, kind = later[i, ENTRY], later[i, KIND]
                n_l = push(heap_l, n_l, later[i, TRIGGER], q, c, m, e, kind)
            many_later = 0
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
                        shown_l, seen_l = published(shown_l, lows[new], closes[new], 1.0, rules)
                        shown_s, seen_s = published(shown_s, highs[new], closes[new], -1.0, rules)
                priced = stopped = False
                while True:
                    own = weight * y
                    mark_l = (f + gap_l if sees_all else seen_l) + own
                    mark_s = (f + gap_s if sees_all else seen_s) + own
                    # 4: the account furthest beyond its trigger
                    key_l = longs[i_l, TRIGGER] if i_l < many_l else -NEVER
                    if ranked_l >= 0:
                        key_l = bound_l  # no nearer than this, as winners were taken from
                    elif n_l > 0 and heap_l[0, TRIGGER] > key_l:
                        key_l = heap_l[0, TRIGGER]
                    key_s = shorts[i_s, TRIGGER] if i_s < many_s else NEVER
                    if ranked_s >= 0:
                        key_s = -bound_s
                    elif n_s > 0 and -heap_s[0, TRIGGER] < key_s:
                        key_s = -heap_s[0, TRIGGER]
                    over_l, over_s = key_l + shift_l - mark_l, mark_s - key_s + shift_s
                    if ranked_l >= 0 and over_l >= 0.0:
                        n_l, ranked_l = tidied(heap_l, n_l), -1
                        continue
                    if ranked_s >= 0 and over_s >= 0.0:
                        n_s, ranked_s = tidied(heap_s, n_s), -1
                        continue
                    side, ordered, rested = 0.0, 0.0, False
                    if watched and (over_l >= 0.0 or over_s >= 0.0):
                        if (
                            prompt
                            and not stopped
                            and n_l == 0
                            and n_s == 0
                            and ranked_l < 0
                            and ranked_s < 0
                        ):
                            if not priced:
                                p_l = p_s = math.exp(f + y)
                                priced = True
                            if first_trigger == 0:
                                first_trigger = t
                            at[0], at[1], terms[5] = i_l, i_s, growth
                            state[MARKET], state[IMPACT], state[PRICE] = f, y, p_l
                            state[SPENT], state[MONEY], state[PUT] = spent, fund, burned
                            state[NUMBER_SOLD], state[NUMBER_BOUGHT] = sold, bought
                            state[PAID_FEES], state[SHORT_OF_FEES] = fees, shortfall
                            state[WORST], state[ENDED], state[CLOSED] = worst, closed, closures
                            state[COUNTER_CASH] = market_cash
                            state[COUNTER_UNITS] = market_quantity
                            state[LOWEST], state[HIGHEST] = mark_low, mark_high
                            state[DUE_LATER], state[LEAST], state[DEFAULTED] = (
                                due_fees,
                                fund_low,
                                0.0,
                            )
                            stopped = close_promptly(book, at, state, steepness, terms) > 0.0
                            i_l, i_s = at[0], at[1]
                            f, y, p_l = state[MARKET], state[IMPACT], state[PRICE]
                            p_s = p_l
                            spent, fund, burned = state[SPENT], state[MONEY], state[PUT]
                            sold, bought = state[NUMBER_SOLD], state[NUMBER_BOUGHT]
                            fees, shortfall = state[PAID_FEES], state[SHORT_OF_FEES]
                            worst, closed = state[WORST], state[ENDED]
                            closures = int(state[CLOSED])
                            market_cash = state[COUNTER_CASH]
                            market_quantity = state[COUNTER_UNITS]
                            mark_low, mark_high = state[LOWEST], state[HIGHEST]
                            due_fees, fund_low = state[DUE_LATER], state[LEAST]
                            if state[DEFAULTED] > 0.0 and first_default == 0:
                                first_default = t
                            continue
                        stopped = False
                        if over_l >= over_s:
                            side = 1.0
                            if over_l < shift_l:
                                by_requirement += 1
                            of_heap = n_l > 0 and heap_l[0, TRIGGER] == key_l
                            i_l, n_l, q, c, m, e, kind = first_account(
                                longs, entries_l, kinds_l, i_l, heap_l, n_l, of_heap
                            )
                        else:
                            side = -1.0
                            if over_s < shift_s:
                                by_requirement += 1
                            of_heap = n_s > 0 and -heap_s[0, TRIGGER] == key_s
                            i_s, n_s, q, c, m, e, kind = first_account(
                                shorts, entries_s, kinds_s, i_s, heap_s, n_s, of_heap
                            )
                        if first_trigger == 0:
                            first_trigger = t
                        if rules.delay > 0 or blocked or queue_at < queue_end:
                            now[QUANTITY], now[CASH], now[MAINTENANCE], now[ENTRY] = q, c, m, e
                            now[KIND] = kind
                            now[DUE], now[SIDE], now[ORDERED] = t + rules.delay, side, 0.0
                            now[KIND] = kind
                            wait(queue, queue_end, now)
                            queue_end += 1
                            continue
                    elif not blocked and queue_at < queue_end and queue[queue_at % held, DUE] <= t:
                        take(queue, queue_at, now)
                        queue_at += 1
                        q, c, m, e = now[QUANTITY], now[CASH], now[MAINTENANCE], now[ENTRY]
                        side, ordered, kind = now[SIDE], now[ORDERED], now[KIND]
                    elif (
                        not blocked
                        and rests_at < rests_end
                        and rests[rests_at % rests.shape[0], DUE] <= t
                    ):
                        take(rests, rests_at, now)
                        rests_at += 1
                        q, c, m, e = now[QUANTITY], now[CASH], now[MAINTENANCE], now[ENTRY]
                        side, rested, kind = now[SIDE], True, now[KIND]
                        key = log_trigger(side, q, c, m)
                        healed = (side > 0.0 and mark_l > key + shift_l) or (
                            side < 0.0 and mark_s < key - shift_s
                        )
                        if healed:
                            if side > 0.0 and ranked_l >= 0:
                                n_l, ranked_l = tidied(heap_l, n_l), -1
                            if side < 0.0 and ranked_s >= 0:
                                n_s, ranked_s = tidied(heap_s, n_s), -1
                            if side > 0.0:
                                n_l = push(heap_l, n_l, key, q, c, m, e, kind)
                            else:
                                n_s = push(heap_s, n_s, -key, q, c, m, e, kind)
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
                    shown = p
                    if is_loan:
                        shown = math.exp(mark_l)
                        bonus = bonus_of(-c, q * shown, m, loan)
                        if ordered == 0.0:
                            ordered = taken_units(q, -c, shown, m, bonus, loan)
                        ordered = min(ordered, q)
                    elif ordered == 0.0 and whole_only:
                        ordered = q
                    elif ordered == 0.0:
                        # the margin in force, of which the account's own is the base
                        required = max(m, margin) if moves_margin else m
                        equity = c + side * q * p
                        ordered = q * ordered_share(equity, q * p, required, cost, rules)
                        if rules.close_out == RESTORE:
                            # what is restored at the market may still be short at the mark, which
                            # is what the venue sees: closed by little and little it had no end
                            seen = math.exp(mark_l if side > 0.0 else mark_s)
                            equity = c + side * q * seen
                            more = q * ordered_share(equity, q * seen, required, cost, rules)
                            if more > ordered * (1.0 + 1e-9):
                                ordered = more
                    x = ordered
                    if is_loan:
                        # he sells until the next unit brings less than what he repaid for it
                        reach = math.log(p * (1.0 + bonus) * (1.0 - law.spread) / shown)
                        if straight and slope > 0.0:
                            x = min(x, reach / steepness)
                        elif not straight:
                            x = min(x, (eaten(y - reach, law) - u) * thick)
                        elif reach < 0.0:
                            x = 0.0
                        pays = x > 0.0 and abs(r) < loan.absent
                        if pays:
                            u1, move, impact = traded(x, u, y, steepness, per_depth, law)
                            got = x * p * impact * (1.0 - law.spread)
                            pays = got - x * shown / (1.0 + bonus) >= loan.gas
                        if not pays:
                            later[many_later, TRIGGER] = log_trigger(side, q, c, m)
                            later[many_later, QUANTITY], later[many_later, CASH] = q, c
                            later[many_later, MAINTENANCE], later[many_later, ENTRY] = m, e
                            later[many_later, KIND] = kind
                            many_later += 1
                            continue
                    if capped:
                        side_room = law.room[0] - u if side > 0.0 else law.room[1] + u
                        room = min((rules.throughput - spent) / p, side_room * thick)
                        if room < x * (1.0 - 1e-12):
                            x = max(room, 0.0)
                            blocked = True
                    u1, move, impact = traded(side * x, u, y, steepness, per_depth, law)
                    mean = impact * (1.0 - side * law.spread)
                    px = p * mean
                    whole = x == q
                    price = shown / (1.0 + bonus) if is_loan else px
                    left = c + side * x * price
                    takes_over = False
                    q0, c0, p0 = q, c, p
                    if whole and left < 0.0 and -left * per_loss > fund and not is_loan:
                        # at its bankruptcy price nothing is sold
                        bankruptcy = -side * c / q
                        if behind.vault_leverage > 0.0:
                            holds = vault_quantity + side * q
                            worth = vault_cash - side * q * bankruptcy + holds * p
                            takes_over = abs(holds) * p <= behind.vault_leverage * worth
                        if takes_over:
                            vault_quantity += side * q
                            vault_cash -= side * q * bankruptcy
                            vault_taken += q * p
                            vault_low = min(vault_low, vault_cash + vault_quantity * p)
                        elif behind.deleverages and -left > max(fund, 0.0) / per_loss + tranche:
                            asked[0], asked[1], asked[2] = -side, q, bankruptcy
                            asked[3], asked[4] = p, behind.rule
                            asked[5] = 1.0 if behind.replaces else 0.0
                            told[FOLLOWERS] = many_next
                            if side > 0.0:
                                if i_s < many_s:
                                    n_s = all_in_heap(
                                        shorts, entries_s, kinds_s, i_s, heap_s, n_s, -1.0
                                    )
                                    i_s = many_s
                                if ranked_s < 0:
                                    bound_s = heap_s[0, TRIGGER] if n_s > 0 else -NEVER
                                    ranked_s = rank_winners(heap_s, n_s, asked, order_s, score_s)
                                ranked_s = deleverage(
                                    heap_s, ranked_s, asked, order_s, score_s, next_ones, told
                                )
                            else:
                                if i_l < many_l:
                                    n_l = all_in_heap(
                                        longs, entries_l, kinds_l, i_l, heap_l, n_l, 1.0
                                    )
                                    i_l = many_l
                                if ranked_l < 0:
                                    bound_l = heap_l[0, TRIGGER] if n_l > 0 else -NEVER
                                    ranked_l = rank_winners(heap_l, n_l, asked, order_l, score_l)
                                ranked_l = deleverage(
                                    heap_l, ranked_l, asked, order_l, score_l, next_ones, told
                                )
                            many_next = int(told[FOLLOWERS])
                            adl += told[TAKEN] * p
                            adl_cost += side * (told[PAID] - told[TAKEN] * p)
                            hit += told[NEWLY_HIT]
                            most_taken = max(most_taken, told[MOST])
                            closed += told[GONE]
                            which = 0 if side > 0.0 else 1
                            kept = max(1.0 - behind.withdrawn[which] * told[OF_MAKERS], 0.01)
                            withdrawn *= kept
                            # makers are gone at once, and hedgers sell what their winner hedged
                            thick *= kept
                            per_depth = 1.0 / thick
                            steepness = slope * per_depth if straight else -1.0
                            x = told[OF_HEDGERS]
                            if x > 0.0:
                                u1, move, impact = traded(side * x, u, y, steepness, per_depth, law)
                                got = side * x * p * impact * (1.0 - side * law.spread)
                                winners_quantity -= side * x
                                winners_cash += got
                                market_quantity += side * x
                                market_cash -= got
                                f += permanent * move
                                y += transient * move
                                if not straight:
                                    u = eaten(y, law) if permanent > 0.0 else u1
                                moved = math.exp(move)
                                p_l, p_s, p = p_l * moved, p_s * moved, p * moved
                                if side > 0.0:
                                    mark_low = min(mark_low, f + y)
                                else:
                                    mark_high = max(mark_high, f + y)
                            # what they could not carry is sold; what they fell short of is missing
                            c += side * told[PAID]
                            x = q - told[TAKEN]
                            takes_over = x <= 1e-12 * q
                            if takes_over:
                                lost = max(-c, 0.0)
                                if lost > 1e-12 * q * p:
                                    c = 0.0
                                    bad += lost
                                    burned += lost * per_loss / growth
                                    needed = max(needed, burned)
                                    fund -= lost * per_loss
                                    put_in -= lost * (per_loss - 1.0)
                                    fund_low = min(fund_low, fund)
                                closed += c
                            else:
                                q = ordered = x
                                u1, move, impact = traded(side * x, u, y, steepness, per_depth, law)
                                mean = impact * (1.0 - side * law.spread)
                                px = p * mean
                                left = c + side * x * px
                    if takes_over:
                        closures += 1
                        shortfall += max(rules.fee * q0 * p0 - (c0 + side * q0 * p0), 0.0)
                        if first_default == 0:
                            first_default = t
                        if behind.replaces:
                            many_next = follow(next_ones, many_next, side, q0, c0, m, e, kind)
                        continue
                    worst = max(worst, side * (1.0 - mean))
                    value = x * p
                    fee = rules.fee * value
                    spent += value
                    if whole and behind.replaces:
                        many_next = follow(next_ones, many_next, side, q0, c0, m, e, kind)
                    q -= x
                    c = left
                    paid = fee
                    if is_loan:
                        keepers += x * (px - price)
                        given_up += x * (shown - price)
                    if whole:
                        closures += 1
                        if c < fee:
                            shortfall += fee - c
                            if first_default == 0:
                                first_default = t
                        paid = max(min(fee, c), 0.0)
                        if c < 0.0:
                            bad -= c
                            lost = -c
                            burned += lost * per_loss / growth
                            needed = max(needed, burned)
                            if tranche > 0.0 and lost * per_loss > fund:
                                share = min(lost - max(fund, 0.0) / per_loss, tranche)
                                tranche -= share
                                lost -= share
                            fund -= lost * per_loss
                            put_in -= lost * (per_loss - 1.0)
                        else:
                            closed += c - paid
                        q = 0.0
                    elif x > 0.0:
                        c -= fee
                    else:
                        paid = 0.0
                    fees += paid
                    if behind.late_fees:
                        due_fees += paid
                    else:
                        fund += paid
                        burned -= paid / growth
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
                        if x < ordered and not is_loan:
                            now[QUANTITY], now[CASH], now[MAINTENANCE], now[ENTRY] = q, c, m, e
                            now[KIND] = kind
                            now[DUE], now[SIDE], now[ORDERED] = t + 1, side, ordered - x
                            if queue_at > 0 and not rested:
                                queue_at -= 1  # it keeps its place
                                wait(queue, queue_at, now)
                            else:
                                wait(queue, queue_end, now)
                                queue_end += 1
                        elif rules.close_out == CLIP and not rested:
                            closures += 1
                            now[QUANTITY], now[CASH], now[MAINTENANCE], now[ENTRY] = q, c, m, e
                            now[KIND] = kind
                            now[DUE], now[SIDE], now[ORDERED] = t + rules.rest, side, 0.0
                            wait(rests, rests_end, now)
                            rests_end += 1
                        else:
                            closures += 1
                            if side > 0.0 and ranked_l >= 0:
                                n_l, ranked_l = tidied(heap_l, n_l), -1
                            if side < 0.0 and ranked_s >= 0:
                                n_s, ranked_s = tidied(heap_s, n_s), -1
                            key = log_trigger(side, q, c, m)
                            if side > 0.0:
                                n_l = push(heap_l, n_l, key, q, c, m, e, kind)
                            else:
                                n_s = push(heap_s, n_s, -key, q, c, m, e, kind)
                mark_low, mark_high = min(mark_low, f + y + gap_l), max(mark_high, f + y + gap_s)
            if not sees_all:
                last = f - closes[t]
                lows[t], closes[t], highs[t] = lows[t] + last, f, highs[t] + last
            elif acting:
                closes[t] = f
            if moves_margin:
                move = f + law.mark_weight * y - last_mark
                last_mark = f + law.mark_weight * y
                seen_variance = moving.memory * seen_variance + (1.0 - moving.memory) * move * move
            if ranked_l >= 0:
                n_l, ranked_l = tidied(heap_l, n_l), -1
            if ranked_s >= 0:
                n_s, ranked_s = tidied(heap_s, n_s), -1
            most_bar = max(most_bar, spent)
            if due_fees > 0.0:
                fund += due_fees
                burned -= due_fees / growth
                due_fees = 0.0
            if many_next > 0:
                p = math.exp(f + y)
                for i in range(many_next):
                    side, q, m = (
                        next_ones[i, SIDE],
                        next_ones[i, QUANTITY],
                        next_ones[i, MAINTENANCE],
                    )
                    kind = next_ones[i, KIND]
                    posted = next_ones[i, CASH] * q * p
                    c = posted - side * q * p
                    key = log_trigger(side, q, c, m)
                    put_in += posted
                    market_quantity -= side * q
                    market_cash += side * q * p
                    if side > 0.0:
                        n_l = push(heap_l, n_l, key, q, c, m, p, kind)
                    else:
                        n_s = push(heap_s, n_s, -key, q, c, m, p, kind)
                many_next = 0
            if vault_quantity != 0.0:
                vault_low = min(vault_low, vault_cash + vault_quantity * math.exp(f + y))
        p = math.exp(f + y)
        unclosed = 0.0
        for i in range(queue_at, queue_end):
            row = i % held
            unclosed += queue[row, QUANTITY] * p
        for i in range(many_later):
            unclosed += later[i, QUANTITY] * p
            bad += max(-later[i, CASH] - later[i, QUANTITY] * p, 0.0)
        row_out = out[path]
        row_out[LOWEST_PRICE], row_out[LOWEST_MARKET] = mark_low, exo_low
        row_out[HIGHEST_PRICE], row_out[HIGHEST_MARKET] = mark_high, exo_high
        row_out[SOLD], row_out[BOUGHT], row_out[CLOSURES] = sold, bought, closures
        row_out[BAD_DEBT], row_out[SHORTFALL] = bad, shortfall
        row_out[FUND], row_out[FUND_LOWEST] = fund, fund_low
        row_out[DELEVERAGED], row_out[DELEVERAGING_COST] = adl, adl_cost
        row_out[WINNERS_HIT], row_out[LARGEST_TAKEN] = hit, most_taken
        row_out[FEES], row_out[MOST_IN_A_BAR], row_out[UNCLOSED] = fees, most_bar, unclosed
        row_out[WORST_SLIPPAGE], row_out[BY_REQUIREMENT] = worst, by_requirement
        row_out[FIRST_TRIGGER], row_out[FIRST_DEFAULT] = first_trigger, first_default
        row_out[CLOSING_PRICE], row_out[FUND_NEEDED], row_out[TRANCHE] = p, needed, tranche
        vault = vault_cash + vault_quantity * p
        row_out[VAULT], row_out[VAULT_LOWEST], row_out[VAULT_TAKEN] = vault, vault_low, vault_taken
        row_out[KEEPERS], row_out[GIVEN_UP], row_out[PUT_IN] = keepers, given_up, put_in
        row_out[SOCIALISED] = max(-fund, 0.0) + max(-vault, 0.0)
        if out.shape[1] <= ACCOUNTS_TOTAL:
            continue
        total = closed + worth_of(longs, i_l, many_l, 1.0, p) + worth_of(heap_l, 0, n_l, 1.0, p)
        total += worth_of(shorts, i_s, many_s, -1.0, p) + worth_of(heap_s, 0, n_s, -1.0, p)
        total += worth_of(later, 0, many_later, 1.0, p)
        total += ordered_worth(queue, queue_at, queue_end, p)
        total += ordered_worth(rests, rests_at, rests_end, p)
        row_out[ACCOUNTS_TOTAL] = total
        row_out[MARKET_TOTAL] = market_cash + market_quantity * p
        row_out[WINNERS_TOTAL] = winners_cash + winners_quantity * p
