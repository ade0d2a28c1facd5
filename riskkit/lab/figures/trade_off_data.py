"""What every trace of the trade-off figure holds for a setting; nothing is drawn here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

from riskkit.calibration.limits import Limits
from riskkit.calibration.result import Frontier
from riskkit.lab.figures.series import NOWHERE, PINS, Array, estimated, extremes, thinned
from riskkit.lab.template import subtitled
from riskkit.position import Instrument
from riskkit.study.study import Periods, Study

PANELS = ("default", "liquidation")
#: x, y, and the ends of y's interval.
Curve = tuple[Array, Array, Array, Array]


class Interval(Protocol):
    """A probability with its 95 % interval."""

    @property
    def value(self) -> float:
        """The estimate."""

    @property
    def low(self) -> float:
        """Lower end."""

    @property
    def high(self) -> float:
        """Upper end."""


class LivePlace(Protocol):
    """Today's parameters; `riskkit.lab.explorers.live.LivePoint` is one."""

    @property
    def strict(self) -> float:
        """MM or LT."""

    @property
    def distance(self) -> float:
        """IM - MM, or LT - max LTV."""

    @property
    def default(self) -> Interval:
        """P(default | liquidation)."""

    @property
    def liquidation(self) -> Interval:
        """P(liquidation within the reaction time)."""


class Setting(Protocol):
    """What the figure needs of a setting; `riskkit.lab.explorers.snapshot.Snapshot` is one."""

    @property
    def study(self) -> Study:
        """The setting's study."""

    @property
    def periods(self) -> Periods:
        """Its times in bars."""

    @property
    def point(self) -> Limits:
        """Parameters at the targets."""

    @property
    def recommended(self) -> Limits:
        """Parameters at the safe end of the band, floor included."""

    @property
    def frontier(self) -> Frontier:
        """Both panels of the trade-off."""

    @property
    def waterfall(self) -> pd.Series:
        """Parts of the recommended requirement."""

    @property
    def history(self) -> pd.DataFrame:
        """Requirement at every origin."""

    @property
    def live(self) -> LivePlace | None:
        """Where today's parameters lie, if they are known."""


def panels(now: Setting, pins: Sequence[Setting] = ()) -> dict[str, dict[str, Any]]:
    """Properties of every trace, by its name, for one setting and the pinned ones."""
    found = {
        **_frontier(now),
        **_live(now.live),
        **_history(now.history, now),
        "parts": _waterfall(now),
    }
    for i in range(PINS):
        found |= _pinned(i, pins[i] if i < len(pins) else None)
    return found


def titles(now: Setting) -> dict[str, Any]:
    """Title, panel headings and axis titles of one setting."""
    study, loan = now.study, _is_loan(now)
    strict, gap = ("liquidation threshold", "LT − max LTV") if loan else ("MM", "IM − MM")
    brief = "LT" if loan else "MM"
    whole = "1 − LT" if loan else "MM"
    of = "collateral" if loan else "notional"
    within = f"{study.position.reaction_time_hours:g} h"
    side = now.recommended.side.value
    first, rest = setting_lines(study)
    asked = f"{study.data.asset}, {side}: what safety costs"
    return {
        "title": subtitled(asked, first, rest),
        "annotations": (
            f"P(default | liquidation) against {brief}",
            f"P(liq. in {within}) by {gap}",
            "Requirement along history",
            f"What the recommended {whole} is for",
        ),
        "axes": {
            "xaxis": f"{strict}, % of {of}",
            "xaxis2": f"{gap}, % of {of}",
            "yaxis3": f"% of {of}",
            "yaxis4": f"% of {of}",
        },
        "ticks": {"xaxis4": _part_labels(now)},
    }


def setting_words(study: Study) -> str:
    """The setting a figure belongs to, in one line."""
    return " · ".join(setting_lines(study))


def setting_lines(study: Study) -> tuple[str, str]:
    """The setting a figure belongs to, so that it can never pass for another one's.

    Two lines: one would run out of a narrow page.
    """
    targets = [
        e.fact.words(e.value)
        for e in study.entries()
        if e.key.startswith("targets.") and isinstance(e.value, float)
    ]
    first, *others = (
        f"{e.fact.brief} {e.fact.words(e.value)}"
        for e in study.entries()
        if e.fact.brief and e.value is not None
    )
    return (
        f"from “{study.simulation.start_state.value}” · {study.model.spec} · targets "
        f"{' and '.join(targets)} · {first}",
        " · ".join(others),
    )


def _is_loan(now: Setting) -> bool:
    return now.recommended.instrument is Instrument.LOAN


def _frontier(now: Setting) -> dict[str, dict[str, Any]]:
    targets = now.study.targets
    strict, distance = _recommended_places(now)
    found: dict[str, dict[str, Any]] = {}
    for panel, curve, target, place in (
        ("default", _left(now), targets.default_given_liquidation_probability, strict),
        (
            "liquidation",
            _right(now),
            targets.liquidation_within_reaction_time_probability,
            distance,
        ),
    ):
        x, y, low, high = curve
        found |= {
            f"{panel} band": _band(x, y, low, high),
            panel: {"x": x, "y": y},
            f"{panel} target": _target(x, target, place),
            f"{panel} recommended": _star(place, x, y),
        }
    return found


def _live(place: LivePlace | None) -> dict[str, dict[str, Any]]:
    """Today's parameters with their intervals; a probability of zero is drawn at its upper end."""
    if place is None:
        return {f"{panel} live": {**NOWHERE, "visible": False} for panel in PANELS}
    found = {}
    for panel, x, share in (
        ("default", place.strict, place.default),
        ("liquidation", place.distance, place.liquidation),
    ):
        y = share.value if share.value > 0.0 else share.high
        low = max(share.low, y / 10.0)
        error = {"type": "data", "symmetric": False, "array": [share.high - y],
                 "arrayminus": [max(y - low, 0.0)]}  # fmt: skip
        found[f"{panel} live"] = {"x": [x], "y": [y], "error_y": error, "visible": True}
    return found


def _left(now: Setting) -> Curve:
    """The sweep's estimates; see `estimated`."""
    name = "default_given_liquidation"
    shown = estimated(now.frontier.default, name).sort_values("trigger")
    columns = ("trigger", name, f"{name}_low", f"{name}_high")
    x, y, low, high = (shown[column].to_numpy() for column in columns)
    return x, y, low, high


def _right(now: Setting) -> Curve:
    table = now.frontier.liquidation
    x, y, low, high = (table[c].to_numpy() for c in ("distance", "probability", "low", "high"))
    return x, y, low, high


def _recommended_places(now: Setting) -> tuple[float, float]:
    return now.recommended.trigger.value, now.recommended.distance


def _star(x: float, xs: Array, ys: Array) -> dict[str, Any]:
    """The recommended number on its own frontier, or at the frontier's end if beyond it."""
    order = np.argsort(xs)
    return {"x": [x], "y": [float(np.interp(x, xs[order], ys[order]))]}


def _target(xs: Array, target: float, also: float) -> dict[str, Any]:
    return {"x": [min(float(xs.min()), also), max(float(xs.max()), also)], "y": [target, target]}


def _band(x: Array, y: Array, low: Array, high: Array) -> dict[str, Any]:
    """A closed outline; a bound of zero is drawn at a tenth of the estimate on the log axis."""
    floor = np.maximum(low, y / 10.0)
    return {"x": np.concatenate([x, x[::-1]]), "y": np.concatenate([high, floor[::-1]])}


def _history(table: pd.DataFrame, now: Setting) -> dict[str, dict[str, Any]]:
    loan = _is_loan(now)
    strict, lenient = (
        ("liquidation_threshold", "max_loan_to_value")
        if loan
        else ("maintenance_margin", "initial_margin")
    )
    breach = np.flatnonzero(table["breach"].to_numpy())
    rows = thinned(table[strict].to_numpy(), breach, least=loan)
    lost = (table["realised_loss"] > 0.0).to_numpy()
    needed = np.where(lost, table["needed"].to_numpy(), np.nan)
    worst = extremes(np.where(lost, needed, np.inf if loan else -np.inf), least=loan)
    worst = worst[np.isfinite(needed[worst])]
    origin = pd.DatetimeIndex(table["origin"])
    return {
        "called for": {"x": origin[worst], "y": needed[worst]},
        "lenient": {
            "x": origin[rows],
            "y": table[lenient].to_numpy()[rows],
        },
        "strict": {
            "x": origin[rows],
            "y": table[strict].to_numpy()[rows],
        },
        "breach": {"x": origin[breach], "y": needed[breach]},
    }


def _waterfall(now: Setting) -> dict[str, Any]:
    parts = now.waterfall
    total = "1 − LT" if _is_loan(now) else "MM"
    return {
        "x": [*map(str, parts.index), total],
        "y": [*map(float, parts), float(parts.sum())],
        "measure": ["relative"] * len(parts) + ["total"],
    }


def _part_labels(now: Setting) -> dict[str, list[str]]:
    """Each part's name with its value: beside the bars the values would run into each other."""
    bars = _waterfall(now)
    words = [f"{x} {_part_words(y)}" for x, y in zip(bars["x"], bars["y"], strict=True)]
    return {"tickvals": bars["x"], "ticktext": words}


def _part_words(part: float) -> str:
    """A part that is small must not look like none."""
    return f"{part:.1%}" if part == 0.0 or abs(part) >= 5e-4 else f"{part:.2%}"


def _pinned(i: int, pin: Setting | None) -> dict[str, dict[str, Any]]:
    names = [f"pin {i + 1} {panel}" for panel in PANELS]
    if pin is None:
        return {key: {**NOWHERE, "visible": False} for key in names}
    return {
        name: {"x": x, "y": y, "visible": True}
        for name, (x, y, _, _) in zip(names, (_left(pin), _right(pin)), strict=True)
    }
