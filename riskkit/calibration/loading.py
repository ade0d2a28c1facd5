"""How much more than a quantile a buffer must absorb, as it was known along history.

Liquidations within the holding horizon happen in bad times: the solved covered loss exceeds the
plain quantile of the loss, the more so the calmer the start. The ratio is solved once a year from
the bars up to then, at a few volatilities, and applied until the next: nothing looks ahead.
"""

from __future__ import annotations

import numpy as np

from riskkit.calibration.buffers import solve_buffer
from riskkit.calibration.question import Question
from riskkit.calibration.result import Loading, LoadingHistory
from riskkit.errors import InputError
from riskkit.market.returns import Returns
from riskkit.paths.start import Start
from riskkit.position import Side
from riskkit.tail.sigma_curve import SigmaCurve
from riskkit.volatility.walk import walk_along

STATES = (0.1, 0.5, 0.9, 0.99)
NO_BUFFER = 1e9  # takes any loss to the cap of a margin, and stays finite where the loss is none


def loading_history(
    question: Question, returns: Returns, sides: tuple[Side, ...]
) -> dict[Side, LoadingHistory]:
    """Solve the loading at the first forecast and then once a year, from the bars before only.

    Where not even the calmest state has a buffer that meets the target, the margin that would have
    been published is the largest there is.
    """
    year = max(round(returns.bars_per_year), 1)
    found: dict[Side, list[Loading]] = {side: [] for side in sides}
    # Cold fits: warm ones differ in the ninth digit, and these numbers are published.
    for step in walk_along(returns.values, question.spec, question.minimum_bars, year, warm=False):
        then = question.lightly.changed(fit=step.fit)
        for side in sides:
            found[side].append(_solve(then, side))
    return {side: LoadingHistory(tuple(loadings)) for side, loadings in found.items()}


def _solve(question: Question, side: Side) -> Loading:
    fit, model = question.fit, question.world.model
    ratios: dict[float, float] = {}
    for sigma in np.unique(np.quantile(model.volatility(fit.sigma.to_numpy()), STATES)).tolist():
        try:
            solution = solve_buffer(question.changed(start=Start.measured(sigma)), side)
        except InputError:
            if not ratios:
                ratios[sigma] = NO_BUFFER
            break  # wilder states have no buffer either: margins there are clipped at their cap
        plain = float(question.venue.seen_late(solution.quantile.value, side))
        ratios[sigma] = solution.covered.value / plain
    sigma, ratio = np.array(list(ratios)), np.array(list(ratios.values()))
    return Loading(fit.origin, SigmaCurve(sigma, ratio))
