"""Figures of the proofs: reliability, generations, sensitivity. They draw, and compute nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from riskkit.lab.template import PERCENT, Colour, Theme, left_headings, subtitled, template
from riskkit.position import Side
from riskkit.proof.generations import Generations
from riskkit.proof.policies import Generation
from riskkit.proof.reliability import Reliability
from riskkit.proof.replay import EVENTS
from riskkit.proof.sensitivity import Sensitivity
from riskkit.units import duration

_GENERATION_COLOUR = {
    Generation.STATIC: Colour.LOSS,
    Generation.FIXED: Colour.SHORT,
    Generation.DYNAMIC: Colour.LONG,
    Generation.OVERLAYS: Colour.INITIAL,
}
_GENERATION_WORDS = {
    Generation.STATIC: "I, collateral alone",
    Generation.FIXED: "II, fixed margin",
    Generation.DYNAMIC: "II-dynamic",
    Generation.OVERLAYS: "II-dynamic with overlays",
}


def reliability_diagram(result: Reliability, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Realised against predicted rate, one panel per event, one point per side and target.

    Bars are the 95 % bands of the realised rate if the model were true; hollow points have fewer
    than ten events to expect, and are shown without being judged.
    """
    figure = make_subplots(
        rows=2, cols=2, subplot_titles=EVENTS, horizontal_spacing=0.12, vertical_spacing=0.16
    )
    for i, event in enumerate(EVENTS):
        where = {"row": i // 2 + 1, "col": i % 2 + 1}
        cells = result.cells[result.cells["event"] == event]
        top = 1.05 * float(cells[["predicted", "realised", "high"]].to_numpy().max())
        figure.add_trace(
            go.Scatter(
                x=[0.0, top],
                y=[0.0, top],
                mode="lines",
                line={"color": Colour.LOSS.value, "dash": "dot", "width": 1},
                hoverinfo="skip",
                showlegend=False,
            ),
            **where,
        )
        for side in result.study.sides:
            part = cells[cells["side"] == side.value]
            if not part.empty:
                figure.add_trace(_points(part, side, legend=i == 0), **where)
        figure.update_xaxes(title_text="predicted rate", tickformat=PERCENT, **where)
        figure.update_yaxes(title_text="realised rate", tickformat=PERCENT, **where)
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(rangemode="tozero")
    inside, judged = result.judged_inside
    horizon = duration(result.study.periods(pd.Timedelta(days=1)).holding_horizon.requested)
    title = subtitled(
        f"{result.study.data.asset}: predicted and realised, per position held for {horizon}; "
        f"{inside} of {judged} judged cells inside",
        "A bar holds 95 % of simulated histories: a point beyond its bar is a prediction "
        f"that failed. Hollow: fewer than ten events expected, not judged.{_left_out(result)}",
    )
    figure.update_layout(
        template=template(theme),
        title_text=title,
        hovermode="closest",
        height=780,
        margin={"t": 116 if _left_out(result) else 96},
        meta={"id": "reliability"},
    )
    return left_headings(figure)


def generations_figure(result: Generations, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Margin posted at opening along history, a row per side; crosses are defaults.

    Every policy has the same default rate on the half left of the line; only the right counts.
    """
    sides = result.study.sides
    figure = make_subplots(
        rows=len(sides),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.08,
        subplot_titles=[f"{s.value} side" for s in sides],
    )
    for row, side in enumerate(sides, start=1):
        for generation in Generation:
            key = (generation.value, 0, side.value)
            if key in result.margins.columns:
                figure.add_traces(_policy(result, generation, side, row == 1), rows=row, cols=1)
        # Generation I of a short would hide the others on a linear axis.
        figure.update_yaxes(
            type="log",
            dtick="D2",
            tickformat=PERCENT,
            title_text="% of notional (log)",
            row=row,
            col=1,
        )
    cross = {"symbol": "x", "size": 9, "color": Colour.LOSS.value}
    figure.add_trace(
        go.Scatter(x=[None], y=[None], mode="markers", marker=cross, name="defaulted"), row=1, col=1
    )
    figure.add_vline(x=result.split, line={"dash": "dot", "color": Colour.LOSS.value})
    figure.update_layout(
        template=template(theme),
        title_text=(
            f"{result.study.data.asset}: margin at opening, each rule scaled to "
            f"{100 * result.rate:.3g} % of defaults left of the dotted line"
        ),
        height=300 * len(sides) + 160,
        meta={"id": "generations"},
    )
    return left_headings(figure)


def tornado(result: Sensitivity, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Change of both parameters when one assumption is halved, doubled or replaced."""
    sides = result.served
    loan = result.study.is_loan
    names = ("LT", "max LTV") if loan else ("MM", "IM")
    figure = make_subplots(
        rows=len(sides),
        cols=2,
        shared_yaxes=True,
        horizontal_spacing=0.04,
        vertical_spacing=0.14,
        subplot_titles=[f"{name}, {side.value}" for side in sides for name in names],
    )
    for row, side in enumerate(sides, start=1):
        order = list(dict.fromkeys(_labels(result.ranked(side))))[::-1]
        for col, column in enumerate(("trigger_change", "opening_change"), start=1):
            rows = result.ranked(side, column)
            for smaller, colour in ((True, Colour.LONG), (False, Colour.SHORT)):
                part = rows[rows["change"].str.startswith("/") == smaller]
                figure.add_trace(
                    _bars(part, column, colour, smaller, row == col == 1), row=row, col=col
                )
            figure.update_xaxes(
                tickformat="+.1~%",
                title_text="change, of " + ("collateral" if loan else "notional"),
                row=row,
                col=col,
            )
        figure.update_yaxes(categoryorder="array", categoryarray=order, row=row)
    figure.update_layout(
        template=template(theme),
        title_text=(
            f"{result.study.data.asset}: what {' and '.join(names)} hang on, "
            "one assumption changed at a time"
        ),
        barmode="overlay",
        hovermode="closest",
        height=400 * len(sides) + 130,
        meta={"id": "tornado"},
    )
    return left_headings(figure)


def _left_out(result: Reliability) -> str:
    """The largest share of days that no margin below 98 % serves, of either side."""
    counts = result.counts()
    share = (counts["no_margin"] / counts["origins"]).groupby(counts["side"]).max()
    words = [f"{side} up to {part:.0%}" for side, part in share.items() if part > 0.0]
    return f"<br>Not counted, no margin below 98 %: {', '.join(words)} of bars." if words else ""


def _points(cells: pd.DataFrame, side: Side, *, legend: bool) -> go.Scatter:
    colour = (Colour.LONG if side is Side.LONG else Colour.SHORT).value
    realised = cells["realised"].to_numpy()
    # The band is drawn around the prediction's diagonal, seen from the realised point.
    return go.Scatter(
        x=cells["predicted"],
        y=realised,
        mode="markers",
        cliponaxis=False,
        marker={
            "color": colour,
            "size": 9,
            "symbol": np.where(cells["judged"], "circle", "circle-open"),
        },
        error_y={
            "type": "data",
            "symmetric": False,
            "array": cells["high"].to_numpy() - realised,
            "arrayminus": realised - cells["low"].to_numpy(),
            "color": colour,
            "thickness": 1,
            "width": 4,
        },
        customdata=cells[["target", "trials", "expected", "low", "high"]],
        hovertemplate=(
            "target %{customdata[0]:.0%}: predicted %{x:.2%}, realised %{y:.2%}<br>"
            "band %{customdata[3]:.2%} to %{customdata[4]:.2%}; "
            "%{customdata[1]:,} trials, %{customdata[2]:.0f} expected"
        ),
        name=side.value,
        legendgroup=side.value,
        showlegend=legend,
    )


def _policy(
    result: Generations, generation: Generation, side: Side, legend: bool
) -> list[go.Scatter]:
    colour = _GENERATION_COLOUR[generation].value
    margin = result.margins[(generation.value, 0, side.value)]
    f = result.failures
    same = (f["generation"] == generation.value) & (f["lag_days"] == 0) & (f["side"] == side.value)
    opened = pd.DatetimeIndex(f.loc[same, "opened"])
    common = {
        "name": _GENERATION_WORDS[generation],
        "legendgroup": generation.value,
        "hovertemplate": "%{y:.1%}",
    }
    return [
        go.Scatter(
            x=margin.index,
            y=margin.to_numpy(),
            mode="lines",
            line={"color": colour, "width": 1.4},
            showlegend=legend,
            **common,
        ),
        go.Scatter(
            x=opened,
            y=margin.reindex(opened).to_numpy(),
            mode="markers",
            marker={
                "color": colour,
                "symbol": "x",
                "size": 9,
                "line": {"width": 1, "color": "white"},
            },
            showlegend=False,
            **common,
        ),
    ]


def _labels(rows: pd.DataFrame) -> list[str]:
    """A bar each: a thing that is replaced has one for everything that takes its place."""
    scaled = rows["change"].str.match(r"[/x] ")
    replaced = rows["assumption"] + ": " + rows["setting"]
    return list(rows["assumption"].where(scaled, replaced))


def _bars(rows: pd.DataFrame, column: str, colour: Colour, smaller: bool, legend: bool) -> go.Bar:
    return go.Bar(
        x=rows[column],
        y=_labels(rows),
        orientation="h",
        marker={"color": colour.value, "opacity": 0.75},
        name="halved" if smaller else "doubled or replaced",
        showlegend=legend,
        customdata=rows[["change", "setting"]],
        hovertemplate="%{customdata[0]} (%{customdata[1]}): %{x:+.2%}",
    )
