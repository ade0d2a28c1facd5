"""The margin that a size needs: its tail loss over the time it takes to close, and its slippage.

``MM(Q) = L(Q) + (1 - s L(Q)) · c(Q)``: L is the tail loss over one bar, the oracle's and the
liquidation's lags, and the bars T that the venue's throughput takes for Q. During the sale bar j
counts with the weight (T - j)/T, of what is still open: the square root of T/3 comes out by itself.
c is the average slippage of Q with fee and spread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.errors import InputError
from riskkit.paths.run import Run
from riskkit.paths.world import World
from riskkit.position import Side
from riskkit.stress.answer import VenueStress
from riskkit.stress.paths import return_blocks, usual_volatility
from riskkit.stress.terms import StressedVenue
from riskkit.venue.working import uniform_sale

Array = npt.NDArray[np.float64]

SIZES = 13
#: Bars beyond which a size takes too long to close for its margin to be told.
LONGEST = 500


@dataclass(frozen=True)
class SizeMargins:
    """Maintenance margins by size, the worse of the venue's sides.

    Attributes
    ----------
    table : DataFrame
        One row a size: bars to close it, tail loss, slippage and margin at calm and at crash depth;
        and, where depth is linear and refills, the best time to work it off into crash depth with
        the margin of that (normal law; fees left out), `riskkit.venue.working`.
    tail : float
        Probability of the loss.
    """

    table: pd.DataFrame = field(repr=False)
    tail: float

    def margin(self, size: float, *, crash: bool = True) -> float:
        """Margin of a size, linear in its log between the rows; the largest beyond them."""
        name = "margin_crash" if crash else "margin_calm"
        x = np.log(self.table["size"].to_numpy())
        return float(np.interp(math.log(size), x, self.table[name].to_numpy()))


def margins_by_size(
    venue: StressedVenue,
    world: World,
    run: Run,
    *,
    tail: float,
    sizes: npt.ArrayLike | None = None,
) -> SizeMargins:
    """Margins by size on the paths of a world.

    Parameters
    ----------
    tail : float
        Probability that the loss over the time to close exceeds the one taken.
    sizes : array_like, optional
        In money; by default evenly spaced in logs up to the larger of a tenth of the interest and
        the largest account.

    Raises
    ------
    InputError
        If a size takes too long to close, or the paths are too few for the tail.
    """
    if run.paths * tail < 10.0:
        raise InputError(
            "stress.paths", run.paths, f"leave fewer than ten beyond {tail:g}", "Raise them"
        )
    most = max(0.1 * venue.book.open_interest, float(venue.book.quantity.max()))
    wanted = np.geomspace(1e-4 * most, most, SIZES) if sizes is None else np.asarray(sizes)
    before = 1 + venue.engine.latency + venue.engine.delay
    bars = [max(math.ceil(q / venue.engine.throughput), 1) for q in wanted.tolist()]
    if before + max(bars) > LONGEST:
        raise InputError(
            "stress.throughput_notional_per_bar",
            venue.engine.throughput,
            f"would take {before + max(bars)} bars to close {most:,.6g}",
            "Raise it, or cap the size of an account",
        )
    losses = _tail_losses(venue, world, run, before, sorted(set(bars)), tail)
    rows = []
    cost = venue.engine.fee + venue.depth.spread
    for size, taken in zip(wanted.tolist(), bars, strict=True):
        row: dict[str, float] = {"size": size, "bars": before + taken - 1}
        row["tail_loss"] = max(losses[side][taken] for side in Side)
        for name, thickness in (("calm", 1.0), ("crash", venue.depth.crash_fraction)):
            slip = max(_slippage(venue, side, size / taken, thickness) for side in Side)
            row[f"slippage_{name}"] = slip
            row[f"margin_{name}"] = max(
                losses[side][taken] + (1.0 - side.sign * losses[side][taken]) * (slip + cost)
                for side in Side
            )
        row.update(_worked(venue, world, size, tail))
        rows.append(row)
    return SizeMargins(pd.DataFrame(rows), tail)


def _worked(venue: StressedVenue, world: World, size: float, tail: float) -> dict[str, float]:
    """The best uniform sale over time into crash depth, where that is linear and refills.

    Sold at a steady speed, the book is eaten to speed over refill: that is the impact per speed.
    """
    slopes = [curve.slope for curve in (venue.depth.bids, venue.depth.offers)]
    refill = venue.depth.refill_bars
    if None in slopes or not 0.0 < refill < math.inf:
        return {}
    steepest = max(slope for slope in slopes if slope is not None)
    impact = steepest / venue.depth.crash_fraction * refill / math.log(2.0)
    deviations = NormalDist().inv_cdf(1.0 - tail)
    found = uniform_sale(size, usual_volatility(world), impact, deviations)
    return {"worked_bars": found.time, "worked_margin": found.margin}


def _slippage(venue: StressedVenue, side: Side, size: float, thickness: float) -> float:
    curve = venue.depth.side(falling=side is Side.LONG)
    v = size / thickness
    return 1.0 if v > curve.most else float(curve.slippage(v))


def _tail_losses(
    venue: StressedVenue, world: World, run: Run, before: int, bars: list[int], tail: float
) -> dict[Side, dict[int, float]]:
    weights = np.zeros((len(bars), before + max(bars) - 1))
    for i, taken in enumerate(bars):
        weights[i, :before] = 1.0
        # the first slice goes in the first bar of the sale, the last in its last
        weights[i, before : before + taken - 1] = 1.0 - np.arange(1, taken) / taken
    sums = np.concatenate(
        [block @ weights.T for _, block in return_blocks(world, run, weights.shape[1])]
    )
    return {
        side: {
            taken: max(float(np.quantile(-side.sign * np.expm1(sums[:, i]), 1.0 - tail)), 0.0)
            for i, taken in enumerate(bars)
        }
        for side in Side
    }


def venue_forms(found: VenueStress, margins: SizeMargins) -> dict[str, object]:
    """What margins by size and the cap are in the parameters of six venues.

    All in money of the study at today's price; at crash depth. Proposals to be read beside the
    venue's own pages, not files to be sent.

    Raises
    ------
    InputError
        If the book runs.
    """
    found.refuse_a_run()
    cap = found.cap.cap
    table = margins.table
    base = float(table["margin_crash"].iloc[0])
    tiers = []
    for low, high in ((0, 4), (4, 8), (8, len(table) - 1)):
        needed = float(table["margin_crash"].iloc[high])
        lower = 0.0 if low == 0 else float(table["size"].iloc[low])
        tiers.append({"lower_bound": lower, "max_leverage": max(math.floor(0.5 / needed), 1)})
    curve, depth = found.venue.depth.bids, found.venue.depth
    thickness = found.venue.depth.crash_fraction
    size = np.geomspace(table["size"].iloc[0], 1e3 * table["size"].iloc[-1], 2_000)
    slips = [np.asarray(side.slippage(size / thickness)) for side in (curve, depth.offers)]
    whole = float(table["tail_loss"].iloc[0]) + np.maximum(*slips)
    begins = float(size[min(int(np.searchsorted(whole, 1.1 * base)), size.size - 1)])
    ends = float(size[min(int(np.searchsorted(whole, 1.0 - 1e-9)), size.size - 1)])
    root = np.sqrt(table["size"].to_numpy())
    extra = table["margin_crash"].to_numpy() - base
    clears = {
        f"bonus_{bonus:.0%}": _clearable(slips[0], size, bonus) for bonus in (0.05, 0.075, 0.1)
    }
    slopes = [side.slope for side in (curve, depth.offers)]
    steepest = None if None in slopes else max(s for s in slopes if s is not None)
    return {
        "open_interest_cap": cap if math.isfinite(cap) else None,
        "hyperliquid_margin_tiers": tiers,
        "dydx_open_interest_caps": {"lower": min(begins, cap), "upper": min(ends, 1e3 * cap)},
        "synthetix_skew_scale": None if steepest is None else thickness / steepest,
        "drift_imf_factor": float((root * extra).sum() / (root * root).sum()),
        "aave_compound_clearable_collateral": clears,
    }


def _clearable(slippage: Array, size: Array, bonus: float) -> float:
    """Value that a liquidator can sell before slippage takes his bonus."""
    at = int(np.searchsorted(slippage, bonus / (1.0 + bonus), side="right"))
    return float(size[at - 1]) if at else 0.0
