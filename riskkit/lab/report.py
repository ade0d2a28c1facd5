"""The page of a calibration, which can be sent: the decision, what it rests on, what is not known.

`riskkit calibrate` writes it, and `riskkit tearsheet` with what runs today and the accounts' replay
in it. The page is self-contained: it opens without a network, and prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskkit.calibration.result import Calibration
from riskkit.lab.drawing import Drawing
from riskkit.lab.figures.drawn import dynamic_margin, frontier, loss_tail, returns_and_sigma
from riskkit.lab.figures.drawn_parts import margin_waterfall, with_crashes
from riskkit.lab.page import render_page
from riskkit.lab.tables import shown
from riskkit.parameters.file import ParameterFile
from riskkit.proof.assess_words import quantity_rows, verdict
from riskkit.proof.assessment import Assessment
from riskkit.proof.decision import GLOSSARY, crash_record, decision_words, unseen_words
from riskkit.study.coarse import coarseness_of
from riskkit.study.fact import assumed_words
from riskkit.validation.crashes import CrashLedger

if TYPE_CHECKING:  # the accounts' replay, which a calibration's page does without
    from riskkit.proof.held import HeldMargins

CAPTIONS = {
    "frontier": "Left: the buffer after the trigger. Right: the room before it. Bands are 95 % "
    "intervals, dotted lines the targets, stars the recommendation: the safe end of its "
    "band, floor included, and therefore beyond the point where curve and target meet.",
    "dynamic-margin": "Each requirement was computed from the bars before it only. A cross marks a "
    "period whose loss, with its costs, exceeded the requirement in force; a dotted line a named "
    "crash, red where the requirement was short.",
    "margin-waterfall": "From the plain quantile of today's loss to the recommendation.",
    "loss-tail": "How likely a loss beyond x is over the margin period of risk (log scale), "
    "simulated; the dashed lines are the losses that the recommendation can take.",
    "returns-and-sigma": "Log returns and twice the fitted volatility around their mean.",
}


def render_report(
    calibration: Calibration,
    parameters: ParameterFile,
    *,
    beside: Assessment | None = None,
    live: str = "",
    held: HeldMargins | str = "",
) -> str:
    """HTML of one calibration; the same inputs give the same bytes.

    Parameters
    ----------
    beside : Assessment, optional
        What runs today, put through the same evidence.
    live : str
        What that is called.
    held : HeldMargins or str
        The margins replayed over accounts, or why they were not.
    """
    c, record = calibration, crash_record(calibration)
    drawings = (
        frontier(c),
        with_crashes(dynamic_margin(c), record),
        margin_waterfall(c),
        loss_tail(c),
        returns_and_sigma(c),
    )
    return render_page(
        "report.html.j2",
        file=parameters,
        figures=_drawn(drawings),
        periods=c.periods,
        coarse=coarseness_of(c.periods),
        assumed=assumed_words(c.study),
        findings=c.history.quality.findings,
        decision=decision_words(c, parameters, beside),
        beside=beside,
        live=live,
        comparisons=[] if beside is None else quantity_rows(beside),
        verdicts=[] if beside is None else [verdict(beside, s) for s in beside.sides],
        crashes=_crash_rows(record, beside),
        held=None if isinstance(held, str) else _held(held),
        not_held=held if isinstance(held, str) else "",
        unseen=unseen_words(c, record),
        glossary=GLOSSARY,
    )


def _drawn(drawings: tuple[Drawing, ...]) -> dict[str, dict[str, str]]:
    """Figures by name; plotly's script comes with the first of them on the page."""
    return {
        drawing.name: {
            "html": drawing.html(script=number == 0),
            "caption": CAPTIONS[drawing.name],
        }
        for number, drawing in enumerate(drawings)
    }


def _crash_rows(record: CrashLedger | None, beside: Assessment | None) -> list[dict[str, Any]]:
    if record is None:
        return []
    rows = record.rows
    rows["at_extremes"] = rows.get("excess_at_extremes", pd.Series(index=rows.index, dtype=object))
    if beside is not None:
        live = beside.crash_table()
        first = live["notional"] == live["notional"].min()  # of tiers, the smallest positions'
        wanted = ["event", "side", "live_margin", "live_excess"]
        rows = rows.merge(live.loc[first, wanted], on=["event", "side"], how="inner")
    found = rows.to_dict("records")
    return [
        {str(k): None if isinstance(v, float) and v != v else v for k, v in r.items()}
        for r in found
    ]


def _held(held: HeldMargins) -> Mapping[str, Any]:
    html = shown(held.table, percent={"mean margin"}).set_uuid("held").to_html()
    return {"html": html, "accounts": held.accounts, "start": held.start, "end": held.end}
