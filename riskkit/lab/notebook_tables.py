"""Tables of a calibration: one row per number that is recommended or judged."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from riskkit.calibration.limits import Limits
from riskkit.calibration.result import Calibration, Infeasible
from riskkit.lab.tables import FRACTIONS
from riskkit.parameters.file import ParameterFile
from riskkit.volatility.result import VolatilityFit

FLOOR, RECOMMENDED = "full history (floor)", "recommended"
_QUANTITIES = {
    "liquidation": "P(liquidation)",
    "default": "P(default)",
    "default_given_liquidation": "P(default | liquidation)",
    "unfair": "P(unfair liquidation)",
    "loss_given_default": "loss given default, of notional",
    "expected_bad_debt": "expected bad debt, of notional",
    "time_to_liquidation": "bars to liquidation",
}


def requirements_table(calibration: Calibration) -> pd.DataFrame:
    """Margins or thresholds by start state, at the floor, and as recommended.

    Returns
    -------
    DataFrame
        Index ``start state, side``. Fractions: ``covered loss``, ``MM`` and ``IM`` (or ``LT`` and
        ``max LTV``), each with its 90 % band ``low, high``. ``note`` says what decided, or why a
        state has no number.
    """
    c = calibration
    groups: list[tuple[str, tuple[Limits | Infeasible, ...], tuple[str, ...]]] = [
        ("", c.by_state, ("",) * len(c.by_state)),
        (FLOOR, c.floor, ("",) * len(c.floor)),
        (
            RECOMMENDED,
            tuple(r.limits for r in c.recommended),
            tuple("the floor decided" if r.floored else "end of the band" for r in c.recommended),
        ),
    ]
    rows = [
        {"start state": label or p.state.value, "side": p.side.value, **_numbers(p), "note": n}
        if not isinstance(p, Infeasible)
        else {"start state": label or p.state.value, "side": p.side.value, "note": p.reason}
        for label, parameters, notes in groups
        for p, n in zip(parameters, notes, strict=True)
    ]
    rows += [
        {"start state": RECOMMENDED, "side": u.side.value, "note": u.reason} for u in c.unserved
    ]
    table = pd.DataFrame(rows).set_index(["start state", "side"])
    names = [name for name in table.columns if name != "note"]
    table = table[[*names, "note"]].fillna({"note": ""})
    table.attrs[FRACTIONS] = names
    return table


def outcomes_table(calibration: Calibration) -> pd.DataFrame:
    """What happens at the recommended numbers over the holding horizon, simulated.

    One row per side and quantity: ``value``, its 95 % interval ``low, high``, and ``paths``, those
    in which the event happened (the value of none is an upper bound).
    """
    frames = {
        r.side.value: r.outcome.summary()[["value", "low", "high", "hits"]]
        for r in calibration.recommended
    }
    table = pd.concat(frames, names=["side"]).rename(index=_QUANTITIES, level="quantity")
    table = table.rename(columns={"hits": "paths"}).astype({"paths": int})
    table.attrs[FRACTIONS] = list(_QUANTITIES.values())[:-1]
    return table


def evidence_table(calibration: Calibration) -> pd.DataFrame:
    """Out-of-sample exceptions and breaches per side, with the p-value of each test."""
    rows = [
        {
            "side": e.side.value,
            "periods": e.evaluated,
            "exceptions": e.exceptions,
            "exception rate": e.exceptions / e.evaluated,
            "breaches": e.breaches,
            "worst shortfall": e.worst_shortfall,
            "mean requirement": e.mean_requirement,
            **{f"{t.name}: p": t.p_value for t in e.tests},
        }
        for e in calibration.evidence
    ]
    table = pd.DataFrame(rows).set_index("side")
    table.attrs[FRACTIONS] = ["exception rate", "worst shortfall", "mean requirement"]
    return table


def _numbers(p: Limits) -> dict[str, float]:
    found = {"covered loss": p.covered_loss.value}
    for name, number in zip(p.instrument.names, (p.trigger, p.opening), strict=True):
        found |= {name: number.value, f"{name} low": number.low, f"{name} high": number.high}
    return found


def recommended_table(file: ParameterFile) -> pd.DataFrame:
    """Recommended rows of a parameter file, as it names them."""
    return pd.DataFrame(list(file.parameters.model_dump()["recommended"]))


def fits_table(fits: Mapping[str, VolatilityFit]) -> pd.DataFrame:
    """Parameters of fits side by side: columns of `VolatilityFit.summary` under each name."""
    return pd.concat({name: fit.summary() for name, fit in fits.items()}, axis=1)


def as_it_is(table: pd.DataFrame) -> pd.DataFrame:
    """A table."""
    return table


def as_column(values: pd.Series | Mapping[str, object]) -> pd.DataFrame:
    """A series or mapping as a table of one column."""
    series = pd.Series(values)
    return series.to_frame(series.name or "value")
