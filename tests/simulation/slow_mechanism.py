"""An independent slow simulator of the mechanism, written from the docstrings of
`riskkit.venue.run` and `riskkit.venue.liquidation` alone: no class, no shared helper, the account
kept as a ledger."""

import math


def slow_outcome(closes, extremes, position, mechanism, horizon, uniforms, fills=None):
    """(trigger bar, unfair, default bar, loss, number of close-outs) of one path."""
    loan = hasattr(position, "loan_to_value")
    side = 1 if loan or position.side.value == "long" else -1
    price = [p / closes[0] for p in closes]
    touch = [p / closes[0] for p in extremes]
    deal = [p / closes[0] for p in (closes if fills is None else fills)]
    if loan:
        ledger = {"debt": position.loan_to_value, "coins": 1.0}
    else:
        ledger = {"paid in": position.initial_margin, "size": 1.0}

    def late(lag, t, pair):
        if isinstance(lag, int):
            return lag, False
        move = abs(math.log(price[t]) - math.log(price[t - 1]))
        wild = move >= lag.move
        table, bars = (lag.stressed if wild else lag.calm), 0
        while bars < len(table) - 1 and pair[0] >= sum(table[: bars + 1]):
            bars += 1
        return bars, wild and pair[1] < lag.halt_probability

    def slip(money):
        law = mechanism.slippage
        if law.law.value == "flat":
            cost = law.rate
        elif law.law.value == "linear":
            cost = law.rate / law.depth * money
        elif law.law.value == "square-root":
            cost = law.rate * (money / law.depth) ** 0.5
        else:
            steps = law.ladder
            above = [i for i, step in enumerate(steps) if step[0] >= money]
            i = above[0] if above else len(steps) - 1
            if i == 0:
                cost = steps[0][1]
            else:
                (q0, c0), (q1, c1) = steps[i - 1], steps[i]
                cost = c0 * (q1 - money) / (q1 - q0) + c1 * (money - q0) / (q1 - q0)
        return cost if cost < 1 else 1.0

    def charged(traded):
        taken = slip(traded * position.notional) + position.penalty
        return min(taken, 1.0) if side > 0 else taken

    def equity(p):
        return ledger["paid in"] + side * ledger["size"] * (p - 1)

    def is_due(p):
        if loan:
            return ledger["debt"] >= position.liquidation_threshold * ledger["coins"] * p
        return equity(p) / (ledger["size"] * p) <= position.maintenance_margin

    rule, level = mechanism.close_out.rule.value, mechanism.close_out.level
    cap, rest = (
        mechanism.close_out.largest_per_bar / position.notional,
        None,
    )  # rest: share of debt, or coins
    shown, known, frozen_until = 1.0, 0, -1
    first, unfair, scheduled, count = 0, False, None, 0
    for t in range(1, len(price)):
        # 2. funding, interest
        if loan:
            ledger["debt"] += ledger["debt"] * position.interest
        else:
            ledger["paid in"] -= side * position.funding * ledger["size"] * price[t]
        # 3. oracle
        lag, halt = late(mechanism.oracle.latency, t, uniforms.latency[t])
        if halt and t >= frozen_until:
            frozen_until = t + mechanism.oracle.latency.halt_bars
        shows = [shown]
        if t >= frozen_until and t - lag > known:
            known = t - lag
            published = []
            for p in (touch[known], price[known]):
                if abs(p - shown) / shown >= mechanism.oracle.deviation:
                    shown = p
                    published.append(p)
            shows = published or shows
        # 4. trigger
        seen = min(shows) if side > 0 else max(shows)
        if scheduled is None and known <= horizon and is_due(seen):
            lag, halt = late(mechanism.delay, t, uniforms.delay[t])
            scheduled = t + lag + (mechanism.delay.halt_bars if halt else 0)
            if not first:
                first, unfair = t, not is_due(touch[t])
        # 5. execution
        if scheduled != t:
            continue
        scheduled, count = None, count + 1
        room = math.inf if t == len(price) - 1 else cap
        if loan:
            value, debt, bonus = ledger["coins"] * deal[t], ledger["debt"], position.bonus
            part = {"full": 1.0, "close-factor": level}.get(rule)
            if part is None:
                weight = level - (1 + bonus) * position.liquidation_threshold
                gap = level - value * position.liquidation_threshold / debt
                part = 1.0 if weight <= 0 else min(1.0, max(0.0, gap / weight))
            wanted = debt * (part if rest is None else rest)
            seized = min(wanted * (1 + bonus), value, room)
            if (1 + bonus) * (1 - slip(seized * position.notional)) < 1:
                short = debt - value * (1 - slip(min(value, room) * position.notional))
                return first, unfair, (t if short > 0 else 0), max(short, 0.0), count
            if debt * (1 + bonus) > value:
                return first, unfair, t, debt - value / (1 + bonus), count
            repaid = min(wanted, seized / (1 + bonus))
            ledger = {"debt": debt - repaid, "coins": (value - seized) / deal[t]}
            more = wanted * (1 + bonus) > room
            rest = (wanted - repaid) / (debt - repaid) if more else None
            if rest is None and repaid >= debt:
                break
            scheduled = None if rest is None else t + 1
        else:
            worth = ledger["size"] * deal[t]
            all_in = charged(min(worth, room))
            if equity(deal[t]) < worth * all_in:
                return first, unfair, t, worth * all_in - equity(deal[t]), count
            part = {"full": 1.0, "close-factor": level}.get(rule)
            if part is None:
                gap = level - equity(deal[t]) / worth
                part = 1.0 if level <= all_in else min(1.0, max(0.0, gap / (level - all_in)))
            if part is not None and rule == "restore" and level <= position.maintenance_margin:
                part = 1.0
            wanted = part * ledger["size"] if rest is None else rest
            coins = min(wanted, room / deal[t])
            rest = wanted - coins if coins < wanted else None
            if rest is None and coins >= ledger["size"]:
                break
            scheduled = None if rest is None else t + 1
            sold = coins * deal[t]
            fee = sold * charged(sold)
            ledger["paid in"] += coins * side * (deal[t] - 1) - fee
            ledger["size"] -= coins
    return first, unfair, 0, 0.0, count
