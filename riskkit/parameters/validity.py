"""How long a parameter file holds: until a day, and up to a volatility."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

from riskkit.calibration.outcome import simulate_positions
from riskkit.calibration.question import Question
from riskkit.calibration.result import STALE_AFTER_DAYS, Calibration, Recommendation
from riskkit.paths.start import Start
from riskkit.simulation.default import Weighting

RULE = (
    f"valid until the last bar is {STALE_AFTER_DAYS} days old, and while the model's sigma for the "
    "next bar is at most the one at which a position opened at the recommended numbers would miss "
    "P(default | liquidation) or P(liquidation within the reaction time), simulated on either side "
    "with the file's model and seed"
)
MIGRATED_RULE = (
    f"valid until the last bar is {STALE_AFTER_DAYS} days old; version 0 measured no sigma at "
    "which the file expires"
)

EXPIRY_PATHS = 40_000
WIDEST = 8.0
HALVINGS = 9  # of the logarithm of an interval of 64: to 0.8 %


def valid_until(last_bar: datetime, bar_seconds: float) -> date:
    """The last day on which data ending with this bar are not stale."""
    closed = last_bar + timedelta(seconds=bar_seconds) - timedelta(seconds=1)
    return closed.date() + timedelta(days=STALE_AFTER_DAYS)


def expiry_sigma(calibration: Calibration) -> float:
    """Sigma of the next bar (a fraction, in the fit's scale) beyond which a target is missed.

    Found by bisection between an eighth and eight times today's sigma, to 0.8 %, rounded towards
    the earlier expiry; the smallest over the sides. At an end of the interval, that end.
    """
    now = calibration.fit.next_sigma
    low, high = math.log(now / WIDEST), math.log(now * WIDEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        if all(_holds(calibration.question, r, math.exp(middle)) for r in calibration.recommended):
            low = middle
        else:
            high = middle
    return math.exp(low)


def _holds(question: Question, r: Recommendation, sigma: float) -> bool:
    """Whether both targets are met by positions opened at the recommendation under this sigma."""
    here = question.changed(start=Start.at(sigma), paths=min(EXPIRY_PATHS, question.run.paths))
    covered, excursion = r.limits.covered_loss.value, r.limits.excursion.value
    position = here.venue.open_position(r.side, covered, excursion)
    # At the sigma that is sought defaults are as frequent as the target: plain paths hit enough.
    plain = Weighting.PLAIN
    bars = here.periods.reaction_time.bars
    soon = simulate_positions(here, [position], bars=bars, weighting=plain)[0]
    if float(soon.liquidation.value) > here.liquidation_target:
        return False
    held = simulate_positions(here, [position], weighting=plain)[0]
    return float(held.default_given_liquidation.value) <= here.default_target
