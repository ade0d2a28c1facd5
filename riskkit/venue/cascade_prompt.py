"""The commonest close-outs, done fast: in full, at once, into one straight slope.

Nothing here is a rule of its own: it does what `riskkit.venue.cascade_kernel` does, step by step
and to the bit, where nothing waits, nothing is partly closed, the oracle shows what the market
makes and margins stand still. It stops before the first account whose equity does not cover its
close-out, and leaves that one to the layers behind it.
"""

from __future__ import annotations

from riskkit.compiled import Integers, Real, Vector, inlined
from riskkit.venue.cascade_values import CASH, NEVER, QUANTITY, TRIGGER, SortedBook
from riskkit.venue.impact import mean_of_exp

# What a bar of close-outs reads and changes.
(
    MARKET,
    IMPACT,
    PRICE,
    SPENT,
    MONEY,
    NUMBER_SOLD,
    NUMBER_BOUGHT,
    PAID_FEES,
    SHORT_OF_FEES,
    WORST,
    ENDED,
    COUNTER_CASH,
    COUNTER_UNITS,
    PUT,
    LOWEST,
    HIGHEST,
    DUE,
    CLOSED,
    DEFAULTED,
    FUND_LOW,
    PROMPT,
) = range(21)


@inlined
def close_promptly(
    book: SortedBook,
    at: Integers,
    s: Vector,
    steepness: Real,
    terms: Vector,
) -> Real:
    """Close triggered accounts, worst first, while equity covers them; 1.0 if one is left.

    Parameters
    ----------
    at : ndarray (2,) of int
        Next of the longs, and of the shorts; changed.
    s : ndarray
        State of the path, as named above; changed.
    steepness : float
        Log price per unit.
    terms : ndarray (7,)
        Share of the displacement in the mark, that stays for good, that can come back; the spread;
        the fee; growth of the fund so far; 1.0 where fees count from the next bar on.
    """
    longs, shorts = book.longs, book.shorts
    many_l, many_s = longs.shape[0], shorts.shape[0]
    weight, permanent, transient = terms[0], terms[1], terms[2]
    spread, rate, growth, late = terms[3], terms[4], terms[5], terms[6]
    i_l, i_s = at[0], at[1]
    f, y, p, spent, fund = s[MARKET], s[IMPACT], s[PRICE], s[SPENT], s[MONEY]
    sold, bought, fees = s[NUMBER_SOLD], s[NUMBER_BOUGHT], s[PAID_FEES]
    shortfall, worst, closed = s[SHORT_OF_FEES], s[WORST], s[ENDED]
    cash, units, burned = s[COUNTER_CASH], s[COUNTER_UNITS], s[PUT]
    low, high, due, closures = s[LOWEST], s[HIGHEST], s[DUE], s[CLOSED]
    fund_low = s[FUND_LOW]
    stopped = 0.0
    while True:
        mark = f + weight * y
        over_l = (longs[i_l, TRIGGER] if i_l < many_l else -NEVER) - mark
        over_s = mark - (shorts[i_s, TRIGGER] if i_s < many_s else NEVER)
        if over_l >= over_s:
            if not over_l >= 0.0:
                break
            q, c = longs[i_l, QUANTITY], longs[i_l, CASH]
            move = -steepness * q
            impact = mean_of_exp(move)
            mean = impact * (1.0 - spread)
            px = p * mean
            left = c + q * px
            if left < 0.0:
                stopped = 1.0
                break
            i_l += 1
            worst = max(worst, 1.0 - mean)
            value = q * p
            sold += value
            units += q
            cash -= q * px
        else:
            if not over_s >= 0.0:
                break
            q, c = shorts[i_s, QUANTITY], shorts[i_s, CASH]
            move = -steepness * -q
            impact = mean_of_exp(move)
            mean = impact * (1.0 + spread)
            px = p * mean
            left = c - q * px
            if left < 0.0:
                stopped = 1.0
                break
            i_s += 1
            worst = max(worst, -(1.0 - mean))
            value = q * p
            bought += value
            units -= q
            cash += q * px
        spent += value
        closures += 1.0
        fee = rate * value
        if left < fee:
            shortfall += fee - left
            s[DEFAULTED] = 1.0
        paid = min(fee, left)
        closed += left - paid
        fees += paid
        if late > 0.0:
            due += paid
        else:
            fund += paid
            burned -= paid / growth
        fund_low = min(fund_low, fund)
        f += permanent * move
        y += transient * move
        p *= 1.0 + move * impact
        if over_l >= over_s:
            low = min(low, f + y)
        else:
            high = max(high, f + y)
    at[0], at[1] = i_l, i_s
    s[MARKET], s[IMPACT], s[PRICE], s[SPENT], s[MONEY] = f, y, p, spent, fund
    s[NUMBER_SOLD], s[NUMBER_BOUGHT], s[PAID_FEES] = sold, bought, fees
    s[SHORT_OF_FEES], s[WORST], s[ENDED] = shortfall, worst, closed
    s[COUNTER_CASH], s[COUNTER_UNITS], s[PUT] = cash, units, burned
    s[LOWEST], s[HIGHEST], s[DUE], s[CLOSED] = low, high, due, closures
    s[FUND_LOW] = fund_low
    return stopped
