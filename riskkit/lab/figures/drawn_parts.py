"""What a requirement is made of, and the named crashes on a drawing of it along history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from riskkit.calibration.result import Calibration
from riskkit.lab.drawing import Drawing, Values
from riskkit.lab.template import PERCENT, Colour
from riskkit.position import Side
from riskkit.validation.crashes import EVENTS, CrashLedger

SIDE = {Side.LONG: Colour.LONG, Side.SHORT: Colour.SHORT}


def margin_waterfall(calibration: Calibration) -> Drawing:
    """What each part of the recommended MM (of 1 - LT for a loan) is for."""
    loan = calibration.study.is_loan
    whole = "haircut, 1 − LT" if loan else "maintenance margin"
    traces: list[Values] = []
    for r in calibration.recommended:
        coloured = {"marker": {"color": SIDE[r.side]}}
        traces.append(
            {
                "type": "waterfall",
                "x": [*map(str, r.waterfall.index), whole],
                "y": [*map(float, r.waterfall), 0.0],
                "measure": ["relative"] * len(r.waterfall) + ["total"],
                "name": r.side.value,
                "increasing": coloured,
                # A part that lowers the sum is below its neighbours: it needs no second colour.
                "decreasing": coloured,
                "totals": coloured,
                "connector": {"line": {"color": Colour.LOSS, "width": 0.5}},
                "hovertemplate": "%{x}: %{delta:+.2%}",
            }
        )
    layout: Values = {
        "title": {"text": f"{calibration.study.data.asset}: what the requirement is made of"},
        "xaxis": {"tickangle": -35},
        "yaxis": {
            "tickformat": PERCENT,
            "title": {"text": "fraction of the price at the trigger"},
        },
        "waterfallgroupgap": 0.15,
        "hovermode": "closest",
        "height": 420,
        "showlegend": True,
    }
    return Drawing("margin-waterfall", traces, layout)


def with_crashes(drawing: Drawing, record: CrashLedger | None) -> Drawing:
    """The drawing, whose horizontal axis is time, with a line at each crash of a record.

    A crash in which the margin was short of what was called for has the colour of a breach.
    """
    if record is None or record.rows.empty:
        return drawing
    covered = record.rows.groupby("event")["covered"].all()
    layout: dict[str, Any] = dict(drawing.layout)
    panels = [key for key in layout if key.startswith("yaxis")] or ["yaxis"]
    shapes, notes = list(layout.get("shapes", ())), list(layout.get("annotations", ()))
    for event in (e for e in EVENTS if e.name in covered.index):
        colour = Colour.LOSS if covered[event.name] else Colour.BREACH
        at = f"{event.first:%Y-%m-%d}"
        for axis in panels:
            n = axis.removeprefix("yaxis")
            place = {"x0": at, "x1": at, "xref": f"x{n}", "y0": 0, "y1": 1, "yref": f"y{n} domain"}
            line = {"color": colour, "width": 1, "dash": "dot"}
            shapes.append({"type": "line", **place, "line": line, "layer": "below"})
        notes.append(
            {
                "text": event.name,
                "hovertext": event.what,
                "textangle": -90,
                "font": {"size": 10, "color": colour},
                "showarrow": False,
                **{"x": at, "xref": "x", "xanchor": "right", "xshift": 1},
                **{"y": 0.99, "yref": "y domain", "yanchor": "top"},
            }
        )
    return replace(drawing, layout={**layout, "shapes": shapes, "annotations": notes})
