"""The marks of a study that an attacker can move: its own book, and the sources of its index."""

from __future__ import annotations

import math

from riskkit.attack.cost import PriceMean, PriceSource, cheapest_majority
from riskkit.attack.gain import AttackedMark
from riskkit.attack.stale import YEAR_SECONDS, pool_loss_per_block
from riskkit.stress.terms import StressedVenue
from riskkit.study.attack import AttackSection
from riskkit.venue.depth import OrderBookDepth


def index_sources(asked: AttackSection) -> list[PriceSource]:
    """Sources of the index, each a book."""
    return [
        PriceSource(s.name, s.weight, OrderBookDepth(s.at_one_percent_notional), s.fee_fraction)
        for s in asked.sources
    ]


def own_book_mark(venue: StressedVenue, asked: AttackSection) -> AttackedMark:
    """The mark as far as the own book makes it."""
    return AttackedMark(
        venue.depth.bids,
        venue.depth.offers,
        venue.depth.mark_weight,
        max(asked.averaged_seconds / asked.traded_back_seconds, 1.0),
        PriceMean(asked.mean),
        traded_back=True,
        fee=asked.fee_fraction,
    )


def index_mark(venue: StressedVenue, asked: AttackSection) -> AttackedMark:
    """The index as one market: the cheapest majority of its sources.

    All books are linear in the log price, so that the set that is cheapest is so for every move,
    fees aside, and its depths add up.
    """
    names, _ = cheapest_majority(index_sources(asked), 1.1)
    taken = [s for s in asked.sources if s.name in names]
    depth = sum(s.at_one_percent_notional for s in taken)
    fee = sum(s.fee_fraction * s.at_one_percent_notional for s in taken) / depth
    curve = OrderBookDepth(depth)
    return AttackedMark(
        curve,
        curve,
        1.0 - venue.depth.mark_weight,
        max(asked.averaged_seconds / asked.traded_back_seconds, 1.0),
        PriceMean(asked.mean),
        traded_back=True,
        fee=fee,
    )


def pool_loss_per_year(sigma_per_year: float, asked: AttackSection) -> float:
    """What arbitrage takes from a pool a year, a fraction of it, at the study's fee and blocks."""
    blocks = YEAR_SECONDS / asked.traded_back_seconds
    return pool_loss_per_block(sigma_per_year / math.sqrt(blocks), asked.fee_fraction) * blocks
