"""Dutch auctions of collateral: a price starts above the market and falls until somebody bids.

As Maker's Clipper: it starts at ``start`` times the oracle's price and is multiplied by ``cut``
every ``step_seconds``. Bids come where it meets the market less what bidding costs. Too slow, and
the market falls away under it; too steep, and a step overshoots.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError

Array = npt.NDArray[np.float64]

#: Starts and cuts that are tried.
STARTS = (1.01, 1.02, 1.03, 1.05, 1.075, 1.1, 1.15, 1.2, 1.3)
CUTS = (0.999, 0.998, 0.997, 0.995, 0.993, 0.99, 0.985, 0.98, 0.97, 0.95)
SEED = 1  # of the markets that auctions are chosen on


@dataclass(frozen=True)
class DutchAuction:
    """How an auction's price falls.

    Attributes
    ----------
    start : float
        Of the oracle's price.
    cut : float
        Factor of a step, below 1.
    step_seconds : float
    seconds : float
        Until it is stopped (and has to be begun anew).
    """

    start: float
    cut: float
    step_seconds: float
    seconds: float

    @property
    def steps(self) -> int:
        """Steps before it is stopped."""
        return int(self.seconds // self.step_seconds)

    def price_at(self, seconds: float) -> float:
        """Price after so many seconds, of the oracle's at the start."""
        return self.start * self.cut ** int(seconds // self.step_seconds)

    def steps_to(self, price: float = 1.0) -> int:
        """Steps until it is at or below a price."""
        return max(math.ceil(math.log(self.start / price) / -math.log(self.cut) - 1e-12), 0)


@dataclass(frozen=True)
class SolvedAuction:
    """The auction that loses least among those which rarely end without a bid.

    Attributes
    ----------
    auction : DutchAuction
    no_bid : float
        Share of auctions that end without a bid.
    loss : float
        Quantile of what is lost against the oracle's price at the start.
    mean_seconds : float
        Until the bid.
    most : float
        Collateral that can be on auction at once, in money: what the depth takes at the loss
        allowed while one lasts.
    """

    auction: DutchAuction
    no_bid: float
    loss: float
    mean_seconds: float
    most: float


def run_auction(auction: DutchAuction, market: Array, cost: float) -> tuple[Array, Array]:
    """Bids on paths of the market.

    Parameters
    ----------
    market : ndarray (paths, steps)
        Price at each step, of the oracle's at the start.
    cost : float
        What a bidder asks below the market, a fraction.

    Returns
    -------
    step, price : ndarray (paths,)
        At the bid; the price is nan, and the step that of the end, where nobody bids.
    """
    count = min(auction.steps + 1, market.shape[1])
    asked = auction.start * auction.cut ** np.arange(count)
    takes = asked[None, :] <= market[:, :count] * (1.0 - cost)
    step = np.where(takes.any(axis=1), takes.argmax(axis=1), count - 1)
    return step, np.where(takes.any(axis=1), asked[step], np.nan)


def solve_auction(
    sigma_per_second: float,
    *,
    no_bid: float,
    allowed_loss: float,
    seconds: float,
    step_seconds: float,
    cost: float,
    depth_at_one_percent: float,
    tail: float = 0.01,
    paths: int = 4_000,
) -> SolvedAuction:
    """Start and cut that lose least at a quantile, among auctions that rarely end without a bid.

    Parameters
    ----------
    sigma_per_second : float
        Stressed volatility of the market, normal steps.
    no_bid, allowed_loss : float
        Most of the auctions without a bid, and of the loss at the quantile.
    seconds, step_seconds : float
        Longest auction, and a step of it.
    cost : float
        What a bidder asks below the market.
    depth_at_one_percent : float
        Value that moves the market by 1 %, in stress.
    tail : float
        Of the loss's quantile.

    Raises
    ------
    InputError
        If no auction meets both: with the best that there is.
    """
    steps = int(seconds // step_seconds)
    if steps < 1:
        raise InputError("seconds", seconds, "must hold a step", "Lengthen the auction")
    rng = np.random.default_rng(np.random.SFC64(SEED))
    moves = rng.standard_normal((paths, steps)) * sigma_per_second * math.sqrt(step_seconds)
    market = np.exp(np.concatenate([np.zeros((paths, 1)), np.cumsum(moves, axis=1)], axis=1))
    best: SolvedAuction | None = None
    for start in STARTS:
        for cut in CUTS:
            auction = DutchAuction(start, cut, step_seconds, seconds)
            step, price = run_auction(auction, market, cost)
            missed = float(np.isnan(price).mean())
            # without a bid it is begun anew: what the market is worth then
            got = np.where(np.isnan(price), market[:, -1] * (1.0 - cost), price)
            loss = float(np.quantile(1.0 - got, 1.0 - tail))
            lasts = float(step.mean()) * step_seconds
            most = depth_at_one_percent * max(-math.log1p(-allowed_loss), 0.0) / 0.01
            found = SolvedAuction(auction, missed, loss, lasts, most)
            if missed <= no_bid and (best is None or loss < best.loss):
                best = found
    if best is None or best.loss > allowed_loss:
        told = "none of them ends in a bid so often"
        if best is not None:
            told = f"the best loses {best.loss:.2%} at {1.0 - tail:.0%}"
        raise InputError(
            "auction",
            (no_bid, allowed_loss),
            f"is met by no start and cut of {seconds:g} s in steps of {step_seconds:g} s: {told}",
            "Allow more, shorten the steps, or lower the threshold so that more is left",
        )
    return best
