"""The venue explorer's figure: triggers and n, n by depth, losses, the worst path."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from riskkit.lab.template import PERCENT, PROBABILITY, Colour, Theme, four_panels, placed_panels

TITLES = (
    "Branching ratio by move of the mark, crash depth, over the triggers",
    "n by move and depth (tenfold per shade)",
    "Share of paths that lose more",
    "The worst path, bar by bar",
)
#: What stands over a panel, which may be as narrow as thirty letters.
HEADINGS = (
    "n and triggers by move",
    "n by move and depth",
    "Share of paths that lose more",
    "The worst path, bar by bar",
)
#: Pixels under the lower panels.
LABELS = 48
HEAT_DEPTHS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
HEAT_MOVES = np.arange(0.01, 0.41, 0.01)


def venue_panels(name: str, theme: Theme = Theme.LIGHT) -> go.Figure:
    """The figure without its answer; every trace is named by its ``meta``."""
    figure = go.Figure()
    none: list[float] = []
    figure.add_bar(
        x=none,
        y=none,
        meta="triggers",
        name="triggered",
        marker={"color": Colour.LOSS.value, "opacity": 0.4},
        xaxis="x",
        yaxis="y5",
    )
    for side, colour in (("long", Colour.LONG), ("short", Colour.SHORT)):
        figure.add_scatter(
            x=none,
            y=none,
            meta=f"n {side}",
            name=f"n, {side}s closed",
            line={"color": colour.value},
            xaxis="x",
            yaxis="y",
        )
    figure.add_heatmap(
        x=HEAT_MOVES,
        y=[f"{d:g}" for d in HEAT_DEPTHS],
        z=np.zeros((len(HEAT_DEPTHS), HEAT_MOVES.size)),
        meta="heat",
        zmin=-2.0,
        zmax=1.0,
        showscale=False,
        colorscale="Cividis",
        xaxis="x2",
        yaxis="y2",
        hovertemplate="move %{x:.0%}, depth %{y}: log10 n %{z:.2f}<extra></extra>",
    )
    figure.add_scatter(
        x=none,
        y=none,
        meta="losses",
        name="losses",
        line={"color": Colour.BREACH.value, "shape": "hv"},
        xaxis="x3",
        yaxis="y3",
        showlegend=False,
    )
    for line, dash, colour in (
        ("market", "dash", Colour.LOSS),
        ("price", "solid", Colour.INITIAL),
    ):
        figure.add_scatter(
            x=none,
            y=none,
            meta=line,
            name=line,
            line={"color": colour.value, "dash": dash},
            xaxis="x4",
            yaxis="y4",
        )
    placed_panels(figure, HEADINGS)
    figure.update_layout(
        yaxis={"type": "log", "dtick": 1},
        yaxis5={"overlaying": "y", "side": "right", "visible": False, "anchor": "x"},
        xaxis={"tickformat": PERCENT},
        xaxis2={"tickformat": PERCENT},
        yaxis2={"type": "category"},
        xaxis3={"tickformat": PERCENT, "title": "loss, of open interest"},
        yaxis3={"type": "log", "tickformat": PROBABILITY},
        xaxis4={"title": "bar"},
    )
    return four_panels(figure, name, theme, labels=LABELS).update_layout(margin={"t": 40})
