"""A venue as a calibration knows it: how two losses become limits, and what positions meet.

A simple venue closes one leg in full, at one cost, after fixed lags, which a walk over barriers
answers fastest; any other mechanism is answered by the general run.

The *covered loss* is the adverse move after the trigger that the buffer absorbs; the *excursion*
is the adverse move before it. Perpetuals and loans differ only in how the two become numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from riskkit.errors import InputError
from riskkit.paths.run import Run
from riskkit.paths.world import World
from riskkit.position import Instrument, Side
from riskkit.simulation.default import Execution, Weighting, simulate_grid, simulate_sweep
from riskkit.simulation.result import DefaultEstimates
from riskkit.study.terms import DEVIATION
from riskkit.venue.lending import liquidation_threshold, max_loan_to_value, smallest_bonus
from riskkit.venue.margin import initial_margin, loss_with_oracle_gap, maintenance_margin
from riskkit.venue.mechanism import Loan, Mechanism, Perpetual, Position, bars_needed

Array = npt.NDArray[np.float64]

LARGEST_BUFFER = 0.98


@dataclass(frozen=True)
class BarrierVenue:
    """What a position meets at a venue.

    Attributes
    ----------
    instrument : Instrument
    slippage, fee : float
        Of a close-out, fractions of the value closed; a loan pays no fee.
    bonus : float
        Of a loan's liquidator, a fraction of the debt repaid; a perpetual has none.
    deviation : float
        Fraction by which the oracle may show a better price for the position than the market's.
    delay, latency : int
        Of the liquidation and of the oracle, in bars.
    largest_short : float
        Where the search for a short's margin ends: its loss in money has no bound of its own.
    """

    instrument: Instrument
    slippage: float
    fee: float
    bonus: float
    deviation: float
    delay: int
    latency: int
    largest_short: float = LARGEST_BUFFER

    @property
    def smallest_bonus(self) -> float:
        """Least bonus for which a liquidator comes: what the slippage takes of his collateral."""
        return smallest_bonus(self.slippage)

    @property
    def is_loan(self) -> bool:
        """Whether collateral is lent against; else a perpetual is margined."""
        return self.instrument is Instrument.LOAN

    @property
    def execution(self) -> Execution:
        """When and at what cost positions are closed out."""
        return Execution([self.delay], [self.latency], self.slippage)

    @property
    def cost_of_closing(self) -> float:
        """Cost c of a close-out, a fraction of the value closed; of a loan bonus / (1 + bonus)."""
        return self.bonus / (1.0 + self.bonus) if self.is_loan else self.slippage + self.fee

    def limits(
        self, covered: npt.ArrayLike, excursion: npt.ArrayLike, side: Side
    ) -> tuple[Array, Array]:
        """Trigger and opening (MM and IM, or LT and max LTV) that the two losses make."""
        if self.is_loan:
            lt = liquidation_threshold(covered, bonus=self.bonus, slippage=self.slippage)
            return lt, max_loan_to_value(lt, excursion)
        mm = maintenance_margin(covered, side, slippage=self.slippage, fee=self.fee)
        return mm, initial_margin(mm, excursion, side)

    def losses(self, trigger: float, opening: float, side: Side) -> tuple[float, float]:
        """The covered loss and the excursion that make these numbers: `limits`, inverted."""
        if self.is_loan:
            return 1.0 - trigger * (1.0 + self.bonus), 1.0 - opening / trigger
        cost = self.slippage + self.fee
        covered = (trigger - cost) / (1.0 - side.sign * cost)
        return covered, (opening - trigger) / (1.0 - side.sign * trigger)

    def open_position(self, side: Side, covered: float, excursion: float) -> Position:
        """The position whose buffer absorbs ``covered`` after a trigger ``excursion`` away."""
        return self.open_positions(side, np.array([covered]), excursion)[0]

    def open_positions(self, side: Side, covered: Array, excursion: float) -> list[Position]:
        """`open_position` for several covered losses, shape (k,)."""
        triggers, openings = self.limits(covered, excursion, side)
        pairs = zip(openings.tolist(), triggers.tolist(), strict=True)
        if self.is_loan:
            return [Loan(opening, trigger, self.bonus) for opening, trigger in pairs]
        return [Perpetual(side, opening, mm, penalty=self.fee) for opening, mm in pairs]

    def needed(self, loss: npt.ArrayLike, side: Side) -> Array:
        """The trigger that a realised loss called for: MM, or the LT that it would have met."""
        if self.is_loan:
            return np.asarray((1.0 - np.asarray(loss, dtype=np.float64)) / (1.0 + self.bonus))
        return maintenance_margin(loss, side, slippage=self.slippage, fee=self.fee)

    def requirement(self, trigger: npt.ArrayLike) -> Array:
        """MM, or 1 - LT, of a trigger: larger is safer."""
        at = np.asarray(trigger, dtype=np.float64)
        return np.asarray(1.0 - at) if self.is_loan else at

    def largest_covered_loss(self, side: Side) -> float:
        """The covered loss at which margin, or the haircut of a loan, reaches its largest."""
        return self.covered_below(self.largest_buffer(side), side)

    def covered_below(self, buffer: float, side: Side) -> float:
        """The covered loss at which margin, or the haircut of a loan, reaches a size."""
        if self.is_loan:
            return buffer
        cost = self.slippage + self.fee
        return (buffer - cost) / (1.0 - side.sign * cost)

    def largest_buffer(self, side: Side) -> float:
        """The largest margin or haircut that is looked for: 98 %; a short's, what is said."""
        return self.largest_short if side is Side.SHORT else LARGEST_BUFFER

    def seen_late(self, loss: npt.ArrayLike, side: Side) -> Array:
        """A loss, larger by the oracle's deviation at its worst."""
        return loss_with_oracle_gap(loss, side, self.deviation)

    def simulate(
        self,
        world: World,
        run: Run,
        positions: Sequence[Position],
        *,
        horizon: int,
        weighting: Weighting = Weighting.AUTO,
        detail: bool = False,
    ) -> DefaultEstimates:
        """Estimates of positions of one side on the same paths, shape (k,).

        Parameters
        ----------
        horizon : int
            Bars for which they are held.
        detail : bool
            Also unfair liquidations and losses, which take longer.
        """
        late = [self.late(position) for position in positions]
        found = simulate_grid(
            world, run, late, self.execution, horizon=horizon, weighting=weighting, detail=detail
        )
        return found.estimates[:, 0, 0]

    def late(self, position: Position) -> Position:
        """The position as if triggered only the oracle's deviation beyond its trigger price."""
        return late_trigger(position, self.deviation)

    def trigger_level(self, side: Side, excursion: float) -> float:
        """Log price times the sign at which `open_position` is triggered, as late as that.

        The same for every covered loss and every cost:
        ``log((1 - s excursion)(1 - s deviation))``.
        """
        s = side.sign
        return s * math.log((1.0 - s * excursion) * (1.0 - s * self.deviation))

    def barriers(
        self, covered: npt.ArrayLike, excursion: npt.ArrayLike, side: Side
    ) -> tuple[Array, Array]:
        """Log moves since opening at which positions are triggered, and in default at execution.

        The oracle's deviation is taken at its worst.

        Parameters
        ----------
        covered, excursion : array_like
            Simple losses L and E, fractions.
        """
        s = side.sign
        opening = np.log1p(-s * np.asarray(excursion, dtype=np.float64))
        default = opening + np.log1p(-s * np.asarray(covered, dtype=np.float64))
        return opening + self.late_move(side), default

    def late_move(self, side: Side) -> float:
        """Log move by which a trigger is seen late, at its worst."""
        return float(np.log1p(-side.sign * self.deviation))


@dataclass(frozen=True)
class GeneralVenue(BarrierVenue):
    """A venue with any mechanism, whose positions are simulated by the general run.

    ``slippage`` is that of closing the whole position at once, ``delay`` and ``latency`` are the
    longest: they make the limits of a covered loss, and the paths judge it.

    Attributes
    ----------
    mechanism : Mechanism
    notional : float
        Of a position at its opening, in money.
    carry : float
        Funding or interest per bar.
    """

    mechanism: Mechanism = field(default_factory=Mechanism)
    notional: float = 1.0
    carry: float = 0.0

    def dressed(self, position: Position) -> Position:
        """A position as large as this venue's, with its carry."""
        if isinstance(position, Loan):
            return replace(position, notional=self.notional, interest=self.carry)
        return replace(position, notional=self.notional, funding=self.carry)

    def simulate(
        self,
        world: World,
        run: Run,
        positions: Sequence[Position],
        *,
        horizon: int,
        weighting: Weighting = Weighting.AUTO,
        detail: bool = False,
    ) -> DefaultEstimates:
        """Estimates of positions of one side on the same paths, shape (k,)."""
        dressed = [self.dressed(position) for position in positions]
        return simulate_sweep(
            world,
            run,
            dressed,
            self.mechanism,
            horizon=horizon,
            weighting=weighting,
            detail=detail,
        )

    def late(self, position: Position) -> Position:
        """The position itself: the oracle's deviation is in the mechanism."""
        return position

    def delayed(self, bars: int) -> GeneralVenue:
        """The venue with another liquidation delay, the same in every bar."""
        return replace(self, delay=bars, mechanism=replace(self.mechanism, delay=bars))

    def bars_of(self, horizon: int) -> int:
        """Bars that follow an opening until every trigger within the horizon is closed."""
        return bars_needed(self.mechanism, horizon, self.notional)


def simulate_at(venue: BarrierVenue, world: World, run: Run, *rest: Any, **more: Any) -> Any:
    """What `BarrierVenue.simulate` of a venue answers: a simulation of positions as a function."""
    return venue.simulate(world, run, *rest, **more)


def late_trigger(position: Position, deviation: float) -> Position:
    """The position as if triggered only ``deviation`` beyond its trigger price.

    An oracle that publishes on deviation may show a price up to ``deviation`` better for the
    position than the market's. Its default is unchanged; its trigger moves against it. This is
    the worst case at every trigger, and so an upper bound on the effect.

    Raises
    ------
    InputError
        If the trigger would come after the default.
    """
    if deviation == 0.0:
        return position
    if isinstance(position, Loan):
        late = position.liquidation_threshold / (1.0 - deviation)
        if late >= 1.0:
            raise _too_late(deviation)
        return replace(position, liquidation_threshold=late)
    s, im, mm = position.side.sign, position.initial_margin, position.maintenance_margin
    price = (1.0 - s * im) / (1.0 - s * mm) * (1.0 - s * deviation)
    if price <= 0.0:  # a long that is paid for in full is never liquidated, late or not
        return position
    late = (im + s * (price - 1.0)) / price
    if late < 0.0:
        raise _too_late(deviation)
    return replace(position, maintenance_margin=late)


def limits_of(position: Position) -> tuple[float, float]:
    """Trigger and opening of a position: MM and IM, or LT and LTV."""
    if isinstance(position, Loan):
        return position.liquidation_threshold, position.loan_to_value
    return position.maintenance_margin, position.initial_margin


def _too_late(deviation: float) -> InputError:
    return InputError(
        DEVIATION,
        deviation,
        "must be smaller than the loss that the buffer covers",
        "Lower the oracle's deviation threshold, or raise the margin",
    )
