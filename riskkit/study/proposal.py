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
from riskkit.units import duration

DAY = pd.Timedelta(days=1)
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

    On bars shorter than a day the model is GJR with a normal likelihood, whose sigma a wild hour
    does not throw off (README, "Where it falls short"); on longer ones with a skewed t.

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
    position: dict[str, object] = {"kind": kind}
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
        "model": _model(history),
        "position": position,
    }
    return parse_study(content)


def bar_name(bar: pd.Timedelta) -> str:
    """A bar's length as a study or a file name writes it: ``"1h"``."""
    return duration(bar).replace(" ", "")


def _model(history: PriceHistory) -> dict[str, object]:
    if history.bar >= DAY:
        return {"spec": "gjr-skewt", "minimum_bars": 500, "refit_every_bars": 30}
    month = round(30 * DAY / history.bar)
    enough = 2_000 if len(history) >= 4_000 else 500
    return {"spec": "gjr-normal", "minimum_bars": enough, "refit_every_bars": month}
