"""The collateral explorer's figure: haircuts, needs by leg, a pool by mixture, what can be sold."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from riskkit.lab.figures.portfolio_panels import leg_colour
from riskkit.lab.template import PERCENT, PROBABILITY, Colour, Theme, four_panels

TITLES = (
    "Haircuts of the schedule",
    "What a leg needs, by collateral",
    "Pool by share of the first",
    "Selling in a crash",
)
#: Pixels of names of collaterals, and of the axes' titles.
LABELS = 56


def collateral_panels(name: str, accepted: Sequence[str], theme: Theme = Theme.LIGHT) -> go.Figure:
    """The figure without its answer; every trace is named by its ``meta``."""
    figure = make_subplots(
        rows=2,
        cols=2,
        row_heights=[0.5, 0.5],
        horizontal_spacing=0.11,
        vertical_spacing=0.2,
        subplot_titles=list(TITLES),
    )
    none: list[float] = []
    for meta, colour in (("maintenance", Colour.MAINTENANCE), ("initial", Colour.INITIAL)):
        figure.add_trace(
            go.Bar(
                x=none, y=none, meta=meta, name=f"{meta} haircut", marker={"color": colour.value},
                hovertemplate="%{x}, " + meta + " %{y:.2%}<extra></extra>",
            ),
            row=1, col=1,
        )  # fmt: skip
    for meta, said, colour in (
        ("joint", "needed jointly", Colour.LONG),
        ("separate", "by the schedule", Colour.LOSS),
    ):
        figure.add_trace(
            go.Bar(
                x=none, y=none, meta=meta, name=said, marker={"color": colour.value},
                hovertemplate="in %{x}, " + said + " %{y:.2%}<extra></extra>",
            ),
            row=1, col=2,
        )  # fmt: skip
    for meta, said, colour, dash in (
        ("share", "default, if liquidated", Colour.BREACH, "solid"),
        ("target", "target", Colour.LOSS, "dot"),
    ):
        figure.add_trace(
            go.Scatter(
                x=none, y=none, meta=meta, name=said, mode="lines",
                line={"color": colour.value, "dash": dash},
                hovertemplate=said + " %{y:.2~%} at %{x:.0%}<extra></extra>",
            ),
            row=2, col=1,
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=none, y=none, meta="here", name="this mixture", mode="markers",
            marker={"color": Colour.RECOMMENDED.value, "size": 12, "symbol": "star"},
            hovertemplate="%{y:.2~%} at %{x:.0%}<extra></extra>",
        ),
        row=2, col=1,
    )  # fmt: skip
    for k, asset in enumerate(accepted):
        shade = leg_colour(k, len(accepted))
        figure.add_trace(
            go.Scatter(
                x=none, y=none, meta=f"cost {asset}", name=f"{asset}, cost", mode="lines",
                line={"color": shade},
                hovertemplate=asset + " %{x:,.3s}: %{y:.2%}<extra></extra>",
            ),
            row=2, col=2,
        )  # fmt: skip
        figure.add_trace(
            go.Scatter(
                x=none, y=none, meta=f"limit {asset}", mode="markers", showlegend=False,
                marker={"color": shade, "size": 11, "symbol": "diamond"},
                hovertemplate=asset + " at most %{x:,.4s}<extra></extra>",
            ),
            row=2, col=2,
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=none, y=none, meta="paid", name="the bonus pays", mode="lines",
            line={"color": Colour.LOSS.value, "dash": "dash"},
            hovertemplate="the bonus pays %{y:.2%}<extra></extra>",
        ),
        row=2, col=2,
    )  # fmt: skip
    for axis in ("yaxis", "yaxis2", "yaxis4", "xaxis3"):
        figure.layout[axis].tickformat = PERCENT
    figure.update_yaxes(tickformat=PROBABILITY, rangemode="tozero", row=2, col=1)
    figure.update_yaxes(rangemode="tozero", row=2, col=2)
    figure.update_xaxes(type="log", title="sold at once, money", dtick=1, row=2, col=2)
    figure.update_xaxes(title=f"share of {accepted[0]}", range=[-0.03, 1.03], row=2, col=1)
    figure.update_layout(barmode="group")
    return four_panels(figure, name, theme, labels=LABELS)
