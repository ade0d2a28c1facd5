"""Three generations of requirement, as series in force along one history.

``I``           the collateral is all there is: nobody watches, and the position is in default from
                the first close that leaves less than it costs to close
``II``          a fixed maintenance margin, liquidated automatically, and a fixed distance to the
                opening margin
``II-dynamic``  both follow the forecast of volatility; a maintenance margin that rises also
                applies to positions already open
``II-dynamic, overlays``  with the tools of EMIR RTS 153/2013, article 28: a weight of 25 % on the
                stressed level (the 99th percentile of all requirements so far), and a floor at the
                volatility of the whole past

A requirement is published at the close of its origin, in force ``lag`` bars later. What changes
between policies of one generation is a scale of the covered loss; `riskkit.proof.generations`
chooses it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.venue import LARGEST_BUFFER, BarrierVenue, GeneralVenue
from riskkit.position import Side
from riskkit.proof.schedule import Ints, Lags, Schedule, run_schedule
from riskkit.simulation.openings import MetPrices, run_openings
from riskkit.tail.along_history import DynamicTail
from riskkit.venue.margin import initial_margin, maintenance_margin
from riskkit.venue.procyclicality import Floor, StressedWeight, apply_overlays

Array = npt.NDArray[np.float64]

STRESSED_QUANTILE = 0.99
LARGEST_COLLATERAL = 20.0  # a short has no largest loss


class Generation(StrEnum):
    """How a venue protects itself; see the module."""

    STATIC = "I"
    FIXED = "II"
    DYNAMIC = "II-dynamic"
    OVERLAYS = "II-dynamic, overlays"


@dataclass(frozen=True)
class Policy:
    """Unscaled losses that one side's requirement covers, per bar of the history.

    Attributes
    ----------
    covered, excursion : ndarray (n,)
        In force for a position opened at the close of the bar; NaN before there is any.
    lag : int
        Bars from the origin of a requirement until it is in force.
    """

    generation: Generation
    side: Side
    lag: int
    covered: Array = field(repr=False)
    excursion: Array = field(repr=False)

    def margins(self, venue: BarrierVenue, scale: float) -> tuple[Array, Array]:
        """Maintenance and opening margin per bar (1 - LT and 1 - LTV for a loan), capped.

        Neither the covered loss nor the excursion takes a margin beyond 98 %, but the collateral of
        a generation I short, which nobody watches, has no such bound.
        """
        cost = venue.cost_of_closing
        watched = self.generation is not Generation.STATIC
        bounded = watched or self.side is Side.LONG
        largest = venue.largest_covered_loss(self.side) if bounded else LARGEST_COLLATERAL
        loss = np.minimum(scale * self.covered, largest)
        strict = maintenance_margin(loss, self.side, slippage=cost, fee=0.0)
        room = np.minimum(self.excursion, LARGEST_BUFFER)
        return strict, initial_margin(strict, room, self.side)

    def run(
        self, venue: BarrierVenue, log_close: Array, opened: Ints, scale: float, lags: Lags
    ) -> tuple[Schedule, Array]:
        """What becomes of positions opened at the closes of ``opened``, and their bad debt (k,).

        Bad debt is a fraction of the opening notional.
        """
        s, cost = self.side.sign, venue.cost_of_closing
        strict, opening = self.margins(venue, scale)
        posted = np.log1p(-s * opening[opened])
        default = posted - np.log1p(-s * cost)
        if self.generation is Generation.STATIC:
            whole = Lags(lags.horizon, 0, 0)
            outcome = run_schedule(log_close, opened, default, default, self.side, whole)
        else:
            # In bar u the margin that openings at the close of u - 1 paid is in force.
            in_force = np.concatenate([strict[:1], strict[:-1]])
            in_force = np.where(np.isnan(in_force), 0.0, in_force)
            if isinstance(venue, GeneralVenue):
                return self._run_mechanism(
                    venue, log_close, opened, (strict, opening, in_force), lags
                )
            outcome = run_schedule(
                log_close,
                opened,
                posted + venue.late_move(self.side),
                default,
                self.side,
                lags,
                maintenance=in_force,
            )
        lost = s * (1.0 - s * cost) * (np.exp(default) - np.exp(outcome.move))
        return outcome, np.where(outcome.defaulted, lost, 0.0)

    def _run_mechanism(
        self,
        venue: GeneralVenue,
        log_close: Array,
        opened: Ints,
        margins: tuple[Array, Array, Array],
        lags: Lags,
    ) -> tuple[Schedule, Array]:
        """The same where barriers do not answer: margins asked, posted, in force."""
        strict, opening = (1.0 - m if venue.is_loan else m for m in margins[:2])
        found = run_openings(
            MetPrices(np.exp(log_close), required=margins[2]),
            opened,
            venue.dressed(venue.open_position(self.side, 0.1, 0.1)),
            (strict[opened], opening[opened]),
            venue.mechanism,
            horizon=lags.horizon,
            lots=(1, 0),
        )
        schedule = Schedule(found.trigger_bar, found.default_bar, np.zeros(opened.size))
        return schedule, found.loss


def dynamic_policy(
    venue: BarrierVenue,
    dynamic: DynamicTail,
    side: Side,
    times: pd.DatetimeIndex,
    lag: int,
    tools: bool,
) -> Policy:
    """A volatility-adjusted policy, with or without overlays, applied ``lag`` bars late."""
    rows = dynamic.side(side).set_index("origin")
    series = {}
    for name in ("tail_loss", "excursion"):
        level = rows[name]
        if tools:
            stressed = level.expanding().quantile(STRESSED_QUANTILE)
            floor = rows[{"tail_loss": "floor_loss", "excursion": "floor_excursion"}[name]]
            level = apply_overlays(level, [StressedWeight(stressed), Floor(floor)])
        # A bar after a hole has no return and no requirement of its own: the last one stands.
        series[name] = level.reindex(times).ffill().shift(lag).to_numpy(dtype=np.float64)
    covered = venue.seen_late(series["tail_loss"], side)
    generation = Generation.OVERLAYS if tools else Generation.DYNAMIC
    return Policy(generation, side, lag, covered, series["excursion"])


def constant_policy(generation: Generation, side: Side, bars: int, excursion: float) -> Policy:
    """A policy that never changes; its scale is the covered loss itself."""
    return Policy(generation, side, 0, np.ones(bars), np.full(bars, excursion))
