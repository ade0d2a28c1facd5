"""How long a parameter file holds: until a day, and up to a volatility."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

from riskkit.calibration.outcome import simulate_outcome
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
        if all(_holds(calibration, r, math.exp(middle)) for r in calibration.recommended):
            low = middle
        else:
            high = middle
    return math.exp(low)


def _holds(c: Calibration, r: Recommendation, sigma: float) -> bool:
    """Whether both targets are met by positions opened at the recommendation under this sigma."""
    p, targets = r.limits, c.study.targets
    paths = min(EXPIRY_PATHS, c.study.simulation.paths)
    study = c.study.changed({"simulation.paths": paths})
    reaction = c.periods.model_copy(update={"holding_horizon": c.periods.reaction_time})
    position = (lambda _: Start.at(sigma), p.covered_loss.value, p.excursion.value)
    # At the sigma that is sought defaults are as frequent as the target: plain paths hit enough.
    plain = Weighting.PLAIN
    soon = simulate_outcome(study, c.fit, r.side, reaction, *position, weighting=plain)
    if float(soon.liquidation.value) > targets.liquidation_within_reaction_time_probability:
        return False
    held = simulate_outcome(study, c.fit, r.side, c.periods, *position, weighting=plain)
    default = float(held.default_given_liquidation.value)
    return default <= targets.default_given_liquidation_probability
