"""A study for prices that have none: what the data shows is filled in, the rest is proposed.

Delays, costs and sizes are a venue's own. What is proposed for them is named under the study's
``unconfirmed``, and nothing is exported until a person has confirmed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from riskkit.market.history import PriceHistory
from riskkit.study.study import Study, parse_study
from riskkit.study.suited import LOAN_DELAY_SECONDS, Suited, suited
from riskkit.units import duration

SHARED = (
    "position.notional",
    "oracle.latency.seconds",
    "oracle.deviation_fraction",
    "liquidation.delay.seconds",
    "liquidity.rate_fraction",
)
OF_KIND = {
    "perpetual": ("position.penalty_fraction",),
    "loan": ("position.bonus_fraction",),
}


def propose_study(
    history: PriceHistory,
    source: Mapping[str, str],
    *,
    as_of: date,
    kind: str = "perpetual",
    bonus: float | None = None,
) -> Study:
    """A study of these prices with proposals for what they do not show.

    What suits the length of the bars is read in `riskkit.study.suited`.

    Parameters
    ----------
    source : mapping
        Where the study finds the prices: ``{"prices": file}`` or ``{"stored": series}``.
    as_of : date
        The day of the question.
    kind : str
        ``"perpetual"`` or ``"loan"``.
    bonus : float, optional
        Liquidation bonus of a loan, where a venue states it: it then needs no confirming.

    Raises
    ------
    InputError
        If the kind is another.
    """
    row = suited(history.bar)
    position: dict[str, object] = {"kind": kind, "holding_horizon_hours": row.holding_horizon_hours}
    delay = LOAN_DELAY_SECONDS if kind == "loan" else row.delay_seconds
    open_keys = [*SHARED, *OF_KIND.get(kind, ())]
    if bonus is not None:
        position["bonus_fraction"] = bonus
        open_keys.remove("position.bonus_fraction")
    data: dict[str, object] = {"asset": history.asset, "bar": bar_name(history.bar), **source}
    if "stored" not in source:
        data["calendar"] = history.calendar.value
    content = {
        "schema_version": 2,
        "title": f"{history.asset}: proposed by riskkit",
        "as_of": as_of,
        "unconfirmed": open_keys,
        "data": data,
        "model": _model(history, row),
        "position": position,
        "liquidation": {"delay": {"seconds": delay}},
        "simulation": {"paths": row.paths, "bootstrap_refits": row.bootstrap_refits},
    }
    return parse_study(content)


def bar_name(bar: pd.Timedelta) -> str:
    """A bar's length as a study or a file name writes it: ``"1h"``."""
    return duration(bar).replace(" ", "")


def _model(history: PriceHistory, row: Suited) -> dict[str, object]:
    span = len(history) * history.bar
    first = row.minimum_history_days
    if span < 2.0 * pd.Timedelta(days=first):
        first = row.brief_history_days
    return {
        "spec": row.spec,
        "minimum_history_days": first,
        "refit_every_days": row.refit_every_days,
    }
