"""What stands behind a venue in the parameters of venues: dYdX, Aave, Maker's Clipper.

Rounded against the trader, or for the fund; each with its band where it has one. Proposals to be
read beside the venue's own pages: what the answer does not say is left to the venue.
"""

from __future__ import annotations

import math

from riskkit.errors import InputError
from riskkit.stress.cap import peak_branching
from riskkit.venue.criticality import RUN
from riskkit.waterfall.answer import VenueFund

#: Quote quantums of a dollar, on dYdX.
QUANTUMS = 1_000_000
RAY, RAD = 10**27, 10**45


def fund_forms(found: VenueFund) -> dict[str, object]:
    """The answer in the parameters of venues; money in the study's, unless the key says otherwise.

    Raises
    ------
    InputError
        If the book runs at crash depth: no number of it is one to export.
    """
    venue = found.posed.venue
    peak = peak_branching(venue, margin=found.posed.margin)
    if peak >= RUN:
        raise InputError(
            "book",
            f"n = {peak:.2f}",
            f"runs at crash depth for moves up to {venue.move:.0%}: no fund is large enough for "
            "it, and no size is exported",
            "Lower open interest, leverage, or the weight of the own book in the mark",
        )
    size = found.size
    forms: dict[str, object] = {
        "fund": {
            "notional": math.ceil(size.size),
            "low": size.low,
            "high": size.high,
            "once_in_years": size.once_in,
            "cover_one": found.cover.one,
            "cover_two": found.cover.two,
        }
    }
    if found.lending is None:
        throughput = venue.engine.throughput
        limits: dict[str, str] = {
            "max_quantums_insurance_lost": str(math.ceil(max(found.cover.one, 1e-6) * QUANTUMS))
        }
        if math.isfinite(throughput):
            limits["max_notional_liquidated"] = str(math.floor(throughput * QUANTUMS))
        forms["dydx_liquidations_config"] = {
            "max_liquidation_fee_ppm": math.ceil(round(venue.engine.fee * 1e6, 6)),
            "subaccount_block_limits": limits,
        }
        return forms
    lending = found.lending
    bonus = lending.now if lending.bonus is None else lending.bonus
    depth = venue.depth
    clears = float(depth.bids.quantity_to(math.log1p(bonus))) * depth.crash_fraction
    forms["aave_v3"] = {
        # the excess over the debt, in basis points, as the config engine takes it
        "liqBonus": math.ceil(round(bonus * 1e4, 6)),
        "clearable_collateral_notional": math.floor(clears),
        "bonus_brings_keepers": lending.bonus is not None,
    }
    solved = lending.auction
    if solved is not None:
        auction = solved.auction
        forms["maker_clip"] = {
            "buf": str(round(auction.start * 10**6) * RAY // 10**6),
            "cut": str(round(auction.cut * 10**6) * RAY // 10**6),
            "step": round(auction.step_seconds),
            "tail": round(auction.seconds),
            "hole": str(math.floor(solved.most) * RAD),
        }
    return forms
