"""What every trace of the coverage figure holds for a setting; nothing is drawn here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

from riskkit.lab.figures.series import NOWHERE, PINS, extremes, thinned
from riskkit.lab.template import subtitled
from riskkit.position import Side
from riskkit.validation.backtest import Backtest
from riskkit.validation.procyclicality import MarginBehaviour


class Overlays(Protocol):
    """The tools on top of a margin."""

    def words(self) -> str:
        """What they are."""


class Judged(Protocol):
    """What the figure needs; `riskkit.lab.explorers.backtest_answer.BacktestAnswer` is one."""

    @property
    def result(self) -> Backtest:
        """The backtest of the window."""

    @property
    def side(self) -> Side:
        """The side that is judged."""

    @property
    def tools(self) -> Overlays:
        """The overlays."""

    @property
    def rows(self) -> pd.DataFrame:
        """Its periods, by target."""

    @property
    def counts(self) -> pd.DataFrame:
        """Exceptions so far."""

    @property
    def plain(self) -> MarginBehaviour:
        """The margin without overlays."""

    @property
    def adjusted(self) -> MarginBehaviour:
        """The margin with them."""


def panels(now: Judged, pins: Sequence[Judged] = ()) -> dict[str, dict[str, Any]]:
    """Properties of every trace, by its name, for one setting and the pinned ones."""
    rows, counts = now.rows, now.counts
    when = pd.DatetimeIndex(rows.index)
    loss, var = rows["loss"].to_numpy(), rows["var"].to_numpy()
    needed, adjusted = rows["needed"].to_numpy(), rows["adjusted"].to_numpy()
    beyond = np.flatnonzero(rows["exception"].to_numpy(dtype=bool))
    breach = np.flatnonzero(needed > adjusted)
    worst, shown = extremes(loss, least=False), thinned(var, beyond, least=False)
    worst = worst[loss[worst] > 0.0]
    margin = thinned(rows["margin"].to_numpy(), breach, least=False)
    asked = thinned(adjusted, breach, least=False)
    found: dict[str, dict[str, Any]] = {
        "loss": {"x": when[worst], "y": loss[worst]},
        "var": {"x": when[shown], "y": var[shown]},
        "exception": {"x": when[beyond], "y": loss[beyond]},
        "expected band": {
            "x": counts.index.append(counts.index[::-1]),
            "y": np.concatenate([counts["high"].to_numpy(), counts["low"].to_numpy()[::-1]]),
        },
        "seen": {"x": counts.index, "y": counts["seen"].to_numpy()},
        "margin": {"x": when[margin], "y": rows["margin"].to_numpy()[margin]},
        "adjusted": {"x": when[asked], "y": adjusted[asked]},
        "breach": {"x": when[breach], "y": needed[breach]},
        "rises plain": rises(now.plain),
        "rises adjusted": rises(now.adjusted),
    }
    for i in range(PINS):
        found |= _pinned(i, pins[i] if i < len(pins) else None)
    return found


def rises(behaviour: MarginBehaviour) -> dict[str, Any]:
    """How far a margin rises, as multiples."""
    names = ["peak to<br>trough", *(f"{n} bar{'s' * (n > 1)}" for n, _ in behaviour.rise)]
    values = [behaviour.peak_to_trough, *(value for _, value in behaviour.rise)]
    return {"x": names, "y": values}


def titles(now: Judged) -> dict[str, Any]:
    """Title, panel headings and axis titles of one setting."""
    result, side = now.result, now.side.value
    bars = result.question.bars
    beyond = int(now.rows["exception"].sum())
    over = f"{bars} bars" if bars > 1 else "one bar"
    breaches = now.adjusted.breaches
    forecast, judged = judged_lines(now)
    return {
        "title": subtitled(f"{result.asset}, {side}: does the margin hold?", forecast, judged),
        "annotations": (
            f"Losses over {over}, VaR: {beyond} beyond of {len(now.rows):,}",
            "Exceptions so far",
            f"Margin in force, costs included: {breaches} breaches",
            "How far the margin rises, largest",
        ),
        "axes": {
            "yaxis": "% of notional",
            "yaxis2": "exceptions",
            "yaxis3": "% of notional",
            "yaxis4": "multiple of earlier",
        },
    }


def judged_words(now: Judged) -> str:
    """The setting a figure belongs to, in one line."""
    return " · ".join(judged_lines(now))


def judged_lines(now: Judged) -> tuple[str, str]:
    """The setting a figure belongs to, so that it can never pass for another one's; two lines."""
    result = now.result
    plan, q = result.plan, result.question
    first, last = now.rows["start"].min(), now.rows["start"].max()
    lag = f"in force {plan.apply_lag} bars late" if plan.apply_lag else "no lag"
    return (
        f"{result.spec.name}, {result.method.value} tail · {100 * q.confidence:.4g} % · first "
        f"forecast after {plan.minimum_bars} bars · {lag}",
        f"{first:%Y-%m-%d} to {last:%Y-%m-%d} · {now.tools.words()}",
    )


def _pinned(i: int, pin: Judged | None) -> dict[str, dict[str, Any]]:
    names = [f"pin {i + 1} {panel}" for panel in ("seen", "adjusted", "rises")]
    if pin is None:
        hidden: dict[str, dict[str, Any]] = {
            name: {**NOWHERE, "visible": False} for name in names[:2]
        }
        return hidden | {names[2]: {**NOWHERE, "visible": False}}
    values = pin.rows["adjusted"].to_numpy()
    breach = np.flatnonzero(pin.rows["needed"].to_numpy() > values)
    shown = thinned(values, breach, least=False)
    return {
        names[0]: {"x": pin.counts.index, "y": pin.counts["seen"].to_numpy(), "visible": True},
        names[1]: {"x": pin.rows.index[shown], "y": values[shown], "visible": True},
        names[2]: {**rises(pin.adjusted), "visible": True},
    }
