"""The margin waterfall: what each part of a recommended buffer is for."""

from __future__ import annotations

import math

import pandas as pd
from scipy.special import ndtri

from riskkit.calibration.question import Question
from riskkit.calibration.venue import BarrierVenue
from riskkit.paths.run import Stream
from riskkit.position import Side
from riskkit.tail.losses import simple_loss


def margin_waterfall(
    question: Question, side: Side, *, covered: float, upper: float, final: float
) -> pd.Series:
    """Parts of MM (of 1 - LT for a loan), in order, as fractions that sum to it.

    Each part is what the requirement grows by when one more fact is faced: one normal bar at
    today's volatility; the shape of the tail; the liquidation delay; the oracle's latency, then
    its deviation; that liquidations happen in bad times; slippage and fee (or the bonus);
    uncertainty; the floor.

    Parameters
    ----------
    covered, upper, final : float
        Covered loss: point, safe end of its band, and recommended (floor included).
    """
    p, venue, world = question.default_target, question.venue, question.world
    run = question.run.stream(Stream.MARGIN_PERIOD)
    sigma = world.start.volatilities(world.model, run)

    def quantile(bars: int) -> float:
        moves = question.simulator.forecast(world, run, bars=bars)
        return moves.value_at_risk(1.0 - p, side).value

    scale = math.sqrt(float((sigma**2).mean()))
    normal = float(simple_loss(side.sign * scale * float(ndtri(p)), side))
    delay, latency = venue.delay, venue.latency
    one, delayed, late = quantile(1), quantile(1 + delay), quantile(1 + delay + latency)
    deviated = float(venue.seen_late(late, side))
    steps = [
        ("volatility", normal),
        ("tail shape", one - normal),
        ("liquidation delay", delayed - one),
        ("oracle latency", late - delayed),
        ("oracle deviation", deviated - late),
        ("liquidations in bad times", covered - deviated),
    ]
    loss_part = pd.Series(dict(steps), dtype="float64")
    if venue.is_loan:  # 1 - (1 - L)/(1 + LB) = L/(1 + LB) + LB/(1 + LB)
        loss_part = loss_part / (1.0 + venue.bonus)
    point, safe, whole = (
        float(venue.requirement(venue.limits(loss, 0.01, side)[0]))
        for loss in (covered, upper, final)
    )
    rest = {**_costs(venue, side, covered), "uncertainty": safe - point, "floor": whole - safe}
    return pd.concat([loss_part, pd.Series(rest, dtype="float64")]).rename("fraction")


def _costs(venue: BarrierVenue, side: Side, covered: float) -> dict[str, float]:
    if venue.is_loan:
        return {"liquidation bonus": venue.cost_of_closing}
    notional = 1.0 - side.sign * covered
    return {"slippage": notional * venue.slippage, "fee": notional * venue.fee}
