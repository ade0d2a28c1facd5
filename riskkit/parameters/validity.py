"""How long a parameter file holds: until a day, and up to a volatility."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from riskkit.calibration.counted import counted, walking_together
from riskkit.calibration.outcome import simulate_positions
from riskkit.calibration.question import Question
from riskkit.calibration.result import STALE_AFTER_DAYS, Calibration, Recommendation
from riskkit.calibration.venue import GeneralVenue
from riskkit.paths.run import Stream
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
        if _holds(calibration.question, calibration.recommended, math.exp(middle)):
            low = middle
        else:
            high = middle
    return math.exp(low)


def _holds(question: Question, recommended: Sequence[Recommendation], sigma: float) -> bool:
    """Whether both targets are met by positions opened at the recommendations under this sigma."""
    here = question.changed(start=Start.at(sigma), paths=min(EXPIRY_PATHS, question.run.paths))
    limits = {r.side: r.limits for r in recommended}
    if len(limits) > 1:
        here = walking_together(here, lambda side: limits[side].excursion.value)
    soon, held = (here.periods.reaction_time.bars, here.periods.holding_horizon.bars)
    return all(
        _probability("liquidation", here, found, soon) <= here.liquidation_target
        for found in recommended
    ) and all(
        _probability("default_given_liquidation", here, found, held) <= here.default_target
        for found in recommended
    )


def _probability(name: str, here: Question, r: Recommendation, bars: int) -> float:
    """Of what happens to a position opened at a recommendation and held so many bars.

    At the sigma that is sought defaults are as frequent as the target: plain paths hit enough.
    """
    covered, excursion = r.limits.covered_loss.value, r.limits.excursion.value
    position = here.venue.open_position(r.side, covered, excursion)
    if isinstance(here.venue, GeneralVenue):
        plain = Weighting.PLAIN
        found = simulate_positions(here, [position], bars=bars, weighting=plain)[0]
        return float(getattr(found, name).value)
    of_one = counted(here, r.side, excursion, [position], stream=Stream.OUTCOME, bars=bars)
    return float(of_one[name].value[0])
