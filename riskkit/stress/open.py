"""A study's venue, opened once: what sliders and notebooks ask again and again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from riskkit.calibration.question import Question
from riskkit.market.returns import log_returns
from riskkit.paths.run import Run, Stream
from riskkit.paths.world import World
from riskkit.stress.paths import return_blocks, usual_volatility
from riskkit.stress.terms import StressedVenue, following_margin, stressed_venue
from riskkit.study.case import Case
from riskkit.study.study import Study
from riskkit.venue.cascade import FollowingMargin
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec


@dataclass(frozen=True)
class OpenedVenue:
    """A venue with the paths that it is run on.

    Attributes
    ----------
    study : Study
    venue : StressedVenue
    world : World
    run : Run
    margin : FollowingMargin or None
    returns : ndarray (paths, bars)
    volatility : float
        Of a bar, at which depth is calm.
    """

    study: Study = field(repr=False)
    venue: StressedVenue
    world: World = field(repr=False)
    run: Run
    margin: FollowingMargin | None
    returns: npt.NDArray[np.float64] = field(repr=False)
    volatility: float


def open_venue(path: str | Path, *, paths: int) -> OpenedVenue:
    """Read a study, fit its model, and simulate the paths.

    Raises
    ------
    InputError
        If the study describes no venue, or its prices break a rule.
    """
    case = Case.read(path)
    study, history = case.study, case.history
    venue = stressed_venue(study, history.bar, float(history.close.iloc[-1]), Path(path).parent)
    fit = fit_volatility(log_returns(history), VolatilitySpec.parse(study.model.spec))
    question = Question.of(study, fit, history.bar)
    run = replace(question.run, paths=paths).stream(Stream.OUTCOME)
    bars = venue.horizon + venue.engine.delay + venue.engine.latency
    blocks = [block for _, block in return_blocks(question.world, run, bars)]
    usual = usual_volatility(question.world)
    margin = following_margin(study.stress, history.bar, usual)
    returns = np.ascontiguousarray(np.concatenate(blocks))
    return OpenedVenue(study, venue, question.world, run, margin, returns, usual)
