"""The portfolio explorer's figure: contributions, what a margin is made of, losses, worst dates."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from riskkit.lab.template import PERCENT, PROBABILITY, Colour, Theme, four_panels

TITLES = (
    "What each leg adds, and alone",
    "What the margin is made of",
    "Scenarios that lose more",
    "Worst dates at today's sigma",
)
PARTS = (
    "legs alone",
    "offsets",
    "floor",
    "decorrelation",
    "size",
    "maintenance",
    "reaction",
    "initial",
)
#: Pixels of dates and names of parts, which stand aslant.
LABELS = 96


def leg_colour(k: int, count: int) -> str:
    """A colour for one of the assets, the same in every panel."""
    return f"hsl({(205 + int(360 * k / count)) % 360}, 55%, 50%)"


def portfolio_panels(name: str, assets: Sequence[str], theme: Theme = Theme.LIGHT) -> go.Figure:
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
    colours = [leg_colour(k, len(assets)) for k in range(len(assets))]
    figure.add_trace(
        go.Bar(
            x=list(assets), y=none, meta="contributions", showlegend=False,
            marker={"color": colours},
            hovertemplate="%{x} adds %{y:.2%} of gross<extra></extra>",
        ),
        row=1, col=1,
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=list(assets), y=none, meta="own", name="its own margin alone", mode="markers",
            marker={"symbol": "line-ew-open", "size": 22, "color": Colour.LOSS.value,
                    "line": {"width": 2}},
            hovertemplate="%{x} alone %{y:.2%} of gross<extra></extra>",
        ),
        row=1, col=1,
    )  # fmt: skip
    figure.add_trace(
        go.Waterfall(
            x=list(PARTS),
            y=none,
            measure=["absolute", *["relative"] * 4, "total", "relative", "total"],
            meta="parts",
            increasing={"marker": {"color": Colour.SHORT.value}},
            decreasing={"marker": {"color": Colour.INITIAL.value}},
            totals={"marker": {"color": Colour.MAINTENANCE.value}},
            connector={"line": {"width": 1, "color": Colour.LOSS.value}},
            showlegend=False,
            hovertemplate="%{x}: %{delta:+.2%}, so far %{y:.2%}<extra></extra>",
        ),
        row=1,
        col=2,
    )
    figure.add_trace(
        go.Scatter(
            x=none, y=none, meta="losses", name="loss of the book", mode="lines",
            line={"color": Colour.BREACH.value}, showlegend=False,
            hovertemplate="more than %{x:.2%}: %{y:.3~%}<extra></extra>",
        ),
        row=2, col=1,
    )  # fmt: skip
    for meta, colour, dash in (
        ("tail", Colour.LOSS, "dot"),
        ("maintenance", Colour.MAINTENANCE, "solid"),
        ("initial", Colour.INITIAL, "solid"),
    ):
        figure.add_trace(
            go.Scatter(
                x=none, y=none, meta=meta, name=meta, mode="lines",
                line={"color": colour.value, "dash": dash},
                hovertemplate=meta + " %{x:.2%}<extra></extra>",
            ),
            row=2, col=1,
        )  # fmt: skip
    for asset, shade in zip(assets, colours, strict=True):
        figure.add_trace(
            go.Bar(
                x=none, y=none, meta=f"date {asset}", name=asset, marker={"color": shade},
                hovertemplate="%{x}: %{y:.2%}<extra>" + asset + "</extra>",
            ),
            row=2, col=2,
        )  # fmt: skip
    for axis in ("yaxis", "yaxis2", "yaxis4", "xaxis3"):
        figure.layout[axis].tickformat = PERCENT
    figure.update_yaxes(type="log", dtick=1, tickformat=PROBABILITY, row=2, col=1)
    figure.update_xaxes(title="loss, of gross", row=2, col=1)
    figure.update_xaxes(type="category", tickangle=-50, tickfont={"size": 11}, row=2, col=2)
    figure.update_xaxes(tickangle=-30, tickfont={"size": 11}, row=1, col=2)
    figure.update_layout(barmode="relative")
    return four_panels(figure, name, theme, labels=LABELS)
