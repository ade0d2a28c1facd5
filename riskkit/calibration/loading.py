"""How much more than a quantile a buffer must absorb, as it was known along history.

Liquidations within the holding horizon happen in bad times: the solved covered loss exceeds the
plain quantile of the loss, the more so the calmer the start. The ratio is solved once a year from
the bars up to then, at a few volatilities, and applied until the next: nothing looks ahead.
"""

from __future__ import annotations

import numpy as np

from riskkit.calibration import buffers
from riskkit.calibration.result import Loading, LoadingHistory
from riskkit.errors import InputError
from riskkit.market.returns import Returns
from riskkit.paths.model import PathModel
from riskkit.position import Side
from riskkit.study.scope import light_paths
from riskkit.study.study import Periods, Study
from riskkit.tail.sigma_curve import SigmaCurve
from riskkit.venue.margin import loss_with_oracle_gap
from riskkit.volatility.result import VolatilityFit
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walk import walk_along

STATES = (0.1, 0.5, 0.9, 0.99)


def loading_history(
    study: Study, returns: Returns, periods: Periods, threads: int = 1
) -> dict[Side, LoadingHistory]:
    """Solve the loading at the first forecast and then once a year, from the bars before only.

    Raises
    ------
    InputError
        If not even the calmest state has a buffer that meets the target.
    """
    year = max(round(returns.bars_per_year), 1)
    found: dict[Side, list[Loading]] = {side: [] for side in study.sides}
    spec = VolatilitySpec.parse(study.model.spec)
    # Cold fits: warm ones differ in the ninth digit, and these numbers are published.
    for step in walk_along(returns.values, spec, study.model.minimum_bars, year, warm=False):
        for side in study.sides:
            found[side].append(_solve(study, step.fit, side, periods, threads))
    return {side: LoadingHistory(tuple(loadings)) for side, loadings in found.items()}


def _solve(study: Study, fit: VolatilityFit, side: Side, periods: Periods, threads: int) -> Loading:
    model = PathModel.from_fit(fit, study.model.shocks)
    deviation = study.mechanism.oracle_deviation_fraction
    ratios: dict[float, float] = {}
    for sigma in np.unique(np.quantile(model.volatility(fit.sigma.to_numpy()), STATES)).tolist():
        try:
            buffer = buffers.solve_buffer(
                study,
                fit,
                side,
                periods,
                buffers.history_starts(sigma),
                paths=light_paths(study),
                threads=threads,
            )
        except InputError:
            if not ratios:
                raise
            break  # wilder states have no buffer either: margins there are clipped at their cap
        plain = float(loss_with_oracle_gap(buffer.quantile.value, side, deviation))
        ratios[sigma] = buffer.covered.value / plain
    sigma, ratio = np.array(list(ratios)), np.array(list(ratios.values()))
    return Loading(fit.origin, SigmaCurve(sigma, ratio))
