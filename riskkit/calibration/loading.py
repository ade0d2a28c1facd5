"""How much more than a quantile a buffer must absorb, as it was known along history.

Liquidations within the holding horizon happen in bad times: the solved covered loss exceeds the
plain quantile of the loss, the more so the calmer the start. The ratio is solved once a year from
the bars up to then, at a few volatilities, and applied until the next: nothing looks ahead.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from riskkit.calibration.buffers import solve_sides
from riskkit.calibration.question import Question
from riskkit.calibration.result import Loading, LoadingHistory
from riskkit.errors import InputError
from riskkit.market.returns import Returns
from riskkit.paths.start import Start
from riskkit.position import Side
from riskkit.tail.sigma_curve import SigmaCurve
from riskkit.volatility.walk import WalkStep, observed_by, walk_along

STATES = (0.1, 0.5, 0.9, 0.99)
NO_BUFFER = 1e9  # takes any loss to the cap of a margin, and stays finite where the loss is none


def loading_history(
    question: Question,
    returns: Returns,
    sides: tuple[Side, ...],
    walk: Iterable[WalkStep] | None = None,
) -> dict[Side, LoadingHistory]:
    """Solve the loading at the first forecast and then once a year, from the bars before only.

    Parameters
    ----------
    walk : iterable of WalkStep, optional
        Fits to solve at, where they are not those of the question's own model.

    Where not even the calmest state has a buffer that meets the target, the margin that would have
    been published is the largest there is.
    """
    year = max(round(returns.bars_per_year), 1)
    found: dict[Side, list[Loading]] = {side: [] for side in sides}
    # Cold fits: warm ones differ in the ninth digit, and these numbers are published.
    seen = observed_by(returns, question.spec)
    first = question.minimum_bars
    own = walk_along(seen, question.spec, first, year, warm=False) if walk is None else walk
    for step in own:
        for side, loading in _solve(question.lightly.changed(fit=step.fit), sides).items():
            found[side].append(loading)
    return {side: LoadingHistory(tuple(loadings)) for side, loadings in found.items()}


def _solve(question: Question, sides: tuple[Side, ...]) -> dict[Side, Loading]:
    fit, model = question.fit, question.world.model
    states = np.unique(np.quantile(model.volatility(fit.sigma.to_numpy()), STATES)).tolist()
    ratios: dict[Side, list[float]] = {side: [] for side in sides}
    left = list(sides)
    for sigma in states:
        here = question.changed(start=Start.measured(sigma))
        for side, solution in solve_sides(here, left).items():
            if isinstance(solution, InputError):
                left.remove(side)  # wilder states have none either: the margin's cap clips it there
                if not ratios[side]:
                    ratios[side].append(NO_BUFFER)
                continue
            plain = float(question.venue.seen_late(solution.quantile.value, side))
            ratios[side].append(solution.covered.value / plain)
    return {
        side: Loading(fit.origin, SigmaCurve(np.array(states[: len(found)]), np.array(found)))
        for side, found in ratios.items()
    }
