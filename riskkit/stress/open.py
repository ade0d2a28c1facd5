"""A study's venue, posed once: its book, its world and its run, and what it takes to answer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from riskkit.calibration.question import Question
from riskkit.market.returns import log_returns
from riskkit.paths.run import Run, Stream
from riskkit.paths.world import World
from riskkit.stress.cap import RUNS
from riskkit.stress.paths import return_blocks, run_paths, usual_volatility
from riskkit.stress.terms import StressedVenue, following_margin, stressed_venue
from riskkit.study.case import Case
from riskkit.study.study import Study
from riskkit.venue.cascade import FollowingMargin
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.spec import VolatilitySpec


@dataclass(frozen=True)
class PosedVenue:
    """A venue with the world that it stands in.

    Attributes
    ----------
    study : Study
    venue : StressedVenue
    world : World
    run : Run
    margin : FollowingMargin or None
        A margin that moves, and binds open positions.
    next_sigma : float
        Volatility of the next bar by the fit, as its likelihood says it (its own scale left out).
    """

    study: Study = field(repr=False)
    venue: StressedVenue
    world: World = field(repr=False)
    run: Run
    margin: FollowingMargin | None
    next_sigma: float = field(default=math.nan, kw_only=True)

    @property
    def runs(self) -> int:
        """Runs of all paths that an answer takes, as a rule: losses, and the search of the cap."""
        return RUNS + (1 if self.margin is None else 2)

    def pilot(self, paths: int) -> float:
        """Closures a path, on a few: run it to know how long all of them will take."""
        run = self.run.with_paths(paths)
        found = run_paths(self.venue, self.world, run, margin=self.margin)
        return float(found.of("closures").mean())


@dataclass(frozen=True)
class OpenedVenue(PosedVenue):
    """A venue with the paths that sliders and notebooks run it on, again and again.

    Attributes
    ----------
    returns : ndarray (paths, bars)
    volatility : float
        Of a bar, at which depth is calm.
    """

    returns: npt.NDArray[np.float64] = field(repr=False)
    volatility: float


def pose_venue(case: Case, folder: str | Path, *, threads: int = 1) -> PosedVenue:
    """Read a study's venue and fit its model.

    Parameters
    ----------
    folder : str or Path
        In which the study's files have their names.

    Raises
    ------
    InputError
        If the study describes no venue, or the history is too short.
    """
    study, history = case.study, case.history
    venue = stressed_venue(study, history.bar, float(history.close.iloc[-1]), folder)
    fit = fit_volatility(log_returns(history), VolatilitySpec.parse(study.model.spec))
    question = Question.of(study, fit, history.bar, threads=threads)
    run = replace(question.run, paths=venue.paths).stream(Stream.OUTCOME)
    margin = following_margin(study.stress, history.bar, usual_volatility(question.world))
    return PosedVenue(study, venue, question.world, run, margin, next_sigma=fit.next_sigma)


def open_venue(path: str | Path, *, paths: int) -> OpenedVenue:
    """Read a study, fit its model, and simulate the paths.

    Raises
    ------
    InputError
        If the study describes no venue, or its prices break a rule.
    """
    posed = pose_venue(Case.read(path), Path(path).parent)
    venue, run = posed.venue, posed.run.with_paths(paths)
    bars = venue.horizon + venue.engine.delay + venue.engine.latency
    blocks = [block for _, block in return_blocks(posed.world, run, bars)]
    returns = np.ascontiguousarray(np.concatenate(blocks))
    usual = usual_volatility(posed.world)
    sigma = posed.next_sigma
    return OpenedVenue(
        posed.study, venue, posed.world, run, posed.margin, returns, usual, next_sigma=sigma
    )
