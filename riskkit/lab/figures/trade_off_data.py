"""What every trace of the trade-off figure holds for a setting; nothing is drawn here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

from riskkit.calibration.result import Frontier, LoanParameters, Parameters
from riskkit.calibration.study import Periods, Study
from riskkit.lab.figures.series import NOWHERE, PINS, estimated, extremes, thinned
from riskkit.units import duration

PANELS = ("default", "liquidation")


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
    def point(self) -> Parameters:
        """Parameters at the targets."""

    @property
    def recommended(self) -> Parameters:
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
    whole = "1 − LT" if loan else "MM"
    of = "collateral" if loan else "notional"
    within = duration(now.periods.reaction_time.requested)
    side = now.recommended.side.value
    start = study.simulation.start_state.value
    asked = f"{study.data.asset}, {side}: what safety costs, from the state “{start}”"
    return {
        "title": f"{asked}<br><sup>{setting_words(study)}</sup>",
        "annotations": (
            f"P(default | liquidation) against {strict}",
            f"P(liquidation within {within}) against {gap}",
            "Requirement along history, sigma out of sample",
            f"What the recommended {whole} is for",
        ),
        "axes": {
            "xaxis": f"{strict}, fraction of {of}",
            "xaxis2": f"{gap}, fraction of {of}",
            "yaxis3": f"fraction of {of}",
            "yaxis4": f"fraction of {of}",
        },
    }


def setting_words(study: Study) -> str:
    """The setting a figure belongs to, so that it can never pass for another one's."""
    t, m = study.targets, study.mechanism
    cost = (
        f"bonus {100 * study.venue.liquidation_bonus_fraction:.3g} %"
        if study.venue.kind == "loan"
        else f"fee {100 * m.fee_fraction:.3g} %"
    )
    return (
        f"{study.model.spec} · targets {100 * t.default_given_liquidation_probability:.3g} % and "
        f"{100 * t.liquidation_within_reaction_time_probability:.3g} % · delay "
        f"{m.liquidation_delay_hours:g} h · oracle {m.oracle_latency_seconds:g} s · "
        f"reaction {m.reaction_time_hours:g} h · slippage {100 * m.slippage_fraction:.3g} % · "
        f"{cost}"
    )


def pair(p: Parameters) -> tuple[float, float]:
    """The stricter and the more lenient of the two numbers: MM and IM, or LT and max LTV."""
    if isinstance(p, LoanParameters):
        return p.liquidation_threshold.value, p.max_loan_to_value.value
    return p.maintenance_margin.value, p.initial_margin.value


def _is_loan(now: Setting) -> bool:
    return isinstance(now.recommended, LoanParameters)


def _frontier(now: Setting) -> dict[str, dict[str, Any]]:
    targets = now.study.targets
    left, right = _left(now), now.frontier.liquidation
    strict, distance = _recommended_places(now)
    return {
        "default band": _band(left["strict"], left["y"], left["low"], left["high"]),
        "default": {"x": left["strict"].to_numpy(), "y": left["y"].to_numpy()},
        "default target": _target(
            left["strict"], targets.default_given_liquidation_probability, strict
        ),
        "default recommended": _star(strict, left["strict"], left["y"]),
        "liquidation band": _band(
            right["distance"], right["probability"], right["low"], right["high"]
        ),
        "liquidation": {
            "x": right["distance"].to_numpy(),
            "y": right["probability"].to_numpy(),
        },
        "liquidation target": _target(
            right["distance"], targets.liquidation_within_reaction_time_probability, distance
        ),
        "liquidation recommended": _star(distance, right["distance"], right["probability"]),
    }


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


def _left(now: Setting) -> pd.DataFrame:
    """The sweep's estimates; see `estimated`."""
    name = "default_given_liquidation"
    shown = estimated(now.frontier.default, name)
    columns = {"strict": shown["strict"], "y": shown[name]}
    return pd.DataFrame(
        {**columns, "low": shown[f"{name}_low"], "high": shown[f"{name}_high"]}
    ).sort_values("strict")


def _recommended_places(now: Setting) -> tuple[float, float]:
    strict, lenient = pair(now.recommended)
    return strict, abs(lenient - strict)


def _star(x: float, xs: pd.Series, ys: pd.Series) -> dict[str, Any]:
    """The recommended number on its own frontier, or at the frontier's end if beyond it."""
    order = np.argsort(xs.to_numpy())
    y = float(np.interp(x, xs.to_numpy()[order], ys.to_numpy()[order]))
    return {"x": [x], "y": [y]}


def _target(xs: pd.Series, target: float, also: float) -> dict[str, Any]:
    return {"x": [min(float(xs.min()), also), max(float(xs.max()), also)], "y": [target, target]}


def _band(x: pd.Series, y: pd.Series, low: pd.Series, high: pd.Series) -> dict[str, Any]:
    """A closed outline; a bound of zero is drawn at a tenth of the estimate on the log axis."""
    xs, floor = x.to_numpy(), np.maximum(low.to_numpy(), y.to_numpy() / 10.0)
    return {
        "x": np.concatenate([xs, xs[::-1]]),
        "y": np.concatenate([high.to_numpy(), floor[::-1]]),
    }


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
        "text": [_part_words(float(part)) for part in (*parts, parts.sum())],
        "measure": ["relative"] * len(parts) + ["total"],
    }


def _part_words(part: float) -> str:
    """A part that is small must not look like none."""
    return f"{part:.1%}" if part == 0.0 or abs(part) >= 5e-4 else f"{part:.2%}"


def _pinned(i: int, pin: Setting | None) -> dict[str, dict[str, Any]]:
    names = [f"pin {i + 1} {panel}" for panel in ("default", "liquidation")]
    if pin is None:
        return {key: {**NOWHERE, "visible": False} for key in names}
    left, right = _left(pin), pin.frontier.liquidation
    return {
        names[0]: {"x": left["strict"].to_numpy(), "y": left["y"].to_numpy(), "visible": True},
        names[1]: {
            "x": right["distance"].to_numpy(),
            "y": right["probability"].to_numpy(),
            "visible": True,
        },
    }
