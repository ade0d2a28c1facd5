"""The options explorer's figure: payoff, margin, worst dates, and where a set has holes."""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from riskkit.lab.template import PERCENT, Colour, Theme, four_panels

TITLES = (
    "Gain after a move, and what the set asks",
    "What is asked, by whom",
    "Worst dates at today's sigma",
    "Holes of the set, by middle strike",
)
#: What the margin panel compares, in its order.
ASKED = (
    "Greeks",
    "spot alone",
    "VaR",
    "ES",
    "margin",
    "set, at once",
    "set, decayed",
)
#: Pixels of dates, which stand aslant.
LABELS = 96


def option_panels(name: str, theme: Theme = Theme.LIGHT) -> go.Figure:
    """The figure without its answer; every trace is named by its ``meta``."""
    figure = make_subplots(
        rows=2,
        cols=2,
        row_heights=[0.5, 0.5],
        horizontal_spacing=0.11,
        vertical_spacing=0.24,
        subplot_titles=list(TITLES),
    )
    none: list[float] = []
    for meta, words, colour, dash in (
        ("at once", "at once", Colour.LOSS, "dot"),
        ("period", "at the end of the margin period", Colour.LONG, "solid"),
        ("vol up", "the same, volatility up", Colour.SHORT, "solid"),
        ("expiry", "at expiry", Colour.INITIAL, "dash"),
        ("asked", "the set asks", Colour.MAINTENANCE, "dash"),
    ):
        figure.add_trace(
            go.Scatter(
                x=none, y=none, meta=meta, name=words, mode="lines",
                line={"color": colour.value, "dash": dash},
                hovertemplate="at %{x:+.2%}: %{y:+.2%}<extra>" + words + "</extra>",
            ),
            row=1, col=1,
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=none, y=none, meta="points", name="points of the set", mode="markers",
            marker={"color": Colour.MAINTENANCE.value, "size": 7, "symbol": "circle-open",
                    "line": {"width": 2}},
            hovertemplate="point at %{x:+.2%}: %{y:+.2%}<extra></extra>",
        ),
        row=1, col=1,
    )  # fmt: skip
    figure.add_trace(
        go.Bar(
            x=list(ASKED), y=none, meta="margins", showlegend=False,
            marker={"color": [c.value for c in (
                Colour.LOSS, Colour.LOSS, Colour.LONG, Colour.LONG, Colour.SHORT,
                Colour.MAINTENANCE, Colour.MAINTENANCE)]},
            hovertemplate="%{x}: %{y:.2%} of the price<extra></extra>",
        ),
        row=1, col=2,
    )  # fmt: skip
    for meta, words, colour in (
        ("date price", "of the price alone", Colour.LONG),
        ("date volatility", "with volatility's move", Colour.SHORT),
    ):
        figure.add_trace(
            go.Bar(
                x=none, y=none, meta=meta, name=words, marker={"color": colour.value},
                hovertemplate="%{x}: %{y:+.2%}<extra>" + words + "</extra>",
            ),
            row=2, col=1,
        )  # fmt: skip
    for meta, words, colour, dash in (
        ("open", "hole of the set at once", Colour.BREACH, "solid"),
        ("closed", "with decayed scenarios", Colour.INITIAL, "dash"),
    ):
        figure.add_trace(
            go.Scatter(
                x=none, y=none, meta=meta, name=words, mode="lines",
                line={"color": colour.value, "dash": dash},
                hovertemplate="middle at %{x:+.2%}: %{y:.3%} unseen<extra>" + words + "</extra>",
            ),
            row=2, col=2,
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=none, y=none, meta="here", name="this structure", mode="markers",
            marker={"color": Colour.BREACH.value, "size": 9},
            hovertemplate="this one: %{y:.3%} unseen<extra></extra>",
        ),
        row=2, col=2,
    )  # fmt: skip
    for axis in ("xaxis", "yaxis", "yaxis2", "yaxis3", "xaxis4", "yaxis4"):
        figure.layout[axis].tickformat = PERCENT
    figure.update_xaxes(title="move of the price", row=1, col=1)
    figure.update_xaxes(title="middle strike less the price", row=2, col=2)
    figure.update_xaxes(tickangle=-30, tickfont={"size": 11}, row=1, col=2)
    figure.update_xaxes(type="category", tickangle=-50, tickfont={"size": 11}, row=2, col=1)
    figure.update_layout(barmode="relative")
    return four_panels(figure, name, theme, labels=LABELS)
