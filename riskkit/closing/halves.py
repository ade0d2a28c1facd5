"""The two halves of a history, each as weeks that were and as paths that its own model makes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.calibration.question import Question
from riskkit.errors import InputError
from riskkit.market.calendar import Calendar
from riskkit.market.history import PriceHistory
from riskkit.market.returns import Returns, log_returns
from riskkit.paths.run import Stream
from riskkit.paths.start import Start
from riskkit.stress.paths import return_blocks, usual_volatility
from riskkit.study.case import Case
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec

Array = npt.NDArray[np.float64]

#: From one window of a half to the next.
STEP = pd.Timedelta(days=1)
#: Windows of which a half must hold some for a band over blocks of them.
FEWEST_BLOCKS = 8
#: Paths that move so many times as far as the half ever did are left out.
BEYOND = 2.0


@dataclass(frozen=True)
class PathSample:
    """Paths that policies are compared on.

    Attributes
    ----------
    name : str
    returns : ndarray (paths, bars)
    volatility : float
        Usual volatility of a bar, at which depth is calm.
    block : int
        Neighbouring paths that share bars, which a band resamples together; 1 where none do.
    left_out : int
        Windows that hold a hole; paths that move further than twice as far (in logs) as the half
        ever did in as many bars: a volatility that runs away, on which a short's loss has no bound
        and one path would make every mean.
    """

    name: str
    returns: Array = field(repr=False)
    volatility: float
    block: int = 1
    left_out: int = 0

    @property
    def paths(self) -> int:
        """Number of paths."""
        return int(self.returns.shape[0])


@dataclass(frozen=True)
class HalfHistory:
    """Half of a history.

    Attributes
    ----------
    first, last : Timestamp
        Targets of its returns.
    fit : VolatilityFit
        On its returns alone.
    lived : PathSample
        Windows that begin a day apart.
    made : PathSample
        Paths of the fit, each from one of the half's own volatilities.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    fit: VolatilityFit = field(repr=False)
    lived: PathSample
    made: PathSample


def split_history(
    case: Case, bars: int, paths: int, *, threads: int = 1
) -> tuple[HalfHistory, HalfHistory]:
    """Cut a case's history in the middle; nothing of one half is known to the other.

    Parameters
    ----------
    bars : int
        Of a path.
    paths : int
        That each half's model makes.

    Raises
    ------
    InputError
        If a half is too short for the model or for windows.
    """
    history = case.history
    middle = history.close.index[len(history.close) // 2]
    halves = []
    for name, part in (
        ("first half", history.between(history.close.index[0], middle)),
        ("second half", history.between(middle, None)),
    ):
        halves.append(_half(case, part, name, bars, paths, threads))
    return halves[0], halves[1]


def _half(
    case: Case, history: PriceHistory, name: str, bars: int, paths: int, threads: int
) -> HalfHistory:
    returns = log_returns(history)
    least = case.study.pace(history.bar).minimum_bars
    days = bars * history.bar / STEP
    if len(returns.values) < max(least, FEWEST_BLOCKS * bars):
        raise InputError(
            "prices",
            f"{len(returns.values):,} returns in the {name}",
            f"must hold the {least:,} that the model needs and {FEWEST_BLOCKS} stretches of "
            f"{bars:,} bars: policies are chosen on one half of the history, judged on the other",
            "Give a longer history, fewer model.minimum_bars or a shorter holding horizon",
        )
    fit = fit_volatility(returns, VolatilitySpec.parse(case.study.model.spec))
    found, missing = windows(returns, bars)
    lived = PathSample(
        f"days of the {name}",
        found,
        float(returns.values.std()),
        max(int(np.ceil(days)), 1),
        missing,
    )
    question = Question.of(case.study, fit, history.bar, threads=threads)
    world = question.world.starting(Start.through_the_cycle(fit))
    run = replace(question.run, paths=paths).stream(Stream.OUTCOME)
    made = np.concatenate([block for _, block in return_blocks(world, run, bars)])
    reach = BEYOND * float(np.abs(np.cumsum(found, axis=1)).max())
    wild = np.abs(np.cumsum(made, axis=1)).max(axis=1) > reach
    made = made[~wild]
    usual = usual_volatility(world)
    return HalfHistory(
        returns.values.index[0],
        returns.values.index[-1],
        fit,
        lived,
        PathSample(
            f"paths of the {name}", np.ascontiguousarray(made), usual, left_out=int(wild.sum())
        ),
    )


def windows(returns: Returns, bars: int) -> tuple[Array, int]:
    """Stretches of so many bars that begin a day apart, and how many more hold a hole.

    Raises
    ------
    InputError
        If none is whole.
    """
    times = returns.values.index.to_numpy(dtype="datetime64[ns]").astype(np.int64)
    step = max(round(STEP / returns.bar), 1)
    values = returns.values.to_numpy(dtype=np.float64)
    starts = np.arange(0, values.size - bars + 1, step)
    whole = np.ones(starts.size, dtype=bool)
    if returns.calendar is Calendar.ALWAYS:
        whole = times[starts + bars - 1] - times[starts] == (bars - 1) * returns.bar.value
    if not whole.any():
        raise InputError(
            "prices", "holes", f"must leave {bars:,} bars in a row", "Fill the history's holes"
        )
    at = starts[whole][:, None] + np.arange(bars)
    return np.ascontiguousarray(values[at]), int((~whole).sum())
