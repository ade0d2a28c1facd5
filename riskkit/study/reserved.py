"""Keys that later versions will fill: using one today is refused in words, not as a misspelling."""

from __future__ import annotations

#: Key, or the table that everything below it belongs to, and what it is kept for.
RESERVED: dict[str, str] = {
    "alarm": "what forces a review",
    "auction": "Dutch auctions of collateral",
    "backstop": "the fund and what comes after it",
    "data.finer": "finer bars beside the study's own",
    "fleet": "many markets at once",
    "instruments": "several instruments in one account",
    "keepers": "who liquidates, and when it pays",
    "guards": "attack.guards, by its own table",
    "legs": "options, which a file of legs holds: riskkit portfolio --legs",
    "liquidation.auction": "Dutch auctions of collateral",
    "liquidation.throughput_notional_per_bar": "stress.throughput_notional_per_bar",
    "liquidity.crash_depth_fraction": "depth.crash_depth_fraction, by its own table",
    "liquidity.impact": "close-outs that move the price, which depth describes",
    "liquidity.refill_seconds": "depth.refill_seconds, by its own table",
    "model.window_days": "a window that moves along",
    "oracle.sources": "a median of several sources",
    "oracle.averaging_seconds": "an averaged price",
    "position.collateral": "collateral beside money",
    "position.leverage": "a distribution of accounts, which accounts.distance_fraction declares",
    "position.legs": "options",
    "price": "whose price a position is marked at",
    "scenarios": "named scenarios",
    "signals": "signals beside the price",
    "targets.bad_debt_oi_year_bps": "targets on bad debt",
    "targets.default_account_day_probability": "targets per account and day",
    "targets.episode_shortfall_fraction": "targets on the worst episodes",
    "trigger": "what is said by liquidation.trigger",
    "venues": "several venues in one market",
    "waterfall": "the order in which losses are borne",
}


def reserved_for(key: str) -> str | None:
    """What a key is kept for, if it is."""
    parts = key.split(".")
    for count in range(len(parts), 0, -1):
        found = RESERVED.get(".".join(parts[:count]))
        if found is not None:
            return found
    return None
